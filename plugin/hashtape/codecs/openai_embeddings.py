"""Embeddings: base64 on the wire where the client asks for it, floats in the file, bit for bit (spec §3).

The OpenAI client asks for base64 behind its caller's back and unpacks it to 32-bit floats. Every 32-bit
float is a Python float too, so the way there and back is exact.
"""

from __future__ import annotations

import base64
import binascii
import math
import struct
from typing import TYPE_CHECKING

from hashtape.codecs.base import Context, Decoded, chunk, chunk_data, is_chunk
from hashtape.codecs.json_text import Json, parse, parse_object

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["EmbeddingsCodec"]

_OPERATION = "/v1/embeddings"
_TYPE = "openai.types.create_embedding_response.CreateEmbeddingResponse"


def _unpack(text: Json) -> Json:
    """The floats of a base64 vector; None if this is not one, or if JSON cannot hold its floats."""
    if not isinstance(text, str):
        return None
    try:
        packed = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(packed) % 4:
        return None
    floats = struct.unpack(f"<{len(packed) // 4}f", packed)
    return list(floats) if all(map(math.isfinite, floats)) else None


def _pack(vector: Json) -> Json:
    """A vector in base64; None if 32 bits would not hold its numbers exactly."""
    if not isinstance(vector, list):
        return None
    floats = [number for number in vector if isinstance(number, float)]
    if len(floats) != len(vector):
        return None
    form = f"<{len(floats)}f"
    try:
        packed = struct.pack(form, *floats)
    except (OverflowError, struct.error):
        return None
    return base64.b64encode(packed).decode("ascii") if list(struct.unpack(form, packed)) == floats else None


def _with_vectors(answer: Json, convert: Callable[[Json], Json]) -> Json:
    """A copy of an answer in which each vector went through `convert`, unless that returned None."""
    entries = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(answer, dict) or not isinstance(entries, list):
        return answer
    converted: list[Json] = []
    for entry in entries:
        vector = convert(entry.get("embedding")) if isinstance(entry, dict) else None
        converted.append(
            {**entry, "embedding": vector} if isinstance(entry, dict) and vector is not None else entry
        )
    return {**answer, "data": converted}


class EmbeddingsCodec:
    """An embeddings answer ↔ one labelled entry whose vectors are lists of floats."""

    name = "openai-embeddings"
    proves_itself = False
    content_type = "application/json"

    def decode(self, body: bytes, context: Context) -> Decoded | None:
        """See `Codec`."""
        if context.operation != _OPERATION or not context.is_success:
            return None
        answer = parse_object(body)
        if answer is None or not isinstance(answer.get("data"), list):
            return None
        return Decoded(chunk(_TYPE, _with_vectors(answer, _unpack) if context.wants_base64 else answer))

    def encode(self, decoded: Decoded, context: Context) -> Iterable[bytes] | None:
        """See `Codec`. A vector that 32 bits cannot hold stays a list, which the client takes as well."""
        if decoded.is_streaming or not is_chunk(decoded.body, _TYPE):
            return None
        answer = chunk_data(decoded.body)
        return [context.spell(_with_vectors(answer, _pack) if context.wants_base64 else answer)]

    def respelled(self, body: bytes, context: Context) -> bytes:
        """See `Codec`."""
        return context.spell(parse(body))
