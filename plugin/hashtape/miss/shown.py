"""A change in one line, with the part of a long text marked that differs."""

from __future__ import annotations

import difflib
import json
import re
from typing import TYPE_CHECKING

from hashtape.miss.closest import shared_ends
from hashtape.miss.difference import Absent

if TYPE_CHECKING:
    from hashtape.codecs import Json
    from hashtape.miss.difference import Change

__all__ = ["shown_change"]

_LONG = 80
"""A text with more characters is not shown whole."""
_AROUND = 30
"""How many of the characters before and after a difference are shown."""
_PIECES = 3
"""How many differing parts of one text are shown."""
_MOST_WORDS = 1000
"""In texts with more words between the first and the last difference, that is one difference."""
_LEAST_SHARED = 0.3
"""Where less of two texts is the same, one was not made of the other: what they share is chance."""
_NEARLY_ALL = 0.9
_WORD = re.compile(r"\w+|\s+|[^\w\s]")


def shown_change(change: Change) -> str:
    """A change in one line: `messages[1].content: recorded 'a…', now 'b…'`.

    What differs in long texts stands in `[-…-]` where it was recorded and in `{+…+}` where it is now, with
    some of the text around it.
    """
    recorded, now = change.recorded, change.now
    name = change.field or "the body"
    if isinstance(recorded, Absent):
        return f"{name}: not recorded, now {_shown(now)}"
    if isinstance(now, Absent):
        return f"{name}: recorded {_shown(recorded)}, not there now"
    if isinstance(recorded, str) and isinstance(now, str) and max(len(recorded), len(now)) > _LONG:
        old, new = _marked(recorded, now)
        return f"{name}: recorded {old}, now {new}"
    return f"{name}: recorded {_shown(recorded)}, now {_shown(now)}"


def _shown(value: Json | Absent) -> str:
    if isinstance(value, str):
        return _quoted(_cut(value))
    return _cut(json.dumps(value, ensure_ascii=True))


def _quoted(text: str) -> str:
    # What is no printable character is escaped: a recording may hold anything, and this goes to a terminal.
    return "'" + "".join(c if c.isprintable() and c != "\\" else repr(c)[1:-1] for c in text) + "'"


def _cut(text: str) -> str:
    """A text of at most the length that is shown whole, the middle of a longer one left out."""
    if len(text) <= _LONG:
        return text
    half = (_LONG - 1) // 2
    return f"{text[:half]}…{text[-half:]}"


def _marked(recorded: str, now: str) -> tuple[str, str]:
    """Two long texts, each cut down to what differs and marked."""
    pieces = _differing(recorded, now)
    old_start, old_end, new_start, new_end = pieces[0]
    if old_end - old_start > _NEARLY_ALL * len(recorded) and new_end - new_start > _NEARLY_ALL * len(now):
        return _shown(recorded), _shown(now)  # with next to nothing in common, there is nothing to mark
    shown = pieces[:_PIECES]
    rest = len(pieces) - len(shown)
    more = f" (and {rest} more place{'s' if rest > 1 else ''} in this text)" if rest else ""
    old = _with_marks(recorded, [piece[:2] for piece in shown], "[-", "-]")
    new = _with_marks(now, [piece[2:] for piece in shown], "{+", "+}")
    return old, new + more


def _with_marks(text: str, spans: list[tuple[int, int]], before: str, after: str) -> str:
    out: list[str] = []
    position = 0
    for start, end in spans:
        gap = text[position:start]
        if out and len(gap) > 2 * _AROUND:
            gap = f"{gap[:_AROUND]}…{gap[-_AROUND:]}"
        elif not out and len(gap) > _AROUND:
            gap = f"…{gap[-_AROUND:]}"
        out.append(gap)
        if end > start:
            out.append(f"{before}{_cut(text[start:end])}{after}")
        position = end
    tail = text[position:]
    out.append(tail if len(tail) <= _AROUND else f"{tail[:_AROUND]}…")
    return _quoted("".join(out))


def _differing(recorded: str, now: str) -> list[tuple[int, int, int, int]]:
    """The parts that differ, word by word: where each begins and ends in either text."""
    start, end = _at_words(recorded, now)
    old, new = recorded[start : len(recorded) - end], now[start : len(now) - end]
    old_words, new_words = _WORD.findall(old), _WORD.findall(new)
    whole = [(start, start + len(old), start, start + len(new))]
    if not 1 < max(len(old_words), len(new_words)) <= _MOST_WORDS:
        return whole
    matcher = difflib.SequenceMatcher(None, old_words, new_words)
    shared = sum(
        len("".join(old_words[block.a : block.a + block.size]).strip())
        for block in matcher.get_matching_blocks()
    )
    if shared < _LEAST_SHARED * max(len(old), len(new)):
        return whole
    old_at, new_at = _positions(old_words, start), _positions(new_words, start)
    pieces: list[tuple[int, int, int, int]] = []
    for kind, i1, i2, j1, j2 in matcher.get_opcodes():
        if kind == "equal":
            continue
        piece = (old_at[i1], old_at[i2], new_at[j1], new_at[j2])
        # A space between two words that differ is no reason to call them two places.
        if pieces and not recorded[pieces[-1][1] : piece[0]].strip():
            first = pieces.pop()
            piece = (first[0], piece[1], first[2], piece[3])
        pieces.append(piece)
    return pieces


def _at_words(recorded: str, now: str) -> tuple[int, int]:
    """What two texts share at their ends, in whole words: `2024` and `2025` differ as a whole."""
    start, end = shared_ends(recorded, now)
    for _ in range(_AROUND):
        if start and recorded[start - 1].isalnum():
            start -= 1
        if end and recorded[-end].isalnum():
            end -= 1
    return start, end


def _positions(words: list[str], start: int) -> list[int]:
    """Where each word begins, and where the last one ends."""
    positions = [start]
    for word in words:
        positions.append(positions[-1] + len(word))
    return positions
