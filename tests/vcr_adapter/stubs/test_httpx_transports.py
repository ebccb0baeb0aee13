"""httpx and httpx2, sync and async, over every transport: recording shows what replay shows."""

from __future__ import annotations

import asyncio
import functools
import gzip
import inspect
import io
import json
import zlib
from collections import deque
from http import HTTPStatus

import pytest

import hashtape
from loopback import Gate, Received, Reply, chat_chunks, sse

JSON = {"content-type": "application/json"}
DEFAULT = b'{"answer": [1, 2.5, "gr\\u00fcn"]}'


class App:
    """An application in memory, which is scripted and counts like the loopback server."""

    origin = "http://app.example"

    def __init__(self) -> None:
        self.received = []
        self._script = deque()

    @property
    def hits(self):
        return len(self.received)

    def script(self, *replies):
        self._script.extend(replies)

    def answer(self, method, path, body):
        self.received.append(Received(method, path, {}, body))
        reply = self._script.popleft() if self._script else Reply(body=DEFAULT)
        content = b"" if method == "HEAD" else b"".join(reply.chunks or [reply.body])
        return reply.status, list(reply.headers.items()), content

    async def asgi(self, scope, receive, send):
        body = b""
        while (message := await receive()).get("more_body"):
            body += message["body"]
        status, headers, content = self.answer(scope["method"], scope["path"], body + message["body"])
        raw = [(name.encode(), value.encode()) for name, value in headers]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": content})

    def wsgi(self, environ, start_response):
        body = environ["wsgi.input"].read()
        status, headers, content = self.answer(environ["REQUEST_METHOD"], environ["PATH_INFO"], body)
        start_response(f"{status} {HTTPStatus(status).phrase}", headers)
        return [content]

    def mock(self, family, request):
        status, headers, content = self.answer(request.method, request.url.path, request.read())
        return family.Response(status, headers=headers, content=content)

    async def async_mock(self, family, request):
        status, headers, content = self.answer(request.method, request.url.path, await request.aread())
        return family.Response(status, headers=headers, content=content)


class Place:
    """A client of one family over one transport, sync or async, and what answers it."""

    def __init__(self, family, kind, app) -> None:
        self.family = family
        self.kind = kind
        self.is_async = kind in {"HTTP async", "ASGI", "mock async"}
        self.app = app
        self.origin = app.origin
        self.script = app.script

    @property
    def hits(self):
        return self.app.hits

    @property
    def received(self):
        return self.app.received

    def _transport(self):
        family, app = self.family, self.app
        makers = {
            "HTTP": lambda: family.HTTPTransport(verify=False),
            "HTTP async": lambda: family.AsyncHTTPTransport(verify=False),
            "ASGI": lambda: family.ASGITransport(app.asgi),
            "WSGI": lambda: family.WSGITransport(app.wsgi),
            "mock": lambda: family.MockTransport(functools.partial(app.mock, family)),
            "mock async": lambda: family.MockTransport(functools.partial(app.async_mock, family)),
        }
        return makers[self.kind]()

    def run(self, use):
        """Give a client to a function, or to a coroutine function where the client is async."""
        if not self.is_async:
            with self.family.Client(transport=self._transport()) as client:
                return use(client)

        async def using():
            async with self.family.AsyncClient(transport=self._transport()) as client:
                result = use(client)
                return await result if inspect.isawaitable(result) else result

        return asyncio.run(using())

    def request(self, method, path="/x", **options):
        return self.run(lambda client: client.request(method, self.origin + path, **options))

    def stream(self, way, path="/x", on_piece=lambda: None, **options):
        """What `iter_lines`, `iter_raw`, … of a streamed response gives; `on_piece` is called at each."""
        if not self.is_async:

            def sync(client):
                with client.stream("GET", self.origin + path, **options) as response:
                    return [(on_piece(), piece)[1] for piece in getattr(response, f"iter_{way}")()]

            return self.run(sync)

        async def using(client):
            async with client.stream("GET", self.origin + path, **options) as response:
                return [(on_piece(), piece)[1] async for piece in getattr(response, f"aiter_{way}")()]

        return self.run(using)


@pytest.fixture(params=["httpx", "httpx2"])
def family(request):
    return pytest.importorskip(request.param)


