"""A stream on its way from the server to the client, which sees each chunk as it comes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hashtape.codecs import STREAM_CONTENT_TYPE, decode
from hashtape.recording import Answer
from hashtape.vcr_adapter.conversion import CUT_STREAM, normalise

if TYPE_CHECKING:
    from collections.abc import Callable

    from hashtape.codecs import Json, StreamDecoder
    from hashtape.vcr_adapter.asked import Asked
    from hashtape.vcr_adapter.conversion import Head

__all__ = ["CLOSED", "LiveStream"]

CLOSED = "closed"
"""What `exception_data.type` says of a stream that the client did not read to its end."""


class LiveStream:
    """Decodes, normalises and passes on a stream chunk by chunk, and stores it when it ends.

    Args:
        asked: The request.
        head: What is known of the response.
        decoder: The decoder.
        store: Takes the answer of a stream that ended as it should.
        store_cut: Takes the answer of a stream that broke off.
        store_as_it_is: Takes the body of a stream that was none of its format after all.
    """

    def __init__(
        self,
        asked: Asked,
        head: Head,
        decoder: StreamDecoder,
        store: Callable[[Answer], object],
        store_cut: Callable[[Answer], object],
        store_as_it_is: Callable[[bytes], object],
    ) -> None:
        self._asked = asked
        self._head = head
        self._decoder = decoder
        self._store = store
        self._store_cut = store_cut
        self._store_as_it_is = store_as_it_is
        self._raw = bytearray()
        self._passed_on = 0  # how many of the raw bytes the client has been given, if spelled otherwise
        self._chunks: list[Json] = []
        self._is_raw = False
        self.is_over = False
        """Whether it has been stored, or given up."""

    @property
    def headers(self) -> dict[str, str]:
        """The headers that the client gets: those of a replay."""
        return {"content-type": STREAM_CONTENT_TYPE, **self._head.headers_of(STREAM_CONTENT_TYPE)}

    def feed(self, data: bytes) -> bytes:
        """Take bytes from the server; return those for the client."""
        self._raw += data
        if self._is_raw:
            return data
        chunks = self._decoder.feed(data)
        if self._decoder.deviates:
            self._is_raw = True
            # No stream of this format after all: from here on the client gets it as it is.
            return bytes(self._raw[self._passed_on :])
        self._passed_on = len(self._raw) - len(self._decoder.rest)
        for entry in chunks:
            normalise(entry, self._asked.recorded, self._asked.request_id)
        self._chunks += chunks
        return self._decoder.encode(chunks)

    def end(self) -> bytes:
        """The server has ended the stream: store it; return what the client has not got yet."""
        rest = b"" if self._decoder.deviates else bytes(self._raw[self._passed_on :])
        if not self.is_over:
            self.is_over = True
            if self._decoder.is_complete():
                # The decoder takes nothing that its encoder would not give back: that is the proof (spec §7).
                self._store(self._answer())
            else:
                self._store_as_it_is(bytes(self._raw))
        return rest

    def close(self) -> None:
        """The client reads no further: all came already, or what came is stored and marked (spec §7)."""
        is_whole = self._decoder.deviates and self._decoder.has_end(bytes(self._raw))
        if is_whole or self._decoder.is_complete():
            self.end()
        else:
            self._cut(CLOSED, "the client read no further when this was recorded")

    def fail(self, error: BaseException) -> None:
        """The connection failed: what came is stored, with the kind of failure (spec §7)."""
        self._cut(type(error).__name__, str(error))

    def _cut(self, kind: str, message: str) -> None:
        if self.is_over:
            return
        self.is_over = True
        failure: dict[str, Json] = {"category": CUT_STREAM, "type": kind, "message": message}
        answer = self._answer()
        if self._decoder.deviates:
            decoded, usual = decode(bytes(self._raw), self._head.context)
            answer.body, answer.is_streaming = decoded.body, decoded.is_streaming
            answer.headers = self._head.headers_of(usual)
        elif self._decoder.rest:
            failure["rest"] = self._decoder.rest.decode("utf-8", "surrogateescape")
        answer.is_exception, answer.exception_data = True, failure
        self._store_cut(answer)

    def _answer(self) -> Answer:
        context = self._head.context
        answer = Answer(self._chunks, is_streaming=True, headers=self._head.headers_of(STREAM_CONTENT_TYPE))
        if context.status != 200:
            answer.status = context.status
        return answer
