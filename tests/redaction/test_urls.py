import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hashtape.redaction import REDACTED, redact_url

SECRET = "s3cr3t%2Fvalue.-_~"
NAMES = [
    *("key", "api_key", "api-key", "apikey", "access_token", "access-token", "auth_token", "authtoken"),
    *("token", "sig", "signature", "client_secret", "X-Amz-Signature", "X-Amz-Credential"),
    *("X-Amz-Security-Token", "X-Goog-Signature", "X-Goog-Credential"),
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("spelled", [str.lower, str.upper, str])
def test_the_value_of_a_secret_parameter_is_hidden_and_nothing_else(name, spelled):
    url = f"https://api.example/v1/x?a=1&{spelled(name)}={SECRET}&b=2#end"
    assert redact_url(url) == f"https://api.example/v1/x?a=1&{spelled(name)}={REDACTED}&b=2#end"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (f"https://h/?key={SECRET}", f"https://h/?key={REDACTED}"),
        (f"https://h/?key={SECRET}#end", f"https://h/?key={REDACTED}#end"),
        (f"https://h/?key={SECRET}&key={SECRET}", f"https://h/?key={REDACTED}&key={REDACTED}"),
        (f"https://h/?key={SECRET}&sig={SECRET}&a", f"https://h/?key={REDACTED}&sig={REDACTED}&a"),
        (f"https://h/?key={SECRET}=={SECRET}", f"https://h/?key={REDACTED}"),
        ("https://user:pass@h:8/x", "https://h:8/x"),
        ("https://user@h/x?a=1", "https://h/x?a=1"),
        ("https://user:p@ss@h/x", "https://h/x"),
        ("http://user:pass@[::1]:8/x#y", "http://[::1]:8/x#y"),
        (f"https://user:pass@h/?token={SECRET}", f"https://h/?token={REDACTED}"),
    ],
)
def test_secrets_are_hidden_wherever_they_stand(url, expected):
    assert redact_url(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "https://h/v1/models",
        "https://h/?monkey=1&keyword=2&max_tokens=5&page_token=x&sign=y&tokens=3",
        "https://h/key=1/token=2",
        "https://h/@user/x?mail=a@b.example",
        "https://h/?key=&a=1",
        "https://h/?key",
        "https://h/?a=api_key",
        "__databricks__/serving-endpoints/v1/chat/completions",
        "",
    ],
)
def test_a_url_without_secrets_stays_as_it_is(url):
    assert redact_url(url) == url


pieces = st.sampled_from(
    ["?", "&", "=", "#", "@", ":", "/", "key", "token", "sig", "a", "1", REDACTED, "%20"]
)


@given(st.lists(pieces, max_size=15).map(lambda parts: "https://h/" + "".join(parts)))
@settings(max_examples=100, deadline=None)
def test_redacting_again_changes_nothing(url):
    assert redact_url(redact_url(url)) == redact_url(url)


@given(st.sampled_from(NAMES), st.text("abcXYZ019-_.~%+/=@:", min_size=1))
@settings(max_examples=100, deadline=None)
def test_no_secret_is_left_in_a_url(name, value):
    secret = f"s3cr3t{value}"
    assert "s3cr3t" not in redact_url(f"https://{name}:{name}@h/p?x=1&{name}={secret}&y=2")


def test_what_stands_for_a_secret_can_be_told_from_one():
    assert redact_url("https://h/?key=abc") == "https://h/?key=[REDACTED]"


def test_a_very_long_url_is_no_problem():
    assert redact_url("https://h/?" + "&key" * 1_000_000 + "=x").endswith(f"&key={REDACTED}")
