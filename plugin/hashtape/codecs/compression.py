"""Content encodings: answers are stored decompressed, whichever client recorded them."""

from __future__ import annotations

import importlib
import zlib
from collections.abc import Callable
from typing import Any, TypeAlias

__all__ = ["Decompress", "decompress", "stream_decompressor"]

Decompress: TypeAlias = Callable[[bytes], bytes]
"""Takes the next piece of a compressed stream; returns what it decompresses to, which may be nothing yet."""


def _gzip(body: bytes) -> bytes:
    return _inflated(body, _Inflate(zlib.MAX_WBITS | 16, is_deflate=False))


def _deflate(body: bytes) -> bytes:
    return _inflated(body, _Inflate(zlib.MAX_WBITS, is_deflate=True))


def _inflated(body: bytes, inflate: _Inflate) -> bytes:
    plain = inflate(body)
    if not plain and not inflate.has_ended:
        raise ValueError("nothing of it can be read")
    return plain


def _zstandard(module: Any, body: bytes) -> bytes:
    frames: list[bytes] = []
    while body:
        frame = module.ZstdDecompressor().decompressobj()
        frames.append(frame.decompress(body))
        if not frame.eof:
            raise ValueError("a frame is cut off")
        body = frame.unused_data
    return b"".join(frames)


def _library(*names: str) -> Any | None:
    """The first of these modules that is installed."""
    for name in names:
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    return None


def _from_library(*names: str) -> Decompress | None:
    module = _library(*names)
    if module is None:
        return None
    if module.__name__ == "zstandard":
        return lambda body: _zstandard(module, body)
    return lambda body: bytes(module.decompress(body))


def _decompressor(encoding: str) -> Decompress | None:
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


def _name(encoding: str) -> str:
    return encoding.partition(";")[0].strip().lower()


def decompress(body: bytes, content_encoding: str) -> bytes | None:
    """Undo the content encodings of a body.

    Args:
        body: The bytes as they came over the wire. gzip and deflate are read as far as they go:
            some servers leave their checksum out or add bytes after it, and clients read that.
        content_encoding: The header's value, such as `gzip` or `deflate, gzip`; may be empty.

    Returns:
        The body, or None if an encoding is unknown here or the bytes are not in it.
    """
    for encoding in reversed([_name(part) for part in content_encoding.split(",")]):
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


# --- Piece by piece --------------------------------------------------------------------------------------


class _Inflate:
    """gzip and deflate: also several members one after the other, and what some servers mean by deflate.

    What follows them and is none is ignored, as clients do.
    """

    def __init__(self, wbits: int, *, is_deflate: bool) -> None:
        self._wbits = wbits
        self._stream = zlib.decompressobj(wbits)
        self._may_be_raw = is_deflate
        self.has_ended = False
        """Whether a member has come to its end."""
        self._is_over = False

    def __call__(self, data: bytes) -> bytes:
        parts: list[bytes] = []
        while data and not self._is_over:
            if self._stream.eof:
                self._stream = zlib.decompressobj(self._wbits)
            try:
                parts.append(self._stream.decompress(data))
            except zlib.error as error:
                if self.has_ended:
                    self._is_over = True
                    break
                if not self._may_be_raw:
                    raise ValueError(f"not in the content encoding that the server named: {error}") from None
                self._wbits = -zlib.MAX_WBITS
                self._stream = zlib.decompressobj(self._wbits)
                self._may_be_raw = False
                continue
            self._may_be_raw = False
            self.has_ended = self.has_ended or self._stream.eof
            data = self._stream.unused_data
        return b"".join(parts)


def _brotli_stream() -> Decompress | None:
    module = _library("brotli", "brotlicffi")
    if module is None:
        return None
    decompressor = module.Decompressor()
    feed = getattr(decompressor, "process", None) or decompressor.decompress

    def decompress_piece(data: bytes) -> bytes:
        try:
            return bytes(feed(data)) if data else b""
        except module.error as error:
            raise ValueError(f"not in the content encoding that the server named: {error}") from None

    return decompress_piece


def _zstandard_stream() -> Decompress | None:
    module = _library("compression.zstd", "backports.zstd", "zstandard")
    if module is None:
        return None
    new = module.ZstdDecompressor
    make = (lambda: new().decompressobj()) if module.__name__ == "zstandard" else new
    stream = make()

    def decompress_piece(data: bytes) -> bytes:
        nonlocal stream
        parts: list[bytes] = []
        while data:
            if stream.eof:
                stream = make()
            try:
                parts.append(stream.decompress(data))
            except module.ZstdError as error:
                raise ValueError(f"not in the content encoding that the server named: {error}") from None
            data = stream.unused_data if stream.eof else b""
        return b"".join(parts)

    return decompress_piece


def stream_decompressor(content_encoding: str) -> Decompress | None:
    """What undoes the content encoding of a stream as it arrives.

    Args:
        content_encoding: The header's value, such as `gzip`; may be empty.

    Returns:
        A function of the next bytes, which raises ValueError for bytes that are not in the encoding; None if
        there is no encoding, or one that is not known here, or several.
    """
    encoding = _name(content_encoding)
    if encoding in {"gzip", "x-gzip"}:
        return _Inflate(zlib.MAX_WBITS | 16, is_deflate=False)
    if encoding == "deflate":
        return _Inflate(zlib.MAX_WBITS, is_deflate=True)
    if encoding == "br":
        return _brotli_stream()
    return _zstandard_stream() if encoding == "zstd" else None
