"""aiohttp's own ways: bodies of every kind, redirects, cookies, web sockets, base URLs."""

from __future__ import annotations

import asyncio
import io
import json

import httpx
import pytest

import hashtape
from loopback import Reply

aiohttp = pytest.importorskip("aiohttp")


def form():
    data = aiohttp.FormData()
    data.add_field("name", "value")
    data.add_field("file", b"\x00\x01", filename="x.bin", content_type="application/octet-stream")
    return data


async def pieces():
    yield b"one"
    yield b"two"


BODIES = {
    "json": lambda: {"json": {"a": [1, "ü"]}},
    "text": lambda: {"data": "text"},
    "bytes": lambda: {"data": b"\x00\xff"},
    "form": lambda: {"data": {"a": "1", "b": "x y"}},
    "pairs": lambda: {"data": [("a", "1"), ("a", "2")]},
    "multipart": lambda: {"data": form()},
    "file": lambda: {"data": io.BytesIO(b"from a file")},
    "generator": lambda: {"data": pieces()},
}


def send(url, method="POST", session_options=None, **options):
    async def call():
        async with (
            aiohttp.ClientSession(**(session_options or {})) as session,
            session.request(method, url, **options) as response,
        ):
            return response, await response.read()

    return asyncio.run(call())


def only(cassette):
    (path,) = cassette.glob("*.json")
    return json.loads(path.read_text())


@pytest.mark.parametrize("make", BODIES.values(), ids=BODIES)
def test_a_body_goes_out_as_without_a_recorder_and_its_recording_is_found_again(cassette, server, make):
    send(server.origin + "/x", **make())
    for mode in ("once", "none"):
        with hashtape.use_cassette(cassette, record_mode=mode):
            _, content = send(server.origin + "/x", **make())
    assert json.loads(content) == {"path": "/x", "number": 2}
    plain, recorded = server.received
    boundary = plain.headers["content-type"].partition("boundary=")[2]
    new_boundary = recorded.headers["content-type"].partition("boundary=")[2]
    assert recorded.body.replace(new_boundary.encode(), boundary.encode()) == plain.body
    assert recorded.headers["content-type"].replace(new_boundary, boundary) == plain.headers["content-type"]


@pytest.mark.parametrize("body", ["json", "form"])
def test_the_recording_of_a_body_plays_in_httpx_too(cassette, server, body):
    options = BODIES[body]()
    with hashtape.use_cassette(cassette):
        send(server.origin + "/x", **options)
    with hashtape.use_cassette(cassette, record_mode="none"):
        answer = httpx.post(server.origin + "/x", **options)
    assert answer.json()["number"] == 1


def test_the_fields_of_a_form_are_stored_and_its_secrets_are_not(cassette, server):
    with hashtape.use_cassette(cassette):
        send(server.origin + "/x", data={"user": "me", "password": "hunter2-hunter2"})
    parts = {part["name"]: part["value"] for part in only(cassette)["request"]["payload"]["parts"]}
    assert parts == {"user": "me", "password": "[REDACTED]"}


@pytest.mark.parametrize(("status", "method", "body"), [(302, "GET", b""), (307, "POST", b'{"a": 1}')])
def test_redirects_are_followed_on_replay_as_they_were(cassette, server, status, method, body):
    server.script(Reply(status=status, headers={"location": "/there"}, body=b""))
    seen = []
    for mode in ("once", "none"):
        with hashtape.use_cassette(cassette, record_mode=mode):
            response, content = send(server.origin + "/here", json={"a": 1})
        seen.append((str(response.url), response.status, content, [past.status for past in response.history]))
    assert seen[0] == seen[1]
    assert seen[0][0] == server.origin + "/there"
    assert seen[0][3] == [status]
    assert server.hits == 2
    assert (server.received[1].method, server.received[1].body) == (method, body)


@pytest.mark.parametrize("is_streamed", [False, True])
@pytest.mark.parametrize("charset", ["; charset=iso-8859-1", "; charset=no-such", ""])
def test_text_is_read_in_its_charset(cassette, server, charset, is_streamed):
    body = "grüße".encode("iso-8859-1" if "iso" in charset else "utf-8")
    headers = {"content-type": f"text/plain{charset}"}
    reply = Reply(chunks=[body], headers=headers) if is_streamed else Reply(body=body, headers=headers)
    server.script(reply)

    async def text():
        async with aiohttp.ClientSession() as session, session.get(server.origin + "/x") as response:
            return await response.text()

    for mode in ("once", "none"):
        with hashtape.use_cassette(cassette, record_mode=mode):
            assert asyncio.run(text()) == "grüße"


def test_a_redirect_that_is_not_followed(cassette, server):
    server.script(Reply(status=302, headers={"location": "/there"}, body=b""))
    for mode in ("once", "none"):
        with hashtape.use_cassette(cassette, record_mode=mode):
            response, _ = send(server.origin + "/here", "GET", allow_redirects=False)
        assert (response.status, response.headers["location"]) == (302, "/there")
    assert server.hits == 1


def test_cookies_reach_the_session_that_records_and_no_file(cassette, server):
    secret = "session=abcdef0123456789"
    server.script(Reply(body=b"{}", headers={"set-cookie": secret, "content-type": "application/json"}))

    async def call():
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
            for path in ("/login", "/me"):
                async with session.get(server.origin + path) as response:
                    await response.read()

    with hashtape.use_cassette(cassette):
        asyncio.run(call())
    assert server.received[1].headers["cookie"] == secret
    assert not any(b"abcdef0123456789" in path.read_bytes() for path in cassette.iterdir())
    with hashtape.use_cassette(cassette, record_mode="none"):
        asyncio.run(call())


def test_a_session_with_a_base_url_and_parameters(cassette, server):
    base = {"base_url": server.origin}
    for mode in ("once", "none"):
        with hashtape.use_cassette(cassette, record_mode=mode):
            _, content = send("/x", "GET", base, params={"q": "a b"})
    assert json.loads(content)["number"] == 1
    assert only(cassette)["request"]["url"] == f"{server.origin}/x?q=a+b"


@pytest.mark.parametrize("raising", [True, False])
def test_raise_for_status_raises_what_was_recorded(cassette, server, raising):
    server.script(Reply(status=500, body=b'{"error":"down"}'))
    for mode in ("once", "none"):
        with hashtape.use_cassette(cassette, record_mode=mode):
            if raising:
                with pytest.raises(aiohttp.ClientResponseError, match="500"):
                    send(server.origin + "/x", raise_for_status=True)
            else:
                assert send(server.origin + "/x")[0].status == 500
    assert only(cassette)["response"]["status"] == 500
    assert server.hits == 1


def test_a_web_socket_is_let_through_and_not_recorded(cassette):
    from aiohttp import web

    async def echo(request):
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(message.data.upper())
        return socket

    async def call():
        app = web.Application()
        app.router.add_get("/ws", echo)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = site._server.sockets[0].getsockname()[1]
        with hashtape.use_cassette(cassette):
            async with (
                aiohttp.ClientSession() as session,
                session.ws_connect(f"http://127.0.0.1:{port}/ws") as socket,
            ):
                await socket.send_str("hello")
                answer = await socket.receive_str()
        await runner.cleanup()
        return answer

    assert asyncio.run(call()) == "HELLO"
    assert not list(cassette.glob("*"))
