"""Secrets planted in every place: none of them is on the disk, in any form, and replay needs none."""

from __future__ import annotations

import base64
import json
import urllib.parse
import warnings

import httpx
import openai
import pytest

import hashtape
from clients import fetch
from loopback import Reply, chat_chunks, sse

KEY = "sq7-9fGh2LmXw0RtB5vZ"  # of no well-known shape
ANTHROPIC = "sk-ant-api03-" + "aB3dE6gH9" * 9
AWS = "AKIAQ7XN4ZP2M6RT5KWD"
SSE = {"content-type": "text/event-stream"}
CHAT = {"model": "demo", "messages": [{"role": "user", "content": "hi"}]}


def on_disk(directory):
    return b"".join(path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file())


def spellings(secret):
    """The ways in which somebody may find it."""
    for text in (secret, urllib.parse.quote(secret, safe=""), urllib.parse.quote_plus(secret)):
        yield text.encode()
    for start in range(3):
        whole = base64.b64encode(b"\0" * start + secret.encode() + b"\0\0").decode()
        core = whole[4 if start else 0 : -4]
        yield core.encode()
        yield core.replace("+", "-").replace("/", "_").encode()


def assert_clean(directory, secret):
    content = on_disk(directory)
    assert content, "nothing was recorded"
    for spelling in spellings(secret):
        assert spelling not in content


def echo(text):
    return Reply(body=json.dumps({"echo": text}).encode())


def twice(cassette, call, server):
    """Record, and replay without the server's help."""
    answers = []
    for mode in ("once", "none"):
        hits = server.hits
        with hashtape.use_cassette(cassette, record_mode=mode):
            answers.append(call())
    assert server.hits == hits
    return answers


CREDENTIALS = {
    "bearer": {"authorization": f"Bearer {KEY}"},
    "basic": {"authorization": "Basic " + base64.b64encode(f"me:{KEY}".encode()).decode()},
    "x-api-key": {"x-api-key": KEY},
    "api-key": {"api-key": KEY},
    "x-goog-api-key": {"x-goog-api-key": KEY},
    "cookie": {"cookie": f"session={KEY}"},
    "a name of its own": {"x-acme-token": KEY},
}
ECHOES = {
    "plain": KEY,
    "in a text": f"Incorrect API key provided: {KEY}.",
    "URL-encoded": urllib.parse.quote(f"a/{KEY}&", safe=""),
    "base64": base64.b64encode(KEY.encode()).decode(),
    "base64 of more": base64.b64encode(f"user:{KEY}!".encode()).decode(),
    "JSON in JSON": json.dumps({"args": json.dumps({"key": KEY})}),
}


@pytest.mark.parametrize("client", ["httpx", "requests", "aiohttp"])
@pytest.mark.parametrize("headers", CREDENTIALS.values(), ids=CREDENTIALS)
def test_a_credential_that_the_answer_echoes(cassette, server, headers, client):
    server.script(*(echo(text) for text in ECHOES.values()))

    def call(number):
        url = f"{server.origin}/{number}"
        if client == "httpx":
            return httpx.get(url, headers=headers)
        if client == "requests":
            requests = pytest.importorskip("requests")
            return requests.get(url, headers=headers)
        return _with_aiohttp(url, headers)

    with hashtape.use_cassette(cassette):
        for number in range(len(ECHOES)):
            call(number)
    assert_clean(cassette, KEY)
    with hashtape.use_cassette(cassette, record_mode="none"):
        for number in range(len(ECHOES)):
            fetch(client, "GET", f"{server.origin}/{number}")


def _with_aiohttp(url, headers):
    import asyncio

    aiohttp = pytest.importorskip("aiohttp")

    async def call():
        async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as response:
            return await response.read()

    return asyncio.run(call())


