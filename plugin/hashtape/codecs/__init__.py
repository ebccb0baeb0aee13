"""Bytes of an answer ↔ what a recording stores: one module a format, and an explicit order among them.

To add a format, write a `Codec` and put it into `CODECS` before the plain ones.
"""

from __future__ import annotations

from hashtape.codecs.base import Codec, Context, Decoded, media_type
from hashtape.codecs.compression import decompress
from hashtape.codecs.json_text import Json, NotJsonError, compact, escape_surrogates, parse, parse_object
from hashtape.codecs.openai_answer import MODEL_TYPE, ModelListCodec, OpenAIAnswerCodec
from hashtape.codecs.openai_embeddings import EmbeddingsCodec
from hashtape.codecs.openai_stream import OpenAIStreamCodec
from hashtape.codecs.plain import BinaryCodec, JsonCodec, JsonLinesCodec, RawLinesCodec, TextCodec

__all__ = [
    "CODECS",
    "MODEL_TYPE",
    "Codec",
    "Context",
    "Decoded",
    "Json",
    "NotJsonError",
    "compact",
    "decode",
    "decompress",
    "encode",
    "escape_surrogates",
    "media_type",
    "parse",
    "parse_object",
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


def _respelled(body: bytes) -> list[Json | bytes]:
    """A body with its JSON parsed, as a whole or line by line, so that its spelling does not count.

    Whatever is not JSON stays bytes, and so does the framing.
    """
    try:
        return [parse(body)]
    except NotJsonError:
        pass
    pieces: list[Json | bytes] = []
    for line in body.splitlines(keepends=True):
        field, colon, payload = line.partition(b": ") if line.startswith(b"data: ") else (b"", b"", line)
        text = payload.rstrip(b"\r\n")
        try:
            pieces += [field + colon, parse(text), payload[len(text) :]]
        except NotJsonError:
            pieces.append(line)
    return pieces


def _identical(left: object, right: object) -> bool:
    """Equality that tells 1 from 1.0 and from True, which Python's does not."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict) and isinstance(right, dict):
        return list(left) == list(right) and all(_identical(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_identical, left, right))
    return left == right


def decode(body: bytes, context: Context) -> Decoded:
    """Turn the bytes of an answer into what is stored, by the first codec that can give them back (spec §7).

    Args:
        body: The bytes, decompressed.
        context: What else is known of the exchange.

    Returns:
        What is stored; for any bytes at all.
    """
    for codec in CODECS:
        decoded = codec.decode(body, context)
        if decoded is None:
            continue
        again, _ = encode(decoded, context)
        if again == body or _identical(_respelled(again), _respelled(body)):
            return decoded
    raise AssertionError("the last codec takes every body")  # pragma: no cover


def encode(decoded: Decoded, context: Context) -> tuple[bytes, str]:
    """Turn what is stored into the bytes of an answer (spec §5).

    Args:
        decoded: What is stored.
        context: What else is known of the exchange.

    Returns:
        The bytes, and their media type; that is empty for an empty body.

    Raises:
        ValueError: What is stored is in no known form.
    """
    for codec in CODECS:
        body = codec.encode(decoded, context)
        if body is not None:
            return body, codec.media_type if body else ""
    raise ValueError("a body of no known form")
