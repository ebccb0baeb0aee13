"""Why a request has no recording, as text."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from hashtape.miss.shown import shown_change
from hashtape.recording import HttpRequest, InferenceRequest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hashtape.errors import RecordingFileError
    from hashtape.miss.closest import Closest

__all__ = ["describe_miss", "request_line"]

_MOST_CHANGES = 10
"""How many fields that differ are shown."""


def request_line(request: InferenceRequest | HttpRequest, wire_url: str) -> str:
    """A request in one line: method, URL on the wire, model."""
    body = request.payload if isinstance(request, HttpRequest) else {"model": request.model}
    model = body.get("model") if isinstance(body, dict) else None
    shown = f" ({model})" if model and isinstance(model, str) else ""
    return f"{request.method} {wire_url}{shown}"


def describe_miss(
    line: str,
    *,
    request_id: str,
    directory: Path,
    record_mode: str,
    test_id: str | None,
    played: int,
    recorded: bool,
    broken: Sequence[RecordingFileError] = (),
    others: Sequence[str] = (),
    closest: Closest | None = None,
) -> str:
    """The text of a miss.

    Args:
        line: The request, from `request_line`.
        request_id: Its id.
        directory: The cassette.
        record_mode: The mode that forbids to record.
        test_id: The pytest node id, None outside a test.
        played: How many answers to this very request the cassette had, all played already.
        recorded: Whether the cassette has recordings of this test at all.
        broken: Files of the cassette that could not be read.
        others: The test ids of the recordings in the directory, if they are of other tests only.
        closest: The closest recording, if there is any.
    """
    if played:
        times = "once" if played == 1 else f"{played} times"
        verdict = f"it was recorded {times}, and each answer has been played already"
    elif recorded:
        verdict = "no recording of this test has this request: it is new, or it changed"
    else:
        verdict = "this test has no recordings yet"
    mode = "new_episodes" if recorded or played else "once"
    lines = [
        f"No recording for {line}: {verdict}.",
        f"  expected: {directory / f'{request_id}.json'}",
        f"  record mode: {record_mode}, which does not record it",
    ]
    same_in = [] if closest is None or closest.changes else closest.test_ids
    if closest is not None:
        lines += _closest_lines(closest)
    if same_in and test_id is not None and not recorded:
        lines.append(_renamed_line(same_in, test_id))
    if others and not same_in:
        lines.append(f"  the recordings there belong to {_first_of(others)}: each test has its own")
    lines += [f"  unreadable: {error}" for error in broken]
    if test_id is not None:
        command = f"pytest {shlex.quote(test_id)} --record-mode={mode}"
    else:
        command = f'use_cassette({str(directory)!r}, record_mode="{mode}")'
    lines.append(f"  record it:  {command}")
    return "\n".join(lines)


def _renamed_line(test_ids: Sequence[str], test_id: str) -> str:
    """How this test gets the recordings of a test that it may have been."""
    # Of several, nobody knows which one it was, and the others still need theirs.
    is_one = len(test_ids) == 1
    which, old = ("it", shlex.quote(test_ids[0])) if is_one else ("one of them", "OLD_NODE_ID")
    move = f"hashtape mv {old} {shlex.quote(test_id)}"
    return f"  each test has its own recordings; if {which} was renamed to this one: {move}"


def _first_of(test_ids: Sequence[str]) -> str:
    return f"{test_ids[0]} and {len(test_ids) - 1} more" if len(test_ids) > 1 else test_ids[0]


def _closest_lines(closest: Closest) -> list[str]:
    owner = f" of {_first_of(closest.test_ids)}" if closest.test_ids else ""
    count = len(closest.changes)
    if not count:
        return [f"  closest: {closest.path}{owner}, with the same request"]
    lines = [f"  closest: {closest.path}{owner}; {count} field{'s differ' if count > 1 else ' differs'}:"]
    lines += [f"    {shown_change(change)}" for change in closest.changes[:_MOST_CHANGES]]
    if count > _MOST_CHANGES:
        lines.append(f"    and {count - _MOST_CHANGES} more")
    return lines
