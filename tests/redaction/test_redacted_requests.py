import base64
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hashtape.recording import Answer, Recording
from hashtape.redaction import Finding, KnownSecrets, Redactor
from hashtape.request_id import WireRequest, recorded_form

URL = "https://api.example/v1/chat/completions"
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
KEY = "Zq7-mJ4_w9Xt2"


def redacted(redactor, body, content_type=JSON, url=URL):
    """The body (JSON as its value) and the findings."""
    raw = json.dumps(body).encode() if not isinstance(body, bytes) else body
    _, safe, findings = redactor.request(url, raw, content_type)
    return (json.loads(safe) if content_type == JSON and not isinstance(body, bytes) else safe), findings


def test_the_secrets_of_a_url_go_and_the_rest_stays(redactor):
    url, _, findings = redactor.request(f"https://me:{KEY}@h/x?a=1&key=abc&X-Amz-Signature=f0&b=2", b"", "")
    assert url == "https://h/x?a=1&key=[REDACTED]&X-Amz-Signature=[REDACTED]&b=2"
    assert findings == [
        Finding("request.url: key", "name", "key"),
        Finding("request.url: X-Amz-Signature", "name", "X-Amz-Signature"),
        Finding("request.url: user info", "name", "user info"),
    ]
    assert redactor.url(f"https://h/{KEY}") == "https://h/[REDACTED]"


def test_a_link_of_a_recorded_answer_is_the_same_request(redactor):
    assert redactor.url("https://h/i.png?sig=%5BREDACTED%5D") == redactor.url("https://h/i.png?sig=a9f8")


@pytest.mark.parametrize("secret", ["x", "another-secret-1", "Zq7-mJ4_w9Xt2"])
def test_what_is_stored_does_not_depend_on_a_secret_that_has_a_name(redactor, secret):
    body = {"tools": [{"type": "mcp", "authorization": secret, "headers": {"X-Api-Key": secret}}], "n": 1.50}
    assert redacted(redactor, body) == (
        {
            "tools": [{"type": "mcp", "authorization": "[REDACTED]", "headers": {"X-Api-Key": "[REDACTED]"}}],
            "n": 1.5,
        },
        [
            Finding("request.body.tools[0].authorization", "name", "authorization"),
            Finding("request.body.tools[0].headers.X-Api-Key", "name", "X-Api-Key"),
        ],
    )


@pytest.mark.parametrize("name", ["password", "pass\\u0077ord", "token"])
def test_a_name_is_found_however_json_spells_it(redactor, name):
    body = f'{{ "a" : [ {{ "{name}"\n:\t"9f8e7d6c5b4a39281706" }} ] }}'.encode()
    assert b"9f8e" not in redacted(redactor, body)[0]


def test_a_name_in_a_list_of_names_and_values_counts_too(redactor):
    body = {
        "headers": [{"name": "Authorization", "value": f"Bearer {KEY}"}, {"name": "Accept", "value": "*/*"}]
    }
    safe, _ = redacted(redactor, body)
    assert [header["value"] for header in safe["headers"]] == ["[REDACTED]", "*/*"]


def test_a_secret_that_was_found_by_its_name_is_found_elsewhere(redactor):
    body = {"messages": [{"content": f"Log in with {KEY}!"}], "password": KEY}
    safe, findings = redacted(redactor, body)
    assert safe == {"messages": [{"content": "Log in with [REDACTED]!"}], "password": "[REDACTED]"}
    assert findings[-1] == Finding(
        "request.body.messages[0].content", "value", "a credential of this process"
    )


def test_the_name_of_a_member_can_be_a_secret(redactor, known):
    known.learn(KEY, "this test")
    body = {f"user {KEY}": {"a": KEY}, KEY: 1, f"{KEY}{KEY}": 2, "[REDACTED]": 3}
    safe, findings = redacted(redactor, body)
    assert safe == {
        "user [REDACTED]": {"a": "[REDACTED]"},
        "[REDACTED] (2)": 1,
        "[REDACTED][REDACTED]": 2,
        "[REDACTED]": 3,
    }
    assert KEY not in repr(findings)
    assert findings[0].where == "request.body.user [REDACTED].a"


def test_json_inside_a_string_is_searched_for_values_but_not_for_names(redactor, known):
    known.learn('quo"ted-Zq7', "this test")
    arguments = json.dumps({"password": "of the day", "text": 'quo"ted-Zq7'})
    safe, _ = redacted(redactor, {"arguments": arguments})
    assert json.loads(safe["arguments"]) == {"password": "of the day", "text": "[REDACTED]"}


