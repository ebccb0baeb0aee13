"""Why a request has no recording, as text. Pure: it is told everything."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from hashtape.recording import HttpRequest, InferenceRequest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hashtape.errors import RecordingFileError

__all__ = ["describe_miss", "request_line"]


def request_line(request: InferenceRequest | HttpRequest, wire_url: str) -> str:
    """A request in one line: method, URL on the wire, model."""
    model = f" ({request.model})" if isinstance(request, InferenceRequest) and request.model else ""
    return f"{request.method} {wire_url}{model}"


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
    if others:
        more = f" and {len(others) - 1} more" if len(others) > 1 else ""
        lines.append(f"  the recordings there belong to {others[0]}{more}: the test id is part of each name,")
        lines.append("  so after renaming or moving a test, record it again")
    lines += [f"  unreadable: {error}" for error in broken]
    if test_id is not None:
        command = f"pytest {shlex.quote(test_id)} --record-mode={mode}"
    else:
        command = f'use_cassette({str(directory)!r}, record_mode="{mode}")'
    lines.append(f"  record it:  {command}")
    return "\n".join(lines)
