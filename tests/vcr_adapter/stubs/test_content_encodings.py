"""Compressed answers are stored plain, and a recording made through one client plays in every other."""

from __future__ import annotations

import gzip
import json
import zlib

import pytest

import hashtape
from clients import EVERY_CLIENT, fetch
from loopback import Reply

ANSWER = {"text": "grün 🙂 " * 20, "n": [1, 2.5, None]}
PLAIN = json.dumps(ANSWER, ensure_ascii=False, separators=(",", ":")).encode()


def _brotli(data):
    return pytest.importorskip("brotli").compress(data)


def _zstd(data):
    return pytest.importorskip("zstandard").compress(data)


COMPRESS = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": _brotli,
    "zstd": _zstd,
    "gzip, twice": lambda data: gzip.compress(data[:50]) + gzip.compress(data[50:]),
}
BINARY = bytes(range(256)) * 4


def reply(encoding, body, content_type="application/json"):
    headers = {"content-type": content_type, "content-encoding": encoding.partition(",")[0]}
    return Reply(body=COMPRESS[encoding](body), headers=headers)


@pytest.mark.parametrize("encoding", COMPRESS)
@pytest.mark.parametrize("recorder", EVERY_CLIENT)
def test_an_answer_is_stored_plain_and_every_client_plays_it(cassette, server, recorder, encoding):
    if (recorder, encoding) == ("aiohttp", "zstd"):
        pytest.importorskip("backports.zstd")  # aiohttp cannot read it otherwise, with or without a recorder
    server.script(reply(encoding, PLAIN))
    with hashtape.use_cassette(cassette):
        fetch(recorder, "GET", server.origin + "/x")
    (path,) = cassette.glob("*.json")
    stored = json.loads(path.read_text(encoding="utf-8"))["response"]
    assert stored == {"status": 200, "body": ANSWER, "is_streaming": False}
    for player in EVERY_CLIENT:
        with hashtape.use_cassette(cassette, record_mode="none"):
            assert fetch(player, "GET", server.origin + "/x") == (200, PLAIN), player
    assert server.hits == 1


@pytest.mark.parametrize("content_type", ["image/png", "application/pdf", "audio/mpeg"])
@pytest.mark.parametrize("recorder", ["httpx", "requests", "aiohttp"])
def test_binary_answers_keep_their_content_type(cassette, server, recorder, content_type):
    server.script(reply("gzip", BINARY, content_type))
    with hashtape.use_cassette(cassette):
        fetch(recorder, "GET", server.origin + "/x")
    (path,) = cassette.glob("*.json")
    stored = json.loads(path.read_text(encoding="utf-8"))["response"]
    assert stored["headers"] == {"content-type": content_type}
    assert stored["body"]["__encoding__"] == "base64"
    for player in EVERY_CLIENT:
        with hashtape.use_cassette(cassette, record_mode="none"):
            assert fetch(player, "GET", server.origin + "/x") == (200, BINARY), player


@pytest.mark.parametrize("status", [204, 304, 400, 404, 429, 500])
@pytest.mark.parametrize("body", [b"", b'{"error":{"message":"no"}}', b"<html>Bad Gateway</html>"])
def test_every_status_and_body_plays_in_every_client(cassette, server, status, body):
    if status in {204, 304} and body:
        pytest.skip("has no body")
    server.script(Reply(status=status, body=body, headers={"content-type": "text/html"}))
    answers = {}
    with hashtape.use_cassette(cassette):
        _outcome("httpx", server)
    for player in EVERY_CLIENT:
        with hashtape.use_cassette(cassette, record_mode="none"):
            answers[player] = _outcome(player, server)
    assert server.hits == 1
    assert set(answers.values()) == {(status, body)}


def _outcome(client, server):
    from urllib.error import HTTPError

    try:
        return fetch(client, "GET", server.origin + "/x")
    except HTTPError as error:  # urllib raises what the others return
        with error:
            return error.code, error.read()
