"""Splitters cut a byte stream into whole events, lines or messages: what they share, and that of lines."""

from __future__ import annotations

from abc import ABC, abstractmethod

__all__ = ["LineSplitter", "Splitter"]


class Splitter(ABC):
    """Cuts a byte stream, wherever the network cut it.

    `b"".join` of everything that `feed`, `end` and `rest` return is what was fed: nothing is lost or added.
    """

    def __init__(self) -> None:
        self._pending = bytearray()

    @abstractmethod
    def feed(self, data: bytes) -> list[bytes]:
        """Take more bytes; return what is now complete."""

    def end(self) -> bytes:
        """The stream has ended: what came after the last complete part, for the last time."""
        rest = self.rest
        self._pending.clear()
        return rest

    @property
    def rest(self) -> bytes:
        """What came after the last complete part."""
        return bytes(self._pending)


class LineSplitter(Splitter):
    """Cut a byte stream into lines, each with its line feed."""

    def __init__(self) -> None:
        super().__init__()
        self._searched = 0

    def feed(self, data: bytes) -> list[bytes]:
        """See `Splitter`."""
        pending = self._pending
        pending += data
        lines: list[bytes] = []
        start, search_from = 0, self._searched
        while (end := pending.find(b"\n", search_from) + 1) > 0:
            lines.append(bytes(pending[start:end]))
            start = search_from = end
        del pending[:start]
        self._searched = len(pending)
        return lines
