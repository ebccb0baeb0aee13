"""What the user says is no secret."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hashtape.redaction.known import Secret

__all__ = ["Exemptions"]


class Exemptions:
    """The user's exemptions from all rules.

    Args:
        entries: Names of fields, headers or environment variables, values, or regular expressions that
            match a whole value.
    """

    def __init__(self, entries: Iterable[str] = ()) -> None:
        self.entries = frozenset(entries)
        self._names = frozenset(entry.lower() for entry in self.entries)
        self._patterns = tuple(pattern for entry in sorted(self.entries) if (pattern := _pattern(entry)))

    def covers_value(self, value: str) -> bool:
        """Whether a value is no secret."""
        return value in self.entries or any(pattern.fullmatch(value) for pattern in self._patterns)

    def covers(self, secret: Secret) -> bool:
        """Whether a known secret is none: its value is exempt, or all the names that it came under are."""
        return secret.names <= self._names or self.covers_value(secret.value)


def _pattern(entry: str) -> re.Pattern[str] | None:
    """A regular expression, if the entry is one: a value may hold any characters."""
    try:
        return re.compile(entry)
    except (re.error, FutureWarning):  # the latter where warnings are errors
        return None
