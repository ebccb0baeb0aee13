import base64
import json
import random
import string

import pytest

from hashtape.redaction.shapes import SHAPES, quick_patterns

# Made up when the tests run: a scanner that reads this file finds nothing.
DICE = random.Random(4)  # the same in each run


def made_up(length, characters=string.ascii_letters + string.digits):
    return "".join(DICE.choices(characters, k=length - 3)) + "7aZ"


def b64(data):
    return base64.urlsafe_b64encode(json.dumps(data).encode()).decode().rstrip("=")


def pem(kind, line_break="\n"):
    lines = [made_up(64), made_up(64), made_up(24)]
    return line_break.join((f"-----BEGIN {kind}-----", *lines, f"-----END {kind}-----"))


HEX = "0123456789abcdef"
KEYS = {
    "an Anthropic API key": ["sk-ant-" + "api03-" + made_up(90)],
    "an OpenRouter API key": ["sk-or-" + "v1-" + made_up(64, HEX)],
    "a Langfuse secret key": ["sk-lf-" + "0f1e2d3c-4b5a-4978-8695-a4b3c2d1e0f7"],
    "an OpenAI API key": [
        *("sk-" + made_up(48), "sk-" + made_up(32, HEX), "sk-proj-" + made_up(80, HEX + "_-")),
        *("sk-svcacct-" + made_up(40), "sk-admin-" + made_up(40)),
    ],
    "an OpenAI client secret": ["ek_" + made_up(32, HEX)],
    "a Google API key": ["AIza" + made_up(35)],
    "a Google access token": ["ya29." + made_up(60)],
    "a Google client secret": ["GOCSPX-" + made_up(28)],
    "an AWS access key id": [f"{kind}{made_up(19, 'ABCDEFGH234567')[:13]}2Z7" for kind in ("AKIA", "ASIA")],
    "an Amazon Bedrock API key": ["ABSK" + made_up(128)],
    "a GitHub token": [*(f"gh{kind}_{made_up(36)}" for kind in "pousr"), "github_pat_" + made_up(82)],
    "a GitLab token": ["glpat-" + made_up(20)],
    "a Slack token": [*(f"xox{kind}-{made_up(30)}" for kind in "abeprs"), "xapp-" + "1-" + made_up(40)],
    "a Hugging Face token": ["hf_" + made_up(34, string.ascii_letters)],
    "a Groq API key": ["gsk_" + made_up(52)],
    "an xAI API key": ["xai-" + made_up(80)],
    "a Perplexity API key": ["pplx-" + made_up(48)],
    "an NVIDIA API key": ["nvapi-" + made_up(64)],
    "a Replicate token": ["r8_" + made_up(37)],
    "a Stripe key": ["sk_live_" + made_up(24), "rk_live_" + made_up(24)],
    "a JSON web token": [f"{b64({'alg': 'RS256'})}.{b64({'sub': '1', 'n': 2})}.{made_up(43)}"],
    "a private key": [
        *(pem("PRIVATE KEY"), pem("RSA PRIVATE KEY", "\r\n"), pem("EC PRIVATE KEY", "\\n")),
        *(pem("OPENSSH PRIVATE KEY"), pem("PGP PRIVATE KEY BLOCK"), pem("PRIVATE KEY", "\\\\n")),
    ],
}
ALL_KEYS = [(what, key) for what, keys in KEYS.items() for key in keys]


@pytest.mark.parametrize(("what", "key"), ALL_KEYS, ids=[f"{what}-{key[:8]}" for what, key in ALL_KEYS])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", ""),
        ("my key is ", ", keep it"),
        ('"', '"'),
        ("key=", "&b"),
        ("a%3D", "%26"),
        ("\\n", "\\n"),
        ("é", "é"),
    ],
    ids=["alone", "in-prose", "quoted", "in-a-query", "encoded", "escaped", "not-ascii"],
)
def test_the_keys_of_well_known_services_are_found(redactor, what, key, before, after):
    assert redactor.text(f"{before}{key}{after}") == f"{before}[REDACTED]{after}"
    assert any(pattern.search(key) for pattern in quick_patterns(SHAPES))
    assert what in {shape.what for shape in SHAPES if list(shape.spans_in(f"{before}{key}{after}"))}


def test_a_private_key_that_was_cut_off_is_one(redactor):
    cut = pem("PRIVATE KEY")[:120]
    assert redactor.text(f"Here: {cut}") == "Here: [REDACTED]"


def test_a_key_is_found_though_a_known_secret_stands_right_before_it(redactor, known):
    known.learn("Zq7-mJ4_w9Xt2", "this test")
    assert redactor.text(f"Zq7-mJ4_w9Xt2{KEYS['a GitLab token'][0]}") == "[REDACTED][REDACTED]"


def test_keys_side_by_side_are_all_found(redactor):
    keys = " and ".join(key for _, key in ALL_KEYS)
    assert set(redactor.text(keys).split(" and ")) == {"[REDACTED]"}


@pytest.mark.parametrize(
    "text",
    [
        *("sk-...", "sk-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "sk-proj-your-api-key-here-12345678"),
        *(
            "AKIAIOSFODNN7EXAMPLE",
            "AIza" + "X" * 35,
            "ghp_" + "x" * 36,
            "hf_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        ),
        *(
            "task-1234567890abcdef1234567890abcdef",
            "sk-thisisaverylongwordandnokey",
            "sk-toggleable__label-arrow-1",
        ),
        "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
        "A PEM file starts with -----BEGIN PRIVATE KEY----- and then has lines of base64.",
        "-----BEGIN CERTIFICATE-----\n" + "Ab3d" * 16 + "\n-----END CERTIFICATE-----",
        "eyJhIjoiYiJ9" + ".eyJjIjoiZCJ9abc" + ".c2lnbmF0dXJl",
        "the eyJ prefix of a token, and AKIA, ASIA, ghp_ and xoxb- too",
    ],
)
def test_examples_and_what_only_begins_like_a_key_stay(redactor, text):
    assert redactor.text(text) is text


def test_no_part_of_a_base64_text_is_a_key(redactor):
    dice = random.Random(1)
    for _ in range(20):
        blob = dice.randbytes(20_000)
        for text in (base64.b64encode(blob).decode(), base64.urlsafe_b64encode(blob).decode()):
            # Also not where such a text has the letters that a key begins with.
            planted = text[:5000] + "AKIAAIzask-eyJhf_" + text[5000:]
            assert redactor.text(planted) is planted
