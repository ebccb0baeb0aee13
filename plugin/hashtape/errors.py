"""The errors that hashtape raises, under one base.

Every message names the file or the request, says what was expected and what was found, and ends with the
command that mends it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "AmbiguousCassetteError",
    "CassetteDirectoryError",
    "CutRecordingError",
    "HashtapeError",
    "HashtapeWarning",
    "RecordingFileError",
]


class HashtapeError(Exception):
    """The base of all errors of this package."""


class HashtapeWarning(UserWarning):
    """Something that a user should know and that did not stop the run."""


class RecordingFileError(HashtapeError):
    """A file in a cassette directory cannot be read as a recording.

    Args:
        path: The file.
        expected: What should have been there.
        got: What was there.
        mend: What to do about it; a general hint by default.
    """

    def __init__(self, path: Path | str, expected: str, got: str, mend: str = "") -> None:
        self.path = path
        self.expected = expected
        self.got = got
        self.mend = mend or (
            "Restore it from version control, or delete it and record it again: "
            "pytest --record-mode=new_episodes"
        )
        super().__init__(f"{path}: expected {expected}, got {got}. {self.mend}")


class CutRecordingError(HashtapeError):
    """A recorded stream is read further than the client that recorded it did."""


class CassetteDirectoryError(HashtapeError):
    """A cassette directory cannot be opened, made, or written to."""


class AmbiguousCassetteError(HashtapeError):
    """A request may belong to any of several cassettes that other threads have opened."""
