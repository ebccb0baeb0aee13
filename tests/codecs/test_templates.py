import pytest

from hashtape.codecs.templates import FramingError, Template, bytes_of, text_of


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("data: {data}\n\n", b'data: {"type":"a"}\n\n'),
        ("event: {data.type}\ndata: {data}\n\n", b'event: a\ndata: {"type":"a"}\n\n'),
        ("{data}\nid:{id}\r\n\r\n", b'{"type":"a"}\nid:7\r\n\r\n'),
        (": {x} {}\n{data}", b': {x} {}\n{"type":"a"}'),
        ("\udcff{data}", b'\xff{"type":"a"}'),
    ],
)
def test_a_template_stands_for_itself_but_for_its_places(text, filled):
    assert Template(text).fill(b'{"type":"a"}', {"type": "a"}, "7") == filled


@pytest.mark.parametrize("text", ["", "data: \n\n", "{data}{data}", "{data}{id}{id}", "{data}" + "x" * 500])
def test_a_text_that_would_lose_or_multiply_the_data_is_no_template(text):
    with pytest.raises(FramingError, match="a template"):
        Template(text)


@pytest.mark.parametrize("data", [{}, {"type": 1}, [], "type", None])
def test_a_place_for_what_the_data_has_not_is_an_error(data):
    with pytest.raises(FramingError, match="no text under 'type'"):
        Template("event: {data.type}\n{data}").fill(b"", data)


@pytest.mark.parametrize(
    ("template", "text", "payload"),
    [
        ("data: {data}\n\n", "one", b"one"),
        ("data: {data}\n\n", "one\n\ntwo", b"one\ndata: \ndata: two"),
        ("id: 1\r\ndata:{data}\r\n\r\n", "one\ntwo", b"one\r\ndata:two"),
    ],
)
def test_each_line_of_a_text_gets_a_field_of_its_own(template, text, payload):
    assert Template(template).payload_of(text) == payload


@pytest.mark.parametrize("template", ["data: {data}", "{id}{data}\n"])
def test_a_text_of_two_lines_needs_a_template_that_has_lines(template):
    with pytest.raises(FramingError, match="no lines"):
        Template(template).payload_of("one\ntwo")


def test_any_bytes_are_text():
    assert bytes_of(text_of(bytes(range(256)))) == bytes(range(256))
