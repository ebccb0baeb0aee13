"""Server-sent events as bytes: split incrementally and taken apart; no knowledge of providers."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hashtape.codecs.splitters import Splitter
from hashtape.codecs.templates import bytes_of, text_of

__all__ = ["Event", "EventSplitter", "parse_event"]

# Two line breaks in a row, of which "\r\n" is one.
_BLANK_LINE = re.compile(rb"\n(?:\n|\r\n?)|\r\r\n?")
_BLANK_LINE_BEGUN = 2
"""So many of the last bytes may belong to a blank line that is not complete."""
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LINE = re.compile(rb"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+")
_NAME_FIELD, _DATA_FIELD = b"event: ", b"data: "
_UNNAMED = {line_break: ((_DATA_FIELD, "data", line_break * 2),) for line_break in (b"\n", b"\r\n")}
_NAMED = {line_break: ((_NAME_FIELD, "event", line_break), *lines) for line_break, lines in _UNNAMED.items()}


class EventSplitter(Splitter):
    """Cut a byte stream into events, each with its closing blank line.

    Lines may end in LF, CRLF or CR. After a CR, the next byte decides where the event ends.
    A byte order mark at the start is a part of its own.
    """

    def __init__(self) -> None:
        super().__init__()
        self._searched = 0
        self._is_start = True
        self._has_cr = False

    def feed(self, data: bytes) -> list[bytes]:
        """See `Splitter`."""
        pending = self._pending
        pending += data
        events: list[bytes] = []
        start = 0
        if self._is_start:
            if len(pending) < len(_BYTE_ORDER_MARK) and _BYTE_ORDER_MARK.startswith(pending):
                return events
            self._is_start = False
            if pending.startswith(_BYTE_ORDER_MARK):
                start = len(_BYTE_ORDER_MARK)
                events.append(_BYTE_ORDER_MARK)
        search_from = max(self._searched - _BLANK_LINE_BEGUN, start)
        self._has_cr = self._has_cr or b"\r" in data
        while (end := self._next_end(search_from)) > 0:
            events.append(bytes(pending[start:end]))
            start = search_from = end
        del pending[:start]
        self._searched = len(pending)
        return events

    def _next_end(self, start: int) -> int:
        """Where the next event ends; 0 if that is not known yet."""
        pending = self._pending
        if not self._has_cr:
            found = pending.find(b"\n\n", start)
            return found + 2 if found >= 0 else 0
        match = _BLANK_LINE.search(pending, start)
        end = 0 if match is None else match.end()
        # A CR at the end of what came may be half of a CRLF.
        return 0 if end == len(pending) and pending.endswith(b"\r") else end


@dataclass(slots=True)
class Event:
    """An event that has data, taken apart.

    Args:
        data: Its data lines, joined by line feeds.
        name: The value of its `event` field, None if it has none.
        event_id: The value of its `id` field, None if it has none.
        is_even: Whether its data lines are all written alike: only then can a text go back into them.
        lines: What it is made of: literal bytes, what stands after them (`data`, `event`, `id`, or nothing),
            and more literal bytes.
    """

    data: bytes
    name: str | None
    event_id: str | None
    is_even: bool
    lines: tuple[tuple[bytes, str, bytes], ...]

    def template(self, name_key: str | None) -> str:
        """The template that the event was written by.

        Args:
            name_key: The key in the event's data that holds its name; None if there is none.
        """
        name = f"{{data.{name_key}}}" if name_key else self.name or ""
        places = {"data": "{data}", "id": "{id}", "event": name, "": ""}
        return "".join(
            text_of(before) + places[place] + text_of(after) for before, place, after in self.lines
        )

    def written(self, payload: bytes) -> bytes:
        """The bytes of the event with other data, in one line."""
        places = {
            "data": payload,
            "id": bytes_of(self.event_id or ""),
            "event": bytes_of(self.name or ""),
            "": b"",
        }
        return b"".join([before + places[place] + after for before, place, after in self.lines])


def parse_event(raw: bytes) -> Event | None:
    """Take the bytes of an event apart; None if it has no data, or its data lines are not in one place."""
    return _common_event(raw) or _any_event(raw)


def _common_event(raw: bytes) -> Event | None:
    """Take an event of the most common kinds apart, in a fraction of the time; None if it is another."""
    is_crlf = raw.endswith(b"\r\n\r\n")
    line_break = b"\r\n" if is_crlf else b"\n"
    if not raw.endswith(line_break * 2):
        return None
    lines = raw[: -2 * len(line_break)].split(line_break)
    breaks = len(lines) + 1
    if raw.count(b"\n") != breaks or raw.count(b"\r") != (breaks if is_crlf else 0):
        return None
    if len(lines) == 1 and lines[0].startswith(_DATA_FIELD):
        return Event(lines[0][len(_DATA_FIELD) :], None, None, True, _UNNAMED[line_break])
    if len(lines) == 2 and lines[0].startswith(_NAME_FIELD) and lines[1].startswith(_DATA_FIELD):
        name = text_of(lines[0][len(_NAME_FIELD) :])
        return Event(lines[1][len(_DATA_FIELD) :], name, None, True, _NAMED[line_break])
    return None


def _any_event(raw: bytes) -> Event | None:
    lines: list[tuple[bytes, str, bytes]] = []
    found: dict[str, str] = {}
    payloads: list[bytes] = []
    is_even = True
    for line in _LINE.findall(raw):
        content = line.rstrip(b"\r\n")
        line_break = line[len(content) :]
        field, _, value = content.partition(b":")
        value = value.removeprefix(b" ")
        before = content[: len(content) - len(value)]
        if field == b"data":
            if payloads:
                last_before, last_place, last_break = lines.pop()
                if last_place != "data":
                    return None
                is_even = is_even and (last_before, last_break) == (before, line_break)
                before = last_before
            payloads.append(value)
            lines.append((before, "data", line_break))
        elif field in {b"event", b"id"} and (place := field.decode()) not in found:
            found[place] = text_of(value)
            lines.append((before, place, line_break))
        else:
            lines.append((line, "", b""))
    if not payloads:
        return None
    return Event(b"\n".join(payloads), found.get("event"), found.get("id"), is_even, tuple(lines))
