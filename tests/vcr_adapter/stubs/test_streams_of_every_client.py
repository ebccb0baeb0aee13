"""While a stream is recorded, every client gets it as the server sends it; a replay gives the same."""

from __future__ import annotations

import json

import pytest

import hashtape
from clients import EVERY_CLIENT, STREAMING_CLIENTS, fetch, stream
from loopback import Gate, Reply, chat_chunks, sse

EVENTS = sse(*chat_chunks(1, "demo", [f" w{number}" for number in range(9)]))
SSE = {"content-type": "text/event-stream"}
CHAT = {"model": "demo", "messages": [{"role": "user", "content": "hi"}], "stream": True}
FORMATS = {
    "openai": ("/v1/chat/completions", SSE, EVENTS),
    "sse": ("/agent", SSE, [b'event: step\ndata: {"n":%d}\n\n' % number for number in range(9)]),
    "lines": ("/api/pull", {"content-type": "application/x-ndjson"}, [b'{"n":%d}\n' % n for n in range(9)]),
}


def only(cassette):
    (path,) = cassette.glob("*.json")
    return json.loads(path.read_text())["response"]


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("client", STREAMING_CLIENTS)
def test_the_first_chunk_comes_at_once_and_the_replay_has_the_same_bytes(cassette, server, client, kind):
    path, headers, chunks = FORMATS[kind]
    gate = Gate(chunks)
    server.script(Reply(chunks=gate, headers=headers))
    with hashtape.use_cassette(cassette):
        live = stream(client, "POST", server.origin + path, CHAT, on_piece=gate.open)
    assert live.error is None
    assert not gate.gave_up
    assert only(cassette)["is_streaming"] is True
    assert len(only(cassette)["body"]) == 9 if kind != "openai" else 11
    with hashtape.use_cassette(cassette, record_mode="none"):
        assert stream(client, "POST", server.origin + path, CHAT).content == live.content
    assert server.hits == 1


@pytest.mark.parametrize("client", STREAMING_CLIENTS)
def test_text_that_comes_piece_by_piece_is_not_held_back(cassette, server, client):
    lines = [b"line %d\n" % number for number in range(9)]
    gate = Gate(lines)
    server.script(Reply(chunks=gate, headers={"content-type": "text/plain; charset=utf-8"}))
    with hashtape.use_cassette(cassette):
        live = stream(client, "GET", server.origin + "/log", on_piece=gate.open)
    assert not gate.gave_up
    assert only(cassette)["body"] == live.content.decode()
    with hashtape.use_cassette(cassette, record_mode="none"):
        assert stream(client, "GET", server.origin + "/log").content == b"".join(lines)


@pytest.mark.parametrize("client", STREAMING_CLIENTS)
def test_a_client_that_breaks_off_does_not_wait(cassette, server, client):
    gate = Gate(EVENTS, after=3)
    server.script(Reply(chunks=gate, headers=SSE))
    options = {"test_id": "tests/test_a.py::test_b[c d]"}
    with hashtape.use_cassette(cassette, **options):
        live = stream(client, "POST", server.base_url + "/chat/completions", CHAT, limit=3)
    assert live.error is None
    assert not gate.gave_up
    stored = only(cassette)
    assert stored["exception_data"]["category"] == "transport"
    assert len(stored["body"]) == 3
    with hashtape.use_cassette(cassette, record_mode="none", **options):
        again = stream(client, "POST", server.base_url + "/chat/completions", CHAT)
    assert again.content.startswith(live.content)
    message = str(again.error.__cause__ or again.error)
    assert "pytest 'tests/test_a.py::test_b[c d]' --record-mode=rewrite" in message


@pytest.mark.parametrize("client", STREAMING_CLIENTS)
def test_a_connection_that_drops_fails_the_same_way_again(cassette, server, client):
    server.script(Reply(chunks=EVENTS[:4], headers=SSE, breaks=True))
    with hashtape.use_cassette(cassette):
        live = stream(client, "POST", server.base_url + "/chat/completions", CHAT)
    with hashtape.use_cassette(cassette, record_mode="none"):
        again = stream(client, "POST", server.base_url + "/chat/completions", CHAT)
    assert live.error is not None
    assert type(again.error) is type(live.error)
    assert again.content == live.content
    assert len(only(cassette)["body"]) == 4
    assert server.hits == 1


@pytest.mark.parametrize("client", STREAMING_CLIENTS)
def test_a_connection_that_drops_in_the_middle_of_a_chunk_gives_its_beginning(cassette, server, client):
    server.script(Reply(chunks=[*EVENTS[:2], EVENTS[2][:30]], headers=SSE, breaks=True))
    outcomes = []
    for mode in ("once", "none"):
        with hashtape.use_cassette(cassette, record_mode=mode):
            seen = stream(client, "POST", server.base_url + "/chat/completions", CHAT)
        outcomes.append((seen.content, type(seen.error)))
    assert outcomes[0] == outcomes[1]
    assert outcomes[0][0].endswith(b"\n\n" + EVENTS[2][:30])
    assert seen.error is not None
    assert len(only(cassette)["body"]) == 2


