"""A directory of recordings: find by name, read, write atomically, delete. No vcrpy, no HTTP."""

from __future__ import annotations

import json
import os
import re
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from hashtape.directory_lock import locked
from hashtape.errors import CassetteDirectoryError, RecordingFileError
from hashtape.model_list import digest_of, stored_ids, union_of
from hashtape.recording import InferenceRequest, Recording, Unset
from hashtape.recording_file import Stamp, put_file, read_file, stamp_of_same, sweep
from hashtape.recording_head import RecordingHead, read_head
from hashtape.recording_reader import read_recording
from hashtape.request_id import SHARED_MODEL_LISTS
from hashtape.wire_form import wire_forms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["FoundRecording", "RecordingDir"]

_HEAD = 4096
_REQUEST = 1 << 15
"""So many bytes of a file hold most requests."""
_ATTEMPTS = 3
"""How often the directory is made again for one file, when somebody goes on removing it."""
_TEST_ID = re.compile(rb'\{\s*"test_id":\s*(null|"(?:[^"\\]|\\.)*")\s*,')


class FoundRecording:
    """A recording and the files it was read from: one, or for a model list sometimes several (spec §6).

    Args:
        recording: The recording.
        stamps: Its files, each with the stamp that it had when it was read.
    """

    __slots__ = ("recording", "stamps")

    def __init__(self, recording: Recording, stamps: dict[Path, Stamp]) -> None:
        self.recording = recording
        self.stamps = stamps

    @property
    def paths(self) -> list[Path]:
        """Its files."""
        return list(self.stamps)