ON_THE_WIRE = ["HTTP", "HTTP async"]
IN_MEMORY = ["ASGI", "WSGI", "mock", "mock async"]


@pytest.fixture(params=[*ON_THE_WIRE, *IN_MEMORY])
def place(request, family):
    app = request.getfixturevalue("server") if request.param in ON_THE_WIRE else App()
    return Place(family, request.param, app)


@pytest.fixture(params=ON_THE_WIRE)
def wire(request, family, server):
    return Place(family, request.param, server)


@pytest.fixture(params=IN_MEMORY)
def memory(request, family):
    return Place(family, request.param, App())


def seen(response):
    """What a client can see of a response; a cookie is no part of a recording."""
    headers = sorted((k, v) for k, v in response.headers.multi_items() if k != "set-cookie")
    return {
        "status": response.status_code,
        "reason": response.reason_phrase,
        "headers": headers,
        "content": response.content,
        "text": response.text,
        "url": str(response.url),
        "version": response.http_version,
        "history": [seen(earlier) for earlier in response.history],
    }


# --- Answers -------------------------------------------------------------------------------------------


ANSWERS = {
    "JSON": Reply(body=DEFAULT),
    "JSON 404": Reply(status=404, body=b'{"error": {"message": "no such thing"}}'),
    "HTML 500": Reply(
        status=500, body=b"<h1>Oh</h1>\n", headers={"content-type": "text/html; charset=utf-8"}
    ),
    "text": Reply(body="grün\r\n".encode(), headers={"content-type": "text/plain; charset=utf-8"}),
    "text in latin-1": Reply(body=b"gr\xfcn", headers={"content-type": "text/plain; charset=latin-1"}),
    "binary": Reply(body=bytes(range(256)), headers={"content-type": "image/png"}),
    "empty": Reply(headers={"content-type": "text/plain"}),
    "empty JSON": Reply(headers=JSON),
    "no content": Reply(status=204, headers={}),
    "created": Reply(status=201, body=b"{}", headers={**JSON, "location": "/x/7"}),
    "no content type": Reply(body=b"something", headers={}),
    "event stream": Reply(
        chunks=[b"event: a\ndata: 1\n\n", b": note\n\n", b"data: [DONE]\n\n"],
        headers={"content-type": "text/event-stream"},
    ),
    "JSON lines": Reply(body=b'{"a":1}\n{"a":2}\n', headers={"content-type": "application/x-ndjson"}),
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_a_replay_shows_what_the_recording_showed_and_what_the_server_sent(place, both, kind):
    reply = ANSWERS[kind]
    place.script(reply)
    recorded, played = both(lambda: place.request("GET"))
    assert place.hits == 1
    assert seen(played) == seen(recorded)
    assert played.status_code == reply.status
    assert played.reason_phrase == HTTPStatus(reply.status).phrase
    body = b"".join(reply.chunks or [reply.body])
    if "JSON" in kind and body and "lines" not in kind:
        assert played.json() == json.loads(body)
    else:
        assert played.content == body
    if "content-type" in reply.headers:
        names = [played.headers["content-type"], reply.headers["content-type"]]
        assert names[0].partition(";")[0] == names[1].partition(";")[0]
        assert played.encoding == recorded.encoding
    assert played.headers.get("location") == reply.headers.get("location")


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "raw deflate", "gzip, gzip"])
def test_a_compressed_answer_is_stored_decompressed_and_readable(place, both, stored, encoding):
    body = '{"answer": "grün"}'.encode()
    packed = {
        "gzip": lambda: gzip.compress(body),
        "deflate": lambda: zlib.compress(body),
        "raw deflate": lambda: zlib.compress(body)[2:-4],
        "gzip, gzip": lambda: gzip.compress(gzip.compress(body)),
    }[encoding]()
    place.script(Reply(body=packed, headers={**JSON, "content-encoding": encoding.removeprefix("raw ")}))
    recorded, played = both(lambda: place.request("GET"))
    assert played.json() == {"answer": "grün"}
    assert seen(played) == seen(recorded)
    assert stored()["response"]["body"] == {"answer": "grün"}
    assert place.hits == 1


