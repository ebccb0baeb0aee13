"""One file of a recording on the disk: read with care, and written as a whole or not at all."""

from __future__ import annotations

import errno
import io
import os
import secrets
import stat
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hashtape.errors import RecordingFileError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["MAX_SIZE", "Stamp", "opened", "put_file", "read_all", "read_file", "stamp_of_same", "sweep"]

MAX_SIZE = 512 * 1024 * 1024
"""The largest file that is read, in bytes."""

_EXPECTED = "a recording"
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
_READ = os.O_RDONLY | _NO_FOLLOW | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
_UNNAMED = getattr(os, "O_TMPFILE", 0)
_flush = getattr(os, "fdatasync", os.fsync)

_BESIDE = ".hashtape.tmp"
_BESIDE_PREFIX, _BESIDE_SUFFIX = ".hashtape.", ".tmp"
_BLOCK = 1 << 20
"""How many bytes are written at once."""
_LONGEST_WRITE = 3600
"""Seconds after which a file that a process is still writing must be one that it left behind."""


class Stamp(NamedTuple):
    """What tells one state of a file from the next: each write of a recording makes a new file.

    Args:
        inode: The number of the file.
        size: Its size in bytes.
        mtime_ns: When it was written.
    """

    inode: int
    size: int
    mtime_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> Stamp:
        """The stamp of a file whose status is known."""
        return cls(status.st_ino, status.st_size, status.st_mtime_ns)


# --- Reading ---------------------------------------------------------------------------------------------


@contextmanager
def opened(path: Path, *, is_limited: bool = True) -> Iterator[tuple[io.FileIO, Stamp]]:
    """Open a file that may be a recording, and may as well be anything that a stranger put there.

    A link is followed only to where the directory of the file has it anyway. What is no regular file, a named
    pipe say, is not waited for.

    Args:
        path: The file.
        is_limited: Whether it must not be longer than `MAX_SIZE`.

    Returns:
        The file, unbuffered, and its stamp.

    Raises:
        RecordingFileError: It cannot be read, or should not be.
        FileNotFoundError: It is not there.
        NotADirectoryError: Nor can it be, for want of a directory.
    """
    try:
        descriptor = _open(path)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise RecordingFileError(path, _EXPECTED, f"a file that cannot be read ({_kind(status)})")
            if is_limited and status.st_size > MAX_SIZE:
                raise RecordingFileError(
                    path,
                    f"a recording of {MAX_SIZE >> 20} MB at most",
                    f"a file of {status.st_size / (1 << 20):.1f} MB",
                    "Delete it; before_record_response leaves such answers out of a cassette",
                )
            with open(descriptor, "rb", buffering=0, closefd=False) as file:
                yield file, Stamp.of(status)
        finally:
            os.close(descriptor)
    except (FileNotFoundError, NotADirectoryError):
        raise
    except OSError as error:
        raise RecordingFileError(path, _EXPECTED, f"a file that cannot be read ({error.strerror})") from None


def read_file(path: Path, *, head: int | None = None) -> tuple[bytes, Stamp]:
    """Read a file as `opened` opens it.

    Args:
        path: The file.
        head: How many bytes to read at most; None: all.

    Returns:
        Its bytes, and the stamp of the file that they are from.

    Raises:
        RecordingFileError: It cannot be read, or should not be.
        FileNotFoundError: It is not there.
        NotADirectoryError: Nor can it be, for want of a directory.
    """
    with opened(path, is_limited=head is None) as (file, stamp):
        return read_all(file, stamp.size if head is None else min(head, stamp.size)), stamp


def read_all(file: io.FileIO, size: int) -> bytes:
    """The bytes of a file that `opened` has opened, at most so many."""
    data = file.read(size)
    while len(data) < size and (more := file.read(size - len(data))):
        data += more
    return data


def stamp_of_same(path: Path, parts: Iterable[bytes]) -> Stamp | None:
    """The stamp of a file that holds just these parts; None if it does not, or cannot be read.

    Raises:
        FileNotFoundError: It is not there.
        NotADirectoryError: Nor can it be, for want of a directory.
    """
    try:
        with opened(path) as (file, stamp):
            same = io.BufferedReader(file)
            if all(same.read(len(part)) == part for part in parts) and not same.read(1):
                return stamp
    except RecordingFileError:
        pass
    return None


def _open(path: Path) -> int:
    try:
        if _NO_FOLLOW or not path.is_symlink():
            return os.open(path, _READ)
    except FileNotFoundError:
        raise
    except OSError:
        if not path.is_symlink():
            raise
    target, home = Path(os.path.realpath(path)), os.path.realpath(path.parent)
    if not target.is_relative_to(home):
        raise RecordingFileError(
            path,
            _EXPECTED,
            f"a link to {target}, which is outside of the directory",
            "Delete the link; where the recording is wanted, put a copy of it there",
        )
    return os.open(target, _READ)


