"""What an answer says: its turns put together from whole answers and from the chunks of streams.

Each provider has its shapes of answers and chunks, told apart by their keys. A reader of a shape takes what
is its own and adds it to the `Assembly`; what nobody takes is counted, so that nothing vanishes silently.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hashtape.cli.exchange.assembly import Assembly
from hashtape.cli.exchange.readers import READERS
from hashtape.cli.exchange.turns import Part, Turn, Usage, text_at
from hashtape.cli.exchange.usage import usage_in

if TYPE_CHECKING:
    from hashtape.codecs import Json
    from hashtape.recording import Answer

__all__ = ["Reply", "reply_of"]

_FIRST_ERROR = 400


@dataclass(slots=True)
class Reply:
    """An answer for people.

    Args:
        turns: What was said: one turn a choice.
        usage: What it cost.
        finish: Why each choice ended, as the provider words it, without repetition.
        status: The HTTP status.
        chunks: How many chunks a stream has; None for a whole answer.
        error: What went wrong: the error of the provider, a recorded exception, a broken stream.
        unread: How many chunks nobody could read; a whole answer counts as one.
    """

    turns: list[Turn] = field(default_factory=list)
    usage: Usage = field(default_factory=Usage)
    finish: list[str] = field(default_factory=list)
    status: int = 200
    chunks: int | None = None
    error: str = ""
    unread: int = 0

    @property
    def text(self) -> str:
        """All text of all turns."""
        return "\n".join(part.text for turn in self.turns for part in turn.parts if part.kind == "text")

    @property
    def tool_calls(self) -> list[Part]:
        """All tool calls of all turns."""
        return [part for turn in self.turns for part in turn.parts if part.kind == "tool call"]

    def to_json(self) -> dict[str, Json]:
        """The reply for machines."""
        return {
            "status": self.status,
            "chunks": self.chunks,
            "turns": [turn.to_json() for turn in self.turns],
            "usage": self.usage.to_json(),
            "finish": [*self.finish],
            "error": self.error or None,
        }


def reply_of(answer: Answer) -> Reply:
    """Put an answer together."""
    if isinstance(answer.body, str):
        return _text_reply(answer, answer.body)
    # Also a whole answer may be a list of entries: that of the models.
    entries: list[Json] = answer.body if isinstance(answer.body, list) else [answer.body]
    assembly, usage, unread = Assembly(), Usage(), 0
    events = _events(entries)
    for label, data in events:
        usage.raise_to(usage_in(data))
        if not isinstance(data, dict) or not any(reader(label, data, assembly) for reader in READERS):
            unread += 1
    reply = Reply(assembly.turns(), usage, assembly.finish, unread=unread)
    if answer.is_streaming:
        reply.chunks = len(events)
    reply.status = _status(answer)
    reply.error = assembly.error
    if reply.status >= _FIRST_ERROR and not reply.error and (message := text_at(answer.body, "message")):
        reply.error, reply.unread = message, 0
    if answer.is_exception:
        _add_exception(reply, answer)
    return reply


def _text_reply(answer: Answer, text: str) -> Reply:
    """What an answer of plain text says: it is what was said, or what went wrong."""
    reply = Reply(status=_status(answer))
    if reply.status >= _FIRST_ERROR and not answer.is_exception:
        reply.error = text.strip()
    elif text:
        reply.turns = [Turn("assistant", [Part("text", text)])]
    if answer.is_exception:
        _add_exception(reply, answer)
    return reply


def _status(answer: Answer) -> int:
    return 200 if answer.status is None else answer.status


def _add_exception(reply: Reply, answer: Answer) -> None:
    details = answer.exception_data or {}
    status = details.get("status_code")
    if isinstance(status, int):
        reply.status = status
    message = text_at(details, "message") or text_at(answer.extra, "exception_message")
    if details.get("type") == "closed" and details.get("category") == "transport":
        reply.error = message or "it was read no further when it was recorded"
    elif details.get("category") == "transport":
        reply.error = f"the stream broke off: {message or text_at(details, 'type') or 'no reason told'}"
    else:
        reply.error = f"{text_at(details, 'type') or 'an exception'}: {message}".rstrip(": ")
        reply.unread = 0


def _events(entries: list[Json]) -> list[tuple[str, Json]]:
    """The labels and data of chunks, without the lines of a stream of lines that have none."""
    events: list[tuple[str, Json]] = []
    for entry in entries:
        label, data = "", entry
        if isinstance(entry, dict) and "__data__" in entry:
            label, data = text_at(entry, "__type__"), entry["__data__"]
        elif isinstance(entry, str):
            if not entry.startswith("data:"):
                continue
            data = _line_data(entry)
        if isinstance(data, dict) and label == "chunk" and isinstance(data.get("bytes"), dict):
            data = data["bytes"]  # Bedrock's InvokeModel wraps the events of the model's own API
        if data is not None:
            events.append((label, data))
    return events


def _line_data(line: str) -> Json:
    """The data of a line of a stream that is stored as raw lines (spec §6); None for its end."""
    text = line.removeprefix("data:").strip()
    if text == "[DONE]":
        return None
    try:
        data: Json = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return data