def test_an_answer_is_stored_decoded(place, both, stored):
    place.script(Reply(body=DEFAULT))
    both(lambda: place.request("GET"))
    assert stored()["response"]["body"] == {"answer": [1, 2.5, "grün"]}
    assert stored()["request"]["method"] == "GET"
    assert stored()["request"]["url"] == f"{place.origin}/x"


@pytest.mark.parametrize("streams", [False, True])
def test_ids_and_times_are_normalised_while_recording_too(place, both, stored, streams):
    whole = {"id": "chatcmpl-7", "object": "chat.completion", "created": 1700000000, "choices": []}
    if streams:
        chunks = sse(*chat_chunks(7, "demo", ["grün"]))
        place.script(Reply(chunks=chunks, headers={"content-type": "text/event-stream; charset=utf-8"}))
    else:
        place.script(Reply(body=json.dumps(whole).encode()))
    chat = {"model": "demo", "messages": [], "stream": streams}
    recorded, played = both(lambda: place.request("POST", "/v1/chat/completions", json=chat))
    assert seen(played) == seen(recorded)
    first = recorded.text.split("\n")[0].removeprefix("data: ")
    assert json.loads(first)["id"].startswith("rec-")
    assert json.loads(first)["created"] == 0
    assert (recorded.text.endswith("data: [DONE]\n\n")) == streams
    assert stored()["response"]["is_streaming"] == streams


def test_head_has_headers_and_no_body(place, both):
    place.script(Reply(body=b"a body that is not sent", headers={"content-type": "text/html"}))
    recorded, played = both(lambda: place.request("HEAD"))
    assert seen(played) == seen(recorded)
    assert (played.content, played.headers["content-type"]) == (b"", "text/html")


@pytest.mark.parametrize("status", [302, 307])
def test_a_redirect_is_followed_by_the_client(place, both, cassette, status):
    place.script(Reply(status=status, headers={"location": "/else"}), Reply(body=b'{"here": true}'))
    recorded, played = both(lambda: place.request("GET", follow_redirects=True))
    assert seen(played) == seen(recorded)
    assert played.json() == {"here": True}
    assert [response.status_code for response in played.history] == [status]
    assert len(list(cassette.iterdir())) == place.hits == 2


def test_a_cookie_is_for_the_session_that_records_and_is_not_stored(place, cassette):
    place.script(Reply(body=b"{}", headers={**JSON, "set-cookie": "session=s3cret; Path=/"}))
    with hashtape.use_cassette(cassette):
        recorded = place.request("GET")
    with hashtape.use_cassette(cassette, record_mode="none"):
        played = place.request("GET")
    assert recorded.cookies["session"] == "s3cret"
    assert "set-cookie" not in played.headers
    assert not [path for path in cassette.iterdir() if "s3cret" in path.read_text()]


def test_the_next_live_call_sends_the_cookie(wire, cassette):
    wire.script(Reply(body=b"{}", headers={**JSON, "set-cookie": "session=s3cret; Path=/"}))

    def sync(client):
        client.get(wire.origin)
        client.get(f"{wire.origin}/me")

    async def asynchronous(client):
        await client.get(wire.origin)
        await client.get(f"{wire.origin}/me")

    with hashtape.use_cassette(cassette):
        wire.run(asynchronous if wire.is_async else sync)
    assert wire.received[1].headers["cookie"] == "session=s3cret"


def test_a_miss_is_not_wrapped_by_the_client(place, cassette):
    with hashtape.use_cassette(cassette, record_mode="none"), pytest.raises(hashtape.MissError):
        place.request("GET")
    assert place.hits == 0


# --- Streaming -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["lines", "raw", "bytes", "text"])
def test_the_streaming_calls_of_the_client(place, both, way):
    lines = ["data: grün", "", "data: 2", ""]
    body = "".join(f"{line}\n" for line in lines).encode()
    place.script(Reply(chunks=[body[:9], body[9:]], headers={"content-type": "text/event-stream"}))
    recorded, played = both(lambda: place.stream(way))
    assert place.hits == 1
    if way == "lines":
        assert played == recorded == lines
    else:
        whole = body.decode() if way == "text" else body
        assert type(whole)().join(played) == type(whole)().join(recorded) == whole


