import base64
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hashtape.codecs import decode, encode
from hashtape.codecs.base import Context, Decoded
from hashtape.codecs.plain import BinaryCodec, JsonCodec, RawLinesCodec, TextCodec

ANY = Context()


@pytest.mark.parametrize(
    "body", [b'{"a":[1,1.0,true,null,"\xc3\xa9"]}', b"[]", b"0", b"-1.5", b"false", b"{}"]
)
def test_json_is_stored_as_it_is(body):
    decoded = JsonCodec().decode(body, ANY)
    assert json.dumps(decoded.body) == json.dumps(json.loads(body))
    assert not decoded.is_streaming
    assert JsonCodec().encode(decoded, ANY) == [body]


@pytest.mark.parametrize("body", [b"null", b'"text"', b"", b"text", b"NaN", b'{"a":1,"a":2}', b"\xff"])
def test_json_that_would_look_like_something_else_is_left_to_text(body):
    assert JsonCodec().decode(body, ANY) is None


@pytest.mark.parametrize("text", ["", "plain", "naïve 🙂\r\n\t", '"quoted"', "null", "\ufeff{}", "\x1b[0m"])
def test_text_is_stored_as_text(text):
    decoded = TextCodec().decode(text.encode(), ANY)
    assert decoded == Decoded(text)
    assert TextCodec().encode(decoded, ANY) == [text.encode()]


@pytest.mark.parametrize("body", [b"\xff\xfe", b"a\0b", b"\xed\xa0\xbd"], ids=["bytes", "nul", "surrogate"])
def test_binary_is_no_text(body):
    assert TextCodec().decode(body, ANY) is None


def test_no_body_at_all_is_stored_as_the_empty_text_and_null_is_none_either():
    assert TextCodec().encode(Decoded(""), ANY) == [b""]
    assert TextCodec().encode(Decoded(None), ANY) == [b""]


def test_a_lone_surrogate_that_somebody_put_into_a_file_is_no_error():
    (text,) = TextCodec().encode(Decoded("half \ud83d"), ANY)
    (line,) = RawLinesCodec().encode(Decoded(["half \ud83d"], is_streaming=True), ANY)
    assert text.startswith(b"half ")
    assert line.startswith(b"half ")


@given(st.binary())
@settings(max_examples=60, deadline=None)
def test_every_body_can_be_stored_as_base64(body):
    decoded = BinaryCodec().decode(body, ANY)
    assert decoded.body == {"__encoding__": "base64", "data": base64.b64encode(body).decode()}
    assert BinaryCodec().encode(decoded, ANY) == [body]


@pytest.mark.parametrize(
    "stored",
    [
        {"__encoding__": "base64"},
        {"__encoding__": "base64", "data": 1},
        {"__encoding__": "base64", "data": "not base64!"},
        {"__encoding__": "rot13", "data": "aGk="},
        {"data": "aGk="},
        "aGk=",
    ],
)
def test_what_is_no_base64_is_not_made_into_bytes(stored):
    assert BinaryCodec().encode(Decoded(stored), ANY) is None


def test_lines_of_an_old_file_come_back_as_events():
    lines = ["event: message_start", 'data: {"type":"message_start"}', "", ": ping é", ""]
    assert b"".join(RawLinesCodec().encode(Decoded(lines, is_streaming=True), ANY)) == (
        'event: message_start\ndata: {"type":"message_start"}\n\n: ping é\n\n'.encode()
    )


def test_lines_are_not_written_any_more():
    assert RawLinesCodec().decode(b"data: 1\n\n", ANY) is None


@pytest.mark.parametrize(
    "decoded", [Decoded(["a"]), Decoded([], is_streaming=True), Decoded(["a", {}], is_streaming=True)]
)
def test_what_is_no_list_of_lines_is_left_to_others(decoded):
    assert RawLinesCodec().encode(decoded, ANY) is None


@pytest.mark.parametrize("text", ["1.50\n", " true", "1e5"])
def test_a_text_that_could_be_read_as_a_number_keeps_each_of_its_characters(text):
    assert decode(text.encode(), Context("", "text/plain"))[0].body == text


def test_json_comes_back_as_it_was_spelled_if_the_client_has_been_given_it_so():
    body, context = b'{"a": 1}\n', Context("", "text/html")
    assert decode(body, context)[0].body == {"a": 1}
    assert decode(body, context, is_exact=True)[0].body == body.decode()
    assert decode(b'{"a":1}', context, is_exact=True)[0].body == {"a": 1}


@pytest.mark.parametrize("content_type", ["text/html", "application/json; charset=iso-8859-1"])
def test_json_is_readable_in_the_charset_that_it_says(content_type):
    context = Context("", content_type)
    decoded, _ = decode(b'{"a":"caf\\u00e9"}', context)
    assert decoded.body == {"a": "caf\u00e9"}
    assert encode(decoded, context)[0] == b'{"a":"caf\\u00e9"}'


@pytest.mark.parametrize("content_type", ["application/octet-stream", "image/svg+json", "audio/mpeg"])
def test_a_file_with_json_in_it_comes_back_to_the_byte(content_type):
    body, context = b'{"a": 1}\n', Context("", content_type)
    decoded, _ = decode(body, context)
    assert encode(decoded, context)[0] == body
