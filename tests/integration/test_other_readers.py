"""A reader that knows the format and nothing of hashtape finds each file and makes objects of it.

It does what the tool that the format comes from does: it hashes the call, opens the file of that name, and
gives each entry to the class that its label names. Keys that it does not know it ignores.
"""

from __future__ import annotations

import hashlib
import importlib
import json

import pytest

import hashtape

TEST_ID = "tests/test_chat.py::test_it[grün]"
MESSAGES = [{"role": "user", "content": "hi 3.14159265"}]


def rounded(value):
    """Revision 1 of the format: decimals inside texts have 5 places."""
    import re

    if isinstance(value, str):
        return re.sub(r"-?\d+\.\d{4,}", lambda match: f"{float(match.group()):.5f}", value)
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return round(value, 5) if isinstance(value, float) else value


def name_of(path, body):
    call = {"method": "POST", "endpoint": path, "body": rounded(body), "test_id": TEST_ID}
    return hashlib.sha256(json.dumps(call, sort_keys=True).encode()).hexdigest()


def made(entry):
    """The object that an entry stands for."""
    module, _, name = entry["__type__"].rpartition(".")
    return getattr(importlib.import_module(module), name).model_validate(entry["__data__"])


def read(directory, path, body):
    name = name_of(path, body)
    files = list(directory.glob(f"models-{name}-*.json")) or [directory / f"{name}.json"]
    (data,) = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    assert list(data)[:3] == ["test_id", "request", "response"]
    stored = data["response"]["body"]
    return [made(entry) for entry in stored] if isinstance(stored, list) else made(stored)


def record(cassette, call):
    with hashtape.use_cassette(cassette, test_id=TEST_ID):
        return call()


CHAT = {"model": "demo", "messages": MESSAGES, "temperature": 0.1234567}


def test_a_whole_chat(cassette, client):
    seen = record(cassette, lambda: client.chat.completions.create(**CHAT))
    assert read(cassette, "/v1/v1/chat/completions", CHAT) == seen


def test_a_stream_of_a_chat(cassette, client):
    call = {**CHAT, "stream": True}
    seen = record(cassette, lambda: list(client.chat.completions.create(**call)))
    assert read(cassette, "/v1/v1/chat/completions", call) == seen


def test_a_stream_of_a_completion(cassette, client):
    call = {"model": "demo", "prompt": "hi", "stream": True}
    seen = record(cassette, lambda: list(client.completions.create(**call)))
    assert read(cassette, "/v1/v1/completions", call) == seen


def test_embeddings_are_lists_of_numbers_however_they_travelled(cassette, client):
    call = {"model": "demo", "input": "hi"}
    seen = record(cassette, lambda: client.embeddings.create(**call))
    found = read(cassette, "/v1/v1/embeddings", call)
    assert [item.embedding for item in found.data] == [
        pytest.approx(list(item.embedding)) for item in seen.data
    ]


def test_a_response(cassette, client):
    if not hasattr(client, "responses"):
        pytest.skip("this version of the client has no Responses API")
    call = {"model": "demo", "input": "hi"}
    seen = record(cassette, lambda: client.responses.create(**call))
    assert read(cassette, "/v1/v1/responses", call).model_dump() == seen.model_dump()


def test_the_list_of_models(cassette, client):
    seen = record(cassette, lambda: list(client.models.list()))
    found = read(cassette, "/v1/v1/models", {})
    assert [model.to_dict() for model in found] == [model.to_dict() for model in seen]
    (file,) = cassette.glob("models-*.json")
    digest = hashlib.sha256("|".join(sorted(model.id for model in seen)).encode()).hexdigest()[:8]
    assert file.stem.endswith(f"-{digest}")


def test_what_is_added_to_the_format_does_not_get_in_the_way(cassette, server, client):
    from loopback import Reply, chat_chunks, sse

    events = [event.replace(b"\n", b"\r\n") for event in sse(*chat_chunks(1, "demo", ["a", " b"]))]
    headers = {"content-type": "text/event-stream", "x-ratelimit-remaining": "7"}
    server.script(Reply(chunks=[b": keep-alive\r\n\r\n", *events], headers=headers))
    call = {**CHAT, "stream": True}
    seen = record(cassette, lambda: list(client.chat.completions.create(**call)))
    assert read(cassette, "/v1/v1/chat/completions", call) == seen


@pytest.mark.parametrize("operation", ["chat", "generate", "embed"])
@pytest.mark.parametrize("stream", [False, True])
def test_ollama(cassette, server, operation, stream):
    ollama = pytest.importorskip("ollama")
    from loopback import Reply

    if operation == "embed" and stream:
        pytest.skip("has no streams")
    answers = {
        "chat": {"message": {"role": "assistant", "content": "hi"}},
        "generate": {"response": "hi"},
        "embed": {"embeddings": [[0.5, -1.0]]},
    }
    answer = {
        "model": "demo",
        "created_at": "2026-11-23T08:00:00Z",
        **answers[operation],
        "done": True,
        "total_duration": 5,
    }
    kind = "application/x-ndjson" if stream else "application/json"
    server.script(Reply(body=json.dumps(answer).encode() + b"\n" * stream, headers={"content-type": kind}))
    call = {"chat": {"messages": MESSAGES}, "generate": {"prompt": "hi"}, "embed": {"input": "hi"}}[operation]
    client = ollama.Client(server.origin)
    options = {} if operation == "embed" else {"stream": stream}
    seen = record(
        cassette, lambda: _listed(getattr(client, operation)(model="demo", **call, **options), stream)
    )
    client.close()
    (body,) = [json.loads(received.body) for received in server.received]
    path = "/api/embeddings" if operation == "embed" else f"/api/{operation}"
    assert read(cassette, path, body) == seen


def _listed(answer, stream):
    return list(answer) if stream else answer


@pytest.fixture
def cassette(tmp_path):
    return tmp_path / "recordings"
