"""Streams written exactly as their providers usually write them, in half the time that any stream takes.

They are taken apart event by event, and each is proved as it is: what stands around its JSON is what encoding
puts there, and its JSON is read by the parser that loses nothing (spec §7). A stream in which one event is
otherwise is left to the codecs that follow.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from hashtape.codecs.base import Context, Decoded, chunk, chunk_data, label_of
from hashtape.codecs.json_lines import entry_of, lines_label, value_of
from hashtape.codecs.json_text import Json, NotJsonError, compact, parse
from hashtape.codecs.labels import (
    NAMED,
    TEXT_EVENT,
    UNNAMED,
    event_label,
    is_event_label,
    usual_end,
    usual_event,
)
from hashtape.codecs.templates import bytes_of, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hashtape.codecs.base import StreamDecoder

__all__ = ["UsualEventsCodec", "UsualLinesCodec"]

_DATA, _EVENT = b"data: ", b"event: "
_DONE = b"data: [DONE]"


class UsualEventsCodec:
    """Events of one data line, named by their type or not, with no framing to be told of."""

    name = "usual-sse"
    proves_itself = True
    content_type = "text/event-stream; charset=utf-8"

    def decoder(self, context: Context) -> StreamDecoder | None:  # noqa: ARG002  (protocol)
        """None: a stream that is still to come may turn out to be any."""
        return None

    def decode(self, body: bytes, context: Context) -> Decoded | None:
        """See `Codec`."""
        if context.media_type != "text/event-stream":
            return None
        line_break = b"\r\n\r\n" if body.endswith(b"\r\n\r\n") else b"\n\n"
        if not body.endswith(line_break):
            return None
        end = b""
        entries: list[Json] = []
        for event in _parts(body, line_break):
            if end:
                return None  # something follows the end
            if event == _DONE:
                end = _DONE + line_break
                continue
            name, head, payload = _taken_apart(event)
            if b"\n" in payload or b"\r" in payload:
                return None  # white space for JSON, and another line of the event
            try:
                data = parse(payload)
            except NotJsonError:
                return None
            label = event_label(data, name, context)
            if (head, line_break) != _around(usual_event(label, data), data):
                return None
            entries.append(chunk(label, data))
        return Decoded(entries, is_streaming=True) if entries and end == _end(entries, context) else None

    def encode(self, decoded: Decoded, context: Context) -> bytes | None:
        """See `Codec`."""
        body = decoded.body
        if not decoded.is_streaming or decoded.framing is not None or not isinstance(body, list) or not body:
            return None
        stream = BytesIO()  # hands out its bytes without another copy of them
        for entry in body:
            label = label_of(entry)
            if label is None or label == TEXT_EVENT or not is_event_label(label):
                return None
            data = chunk_data(entry)
            before, after = _around(usual_event(label, data), data)
            stream.write(before)
            stream.write(compact(data))
            stream.write(after)
        stream.write(_end(body, context))
        return stream.getvalue()

    def respelled(self, body: bytes, context: Context) -> bytes:
        """See `Codec`."""
        decoded = self.decode(body, context)
        return (None if decoded is None else self.encode(decoded, context)) or body


def _parts(body: bytes, line_break: bytes) -> Iterator[bytes]:
    """What stands between the breaks of a body, and after the last one; no second copy of a long body."""
    start = 0
    while (end := body.find(line_break, start)) >= 0:
        yield body[start:end]
        start = end + len(line_break)
    if start < len(body):
        yield body[start:]


def _taken_apart(event: bytes) -> tuple[str | None, bytes, bytes]:
    """The name of an event, what stands before its data, and its data."""
    if event.startswith(_DATA):
        return None, _DATA, event[len(_DATA) :]
    head, found, payload = event.partition(b"\n" + _DATA)
    name = text_of(head[len(_EVENT) :]) if head.startswith(_EVENT) else None
    return name, head + found, payload


def _around(usual: str, data: Json) -> tuple[bytes, bytes]:
    """What usually stands before and after the data of an event."""
    if usual == NAMED and isinstance(data, dict):
        return _EVENT + bytes_of(str(data["type"])) + b"\n" + _DATA, b"\n\n"
    return (_DATA, b"\n\n") if usual == UNNAMED else (_DATA, b"\r\n\r\n")


def _end(entries: list[Json], context: Context) -> bytes:
    return usual_end(entries[0], context).encode()


class UsualLinesCodec:
    """JSON lines without anything between them."""

    name = "usual-json-lines"
    proves_itself = True
    content_type = "application/x-ndjson"

    def decoder(self, context: Context) -> StreamDecoder | None:  # noqa: ARG002  (protocol)
        """None: a stream that is still to come may turn out to be any."""
        return None

    def decode(self, body: bytes, context: Context) -> Decoded | None:
        """See `Codec`."""
        if context.media_type != self.content_type or not body.endswith(b"\n") or b"\r" in body:
            return None
        label = lines_label(context)
        try:
            values = [parse(line) for line in _parts(body, b"\n")]
        except NotJsonError:
            return None
        entries = [entry_of(value) if label is None else chunk(label, value) for value in values]
        return Decoded(entries, is_streaming=True)

    def encode(self, decoded: Decoded, context: Context) -> bytes | None:  # noqa: ARG002  (protocol)
        """See `Codec`; takes every list of chunks without a framing that no other codec takes."""
        body = decoded.body
        if not decoded.is_streaming or decoded.framing is not None or not isinstance(body, list):
            return None
        stream = BytesIO()
        for entry in body:
            stream.write(compact(value_of(entry)))
            stream.write(b"\n")
        return stream.getvalue()

    def respelled(self, body: bytes, context: Context) -> bytes:
        """See `Codec`."""
        decoded = self.decode(body, context)
        return (None if decoded is None else self.encode(decoded, context)) or body
