"""Streams written exactly as their providers usually write them, in half the time that any stream takes.

They are taken apart event by event, and each is proved as it is: what stands around its JSON is what encoding
puts there, and its JSON is read by the parser that loses nothing (spec §7). A stream in which one event is
otherwise is left to the codecs that follow.
"""

from __future__ import annotations

from codecs import BOM_UTF8
from functools import lru_cache
from typing import TYPE_CHECKING

from hashtape.codecs import aws_messages, aws_stream, json_array
from hashtape.codecs.base import Context, Decoded, chunk, chunk_data, label_of, value_of
from hashtape.codecs.framing import FramingLog
from hashtape.codecs.json_lines import JsonLinesCodec, entry_of, lines_label
from hashtape.codecs.json_text import Json, NotJsonError, parse, parse_next
from hashtape.codecs.labels import (
    NAMED,
    TEXT_EVENT,
    UNNAMED,
    event_label,
    is_event_label,
    name_key,
    usual_end,
    usual_event,
)
from hashtape.codecs.packed import list_for
from hashtape.codecs.sse import parse_event
from hashtape.codecs.sse_stream import SseCodec, parse_payload, template_of
from hashtape.codecs.templates import FramingError, bytes_of, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from hashtape.codecs.base import StreamDecoder
    from hashtape.codecs.sse import Event

__all__ = ["UsualArrayCodec", "UsualEventsCodec", "UsualLinesCodec", "UsualMessagesCodec"]

_DATA, _EVENT = b"data: ", b"event: "
_SPACED, _UNSPACED = len(_DATA), len(b"data:")
_SPACED_ID = b"id: "
_DONE = b"[DONE]"
_LAST = (b"", b"data: [DONE]", b"data:[DONE]")
"""What a stream may end with that has no blank line."""
_ALL_NAMED: Json = {"event": NAMED}
"""The framing of events that are named although that is not usual for them."""


class UsualEventsCodec:
    """Events with JSON in the last of their lines, all of which end alike; comments and an end marker."""

    name = "usual-sse"
    proves_itself = True
    content_type = "text/event-stream; charset=utf-8"

    def decoder(self, context: Context) -> StreamDecoder | None:  # noqa: ARG002  (protocol)
        """None: a stream that is still to come may turn out to be any."""
        return None

    def decode(self, body: bytes, context: Context) -> Decoded | None:
        """See `Codec`."""
        if context.media_type != "text/event-stream" or body.startswith(BOM_UTF8):
            return None
        line_break = b"\r\n" if b"\r" in body else b"\n"
        breaks = body.count(line_break)
        if body.count(b"\n") != breaks or (line_break != b"\n" and body.count(b"\r") != breaks):
            return None
        entries = list_for(len(body))
        log = FramingLog()
        end = 0
        for event in _parts(body, line_break * 2):
            end += len(event) + 2 * len(line_break)
            start = event.rfind(b"\n") + 1
            if start == 0 and event.startswith(b":"):
                log.add_bytes(event + line_break * 2)  # a comment
                continue
            start += _SPACED if event.startswith(_DATA, start) else _UNSPACED
            payload = event[start:]
            shape, event_id = _shape_of(event[:start], line_break)
            if shape is None:
                return None
            try:
                data = parse_payload(payload)
            except NotJsonError:
                if payload != _DONE:
                    return None
                log.add_bytes(event + line_break * 2)
                continue
            written = shape.template(name_key(data, shape.name))
            if written is None:
                return None
            label = event_label(data, shape.name, context)
            log.add_chunk(written, usual_event(label, data), event_id)
            entries.append(chunk(label, data))
        rest = body[end:]
        if not entries or rest.rstrip() not in _LAST:
            return None
        log.add_bytes(rest)
        return Decoded(
            entries, is_streaming=True, framing=log.to_json(usual_end(label_of(entries[0]), context))
        )

    def encode(self, decoded: Decoded, context: Context) -> Iterable[bytes] | None:
        """See `Codec`."""
        body = decoded.body
        if not decoded.is_streaming or not isinstance(body, list) or not body:
            return None
        if decoded.framing not in (None, _ALL_NAMED):
            return None
        labels = [label_of(entry) for entry in body]
        if TEXT_EVENT in labels or not all(map(is_event_label, set(labels))):
            return None
        chunks = zip(labels, map(chunk_data, body), strict=True)
        return _events(chunks, decoded.framing, _end(body, context), context.spell)

    def respelled(self, body: bytes, context: Context) -> bytes:
        """See `Codec`."""
        return SseCodec().respelled(body, context)


