"""Where a cassette is: the directory of its recordings, and the file that vcrpy would have."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["cassette_directory", "extra_cassettes", "is_vcrpys", "locate"]

_SUFFIXES = (".yaml", ".yml", ".json")
_NO_PART_OF_THE_NAME = (*_SUFFIXES, ".hashtape")
"""What pytest-recording appends for a serializer: that of hashtape is named for the directory alone."""
_LONGEST_NAME = 255
"""Bytes of a file name that every common file system takes."""


def _safe_name(name: str) -> str:
    """A directory name of at most 255 bytes; a longer one is cut, and a hash keeps it apart."""
    encoded = name.encode("utf-8", "backslashreplace").replace(b"\0", b"-")
    if len(encoded) > _LONGEST_NAME:
        digest = hashlib.md5(encoded, usedforsecurity=False).hexdigest()
        encoded = encoded[: _LONGEST_NAME - len(digest) - 3] + b"..." + digest.encode()
    return encoded.decode("utf-8", "ignore")


def cassette_directory(path: str | os.PathLike[str]) -> Path:
    """The directory of recordings for a path of vcrpy's, which names a file.

    >>> cassette_directory("cassettes/test_chat/test_hello.yaml").as_posix()
    'cassettes/test_chat/test_hello'
    """
    text = os.fspath(path)
    for suffix in _NO_PART_OF_THE_NAME:
        if text.endswith(suffix) and not text.endswith(("/" + suffix, os.sep + suffix)):
            text = text.removesuffix(suffix)
            break
    directory = Path(text)
    return directory.with_name(_safe_name(directory.name)) if directory.name else directory


def is_vcrpys(path: Path) -> bool:
    """Whether a path is a file that vcrpy may have written."""
    return path.suffix in _SUFFIXES and path.is_file()


def locate(path: str | os.PathLike[str], *, is_directory: bool = False) -> tuple[Path, Path | None]:
    """The directory of recordings, and the file of vcrpy's beside it if there is one.

    Args:
        path: The path as vcrpy has it, with or without a suffix.
        is_directory: Whether it is the directory itself, whatever its name looks like.
    """
    text = stem = os.fspath(path)
    directory = Path(text) if is_directory else cassette_directory(text)
    if not is_directory and text.endswith(_NO_PART_OF_THE_NAME):
        stem = text[: -len(Path(text).suffix)]
    for candidate in dict.fromkeys(
        [*([] if is_directory else [text]), *(stem + suffix for suffix in _SUFFIXES)]
    ):
        if candidate.endswith(_SUFFIXES) and os.path.isfile(candidate):  # noqa: PTH113  (False for a name too long)
            return directory, Path(candidate)
    return directory, None


def extra_cassettes(paths: Iterable[str | os.PathLike[str]]) -> tuple[Path, ...]:
    """The extra cassettes that there are: for each path the directory of recordings, or else the file.

    Args:
        paths: As the marker's arguments name them, with or without a suffix.
    """
    found: list[Path] = []
    for path in dict.fromkeys(os.fspath(path) for path in paths):
        directory, file = locate(path)
        if directory.is_dir():
            found.append(directory)
        if file is not None:
            found.append(file)
    return tuple(found)
