"""A recording, read from its file: a long one piece by piece, so that its size counts once."""

from __future__ import annotations

from codecs import iterdecode
from functools import partial
from typing import TYPE_CHECKING

from hashtape.codecs.packed import LONG
from hashtape.errors import RecordingFileError
from hashtape.recording import InvalidRecordingError, Recording, text_of
from hashtape.recording_file import opened, read_all

if TYPE_CHECKING:
    from io import FileIO
    from pathlib import Path

    from hashtape.recording_file import Stamp

__all__ = ["read_recording"]

_LONG_FILE = 4 * LONG
"""The size in bytes from which on a file is read piece by piece. Streams are shorter on the wire."""
_PIECE = 1 << 20


def read_recording(path: Path) -> tuple[Recording, Stamp]:
    """Read a recording.

    Args:
        path: Its file.

    Returns:
        It, and the stamp of the file that it was read from.

    Raises:
        RecordingFileError: The file cannot be read, or is no recording.
        FileNotFoundError: It is not there.
        NotADirectoryError: Nor can it be, for want of a directory.
    """
    with opened(path) as (file, stamp):
        try:
            recording = _in_pieces(file) if stamp.size > _LONG_FILE else None
            return recording or _at_once(file, stamp.size), stamp
        except InvalidRecordingError as error:
            raise RecordingFileError(path, error.expected, error.got) from None


def _at_once(file: FileIO, size: int) -> Recording:
    data = read_all(file, size)
    text = text_of(data)
    del data  # which may be as long
    return Recording.from_text(text)


def _in_pieces(file: FileIO) -> Recording | None:
    """A long recording; None if only reading it at once tells what it is, or what is wrong with it."""
    try:
        return Recording.from_pieces(iterdecode(iter(partial(file.read, _PIECE), b""), "utf-8"))
    except (ValueError, RecursionError):
        file.seek(0)
        return None
