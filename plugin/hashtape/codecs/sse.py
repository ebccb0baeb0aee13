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
_COMMON_EVENT = re.compile(rb"(?:event: ([^\r\n]*)\n)?data: ([^\r\n]*)\n\n")


class EventSplitter(Splitter):
    """Cut a byte stream into events, each with its closing blank line.

    Lines may end in LF, CRLF or CR. After a CR, the next byte decides where the event ends.
    A byte order mark at the start is a part of its own.
    """

    def __init__(self) -> None:
        super().__init__()
        self._searched = 0
        self._is_start = True

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
        while match := _BLANK_LINE.search(pending, search_from):
            end = match.end()
            if end == len(pending) and pending[-1:] == b"\r":
                break  # it may be half of a CRLF
            events.append(bytes(pending[start:end]))
            start = search_from = end
        del pending[:start]
        self._searched = len(pending)
        return events


@dataclass(frozen=True, slots=True)
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
    if match := _COMMON_EVENT.fullmatch(raw):
        name, data = match.groups()
        data_line = (b"data: ", "data", b"\n\n")
        if name is None:
            return Event(data, None, None, True, (data_line,))
        return Event(data, text_of(name), None, True, ((b"event: ", "event", b"\n"), data_line))
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
