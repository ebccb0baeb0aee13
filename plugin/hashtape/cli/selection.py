"""Which recordings a command is about: directories, files, and ids of which a few digits are enough."""

from __future__ import annotations

import json
import os
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hashtape.errors import RecordingFileError
from hashtape.recording_dir import RecordingDir
from hashtape.recording_file import read_file as read_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from hashtape.recording import Recording

__all__ = [
    "SelectionError",
    "StoredFile",
    "directory_option",
    "find_file",
    "is_vcr_cassette",
    "paths_argument",
    "read_file",
    "recording_files",
    "short_id",
    "stored_files",
]

_CASSETTES = ("cassettes", "recordings")
_SKIPPED = frozenset({"__pycache__", "build", "dist", "node_modules", "site-packages"})
_SHORT = 8
_DEEPEST_CASSETTE = 3
"""`cassettes/<module>/<test>`: whoever is in there means what is in there."""
_REFERENCE = re.compile(r"([0-9a-f]{8,64})(?:-([0-9a-f]{8}))?(?:\.json)?")
_NAME = re.compile(r"(?:models-)?([0-9a-f]{12,64})(?:-([0-9a-f]{8}))?")

paths_argument = click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path(path_type=Path))
"""Files and directories; none: see `recording_files`."""

directory_option = click.option(
    "--dir",
    "directory",
    type=click.Path(path_type=Path),
    help="Where to look for ids. Default: the cassettes and recordings below the current directory.",
)


class SelectionError(click.ClickException):
    """What a command was asked for cannot be found or read. It is no answer, so its exit code is not 1."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that should be a recording.

    Args:
        path: The file.
        size: Its size in bytes.
        recording: What it holds; None if it is broken.
        error: Why it is broken, empty if it is not.
    """

    path: Path
    size: int
    recording: Recording | None
    error: str = ""


def short_id(path: Path) -> str:
    """The first digits of a recording's id; for a model list also the digits that tell it from others.

    >>> short_id(Path("26e569a66dd1b1669a26851179956ffca286bd5f6874f975f6b369bf6bbcc521.json"))
    '26e569a6'
    """
    match = _NAME.fullmatch(path.stem)
    if match is None:
        return path.stem
    digits, digest = match.groups()
    return digits[:_SHORT] if digest is None else f"{digits[:_SHORT]}-{digest}"


def recording_files(paths: Iterable[Path]) -> list[Path]:
    """All files that may be recordings in some directories, their subdirectories included.

    Args:
        paths: Directories and files; if there are none, all directories named `cassettes` or `recordings`
            below the current one.

    Raises:
        SelectionError: A path is not there, or there is no such directory.
    """
    found: dict[Path, None] = {}
    for path in list(paths) or _default_directories():
        if path.is_dir():
            found.update(dict.fromkeys(_files_below(path)))
        elif path.exists():
            found[path] = None
        else:
            raise SelectionError(f"{path}: expected a recording or a directory of recordings, got nothing.")
    return list(found)


def stored_files(paths: Iterable[Path]) -> Iterator[StoredFile]:
    """Read the files that `recording_files` gives, the broken ones too; cassettes of vcrpy are left out."""
    for path in recording_files(paths):
        try:
            size = path.stat().st_size
            recording = RecordingDir(path.parent).read(path)
        except RecordingFileError as error:
            # A marker may give a cassette's directory such a name: default_cassette("chat.json").
            is_cassette = path.is_dir() and not RecordingDir(path).is_empty()
            if not is_cassette and not is_vcr_cassette(path):
                yield StoredFile(path, _size(path), None, f"expected {error.expected}, got {error.got}")
        except OSError as error:
            yield StoredFile(path, 0, None, f"cannot be read ({error.strerror})")
        else:
            yield StoredFile(path, size, recording)


