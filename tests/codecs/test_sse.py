from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hashtape.codecs.sse import EventSplitter, data_event


def split(pieces):
    splitter = EventSplitter()
    return [event for piece in pieces for event in splitter.feed(piece)], splitter.rest()


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
    assert splitter.rest() == b"da"
    assert splitter.feed(b"ta: 2\n\n") == [b"data: 2\n\n"]
    assert splitter.rest() == b""


@pytest.mark.parametrize("data", [b"data: 1\r\n\r\ndata: 2\r\n\r\n", b"data: 1\r\rdata: 2\r\r", b"", b"\n"])
def test_other_framing_stays_in_one_piece(data):
    assert split([data]) == ([], data)


def test_a_data_event_is_one_event():
    assert data_event(b"[DONE]") == b"data: [DONE]\n\n"
    assert split([data_event(b"1") + data_event(b"2")]) == ([data_event(b"1"), data_event(b"2")], b"")


streams = st.lists(
    st.sampled_from([b"\n", b"\n\n", b"\n", b"data: x", b"\r", b":"]) | st.binary(max_size=5), max_size=20
).map(b"".join)


@given(streams, st.lists(st.integers(0, 60), max_size=8))
@settings(max_examples=100, deadline=None)
def test_the_events_are_the_same_however_the_network_cuts_them_and_nothing_is_lost(data, places):
    events, rest = split([data])
    assert split(cut(data, places)) == (events, rest)
    assert split([bytes([byte]) for byte in data]) == (events, rest)
    assert b"".join(events) + rest == data
    assert all(event.endswith(b"\n\n") for event in events)


def test_a_long_stream_without_an_end_is_kept():
    piece = b"x" * 1000
    assert split([piece] * 5000) == ([], piece * 5000)


def test_many_events_in_one_piece_are_split():
    assert split([b"data: 1\n\n" * 300_000]) == ([b"data: 1\n\n"] * 300_000, b"")
