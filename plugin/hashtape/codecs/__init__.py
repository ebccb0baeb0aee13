"""Bytes of an answer ↔ what a recording stores: one module a format, and an explicit order among them.

To add a format, write a `Codec` and put it into `CODECS` before the plain ones. A format that arrives piece
by piece is a `StreamCodec`, which belongs into `STREAM_CODECS`.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from hashtape.codecs.aws_stream import AwsStreamCodec
from hashtape.codecs.base import Codec, Context, Decoded, Piece, StreamDecoder, is_usual, media_type
from hashtape.codecs.compression import decompress
from hashtape.codecs.json_array import JsonArrayCodec
from hashtape.codecs.json_lines import JsonLinesCodec
from hashtape.codecs.json_text import (
    MAX_DEPTH,
    Json,
    NotJsonError,
    compact,
    indented,
    is_deeper_than,
    parse,
    parse_object,
)
from hashtape.codecs.labelled_answers import MODEL_TYPE, LabelledAnswerCodec, ModelListCodec
from hashtape.codecs.openai_embeddings import EmbeddingsCodec
from hashtape.codecs.plain import BinaryCodec, JsonCodec, RawLinesCodec, TextCodec
from hashtape.codecs.sse_stream import SseCodec
from hashtape.codecs.usual_streams import (
    UsualArrayCodec,
    UsualEventsCodec,
    UsualLinesCodec,
    UsualMessagesCodec,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hashtape.codecs.streams import StreamCodec

__all__ = [
    "CODECS",
    "MAX_DEPTH",
    "MODEL_TYPE",
    "STREAM_CODECS",
    "Codec",
    "Context",
    "Decoded",
    "Json",
    "NotJsonError",
    "Piece",
    "StreamDecoder",
    "compact",
    "decode",
    "decompress",
    "encode",
    "encode_parts",
    "indented",
    "is_deeper_than",
    "is_usual",
    "media_type",
    "parse",
    "parse_object",
    "stream_decoder",
]

STREAM_CODECS: tuple[StreamCodec, ...] = (
    SseCodec(),
    AwsStreamCodec(),
    JsonArrayCodec(),
    JsonLinesCodec(),
)
"""The codecs of streams, in the order in which they are asked for a decoder."""

CODECS: tuple[Codec, ...] = (
    RawLinesCodec(),
    ModelListCodec(),
    UsualEventsCodec(),
    UsualMessagesCodec(),
    UsualArrayCodec(),
    *STREAM_CODECS[:-1],
    UsualLinesCodec(),
    *STREAM_CODECS[-1:],
    EmbeddingsCodec(),
    LabelledAnswerCodec(),
    JsonCodec(),
    TextCodec(),
    BinaryCodec(),
)
"""All codecs in the order in which they are asked, for decoding and for encoding."""


def stream_decoder(context: Context) -> StreamDecoder | None:
    """A decoder for a stream that is about to arrive.

    Args:
        context: What is known of the exchange before the first byte.

    Returns:
        None if the answer is no stream, or only its bytes can tell.
    """
    for codec in STREAM_CODECS:
        decoder = codec.decoder(context)
        if decoder is not None:
            return decoder
    return None


def decode(body: bytes, context: Context, *, is_exact: bool = False) -> tuple[Decoded, str]:
    """Turn the bytes of an answer into what is stored, by the first codec that can give them back (spec §7).

    Args:
        body: The bytes, decompressed.
        context: What else is known of the exchange.
        is_exact: Whether JSON has to come back as it was spelled: the client has been given these very bytes.

    Returns:
        What is stored, for any bytes at all; and the content type that it has without a header.
    """
    for codec in CODECS:
        decoded = codec.decode(body, context)
        if decoded is None:
            continue
        if codec.proves_itself and not is_exact:
            return decoded, codec.content_type
        try:
            again, usual = encode(decoded, context)
        except ValueError:
            continue  # it looks like something that only hashtape writes
        if again == body or (not is_exact and again == codec.respelled(body, context)):
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
    parts, content_type = encode_parts(decoded, context)
    if isinstance(parts, list) and len(parts) == 1:
        body: bytes = parts[0]
    else:
        stream = BytesIO()  # hands out its bytes without another copy of them
        for part in parts:
            stream.write(part)
        body = stream.getvalue()
    return body, content_type if body else ""


def encode_parts(decoded: Decoded, context: Context) -> tuple[Iterable[bytes], str]:
    """Turn what is stored into the bytes of an answer, part by part: a long one need not all exist.

    Args:
        decoded: What is stored.
        context: What else is known of the exchange.

    Returns:
        The parts, and the content type that they have together unless they are empty.

    Raises:
        ValueError: What is stored is in no known form. That may show only after some parts.
    """
    for codec in CODECS:
        parts = codec.encode(decoded, context)
        if parts is not None:
            return parts, codec.content_type
    raise ValueError("a body of no known form")
