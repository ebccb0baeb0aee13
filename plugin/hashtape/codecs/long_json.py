"""A long JSON text, parsed piece by piece: neither all of it nor all of its values exist at once."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, TypeAlias

from hashtape.codecs.json_text import MAX_DEPTH, Json, is_deeper_than
from hashtape.codecs.packed import PackedList

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["PACKED", "Shape", "parse_long"]


class _Packed:
    """The type of `PACKED`."""


PACKED: Final = _Packed()
"""A list whose values are read one after the other, and packed."""

Shape: TypeAlias = "Mapping[str, Shape] | list[Shape] | _Packed | None"
"""What is read value by value: an object with the shapes of its members, a list with the one of its items, or
a list that is packed; None for what is read at once. Where another value stands, that is read at once too."""

_SPACE = " \t\n\r"
_FLAT = re.compile(r"\[[ \t\n\r]*[^\s{]")
"""A list of anything but objects, which is no stream: the numbers of a vector, say."""
_AFTER_A_NUMBER = (*_SPACE, ",", "]", "}")
_DECODER = json.JSONDecoder()


def parse_long(pieces: Iterable[str], shape: Shape) -> Json:
    """Parse a JSON text as `json.loads` does it.

    Args:
        pieces: The text, cut anywhere.
        shape: Where in it the long lists are.

    Returns:
        The value, with a `PackedList` for each of those.

    Raises:
        ValueError: It is not JSON, or nested deeper than 200 in what is read at once.
        RecursionError: Likewise.
    """
    reader = _Reader(pieces)
    value = reader.value(shape)
    if reader.peek():
        raise ValueError("more than one value")
    return value


class _Reader:
    """A place in a text that comes piece by piece.

    Args:
        pieces: The text.
    """

    def __init__(self, pieces: Iterable[str]) -> None:
        self._pieces = iter(pieces)
        self._text = ""
        self._place = 0

    def value(self, shape: Shape) -> Json:
        """Take the value that comes next."""
        begin = self.peek()
        if begin == "[" and shape is PACKED and not _FLAT.match(self._text, self._place):
            return PackedList(self._items(None))
        if begin == "[" and isinstance(shape, list):
            return [*self._items(shape[0])]
        if begin == "{" and isinstance(shape, Mapping):
            return self._object(shape)
        return self._whole()

    def peek(self) -> str:
        """The next character that is no white space; empty at the end."""
        while True:
            while self._place < len(self._text):
                if (character := self._text[self._place]) not in _SPACE:
                    return character
                self._place += 1
            if not self._read():
                return ""

    def _take(self, character: str) -> bool:
        if self.peek() != character:
            return False
        self._place += 1
        return True

    def _expect(self, character: str) -> None:
        if not self._take(character):
            raise ValueError(f"expected {character!r}")

    def _read(self) -> bool:
        """Go on to text of at least twice the length, if there is so much; False if there is no more."""
        left = len(self._text) - self._place
        more: list[str] = []
        for piece in self._pieces:
            more.append(piece)
            left -= len(piece)
            if piece and left <= 0:
                break
        if not any(more):
            return False
        self._text = "".join([self._text[self._place :], *more])
        self._place = 0
        return True

    def _items(self, shape: Shape) -> Iterable[Json]:
        self._expect("[")
        if self._take("]"):
            return
        yield self.value(shape)
        while self._take(","):
            yield self.value(shape)
        self._expect("]")

    def _object(self, shapes: Mapping[str, Shape]) -> dict[str, Json]:
        self._expect("{")
        members: dict[str, Json] = {}
        if self._take("}"):
            return members
        while True:
            key = self._whole() if self.peek() == '"' else None
            if not isinstance(key, str):
                raise ValueError("expected a name")  # noqa: TRY004  (of the text, not of a value)
            self._expect(":")
            members[key] = self.value(shapes.get(key))
            if not self._take(","):
                break
        self._expect("}")
        return members

    def _whole(self) -> Json:
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._place)
            except ValueError:
                if not self._read():
                    raise
                continue
            # A number may go on in the next piece, and an `e` is no part of one without it.
            is_number = isinstance(value, (int, float))
            if not is_number or self._text[end : end + 1] in _AFTER_A_NUMBER or not self._read():
                break
        self._place = end
        if is_deeper_than(MAX_DEPTH, value):
            raise ValueError(f"nested deeper than {MAX_DEPTH}")
        whole: Json = value
        return whole