@pytest.mark.parametrize("way", ["raw", "bytes"])
def test_streaming_a_compressed_answer(place, both, way):
    packed = gzip.compress(b'{"packed":true}')
    place.script(Reply(body=packed, headers={**JSON, "content-encoding": "gzip"}))
    recorded, played = both(lambda: place.stream(way))
    assert b"".join(played) == b"".join(recorded) == b'{"packed":true}'


def test_chunk_sizes_are_those_that_the_client_asks_for(place, both):
    place.script(Reply(body=b"0123456789", headers={"content-type": "text/plain"}))

    def sync(client):
        with client.stream("GET", place.origin) as response:
            return list(response.iter_bytes(4))

    async def asynchronous(client):
        async with client.stream("GET", place.origin) as response:
            return [piece async for piece in response.aiter_bytes(4)]

    recorded, played = both(lambda: place.run(asynchronous if place.is_async else sync))
    assert played == recorded == [b"0123", b"4567", b"89"]


def test_a_recorded_stream_that_is_not_read_gives_its_connection_back(wire, cassette):
    limits = wire.family.Limits(max_connections=1)
    options = {"limits": limits, "timeout": 1.0, "verify": False}

    def sync():
        with wire.family.Client(**options) as client:
            for _ in range(3):
                with client.stream("GET", wire.origin):
                    pass

    async def asynchronous():
        async with wire.family.AsyncClient(**options) as client:
            for _ in range(3):
                async with client.stream("GET", wire.origin):
                    pass

    with hashtape.use_cassette(cassette):
        if wire.is_async:
            asyncio.run(asynchronous())
        else:
            sync()
    assert wire.hits == 3


# --- Request bodies ------------------------------------------------------------------------------------


def generated():
    yield b"one "
    yield b"two"


async def async_generated():
    yield b"one "
    yield b"two"


SENT = {
    "JSON": (lambda place: {"json": {"a": 1}}, b'{"a":1}', {"a": 1}),
    "text": (lambda place: {"content": "grün"}, "grün".encode(), "grün"),
    "bytes": (
        lambda place: {"content": b"\xff\x00"},
        b"\xff\x00",
        {
            "__encoding__": "sha256",
            "sha256": "ea5dbf9596d187e9500f23e9a680109475341cf4e81f7e043f7d97152c10772f",
            "size": 2,
        },
    ),
    "form": (
        lambda place: {"data": {"a": "1", "b": "x y"}},
        b"a=1&b=x+y",
        {
            "__encoding__": "form",
            "parts": [{"name": "a", "value": "1"}, {"name": "b", "value": "x y"}],
        },
    ),
    "generator": (
        lambda place: {
            "content": async_generated() if place.is_async else generated(),
            "headers": {"content-length": "7"},
        },
        b"one two",
        "one two",
    ),
    "nothing": (lambda place: {}, b"", None),
}


@pytest.mark.parametrize("kind", SENT)
def test_a_request_body_reaches_the_server_and_the_recording(place, both, stored, kind):
    options, sent, payload = SENT[kind]
    both(lambda: place.request("POST", **options(place)))
    assert place.hits == 1
    assert place.received[0].body.replace(b": ", b":") == sent
    assert stored()["request"]["payload"] == payload


def test_files_reach_the_server_and_play_although_the_boundary_is_another_one(place, both, stored):
    def upload():
        files = {"file": ("a.txt", io.BytesIO(b"content"), "text/plain")}
        return place.request("POST", files=files, data={"purpose": "batch"})

    recorded, played = both(upload)
    assert seen(recorded) == seen(played)
    assert place.hits == 1
    assert b'filename="a.txt"' in place.received[0].body
    assert b"content" in place.received[0].body
    assert stored()["request"]["payload"] == {
        "__encoding__": "multipart",
        "parts": [
            {"name": "purpose", "value": "batch"},
            {"name": "file", "filename": "a.txt", "content_type": "text/plain", "value": "content"},
        ],
    }


@pytest.mark.parametrize("changed", [b"one three", b""])
def test_another_body_is_a_miss(place, cassette, changed):
    with hashtape.use_cassette(cassette):
        place.request("POST", content=b"one two")
    with hashtape.use_cassette(cassette, record_mode="none"), pytest.raises(hashtape.MissError):
        place.request("POST", content=changed)


