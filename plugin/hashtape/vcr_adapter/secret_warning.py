"""The warning that something that may be no secret was taken out of a recording."""

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
    """Warn of what was found by its shape, or by a variable's name: it may be no secret at all.

    Args:
        path: The recording, which is written already: who makes errors of warnings loses no answer.
        findings: What was taken out of it.
    """
    for finding in dict.fromkeys(findings):
        if finding.kind == "shape":
            mend = "if it is a real key, revoke it; if it is none, name it"
        elif finding.kind == "value" and "$" in finding.what:
            mend = "if it is no secret, name the variable"
        else:
            continue
        warnings.warn(
            f"{path}: {finding.what} in {finding.where} was replaced by [REDACTED]. Expected none there: "
            f"{mend} in hashtape_not_secret and record again",
            HashtapeWarning,
            stacklevel=2,
        )
