"""JSON as the codecs need it: parsed without losing anything, or not at all.

Python's parser quietly drops duplicate keys and turns `1e999` into infinity. A body that loses something on
the way through `parse` is not JSON for hashtape: it is kept as text instead (spec §7, last points).
"""

from __future__ import annotations

import json
import math
import re
from decimal import Decimal
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "MAX_DEPTH",
    "Json",
    "NotJsonError",
    "compact",
    "compact_ascii",
    "escape_surrogates",
    "indented",
    "is_deeper_than",
    "parse",
    "parse_next",
    "parse_object",
]

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"

_FLOAT_DIGITS = 17
"""The significant digits that tell any float from its neighbours."""
MAX_DEPTH = 200
"""Deeper nesting is no LLM call, and recursive readers, ours and others', would break on it."""

_SURROGATE = re.compile("[\ud800-\udfff]")
_UNSAFE_ON_THE_WIRE = re.compile("[\ud800-\udfff\u0085\u2028\u2029]")
"""Beside lone surrogates: the characters that `str.splitlines` breaks a line at and JSON allows unescaped."""


class NotJsonError(ValueError):
    """The text is not JSON, or JSON that Python would not give back as it was."""


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise NotJsonError("an object has a duplicate key")
    return value


def _constant(name: str) -> Json:
    raise NotJsonError(f"{name} is not JSON")


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value) or _says_more(text, value):
        raise NotJsonError(f"{text[:40]} does not fit a float")
    return value


def _says_more(text: str, value: float) -> bool:
    """Whether a spelling tells more than the float that it is read as. 17 digits never do."""
    if value and len(text) <= _FLOAT_DIGITS:
        return False
    digits = text.lower().partition("e")[0].replace(".", "").lstrip("-0").rstrip("0")
    return bool(digits) and (not value or (len(digits) > _FLOAT_DIGITS and Decimal(text) != Decimal(value)))


# Made once: json.loads and json.dumps make a new one each time that they are told how.
_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant, parse_float=_float)
# What was parsed has no cycles to look for.
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False)
_ASCII_ENCODER = json.JSONEncoder(separators=(",", ":"), check_circular=False)


def is_deeper_than(depth: int, value: Json) -> bool:
    """Whether a value is nested deeper than that, found without recursion."""
    level: list[Json] = [value]
    for _ in range(depth):
        level = [
            child
            for container in level
            if isinstance(container, (dict, list))
            for child in (container.values() if isinstance(container, dict) else container)
        ]
        if not level:
            return False
    return True


def parse(text: bytes | str) -> Json:
    """Parse JSON strictly.

    Args:
        text: UTF-8 bytes (without a byte order mark) or a string.

    Returns:
        The value; writing it again changes nothing but the spelling.

    Raises:
        NotJsonError: For anything else: other encodings, duplicate keys, NaN, numbers beyond a float,
            integers beyond Python's limit, nesting deeper than 200.
    """
    try:
        if isinstance(text, bytes):
            text = text.decode("utf-8")
        value, end = _DECODER.raw_decode(text) if text.startswith(("{", "[")) else (None, -1)
        if end != len(text):  # white space around it, no container, or no JSON
            value = _DECODER.decode(text)
    except NotJsonError:
        raise
    except RecursionError:
        raise NotJsonError(f"nested deeper than {MAX_DEPTH}") from None
    except ValueError as error:
        raise NotJsonError(str(error)) from None
    # Each level takes two brackets. Counting them is cheap, and almost every text has too few to be deep.
    may_be_deep = len(text) > 2 * MAX_DEPTH and text.count("[") + text.count("{") > MAX_DEPTH
    if may_be_deep and is_deeper_than(MAX_DEPTH, value):
        raise NotJsonError(f"nested deeper than {MAX_DEPTH}")
    return value


def parse_next(text: str, start: int) -> tuple[Json, int]:
    """Parse the JSON value that begins at a place, strictly.

    Args:
        text: A text that may go on after the value.
        start: The place.

    Returns:
        The value, and the place after it.

    Raises:
        NotJsonError: As for `parse`.
    """
    try:
        value, end = _DECODER.raw_decode(text, start)
    except NotJsonError:
        raise
    except (ValueError, RecursionError) as error:
        raise NotJsonError(str(error)) from None
    if end - start > 2 * MAX_DEPTH and is_deeper_than(MAX_DEPTH, value):
        raise NotJsonError(f"nested deeper than {MAX_DEPTH}")
    parsed: Json = value
    return parsed, end


def parse_object(text: bytes | str) -> dict[str, Json] | None:
    """Parse a JSON object strictly; None if the text is anything else."""
    try:
        value = parse(text)
    except NotJsonError:
        return None
    return value if isinstance(value, dict) else None


def _escape(match: re.Match[str]) -> str:
    return f"\\u{ord(match.group()):04x}"


def escape_surrogates(json_text: str) -> str:
    r"""Spell the lone surrogates in a JSON text as `\ud83d`, so that it can be encoded as UTF-8 (spec §7)."""
    return json_text if json_text.isascii() else _SURROGATE.sub(_escape, json_text)


def compact(value: Json) -> bytes:
    """Spell a value as providers do: no white space, UTF-8; lone surrogates and odd line breaks escaped."""
    text = _ENCODER.encode(value)
    if not text.isascii():
        text = _UNSAFE_ON_THE_WIRE.sub(_escape, text)
    return text.encode("utf-8")


def compact_ascii(value: Json) -> bytes:
    """Spell a value as `compact` does, with nothing but ASCII: it reads the same in any character set."""
    return _ASCII_ENCODER.encode(value).encode("ascii")


def indented(value: Json, *, levels: int = 0) -> Iterator[str]:
    """The same text as `json.dumps(value, indent=2, ensure_ascii=False)`, lone surrogates escaped.

    Args:
        value: The value.
        levels: Down to which level each item is a part of its own; what is further down comes as a whole.

    Returns:
        The parts of the text.
    """
    return map(escape_surrogates, _indented_parts(value, "\n", levels))


def _indented_parts(value: Json, line_break: str, levels: int) -> Iterator[str]:
    if not levels or not value or not isinstance(value, (dict, list)):
        yield _indented(value, line_break)
        return
    inner = line_break + "  "
    if isinstance(value, dict):
        before, end = "{" + inner, "}"
        for key, item in value.items():
            yield f"{before}{encode_basestring(key)}: "
            yield from _indented_parts(item, inner, levels - 1)
            before = "," + inner
    else:
        before, end = "[" + inner, "]"
        for item in value:
            yield before
            yield from _indented_parts(item, inner, levels - 1)
            before = "," + inner
    yield line_break + end


def _indented(value: Json, line_break: str) -> str:
    """As `json.dumps` does it, in half the time: that is no C code either, and each call waits for it."""
    if isinstance(value, str):
        return encode_basestring(value)
    if value is None:
        return "null"
    if isinstance(value, int) and not isinstance(value, bool):
        return int.__repr__(value)
    if isinstance(value, dict) and value:
        inner = line_break + "  "
        items = [f"{inner}{encode_basestring(key)}: {_indented(item, inner)}" for key, item in value.items()]
        return f"{{{','.join(items)}{line_break}}}"
    if isinstance(value, list) and value:
        inner = line_break + "  "
        return f"[{','.join([inner + _indented(item, inner) for item in value])}{line_break}]"
    return json.dumps(value)