def test_an_address_inside_a_body_loses_its_secrets(redactor):
    address = "https://files.example/a.png?se=2025&sig=abc%2Fdef&rscd=inline"
    safe, findings = redacted(redactor, {"image_url": {"url": address}, "text": f"see {address}"})
    assert safe["image_url"]["url"] == "https://files.example/a.png?se=2025&sig=[REDACTED]&rscd=inline"
    assert safe["text"] == f"see {address}"
    assert findings == [Finding("request.body.image_url.url: sig", "name", "sig")]


def test_a_shape_is_told_with_the_field_that_it_is_in(redactor):
    key = "AKIA" + "Q3EGT7MZ2LD5WX4Y"
    safe, findings = redacted(redactor, {"messages": [{"content": f"my key:\n{key}\n"}]})
    assert safe == {"messages": [{"content": "my key:\n[REDACTED]\n"}]}
    assert findings == [Finding("request.body.messages[0].content", "shape", "an AWS access key id")]


def test_a_form_keeps_its_order_and_spelling(redactor, known):
    known.learn(KEY, "this test")
    body = f"b=%7e+x&grant_type=password&client_secret=a%26b&password=&user={KEY}+%C3%A9&token=t&b".encode()
    assert redacted(redactor, body, FORM) == (
        (
            b"b=%7e+x&grant_type=password&client_secret=[REDACTED]&password=&user=[REDACTED]+%C3%A9"
            b"&token=[REDACTED]&b"
        ),
        [
            Finding("request.body.client_secret", "name", "client_secret"),
            Finding("request.body.user", "value", "this test"),
            Finding("request.body.token", "name", "token"),
        ],
    )


def multipart(*parts):
    body = b"".join(b"--b0\r\n" + head + b"\r\n\r\n" + content + b"\r\n" for head, content in parts)
    return body + b"--b0--\r\n"


def test_of_a_multipart_body_only_contents_change(redactor, known):
    known.learn(KEY, "this test")
    field = b'Content-Disposition: form-data; name="%s"'
    file = b'content-disposition: form-data; filename="a.jsonl"; name=file\r\nContent-Type: %s'
    parts = [
        (field % b"purpose", b"batch", b"batch"),
        (field % b"api_key", b"abc", b"[REDACTED]"),
        (file % b"image/png", b"\x89PNG\r\n\0" + KEY.encode() + b"\xff", b"\x89PNG\r\n\0[REDACTED]\xff"),
        (
            file % b"application/jsonl",
            b'{"secret": "s\\"1",  "n": 1}\n{"password":"x"}\n',
            b'{"secret": "[REDACTED]",  "n": 1}\n{"password":"[REDACTED]"}\n',
        ),
    ]
    body = multipart(*((head, content) for head, content, _ in parts))
    safe, findings = redacted(redactor, body, 'multipart/form-data; boundary="b0"')
    assert safe == multipart(*((head, content) for head, _, content in parts))
    assert [finding.where for finding in findings][:2] == ["request.body.api_key", "request.body.file"]


def test_what_a_later_part_gives_away_is_taken_out_of_the_earlier_ones(redactor):
    field = b'Content-Disposition: form-data; name="%s"'
    body = multipart((field % b"note", f"it is {KEY}".encode()), (field % b"password", KEY.encode()))
    safe, _ = redacted(redactor, body, "multipart/form-data; boundary=b0")
    assert safe == multipart((field % b"note", b"it is [REDACTED]"), (field % b"password", b"[REDACTED]"))


def test_the_name_of_a_file_can_hold_a_secret(redactor, known):
    known.learn(KEY, "this test")
    body = multipart((f'Content-Disposition: form-data; filename="{KEY}.txt"'.encode(), b"x"))
    safe, _ = redacted(redactor, body, "multipart/form-data; boundary=b0")
    assert safe == multipart((b'Content-Disposition: form-data; filename="[REDACTED].txt"', b"x"))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (f"the key is {KEY}".encode(), b"the key is [REDACTED]"),
        (b"\xff\0" + KEY.encode() + b"\xfe", b"\xff\0[REDACTED]\xfe"),
        (b'{"password": "a", "password": "b"}', b'{"password": "[REDACTED]", "password": "[REDACTED]"}'),
        (b'{"a": NaN, "api_key": "x"}', b'{"a": NaN, "api_key": "[REDACTED]"}'),
        (b'data: {"access_token":"x"}\n\n', b'data: {"access_token":"[REDACTED]"}\n\n'),
        (b'data: {"url":"https://h/?sig=x&a=1"}\n\n', b'data: {"url":"https://h/?sig=[REDACTED]&a=1"}\n\n'),
        (f'"{KEY}"'.encode(), b'"[REDACTED]"'),
    ],
    ids=[
        "text",
        "binary",
        "json-with-a-duplicate",
        "json-that-is-none",
        "events",
        "address-in-events",
        "json-string",
    ],
)
def test_bodies_of_other_kinds(redactor, known, body, expected):
    known.learn(KEY, "this test")
    assert redactor.request(URL, body, "")[1] == expected


