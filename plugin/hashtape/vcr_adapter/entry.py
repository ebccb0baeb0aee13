"""A recording in use by a cassette, and how an answer is put into it or taken out."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from hashtape.recording import OtherRequest
from hashtape.vcr_adapter.vcr_responses import CUT_STREAM

if TYPE_CHECKING:
    from pathlib import Path

    from hashtape.recording import Answer, HttpRequest, InferenceRequest, Recording
    from hashtape.recording_file import Stamp

__all__ = ["Entry", "Slot", "host_of", "url_of", "without"]


class _Change(NamedTuple):
    """An answer that was put into a recording, and the one whose place it took, if it took one."""

    recorded: InferenceRequest | HttpRequest
    answer: Answer
    instead_of: Answer | None


@dataclass(slots=True, eq=False)
class Entry:
    """A recording in use: what this cassette found and what it recorded, not what others write meanwhile.

    Args:
        recording: The recording.
        stamps: Its files, each with the stamp that it had when it held just this recording; None when it
            never did.
        is_foreign: Whether it is from an extra cassette, and so not to be changed.
        plays: How often each answer was played, by its number.
        fresh: The numbers of the answers that were recorded just now.
        turns: Of those, in which turn each was asked for (see `Asked.turn`).
        unwritten: What was put in since the recording was last written.
    """

    recording: Recording
    stamps: dict[Path, Stamp | None]
    is_foreign: bool = False
    plays: dict[int, int] = field(default_factory=dict)
    fresh: set[int] = field(default_factory=set)
    turns: dict[int, int] = field(default_factory=dict)
    unwritten: list[_Change] = field(default_factory=list)

    @classmethod
    def of_first(cls, recording: Recording, recorded: InferenceRequest | HttpRequest, path: Path) -> Entry:
        """The entry of a recording that is new, with its first answer.

        Args:
            recording: The recording.
            recorded: Its request.
            path: The file that it belongs in.
        """
        return cls(
            recording, {path: None}, fresh={0}, unwritten=[_Change(recorded, recording.response, None)]
        )

    @property
    def paths(self) -> list[Path]:
        """Its files."""
        return list(self.stamps)

    @property
    def slots(self) -> list[Slot]:
        """All its answers."""
        return [Slot(self, number) for number in range(len(self.recording.answers))]

    def put(self, recorded: InferenceRequest | HttpRequest, answer: Answer, *, replaces: bool) -> int:
        """Add an answer.

        Args:
            recorded: The request that it answers, as it is to be stored.
            answer: The answer.
            replaces: Whether it takes the place of the first one that was not recorded just now.

        Returns:
            Its number.
        """
        answers = self.recording.answers
        number = len(answers)
        if replaces:
            number = next((old for old in range(number) if old not in self.fresh), number)
        instead_of = answers[number] if number < len(answers) else None
        _put(self.recording, number, recorded, answer)
        self.fresh.add(number)
        self.unwritten.append(_Change(recorded, answer, instead_of))
        return number

    def put_in_order(self) -> bool:
        """Bring the answers recorded just now, which came as they came, into the order of asking.

        A program that asks the same thing several times at once knows its answers by that order.

        Returns:
            Whether anything has changed.
        """
        numbers = sorted(self.turns)
        asked = sorted(numbers, key=lambda number: self.turns[number])
        answers = self.recording.answers
        # Of several hosts each has its own order; and a turn that is unknown says nothing.
        if asked == numbers or 0 in self.turns.values() or any(answer.url for answer in answers):
            return False
        in_order = dict(zip(numbers, [answers[number] for number in asked], strict=True))
        answers = [in_order.get(number, answer) for number, answer in enumerate(answers)]
        self.recording.response, *self.recording.later_responses = answers
        self.turns = dict(zip(numbers, sorted(self.turns.values()), strict=True))
        return True

    def put_into(self, theirs: Recording) -> Recording:
        """Add what was not written yet to what another writer made of the file meanwhile.

        An answer takes the place of an old one there as it did here. What the other writer recorded stays.

        Args:
            theirs: The recording in the file; it is changed and returned.
        """
        for change in self.unwritten:
            answers = theirs.answers
            is_there = change.instead_of is not None and change.instead_of in answers
            number = answers.index(change.instead_of) if is_there else len(answers)  # type: ignore[arg-type]
            _put(theirs, number, change.recorded, replace(change.answer, url=None))
        return theirs


class Slot(NamedTuple):
    """One answer of a recording.

    Args:
        entry: The recording.
        number: Which answer: 0 is `response`, the others are in `later_responses`.
    """

    entry: Entry
    number: int

    @property
    def answer(self) -> Answer:
        """The answer."""
        return self.entry.recording.answers[self.number]

    @property
    def host(self) -> str:
        """The host that gave the answer."""
        return host_of(self.answer.url or url_of(self.entry.recording))

    @property
    def is_for_all_calls(self) -> bool:
        """Whether it is a failure that another recorder stored above the client, after all its retries."""
        answer = self.answer
        return answer.is_exception and (answer.exception_data or {}).get("category") != CUT_STREAM


def _put(recording: Recording, number: int, recorded: InferenceRequest | HttpRequest, answer: Answer) -> None:
    """Give a recording an answer under a number, which may be the one after its last."""
    url = url_of(recording)
    is_other_host = host_of(recorded.url) != host_of(url)
    if number:
        if is_other_host:
            answer.url = recorded.url
        recording.later_responses[number - 1 : number] = [answer]
        return
    if is_other_host:
        for later in recording.later_responses:
            later.url = later.url or url
    extra = recorded.extra if isinstance(recording.request, OtherRequest) else recording.request.extra
    recording.request = replace(recorded, extra=extra)  # provider_metadata, say, stays
    recording.response = answer


def without(recording: Recording, unused: list[Answer]) -> Recording | None:
    """Take answers out of a recording; None, and nothing done, when no other is left.

    Args:
        recording: The recording; it is changed and returned.
        unused: The answers; some need not be there.
    """
    left = recording.answers
    for answer in unused:
        if answer in left:
            left.remove(answer)
    if not left:
        return None
    recording.response, *recording.later_responses = left
    return recording


def host_of(url: str) -> str:
    """The host, and port, of a URL."""
    return url.partition("://")[2].partition("/")[0]


def url_of(recording: Recording) -> str:
    """The recorded URL of a recording; empty when it never was HTTP."""
    return "" if isinstance(recording.request, OtherRequest) else recording.request.url
