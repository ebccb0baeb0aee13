"""Content encodings: answers are stored decompressed, whichever client recorded them."""

from __future__ import annotations

import gzip
import importlib
import zlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["decompress"]


def _gzip(body: bytes) -> bytes:
    return gzip.decompress(body)


def _deflate(body: bytes) -> bytes:
    try:
        return zlib.decompress(body)
    except zlib.error:
        return zlib.decompress(body, -zlib.MAX_WBITS)  # what some servers mean by deflate


def _zstandard(module: Any, body: bytes) -> bytes:
    frames: list[bytes] = []
    while body:
        frame = module.ZstdDecompressor().decompressobj()
        frames.append(frame.decompress(body))
        if not frame.eof:
            raise ValueError("a frame is cut off")
        body = frame.unused_data
    return b"".join(frames)


def _from_library(*names: str) -> Callable[[bytes], bytes] | None:
    for name in names:
        try:
            module = importlib.import_module(name)
        except ImportError:
            continue
        if name == "zstandard":
            return lambda body: _zstandard(module, body)
        return lambda body: bytes(module.decompress(body))
    return None


def _decompressor(encoding: str) -> Callable[[bytes], bytes] | None:
    if encoding in {"gzip", "x-gzip"}:
        return _gzip
    if encoding == "deflate":
        return _deflate
    # The libraries that the clients themselves use: without one, no client asks for the encoding either.
    if encoding == "br":
        return _from_library("brotli", "brotlicffi")
    if encoding == "zstd":
        return _from_library("compression.zstd", "backports.zstd", "zstandard")
    return None


def decompress(body: bytes, content_encoding: str) -> bytes | None:
    """Undo the content encodings of a body.

    Args:
        body: The bytes as they came over the wire.
        content_encoding: The header's value, such as `gzip` or `deflate, gzip`; may be empty.

    Returns:
        The body, or None if an encoding is unknown here or the bytes are not in it.
    """
    for encoding in reversed([part.strip().lower() for part in content_encoding.split(",")]):
        if not encoding or encoding == "identity":
            continue
        undo = _decompressor(encoding)
        if undo is None:
            return None
        try:
            body = undo(body)
        except Exception:  # noqa: BLE001  (each library has its own error for bytes that are not in its format)
            return None
    return body
