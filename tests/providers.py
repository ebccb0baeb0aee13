"""How providers put answers on the wire: whole, and as streams of every framing that an SDK reads.

Each function makes a scripted `Reply` of the loopback server. A stream is sent one event at a time.
"""

from __future__ import annotations

import json
import struct
from binascii import crc32

from loopback import Reply

DONE = b"data: [DONE]\n\n"


def spelled(value) -> bytes:
    """JSON as most providers spell it: compact, and not only ASCII."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def whole(value, status: int = 200, **headers: str) -> Reply:
    """One JSON answer. In the names of further headers, `_` stands for `-`."""
    extra = {name.replace("_", "-"): text for name, text in headers.items()}
    return Reply(status, spelled(value), {"content-type": "application/json", **extra})


def binary(body: bytes, content_type: str) -> Reply:
    """One answer that is not text."""
    return Reply(body=body, headers={"content-type": content_type})


def events(*values, end: bytes = DONE) -> Reply:
    """Server-sent events that have data only, and what closes them: OpenAI, Mistral."""
    chunks = [b"data: " + spelled(value) + b"\n\n" for value in values]
    return _stream([*chunks, end] if end else chunks, "text/event-stream; charset=utf-8")


def named_events(*values, end: bytes = b"", padding: bytes = b"") -> Reply:
    """Server-sent events that carry their `type` as a name too: Anthropic, Cohere, OpenAI's Responses.

    `padding` is the white space that Anthropic puts before the last brace, so that lengths tell nothing.
    """
    chunks = [
        b"event: " + value["type"].encode() + b"\ndata: " + spelled(value)[:-1] + padding + b"}\n\n"
        for value in values
    ]
    return _stream([*chunks, end] if end else chunks, "text/event-stream; charset=utf-8")


def crlf_events(*values) -> Reply:
    """Server-sent events with CRLF, which nothing closes, and white space in their JSON: Gemini."""
    chunks = [b"data: " + json.dumps(value).encode() + b"\r\n\r\n" for value in values]
    return _stream(chunks, "text/event-stream")


def json_lines(*values) -> Reply:
    """One JSON object a line: Ollama."""
    return _stream([spelled(value) + b"\n" for value in values], "application/x-ndjson")


def aws_events(*named_payloads: tuple[str, dict]) -> Reply:
    """The binary messages of an AWS event stream, from the names of events and their payloads."""
    chunks = [_aws_message(name, spelled(payload)) for name, payload in named_payloads]
    return _stream(chunks, "application/vnd.amazon.eventstream")


def _stream(chunks: list[bytes], content_type: str) -> Reply:
    return Reply(chunks=chunks, headers={"content-type": content_type})


def _aws_message(name: str, payload: bytes) -> bytes:
    """A message: lengths and their CRC-32, headers (each a name, type 7, a text), payload, CRC-32 of all."""
    kind = "exception" if name.endswith("Exception") else "event"
    headers = {f":{kind}-type": name, ":content-type": "application/json", ":message-type": kind}
    block = b"".join(
        struct.pack(">B", len(key)) + key.encode() + struct.pack(">BH", 7, len(text)) + text.encode()
        for key, text in headers.items()
    )
    lengths = struct.pack(">II", len(block) + len(payload) + 16, len(block))
    message = lengths + struct.pack(">I", crc32(lengths)) + block + payload
    return message + struct.pack(">I", crc32(message))
