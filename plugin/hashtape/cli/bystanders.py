"""The files that `prune` leaves alone: what was used, and what the last full run says nothing of."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hashtape.cli.output import count
from hashtape.cli.selection import SelectionError, is_vcr_cassette, recording_files
from hashtape.errors import RecordingFileError
from hashtape.recording_dir import RecordingDir

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from hashtape.codecs import Json
    from hashtape.unused import FullRun, UnusedRecording

__all__ = ["Bystanders", "bystanders"]


@dataclass(slots=True)
class Bystanders:
    """How many files stay, and why.

    Args:
        used: The recordings that were played or recorded.
        elsewhere: Those that lie where no test that passed has its recordings, as after another layout was
            chosen; by directory.
        not_passed: Those of no test that passed.
        not_played: Those of tests that passed, which nothing can play: no calls over HTTP.
        unreadable: The files that are no recordings, nor cassettes of vcrpy.
    """

    used: int = 0
    elsewhere: dict[Path, int] = field(default_factory=dict)
    not_passed: int = 0
    not_played: int = 0
    unreadable: int = 0

    def to_json(self) -> dict[str, Json]:
        """The numbers for machines."""
        return {
            "used": self.used,
            "elsewhere": sum(self.elsewhere.values()),
            "not_passed": self.not_passed,
            "not_played": self.not_played,
            "unreadable": self.unreadable,
        }

    def lines(self, shown: Callable[[Path], str]) -> Iterator[str]:
        """What the run cannot tell of, a sentence a line.

        Args:
            shown: Gives a directory as people are to see it.
        """
        if self.elsewhere:
            first, *more = map(shown, sorted(self.elsewhere))
            place = f"{first} and {len(more):,} more" if more else first
            why = f"where no test that passed in that run has its recordings (in {place})"
            yield _kept(sum(self.elsewhere.values()), why)
        if self.not_passed:
            yield _kept(self.not_passed, "of no test that passed in that run")
        if self.not_played:
            yield _kept(self.not_played, "of no call over HTTP, so that nothing can play it")
        if self.unreadable:
            yield f"{count(self.unreadable, 'file')} cannot be read: see hashtape verify"


def _kept(number: int, why: str) -> str:
    return f"{count(number, 'recording')} {'is' if number == 1 else 'are'} {why}: kept."


def bystanders(run: FullRun, unused: Iterable[UnusedRecording], paths: Sequence[Path]) -> Bystanders:
    """Look over the files that are not unused.

    Args:
        run: The last full run.
        unused: What that run did not use.
        paths: The directories and files to look at; none: those of the run, and the cassettes and recordings
            below the current directory.

    Raises:
        CassetteDirectoryError: A directory cannot be listed.
    """
    found = Bystanders()
    directories = {Path(directory).resolve() for directory in run.directories}
    used = {Path(path).resolve() for path in run.used}
    judged = {recording.path.resolve() for recording in unused}
    for path in _files(directories, paths):
        if path in judged:
            continue
        if path in used:
            found.used += 1
            continue
        try:
            test_id = RecordingDir(path.parent).read(path).test_id
        except FileNotFoundError:
            continue
        except RecordingFileError:
            found.unreadable += not is_vcr_cassette(path)
            continue
        if isinstance(test_id, str) and test_id not in run.passed:
            found.not_passed += 1
        elif path.parent not in directories:
            found.elsewhere[path.parent] = found.elsewhere.get(path.parent, 0) + 1
        elif test_id in run.passed:
            found.not_played += 1
        else:
            found.not_passed += 1
    return found


def _files(directories: Iterable[Path], paths: Sequence[Path]) -> list[Path]:
    """The files in question, without their links."""
    files: list[Path] = []
    if not paths:
        files += [path for directory in directories for path in RecordingDir(directory).files()]
    # Without a path there may be no such directory: the project may have a place of its own.
    with suppress(SelectionError):
        files += recording_files(paths)
    return sorted({path.resolve() for path in files})
