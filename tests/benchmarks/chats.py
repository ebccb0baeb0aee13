"""The chats that the benchmarks ask for, as bytes and as directories of recordings."""

from __future__ import annotations

import json
import sys
from pathlib import Path

# The benchmarks also run as scripts: the loopback server is one directory up.
sys.path.append(str(Path(__file__).resolve().parents[1]))

from loopback import chat_chunks

BASE_URL = "http://chat.invalid/v1"
CHUNKS = 50
MODEL = "demo"
TEST_ID = "tests/test_chat.py::test_answer"
HEADERS = {True: {"content-type": "text/event-stream"}, False: {"content-type": "application/json"}}
_WORDS = ("the", "quick", "brown", "fox", "jumps", "over", "the", "lazy", "dog", "and", "then", "it")
_EXTRA = {"service_tier": "default", "system_fingerprint": "fp_0123456789"}


def _words(count):
    return [f" {_WORDS[n % len(_WORDS)]}" for n in range(count)]


def stream_events():
    """A streamed chat as its events, the closing one in addition; spelled without spaces, as OpenAI does."""
    chunks = chat_chunks(1, MODEL, _words(CHUNKS - 2), _EXTRA)
    spelled = [json.dumps(chunk, separators=(",", ":")) for chunk in chunks]
    return [f"data: {data}\n\n".encode() for data in (*spelled, "[DONE]")]


def whole_chat():
    """A whole chat of about as many words; indented, as OpenAI does."""
    message = {"role": "assistant", "content": "".join(_words(CHUNKS)), "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    usage = {"prompt_tokens": 12, "completion_tokens": 50, "total_tokens": 62}
    answer = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1_700_000_001, "model": MODEL}
    return json.dumps({**answer, "choices": [choice], "usage": usage, **_EXTRA}, indent=2).encode()


def answer_body(*, stream):
    return b"".join(stream_events()) if stream else whole_chat()


def question(number, *, stream):
    """The arguments of one call; each number is another request."""
    messages = [
        {"role": "system", "content": "You are a helpful assistant. Answer in one sentence."},
        {"role": "user", "content": f"Question {number}: what does the fox jump over, and why?"},
    ]
    return {"model": MODEL, "messages": messages, **({"stream": True} if stream else {})}


def write_recordings(directory, numbers, *, stream):
    """Put the recordings of these questions into a directory, made by the package's own classes."""
    from hashtape.recording import Recording
    from hashtape.recording_dir import RecordingDir
    from hashtape.request_id import WireRequest, id_of, recorded_form
    from hashtape.vcr_adapter.vcr_responses import answer_of

    target = RecordingDir(directory)
    target.make()
    response = {
        "status": {"code": 200, "message": "OK"},
        "headers": {name: [value] for name, value in HEADERS[stream].items()},
        "body": {"string": answer_body(stream=stream)},
    }
    for number in numbers:
        body = json.dumps(question(number, stream=stream)).encode()
        wire = WireRequest("POST", f"{BASE_URL}/chat/completions", body, "application/json")
        request = recorded_form(wire, TEST_ID)
        request_id = id_of(request, TEST_ID)
        recording = Recording(TEST_ID, request, answer_of(request, wire, request_id, response))
        target.write(target.file_for(request_id, recording), recording)