@pytest.mark.parametrize("client", ["httpx", "httpx-async", "httpx2", "requests", "urllib3"])
def test_a_stream_that_is_not_in_its_encoding_is_an_error_of_the_client(cassette, server, client):
    server.script(Reply(chunks=EVENTS, headers={**SSE, "content-encoding": "gzip"}))
    errors = []
    for mode in ("once", "none"):
        with hashtape.use_cassette(cassette, record_mode=mode):
            errors.append(stream(client, "POST", server.base_url + "/chat/completions", CHAT).error)
    modules = {type(error).__module__.partition(".")[0] for error in errors}
    assert modules == {client.partition("-")[0]}
    assert only(cassette)["exception_data"]["category"] == "transport"


AS_THEY_CAME = {
    "a text that could be a number": ("text/plain", b" 1.50\n"),
    "JSON that is no JSON file": ("text/html", b'{ "a": 1.50 }\n'),
    "an error instead of a stream": ("text/event-stream", b'{"error": {"code": 400}}'),
    "an error instead of lines": ("application/x-ndjson", b'{\n  "error": "no such model"\n}\n'),
    "no events": ("text/event-stream", b""),
    "no lines": ("application/x-ndjson", b""),
}


def test_an_answer_instead_of_a_stream_has_the_id_on_replay_that_it_had(cassette, server):
    body = json.dumps({"id": "chatcmpl-7", "created": 7, "choices": []}, separators=(",", ":")).encode()
    server.script(Reply(chunks=[body], headers=SSE))
    for mode in ("once", "none"):
        with hashtape.use_cassette(cassette, record_mode=mode):
            assert stream("httpx", "POST", server.base_url + "/chat/completions", CHAT).content == body


@pytest.mark.parametrize("kind", AS_THEY_CAME)
@pytest.mark.parametrize("client", ["httpx", "requests", "aiohttp"])
def test_what_is_no_stream_after_all_comes_back_as_it_came(cassette, server, client, kind):
    content_type, body = AS_THEY_CAME[kind]
    server.script(Reply(chunks=[body] if body else [], headers={"content-type": content_type}))
    for mode in ("once", "none"):
        with hashtape.use_cassette(cassette, record_mode=mode):
            seen = stream(client, "POST", server.origin + "/v2/items", CHAT)
        assert seen.error is None
        assert seen.content == body
    assert only(cassette)["headers"]["content-type"] == content_type


@pytest.mark.parametrize("client", STREAMING_CLIENTS)
def test_what_came_of_a_text_before_a_drop_comes_back_as_it_came(cassette, server, client):
    server.script(Reply(chunks=[b'{ "a": 1 }\n'], headers={"content-type": "text/html"}, breaks=True))
    for mode in ("once", "none"):
        with hashtape.use_cassette(cassette, record_mode=mode):
            seen = stream(client, "GET", server.origin + "/page")
        assert seen.content == b'{ "a": 1 }\n'
        assert seen.error is not None


@pytest.mark.parametrize("client", STREAMING_CLIENTS)
def test_a_stream_that_stalls_times_out_the_same_way_again(cassette, server, client):
    server.script(Reply(chunks=Gate(EVENTS, after=2), headers=SSE))
    with hashtape.use_cassette(cassette):
        live = stream(client, "POST", server.base_url + "/chat/completions", CHAT, timeout=0.6)
    with hashtape.use_cassette(cassette, record_mode="none"):
        again = stream(client, "POST", server.base_url + "/chat/completions", CHAT, timeout=60)
    assert live.error is not None
    assert type(again.error) is type(live.error)
    assert again.content == live.content
    assert len(only(cassette)["body"]) == 2
    assert again.ended < 30


@pytest.mark.parametrize("player", EVERY_CLIENT)
@pytest.mark.parametrize("recorder", ["httpx", "requests", "aiohttp"])
def test_what_one_client_records_plays_in_every_other(cassette, server, recorder, player):
    server.script(Reply(chunks=EVENTS, headers=SSE))
    url = server.base_url + "/chat/completions"
    with hashtape.use_cassette(cassette):
        _, recorded = fetch(recorder, "POST", url, CHAT)
    with hashtape.use_cassette(cassette, record_mode="none"):
        status, content = fetch(player, "POST", url, CHAT)
    assert (status, content) == (200, recorded)
    assert server.hits == 1
