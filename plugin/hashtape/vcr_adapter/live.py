"""A stream on its way from the server to the client, which sees each chunk as it comes."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from hashtape.codecs import decode, encode_parts
from hashtape.codecs.packed import LONG, PackedList
from hashtape.recording import Answer
from hashtape.vcr_adapter.vcr_responses import CUT_STREAM, normalise

if TYPE_CHECKING:
    from collections.abc import Callable

    from hashtape.codecs import Decoded, Json, Piece, StreamDecoder
    from hashtape.codecs.compression import Decompress
    from hashtape.vcr_adapter.asked import Asked
    from hashtape.vcr_adapter.vcr_responses import Head

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
        decompress: Undoes the content encoding, if there is one.
    """

    def __init__(
        self,
        asked: Asked,
        head: Head,
        decoder: StreamDecoder,
        store: Callable[[Answer], object],
        store_cut: Callable[[Answer], object],
        store_as_it_is: Callable[[bytes], object],
        decompress: Decompress | None = None,
    ) -> None:
        self._asked = asked
        self._head = head
        self._decoder = decoder
        self._store = store
        self._store_cut = store_cut
        self._store_as_it_is = store_as_it_is
        self._decompress = decompress
        self._raw = bytearray()
        self._is_empty = True
        self._passed_on = hashlib.sha256()  # a digest, because a stream may be long
        self._entries: list[Json] = []
        self.is_over = False
        """Whether it has been stored, or given up."""

    @property
    def headers(self) -> dict[str, str]:
        """The headers that the client gets: those of a replay."""
        usual = self._decoder.content_type
        return {"content-type": usual, **self._head.headers_of(usual)}

    def feed(self, data: bytes) -> bytes:
        """Take bytes from the server; return those for the client.

        Raises:
            ValueError: They are not in the content encoding that the server named.
        """
        if self._decompress is not None:
            data = self._decompress(data)
        self._raw += data
        self._is_empty = self._is_empty and not data
        if len(self._raw) > LONG and not isinstance(self._entries, PackedList):
            self._entries = PackedList(self._entries)
        return self._pass_on(self._decoder.feed(data))

    def end(self) -> bytes:
        """The server has ended the stream: store it; return what the client has not got yet."""
        rest = self._pass_on(self._decoder.end()) + self._decoder.rest
        if not self.is_over:
            self.is_over = True
            decoded = self._decoded()
            # The proof of spec §7: what is stored gives what the client has been given.
            if decoded is not None and self._gives_what_was_passed_on(decoded):
                self._raw.clear()  # as long as all of it
                self._store(self._answer(decoded))
            else:
                self._store_as_it_is(bytes(self._raw))
        return rest

    def close(self) -> None:
        """The client reads no further: all came already, or what came is stored and marked (spec §7)."""
        if self.is_over:
            return
        if self._decoder.has_ended:
            self.end()
        else:
            self._cut(CLOSED, "it was read no further when it was recorded")

    def fail(self, error: BaseException) -> bytes:
        """The connection failed: what came is stored, with the kind of failure (spec §7).

        Returns:
            What came and the client has not got yet: the beginning of a chunk.
        """
        rest = b"" if self.is_over else self._decoder.rest
        self._cut(type(error).__name__, str(error))
        return rest

    def _pass_on(self, pieces: list[Piece]) -> bytes:
        encoded = bytearray()
        for piece in pieces:
            if piece.is_chunk:
                normalise(piece.entry, self._asked.recorded, self._asked.request_id)
                self._entries.append(piece.entry)
            encoded += self._decoder.encode(piece)
        self._passed_on.update(encoded)
        return bytes(encoded)

    def _decoded(self) -> Decoded | None:
        """What is stored of the stream; None if it is none of its format after all."""
        return None if self._decoder.rest else self._decoder.decoded(self._entries)

    def _gives_what_was_passed_on(self, decoded: Decoded) -> bool:
        encoded = hashlib.sha256()
        try:
            for part in encode_parts(decoded, self._head.context)[0]:
                encoded.update(part)
        except ValueError:
            return False
        return encoded.digest() == self._passed_on.digest()

    def _cut(self, kind: str, message: str) -> None:
        if self.is_over:
            return
        self.is_over = True
        failure: dict[str, Json] = {"category": CUT_STREAM, "type": kind, "message": message}
        rest = self._decoder.rest
        decoded = self._decoder.decoded(self._entries)
        usual = self._decoder.content_type
        if decoded is None:
            decoded, usual = decode(bytes(self._raw), self._head.context, is_exact=True)
        elif rest:
            failure["rest"] = rest.decode("utf-8", "surrogateescape")
        answer = self._answer(decoded, usual)
        answer.is_exception, answer.exception_data = True, failure
        self._store_cut(answer)

    def _answer(self, decoded: Decoded, usual: str = "") -> Answer:
        # No body has a content type that goes without saying.
        headers = self._head.headers_of("" if self._is_empty else usual or self._decoder.content_type)
        answer = Answer(decoded.body, decoded.is_streaming, framing=decoded.framing, headers=headers)
        if self._head.context.status != 200:
            answer.status = self._head.context.status
        return answer
