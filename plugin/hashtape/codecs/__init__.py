"""Bytes of an answer ↔ what a recording stores: one module a format, and an explicit order among them.

To add a format, write a `Codec` and put it into `CODECS` before the plain ones.
"""

from __future__ import annotations

from hashtape.codecs.base import Codec, Context, Decoded, StreamDecoder, is_usual, media_type
from hashtape.codecs.compression import decompress
from hashtape.codecs.json_text import (
    MAX_DEPTH,
    Json,
    NotJsonError,
    compact,
    escape_surrogates,
    is_deeper_than,
    parse,
    parse_object,
)
from hashtape.codecs.openai_answer import MODEL_TYPE, ModelListCodec, OpenAIAnswerCodec
from hashtape.codecs.openai_embeddings import EmbeddingsCodec
from hashtape.codecs.openai_stream import OpenAIStreamCodec
from hashtape.codecs.plain import BinaryCodec, JsonCodec, JsonLinesCodec, RawLinesCodec, TextCodec

__all__ = [
    "CODECS",
    "MAX_DEPTH",
    "MODEL_TYPE",
    "STREAM_CONTENT_TYPE",
    "Codec",
    "Context",
    "Decoded",
    "Json",
    "NotJsonError",
    "StreamDecoder",
    "compact",
    "decode",
    "decompress",
    "encode",
    "escape_surrogates",
    "is_deeper_than",
    "is_usual",
    "media_type",
    "parse",
    "parse_object",
    "stream_decoder",
]

CODECS: tuple[Codec, ...] = (
    OpenAIStreamCodec(),
    EmbeddingsCodec(),
    OpenAIAnswerCodec(),
    ModelListCodec(),
    RawLinesCodec(),
    JsonLinesCodec(),
    JsonCodec(),
    TextCodec(),
    BinaryCodec(),
)
"""All codecs in the order in which they are asked, for decoding and for encoding."""


def stream_decoder(context: Context) -> StreamDecoder | None:
    """A decoder for a stream that is about to arrive; None if it can only be decoded as a whole."""
    if context.media_type != media_type(OpenAIStreamCodec.content_type) or not context.is_success:
        return None
    return OpenAIStreamCodec().decoder(context)


STREAM_CONTENT_TYPE = OpenAIStreamCodec.content_type
"""The content type of the streams that `stream_decoder` decodes."""


def _respelled(body: bytes) -> bytes:
    """A body with its JSON, as a whole or line by line, spelled as the codecs spell it; framing stays."""
    try:
        return compact(parse(body))
    except NotJsonError:
        pass
    lines: list[bytes] = []
    for line in body.splitlines(keepends=True):
        field = b"data: " if line.startswith(b"data: ") else b""
        payload = line[len(field) :].rstrip(b"\r\n")
        try:
            lines.append(field + compact(parse(payload)) + line[len(field) + len(payload) :])
        except NotJsonError:
            lines.append(line)
    return b"".join(lines)


def decode(body: bytes, context: Context) -> tuple[Decoded, str]:
    """Turn the bytes of an answer into what is stored, by the first codec that can give them back (spec §7).

    Args:
        body: The bytes, decompressed.
        context: What else is known of the exchange.

    Returns:
        What is stored, for any bytes at all; and the content type that it has without a header.
    """
    for codec in CODECS:
        decoded = codec.decode(body, context)
        if decoded is None:
            continue
        try:
            again, usual = encode(decoded, context)
        except ValueError:
            continue  # it looks like something that only hashtape writes
        if again == body or again == _respelled(body):
            return decoded, usual
    raise AssertionError("the last codec takes every body")  # pragma: no cover


def encode(decoded: Decoded, context: Context) -> tuple[bytes, str]:
    """Turn what is stored into the bytes of an answer (spec §5).

    Args:
        decoded: What is stored.
        context: What else is known of the exchange.

    Returns:
        The bytes, and their content type; that is empty for an empty body.

    Raises:
        ValueError: What is stored is in no known form.
    """
    for codec in CODECS:
        body = codec.encode(decoded, context)
        if body is not None:
            return body, codec.content_type if body else ""
    raise ValueError("a body of no known form")