def _kind(status: os.stat_result) -> str:
    if stat.S_ISDIR(status.st_mode):
        return os.strerror(errno.EISDIR)
    return "a named pipe" if stat.S_ISFIFO(status.st_mode) else "no regular file"


# --- Writing ---------------------------------------------------------------------------------------------


def put_file(path: Path, parts: Callable[[], Iterable[bytes]], directory: int | None) -> Stamp:
    """Write a file, whatever was there: at each moment its name stands for all of the old or all of the new.

    The file has no name at all while it is written, where the system can do that (Linux): a process that is
    killed leaves nothing behind. Elsewhere, and between two system calls when an old file is replaced, it may
    leave the file beside, which `sweep` removes.

    The content is flushed to the disk before the file gets its name, so that also a power cut leaves no empty
    or half file there; the name itself may then be missing, or stand for the old file, for some seconds. The
    death of the process changes nothing once this has returned.

    Args:
        path: The file; a link is replaced, not followed.
        parts: Makes what it is to hold, which need not all exist at once.
        directory: A descriptor of its directory, if every other writer is kept out of it (`locked`).

    Returns:
        The stamp of the new file.

    Raises:
        OSError: It cannot be written. What was there is intact, and nothing is beside it.
    """
    if directory is not None:
        with suppress(FileNotFoundError):
            os.unlink(_BESIDE, dir_fd=directory)  # of a process that was killed
        if _UNNAMED:
            stamp = _put_unnamed(path.name, parts, directory)
            if stamp is not None:
                return stamp
        return _put_named(path.name, _BESIDE, parts, directory)
    beside = f"{_BESIDE_PREFIX}{os.getpid()}.{secrets.token_hex(4)}{_BESIDE_SUFFIX}"
    return _put_named(os.fspath(path), os.fspath(path.with_name(beside)), parts, None)


def _put_unnamed(name: str, parts: Callable[[], Iterable[bytes]], directory: int) -> Stamp | None:
    """Write a file that gets its name when it is whole; None where that is not possible."""
    try:
        descriptor = os.open(".", os.O_WRONLY | _UNNAMED, 0o666, dir_fd=directory)
    except OSError:
        return None
    try:
        stamp = _fill(descriptor, parts())
        if _link(descriptor, name, directory):
            return stamp
        # A link does not take the name of another file, as a rename does.
        is_beside = _link(descriptor, _BESIDE, directory)
    finally:
        os.close(descriptor)
    if not is_beside:
        return None
    _rename(_BESIDE, name, directory)
    return stamp


def _link(descriptor: int, name: str, directory: int) -> bool:
    """Give a file a name; False if that is taken, or if the system does not do such a thing."""
    try:
        os.link(f"/proc/self/fd/{descriptor}", name, dst_dir_fd=directory, follow_symlinks=True)
    except OSError:
        return False
    return True


def _put_named(name: str, beside: str, parts: Callable[[], Iterable[bytes]], directory: int | None) -> Stamp:
    descriptor = os.open(beside, _CREATE, 0o666, dir_fd=directory)
    try:
        try:
            stamp = _fill(descriptor, parts())
        finally:
            os.close(descriptor)
    except BaseException:
        with suppress(OSError):
            os.unlink(beside, dir_fd=directory)
        raise
    _rename(beside, name, directory)
    return stamp


def _fill(descriptor: int, parts: Iterable[bytes]) -> Stamp:
    block = bytearray()
    for part in parts:
        block += part
        if len(block) >= _BLOCK:
            _write(descriptor, block)
            block.clear()
    _write(descriptor, block)
    _flush(descriptor)
    return Stamp.of(os.fstat(descriptor))


def _write(descriptor: int, block: bytearray) -> None:
    with memoryview(block) as left:
        written = 0
        while written < len(left):
            written += os.write(descriptor, left[written:])


def _rename(beside: str, name: str, directory: int | None) -> None:
    try:
        os.replace(beside, name, src_dir_fd=directory, dst_dir_fd=directory)
    except BaseException:
        with suppress(OSError):
            os.unlink(beside, dir_fd=directory)
        raise


def sweep(path: Path, directory: int | None) -> None:
    """Remove what processes left behind that were killed while they wrote.

    Args:
        path: The directory.
        directory: As for `put_file`. Without it a file may be one that is still being written, and only
            those are removed that are an hour old.
    """
    with suppress(OSError):
        if directory is not None:
            os.unlink(_BESIDE, dir_fd=directory)
            return
        before = time.time() - _LONGEST_WRITE
        for beside in path.glob(f"{_BESIDE_PREFIX}*{_BESIDE_SUFFIX}"):
            if beside.stat().st_mtime < before:
                beside.unlink()
