"""One small stream of each provider, as its server sends it: what the tests of the codecs play with."""

import base64
import binascii
import json
import struct

from hashtape.codecs import Context

SSE = "text/event-stream; charset=utf-8"
AWS = "application/vnd.amazon.eventstream"


def spelled(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def event(value, name=None):
    return (f"event: {name}\n".encode() if name else b"") + b"data: " + spelled(value) + b"\n\n"


def named(*values):
    return b"".join(event(value, value["type"]) for value in values)


def message(name, payload, kind="event", **headers):
    """An AWS event stream message, written down from the documentation of the format."""
    headers = headers or {
        f":{kind}-type": name,
        ":content-type": "application/json",
        ":message-type": kind,
    }
    block = b"".join(
        bytes([len(key)]) + key.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
        for key, value in headers.items()
    )
    prelude = struct.pack(">II", 12 + len(block) + len(payload) + 4, len(block))
    prelude += struct.pack(">I", binascii.crc32(prelude))
    return prelude + block + payload + struct.pack(">I", binascii.crc32(prelude + block + payload))


def invoked(value):
    return spelled({"bytes": base64.b64encode(spelled(value)).decode(), "p": "abcd"})


DONE = b"data: [DONE]\n\n"
CHAT = Context("/v1/chat/completions", SSE)
RESPONSES = Context("/v1/responses", SSE)
ANY_SSE = Context("", SSE)
JSON_LINES = Context("", "application/x-ndjson")
AWS_STREAM = Context("", AWS)
GEMINI_ARRAY = Context("", "application/json", path="/v1beta/models/gemini-2.5-flash:streamGenerateContent")


def delta(text):
    return {"id": "chatcmpl-1", "choices": [{"index": 0, "delta": {"content": text}}]}


def candidate(text, **more):
    return {"candidates": [{"content": {"parts": [{"text": text}]}, **more}], "modelVersion": "gemini-2.5"}


MESSAGE = [
    {"type": "message_start", "message": {"id": "msg_1", "content": []}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "ping"},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "naïve"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}},
    {"type": "message_stop"},
]
RESPONSE = [
    {"type": "response.created", "response": {"id": "resp_1"}, "sequence_number": 0},
    {"type": "response.output_text.delta", "delta": "naïve", "sequence_number": 1},
    {"type": "response.completed", "response": {"id": "resp_1"}, "sequence_number": 2},
]
CONVERSATION = [
    ("messageStart", {"p": "ab", "role": "assistant"}),
    ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "naïve"}, "p": "abc"}),
    ("contentBlockStop", {"contentBlockIndex": 0}),
    ("messageStop", {"stopReason": "end_turn"}),
    ("metadata", {"usage": {"totalTokens": 34}}),
]

STREAMS = {
    "openai-chat": (CHAT, event(delta("naïve")) + event(delta("🙂")) + DONE),
    "openrouter": (
        CHAT,
        b": OPENROUTER PROCESSING\n\n" * 2 + event(delta("a")) + b": OPENROUTER PROCESSING\n\n" + DONE,
    ),
    "openai-completions": (Context("/v1/completions", SSE), event({"choices": [{"text": "a"}]}) + DONE),
    "openai-responses": (RESPONSES, named(*RESPONSE)),
    "anthropic": (ANY_SSE, named(*MESSAGE)),
    "gemini": (
        ANY_SSE,
        b"".join(
            b"data: " + spelled(value) + b"\r\n\r\n"
            for value in (candidate("a"), candidate("b", finishReason="STOP"))
        ),
    ),
    "gemini-array": (
        GEMINI_ARRAY,
        b"[" + spelled(candidate('"}]')) + b"\n,\r\n" + spelled(candidate("b\\")) + b"\n]",
    ),
    "ollama-chat": (
        Context("/api/chat", "application/x-ndjson"),
        b'{"message":{"content":"a"},"done":false}\n{"message":{"content":""},"done":true}\n',
    ),
    "json-lines": (JSON_LINES, b'{"status":"pulling manifest"}\n{"status":"success"}\n[1,null]\n'),
    "bedrock-converse": (
        AWS_STREAM,
        b"".join(message(name, spelled(payload)) for name, payload in CONVERSATION),
    ),
    "bedrock-invoke": (
        AWS_STREAM,
        message("chunk", invoked(MESSAGE[0])) + message("chunk", invoked(MESSAGE[-1])),
    ),
    "cohere": (
        ANY_SSE,
        event({"type": "message-start"}, "message-start")
        + event({"type": "message-end"}, "message-end")
        + DONE,
    ),
    "mcp": (
        ANY_SSE,
        b"".join(
            b"id: %d\n" % number + event({"jsonrpc": "2.0", "id": number}, "message") for number in (1, 2, 3)
        ),
    ),
    "text": (ANY_SSE, b"retry: 3000\n\nevent: log\ndata: two\ndata: lines\n\ndata: one\n\n"),
}
