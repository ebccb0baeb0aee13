"""What looks like a secret at first sight and is none: it stays byte for byte, as the same object."""

import base64
import json
import random

import pytest

from hashtape.recording import Answer, HttpRequest, Recording
from hashtape.redaction import KnownSecrets, Redactor

DICE = random.Random(7)
BLOB = base64.b64encode(DICE.randbytes(30_000)).decode()
URLSAFE = base64.urlsafe_b64encode(DICE.randbytes(3_000)).decode()

PROMPT = """How do I reset my password? The form says "password": "must have 8 characters", and my API key
(it starts with sk- or AKIA) should go into the Authorization header as `Bearer <token>`. Is `?key=value` in a
URL safe? See https://docs.example/auth?topic=keys#token=what, task-1234567890abcdef12345678 and risk-based
auth. postgresql://user:password@localhost:5432/app is what the tutorial has, and export
OPENAI_API_KEY=sk-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx. Mail: secret-service@example.com, key: ABCDEFGHIJ."""

SCHEMA = {
    "type": "object",
    "properties": {
        "password": {"type": "string", "description": "The new password", "minLength": 8},
        "api_key": {"type": ["string", "null"]},
        "token": {"$ref": "#/$defs/token"},
        "secret": {"enum": ["a", "b"]},
        "credentials": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["password", "api_key", "token", "secret"],
}
LOGPROBS = {
    "content": [
        {"token": token, "logprob": -0.1, "bytes": [72], "top_logprobs": [{"token": token, "logprob": -1}]}
        for token in ["Hello", " internationalization2", "bytes:\\xf0\\x9f\\x98\\x80", "a1b2c3d4e5f6a7b8c9d0"]
    ]
}
VALUES = {
    "a-prompt": {"messages": [{"role": "user", "content": PROMPT}]},
    "a-schema": {"tools": [{"type": "function", "function": {"name": "set_password", "parameters": SCHEMA}}]},
    "limits": {
        "max_tokens": 5,
        "max_completion_tokens": 9,
        "stop_token": "</s>",
        "usage": {"total_tokens": 3},
    },
    "log-probabilities": {"choices": [{"index": 0, "logprobs": LOGPROBS}]},
    "special-tokens": {
        "eos_token": "<|endoftext|>",
        "pad_token": "[PAD]",
        "token": "<|reserved_special_12|>",
    },
    "embeddings-in-base64": {"data": [{"object": "embedding", "embedding": BLOB}]},
    "an-image": {"image_url": {"url": f"data:image/png;base64,{BLOB}"}},
    "thinking": {"content": [{"type": "thinking", "thinking": "hm", "signature": BLOB[:400]}]},
    "thoughts": {"parts": [{"text": "a", "thoughtSignature": BLOB[:400]}]},
    "encrypted-reasoning": {"type": "reasoning", "encrypted_content": "gAAAAAB" + URLSAFE},
    "hashes": {"commit": "3c47859f1b2e6d0a9c8b7f5e4d3c2b1a09f8e7d6", "sha256": "0f" * 32, "etag": 'W/"a8b7"'},
    "ids": {
        "id": "chatcmpl-e05fbf7b-44c0-406d-8662-bc7a9a518747",
        "call_id": "call_Ab3dE6gH9jKlMnOpQrStUvWx",
        "uuid": "9f8e7d6c-5b4a-4392-8170-6f5e4d3c2b1a",
        "system_fingerprint": "fp_0123456789",
        "response": "resp_689f74c00c54819e8c87a14f710b59e802d985ee604595f2",
    },
    "keys-that-are-none": {
        "prompt_cache_key": "user-9f8e7d6c5b4a",
        "key": "9f8e7d6c5b4a39281706",
        "public_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5",
        "key_id": "k1",
        "next_page_token": "CiAKGjBpNDd2Nmp2Zml2cXRwYjBpOXA",
        "idempotency_key": "9f8e7d6c-5b4a-4392-8170",
        "author": "me",
    },
    "no-strings": {
        "password": None,
        "secret": 1,
        "api_key": True,
        "token": ["9f8e7d6c5b4a39281706"],
        "auth": {},
    },
    "empty-or-redacted": {"password": "", "api_key": "[REDACTED]"},
    "an-address": {
        "url": "https://docs.example/search?q=token&page=2&sort_key=name&max_tokens=5",
        "u": "http://h",
    },
    "arguments-in-a-string": {"arguments": '{"password": "hunter2", "token": "9f8e7d6c5b4a39281706"}'},
    "words": "sk-learn, AKIA, eyJ, ghp_, hf_, xox- and -----BEGIN PRIVATE KEY----- are prefixes",
}


@pytest.fixture
def redactor():
    """In a process whose variables are ordinary, too."""
    known = KnownSecrets()
    known.learn("9f8e7d6c5b4a3928-unrelated", "this test")
    environ = {"API_KEY": "test-key", "AUTH_MODE": "none", "KEY_PATH": "/etc/key", "TOKEN_LIMIT": "8192"}
    return Redactor(known=known, environ=environ)


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_it_stays_in_a_request(redactor, value):
    for body in (json.dumps(value), json.dumps(value, indent=1, ensure_ascii=False), f"Text: {value}"):
        raw = body.encode()
        url = "https://api.example/v1/x?alt=sse&max_tokens=5&page_token=9f8e7d6c5b4a39281706"
        safe_url, safe, findings = redactor.request(url, raw, "application/json")
        assert (safe_url is url, safe is raw, findings) == (True, True, [])


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_it_stays_in_an_answer(redactor, value):
    chunks = [{"__type__": "t", "__data__": {"index": 0, "delta": value}} for _ in range(2)]
    for answer in (Answer(value), Answer(json.dumps(value)[:-1]), Answer(chunks, is_streaming=True)):
        recording = Recording("t", HttpRequest("POST", "https://h/", value), answer)
        safe, findings = redactor.recording(recording)
        assert not findings
        assert safe is recording


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (
            b"grant_type=password&scope=token+key&max_tokens=5&key=uploads%2Fa.txt",
            "application/x-www-form-urlencoded",
        ),
        (
            b'--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\npassword\r\n--b--',
            "multipart/form-data; boundary=b",
        ),
        (DICE.randbytes(50_000), "audio/wav"),
        (b"", "application/json"),
    ],
    ids=["form", "multipart", "binary", "nothing"],
)
def test_so_do_bodies_of_other_kinds(redactor, body, content_type):
    assert redactor.request("https://h/", body, content_type)[1] is body
