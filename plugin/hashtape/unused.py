"""Which recordings nothing played: those of the tests that passed, and after a full run also of tests gone.

A recording is called unused only where that is certain. One of a test that failed, was skipped or was not
selected never is; nor is one whose test file is there and was not collected, on another platform, say.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hashtape.errors import RecordingFileError
from hashtape.recording_dir import RecordingDir
from hashtape.wire_form import wire_forms

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["FullRun", "UnusedRecording", "unused_recordings"]

_ROOT = "cassettes"
"""What pytest-recording calls the directory that has one for each module."""
_SHARED = "recordings"
"""The directory of `hashtape_layout = recordings`."""


class UnusedRecording(NamedTuple):
    """A recording that nothing played.

    Args:
        path: Its file.
        test_id: Its test; None if it names none.
        is_test_gone: Whether there is no such test any more.
    """

    path: Path
    test_id: str | None
    is_test_gone: bool = False


def unused_recordings(
    directories: Iterable[str], passed: frozenset[str], used: frozenset[str], *, with_nobodys: bool
) -> Iterator[UnusedRecording]:
    """The recordings of some tests that nothing played or recorded.

    A directory is listed once, and no more than the first bytes of its unused files are read.

    Args:
        directories: Where the recordings of these tests are.
        passed: The ids of the tests.
        used: The files that were used.
        with_nobodys: Whether those count that name no test, which is certain only if all tests passed.
    """
    for directory in sorted(directories):
        for path, test_id in _unused_files(RecordingDir(directory), used):
            is_theirs = test_id in passed or (test_id is None and with_nobodys)
            if is_theirs and _can_be_played(path):
                yield UnusedRecording(path, test_id)


def _unused_files(directory: RecordingDir, used: frozenset[str]) -> Iterator[tuple[Path, str | None]]:
    """The files that were not used, with their test ids."""
    for path in directory.files():
        if os.fspath(path) not in used:
            with suppress(RecordingFileError, FileNotFoundError):
                test_id = directory.test_id_of(path)
                yield path, test_id if isinstance(test_id, str) else None


def _can_be_played(path: Path) -> bool:
    """Whether a file is a recording of HTTP: of another one, that it was not played says nothing."""
    try:
        return bool(wire_forms(RecordingDir(path.parent).read(path).request))
    except (RecordingFileError, FileNotFoundError, ValueError, RecursionError):
        return False


@dataclass(frozen=True, slots=True)
class FullRun:
    """What the last full test run used, as pytest's cache keeps it.

    Args:
        started: When, in seconds since 1970.
        rootdir: The directory that test ids begin in.
        passed: The ids of the tests that passed and have a cassette.
        collected: The ids of all tests, also of those that did not run.
        all_passed: Whether all of them ran and passed.
        directories: Where the tests have their recordings.
        used: The files that were played or recorded.
    """

    started: float
    rootdir: str
    passed: frozenset[str]
    collected: frozenset[str]
    all_passed: bool
    directories: frozenset[str]
    used: frozenset[str]

    @classmethod
    def from_json(cls, data: Any) -> FullRun:
        """Read what `to_json` gave.

        Raises:
            ValueError: It is something else.
        """
        try:
            values = {field.name: data[field.name] for field in fields(cls)}
            sets = ("passed", "collected", "directories", "used")
            values.update({name: frozenset(map(os.fspath, values[name])) for name in sets})
            return cls(**{**values, "started": float(values["started"]), "rootdir": str(values["rootdir"])})
        except (KeyError, TypeError) as error:
            raise ValueError(f"expected a record of a test run, got one without {error}") from None

    def to_json(self) -> dict[str, Any]:
        """The same in plain values."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            name: sorted(value) if isinstance(value, frozenset) else value for name, value in values.items()
        }

    def unused(self) -> list[UnusedRecording]:
        """The recordings that this run did not use although their tests passed, or whose tests are gone.

        Raises:
            CassetteDirectoryError: A directory cannot be listed.
        """
        found = unused_recordings(self.directories, self.passed, self.used, with_nobodys=self.all_passed)
        return sorted([*found, *self._of_tests_gone()])

    def changed_since(self, unused: Iterable[UnusedRecording]) -> Path | None:
        """A test file or recording that is newer than the run: then the run does not say what is unused.

        Args:
            unused: The recordings in question.

        Returns:
            None if there is none.
        """
        tests = (Path(self.rootdir, file) for file in sorted(self._collected_files()))
        for path in (*tests, *(recording.path for recording in unused)):
            with suppress(FileNotFoundError):
                if path.stat().st_mtime > self.started:
                    return path
        return None

    def _of_tests_gone(self) -> Iterator[UnusedRecording]:
        collected_files = self._collected_files()
        for directory in self._all_directories():
            for path, test_id in _unused_files(RecordingDir(directory), self.used):
                if test_id is None or "::" not in test_id or test_id in self.collected:
                    continue
                file = _file_of(test_id)
                is_gone = file in collected_files or not Path(self.rootdir, file).exists()
                if is_gone and _can_be_played(path):
                    yield UnusedRecording(path, test_id, is_test_gone=True)

    def _collected_files(self) -> set[str]:
        return {_file_of(test_id) for test_id in self.collected}

    def _all_directories(self) -> list[str]:
        """The directories of the tests, and those beside them, where tests that are gone may have theirs."""
        roots = {_root_of(Path(directory), Path(self.rootdir)) for directory in self.directories}
        return sorted({directory for root in roots for directory, _, _ in os.walk(root)})


def _file_of(test_id: str) -> str:
    return test_id.partition("::")[0]


def _root_of(directory: Path, rootdir: Path) -> Path:
    """The directory that holds those of all tests beside a test's own: never the project or more."""
    inner = [parent for parent in directory.parents if rootdir in parent.parents]
    if directory.name == _SHARED or not inner:
        return directory
    return next((parent for parent in inner if parent.name == _ROOT), inner[0])
