import pytest

from hashtape.redaction.credentials import is_credential, is_placeholder, looks_random


@pytest.mark.parametrize(
    "value",
    [
        *("Ab3dE6gH9", "hunter2!x", "correct-horse-battery-staple", "9f8e7d6c-5b4a-4392-8170-6f5e4d3c2b1a"),
        *("123456789012", "/wJalrXUtnFEMI9K7MDENGbPxRfiCY", "dXNlcjpwYXNz+/=", "pässwörtlich"),
        "postgres://user:s3cr3tpw@db/app",
    ],
)
def test_a_value_that_says_nothing_by_chance_is_a_credential(value):
    assert is_credential(value)


@pytest.mark.parametrize(
    "value",
    [
        *("", "short1!", "test-key", "dummy-api-key", "not-needed", "localhost", "production", "notNeeded"),
        *("your-openai-api-key-here", "us-east-1", "12345678901", "true", "[REDACTED]", "REDACTED"),
        *(
            "/home/me/.ssh/id_rsa",
            "~/token",
            "./key.pem",
            "C:\\keys\\a.pem",
            "https://auth.example/token?a=1",
        ),
        *("xxxxxxxxxxxxxxxx", "AKIAIOSFODNN7EXAMPLE", "sk-...", "<your key 123>", "********"),
    ],
)
def test_what_is_short_ordinary_or_an_example_is_none(value):
    assert not is_credential(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("9f8e7d6c5b4a39281706", True),
        ("xoxb-17653672481-Ab3dE6gH9jKl", True),
        ("Hello", False),
        (" internationalization2", False),
        ("internationalization", False),
        ("bytes:\\xf0\\x9f\\x98\\x80", False),
        ("<|reserved_special_token_12|>", False),
        ("https://a.example/token/1", False),
    ],
)
def test_a_token_is_a_secret_only_if_a_machine_made_it_up(value, expected):
    assert looks_random(value) is expected


@pytest.mark.parametrize("value", ["sk-proj-Ab3dE6gH9jKlMnOp_aaa", "sk-proj-aaa-Ab3dE6gH9jKlMnOpQr"])
def test_a_key_is_no_placeholder_because_a_part_of_it_looks_like_one(value):
    assert not is_placeholder(value)
