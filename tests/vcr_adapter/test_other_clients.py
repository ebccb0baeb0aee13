"""Clients that vcrpy's own stubs serve: the same kind of files, and nothing reaches the server at replay."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import urllib.error
import urllib.request

import httpx
import pytest
from vcr.errors import CannotOverwriteExistingCassetteException

import hashtape
from loopback import Reply, chat_chunks, sse

JSON = {"content-type": "application/json"}
CHAT = {"model": "demo", "messages": [{"role": "user", "content": "hi"}]}


def with_requests(method, url, *, body=None):
    requests = pytest.importorskip("requests")
    with requests.Session() as session:
        response = session.request(method, url, json=body)
        return response.status_code, response.content, response.headers.get("content-type")


def with_urllib3(method, url, *, body=None):
    urllib3 = pytest.importorskip("urllib3")
    with urllib3.PoolManager() as pool:
        response = pool.request(method, url, json=body)
        return response.status, response.data, response.headers.get("content-type")


def with_aiohttp(method, url, *, body=None):
    aiohttp = pytest.importorskip("aiohttp")

    async def call():
        async with aiohttp.ClientSession() as session, session.request(method, url, json=body) as response:
            return response.status, await response.read(), response.headers.get("content-type")

    return asyncio.run(call())


def with_urllib(method, url, *, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, JSON if data else {}, method=method)
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, response.read(), response.headers.get("content-type")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(), error.headers.get("content-type")


def with_httpx(method, url, *, body=None):
    with httpx.Client(verify=False) as client:
        response = client.request(method, url, json=body)
        return response.status_code, response.content, response.headers.get("content-type")


CLIENTS = [with_requests, with_urllib3, with_aiohttp, with_urllib]


@pytest.fixture(params=CLIENTS, ids=lambda client: client.__name__.removeprefix("with_"))
def call(request):
    return request.param


def test_a_chat_call_is_recorded_decoded_and_plays(call, server, both, stored):
    recorded, played = both(lambda: call("POST", f"{server.base_url}/chat/completions", body=CHAT))
    assert server.hits == 1
    assert (played[0], played[2]) == (recorded[0], recorded[2]) == (200, "application/json")
    assert json.loads(played[1])["choices"] == json.loads(recorded[1])["choices"]
    recording = stored()
    assert recording["request"]["endpoint"] == "/v1/chat/completions"
    assert recording["request"]["body"] == CHAT
    answer = recording["response"]["body"]
    assert answer["__type__"] == "openai.types.chat.chat_completion.ChatCompletion"
    assert answer["__data__"]["choices"][0]["message"]["content"] == "answer 1 to hi"
    assert answer["__data__"]["id"].startswith("rec-")


def test_a_chat_stream_is_recorded_as_chunks_and_plays(call, server, both, stored):
    chunks = sse(*chat_chunks(1, "demo", ["grün", "🙂"]))
    headers = {"content-type": "text/event-stream"}
    server.script(Reply(chunks=chunks, headers=headers))
    body = {**CHAT, "stream": True}
    _, played = both(lambda: call("POST", f"{server.base_url}/chat/completions", body=body))
    assert server.hits == 1
    assert played[1].count(b"data: ") == len(chunks)
    assert "grün" in played[1].decode()
    assert played[1].endswith(b"data: [DONE]\n\n")
    assert len(stored()["response"]["body"]) == len(chunks) - 1


ANSWERS = {
    "JSON": Reply(body='{"a":"grün"}'.encode()),
    "JSON 404": Reply(status=404, body=b'{"error":"no such thing"}'),
    "HTML 500": Reply(status=500, body=b"<h1>Oh</h1>", headers={"content-type": "text/html"}),
    "text": Reply(body="grün".encode(), headers={"content-type": "text/plain; charset=utf-8"}),
    "binary": Reply(body=bytes(range(256)), headers={"content-type": "image/png"}),
    "chunked": Reply(chunks=[b"one ", b"two"], headers={"content-type": "text/plain"}),
    "empty": Reply(headers={"content-type": "text/plain"}),
    "no content": Reply(status=204, headers={}),
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_every_kind_of_answer_plays_as_it_was_recorded(call, server, both, kind):
    reply = ANSWERS[kind]
    server.script(reply)
    recorded, played = both(lambda: call("GET", server.origin))
    assert server.hits == 1
    assert played[:2] == recorded[:2] == (reply.status, b"".join(reply.chunks or [reply.body]))
    if reply.body or reply.chunks:
        assert played[2].partition(";")[0] == reply.headers["content-type"].partition(";")[0]


@pytest.mark.parametrize("call", [with_requests, with_urllib3, with_aiohttp])
def test_a_compressed_answer_is_stored_decompressed(call, server, both, stored):
    headers = {**JSON, "content-encoding": "gzip"}
    server.script(Reply(body=gzip.compress(b'{"a":1}'), headers=headers))
    recorded, played = both(lambda: call("GET", server.origin))
    assert server.hits == 1
    assert played[:2] == recorded[:2] == (200, b'{"a":1}')
    assert stored()["response"]["body"] == {"a": 1}


def test_the_same_request_gets_its_answers_in_order(call, server, both):
    def numbers():
        return [json.loads(call("GET", server.origin)[1])["number"] for _ in range(3)]

    assert both(numbers) == ([1, 2, 3], [1, 2, 3])
    assert server.hits == 3


def test_a_redirect_is_followed(call, server, both):
    server.script(Reply(status=302, headers={"location": "/else"}), Reply(body=b'{"here":true}'))
    recorded, played = both(lambda: call("GET", f"{server.origin}/x"))
    assert server.hits == 2
    assert played == recorded
    assert played[:2] == (200, b'{"here":true}')


def test_a_miss_never_reaches_the_server(call, server, cassette):
    with (
        hashtape.use_cassette(cassette, record_mode="none"),
        pytest.raises(CannotOverwriteExistingCassetteException, match=server.origin),
    ):
        call("GET", server.origin)
    assert server.hits == 0


def test_a_miss_is_the_error_of_hashtape(call, server, cassette):
    with (
        hashtape.use_cassette(cassette, record_mode="none"),
        pytest.raises(hashtape.MissError, match=f"No recording for GET {server.origin}/x"),
    ):
        call("GET", f"{server.origin}/x")


def test_a_cassette_directory_that_cannot_be_made_fails_before_the_request_is_sent(call, server, tmp_path):
    cassette = tmp_path / "calls"
    with hashtape.use_cassette(cassette, record_mode="all"):
        cassette.write_text("in the way")
        with pytest.raises(hashtape.CassetteDirectoryError):
            call("GET", server.origin)
    assert server.hits == 0


def test_a_secret_in_the_url_is_not_stored(call, server, both, stored):
    both(lambda: call("GET", f"{server.origin}/x?api_key=sk-123"))
    assert stored()["request"]["url"] == f"{server.origin}/x?api_key=[REDACTED]"


def test_filters_of_vcrpy_apply(call, server, cassette, stored):
    server.script(Reply(body=b'{"number": 1}'))
    for secret in ("one", "two"):
        with hashtape.use_cassette(cassette, filter_query_parameters=["page"]):
            call("GET", f"{server.origin}/x?page={secret}")
    assert server.hits == 1
    assert stored()["request"]["url"] == f"{server.origin}/x"


@pytest.mark.parametrize(
    ("call", "skipped"),
    [
        (with_requests, ("requests", "urllib3", "httplib")),
        (with_urllib3, ("requests", "urllib3", "httplib")),
        (with_aiohttp, ("aiohttp",)),
        (with_urllib, ("httplib",)),
    ],
)
def test_a_client_in_skip_patchers_goes_live(call, server, cassette, skipped):
    for _ in range(2):
        with hashtape.use_cassette(cassette, skip_patchers=skipped):
            call("GET", server.origin)
    assert server.hits == 2
    assert not cassette.exists()


@pytest.mark.parametrize("player", [*CLIENTS, with_httpx], ids=lambda client: client.__name__)
def test_what_one_client_recorded_another_one_plays(call, server, cassette, player):
    url = f"{server.base_url}/chat/completions"
    with hashtape.use_cassette(cassette):
        call("POST", url, body=CHAT)
    with hashtape.use_cassette(cassette, record_mode="none"):
        _, body, _ = player("POST", url, body=CHAT)
    assert json.loads(body)["choices"][0]["message"]["content"] == "answer 1 to hi"
    assert server.hits == 1


def test_what_httpx_recorded_decompressed_plays(call, server, cassette):
    headers = {**JSON, "content-encoding": "gzip"}
    server.script(Reply(body=gzip.compress(b'{"a": 1}'), headers=headers))
    with hashtape.use_cassette(cassette):
        with_httpx("GET", f"{server.origin}/x")
    with hashtape.use_cassette(cassette, record_mode="none"):
        assert json.loads(call("GET", f"{server.origin}/x")[1]) == {"a": 1}


def test_the_root_path_may_be_left_out_whichever_client_recorded_it(call, server, cassette):
    with hashtape.use_cassette(cassette):
        with_httpx("GET", server.origin)
    with hashtape.use_cassette(cassette, record_mode="none"):
        call("GET", server.origin)
    assert server.hits == 1


# --- What only some of them do -------------------------------------------------------------------------


def test_requests_streams_lines(server, both):
    requests = pytest.importorskip("requests")
    server.script(Reply(chunks=[b"one\ntw", b"o\n"], headers={"content-type": "text/plain"}))

    def lines():
        with requests.get(server.origin, stream=True) as response:
            return list(response.iter_lines())

    assert both(lines) == ([b"one", b"two"], [b"one", b"two"])
    assert server.hits == 1


@pytest.mark.parametrize(
    ("options", "payload"),
    [
        pytest.param(
            lambda: {"data": {"a": "x y"}},
            {"__encoding__": "form", "parts": [{"name": "a", "value": "x y"}]},
            id="form",
        ),
        pytest.param(
            lambda: {"files": {"file": ("a.txt", b"content")}},
            {
                "__encoding__": "multipart",
                "parts": [{"name": "file", "filename": "a.txt", "value": "content"}],
            },
            id="files",
        ),
        pytest.param(lambda: {"data": iter([b"one ", b"two"])}, "one two", id="generator"),
    ],
)
def test_requests_records_and_plays_bodies(server, both, stored, options, payload):
    requests = pytest.importorskip("requests")

    def number():
        with requests.Session() as session:
            return session.post(server.origin, **options()).json()["number"]

    assert both(number) == (1, 1)
    assert server.hits == 1
    assert stored()["request"]["payload"] == payload


def form_data(aiohttp):
    form = aiohttp.FormData()
    form.add_field("file", b"content", filename="a.txt")
    return {"data": form}


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(lambda aiohttp: {"data": {"a": "1", "b": "x y"}}, id="form"),
        pytest.param(lambda aiohttp: {"data": {"file": io.BytesIO(b"content")}}, id="file"),
        pytest.param(lambda aiohttp: {"data": b"one two"}, id="bytes"),
        pytest.param(lambda aiohttp: {"data": "grün"}, id="text"),
        pytest.param(form_data, id="FormData"),
    ],
)
def test_aiohttp_sends_and_plays_bodies(server, both, options):
    aiohttp = pytest.importorskip("aiohttp")

    async def post():
        async with (
            aiohttp.ClientSession() as session,
            session.post(server.origin, **options(aiohttp)) as response,
        ):
            return (await response.json())["number"]

    assert both(lambda: asyncio.run(post())) == (1, 1)
    assert server.hits == 1
    assert server.received[0].body


def test_aiohttp_streams(server, both):
    aiohttp = pytest.importorskip("aiohttp")
    server.script(Reply(chunks=[b"one\n", b"two\n"], headers={"content-type": "text/plain"}))

    async def lines():
        async with aiohttp.ClientSession() as session, session.get(server.origin) as response:
            return [line async for line in response.content]

    recorded, played = both(lambda: asyncio.run(lines()))
    assert b"".join(played) == b"".join(recorded) == b"one\ntwo\n"
    assert server.hits == 1


@pytest.mark.parametrize("mode", ["once", "none"])
@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain; charset=utf-8",
        "text/plain",
        "text/plain; charset=latin-1",
        "text/html; charset=utf-8",
        None,
    ],
)
def test_text_is_read_in_the_charset_that_the_server_named(server, cassette, content_type, mode):
    requests = pytest.importorskip("requests")
    headers = {} if content_type is None else {"content-type": content_type}
    server.script(Reply(body="café".encode(), headers=headers))
    live = requests.get(f"{server.origin}/x")
    server.script(Reply(body="café".encode(), headers=headers))
    for record_mode in dict.fromkeys(["once", mode]):
        with hashtape.use_cassette(cassette, record_mode=record_mode):
            answer = requests.get(f"{server.origin}/x")
        assert (answer.text, answer.encoding) == (live.text, live.encoding)
        assert answer.headers.get("content-type") == content_type


def test_a_stream_is_read_as_utf_8_on_replay(server, both):
    requests = pytest.importorskip("requests")
    chunks = sse(*chat_chunks(1, "demo", ["café"]))
    server.script(Reply(chunks=chunks, headers={"content-type": "text/event-stream; charset=utf-8"}))

    def text():
        with requests.post(f"{server.base_url}/chat/completions", json=CHAT | {"stream": True}) as response:
            datas = [
                line[6:] for line in response.iter_lines(decode_unicode=True) if line.startswith("data: {")
            ]
            return "".join(json.loads(data)["choices"][0]["delta"].get("content", "") for data in datas)

    assert both(text) == ("café", "café")
