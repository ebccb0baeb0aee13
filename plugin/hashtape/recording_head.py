"""The beginning of a recording file: whose it is and what was asked, without the answers behind it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple

from hashtape.recording import UNSET, InvalidRecordingError, request_from_json

if TYPE_CHECKING:
    from hashtape.recording import RecordedRequest, Unset

__all__ = ["RecordingHead", "read_head"]

_HEAD = re.compile(r'\s*\{\s*(?:"test_id":\s*(null|"(?:[^"\\]|\\.)*")\s*,\s*)?"request":\s*(?=\{)')
_DECODER = json.JSONDecoder()


class RecordingHead(NamedTuple):
    """What a recording says before its answers.

    Args:
        test_id: The pytest node id, None outside a test; `UNSET` for old files, which have no such key.
        request: What was asked.
    """

    test_id: str | Unset | None
    request: RecordedRequest


def read_head(data: bytes) -> RecordingHead | None:
    """The head of a recording, of which the text may be cut off anywhere behind the request.

    That is a matter of microseconds, however long the answers are.

    Args:
        data: The file's bytes, or its first ones.

    Returns:
        None where the keys are in another order, the request is not all there, or this is no recording: who
        reads the whole file knows.
    """
    text = data.decode("utf-8", "replace")
    match = _HEAD.match(text)
    if match is None:
        return None
    try:
        request, _ = _DECODER.raw_decode(text, match.end())
        test_id = UNSET if match.group(1) is None else json.loads(match.group(1))
        return RecordingHead(test_id, request_from_json(request))
    except (ValueError, RecursionError, InvalidRecordingError):
        return None
