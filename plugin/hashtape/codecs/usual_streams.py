"""Streams written exactly as their providers usually write them, in half the time that any stream takes.

They are taken apart event by event, and each is proved as it is: what stands around its JSON is what encoding
puts there, and its JSON is read by the parser that loses nothing (spec §7). A stream in which one event is
otherwise is left to the codecs that follow.
"""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING

from hashtape.codecs import aws_messages, aws_stream, json_array
from hashtape.codecs.base import Context, Decoded, chunk, chunk_data, label_of
from hashtape.codecs.framing import between_json
from hashtape.codecs.json_lines import JsonLinesCodec, entry_of, lines_label, value_of
from hashtape.codecs.json_text import Json, NotJsonError, compact, parse, parse_next
from hashtape.codecs.labels import (
    NAMED,
    TEXT_EVENT,
    UNNAMED,
    UNNAMED_CRLF,
    event_label,
    is_event_label,
    usual_end,
    usual_event,
)
from hashtape.codecs.sse_stream import SseCodec
from hashtape.codecs.templates import bytes_of, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hashtape.codecs.base import StreamDecoder

__all__ = ["UsualArrayCodec", "UsualEventsCodec", "UsualLinesCodec", "UsualMessagesCodec"]

_DATA, _EVENT = b"data: ", b"event: "
_DONE = b"data: [DONE]"
_ALL_NAMED: Json = {"event": NAMED}
"""The framing of events that are named although that is not usual for them."""


class UsualEventsCodec:
    """Events of one data line, all written alike, with nothing but comments between them."""

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
        between: dict[int, bytes] = {}
        entries: list[Json] = []
        are_usual = are_named = are_crlf = True
        has_ended = False
        for event in _parts(body, line_break):
            if has_ended:
                return None  # something follows the end
            if event == _DONE or (event.startswith(b":") and b"\n" not in event):
                has_ended = event == _DONE
                between[len(entries)] = between.get(len(entries), b"") + event + line_break
                continue
            name, head, payload = _taken_apart(event)
            if b"\n" in payload or b"\r" in payload:
                return None  # white space for JSON, and another line of the event
            try:
                data = parse(payload)
            except NotJsonError:
                return None
            label = event_label(data, name, context)
            written = (head, line_break)
            usual = usual_event(label, data)
            are_usual = are_usual and written == _around(usual, data)
            are_named = are_named and usual != NAMED and written == _around(NAMED, data)
            are_crlf = are_crlf and usual != UNNAMED_CRLF and written == _around(UNNAMED_CRLF, data)
            if not (are_usual or are_named or are_crlf):
                return None
            entries.append(chunk(label, data))
        if not entries:
            return None
        framing: dict[str, Json] = {} if are_usual else {"event": NAMED if are_named else UNNAMED_CRLF}
        end = between.pop(len(entries), b"")
        if between:
            framing["between"] = between_json(between)
        if end != _end(entries, context):
            framing["end"] = text_of(end)
        return Decoded(entries, is_streaming=True, framing=framing or None)

    def encode(self, decoded: Decoded, context: Context) -> bytes | None:
        """See `Codec`."""
        body = decoded.body
        if not decoded.is_streaming or not isinstance(body, list) or not body:
            return None
        if decoded.framing not in (None, _ALL_NAMED):
            return None
        stream = BytesIO()  # hands out its bytes without another copy of them
        for entry in body:
            label = label_of(entry)
            if label is None or label == TEXT_EVENT or not is_event_label(label):
                return None
            data = chunk_data(entry)
            before, after = _around(usual_event(label, data) if decoded.framing is None else NAMED, data)
            if not before:
                return None
            stream.write(before)
            stream.write(compact(data))
            stream.write(after)
        stream.write(_end(body, context))
        return stream.getvalue()

    def respelled(self, body: bytes, context: Context) -> bytes:
        """See `Codec`."""
        return SseCodec().respelled(body, context)


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
    """What usually stands before and after the data of an event; nothing if there is no name for it."""
    if usual == NAMED:
        name = data.get("type") if isinstance(data, dict) else None
        return _named(name) if isinstance(name, str) else (b"", b"")
    return (_DATA, b"\n\n") if usual == UNNAMED else (_DATA, b"\r\n\r\n")


@lru_cache(maxsize=256)
def _named(name: str) -> tuple[bytes, bytes]:
    return _EVENT + bytes_of(name) + b"\n" + _DATA, b"\n\n"


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
        return JsonLinesCodec().respelled(body, context)


class UsualArrayCodec:
    """Gemini's streamed arrays, with the separators that its servers write."""

    name = "usual-json-array"
    proves_itself = True
    content_type = "application/json"

    def decoder(self, context: Context) -> StreamDecoder | None:  # noqa: ARG002  (protocol)
        """None: a stream that is still to come may turn out to be any."""
        return None

    def decode(self, body: bytes, context: Context) -> Decoded | None:
        """See `Codec`."""
        if not json_array.is_call(context) or not body.startswith(b"[{"):
            return None
        entries: list[Json] = []
        try:
            text = body.decode("utf-8")
            position = 1
            while True:
                value, position = parse_next(text, position)
                entries.append(json_array.element_entry(value))
                if not text.startswith(_NEXT_ELEMENT, position):
                    break
                position += len(_NEXT_ELEMENT) - 1
        except ValueError:
            return None
        return json_array.usual(entries) if text[position:] == json_array.END else None

    def encode(self, decoded: Decoded, context: Context) -> bytes | None:  # noqa: ARG002  (protocol)
        """None: `JsonArrayCodec` is as quick."""
        return None

    def respelled(self, body: bytes, context: Context) -> bytes:
        """See `Codec`."""
        return json_array.JsonArrayCodec().respelled(body, context)


_NEXT_ELEMENT = "\n,\r\n{"


class UsualMessagesCodec:
    """Bedrock's conversations: the messages of an AWS event stream with the usual headers, and JSON."""

    name = "usual-aws-event-stream"
    proves_itself = True
    content_type = "application/vnd.amazon.eventstream"

    def decoder(self, context: Context) -> StreamDecoder | None:  # noqa: ARG002  (protocol)
        """None: a stream that is still to come may turn out to be any."""
        return None

    def decode(self, body: bytes, context: Context) -> Decoded | None:
        """See `Codec`."""
        if context.media_type != self.content_type:
            return None
        entries: list[Json] = []
        position = 0
        try:
            while position < len(body):
                block, payload, position = aws_messages.next_message(body, position)
                label = aws_stream.usual_label(block)
                data = parse(payload)
                if label is None or not aws_stream.is_plain(data):
                    return None
                entries.append(chunk(label, data))
        except ValueError:
            return None
        return Decoded(entries, is_streaming=True) if entries else None

    def encode(self, decoded: Decoded, context: Context) -> bytes | None:  # noqa: ARG002  (protocol)
        """See `Codec`."""
        body = decoded.body
        if not decoded.is_streaming or decoded.framing is not None or not isinstance(body, list) or not body:
            return None
        stream = BytesIO()
        for entry in body:
            label = label_of(entry)
            block = None if label is None else aws_stream.usual_block(label)
            if block is None or not aws_stream.is_plain(data := chunk_data(entry)):
                return None
            stream.write(aws_messages.message_of(block, compact(data)))
        return stream.getvalue()

    def respelled(self, body: bytes, context: Context) -> bytes:
        """See `Codec`."""
        return aws_stream.AwsStreamCodec().respelled(body, context)
