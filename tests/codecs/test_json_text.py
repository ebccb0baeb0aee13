import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import arbitrary_json
from hashtape.codecs.json_text import NotJsonError, compact, escape_surrogates, parse, parse_object


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b' {"b": [1, 1.0, true, null], "a": "x"}\r\n', {"b": [1, 1.0, True, None], "a": "x"}),
        ('"é🙂"'.encode(), "é🙂"),
        ('"é🙂"', "é🙂"),
        (b'"\\ud83d\\ude42 \\ud83d"', "🙂 \ud83d"),
        (b"-0.0", -0.0),
        (b"1" * 300, int("1" * 300)),
        (b"1.7976931348623157e308", 1.7976931348623157e308),
        (b"-2.2250738585072014E-308", -2.2250738585072014e-308),
        (b"0.10000000149011612", 0.10000000149011612),
        (b"0.10000000000000001", 0.1),
        (b"0.5" + b"0" * 300, 0.5),
        (b"null", None),
        (b"[" * 150 + b"]" * 150, json.loads("[" * 150 + "]" * 150)),
        (b'"' + b"[{" * 5000 + b'"', "[{" * 5000),
    ],
    ids=[
        *("object", "utf-8", "string", "surrogates", "minus-zero", "300-digits"),
        *("largest-float", "smallest-float", "float-of-32-bits", "17-digits", "zeros", "null"),
        *("nested", "brackets-in-text"),
    ],
)
def test_json_is_parsed_with_its_types(text, expected):
    assert json.dumps(parse(text)) == json.dumps(expected)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"plain text",
        b"NaN",
        b"[-Infinity]",
        b'{"a": Infinity}',
        b"1e999",
        b"1e-400",
        b"0.1234567890123456789",
        b"0." + b"1234567890" * 30,
        b"1e-" + b"9" * 30,
        b'{"a": 1, "a": 1}',
        b'{"a": {"b": 1, "b": 2}}',
        b"1" * 5000,
        b"[" * 201 + b"]" * 201,
        b'{"a":' * 300 + b"1" + b"}" * 300,
        b"[" * 1_000_000,
        b'"\xff"',
        b'"\xed\xa0\xbd"',
        b"\xef\xbb\xbf{}",
        '"x"'.encode("utf-16"),
        b'"line\nbreak"',
        b"{} {}",
    ],
    ids=[
        *("empty", "cut-off", "text", "nan", "minus-infinity", "infinity", "beyond-a-float"),
        *("below-a-float", "19-digits", "300-digits", "30-digit-exponent", "duplicate-key"),
        *("duplicate-key-below", "5000-digits", "deep-list", "deep-object", "abyss"),
        *("not-utf-8", "encoded-surrogate", "byte-order-mark", "utf-16"),
        *("control-character", "two-values"),
    ],
)
def test_what_json_would_not_give_back_is_refused(text):
    with pytest.raises(NotJsonError):
        parse(text)
    assert parse_object(text) is None


@pytest.mark.parametrize("text", [b"[]", b'"{}"', b"1", b"null"])
def test_only_an_object_is_an_object(text):
    assert parse_object(text) is None
    assert parse_object(b'{"a": ' + text + b"}") == {"a": json.loads(text)}


def test_a_value_is_spelled_as_providers_do():
    assert compact({"a": [1, 1.0, True, None], "é": "🙂"}) == '{"a":[1,1.0,true,null],"é":"🙂"}'.encode()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"plain"', '"plain"'),
        ('"é🙂"', '"é🙂"'),
        ('"\ud83d, \udc00"', '"\\ud83d, \\udc00"'),
        ('"\ud83d\\ude42"', '"\\ud83d\\ude42"'),
    ],
)
def test_only_lone_surrogates_are_escaped(text, expected):
    assert escape_surrogates(text) == expected


@given(arbitrary_json.values(arbitrary_json.texts(), max_items=4, max_leaves=12))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_value_that_is_spelled_and_parsed_is_the_same_value_on_one_line(value):
    spelled = compact(value)
    assert json.dumps(parse(spelled)) == json.dumps(value)
    assert len(spelled.decode("utf-8").splitlines()) == 1


@given(st.binary(max_size=30) | st.text(max_size=30))
@settings(max_examples=100, deadline=None)
def test_whatever_is_parsed_is_parsed_as_any_json_reader_does_and_all_else_is_refused(text):
    try:
        value = parse(text)
    except NotJsonError:
        return
    assert json.dumps(value) == json.dumps(json.loads(text))
