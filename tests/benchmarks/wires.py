"""Streams of 50 chunks as each provider sends them: what decoding and encoding is measured with."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path

# The benchmarks also run as scripts: one small stream of each provider is in the tests of the codecs.
sys.path.append(str(Path(__file__).resolve().parents[1] / "codecs"))

from chats import CHUNKS, stream_events
from provider_streams import AWS_STREAM, GEMINI_ARRAY, message, spelled

from hashtape.codecs import Context

_SSE = "text/event-stream"
_TEXTS = [f" word {number}" for number in range(CHUNKS)]


def _events(before, values, after=b"\n\n"):
    """Events of these values; `before` is what stands before the data, or a function of index and value."""
    heads = (before(index, value) if callable(before) else before for index, value in enumerate(values))
    return b"".join(head + spelled(value) + after for head, value in zip(heads, values, strict=True))


def _named(_index, value):
    return f"event: {value['type']}\ndata: ".encode()


def _deltas():
    return [
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
        for text in _TEXTS
    ]


def _candidates():
    usage = {"promptTokenCount": 12, "totalTokenCount": 40, "promptTokensDetails": [{"modality": "TEXT"}]}
    return [
        {
            "candidates": [{"content": {"parts": [{"text": text * 5}], "role": "model"}, "index": 0}],
            "usageMetadata": usage,
            "modelVersion": "gemini-2.5-flash",
            "responseId": "abcDEF123",
        }
        for text in _TEXTS
    ]


def _responses():
    return [
        {
            "type": "response.output_text.delta",
            "item_id": "msg_0123456789",
            "output_index": 0,
            "content_index": 0,
            "delta": text,
            "sequence_number": number,
            "logprobs": [],
            "obfuscation": "abcdef",
        }
        for number, text in enumerate(_TEXTS)
    ]


def _invoked(value):
    packed = base64.b64encode(spelled(value)).decode()
    return spelled({"bytes": packed, "p": "abcdefghijklmnop"})


def wire_streams():
    """What is streamed → the exchange, and the bytes."""
    chat = [json.loads(event.removeprefix(b"data: ")) for event in stream_events()[:-1]]
    candidates = _candidates()
    lines = [
        {
            "model": "llama3",
            "created_at": "2024-05-24T21:02:00.855283Z",
            "message": {"role": "assistant", "content": text},
            "done": False,
        }
        for text in _TEXTS
    ]
    contents = [{"contentBlockIndex": 0, "delta": {"text": text * 5}, "p": "abcdefghijkl"} for text in _TEXTS]
    cohere = [
        {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": text}}}}
        for text in _TEXTS
    ]
    any_sse, openai = Context("", _SSE), Context("/v1/chat/completions", _SSE)
    return {
        "chat": (openai, b"".join(stream_events())),
        "chat with ids": (
            any_sse,
            _events(lambda index, _: b"id: %d\nevent: message\ndata: " % index, chat),
        ),
        "chat with comments": (openai, b": PROCESSING\n\n".join(stream_events())),
        "Responses": (Context("/v1/responses", _SSE), _events(_named, _responses())),
        "Anthropic": (any_sse, _events(_named, _deltas())),
        "Cohere": (any_sse, _events(_named, cohere)),
        "Gemini": (any_sse, _events(b"data: ", candidates, b"\r\n\r\n")),
        "Gemini array": (
            GEMINI_ARRAY,
            b"[" + b"\n,\r\n".join(json.dumps(value, indent=2).encode() for value in candidates) + b"\n]",
        ),
        "Ollama": (Context("/api/chat", "application/x-ndjson"), _events(b"", lines, b"\n")),
        "Bedrock converse": (
            AWS_STREAM,
            b"".join(message("contentBlockDelta", spelled(value)) for value in contents),
        ),
        "Bedrock invoke": (AWS_STREAM, b"".join(message("chunk", _invoked(value)) for value in _deltas())),
        "JSON lines": (Context("", "application/x-ndjson"), _events(b"", cohere, b"\n")),
    }
