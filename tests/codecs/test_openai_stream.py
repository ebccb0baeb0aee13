import json
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hashtape.codecs.base import Context, Decoded
from hashtape.codecs.openai_stream import OpenAIStreamCodec, OpenAIStreamDecoder

CHUNK = "openai.types.chat.chat_completion_chunk.ChatCompletionChunk"
COMPLETION = "openai.types.completion.Completion"
CHAT = Context("/v1/chat/completions")
DONE = b"data: [DONE]\n\n"
CODEC = OpenAIStreamCodec()


def delta(text):
    choice = {"index": 0, "delta": {"content": text}}
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": [choice]}


def event(value):
    return b"data: " + json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"


def labelled(*values, label=CHUNK):
    return [{"__type__": label, "__data__": value} for value in values]


STREAM = event(delta("naïve ")) + event(delta("🙂")) + event({"choices": [], "usage": None}) + DONE


@pytest.mark.parametrize(
    ("operation", "label"), [("/v1/chat/completions", CHUNK), ("/v1/completions", COMPLETION)]
)
def test_a_stream_is_a_list_of_labelled_chunks_without_framing(operation, label):
    decoded = CODEC.decode(STREAM, Context(operation))
    chunks = labelled(delta("naïve "), delta("🙂"), {"choices": [], "usage": None}, label=label)
    assert decoded == Decoded(chunks, is_streaming=True)
    assert CODEC.encode(decoded, Context(operation)) == STREAM


def test_a_stream_of_nothing_comes_back():
    decoded = CODEC.decode(DONE, CHAT)
    assert decoded == Decoded([], is_streaming=True)
    assert CODEC.encode(decoded, CHAT) == DONE


def test_half_an_emoji_in_a_chunk_comes_back():
    stream = b'data: {"a":"\\ud83d"}\n\ndata: {"a":"\\ude42"}\n\n' + DONE
    decoded = CODEC.decode(stream, CHAT)
    assert decoded.body == labelled({"a": "\ud83d"}, {"a": "\ude42"})
    assert CODEC.encode(decoded, CHAT) == stream


@pytest.mark.parametrize("label", [CHUNK, COMPLETION])
@pytest.mark.parametrize("operation", ["", "/v1/completions", "/chat/completions"])
def test_the_label_says_how_the_chunks_of_an_old_file_come_back(label, operation):
    decoded = Decoded(labelled({"a": 1}, label=label), is_streaming=True)
    assert CODEC.encode(decoded, Context(operation)) == event({"a": 1}) + DONE


@pytest.mark.parametrize(
    "decoded",
    [
        Decoded([], is_streaming=True),
        Decoded([{"a": 1}], is_streaming=True),
        Decoded(labelled({}, label="ollama._types.ChatResponse"), is_streaming=True),
        Decoded([*labelled({}), "data: {}"], is_streaming=True),
        Decoded(labelled({})),
        Decoded(labelled({})[0]),
    ],
    ids=["nothing", "no-label", "other-label", "mixed", "whole-list", "whole-answer"],
)
def test_what_is_no_such_stream_is_left_to_others(decoded):
    assert CODEC.encode(decoded, Context("/v1/messages")) is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        STREAM.removesuffix(DONE),
        STREAM[:-1],
        STREAM + event(delta("late")),
        STREAM + b": ping\n\n",
        STREAM + b"x",
        b": ping\n\n" + STREAM,
        event(delta("a")) + b": ping\n\n" + DONE,
        b"event: delta\n" + STREAM,
        STREAM.replace(b"data: ", b"data:"),
        STREAM.replace(b"\n\n", b"\r\n\r\n"),
        b'data: {"a":\ndata: 1}\n\n' + DONE,
        b'data: {"a":\n1}\n\n' + DONE,
        event(delta("a")) + event(delta("b")).replace(b"data: ", b"meta: ") + DONE,
        b'data: {"a": NaN}\n\n' + DONE,
        b'data: {"a": 1, "a": 2}\n\n' + DONE,
        b"data: not json\n\n" + DONE,
        b'{"error": {"message": "no"}}',
        b"\xef\xbb\xbf" + STREAM,
    ],
    ids=[
        *("empty", "no-done", "cut-off", "after-done", "comment-after-done", "rest-after-done"),
        *("comment-first", "comment", "named-events", "no-space", "crlf", "two-data-lines"),
        *("two-lines", "other-field", "nan", "duplicate-key", "text", "json", "byte-order-mark"),
    ],
)
def test_a_stream_that_would_not_come_back_is_not_decoded(body):
    assert CODEC.decode(body, CHAT) is None