class RecordingDir:
    """One directory of recordings; it need not exist before the first one is written.

    Nothing is read but what is asked for, and finding a recording by its id costs the opening of one file,
    however many others there are.

    Args:
        path: The directory.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)

    # --- Looking ---------------------------------------------------------------------------------------

    def check(self) -> None:
        """Make sure that the path is a directory or nothing at all.

        Raises:
            CassetteDirectoryError: There is something else.
        """
        try:
            blocked = self.path.exists() and not self.path.is_dir()
        except OSError as error:
            raise CassetteDirectoryError(
                f"{self.path}: expected a directory of recordings, but it cannot be looked at "
                f"({error.strerror}). Check its permissions: ls -ld {self.path}"
            ) from None
        if not blocked and not self.path.is_dir():
            nearest = next((parent for parent in self.path.parents if os.path.lexists(parent)), self.path)
            blocked = not nearest.is_dir()
        else:
            nearest = self.path
        if blocked:
            place = "" if nearest == self.path else f" (at {nearest})"
            raise CassetteDirectoryError(
                f"{self.path}: expected a directory of recordings, got a file{place}. "
                f"Move it out of the way: mv {nearest} {nearest}.bak"
            )

    def is_empty(self) -> bool:
        """Whether there are no files at all that may be recordings; does not list them."""
        return next(self._entries(), None) is None

    def files(self) -> list[Path]:
        """The files that may be recordings, by name."""
        return [self.path / name for name in sorted(entry.name for entry in self._entries())]

    def stamps(self) -> dict[str, Stamp]:
        """The state that each file is in, by name; to be compared with a later one."""
        stamps: dict[str, Stamp] = {}
        for entry in self._entries():
            with suppress(OSError):
                # The entry's own stat would not do: on Windows it does not say which file it is.
                stamps[entry.name] = Stamp.of(os.stat(entry.path))  # noqa: PTH116
        return stamps

    def _entries(self) -> Iterator[os.DirEntry[str]]:
        try:
            with os.scandir(self.path) as entries:
                for entry in entries:
                    if entry.name.endswith(".json") and not entry.name.startswith("."):
                        yield entry
        except FileNotFoundError:
            return
        except OSError as error:
            raise CassetteDirectoryError(
                f"{self.path}: expected a directory of recordings, but it cannot be listed "
                f"({error.strerror}). Check its permissions: ls -ld {self.path}"
            ) from None

    def read(self, path: Path) -> Recording:
        """Read one file.

        Raises:
            RecordingFileError: It cannot be read, or is not a recording.
            FileNotFoundError: It is not there.
        """
        return self.read_stamped(path).recording

    def read_stamped(self, path: Path) -> FoundRecording:
        """Read one file, and remember in what state.

        Raises:
            RecordingFileError: It cannot be read, or is not a recording.
            FileNotFoundError: It is not there.
        """
        recording, stamp = read_recording(path)
        return FoundRecording(recording, {path: stamp})

    def test_id_of(self, path: Path) -> str | Unset | None:
        """The test id of a file, which as a rule stands at its very beginning: then no more is read.

        Raises:
            RecordingFileError: It cannot be read, or is not a recording.
            FileNotFoundError: It is not there.
        """
        head, _ = read_file(path, head=_HEAD)
        match = _TEST_ID.match(head)
        if match is not None:
            with suppress(ValueError):
                test_id: str | None = json.loads(match.group(1))
                return test_id
        return self.read(path).test_id

    def belongs(self, path: Path, test_ids: set[str | None]) -> bool:
        """Whether a file is a recording of one of these tests; a file without a test id is anybody's.

        A file that cannot be read counts: somebody's recording it was.
        """
        try:
            test_id = self.test_id_of(path)
        except FileNotFoundError:
            return False
        except RecordingFileError:
            return True
        return isinstance(test_id, Unset) or test_id in test_ids

    def find(self, request_ids: Iterable[str], *, is_model_list: bool = False) -> FoundRecording | None:
        """The recording with the first of these ids that there is.

        Args:
            request_ids: The ids, the likeliest first; no more of them are computed than needed.
            is_model_list: Whether to look for the names of model lists too (spec §6).

        Raises:
            RecordingFileError: There is such a file, and it is not a recording.
        """
        for request_id in request_ids:
            path = self.path / f"{request_id}.json"
            try:
                return self.read_stamped(path)
            except FileNotFoundError:
                pass
            except NotADirectoryError:
                self.check()
            if is_model_list and (paths := sorted(self.path.glob(f"models-{request_id}-*.json"))):
                lists = [self.read_stamped(path) for path in paths]
                stamps = {path: stamp for found in lists for path, stamp in found.stamps.items()}
                return FoundRecording(union_of([found.recording for found in lists]), stamps)
        return None

    def scan(
        self, test_ids: set[str | None] | None, broken: dict[Path, RecordingFileError]
    ) -> Iterator[FoundRecording]:
        """The recordings of some tests, read one by one.

        Args:
            test_ids: The test ids that count; a file without that key always does. None: all.
            broken: Takes the files that are none, with their errors; they do not stop the others.
        """
        for path in self.files():
            if test_ids is not None and not self.belongs(path, test_ids):
                continue
            try:
                yield self.read_stamped(path)
            except FileNotFoundError:
                continue
            except RecordingFileError as error:
                broken[path] = error

    def heads(self) -> Iterator[tuple[Path, RecordingHead]]:
        """What each recording says before its answers, which are not read where they are long.

        What is no recording is left out.
        """
        for path in self.files():
            with suppress(RecordingFileError, FileNotFoundError):
                data, _ = read_file(path, head=_REQUEST)
                head = read_head(data)
                if head is None:
                    recording = self.read(path)
                    head = RecordingHead(recording.test_id, recording.request)
                yield path, head

    def index(
        self, test_ids: set[str | None] | None, broken: dict[Path, RecordingFileError]
    ) -> dict[tuple[str, str, str], list[Path]]:
        """The files by what their requests are on the wire, as `wire_forms` gives it.

        That finds stale names, 12-digit names and `extra_body` files (spec §3, last step of the look-up), and
        reads the whole directory.

        Args:
            test_ids: As for `scan`.
            broken: As for `scan`.
        """
        index: dict[tuple[str, str, str], list[Path]] = {}
        for found in self.scan(test_ids, broken):
            try:
                forms = wire_forms(found.recording.request)
            except (ValueError, RecursionError) as error:
                path = found.paths[0]
                broken[path] = RecordingFileError(path, "a recording of a request", f"none ({error})")
                continue
            for form in forms:
                index.setdefault(form, []).extend(found.paths)
        return index

    # --- Changing --------------------------------------------------------------------------------------

    def make(self) -> bool:
        """Make the directory, so that a problem shows before a request is paid for.

        What a process that was killed may have left behind in it is removed.

        Returns:
            Whether it was made just now.

        Raises:
            CassetteDirectoryError: It cannot be made.
        """
        if self.path.is_dir():
            if not os.access(self.path, os.W_OK | os.X_OK):
                raise CassetteDirectoryError(
                    f"{self.path}: expected a directory to record to, got one that is read-only. "
                    f"{self._mend_of_read_only()}"
                )
            with suppress(OSError), locked(self.path) as descriptor:
                sweep(self.path, descriptor)
            return False
        self.check()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CassetteDirectoryError(
                f"{self.path}: expected to make this directory for new recordings, got: {error.strerror}. "
                f"Check the permissions of the nearest directory that exists, or choose another directory"
            ) from None
        return True

    def _mend_of_read_only(self) -> str:
        if sys.platform != "win32" and os.statvfs(self.path).f_flag & os.ST_RDONLY:
            return "It is on a file system that is mounted read-only: record to another place"
        return f"Change its permissions: chmod u+wx {self.path}"

    def remove_if_empty(self) -> None:
        """Take back what `make` did, when nothing was recorded after all."""
        with suppress(OSError):
            self.path.rmdir()

    def file_for(self, request_id: str, recording: Recording) -> Path:
        """The file that a recording belongs in (spec §1, §6)."""
        request = recording.request
        if isinstance(request, InferenceRequest) and request.endpoint in SHARED_MODEL_LISTS:
            ids = stored_ids(recording.response.body)
            if ids is not None:
                return self.path / f"models-{request_id}-{digest_of(ids)}.json"
        return self.path / f"{request_id}.json"

    def write(self, path: Path, recording: Recording) -> None:
        """Write one file as a whole or not at all; a file that has this text already is not touched.

        Raises:
            CassetteDirectoryError: It cannot be written. What was there before is intact.
        """
        self._change(path, lambda _: recording)

    def update(
        self,
        path: Path,
        recording: Recording | None,
        known: Stamp | None,
        merge: Callable[[Recording], Recording | None],
    ) -> Stamp | None:
        """Write or delete one file, unless another writer was there: then theirs is changed, not replaced.

        No other thread or process writes to the directory meanwhile, as far as `locked` can tell.

        Args:
            path: The file.
            recording: What the file is to hold; None: it is to be deleted.
            known: The stamp of the file as it was read or written last; None if it was not.
            merge: Takes what the file holds instead and makes the change to that; None deletes it. It must
                not write itself.

        Returns:
            The stamp of the file, if it holds `recording` now.

        Raises:
            CassetteDirectoryError: It cannot be written. What was there before is intact.
            RecordingFileError: Another writer was there, and what it left is no recording.
        """
        is_merged = False

        def change(stamp: Stamp | None) -> Recording | None:
            nonlocal is_merged
            if stamp is not None and stamp != known:
                with suppress(FileNotFoundError):  # a link that leads nowhere
                    there = self.read(path)
                    is_merged = True
                    return merge(there)
            return recording

        stamp = self._change(path, change)
        return None if is_merged else stamp

    def _change(self, path: Path, change: Callable[[Stamp | None], Recording | None]) -> Stamp | None:
        """Write what `change` makes of the stamp that the file has, or None where it is not there."""
        try:
            for _ in range(_ATTEMPTS):
                try:
                    with locked(self.path) as descriptor:
                        return self._change_locked(path, change, descriptor)
                except FileNotFoundError:
                    # The directory was removed. What was answered is to be stored all the same.
                    if change(None) is None:
                        return None
                    self.make()
            with locked(self.path) as descriptor:
                return self._change_locked(path, change, descriptor)
        except OSError as error:
            self.check()
            raise CassetteDirectoryError(
                f"{path}: expected to write a recording, got: {error.strerror}. Nothing was changed; "
                f"check the free space and the permissions of {self.path}, then record again"
            ) from None

    def _change_locked(
        self, path: Path, change: Callable[[Stamp | None], Recording | None], descriptor: int | None
    ) -> Stamp | None:
        try:
            before = Stamp.of(os.lstat(path))
        except FileNotFoundError:
            before = None
        recording = change(before)
        if recording is None:
            self.delete(path)
            return None

        def parts() -> Iterator[bytes]:
            return (part.encode() for part in recording.to_parts())

        same = None
        with suppress(FileNotFoundError):  # a link that leads nowhere is replaced
            same = before and stamp_of_same(path, parts())
        return put_file(path, parts, descriptor) if same is None else same

    def delete(self, path: Path) -> None:
        """Delete one file; it may be gone already.

        Raises:
            CassetteDirectoryError: It cannot be deleted.
        """
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise CassetteDirectoryError(
                f"{path}: expected to delete this recording, got: {error.strerror}. "
                f"Check the permissions of {self.path}"
            ) from None
