"""OpenAI chat and completions streams: `data: <json>` events, closed by `data: [DONE]` (spec §5)."""

from __future__ import annotations

import re

from hashtape.codecs.base import Context, Decoded, chunk, chunk_data, is_chunk
from hashtape.codecs.json_text import Json, NotJsonError, compact, parse
from hashtape.codecs.sse import EventSplitter, data_event

__all__ = ["OpenAIStreamCodec", "OpenAIStreamDecoder"]

_CHUNK_TYPES = {
    "/v1/chat/completions": "openai.types.chat.chat_completion_chunk.ChatCompletionChunk",
    "/v1/completions": "openai.types.completion.Completion",
}
_DONE = data_event(b"[DONE]")
_PREFIX = b"data: "
_ANY_DONE = re.compile(rb"(?:^|[\r\n])data: ?\[DONE\]")


class OpenAIStreamDecoder:
    """Decode such a stream as it arrives.

    Args:
        type_label: The `__type__` of its chunks.
    """

    def __init__(self, type_label: str) -> None:
        self._type_label = type_label
        self._splitter = EventSplitter()
        self._done = False
        self._done_is_encoded = False
        self.deviates = False

    def feed(self, data: bytes) -> list[Json]:
        """Take more bytes; return the chunks that are now complete."""
        chunks: list[Json] = []
        # JSON spells a carriage return otherwise: this is CRLF framing, which nothing here splits.
        self.deviates = self.deviates or b"\r" in data
        for event in self._splitter.feed(data):
            if self._done or not event.startswith(_PREFIX) or b"\n" in event[:-2]:
                self.deviates = True
            elif event == _DONE:
                self._done = True
            else:
                try:
                    chunks.append(chunk(self._type_label, parse(event[len(_PREFIX) : -2])))
                except NotJsonError:
                    self.deviates = True
        return chunks

    @property
    def rest(self) -> bytes:
        """The bytes after the last complete event."""
        return self._splitter.rest()

    def has_end(self, body: bytes) -> bool:
        """Whether the bytes of a stream that deviates hold the event at which clients stop reading."""
        return _ANY_DONE.search(body) is not None

    def encode(self, chunks: list[Json]) -> bytes:
        """The bytes of chunks that `feed` has just returned, and of the end of the stream if that came."""
        encoded = b"".join(data_event(compact(chunk_data(entry))) for entry in chunks)
        if self._done and not self._done_is_encoded:
            self._done_is_encoded = True
            encoded += _DONE
        return encoded

    def is_complete(self) -> bool:
        """Whether the stream has ended as it should, with nothing left over."""
        return self._done and not self.deviates and not self.rest


class OpenAIStreamCodec:
    """Bytes of a chat or completions stream ↔ a list of its chunks."""

    name = "openai-stream"
    content_type = "text/event-stream; charset=utf-8"

    def decoder(self, context: Context) -> OpenAIStreamDecoder | None:
        """A decoder for a stream of this exchange; None if the operation has none of this format."""
        type_label = _CHUNK_TYPES.get(context.operation)
        return None if type_label is None else OpenAIStreamDecoder(type_label)

    def decode(self, body: bytes, context: Context) -> Decoded | None:
        """See `Codec`; also decodes streams whose server forgot the content type."""
        decoder = self.decoder(context) if body.startswith(_PREFIX) else None
        if decoder is None:
            return None
        chunks = decoder.feed(body)
        return Decoded(chunks, is_streaming=True) if decoder.is_complete() else None

    def encode(self, decoded: Decoded, context: Context) -> bytes | None:
        """See `Codec`. The label of the chunks decides: old files name other operations (spec §6)."""
        body = decoded.body
        if not decoded.is_streaming or not isinstance(body, list):
            return None
        prefixes = tuple(_CHUNK_TYPES.values())
        if not all(any(is_chunk(entry, prefix) for prefix in prefixes) for entry in body):
            return None
        if not body and context.operation not in _CHUNK_TYPES:
            return None
        encoded = b"".join(data_event(compact(chunk_data(entry))) for entry in body)
        return encoded if context.is_cut else encoded + _DONE