@pytest.mark.parametrize("size", [1, 3, 7, 50])
def test_a_credential_split_over_the_chunks_of_a_stream(cassette, server, size):
    text = f"Your key is {KEY}, keep it."
    words = [text[start : start + size] for start in range(0, len(text), size)]
    server.script(Reply(chunks=sse(*chat_chunks(1, "demo", words)), headers=SSE))

    def call():
        with openai.OpenAI(base_url=server.base_url, api_key=KEY, max_retries=0) as client:
            stream = client.chat.completions.create(**CHAT, stream=True)
            return "".join(chunk.choices[0].delta.content or "" for chunk in stream)

    live, played = twice(cassette, call, server)
    assert live == text, "the run that records sees what the server sent"
    assert played == "Your key is [REDACTED], keep it."
    assert KEY not in json.dumps(json.loads(next(cassette.glob("*.json")).read_text()))


def test_a_credential_in_a_stream_that_is_cut(cassette, server):
    words = [KEY[:6], KEY[6:], " and more", " and more"]
    server.script(Reply(chunks=sse(*chat_chunks(1, "demo", words))[:4], headers=SSE, breaks=True))
    with (
        openai.OpenAI(base_url=server.base_url, api_key=KEY, max_retries=0) as client,
        hashtape.use_cassette(cassette),
        pytest.raises(Exception, match=r"."),
    ):
        list(client.chat.completions.create(**CHAT, stream=True))
    assert_clean(cassette, KEY)
    stored = json.loads(next(cassette.glob("*.json")).read_text())["response"]["body"]
    assert "".join(e["__data__"]["choices"][0]["delta"]["content"] for e in stored).startswith("[REDACTED]")


@pytest.mark.parametrize(
    "name", ["DEMO_API_KEY", "GH_TOKEN", "DB_PASSWORD", "APP_SECRET", "SERVICE_CREDENTIALS", "PRIVATE_KEY"]
)
def test_the_value_of_an_environment_variable(cassette, server, http, monkeypatch, name):
    secret = f"zq8-{name[::-1]}-7Xk2"
    monkeypatch.setenv(name, secret)
    server.script(echo(f"connecting with {secret}"))
    with pytest.warns(hashtape.HashtapeWarning, match=name), hashtape.use_cassette(cassette):
        answer = http.post(server.origin, json={"prompt": f"why does {secret} not work?"})
    assert answer.json() == {"echo": f"connecting with {secret}"}
    assert_clean(cassette, secret)


BODIES = {
    "JSON": {"json": {"query": "x", "auth": {"client_secret": KEY}}},
    "JSON list": {"json": [{"apiKey": KEY}]},
    "form": {"data": {"grant_type": "client_credentials", "client_secret": KEY}},
    "multipart": {"data": {"password": KEY}, "files": {"file": ("a.txt", b"content")}},
    "URL": {"params": {"key": KEY, "alt": "sse"}},
    "signed URL": {"params": {"X-Amz-Signature": KEY, "X-Amz-Credential": KEY + "/x", "id": "7"}},
}


@pytest.mark.parametrize("options", BODIES.values(), ids=BODIES)
def test_a_secret_by_the_name_of_its_field_replays_with_another_one(cassette, server, http, options):
    server.script(echo(f"seen {KEY}"))
    with hashtape.use_cassette(cassette):
        http.post(server.origin + "/token", **options)
    assert_clean(cassette, KEY)
    other = json.loads(
        json.dumps({name: value for name, value in options.items() if name != "files"}).replace(KEY, "other")
    )
    if "files" in options:
        other["files"] = options["files"]
    with hashtape.use_cassette(cassette, record_mode="none"):
        assert http.post(server.origin + "/token", **other).json() == {"echo": "seen [REDACTED]"}


def test_a_token_that_the_answer_hands_out_reaches_the_client_and_no_file(cassette, server, http):
    token = "tok-" + KEY
    server.script(Reply(body=json.dumps({"access_token": token, "expires_in": 3600}).encode()))

    def call():
        token = http.post(server.origin + "/token", data={"grant_type": "x"}).json()["access_token"]
        headers = {"authorization": f"Bearer {token}"}
        return http.get(server.origin + "/me", headers=headers).json()["number"]

    assert twice(cassette, call, server) == [2, 2]
    assert server.received[1].headers["authorization"] == f"Bearer {token}"
    assert_clean(cassette, token)
    assert b"3600" in on_disk(cassette)


