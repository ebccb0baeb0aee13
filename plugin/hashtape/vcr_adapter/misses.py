"""The misses of a cassette: each is explained once, whatever the client makes of the exception."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from hashtape.errors import HashtapeError
from hashtape.miss import Closest, changes_of, describe_miss, find_closest, request_line
from hashtape.recording import OtherRequest, Unset
from hashtape.recording_dir import RecordingDir
from hashtape.vcr_adapter.miss_error import MissError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hashtape.recording import HttpRequest, InferenceRequest
    from hashtape.vcr_adapter.answers import Answers
    from hashtape.vcr_adapter.asked import Asked
    from hashtape.vcr_adapter.setup import CassetteSetup

__all__ = ["Misses"]

_MOST_NEIGHBOURS = 300
"""How many recordings of other directories are looked at: some hundredths of a second."""


class _Candidate(NamedTuple):
    """A recording that may be the closest one.

    Args:
        path: Its file.
        test_id: Whose it is, None if that is no test or not known.
        request: What it answers.
    """

    path: Path
    test_id: str | None
    request: InferenceRequest | HttpRequest


class Misses:
    """Explains the misses of one cassette, and notes them for the end of the test.

    Args:
        setup: What else is known of the cassette.
        answers: Its answers.
    """

    def __init__(self, setup: CassetteSetup, answers: Answers) -> None:
        self._setup = setup
        self._answers = answers
        self._found: tuple[list[_Candidate], list[_Candidate]] | None = None
        self._found_beside: list[_Candidate] | None = None

    def error(self, asked: Asked, cassette: Any) -> MissError:
        """The exception of a miss.

        Args:
            asked: The request.
            cassette: The cassette, whose record mode forbids to record it.
        """
        directory = self._answers.directory.path
        played = sum(len(entry.slots) for entry in self._answers.with_id(asked))
        recorded = self._answers.existed
        line = request_line(asked.recorded, asked.wire.url)
        known = self._setup.misses.known((directory, asked.request_id))
        text = (
            known.text
            if known is not None
            else describe_miss(
                line,
                request_id=asked.request_id,
                directory=directory,
                record_mode=cassette.record_mode.value,
                test_id=self._setup.test_id,
                played=played,
                recorded=recorded,
                broken=list(self._answers.broken.values()),
                others=[] if recorded else self._answers.other_test_ids(),
                closest=None if played else self._closest(asked),
            )
        )
        self._setup.misses.note((directory, asked.request_id), line, text)
        return MissError(
            text,
            cassette=cassette,
            failed_request=asked.request,
            request_id=asked.request_id,
            reason="already_played" if played else "no_match" if recorded else "cassette_not_found",
        )

    def _closest(self, asked: Asked) -> Closest | None:
        """The closest recording that there is, and what differs.

        Nothing that goes wrong here is worth more than the miss that it was to explain.
        """
        try:
            return self._find(asked)
        except (HashtapeError, OSError, ValueError, RecursionError):
            return None

    def _find(self, asked: Asked) -> Closest | None:
        """The closest recording of the test, or else of its directory.

        A test without either may have been renamed: then one in a directory beside it counts, if its request
        is the same.
        """
        own, others = self._candidates()
        if own or others:
            return self._closest_of(own or others, asked)
        closest = self._closest_of(self._beside(), asked)
        return None if closest is None or closest.changes else closest

    def _closest_of(self, candidates: list[_Candidate], asked: Asked) -> Closest | None:
        now = asked.recorded
        found = find_closest(now, ((candidate, candidate.request) for candidate in candidates))
        if found is None:
            return None
        # Old recordings may hold secrets, and this is printed.
        recording, _ = self._setup.redactor.recording(RecordingDir(found.path.parent).read(found.path))
        if isinstance(recording.request, OtherRequest):
            return None
        differing = changes_of(recording.request, now)
        same = [found]
        if not differing:
            same += [candidate for candidate in candidates if not changes_of(candidate.request, now)]
        test_ids = dict.fromkeys(each.test_id for each in same if each.test_id is not None)
        return Closest(found.path, differing, [*test_ids])

    def _candidates(self) -> tuple[list[_Candidate], list[_Candidate]]:
        """The recorded requests of the test, and those of other tests in its directory; read once."""
        if self._found is None:
            own: list[_Candidate] = []
            others: list[_Candidate] = []
            extra = [RecordingDir(path) for path in self._setup.extra_paths if path.is_dir()]
            for directory in (self._answers.directory, *extra):
                for path, head in directory.heads():
                    if isinstance(head.request, OtherRequest):
                        continue
                    test_id = head.test_id
                    if directory in extra or isinstance(test_id, Unset) or test_id in self._setup.test_ids:
                        own.append(_Candidate(path, None, head.request))
                    else:
                        others.append(_Candidate(path, test_id, head.request))
            self._found = own, others
        return self._found

    def _beside(self) -> list[_Candidate]:
        """The recorded requests in the directories beside that of the test, if it has none; read once."""
        if self._found_beside is None:
            self._found_beside = [*self._look_beside()]
        return self._found_beside

    def _look_beside(self) -> Iterator[_Candidate]:
        place, own_id = self._answers.directory.path, self._setup.test_id
        if own_id is None or self._setup.is_shared or self._answers.existed or place.exists():
            return
        left = _MOST_NEIGHBOURS
        for path in sorted(path for path in place.parent.iterdir() if path.is_dir()):
            directory = RecordingDir(path)
            left -= len(directory.files())
            if left < 0:
                return
            for file, (test_id, request) in directory.heads():
                if isinstance(test_id, str) and test_id != own_id and not isinstance(request, OtherRequest):
                    yield _Candidate(file, test_id, request)