def _events(
    chunks: Iterable[tuple[str | None, Json]], framing: Json, end: bytes, spell: Callable[[Json], bytes]
) -> Iterator[bytes]:
    for label, data in chunks:
        before, after = _around(NAMED if framing else usual_event(label or "", data), data)
        if not before:
            raise FramingError("an event without the name that its framing asks for")
        yield before + spell(data) + after
    yield end


def _parts(body: bytes, line_break: bytes) -> Iterator[bytes]:
    """What stands before each break of a body; no second copy of a long body."""
    start, size = 0, len(line_break)
    while (end := body.find(line_break, start)) >= 0:
        yield body[start:end]
        start = end + size


class _Shape:
    """How an event is written, whatever its data and its id.

    Args:
        event: Such an event.
    """

    def __init__(self, event: Event) -> None:
        self.name = event.name
        self._event = event
        self._templates: dict[str | None, str | None] = {}

    def template(self, key: str | None) -> str | None:
        """What `template_of` says of such an event."""
        if key not in self._templates:
            self._templates[key] = template_of(self._event, key)
        return self._templates[key]


def _shape_of(head: bytes, line_break: bytes) -> tuple[_Shape | None, str | None]:
    """The shape of an event that begins so, up to its data, and its id; no shape if it is another."""
    before, field, rest = head.partition(b"id:")
    if not field:
        return _shape(head, b"", line_break), None
    event_id, _, after = rest.partition(line_break)
    if not event_id.startswith(b" "):
        return _shape(before + field, line_break + after, line_break), text_of(event_id)
    return _shape(before + _SPACED_ID, line_break + after, line_break), text_of(event_id[1:])


@lru_cache(maxsize=256)
def _shape(head: bytes, after_id: bytes, line_break: bytes) -> _Shape | None:
    """The shape of an event, from what stands before its data, or before and after its id."""
    event_id = "0" if after_id else None
    event = parse_event(head + (b"0" if after_id else b"") + after_id + b"0" + line_break * 2)
    return None if event is None or event.data != b"0" or event.event_id != event_id else _Shape(event)


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
    return usual_end(label_of(entries[0]), context).encode()


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
        entries = list_for(len(body))
        try:
            for line in _parts(body, b"\n"):
                value = parse(line)
                entries.append(entry_of(value) if label is None else chunk(label, value))
        except NotJsonError:
            return None
        return Decoded(entries, is_streaming=True)

    def encode(self, decoded: Decoded, context: Context) -> Iterable[bytes] | None:
        """See `Codec`; takes every list of chunks without a framing that no other codec takes."""
        body = decoded.body
        if not decoded.is_streaming or decoded.framing is not None or not isinstance(body, list):
            return None
        spell = context.spell
        return (spell(value_of(entry)) + b"\n" for entry in body)

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
        entries = list_for(len(body))
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

    def encode(self, decoded: Decoded, context: Context) -> Iterable[bytes] | None:  # noqa: ARG002  (protocol)
        """None: `JsonArrayCodec` is as quick."""
        return None

    def respelled(self, body: bytes, context: Context) -> bytes:
        """See `Codec`."""
        return json_array.JsonArrayCodec().respelled(body, context)


_NEXT_ELEMENT = "\n,\r\n{"


class UsualMessagesCodec:
    """What Bedrock sends: the messages of an AWS event stream with the usual headers."""

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
        entries = list_for(len(body))
        is_model = aws_stream.is_model(context)
        position = 0
        try:
            while position < len(body):
                block, payload, position = aws_messages.next_message(body, position)
                label = aws_stream.usual_label(block)
                if label is None:
                    return None
                entries.append(chunk(label, aws_stream.unpacked(payload, is_model=is_model)))
        except ValueError:
            return None
        return Decoded(entries, is_streaming=True) if entries else None

    def encode(self, decoded: Decoded, context: Context) -> Iterable[bytes] | None:  # noqa: ARG002  (protocol)
        """See `Codec`."""
        body = decoded.body
        if not decoded.is_streaming or decoded.framing is not None or not isinstance(body, list) or not body:
            return None
        labels = [label_of(entry) or "" for entry in body]
        if not all(map(aws_stream.usual_block, set(labels))):
            return None
        return _messages(zip(labels, map(chunk_data, body), strict=True))

    def respelled(self, body: bytes, context: Context) -> bytes:
        """See `Codec`."""
        return aws_stream.AwsStreamCodec().respelled(body, context)


def _messages(chunks: Iterable[tuple[str, Json]]) -> Iterator[bytes]:
    for label, data in chunks:
        yield aws_messages.message_of(aws_stream.usual_block(label) or b"", aws_stream.packed(data))