def test_a_cookie_that_the_answer_hands_out_and_repeats(cassette, server, http):
    headers = {"set-cookie": f"sid={KEY}; Path=/; HttpOnly", "content-type": "application/json"}
    server.script(Reply(body=json.dumps({"session": KEY}).encode(), headers=headers))
    with hashtape.use_cassette(cassette):
        assert http.get(server.origin).cookies["sid"] == KEY
    assert_clean(cassette, KEY)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("before", ["", "x"])
def test_a_credential_in_an_answer_in_another_encoding(cassette, server, http, encoding, before):
    body = before.encode() + f"denied: {KEY}!".encode(encoding)
    server.script(Reply(body=body, headers={"content-type": f"text/plain; charset={encoding}"}))
    with hashtape.use_cassette(cassette):
        answer = http.get(server.origin, headers={"x-api-key": KEY})
    assert answer.content == body
    stored = base64.b64decode(json.loads(on_disk(cassette))["response"]["body"]["data"])
    assert KEY.encode("utf-16-le")[:-1] not in stored
    assert stored == body.replace(
        KEY.encode(encoding)[-2 * len(KEY) :], b"[REDACTED]".decode().encode(encoding)[-20:]
    )


def test_user_info_and_secrets_in_a_stored_header(cassette, server, http):
    location = f"{server.origin}/next?sig={KEY}"
    server.script(Reply(status=302, headers={"location": location}))
    with hashtape.use_cassette(cassette):
        http.get(server.origin.replace("//", f"//me:{KEY}@") + "/first")
    assert_clean(cassette, KEY)
    assert b"/next?sig=[REDACTED]" in on_disk(cassette)


@pytest.mark.parametrize("secret", [ANTHROPIC, AWS], ids=["anthropic", "aws"])
@pytest.mark.parametrize("where", ["request", "answer", "stream"])
def test_the_shape_of_a_key_is_taken_out_with_a_warning_that_names_the_field(
    cassette, server, http, secret, where
):
    request = {"model": "demo", "messages": [{"role": "user", "content": "hi"}]}
    if where == "request":
        request["messages"][0]["content"] = f"is {secret} leaked?"
        server.script(echo("no"))
    elif where == "answer":
        server.script(echo(f"use {secret}"))
    else:
        words = ["use ", secret[:9], secret[9:]]
        server.script(Reply(chunks=sse(*chat_chunks(1, "demo", words)), headers=SSE))
    field = {"request": r"messages\[0\]\.content", "answer": "echo", "stream": r"delta\.content"}[where]
    with pytest.warns(hashtape.HashtapeWarning, match=field) as caught, hashtape.use_cassette(cassette):
        http.post(f"{server.base_url}/chat/completions", json=request)
    assert_clean(cassette, secret)
    assert all(secret not in str(warning.message) for warning in caught)
    with warnings.catch_warnings(), hashtape.use_cassette(cassette, record_mode="none"):
        warnings.simplefilter("error")
        http.post(f"{server.base_url}/chat/completions", json=request)


def test_what_is_no_secret_stays(cassette, server, http):
    request = {
        "model": "demo",
        "max_tokens": 10,
        "messages": [{"role": "user", "content": "What is a good password? My api_key: none"}],
        "tools": [{"function": {"parameters": {"properties": {"password": {"type": "string"}}}}}],
        "logprobs": True,
    }
    with hashtape.use_cassette(cassette):
        http.post(f"{server.base_url}/chat/completions", json=request)
    (path,) = cassette.glob("*.json")
    assert json.loads(path.read_text())["request"]["body"] == request
    assert b"[REDACTED]" not in on_disk(cassette)


def test_names_of_ones_own_and_exemptions(cassette, server, http):
    options = {"secret_names": ["tenant"], "not_secret": ["password", AWS]}
    with hashtape.use_cassette(cassette, **options):
        http.post(server.origin, json={"tenant": "acme-4711", "password": "grandma", "note": AWS})
    stored = json.loads(next(cassette.glob("*.json")).read_text())["request"]["payload"]
    assert stored == {"tenant": "[REDACTED]", "password": "grandma", "note": AWS}


