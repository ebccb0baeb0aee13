"""Wherever a credential of this process is planted, and however it is spelled, no file holds it."""

import base64
import json
import time
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hashtape.recording import Answer, HttpRequest, InferenceRequest, Recording
from hashtape.redaction import KnownSecrets, Redactor

SECRETS = [
    "Zq7-mJ4_w9Xt2",
    "sk-" + "aB3dE6gH9jKlMnOpQrStUvWxYz",
    'p@ss "w/rd"\\1',
    "ключ-от-сейфа-9",
    "a+b/c=d&9%20",
]


def encoded(encode, before=b""):
    return lambda value: encode(before + value.encode() + b"!").decode()


SPELLINGS = [
    *(str, quote, quote_plus, lambda value: quote(value, safe=""), lambda value: json.dumps(value)[1:-1]),
    *(encoded(base64.b64encode, b"x" * n) for n in range(3)),
    *(encoded(base64.urlsafe_b64encode, b"\xff" * n) for n in range(3)),
]


def cores(value):
    """What base64 of anything with the value in it has at least, at each of the three alignments."""
    for before in range(3):
        text = base64.b64encode(bytes(before) + value.encode() + b"\0\0").decode()
        core = text[(before * 8 + 5) // 6 : (before + len(value.encode())) * 8 // 6]
        yield from (core, core.replace("+", "-").replace("/", "_"))


def holds(text, value):
    traces = {value, quote(value), quote_plus(value), quote(value, safe=""), *cores(value)}
    traces |= {json.dumps(trace, ensure_ascii=escaped)[1:-1] for trace in traces for escaped in (True, False)}
    return any(trace in text for trace in traces)


words = st.sampled_from(
    ["", "a", " and ", "é", "🙂", "\n", '"', "\\", "=", "%", "[REDACTED]", "key", "0", "/", "+"]
)
secrets = st.sampled_from(SECRETS)
planted = st.builds(
    lambda *parts: "".join(parts),
    words,
    st.builds(lambda f, v: f(v), st.sampled_from(SPELLINGS), secrets),
    words,
)
texts = words | planted
names = texts | st.sampled_from(["password", "token", "index", "type", "id"])
values = st.recursive(
    texts | st.integers() | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)


@st.composite
def streams(draw):
    """Chunks over which texts with secrets in them are split anywhere; two at the same time."""
    strands = [draw(texts) + draw(texts) + draw(texts) for _ in range(2)]
    entries = []
    while any(strands):
        index = draw(st.integers(0, 1))
        size = draw(st.integers(1, 9))
        delta, strands[index] = strands[index][:size], strands[index][size:]
        entries.append(
            {"__type__": "t", "__data__": {"choices": [{"index": index, "delta": {"content": delta}}]}}
        )
    return Answer(entries, is_streaming=True)


def redactor():
    known = KnownSecrets()
    for secret in SECRETS:
        known.learn(secret, "this test")
    return Redactor(known=known, environ={})


headers = st.dictionaries(st.sampled_from(["location", "link", "x-request-id"]), texts)
answers = streams() | st.builds(
    Answer, values, headers=headers, url=texts, extra=st.dictionaries(names, values, max_size=2)
)
requests = st.builds(InferenceRequest, st.just("POST"), texts, values) | st.builds(
    HttpRequest, st.just("POST"), texts, values, st.none()
)
recordings = st.builds(Recording, st.none(), requests, answers, st.lists(answers, max_size=2))


def streamed_texts(answer):
    if not answer.is_streaming:
        return []
    choices = [entry["__data__"]["choices"][0] for entry in answer.body]
    return ["".join(c["delta"]["content"] for c in choices if c["index"] == index) for index in range(2)]


@given(recordings)
@settings(deadline=None, max_examples=250)
def test_no_file_holds_a_credential(recording):
    redact = redactor()
    safe, findings = redact.recording(recording)
    stored = [safe.to_text(), *(text for answer in safe.answers for text in streamed_texts(answer))]
    for secret in SECRETS:
        assert not any(holds(text, secret) for text in stored)
        assert not holds(repr(findings), secret)
    assert (safe is recording) == (not findings)
    again, more = redact.recording(safe)
    assert again is safe
    assert not more


@given(texts, values, st.sampled_from(["json", "form", "multipart", "text", "binary"]))
@settings(deadline=None, max_examples=200)
def test_no_request_holds_a_credential(url, value, kind):
    redact = redactor()
    text = json.dumps(value)
    body, content_type = {
        "json": (text.encode(), "application/json"),
        "form": (f"a={quote_plus(text)}&b".encode(), "application/x-www-form-urlencoded"),
        "multipart": (f"--b\r\n\r\n{text}\r\n--b--\r\n".encode(), "multipart/form-data; boundary=b"),
        "text": (f"text {text}".encode(), "text/plain"),
        "binary": (b"\xff\0" + text.encode(), "image/png"),
    }[kind]
    safe_url, safe, findings = redact.request(f"https://h/{url}", body, content_type)
    for secret in SECRETS:
        assert not holds(safe_url, secret)
        assert not holds(safe.decode("utf-8", "replace"), secret)
        assert not holds(repr(findings), secret)
    assert redact.request(safe_url, safe, content_type) == (safe_url, safe, [])


SIZE = 150_000
HARD = {
    "backslashes": "\\" * SIZE,
    "quotes": '"' * SIZE,
    "escapes": '{"a":"' + '\\"' * (SIZE // 2),
    "dashes": "-" * SIZE,
    "percents": "%25" * (SIZE // 3),
    "jwt-starts": "eyJ" * (SIZE // 3),
    "jwt-parts": "eyJa." * (SIZE // 5),
    "key-starts": "sk-" * (SIZE // 3),
    "separate-key-starts": " sk-ant-a" * (SIZE // 9),
    "pem-starts": "-----BEGIN PRIVATE KEY-----\n" * (SIZE // 28),
    "pem-of-lines": "-----BEGIN PRIVATE KEY-----" + "\nAAAA" * (SIZE // 5),
    "urls": '"http' * (SIZE // 5) + "=@",
    "queries": "https://h/?" + "a=" * (SIZE // 2),
    "names": '{"a":"b"' * (SIZE // 8),
    "brackets": "[" * SIZE,
    "almost-secrets": "Zq7-mJ4_w9Xt" * (SIZE // 12),
    "parts": "--b\r\n\r\n" * (SIZE // 7),
    "base64": base64.b64encode(bytes(range(256)) * 440).decode(),
}


@pytest.mark.parametrize("text", HARD.values(), ids=HARD)
@pytest.mark.parametrize("content_type", ["application/json", "multipart/form-data; boundary=b"])
def test_no_text_takes_for_ever(text, content_type):
    redact = redactor()
    start = time.thread_time()
    redact.request("https://h/", text.encode(), content_type)
    redact.request("https://h/", json.dumps({"a": text}).encode(), content_type)
    redact.answer(Answer(text))
    redact.answer(Answer([{"text": text[:1000]}, {"text": text}], is_streaming=True))
    # It takes a tenth of that; what is quadratic takes minutes.
    assert time.thread_time() - start < 3
