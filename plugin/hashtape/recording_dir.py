"""A directory of recordings: find by name, read, write atomically, delete. No vcrpy, no HTTP."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from hashtape.codecs import MODEL_TYPE, Json
from hashtape.errors import CassetteDirectoryError, RecordingFileError
from hashtape.recording import InferenceRequest, InvalidRecordingError, Recording, Unset
from hashtape.request_id import SHARED_MODEL_LISTS, wire_forms

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hashtape.recording import Answer

__all__ = ["FoundRecording", "RecordingDir", "model_list_digest", "stored_ids"]

_EXPECTED = "a recording"
_HEAD = 4096
_TEST_ID = re.compile(rb'\{\s*"test_id":\s*(null|"(?:[^"\\]|\\.)*")\s*,')


class FoundRecording:
    """A recording and the files it was read from: one, or for a model list sometimes several (spec §6).

    Args:
        recording: The recording.
        paths: Its files.
    """

    __slots__ = ("paths", "recording")

    def __init__(self, recording: Recording, paths: list[Path]) -> None:
        self.recording = recording
        self.paths = paths


def stored_ids(body: Json) -> list[str] | None:
    """The ids of a stored model list (spec §6); None if a body is none."""
    if not isinstance(body, list):
        return None
    ids: list[str] = []
    for entry in body:
        if not isinstance(entry, dict) or entry.get("__type__") != MODEL_TYPE:
            return None
        data = entry.get("__data__")
        if not isinstance(data, dict) or not isinstance(data.get("id"), str):
            return None
        ids.append(str(data["id"]))
    return ids


def model_list_digest(ids: Iterable[str]) -> str:
    """The 8 hex digits by which a model list's file name tells one set of models from another (spec §6)."""
    return hashlib.sha256("|".join(sorted(set(ids))).encode("utf-8", "surrogatepass")).hexdigest()[:8]


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
        return next(self._names(), None) is None

    def files(self) -> list[Path]:
        """The files that may be recordings, by name."""
        return [self.path / name for name in sorted(self._names())]

    def _names(self) -> Iterator[str]:
        try:
            with os.scandir(self.path) as entries:
                for entry in entries:
                    if entry.name.endswith(".json") and not entry.name.startswith("."):
                        yield entry.name
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
        try:
            text = path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            raise
        except OSError as error:
            raise RecordingFileError(
                path, _EXPECTED, f"a file that cannot be read ({error.strerror})"
            ) from None
        try:
            return Recording.from_text(text)
        except InvalidRecordingError as error:
            raise RecordingFileError(path, error.expected, error.got) from None

    def test_id_of(self, path: Path) -> str | Unset | None:
        """The test id of a file, which as a rule stands at its very beginning: then no more is read.

        Raises:
            RecordingFileError: It cannot be read, or is not a recording.
            FileNotFoundError: It is not there.
        """
        try:
            with path.open("rb") as file:
                head = file.read(_HEAD)
        except (FileNotFoundError, NotADirectoryError):
            raise
        except OSError as error:
            raise RecordingFileError(
                path, _EXPECTED, f"a file that cannot be read ({error.strerror})"
            ) from None
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
                return FoundRecording(self.read(path), [path])
            except FileNotFoundError:
                pass
            except NotADirectoryError:
                self.check()
            if is_model_list and (paths := sorted(self.path.glob(f"models-{request_id}-*.json"))):
                return FoundRecording(_union([self.read(path) for path in paths]), paths)
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
                yield FoundRecording(self.read(path), [path])
            except FileNotFoundError:
                continue
            except RecordingFileError as error:
                broken[path] = error

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

        Returns:
            Whether it was made just now.

        Raises:
            CassetteDirectoryError: It cannot be made.
        """
        if self.path.is_dir():
            if not os.access(self.path, os.W_OK | os.X_OK):
                raise CassetteDirectoryError(
                    f"{self.path}: expected a directory to record to, got one that is read-only. "
                    f"Change its permissions: chmod u+wx {self.path}"
                )
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
                return self.path / f"models-{request_id}-{model_list_digest(ids)}.json"
        return self.path / f"{request_id}.json"

    def write(self, path: Path, recording: Recording) -> None:
        """Write one file as a whole or not at all; a file that has this text already is not touched.

        Raises:
            CassetteDirectoryError: It cannot be written. What was there before is intact.
        """
        text = recording.to_text().encode("utf-8")
        if os.path.exists(path):  # noqa: PTH110
            with suppress(OSError):
                if path.read_bytes() == text:
                    return
        # Plain strings and os functions: this is on the way of every call that is recorded.
        beside = f"{self.path}{os.sep}.{path.name[:40]}.{os.getpid()}.{secrets.token_hex(4)}.tmp"
        try:
            try:
                with open(beside, "xb") as file:  # noqa: PTH123
                    file.write(text)
                os.replace(beside, path)  # noqa: PTH105
            except BaseException:
                with suppress(OSError):
                    os.unlink(beside)  # noqa: PTH108
                raise
        except OSError as error:
            raise CassetteDirectoryError(
                f"{path}: expected to write a recording, got: {error.strerror}. Nothing was changed; "
                f"check the free space and the permissions of {self.path}, then record again"
            ) from None

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


def _union(recordings: list[Recording]) -> Recording:
    """Several model lists of one id as one, ordered by id (spec §6)."""
    first = recordings[0]
    if len(recordings) == 1:
        return first
    entries: dict[str, Json] = {}
    for recording in recordings:
        body = recording.response.body
        ids = stored_ids(body)
        if ids is not None and isinstance(body, list):
            entries.update(zip(ids, body, strict=True))
    if not entries:
        return first
    answer: Answer = first.response
    answer.body = [entries[model] for model in sorted(entries)]
    return first