def find_file(reference: str, directory: Path | None) -> Path:
    """The one file that a path or the first digits of an id stand for.

    Args:
        reference: A path, or at least 8 digits.
        directory: Where to look for an id; None: see `recording_files`.

    Raises:
        SelectionError: There is none, or there are several.
    """
    path = Path(reference)
    if path.is_file():
        return path
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        raise SelectionError(
            f"{reference}: expected a file, or at least {_SHORT} digits of an id. See: hashtape ls"
        )
    digits, digest = match.groups()
    found = [
        path
        for path in recording_files([] if directory is None else [directory])
        if (name := _NAME.fullmatch(path.stem)) and name[1].startswith(digits) and digest in {None, name[2]}
    ]
    if not found:
        place = "below the current directory" if directory is None else f"in {directory}"
        raise SelectionError(f"{reference}: expected a recording with this id {place}, got none.")
    if len(found) > 1:
        listed = ", ".join(map(str, found[:4])) + (", …" if len(found) > 4 else "")
        raise SelectionError(
            f"{reference}: expected one recording, got {len(found)} ({listed}). Name the file instead"
        )
    return found[0]


def read_file(path: Path) -> Recording:
    """Read one file.

    Raises:
        SelectionError: It cannot be read, or is not a recording. How to mend that is said only of what may
            have been one: the user may have named any file.
    """
    try:
        return RecordingDir(path.parent).read(path)
    except RecordingFileError as error:
        if is_vcr_cassette(path):
            raise SelectionError(
                f"{path}: expected a recording, got a cassette of vcrpy. "
                f"Convert it: hashtape convert {shlex.quote(str(path))}"
            ) from None
        if _may_have_been_one(path):
            raise SelectionError(str(error)) from None
        raise SelectionError(f"{path}: expected {error.expected}, got {error.got}") from None
    except OSError as error:
        raise SelectionError(f"{path}: cannot be read ({error.strerror})") from None


def is_vcr_cassette(path: Path) -> bool:
    """Whether a file that is no recording is a cassette of vcrpy instead, which plays all the same."""
    from hashtape.vcr_adapter import yaml_cassettes  # only here: it takes a while

    return path.is_file() and yaml_cassettes.is_vcr_cassette(path)


def _may_have_been_one(path: Path) -> bool:
    """Whether a file that is no recording looks like one that was damaged."""
    try:
        data = json.loads(read_bytes(path)[0])
    except (RecordingFileError, OSError, ValueError, RecursionError):
        # Nothing in it can tell, but a hash for a name is a recording's.
        return path.suffix == ".json" and _NAME.fullmatch(path.stem) is not None
    return isinstance(data, dict) and not {"request", "response"}.isdisjoint(data)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _default_directories() -> list[Path]:
    here = Path()
    found: list[Path] = []
    for parent, names in _walk(here):
        for name in [name for name in names if name in _CASSETTES]:
            found.append(parent / name)
            names.remove(name)  # what is below belongs to it
    if not found and set(_CASSETTES) & set(Path.cwd().parts[-_DEEPEST_CASSETTE:]):
        return [here]
    if not found:
        raise SelectionError(
            "expected a directory named cassettes or recordings below the current one, got none. "
            "Name the directory of your recordings"
        )
    return found


def _refuse(error: OSError) -> None:
    if isinstance(error, FileNotFoundError):
        return  # somebody has removed it meanwhile
    raise SelectionError(f"{error.filename}: cannot be read ({error.strerror})")


def _walk(
    directory: Path, onerror: Callable[[OSError], None] | None = None
) -> Iterator[tuple[Path, list[str]]]:
    """Directories and the names of their subdirectories, sorted; neither hidden nor installed ones."""
    for parent, names, files in os.walk(directory, onerror=onerror):
        if "pyvenv.cfg" in files:
            names.clear()
            continue
        names[:] = sorted(name for name in names if not name.startswith(".") and name not in _SKIPPED)
        yield Path(parent), names


def _files_below(directory: Path) -> Iterator[Path]:
    for parent, _ in _walk(directory, _refuse):
        yield from RecordingDir(parent).files()