def test_the_user_adds_names(known):
    redactor = Redactor(secret_names=["licence-plate"], known=known, environ={})
    safe, _ = redacted(redactor, {"licencePlate": "B-XY 1", "plate": "b"}, url=URL)
    assert safe == {"licencePlate": "[REDACTED]", "plate": "b"}
    assert redactor.url("https://h/?licence_plate=x") == "https://h/?licence_plate=[REDACTED]"


@pytest.mark.parametrize(
    "exempt",
    ["secret", "sauce-42-is-hot", r"sauce-\d+-is-hot"],
    ids=["the-name", "the-value", "a-pattern-of-the-value"],
)
def test_a_false_positive_by_name_costs_one_line(known, exempt):
    body = b'{"secret": "sauce-42-is-hot"}'
    assert Redactor(known=known, environ={}).request(URL, body, JSON)[1] == b'{"secret":"[REDACTED]"}'
    assert Redactor(not_secret=[exempt], known=KnownSecrets(), environ={}).request(URL, body, JSON) == (
        URL,
        body,
        [],
    )


@pytest.mark.parametrize("exempt", ["DEMO_TOKEN", "demo_token", KEY, "Zq7-.*"])
def test_a_false_positive_by_value_costs_one_line(known, exempt):
    environ = {"DEMO_TOKEN": KEY}
    assert Redactor(known=known, environ=environ).text(KEY) == "[REDACTED]"
    assert Redactor(not_secret=[exempt], known=known, environ=environ).text(KEY) == KEY


def test_a_value_that_came_under_two_names_is_exempt_only_under_both(known):
    known.learn_headers([("x-api-key", KEY)])
    environ = {"DEMO_TOKEN": KEY}
    assert Redactor(not_secret=["DEMO_TOKEN"], known=known, environ=environ).text(KEY) == "[REDACTED]"
    assert Redactor(not_secret=["DEMO_TOKEN", "X-Api-Key"], known=known, environ=environ).text(KEY) == KEY


def test_a_false_positive_by_shape_costs_one_line(known):
    key = "AKIA" + "Q3EGT7MZ2LD5WX4Y"
    for exempt in (key, "AKIAQ3.*"):
        assert Redactor(not_secret=[exempt], known=known, environ={}).text(f"id {key}") == f"id {key}"


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_an_exemption_may_hold_any_characters():
    for value in ("p[[x(9-ab)", "*star-9-ab*"):
        known = KnownSecrets()
        known.learn(value, "this test")
        assert Redactor(not_secret=[value], known=known, environ={}).text(value) == value


TYPES = ["", JSON, FORM, "text/plain", "multipart/form-data; boundary=b0", "image/png"]
PIECES = st.sampled_from(
    [
        *(bytes([byte]) for byte in b'"{}:,[]&=%\\ \xff\xc3'),
        *(b"password", b"token", b"key", b"sk-", b"eyJ", b"a9", b"http://h?", b"[REDACTED]"),
        *(KEY.encode(), base64.b64encode(KEY.encode()), b"--b0", b"\r\n"),
        *(b'Content-Disposition: form-data; name="password"', b"-----BEGIN PRIVATE KEY-----"),
    ]
)


@given(st.lists(PIECES, max_size=25).map(b"".join), st.sampled_from(TYPES))
@settings(deadline=None, max_examples=300)
def test_any_bytes_are_redacted_once_and_for_all(body, content_type):
    known = KnownSecrets()
    known.learn(KEY, "this test")
    redactor = Redactor(known=known, environ={})
    url, safe, findings = redactor.request(URL, body, content_type)
    assert KEY.encode() not in safe
    assert (safe is body) == (not findings)
    again = redactor.request(url, safe, content_type)
    assert again == (url, safe, [])
    assert again[1] is safe
    # The last look before a file is written finds nothing that the id was computed with.
    recorded = recorded_form(WireRequest("POST", url, safe, content_type))
    assert redactor.recording(Recording(None, recorded, Answer("")))[1] == []
