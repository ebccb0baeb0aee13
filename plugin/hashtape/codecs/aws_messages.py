"""The binary messages of AWS event streams: split incrementally, read, written; no knowledge of services.

A message is a prelude (total length, length of the headers, CRC-32 of both), headers, a payload, and a CRC-32
of all that. A header is a name, a type and a value; nearly all are strings.
"""

from __future__ import annotations

import re
import struct
from binascii import crc32
from dataclasses import dataclass
from functools import lru_cache

from hashtape.codecs.splitters import Splitter

__all__ = [
    "Message",
    "MessageSplitter",
    "header_block",
    "message_of",
    "next_message",
    "read_message",
    "write_message",
]

_PRELUDE = struct.Struct(">III")
_CRC = struct.Struct(">I")
_OVERHEAD = _PRELUDE.size + _CRC.size
_STRING = 7
_SIZES = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""Header type → the size of its value; those of types 6 and 7 tell their length."""
_SIZED = frozenset({6, _STRING})
_HEADER = re.compile(r"(:?[^:()]+?)(?: \((\d)\))?: (.*)", re.DOTALL)


class MessageSplitter(Splitter):
    """Cut a byte stream into messages.

    Where no prelude is, nobody knows where a message begins: all that follows stays in `rest`.
    """

    def feed(self, data: bytes) -> list[bytes]:
        """See `Splitter`."""
        pending = self._pending
        pending += data
        messages: list[bytes] = []
        start = 0
        while len(pending) - start >= _PRELUDE.size:
            length = _message_length(pending, start)
            if not length or length > len(pending) - start:
                break
            messages.append(bytes(pending[start : start + length]))
            start += length
        del pending[:start]
        return messages


def _message_length(pending: bytes | bytearray, start: int) -> int:
    """The length that a prelude tells; 0 if it is none."""
    length, headers_length, checksum = _PRELUDE.unpack_from(pending, start)
    is_prelude = checksum == crc32(pending[start : start + 8]) and headers_length + _OVERHEAD <= length
    return int(length) if is_prelude else 0


@dataclass(slots=True)
class Message:
    """What a message says.

    Args:
        headers: One line a header, `name: value`; of a type other than string, `name (type): value in hex`.
        payload: The payload.
    """

    headers: str
    payload: bytes

    def header(self, name: str) -> str | None:
        """The value of the string header of that name, None if there is none."""
        start = f"{name}: "
        return next((line[len(start) :] for line in self.headers.split("\n") if line.startswith(start)), None)


def read_message(raw: bytes) -> Message | None:
    """Read what a splitter returned; None if it is no message, or its headers cannot be told as lines."""
    if len(raw) < _OVERHEAD or _message_length(raw, 0) != len(raw):
        return None
    if _CRC.unpack(raw[-_CRC.size :])[0] != crc32(raw[: -_CRC.size]):
        return None
    headers_end = _PRELUDE.size + _PRELUDE.unpack_from(raw)[1]
    block = raw[_PRELUDE.size : headers_end]
    try:
        headers = _header_text(block)
        if header_block(headers) != block:
            return None
    except (ValueError, IndexError, struct.error):
        return None
    return Message(headers, raw[headers_end : -_CRC.size])


def next_message(body: bytes, start: int) -> tuple[bytes, bytes, int]:
    """The message that begins at a place in a body.

    Returns:
        Its headers as they are, its payload, and the place after it.

    Raises:
        ValueError: There is none, or it is damaged.
    """
    if len(body) - start < _OVERHEAD:
        raise ValueError("half a message")
    length, headers_length, checksum = _PRELUDE.unpack_from(body, start)
    headers_start = start + _PRELUDE.size
    payload_start = headers_start + headers_length
    payload_end = start + length - _CRC.size
    if not payload_start <= payload_end <= len(body) - _CRC.size:
        raise ValueError("no message, or half of one")
    if checksum != crc32(body[start : start + 8]):
        raise ValueError("no message")
    if _CRC.unpack_from(body, payload_end)[0] != crc32(body[start:payload_end]):
        raise ValueError("a message with a wrong checksum")
    return body[headers_start:payload_start], body[payload_start:payload_end], payload_end + _CRC.size


def message_of(block: bytes, payload: bytes) -> bytes:
    """The bytes of a message with these headers, checksums included."""
    lengths = struct.pack(">II", len(block) + len(payload) + _OVERHEAD, len(block))
    checked = lengths + _CRC.pack(crc32(lengths)) + block + payload
    return checked + _CRC.pack(crc32(checked))


def write_message(message: Message) -> bytes:
    """The bytes of a message, checksums included.

    Raises:
        ValueError: Its headers cannot be written: they are in no such lines, or too long.
    """
    try:
        return message_of(header_block(message.headers), message.payload)
    except struct.error as error:
        raise ValueError(f"a message with headers that cannot be written: {error}") from None


# The messages of a stream have few different headers.
@lru_cache(maxsize=64)
def _header_text(block: bytes) -> str:
    lines: list[str] = []
    position = 0
    while position < len(block):
        name_end = position + 1 + block[position]
        name, kind = block[position + 1 : name_end].decode(), block[name_end]
        position = name_end + 1
        if kind in _SIZED:
            size = struct.unpack_from(">H", block, position)[0]
            position += 2
        else:
            size = _SIZES.get(kind, len(block))  # of an unknown type all is left: the check sees it
        value = block[position : position + size]
        position += size
        lines.append(f"{name}: {value.decode()}" if kind == _STRING else f"{name} ({kind}): {value.hex()}")
    return "\n".join(lines)


@lru_cache(maxsize=64)
def header_block(headers: str) -> bytes:
    """The bytes of headers.

    Raises:
        ValueError: They are in no such lines as `Message.headers` has.
    """
    block = bytearray()
    for line in headers.split("\n") if headers else []:
        match = _HEADER.fullmatch(line)
        if match is None:
            raise ValueError(f"no header: {line!r}")
        name, kind_text, text = match.groups()
        kind = _STRING if kind_text is None else int(kind_text)
        value = text.encode() if kind == _STRING else bytes.fromhex(text)
        encoded_name = name.encode()
        block += struct.pack(">B", len(encoded_name)) + encoded_name + bytes([kind])
        if kind in _SIZED:
            block += struct.pack(">H", len(value))
        elif _SIZES.get(kind) != len(value):
            raise ValueError(f"a header whose value does not fit its type: {line!r}")
        block += value
    return bytes(block)
