"""A JSON array that arrives element by element: Gemini's `streamGenerateContent` without `alt=sse`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hashtape.codecs.base import Context, Decoded, Piece, chunk, is_chunk, value_of
from hashtape.codecs.framing import Framing
from hashtape.codecs.json_lines import entry_of
from hashtape.codecs.json_text import compact, parse
from hashtape.codecs.labels import GEMINI, is_gemini
from hashtape.codecs.splitters import Splitter
from hashtape.codecs.streams import SplitDecoder, decode_whole, respell_whole
from hashtape.codecs.templates import template, text_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hashtape.codecs.json_text import Json

__all__ = [
    "END",
    "ElementSplitter",
    "JsonArrayCodec",
    "JsonArrayDecoder",
    "element_entry",
    "is_call",
    "usual",
]

_CONTENT_TYPE = "application/json"
_FORM = "json-array"
_CALL = "streamGenerateContent"
_FIRST_KEY = re.compile(
    rb'\s*\[\s*\{\s*"(?:candidates|promptFeedback|usageMetadata|modelVersion|responseId)"'
)
_IN_STRING = re.compile(rb'["\\]')
_OUTSIDE = re.compile(rb'["\[\]{}]')
_FIRST, _LATER = "[{data}", "\n,\r\n{data}"
END = "\n]"
"""What closes such an array."""


class ElementSplitter(Splitter):
    """Cut an array after each object in it, and where it ends. Looks at each byte once."""

    def __init__(self) -> None:
        super().__init__()
        self._depth = 0
        self._is_in_string = False
        self._is_escaped = False

    def feed(self, data: bytes) -> list[bytes]:
        """See `Splitter`."""
        before = len(self._pending)
        self._pending += data
        elements: list[bytes] = []
        start = 0
        for place in self._ends(data):
            elements.append(bytes(self._pending[start : before + place]))
            start = before + place
        del self._pending[:start]
        return elements

    def _ends(self, data: bytes) -> Iterator[int]:
        """The places in more data after which an object in the array, or the array, is complete."""
        position = 0
        if self._is_escaped and data:
            self._is_escaped, position = False, 1
        while match := (_IN_STRING if self._is_in_string else _OUTSIDE).search(data, position):
            position, token = match.end(), match.group()
            if token == b'"':
                self._is_in_string = not self._is_in_string
            elif token == b"\\":
                self._is_escaped = position == len(data)
                position += 1
            elif token in b"[{":
                self._depth += 1
            else:
                self._depth -= 1
                if self._depth == (1 if token == b"}" else 0):
                    yield position


def is_call(context: Context) -> bool:
    """Whether the answer to a call is such an array, by its path."""
    return context.path.endswith(_CALL) and context.media_type == _CONTENT_TYPE


def element_entry(value: Json) -> Json:
    """What is stored of an element."""
    return chunk(GEMINI, value) if is_gemini(value) else entry_of(value)


def usual(entries: list[Json]) -> Decoded:
    """What is stored of an array whose separators are the usual ones."""
    return Decoded(entries, is_streaming=True, framing={"form": _FORM})


class JsonArrayDecoder(SplitDecoder):
    """Decode such an array as it arrives. See `StreamDecoder`. The closing bracket is its end marker."""

    content_type = _CONTENT_TYPE

    def __init__(self) -> None:
        super().__init__(ElementSplitter())
        self._form = _FORM

    def encode(self, piece: Piece) -> bytes:
        """See `StreamDecoder`."""
        if not piece.is_chunk:
            return piece.raw
        return piece.raw[: piece.raw.index(b"{")] + compact(value_of(piece.entry))

    def decoded(self, entries: list[Json]) -> Decoded | None:
        """See `StreamDecoder`. An array of no objects is no such stream."""
        return super().decoded(entries) if entries or not self._log.other_count else None

    def _usual_end(self, entries: list[Json]) -> str:  # noqa: ARG002  (the same for all)
        return END

    def _piece(self, raw: bytes) -> Piece:
        before, brace, after = raw.partition(b"{")
        self._end_came = self._end_came or (not brace and raw.endswith(b"]"))
        written = text_of(before) + "{data}"
        try:
            data = parse(brace + after)
            expected = b"," if self._log.count else b"["
            is_element = template(written).places == {"data"} and before.strip() == expected
        except ValueError:  # no JSON object, or a separator that no template tells
            is_element = False
        if not is_element:
            return self._other(raw)
        self._log.add_chunk(written, _LATER if self._log.count else _FIRST)
        return Piece(element_entry(data), is_chunk=True, raw=raw)


class JsonArrayCodec:
    """Bytes of a streamed array ↔ a list of its elements. Its framing says its form."""

    name = "json-array"
    proves_itself = False
    content_type = _CONTENT_TYPE

    def decoder(self, context: Context) -> JsonArrayDecoder | None:
        """See `StreamCodec`."""
        return JsonArrayDecoder() if is_call(context) else None

    def decode(self, body: bytes, context: Context) -> Decoded | None:
        """See `Codec`; without a path, the body itself tells whether it is one of Gemini's."""
        if self.decoder(context) is not None:
            return decode_whole(JsonArrayDecoder(), body)
        if context.media_type != _CONTENT_TYPE or not _FIRST_KEY.match(body):
            return None
        decoded = decode_whole(JsonArrayDecoder(), body)
        is_geminis = (
            decoded is not None and isinstance(decoded.body, list) and any(map(is_chunk, decoded.body))
        )
        return decoded if is_geminis else None

    def encode(self, decoded: Decoded, context: Context) -> Iterable[bytes] | None:
        """See `Codec`."""
        body = decoded.body
        if not decoded.is_streaming or not isinstance(body, list) or decoded.framing is None:
            return None
        framing = Framing(decoded.framing, len(body))
        if framing.form != _FORM:
            return None
        end = "" if context.is_cut else END
        return framing.join_json(body, lambda index: _LATER if index else _FIRST, end)

    def respelled(self, body: bytes, context: Context) -> bytes:  # noqa: ARG002  (protocol)
        """See `Codec`."""
        return respell_whole(JsonArrayDecoder(), body)
