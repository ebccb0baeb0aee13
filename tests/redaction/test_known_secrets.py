import base64
import json
import threading
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hashtape.redaction import PROCESS_SECRETS, KnownSecrets, Redactor
from hashtape.redaction.credentials import is_credential

KEY = "Zq7-mJ4_w9Xt2"
KEY_ID = "AKIA" + "Q3EGT7MZ2LD5WX4Y"


def values(known):
    return {secret.value for secret in known.secrets}


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("Authorization", f"Bearer {KEY}", {KEY}),
        ("authorization", f"token {KEY}", {KEY}),
        ("Authorization", KEY, {KEY}),
        ("Authorization", "Basic " + base64.b64encode(f"me:{KEY}".encode()).decode(), {KEY}),
        ("Authorization", "Basic " + base64.b64encode(f"{KEY}:".encode()).decode(), {KEY}),
        ("Authorization", "Basic " + base64.b64encode(b"me:test").decode(), set()),
        (
            "Authorization",
            f"AWS4-HMAC-SHA256 Credential={KEY_ID}/20250101/us-east-1/bedrock/aws4_request, Signature={KEY}",
            {KEY_ID},
        ),
        ("Authorization", f'OAuth oauth_token="{KEY}", oauth_nonce="a8b7c6d5e4f3"', {KEY}),
        ("Proxy-Authorization", f"Bearer {KEY}", {KEY}),
        ("Cookie", f"lang=en-GB; session={KEY}", {KEY}),
        *((name, KEY, {KEY}) for name in ("x-api-key", "api-key", "X-Goog-Api-Key", "x-amz-security-token")),
        *((name, KEY, {KEY}) for name in ("Ocp-Apim-Subscription-Key", "X-Vault-Token", "X-Client-Secret")),
        *((name, KEY, set()) for name in ("Idempotency-Key", "X-Request-Id", "User-Agent", "X-Max-Tokens")),
        ("x-api-key", "test-key", set()),
    ],
)
def test_the_credentials_of_a_request_are_learned_from_its_headers(known, name, value, expected):
    known.learn_headers([("accept", "*/*"), (name, value)])
    assert values(known) == expected


@pytest.mark.parametrize(
    "name",
    [
        *("OPENAI_API_KEY", "openai_api_key", "KEY", "MY_TOKEN_2", "DB_PASSWORD", "PGPASSWORD", "AUTHTOKEN"),
        *("AWS_SECRET_ACCESS_KEY", "NPM_AUTH", "GCP_CREDENTIALS", "OPENAI_APIKEY", "GPG_PASSPHRASE"),
    ],
)
def test_variables_that_are_named_like_secrets_are_learned(known, name):
    known.learn_environment({name: KEY, "HOME": "/root"})
    assert values(known) == {KEY}
    assert known.secrets[0].what == f"the value of ${name}"


@pytest.mark.parametrize(
    "name", ["PWD", "OLDPWD", "MAX_TOKENS", "KEYBOARD", "MONKEY", "AUTHOR", "SECRETARY", "KEYS", "TOKENIZER"]
)
def test_other_variables_are_not(known, name):
    known.learn_environment({name: KEY})
    assert not known.secrets


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("SSH_KEY_FILE", "/home/me/.ssh/id_rsa"), ("TOKEN_URL", "https://auth.example/oauth/v2/token")),
        *(("SSH_AUTH_SOCK", "/tmp/ssh-XXXX8f9a/agent.1"), ("API_KEY", "test-key"), ("TOKEN_LIMIT", "100000")),
    ],
)
def test_nor_are_paths_addresses_and_ordinary_words(known, name, value):
    known.learn_environment({name: value})
    assert not known.secrets


def test_the_password_in_an_address_is_learned(known):
    known.learn_environment({"DB_PASSWORD_URL": f"postgres://me:{KEY}@db.example/app"})
    assert KEY in values(known)


def test_a_variable_that_is_set_later_is_learned_with_the_next_request(known):
    environ = {}
    redactor = Redactor(known=known, environ=environ)
    assert KEY in redactor.request("https://h/", KEY.encode(), "text/plain")[1].decode()
    environ["SOME_TOKEN"] = KEY
    assert redactor.request("https://h/", KEY.encode(), "text/plain")[1] == b"[REDACTED]"


def test_the_environment_of_the_process_is_used_without_configuration(known, monkeypatch):
    monkeypatch.setenv("HASHTAPE_TRIAL_TOKEN", KEY)
    assert Redactor(known=known).text(f"it is {KEY}") == "it is [REDACTED]"


def test_credentials_are_those_of_the_process_and_not_of_a_cassette():
    PROCESS_SECRETS.learn("pr0cess-w1de-S3cret", "this test")
    assert Redactor().text("pr0cess-w1de-S3cret") == Redactor().text("[REDACTED]")


def test_what_is_known_does_not_show(known):
    known.learn(KEY, "this test")
    assert KEY not in repr(known.secrets) + repr(known)


def test_threads_learn_at_the_same_time(known):
    def learn(start):
        for n in range(start, 400, 4):
            known.learn(f"{KEY}-{n}", "this test")

    threads = [threading.Thread(target=learn, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert values(known) == {f"{KEY}-{n}" for n in range(400)}


SPELLINGS = {
    "plain": lambda value: value,
    "quoted": lambda value: quote(value, safe=""),
    "quoted-lower": lambda value: quote(value, safe="").replace("%2F", "%2f").replace("%C3%", "%c3%"),
    "quoted-path": quote,
    "quoted-plus": quote_plus,
    "quoted-twice": lambda value: quote(quote(value, safe=""), safe=""),
    "json": lambda value: json.dumps(value)[1:-1],
    "json-utf-8": lambda value: json.dumps(value, ensure_ascii=False)[1:-1],
    "json-in-json": lambda value: json.dumps(json.dumps(value))[3:-3],
    "php": lambda value: json.dumps(value)[1:-1].replace("/", "\\/"),
    "quoted-json": lambda value: quote(json.dumps(value)[1:-1]),
}


@pytest.mark.parametrize("spelled", SPELLINGS.values(), ids=SPELLINGS)
@pytest.mark.parametrize(
    "value", [KEY, 'p@ss w/rd"1\\x', "ä/ö+ü=ß&9", "line1\nline2 9", "€uro🙂key7", "a\\\\b\\\\\n9"]
)
def test_a_known_value_is_found_in_every_spelling(redactor, known, spelled, value):
    known.learn(value, "this test")
    text = f"before {spelled(value)} after"
    assert redactor.text(text) == "before [REDACTED] after"


@given(
    value=st.text(st.characters(codec="utf-8"), min_size=8, max_size=40),
    before=st.binary(max_size=7),
    after=st.binary(max_size=7),
    encode=st.sampled_from([base64.b64encode, base64.urlsafe_b64encode]),
)
@settings(deadline=None, max_examples=100)
def test_base64_of_anything_with_a_known_value_in_it_says_nothing_about_it(value, before, after, encode):
    value = value.strip()
    assume(is_credential(value))
    known = KnownSecrets()
    known.learn(value, "this test")
    text = encode(before + value.encode() + after).decode()
    redacted = Redactor(known=known, environ={}).text(f'"{text}"')
    left = redacted.replace("[REDACTED]", "").strip('"').rstrip("=")
    assert "[REDACTED]" in redacted
    # What is left has no room for more than the neighbours.
    assert len(left) <= -(-len(before) * 4 // 3) + -(-len(after) * 4 // 3)
