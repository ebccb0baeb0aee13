"""Streams of server-sent events, whichever provider sends them: one labelled entry an event (spec §1, §5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hashtape.codecs.base import Context, Decoded, Piece, chunk, chunk_data, is_chunk, label_of, value_of
from hashtape.codecs.framing import Framing
from hashtape.codecs.json_text import Json, NotJsonError, compact, parse
from hashtape.codecs.labels import (
    CHAT_LABELS,
    TEXT_EVENT,
    ends_stream,
    event_label,
    is_event_label,
    name_key,
    promises_json,
    usual_end,
    usual_event,
    writing_label,
)
from hashtape.codecs.sse import Event, EventSplitter, parse_event
from hashtape.codecs.streams import SplitDecoder, decode_whole, respell_whole
from hashtape.codecs.templates import FramingError, template, text_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hashtape.codecs.templates import Template

__all__ = ["SseCodec", "SseDecoder", "parse_payload", "template_of"]

_CONTENT_TYPE = "text/event-stream; charset=utf-8"
_MISLABELLED = frozenset({"application/octet-stream", "text/plain"})
"""The content types under which servers send the streams of operations whose clients do not look at them."""
_FIRST_FIELDS = (b"data:", b"event:", b"id:", b"retry:", b":")


class SseDecoder(SplitDecoder):
    """Decode such a stream as it arrives. See `StreamDecoder`.

    Events without data, comments and the end marker are no chunks. Nor is, where the operation promises JSON,
    an event with anything else: readers of the original tool could do nothing with it.

    Args:
        context: The exchange.
    """

    content_type = _CONTENT_TYPE

    def __init__(self, context: Context) -> None:
        super().__init__(EventSplitter())
        self._context = context
        self._promises_json = promises_json(context)
        self._spell = context.spell
        self._templates: dict[object, str | None] = {}
        self._has_text = False

    def encode(self, piece: Piece) -> bytes:
        """See `StreamDecoder`."""
        event = parse_event(piece.raw) if piece.is_chunk else None
        if event is None or is_chunk(piece.entry, TEXT_EVENT):
            return piece.raw
        return event.written(self._spell(chunk_data(piece.entry)))

    def decoded(self, entries: list[Json]) -> Decoded | None:
        """See `StreamDecoder`. A stream none of whose events is what its operation promises is text."""
        return None if self._has_text and not entries else super().decoded(entries)

    def _usual_end(self, entries: list[Json]) -> str:
        return usual_end(label_of(entries[0]) if entries else None, self._context)

    def _piece(self, raw: bytes) -> Piece:
        event = parse_event(raw)
        read = None if event is None else self._read(event)
        if event is None or read is None or not self._note(event, *read):
            return self._other(raw)
        return Piece(chunk(*read), is_chunk=True, raw=raw)

    def _read(self, event: Event) -> tuple[str, Json] | None:
        """The label and data that are stored of an event; None if nothing is."""
        try:
            data = parse_payload(event.data)
        except NotJsonError:
            if event.data.strip() == b"[DONE]":
                self._end_came = True
                return None
            self._has_text = True
            return None if self._promises_json else (TEXT_EVENT, text_of(event.data))
        label = event_label(data, event.name, self._context)
        self._end_came = self._end_came or ends_stream(label, data)
        return label, data

    def _note(self, event: Event, label: str, data: Json) -> bool:
        """Note the framing of an event; False if a template cannot tell it."""
        if label == TEXT_EVENT and not event.is_even:
            return False
        key = name_key(data, event.name)
        # The events of a stream are written by few templates, and checking one takes longer than reading it.
        kind = (event.lines, key or event.name, key is None)
        if kind not in self._templates:
            self._templates[kind] = template_of(event, key)
        written = self._templates[kind]
        if written is None:
            return False
        self._log.add_chunk(written, usual_event(label, data), event.event_id)
        return True


def template_of(event: Event, key: str | None) -> str | None:
    """The template that an event was written by; None if something in it looks like a place.

    Args:
        event: The event.
        key: The key in its data that holds its name, None if there is none.
    """
    written = event.template(key)
    places = {"data", *([f"data.{key}"] if key else []), *(["id"] if event.event_id is not None else [])}
    try:
        return written if template(written).places == places else None
    except FramingError:
        return None


def parse_payload(payload: bytes) -> Json:
    """The data of an event as JSON. What is no object or list may be meant as text: each of its bytes counts.

    Raises:
        NotJsonError: It is none.
    """
    data = parse(payload)
    if not isinstance(data, (dict, list)) and compact(data) != payload:
        raise NotJsonError("text that could be read as JSON")
    return data


def _is_all_json(decoded: Decoded | None) -> bool:
    """Whether a stream has events with JSON, no others, and nothing but comments and the like beside."""
    if decoded is None or not isinstance(decoded.body, list) or not decoded.body:
        return False
    framing = decoded.framing if isinstance(decoded.framing, dict) else {}
    return TEXT_EVENT not in map(label_of, decoded.body) and "between" not in framing


def _text_event(written: Template, data: Json, event_id: str) -> bytes:
    if not isinstance(data, str):
        raise FramingError("an event of text whose data is none")
    return written.fill(written.payload_of(data), data, event_id)


class SseCodec:
    """Bytes of a stream of events ↔ a list of its chunks."""

    name = "sse"
    proves_itself = False
    content_type = _CONTENT_TYPE

    def decoder(self, context: Context) -> SseDecoder | None:
        """See `StreamCodec`."""
        kind = context.media_type.partition(";")[0]
        is_mislabelled = kind in _MISLABELLED and promises_json(context)
        return SseDecoder(context) if kind == "text/event-stream" or is_mislabelled else None

    def decode(self, body: bytes, context: Context) -> Decoded | None:
        """See `Codec`; also decodes what is such a stream without its content type."""
        if self.decoder(context) is not None:
            return decode_whole(SseDecoder(context), body)
        # A server forgot it, or a filter took all headers away.
        if not body.startswith(_FIRST_FIELDS) or not (promises_json(context) or not context.content_type):
            return None
        decoded = decode_whole(SseDecoder(context), body)
        return decoded if promises_json(context) or _is_all_json(decoded) else None

    def encode(self, decoded: Decoded, context: Context) -> Iterable[bytes] | None:
        """See `Codec`. The labels of the chunks decide: old files name other operations (spec §6)."""
        body = decoded.body
        if not decoded.is_streaming or not isinstance(body, list):
            return None
        labels = [writing_label(label_of(entry) or "", context) for entry in body]
        if not all(map(is_event_label, set(labels))):
            return None
        if not body and decoded.framing is None and context.operation not in CHAT_LABELS:
            return None
        framing = Framing(decoded.framing, len(body))
        if framing.form:
            return None
        spell = context.spell

        def usual(index: int) -> str:
            return usual_event(labels[index], value_of(body[index]))

        def write(index: int, written: Template, event_id: str) -> bytes:
            data = value_of(body[index])
            if labels[index] == TEXT_EVENT:
                return _text_event(written, data, event_id)
            return written.fill(spell(data), data, event_id)

        return framing.join(usual, write, usual_end(labels[0] if body else None, context))

    def respelled(self, body: bytes, context: Context) -> bytes:
        """See `Codec`."""
        return respell_whole(SseDecoder(context), body)
