"""Bodies of no format in particular: lines of old recordings, JSON, text, bytes.

Together they take every body there is, so that nothing a server sent is lost (spec §7).
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from hashtape.codecs.base import Context, Decoded, is_chunk
from hashtape.codecs.json_text import NotJsonError, compact, parse

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["BinaryCodec", "JsonCodec", "RawLinesCodec", "TextCodec"]


class RawLinesCodec:
    """Streams that older recorders stored as a list of text lines: read, never written (spec §6)."""

    name = "raw-lines"
    proves_itself = False
    content_type = "text/event-stream; charset=utf-8"

    def decode(self, body: bytes, context: Context) -> Decoded | None:  # noqa: ARG002  (protocol)
        """Nothing is stored like this any more."""
        return None

    def encode(self, decoded: Decoded, context: Context) -> Iterable[bytes] | None:  # noqa: ARG002  (protocol)
        """See `Codec`."""
        if not decoded.is_streaming or not isinstance(decoded.body, list) or not decoded.body:
            return None
        lines = [line for line in decoded.body if isinstance(line, str)]
        if len(lines) != len(decoded.body):
            return None
        return [line.encode("utf-8", "surrogatepass") + b"\n" for line in lines]

    def respelled(self, body: bytes, context: Context) -> bytes:  # noqa: ARG002  (protocol)
        """See `Codec`."""
        return body


_FILES = ("application/octet-stream", "application/zip", "audio/", "image/", "video/")
"""The content types under which JSON is not sent to be read as JSON."""


class JsonCodec:
    """Any JSON but a string or null, which would look like text and like no body at all."""

    name = "json"
    proves_itself = False
    content_type = "application/json"

    def decode(self, body: bytes, context: Context) -> Decoded | None:
        """See `Codec`."""
        if context.media_type.startswith(_FILES):
            return None  # a file, of which each byte counts
        try:
            value = parse(body)
        except NotJsonError:
            return None
        if value is None or isinstance(value, str):
            return None
        is_number = not isinstance(value, (dict, list))
        # A text that says no more than a number may not be meant as one.
        return (
            None
            if is_number and "json" not in context.media_type and compact(value) != body
            else Decoded(value)
        )

    def encode(self, decoded: Decoded, context: Context) -> Iterable[bytes] | None:
        """See `Codec`."""
        body = decoded.body
        if body is None or isinstance(body, str) or (isinstance(body, dict) and "__encoding__" in body):
            return None
        return None if is_chunk(body) else [context.spell(body)]

    def respelled(self, body: bytes, context: Context) -> bytes:
        """See `Codec`."""
        return context.spell(parse(body))


class TextCodec:
    """Text as text, with no body at all as the empty text."""

    name = "text"
    proves_itself = False
    content_type = "text/plain; charset=utf-8"

    def decode(self, body: bytes, context: Context) -> Decoded | None:  # noqa: ARG002  (protocol)
        """See `Codec`."""
        try:
            text = body.decode("utf-8")
        except UnicodeDecodeError:
            return None
        # Control characters other than white space say that this is no text to read.
        return None if "\0" in text else Decoded(text)

    def encode(self, decoded: Decoded, context: Context) -> Iterable[bytes] | None:  # noqa: ARG002  (protocol)
        """See `Codec`."""
        if decoded.body is None:
            return [b""]
        # "surrogatepass": a file that somebody edited may hold what no server can send.
        return [decoded.body.encode("utf-8", "surrogatepass")] if isinstance(decoded.body, str) else None

    def respelled(self, body: bytes, context: Context) -> bytes:  # noqa: ARG002  (protocol)
        """See `Codec`."""
        return body


class BinaryCodec:
    """Everything else: base64."""

    name = "binary"
    proves_itself = False
    content_type = "application/octet-stream"

    def decode(self, body: bytes, context: Context) -> Decoded:  # noqa: ARG002  (protocol)
        """See `Codec`; takes every body."""
        return Decoded({"__encoding__": "base64", "data": base64.b64encode(body).decode("ascii")})

    def encode(self, decoded: Decoded, context: Context) -> Iterable[bytes] | None:  # noqa: ARG002  (protocol)
        """See `Codec`."""
        body = decoded.body
        if not isinstance(body, dict) or body.get("__encoding__") != "base64":
            return None
        data = body.get("data")
        if not isinstance(data, str):
            return None
        try:
            return [base64.b64decode(data, validate=True)]
        except (binascii.Error, ValueError):
            return None

    def respelled(self, body: bytes, context: Context) -> bytes:  # noqa: ARG002  (protocol)
        """See `Codec`."""
        return body