@pytest.mark.parametrize("operation", ["", "/v1/responses", "/v1/embeddings", "/api/chat"])
def test_streams_of_other_operations_are_not_decoded(operation):
    assert CODEC.decode(STREAM, Context(operation)) is None


@pytest.mark.parametrize("chunks", [[delta("a"), {}], [delta("a")], []], ids=["two", "one", "none"])
def test_a_stream_that_broke_off_comes_back_without_its_end(chunks):
    decoded = Decoded(labelled(*chunks), is_streaming=True)
    cut = Context("/v1/chat/completions", is_cut=True)
    assert CODEC.encode(decoded, cut) == b"".join(map(event, chunks))
    assert CODEC.encode(decoded, CHAT) == b"".join(map(event, chunks)) + DONE


# --- As it arrives --------------------------------------------------------------------------------------


def test_a_chunk_comes_as_soon_as_its_event_is_complete():
    decoder = OpenAIStreamDecoder(CHUNK)
    first = event(delta("a"))
    assert decoder.feed(first[:-1]) == []
    assert decoder.feed(first[-1:] + DONE[:3]) == labelled(delta("a"))
    assert not decoder.is_complete()
    assert decoder.feed(DONE[3:]) == []
    assert decoder.is_complete()
    assert not decoder.deviates


@pytest.mark.parametrize(
    ("body", "deviates"),
    [(b"", False), (event(delta("a")), False), (DONE[:-1], False), (b": ping\n\n", True), (DONE * 2, True)],
    ids=["nothing", "no-done", "cut-off", "comment", "done-twice"],
)
def test_a_stream_that_is_not_complete_says_so(body, deviates):
    decoder = OpenAIStreamDecoder(CHUNK)
    decoder.feed(body)
    assert not decoder.is_complete()
    assert decoder.deviates is deviates


def test_what_follows_the_last_event_is_known():
    decoder = OpenAIStreamDecoder(CHUNK)
    decoder.feed(event(delta("a")) + b'data: {"b":')
    assert decoder.rest == b'data: {"b":'
    decoder.feed(b"1}\n\n")
    assert decoder.rest == b""


@given(st.lists(st.integers(0, 400), max_size=10))
@settings(max_examples=50, deadline=None)
def test_the_chunks_are_passed_on_as_they_come_and_the_end_once(places):
    decoder, passed_on = OpenAIStreamDecoder(CHUNK), b""
    for start, end in pairwise([0, *sorted(min(place, len(STREAM)) for place in places), len(STREAM)]):
        passed_on += decoder.encode(decoder.feed(STREAM[start:end]))
        assert STREAM[:end].removesuffix(decoder.rest) == passed_on
    assert decoder.encode(decoder.feed(b"")) == b""


pieces = st.sampled_from(
    [event(delta("é")), event({}), DONE, b"data: ", b"\n\n", b"\n", b": ping\n\n", b"\r", b"{"]
)
streams = st.lists(pieces, max_size=10).map(b"".join)


@given(streams, st.lists(st.integers(0, 400), max_size=10))
@settings(max_examples=100, deadline=None)
def test_a_stream_fed_in_any_cuts_is_the_stream_fed_whole(stream, places):
    whole, cut = OpenAIStreamDecoder(CHUNK), OpenAIStreamDecoder(CHUNK)
    edges = [0, *sorted(min(place, len(stream)) for place in places), len(stream)]
    chunks = [chunk for start, end in pairwise(edges) for chunk in cut.feed(stream[start:end])]
    assert chunks == whole.feed(stream)
    assert (cut.is_complete(), cut.deviates) == (whole.is_complete(), whole.deviates)
    decoded = CODEC.decode(stream, CHAT)
    if whole.is_complete() and stream.startswith(b"data: "):
        assert decoded == Decoded(chunks, is_streaming=True)
        assert CODEC.encode(decoded, CHAT) == stream
    else:
        assert decoded is None
