"""What differs between two recordings, as people see them: the request, what was said, what was called."""

from __future__ import annotations

import json
import re
from itertools import zip_longest
from typing import TYPE_CHECKING

from hashtape.cli.exchange import reply_of
from hashtape.miss import Change, changes
from hashtape.miss.difference import is_same_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hashtape.cli.exchange import Part
    from hashtape.codecs import Json
    from hashtape.miss.difference import Absent
    from hashtape.recording import Answer, Recording

__all__ = ["differences"]

_MADE_ID = re.compile(r"rec-[0-9a-f]{12}")
"""The id of an answer that is made of its request's (spec §4): it says nothing of the answer."""


def differences(before: Recording, after: Recording) -> list[Change]:
    """What differs, the request first.

    Answers are compared by what they say. Only of those that say the same is every field compared: how a text
    was cut into chunks matters when nothing else changed.

    Args:
        before: One recording.
        after: The other one.

    Returns:
        The changes; none if the files hold the same.
    """
    found = list(changes(_around(before), _around(after)))
    for number, (was, becomes) in enumerate(zip_longest(before.answers, after.answers), 1):
        name = "answer" if number == 1 else f"answer {number}"
        found += _of_answers(was, becomes, name)
    return found


def _of_answers(was: Answer | None, becomes: Answer | None, name: str) -> Iterator[Change]:
    if was is None or becomes is None:
        # An answer that came or went is told whole, by what it says.
        yield from changes({} if was is None else _said(was), {} if becomes is None else _said(becomes), name)
        return
    said = list(changes(_said(was), _said(becomes), name))
    yield from said or changes(was.to_json(), becomes.to_json(), name, is_same=_is_same)


def _is_same(one: Json | Absent, other: Json | Absent) -> bool:
    if isinstance(one, str) and isinstance(other, str) and _MADE_ID.fullmatch(one):
        return bool(_MADE_ID.fullmatch(other))
    return is_same_json(one, other)


def _around(recording: Recording) -> dict[str, Json]:
    """All of a file but its answers, and without a mapping that maps nothing."""
    skipped = {"response", "later_responses"}
    if not recording.id_normalization_mapping:
        skipped.add("id_normalization_mapping")
    return {key: value for key, value in recording.to_json().items() if key not in skipped}


def _said(answer: Answer) -> dict[str, Json]:
    """What an answer says. The ids of its calls are others each time, and left out."""
    reply = reply_of(answer)
    said: dict[str, Json] = {"status": reply.status, "text": reply.text, "tool_calls": []}
    said["tool_calls"] = [{"name": call.name, "arguments": _arguments(call)} for call in reply.tool_calls]
    for turn in reply.turns:
        for part in turn.parts:
            if part.kind not in {"text", "tool call"}:
                said[part.kind] = f"{said.get(part.kind, '')}{part.text}\n"
    said |= {"finish": [*reply.finish], "tokens": reply.usage.to_json(), "error": reply.error}
    return {key: value for key, value in said.items() if value not in ("", [])}


def _arguments(call: Part) -> Json:
    try:
        arguments: Json = json.loads(call.text)
    except (ValueError, RecursionError):
        return call.text
    return arguments
