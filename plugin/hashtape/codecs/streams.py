"""What the codecs of streams share: decoders on top of splitters, and whole bodies on top of decoders."""

from __future__ import annotations

from abc import ABC, abstractmethod
from io import BytesIO
from typing import TYPE_CHECKING, Protocol

from hashtape.codecs.base import Codec, Decoded, Piece
from hashtape.codecs.framing import FramingLog
from hashtape.codecs.packed import list_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hashtape.codecs.base import Context, StreamDecoder
    from hashtape.codecs.json_text import Json
    from hashtape.codecs.splitters import Splitter

__all__ = ["PassThroughDecoder", "SplitDecoder", "StreamCodec", "decode_whole", "respell_whole"]

_SLICE = 1 << 16
"""A body is fed in slices, so that its pieces need not all exist at once."""


class StreamCodec(Codec, Protocol):
    """A codec whose bodies can be decoded while they arrive."""

    def decoder(self, context: Context) -> StreamDecoder | None:
        """A decoder for a stream of this exchange; None if what is known of it does not promise one."""
        ...


class SplitDecoder(ABC):
    """A `StreamDecoder` that makes a piece of each part that a splitter finds.

    Args:
        splitter: The splitter.
    """

    content_type: str

    def __init__(self, splitter: Splitter) -> None:
        self._splitter = splitter
        self._log = FramingLog()
        self._end_came = False
        self._is_over = False
        self._form = ""

    def feed(self, data: bytes) -> list[Piece]:
        """See `StreamDecoder`."""
        return [self._piece(raw) for raw in self._splitter.feed(data)]

    def end(self) -> list[Piece]:
        """See `StreamDecoder`. What is incomplete is a chunk if it can be read: many clients read it too."""
        self._is_over = True
        rest = self._splitter.end()
        return [self._piece(rest)] if rest else []

    @property
    def rest(self) -> bytes:
        """See `StreamDecoder`."""
        return self._splitter.rest

    @property
    def has_ended(self) -> bool:
        """See `StreamDecoder`."""
        return self._end_came

    @abstractmethod
    def encode(self, piece: Piece) -> bytes:
        """See `StreamDecoder`."""

    def decoded(self, entries: list[Json]) -> Decoded | None:
        """See `StreamDecoder`. Bytes of which nothing is a chunk or an end marker are no such stream."""
        is_other = self._log.other_count and not entries and not self._end_came
        if is_other or len(entries) != self._log.count:
            return None
        end = self._usual_end(entries) if self._is_over else ""
        return Decoded(entries, is_streaming=True, framing=self._log.to_json(end, self._form))

    @abstractmethod
    def _piece(self, raw: bytes) -> Piece:
        """The piece that a part of the stream is; its framing is noted."""

    def _other(self, raw: bytes) -> Piece:
        """The piece that bytes are which are no chunk."""
        self._log.add_bytes(raw)
        return Piece(None, is_chunk=False, raw=raw)

    def _usual_end(self, entries: list[Json]) -> str:  # noqa: ARG002  (for those that have one)
        """What usually follows the last of these entries."""
        return ""


class PassThroughDecoder:
    """For a body that is decoded, if at all, when all of it is there: the client gets each byte at once.

    Args:
        content_type: The content type of the answer.
    """

    has_ended = False
    rest = b""

    def __init__(self, content_type: str) -> None:
        self.content_type = content_type

    def feed(self, data: bytes) -> list[Piece]:
        """See `StreamDecoder`."""
        return [Piece(None, is_chunk=False, raw=data)] if data else []

    def encode(self, piece: Piece) -> bytes:
        """See `StreamDecoder`."""
        return piece.raw

    def end(self) -> list[Piece]:
        """See `StreamDecoder`."""
        return []

    def decoded(self, entries: list[Json]) -> None:
        """See `StreamDecoder`: it is stored as it is."""


def _pieces(decoder: StreamDecoder, body: bytes) -> Iterator[Piece]:
    for start in range(0, len(body), _SLICE):
        yield from decoder.feed(body[start : start + _SLICE])
    yield from decoder.end()


def decode_whole(decoder: StreamDecoder, body: bytes) -> Decoded | None:
    """Decode all of a stream; None if there is nothing of it, or it is of another format after all."""
    if not body:
        return None
    entries = list_for(len(body))
    entries.extend(piece.entry for piece in _pieces(decoder, body) if piece.is_chunk)
    return decoder.decoded(entries)


def respell_whole(decoder: StreamDecoder, body: bytes) -> bytes:
    """All of a stream with its JSON respelled and its framing as it is."""
    respelled = BytesIO()
    for piece in _pieces(decoder, body):
        respelled.write(decoder.encode(piece))
    return respelled.getvalue()
