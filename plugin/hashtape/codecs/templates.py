r"""How one event of a stream is written: a text with places for what the chunk itself says.

`event: {data.type}\ndata: {data}\n\n` is that of an event whose name is the `type` in its data. The places
are `{data}` (the JSON, or the text), `{data.KEY}` (a string that the JSON has under that key) and `{id}`. All
else stands for itself, line breaks included.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hashtape.codecs.json_text import Json

__all__ = ["MAX_TEMPLATE", "FramingError", "Template", "bytes_of", "template", "text_of"]

MAX_TEMPLATE = 500
"""A template is written again for each event: a long one in a stranger's file would become a huge stream."""

_PLACE = re.compile(r"\{(data(?:\.[A-Za-z_]\w*)?|id)\}")
_LINE_BREAK = re.compile(r"\r\n|\n|\r")


class FramingError(ValueError):
    """What is stored of a stream's framing is none, or not that of its chunks."""


def text_of(raw: bytes) -> str:
    """Bytes as text; those that are no UTF-8 become lone surrogates, which a file spells as escapes."""
    return raw.decode("utf-8", "surrogateescape")


def bytes_of(text: str) -> bytes:
    """The bytes that `text_of` made a text from.

    Raises:
        ValueError: The text has surrogates of other kinds.
    """
    return text.encode("utf-8", "surrogateescape")


class Template:
    """One template, ready to be filled.

    Args:
        text: The template.

    Raises:
        FramingError: It is too long, or has a place twice, or none for the data.
    """

    def __init__(self, text: str) -> None:
        literals_and_names = _PLACE.split(text)
        self._names = literals_and_names[1::2]
        if len(text) > MAX_TEMPLATE:
            raise FramingError(f"a template of {len(text)} characters, at most {MAX_TEMPLATE} are allowed")
        if "data" not in self._names or len(set(self._names)) != len(self._names):
            raise FramingError(
                f"a template in which {{data}} is missing, or a place is there twice: {text!r}"
            )
        self._start, *literals = [bytes_of(literal) for literal in literals_and_names[::2]]
        self._places_and_literals = [*zip(self._names, literals, strict=True)]
        self.text = text
        self.has_id = "id" in self._names
        self.places = frozenset(self._names)
        """The names of its places: `data`, `data.KEY`, `id`."""

    def fill(self, payload: bytes, data: Json, event_id: str = "") -> bytes:
        """The bytes of an event.

        Args:
            payload: What goes into `{data}`.
            data: The same as JSON, for `{data.KEY}`.
            event_id: What goes into `{id}`.

        Raises:
            FramingError: The data has no such string.
        """
        filled = self._start
        for name, literal in self._places_and_literals:
            filled += (payload if name == "data" else _value(name, data, event_id)) + literal
        return filled

    def payload_of(self, text: str) -> bytes:
        """What goes into `{data}` for a text: of several lines, each gets a field of its own.

        Raises:
            FramingError: The text has several lines, and the template does not say how to break them.
        """
        lines = _LINE_BREAK.split(text)
        if len(lines) == 1:
            return bytes_of(text)
        before, _, after = self.text.partition("{data}")
        field, line_break = _LINE_BREAK.split(before)[-1], _LINE_BREAK.match(after)
        if line_break is None or _PLACE.search(field):
            raise FramingError(f"a template that has no lines for a text of several: {self.text!r}")
        return bytes_of((line_break.group() + field).join(lines))


def _value(name: str, data: Json, event_id: str) -> bytes:
    if name == "id":
        return bytes_of(event_id)
    key = name[len("data.") :]
    value = data.get(key) if isinstance(data, dict) else None
    if not isinstance(value, str):
        raise FramingError(f"a chunk that has no text under {key!r}, which its framing asks for")
    return bytes_of(value)


@lru_cache(maxsize=64)
def template(text: str) -> Template:
    """The template of that text; the same few occur in all streams.

    Raises:
        FramingError: As `Template` does.
    """
    return Template(text)
