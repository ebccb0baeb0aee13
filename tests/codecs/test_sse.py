from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hashtape.codecs.sse import EventSplitter, parse_event


def split(pieces):
    splitter = EventSplitter()
    return [event for piece in pieces for event in splitter.feed(piece)], splitter.rest


def cut(data, places):
    edges = [0, *sorted(min(place, len(data)) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


def test_an_event_ends_with_its_blank_line():
    assert split([b"event: a\ndata: 1\n\ndata: 2\n\ndata: 3\n"]) == (
        [b"event: a\ndata: 1\n\n", b"data: 2\n\n"],
        b"data: 3\n",
    )


def test_an_event_comes_as_soon_as_it_is_complete():
    splitter = EventSplitter()
    assert splitter.feed(b"data: 1\n") == []
    assert splitter.feed(b"\nda") == [b"data: 1\n\n"]
    assert splitter.feed(b"") == []
    assert splitter.rest == b"da"
    assert splitter.feed(b"ta: 2\r\n\r\n") == [b"data: 2\r\n\r\n"]
    assert splitter.rest == b""


@pytest.mark.parametrize(
    ("data", "events", "rest"),
    [
        (b"data: 1\r\n\r\ndata: 2\r\n\r\n", [b"data: 1\r\n\r\n", b"data: 2\r\n\r\n"], b""),
        (b"data: 1\r\rdata: 2\r\r", [b"data: 1\r\r"], b"data: 2\r\r"),
        (b"a\n\r\nb\r\n\nc\r\r\nd\n\re", [b"a\n\r\n", b"b\r\n\n", b"c\r\r\n", b"d\n\r"], b"e"),
        (b"\xef\xbb\xbfdata: 1\n\n", [b"\xef\xbb\xbf", b"data: 1\n\n"], b""),
        (b"\n\n\ndata: 1\n\n", [b"\n\n", b"\ndata: 1\n\n"], b""),
        (b"data: 1\r\ndata: 2\r", [], b"data: 1\r\ndata: 2\r"),
        (b"", [], b""),
        (b"\n", [], b"\n"),
    ],
    ids=["crlf", "cr", "mixed", "byte-order-mark", "blank-lines", "no-blank-line", "nothing", "line-feed"],
)
def test_a_line_may_end_in_any_way_there_is(data, events, rest):
    assert split([data]) == (events, rest)


def test_what_is_left_at_the_end_is_handed_out_once():
    splitter = EventSplitter()
    splitter.feed(b"data: 1\r\r")
    assert splitter.end() == b"data: 1\r\r"
    assert splitter.rest == splitter.end() == b""


streams = st.lists(
    st.sampled_from([b"\n", b"\n\n", b"\r\n", b"\r\n\r\n", b"data: x", b"\r", b":", b"\xef\xbb\xbf"])
    | st.binary(max_size=5),
    max_size=20,
).map(b"".join)


@given(streams, st.lists(st.integers(0, 60), max_size=8))
@settings(max_examples=200, deadline=None)
def test_the_events_are_the_same_however_the_network_cuts_them_and_nothing_is_lost(data, places):
    events, rest = split([data])
    assert split(cut(data, places)) == (events, rest)
    assert split([bytes([byte]) for byte in data]) == (events, rest)
    assert b"".join(events) + rest == data


def test_a_long_stream_without_an_end_is_kept():
    piece = b"x" * 1000
    assert split([piece] * 5000) == ([], piece * 5000)


def test_many_events_in_one_piece_are_split():
    assert split([b"data: 1\n\n" * 300_000]) == ([b"data: 1\n\n"] * 300_000, b"")


# --- One event ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "data", "template"),
    [
        (b"data: {}\n\n", b"{}", "data: {data}\n\n"),
        (b"event: a\ndata: {}\n\n", b"{}", "event: a\ndata: {data}\n\n"),
        (b"data:{}\r\n\r\n", b"{}", "data:{data}\r\n\r\n"),
        (b"data:  {}\n\n", b" {}", "data: {data}\n\n"),
        (b"id:7\nevent: a\ndata: 1\ndata: 2\n\n", b"1\n2", "id:{id}\nevent: a\ndata: {data}\n\n"),
        (b"data: 1\nretry: 5\n: note\n\n", b"1", "data: {data}\nretry: 5\n: note\n\n"),
        (b"\ndata: 1\r\r", b"1", "\ndata: {data}\r\r"),
        (b"data\n\n", b"", "data{data}\n\n"),
        (b"data: 1", b"1", "data: {data}"),
        (b"event: \xff\ndata: 1\n\n", b"1", "event: \udcff\ndata: {data}\n\n"),
    ],
)
def test_an_event_is_its_data_and_the_template_around_it(raw, data, template):
    event = parse_event(raw)
    assert (event.data, event.template(None)) == (data, template)
    assert event.written(b"\n".join([b"1"])) == template.replace("{data}", "1").replace("{id}", "7").encode(
        "utf-8", "surrogateescape"
    )


def test_the_name_of_an_event_can_be_taken_from_its_data():
    event = parse_event(b'event: a\ndata: {"type":"a"}\n\n')
    assert event.name == "a"
    assert event.template("type") == "event: {data.type}\ndata: {data}\n\n"


@pytest.mark.parametrize(
    "raw", [b": ping\n\n", b"event: a\n\n", b"\n\n", b"", b"data: 1\nid: 2\ndata: 3\n\n"]
)
def test_what_has_no_data_in_one_place_is_no_event(raw):
    assert parse_event(raw) is None


@pytest.mark.parametrize(
    ("raw", "is_even"),
    [
        (b"data: 1\ndata: 2\n\n", True),
        (b"data: 1\n\n", True),
        (b"data: 1\ndata:2\n\n", False),
        (b"data: 1\r\ndata: 2\n\n", False),
        (b"data: 1\ndata: 2", False),
    ],
)
def test_lines_of_data_that_are_written_alike_are_told_from_others(raw, is_even):
    assert parse_event(raw).is_even is is_even
