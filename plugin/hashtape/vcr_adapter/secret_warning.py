"""The warning that something that looks like a key was taken out of a recording."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from hashtape.errors import HashtapeWarning

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from hashtape.redaction import Finding

__all__ = ["warn_of_secrets"]


def warn_of_secrets(path: Path, findings: Iterable[Finding]) -> None:
    """Warn of what was found by its shape alone: nothing said that a secret is to be expected there.

    Args:
        path: The recording, which is written already: who makes errors of warnings loses no answer.
        findings: What was taken out of it.
    """
    for finding in dict.fromkeys(finding for finding in findings if finding.kind == "shape"):
        warnings.warn(
            f"{path}: {finding.what} in {finding.where} was replaced by [REDACTED]. Expected none there: "
            "if it is a real key, revoke it; if it is none, name it in hashtape_not_secret and record again",
            HashtapeWarning,
            stacklevel=2,
        )
