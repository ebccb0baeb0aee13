"""A secret in all its spellings: plain, URL-encoded, JSON-escaped, base64 as part of anything."""

from __future__ import annotations

import base64
import re
from functools import lru_cache

__all__ = ["pattern_of", "probes_of"]

_UNTOUCHED = re.compile(r"[A-Za-z0-9_.-]+")
"""What no encoding but base64 spells differently."""
_SAME_IN_BASE64 = re.compile(r"[A-Za-z0-9]+")
"""What both alphabets of base64 have, and no encoding of base64 spells differently."""
_LETTER = {"\n": "n", "\r": "r", "\t": "t", "\b": "b", "\f": "f"}
_BACKSLASH = r"(?:\\|%(?:25){0,3}5[cC])"
_OF_BASE64 = "[A-Za-z0-9+/_-]"


def _bytes(value: str) -> bytes:
    return value.encode("utf-8", "surrogateescape")


def _any_case(digits: str) -> str:
    return "".join(f"[{d.lower()}{d.upper()}]" if d.isalpha() else d for d in digits)


def _spelled(character: str) -> str:
    """A pattern for a character in plain text, in a URL, and in JSON, also one inside the other.

    The numbers are bounds: without them the search in a megabyte of backslashes would take for ever.
    """
    if _UNTOUCHED.fullmatch(character):
        return re.escape(character)
    spelled = ["".join(f"%(?:25){{0,3}}{_any_case(f'{byte:02x}')}" for byte in _bytes(character))]
    units = character.encode("utf-16-be", "surrogatepass").hex()
    spelled.append(
        "".join(f"{_BACKSLASH}{{1,8}}u{_any_case(units[n : n + 4])}" for n in range(0, len(units), 4))
    )
    if character == "\\":
        spelled.append(f"{_BACKSLASH}{{1,8}}")
    elif character in '"/':
        quoted = _any_case(f"{ord(character):02x}")
        spelled.append(f"{_BACKSLASH}{{0,8}}(?:{character}|%(?:25){{0,3}}{quoted})")
    elif character in _LETTER:
        spelled.append(f"{_BACKSLASH}{{1,8}}{_LETTER[character]}")
    if character == " ":
        spelled.append(r"\+")
    return f"(?:{'|'.join(spelled)}|{re.escape(character)})"


def _cores(value: bytes) -> list[tuple[str, bool, bool]]:
    """The base64 of a value at each of the three places where it may begin in a group of three bytes.

    Returns:
        The characters that the value alone decides, and whether the one before and the one after depend on
        the value's neighbours as well.
    """
    cores = []
    for before in range(3):
        after = -(before + len(value)) % 3
        text = base64.b64encode(bytes(before) + value + bytes(after)).decode("ascii")
        first = -(-before * 8 // 6)
        last = (before + len(value)) * 8 // 6
        cores.append((text[first:last], before > 0, after > 0))
    return cores


def _base64_pattern(core: str, *, has_before: bool, has_after: bool) -> str:
    alphabets = {"+": "(?:[+-]|%2[bB])", "/": r"(?:[_]|\\{0,8}/|%2[fF])"}
    spelled = "".join(alphabets.get(character, character) for character in core)
    before = f"{_OF_BASE64}?" if has_before else ""
    return f"{before}{spelled}{f'{_OF_BASE64}?' if has_after else ''}(?:=|%3[dD]){{0,2}}"


def probes_of(value: str) -> tuple[str, ...]:
    """Strings of which every text that holds the value in any spelling has at least one.

    They say in no time that a text is clean.

    Raises:
        UnicodeEncodeError: The value is none that a process can have used.
    """
    runs = [max(_UNTOUCHED.findall(value), key=len, default="")]
    runs += [max(_SAME_IN_BASE64.findall(core), key=len, default="") for core, *_ in _cores(_bytes(value))]
    return tuple(dict.fromkeys(runs))


@lru_cache(maxsize=4096)
def pattern_of(value: str) -> re.Pattern[str]:
    """A pattern for a value in any spelling; it takes a millisecond to make."""
    # A run of backslashes is one element: each of many would try to match any part of a longer run.
    plain = "".join(
        f"{_BACKSLASH}{{{len(run)},{8 * len(run)}}}" if run[0] == "\\" and len(run) > 1 else _spelled(run)
        for run in re.findall(r"\\+|[^\\]", value, re.DOTALL)
    )
    encoded = [
        _base64_pattern(core, has_before=before, has_after=after)
        for core, before, after in _cores(_bytes(value))
    ]
    return re.compile("|".join((plain, *encoded)))
