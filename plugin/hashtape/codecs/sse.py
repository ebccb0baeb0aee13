"""Server-sent events as bytes: split incrementally, framing kept; no knowledge of providers."""

from __future__ import annotations

__all__ = ["EventSplitter", "data_event"]


class EventSplitter:
    """Cut a byte stream into events, each with its closing blank line, wherever the network cut it.

    `b"".join` of everything that `feed` and `rest` return is what was fed: nothing is lost or added.
    Only LF framing is split; anything else comes out of `rest` in one piece.
    """

    def __init__(self) -> None:
        self._pending = bytearray()
        self._searched = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Take more bytes; return the events that are now complete."""
        pending = self._pending
        pending += data
        events: list[bytes] = []
        start = 0
        # A blank line may begin with the last byte that was searched before.
        search_from = max(self._searched - 1, 0)
        while (end := pending.find(b"\n\n", search_from)) >= 0:
            events.append(bytes(pending[start : end + 2]))
            start = search_from = end + 2
        del pending[:start]
        self._searched = len(pending)
        return events

    def rest(self) -> bytes:
        """What came after the last complete event."""
        return bytes(self._pending)


def data_event(payload: bytes) -> bytes:
    """One event that has nothing but a single data line."""
    return b"data: " + payload + b"\n\n"
