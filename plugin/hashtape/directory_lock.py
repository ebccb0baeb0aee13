"""One writer at a time in a directory, among threads and processes, and no lock file left behind."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["locked"]

_threads = threading.Lock()


@contextmanager
def locked(directory: Path) -> Iterator[int | None]:
    """Keep every other writer out of a directory.

    The lock is on the directory itself (`flock`), so that nothing has to be made for it or cleared away, and
    a process that dies gives it back. Where there is no such lock (Windows, some network file systems, a
    directory that may not be listed) only the threads of this process wait for each other.

    It is not to be taken twice by one thread.

    Args:
        directory: The directory.

    Yields:
        A descriptor of the directory; None where other processes are not kept out.

    Raises:
        FileNotFoundError: There is no such directory.
        NotADirectoryError: It is something else.
    """
    descriptor = _acquire(directory)
    if descriptor is None:
        with _threads:
            yield None
        return
    try:
        yield descriptor
    finally:
        _release(descriptor)


if sys.platform == "win32":

    def _acquire(directory: Path) -> int | None:
        if not directory.exists():
            raise FileNotFoundError(directory)
        if not directory.is_dir():
            raise NotADirectoryError(directory)
        return None

    def _release(descriptor: int) -> None:
        os.close(descriptor)

else:
    import fcntl

    def _acquire(directory: Path) -> int | None:
        while True:
            try:
                descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
            except (FileNotFoundError, NotADirectoryError):
                raise
            except OSError:
                return None
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            except OSError:
                os.close(descriptor)
                return None
            except BaseException:
                os.close(descriptor)
                raise
            try:
                if os.path.samestat(os.fstat(descriptor), os.stat(directory)):  # noqa: PTH116
                    return descriptor
            except BaseException:
                _release(descriptor)
                raise
            # While this writer waited, the directory was removed and made anew.
            _release(descriptor)

    def _release(descriptor: int) -> None:
        # A process that was forked meanwhile has the descriptor too: closing it here would not be enough.
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)
