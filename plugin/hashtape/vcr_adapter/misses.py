"""The misses of a cassette: each is explained once, whatever the client makes of the exception."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from hashtape.errors import HashtapeError
from hashtape.miss import Closest, changes_of, describe_miss, find_closest, request_line
from hashtape.recording import OtherRequest, Unset
from hashtape.recording_dir import RecordingDir
from hashtape.vcr_adapter.miss_error import MissError

if TYPE_CHECKING:
    from pathlib import Path

    from hashtape.recording import HttpRequest, InferenceRequest
    from hashtape.vcr_adapter.answers import Answers
    from hashtape.vcr_adapter.asked import Asked
    from hashtape.vcr_adapter.setup import CassetteSetup

    _Candidates: TypeAlias = list[tuple[Path, InferenceRequest | HttpRequest]]

__all__ = ["Misses"]


class Misses:
    """Explains the misses of one cassette, and notes them for the end of the test.

    Args:
        setup: What else is known of the cassette.
        answers: Its answers.
    """

    def __init__(self, setup: CassetteSetup, answers: Answers) -> None:
        self._setup = setup
        self._answers = answers
        self._found: tuple[_Candidates, _Candidates] | None = None

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
        """The closest recording of the test, or else of the directory, and what differs.

        Nothing that goes wrong here is worth more than the miss that it was to explain.
        """
        try:
            own, others = self._candidates()
            path = find_closest(asked.recorded, own or others)
            if path is None:
                return None
            # Old recordings may hold secrets, and this is printed.
            recording, _ = self._setup.redactor.recording(RecordingDir(path.parent).read(path))
            if isinstance(recording.request, OtherRequest):
                return None
            owner = recording.test_id if not own and isinstance(recording.test_id, str) else None
            return Closest(path, changes_of(recording.request, asked.recorded), owner)
        except (HashtapeError, OSError, ValueError, RecursionError):
            return None

    def _candidates(self) -> tuple[_Candidates, _Candidates]:
        """The recorded requests of the test, and those of other tests in its directory; read once."""
        if self._found is None:
            own: _Candidates = []
            others: _Candidates = []
            extra = [RecordingDir(path) for path in self._setup.extra_paths if path.is_dir()]
            for directory in (self._answers.directory, *extra):
                for path, head in directory.heads():
                    if isinstance(head.request, OtherRequest):
                        continue
                    is_own = directory in extra or isinstance(head.test_id, Unset)
                    is_own = is_own or head.test_id in self._setup.test_ids
                    (own if is_own else others).append((path, head.request))
            self._found = own, others
        return self._found