# --- Failures ------------------------------------------------------------------------------------------


def failure_of(act):
    with pytest.raises(Exception) as caught:
        act()
    return type(caught.value)


FAILURES = {
    "breaks before any chunk": Reply(chunks=[], breaks=True),
    "breaks in the middle": Reply(chunks=[b'{"cut": '], breaks=True),
    "is too slow": Reply(chunks=Gate([b"slow"], after=0)),
}


@pytest.mark.parametrize("reads", ["whole", "lines"])
@pytest.mark.parametrize("kind", FAILURES)
def test_a_server_that_fails_gives_the_usual_exception_and_nothing_is_stored(wire, cassette, kind, reads):
    timeout = wire.family.Timeout(30, read=0.1 if kind == "is too slow" else 30)

    def act():
        if reads == "lines":
            wire.stream("lines", timeout=timeout)
        else:
            wire.request("GET", timeout=timeout)

    wire.script(FAILURES[kind], FAILURES[kind])
    live = failure_of(act)
    with hashtape.use_cassette(cassette):
        assert failure_of(act) is live
    assert live.__name__ in {"RemoteProtocolError", "ReadTimeout"}
    assert not cassette.exists()


def test_a_server_that_is_not_there_gives_the_usual_exception(wire, cassette, server):
    wire.origin = server.origin
    server.stop()
    with hashtape.use_cassette(cassette), pytest.raises(wire.family.ConnectError):
        wire.request("GET")
    assert not cassette.exists()


def test_after_a_failure_the_next_answer_is_recorded(wire, cassette):
    wire.script(FAILURES["breaks in the middle"], Reply(body=b'{"whole": true}'))
    with hashtape.use_cassette(cassette):
        with pytest.raises(wire.family.RemoteProtocolError):
            wire.request("GET")
        assert wire.request("GET").json() == {"whole": True}
    with hashtape.use_cassette(cassette, record_mode="none"):
        assert wire.request("GET").json() == {"whole": True}


def test_an_exception_of_the_application_is_the_clients(memory, cassette):
    def fail(*args):
        raise KeyError("mine")

    memory.app.answer = fail
    with hashtape.use_cassette(cassette), pytest.raises(KeyError, match="mine"):
        memory.request("GET")
    assert not cassette.exists()


# --- What is not the cassette's ------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["new_episodes", "once"])
def test_an_ignored_request_is_passed_through(place, cassette, mode):
    headers = {**JSON, "x-live": "yes", "content-encoding": "gzip"}
    place.script(Reply(body=gzip.compress(b'{"id": "chatcmpl-7", "created": 7}'), headers=headers))
    chat = {"model": "demo", "messages": []}
    with hashtape.use_cassette(cassette, record_mode=mode, before_record_request=lambda request: None):
        response = place.request("POST", "/v1/chat/completions", json=chat)
    assert response.json() == {"id": "chatcmpl-7", "created": 7}
    assert response.headers["x-live"] == "yes"
    assert response.headers["content-encoding"] == "gzip"
    assert json.loads(place.received[0].body) == chat
    assert not cassette.exists()


def test_the_stream_of_an_ignored_request_is_not_read_ahead(wire, cassette):
    gate = Gate([b"one", b"two", b"three"])
    wire.script(Reply(chunks=gate, headers={"content-type": "text/plain"}))
    with hashtape.use_cassette(cassette, ignore_localhost=True):
        assert b"".join(wire.stream("raw", on_piece=gate.open)) == b"onetwothree"
    assert not gate.gave_up


def test_an_ignored_request_keeps_its_body_from_a_generator(place, cassette):
    options, sent, _ = SENT["generator"]
    with hashtape.use_cassette(cassette, before_record_request=lambda request: None):
        place.request("POST", **options(place))
    assert place.received[0].body == sent


def test_outside_a_cassette_the_transports_are_as_before(place, cassette):
    with hashtape.use_cassette(cassette):
        place.request("GET")
    place.script(Reply(body=b"live", headers={"content-type": "text/plain", "x-live": "yes"}))
    assert place.request("GET").headers["x-live"] == "yes"
    assert place.hits == 2
