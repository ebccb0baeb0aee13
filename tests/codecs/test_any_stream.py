"""What holds for every stream there is: cut anywhere, damaged anywhere, nothing of it is lost."""

import codecs
import json
import time
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from provider_streams import ANY_SSE, AWS_STREAM, GEMINI_ARRAY, JSON_LINES, STREAMS, message

from hashtape.codecs import Decoded, decode, encode, stream_decoder

FAULTS = [
    *(b"", b"\n", b"\n\n", b"\r\n", b"\r", b" ", b"\0", b"\xff", b"\xef\xbb\xbf", b": ping\n\n"),
    *(b"event: delta\n", b"event: {data}\n", b"id: 4\n", b"id: {id}\n", b"retry: 5\n", b"data:", b"data: "),
    *(b"{data}", b"data: {}\n", b"data: [DONE]\n\n", b"{", b"}", b"[", b"]", b",", b'"', b"\\", b"NaN"),
]

quick = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def damaged_streams(draw):
    """A stream of some provider, damaged in a few places, and its context."""
    context, stream = draw(st.sampled_from(list(STREAMS.values())))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(stream)))
        end = min(len(stream), start + draw(st.sampled_from([0, 0, 1, 4, 30])))
        stream = stream[:start] + draw(st.sampled_from(FAULTS) | st.binary(max_size=4)) + stream[end:]
    old, new = draw(st.sampled_from([(b"", b""), (b"\n", b"\r\n"), (b"\n", b"\r"), (b": ", b":")]))
    return context, stream.replace(old, new) if old else stream


def fed(context, stream, places):
    """A decoder that was fed a stream cut at these places, and the pieces that it made of it."""
    decoder, pieces = stream_decoder(context), []
    for start, end in pairwise([0, *sorted(min(place, len(stream)) for place in places), len(stream)]):
        pieces += decoder.feed(stream[start:end])
        assert b"".join(piece.raw for piece in pieces) + decoder.rest == stream[:end]
    return decoder, pieces


def entries_of(pieces):
    return [piece.entry for piece in pieces if piece.is_chunk]


def as_in_a_file(decoded):
    """What is read of it after it was written."""
    return Decoded(*json.loads(json.dumps([decoded.body, decoded.is_streaming, decoded.framing])))


def in_file_and_back(decoded, context):
    return encode(as_in_a_file(decoded), context)[0]


@pytest.mark.parametrize("name", STREAMS)
def test_the_stream_of_each_provider_comes_back_to_the_byte(name):
    context, stream = STREAMS[name]
    decoded, _ = decode(stream, context)
    assert decoded.is_streaming
    assert in_file_and_back(decoded, context) == stream


@given(damaged_streams(), st.lists(st.integers(0, 600), max_size=8))
@quick
def test_a_stream_is_the_same_however_the_network_cuts_it(damaged, places):
    context, stream = damaged
    whole, pieces = fed(context, stream, [])
    cut, cut_pieces = fed(context, stream, places)
    assert cut_pieces == pieces
    assert (cut.has_ended, cut.rest) == (whole.has_ended, whole.rest)
    assert cut.end() == whole.end()
    assert cut.rest == b""


@given(damaged_streams(), st.integers(0, 600))
@example((STREAMS["openai-responses"][0], codecs.BOM_UTF8 + STREAMS["openai-responses"][1]), 0)
@quick
def test_what_is_stored_gives_what_the_client_got(damaged, place):
    context, stream = damaged
    decoder, pieces = fed(context, stream[:place], [])
    decoded = decoder.decoded(entries_of(pieces))
    if decoded is not None:
        passed_on = b"".join(map(decoder.encode, pieces))
        assert in_file_and_back(decoded, replace(context, is_cut=True)) == passed_on
    pieces += decoder.feed(stream[place:]) + decoder.end()
    decoded = decoder.decoded(entries_of(pieces))
    if decoded is not None:
        assert in_file_and_back(decoded, context) == b"".join(map(decoder.encode, pieces))
        assert not stream or decode(stream, context)[0] == decoded


@given(damaged_streams())
@quick
def test_what_is_passed_on_is_a_stream_that_changes_no_more(damaged):
    context, stream = damaged
    decoded, _ = decode(stream, context)
    again, _ = encode(decoded, context)
    if not decoded.is_streaming:
        assert again == stream or json.loads(again) == json.loads(stream)
        return
    twice, _ = decode(again, context)
    assert json.dumps(twice.body) == json.dumps(decoded.body)
    assert encode(twice, context)[0] == again


@pytest.mark.parametrize(
    ("context", "start"),
    [
        (ANY_SSE, b"data: "),
        (ANY_SSE, b"data: 1\r\rdata: "),
        (JSON_LINES, b'"'),
        (GEMINI_ARRAY, b'[{"a":"'),
        (AWS_STREAM, message("chunk", b"x" * 1_000_000)[:100]),
    ],
    ids=["sse", "sse-cr", "json-lines", "json-array", "aws"],
)
def test_a_long_event_takes_no_longer_byte_by_byte_than_many_short_ones(context, start):
    def seconds(size):
        decoder = stream_decoder(context)
        decoder.feed(start)
        before = time.thread_time()
        for _ in range(size):
            decoder.feed(b"x")
        return time.thread_time() - before

    short, long = (min(seconds(size) for _ in range(3)) for size in (5_000, 50_000))
    assert long < 50 * short  # a hundred times if each byte were looked at again and again