def test_the_serializer_and_the_persister_hold_back_the_same(tmp_path, server, http):
    import vcr

    from hashtape.vcr_adapter import RecordingPersister, RecordingSerializer

    for name, options in {"serializer": {"serializer": "mine"}, "persister": {}}.items():
        machine = vcr.VCR(**options)
        machine.register_serializer("mine", RecordingSerializer())
        if name == "persister":
            machine.register_persister(RecordingPersister())
        server.script(Reply(body=json.dumps({"access_token": KEY}).encode()))
        with machine.use_cassette(str(tmp_path / name / "calls")):
            http.post(server.origin + f"?key={KEY}", json={"password": KEY})
        assert_clean(tmp_path / name, KEY)


@pytest.mark.parametrize("recorded_with", [True, False])
def test_what_the_environment_knows_does_not_change_which_recording_is_found(
    cassette, server, http, monkeypatch, recorded_with
):
    def ask():
        return http.post(server.origin, json={"prompt": "Use cl100k_base"}).json()["number"]

    for has_variable, mode in ((recorded_with, "once"), (not recorded_with, "none")):
        if has_variable:
            monkeypatch.setenv("CACHE_KEY", "cl100k_base")
        else:
            monkeypatch.delenv("CACHE_KEY", raising=False)
        with warnings.catch_warnings(), hashtape.use_cassette(cassette, record_mode=mode):
            warnings.simplefilter("ignore", hashtape.HashtapeWarning)
            assert ask() == 1
    assert server.hits == 1


def test_a_secret_of_the_environment_in_a_body_is_found_again_with_another_one(
    cassette, server, http, monkeypatch
):
    for key, mode in ((KEY, "once"), ("x8-Other9Key7-zz", "none")):
        monkeypatch.setenv("APP_TOKEN", key)
        with warnings.catch_warnings(), hashtape.use_cassette(cassette, record_mode=mode):
            warnings.simplefilter("ignore", hashtape.HashtapeWarning)
            http.post(server.origin, json={"note": f"with {key}"})
    assert server.hits == 1
    assert_clean(cassette, KEY)


def test_a_file_named_by_more_than_it_says_is_no_flaw(cassette, http, server, monkeypatch):
    from click.testing import CliRunner

    from hashtape.cli import cli

    monkeypatch.setenv("CACHE_KEY", "cl100k_base")
    with warnings.catch_warnings(), hashtape.use_cassette(cassette):
        warnings.simplefilter("ignore", hashtape.HashtapeWarning)
        http.post(server.origin, json={"prompt": "Use cl100k_base"})
    before = sorted(cassette.iterdir())
    result = CliRunner().invoke(cli, ["verify", "--fix", str(cassette)])
    assert result.exit_code == 0, result.output
    assert sorted(cassette.iterdir()) == before


def test_a_value_of_the_environment_is_taken_out_with_a_warning_that_names_the_variable(
    cassette, server, http, monkeypatch
):
    monkeypatch.setenv("CACHE_KEY", "cl100k_base")
    server.script(echo("ok"))
    with (
        pytest.warns(hashtape.HashtapeWarning, match=r"the value of \$CACHE_KEY in request\.body\.prompt"),
        hashtape.use_cassette(cassette),
    ):
        http.post(server.origin, json={"prompt": "Use cl100k_base"})


@pytest.mark.parametrize(
    "value", ["live-token-00000047", "my-service-key-2024", "correct-horse-battery", "secret_live_2"]
)
def test_what_was_sent_as_a_credential_may_look_like_words(cassette, server, http, value):
    server.script(echo(f"no access with {value}"))
    with hashtape.use_cassette(cassette):
        http.get(server.origin, headers={"authorization": f"Bearer {value}"})
    assert_clean(cassette, value)


def test_names_may_be_given_as_one_text(cassette, http, server):
    options = {"secret_names": "tenant", "not_secret": "password"}
    with hashtape.use_cassette(cassette, **options):
        http.post(server.origin, json={"t": "value-of-t", "tenant": "acme-4711", "password": "grandma"})
    stored = json.loads(next(cassette.glob("*.json")).read_text())["request"]["payload"]
    assert stored == {"t": "value-of-t", "tenant": "[REDACTED]", "password": "grandma"}
