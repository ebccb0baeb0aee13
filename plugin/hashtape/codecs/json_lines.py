"""One JSON value a line: Ollama's streams, and all others of that kind (spec §1, §5)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hashtape.codecs.base import Context, Decoded, Piece, chunk, label_of, value_of
from hashtape.codecs.framing import Framing
from hashtape.codecs.json_text import NotJsonError, parse
from hashtape.codecs.labels import JSON_VALUE, promises_json
from hashtape.codecs.splitters import LineSplitter
from hashtape.codecs.streams import SplitDecoder, decode_whole, respell_whole
from hashtape.codecs.templates import FramingError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hashtape.codecs.json_text import Json

__all__ = ["JsonLinesCodec", "JsonLinesDecoder", "entry_of", "lines_label"]

_CONTENT_TYPE = "application/x-ndjson"
_CONTENT_TYPES = frozenset(
    {
        _CONTENT_TYPE,
        "application/json-lines",
        "application/jsonl",
        "application/jsonlines",
        "application/ndjson",
        "application/stream+json",
        "application/x-json-stream",
        "application/x-jsonl",
        "application/x-jsonlines",
        "text/jsonl",
        "text/x-ndjson",
    }
)
_SUFFIXES = ("+json-lines", "+jsonl", "+jsonlines", "+ndjson")
_UNTOLD = frozenset({"", "application/json", "text/plain"})
"""The content types under which JSON lines come as well."""
_TWO_OBJECTS = re.compile(rb"\}[ \t]*\r?\n\{")
"""What no single JSON value holds: it has no such line break in a string, and a comma between objects."""

_PROGRESS = "ollama._types.ProgressResponse"
_OLLAMA_LABELS = {
    "/api/chat": "ollama._types.ChatResponse",
    "/api/generate": "ollama._types.GenerateResponse",
    "/api/pull": _PROGRESS,
    "/api/push": _PROGRESS,
    "/api/create": _PROGRESS,
}
_USUAL = "{data}\n"


def lines_label(context: Context) -> str | None:
    """The label of the lines of a call; None if no client has a class for them."""
    if promises_json(context):
        return JSON_VALUE  # of a stream there that has no labels, other recorders mean events
    call = context.operation or context.path
    return next((label for end, label in _OLLAMA_LABELS.items() if call.endswith(end)), None)


def entry_of(value: Json) -> Json:
    """The entry of a value of no class: itself, unless it would be read as something else."""
    return chunk(JSON_VALUE, value) if isinstance(value, str) or label_of(value) is not None else value


def _is_last(data: Json) -> bool:
    if not isinstance(data, dict):
        return False
    return data.get("done") is True or data.get("status") == "success" or "error" in data


class JsonLinesDecoder(SplitDecoder):
    """Decode such a stream as it arrives. See `StreamDecoder`.

    Lines without JSON are no chunks. Only Ollama marks its last line.

    Args:
        context: The exchange.
    """

    content_type = _CONTENT_TYPE

    def __init__(self, context: Context) -> None:
        self._label = lines_label(context)
        self._spell = context.spell
        self._text_count = 0
        super().__init__(LineSplitter())

    def encode(self, piece: Piece) -> bytes:
        """See `StreamDecoder`."""
        if not piece.is_chunk:
            return piece.raw
        return self._spell(value_of(piece.entry)) + _line_break(piece.raw)

    def decoded(self, entries: list[Json]) -> Decoded | None:
        """See `StreamDecoder`. Text with some JSON among its lines is no such stream."""
        return None if self._text_count > len(entries) else super().decoded(entries)

    def _piece(self, raw: bytes) -> Piece:
        try:
            data = parse(raw)
        except NotJsonError:
            self._text_count += bool(raw.strip())  # a blank line is a sign of life
            return self._other(raw)
        line_break = _line_break(raw)
        self._log.add_chunk(_USUAL if line_break == b"\n" else "{data}" + line_break.decode(), _USUAL)
        self._end_came = self._end_came or (self._label is not None and _is_last(data))
        entry = entry_of(data) if self._label is None else chunk(self._label, data)
        return Piece(entry, is_chunk=True, raw=raw)


def _line_break(line: bytes) -> bytes:
    return b"\r\n" if line.endswith(b"\r\n") else line[-1:] if line.endswith(b"\n") else b""


class JsonLinesCodec:
    """Bytes of JSON lines ↔ a list of their values, labelled where a client has a class for them."""

    name = "json-lines"
    proves_itself = False
    content_type = _CONTENT_TYPE

    def decoder(self, context: Context) -> JsonLinesDecoder | None:
        """See `StreamCodec`."""
        kind = context.media_type.partition(";")[0]
        is_json_lines = kind in _CONTENT_TYPES or kind.endswith(_SUFFIXES)
        return JsonLinesDecoder(context) if is_json_lines else None

    def decode(self, body: bytes, context: Context) -> Decoded | None:
        """See `Codec`; also decodes what comes as plain JSON but has an object on each of several lines."""
        if self.decoder(context) is not None:
            return decode_whole(JsonLinesDecoder(context), body)
        if context.media_type not in _UNTOLD or not body.startswith(b"{") or not _TWO_OBJECTS.search(body):
            return None
        decoded = decode_whole(JsonLinesDecoder(context), body)
        if decoded is None or not isinstance(decoded.body, list):
            return None
        framing = decoded.framing if isinstance(decoded.framing, dict) else {}
        has_text = not {"between", "end"}.isdisjoint(framing)
        return None if has_text or not all(isinstance(value_of(e), dict) for e in decoded.body) else decoded

    def encode(self, decoded: Decoded, context: Context) -> Iterable[bytes] | None:
        """See `Codec`; takes every list of chunks that no other codec takes."""
        body = decoded.body
        if not decoded.is_streaming or not isinstance(body, list):
            return None
        framing = Framing(decoded.framing, len(body))
        if framing.form:
            raise FramingError(f"a stream of the unknown form {framing.form!r}")
        return framing.join_json(body, lambda _: _USUAL, "", context.spell)

    def respelled(self, body: bytes, context: Context) -> bytes:
        """See `Codec`."""
        return respell_whole(JsonLinesDecoder(context), body)
