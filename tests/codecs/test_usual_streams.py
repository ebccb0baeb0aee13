"""What the quick codecs take, they take like the thorough ones; what is otherwise they leave alone."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from provider_streams import STREAMS

from hashtape.codecs import CODECS, Context, decode
from hashtape.codecs.aws_stream import AwsStreamCodec
from hashtape.codecs.json_array import JsonArrayCodec
from hashtape.codecs.json_lines import JsonLinesCodec
from hashtape.codecs.sse_stream import SseCodec
from hashtape.codecs.usual_streams import (
    UsualArrayCodec,
    UsualEventsCodec,
    UsualLinesCodec,
    UsualMessagesCodec,
)

QUICK = {
    "text/event-stream": (UsualEventsCodec(), SseCodec()),
    "application/x-ndjson": (UsualLinesCodec(), JsonLinesCodec()),
    "application/json": (UsualArrayCodec(), JsonArrayCodec()),
    "application/vnd.amazon.eventstream": (UsualMessagesCodec(), AwsStreamCodec()),
}
CHAT = Context("/v1/chat/completions", "text/event-stream")
ANY = Context("", "text/event-stream")
LINES = Context("/api/chat", "application/x-ndjson")
DONE = b"data: [DONE]\n\n"


def quick_and_thorough(body, context):
    """What both codecs make of a stream, and that they give the same bytes for it."""
    quick, thorough = QUICK[context.content_type.partition(";")[0]]
    decoded = quick.decode(body, context)
    if decoded is not None:
        assert decoded == thorough.decode(body, context)
        encoded = b"".join(thorough.encode(decoded, context))
        assert encoded == thorough.respelled(body, context) == quick.respelled(body, context)
        parts = quick.encode(decoded, context)
        assert parts is None or b"".join(parts) == encoded
        assert decode(body, context) == (decoded, quick.content_type)
    return decoded


@pytest.mark.parametrize(
    ("context", "body"),
    [
        (CHAT, b'data: {"a":1}\n\n' + DONE),
        (CHAT, b'data: {"a": 1.50, "b": "\\u00e9"}\n\n' + DONE),
        (ANY, b'event: message_stop\ndata: {"type":"message_stop"}\n\n'),
        (ANY, b'data: {"candidates":[]}\r\n\r\n'),
        (ANY, b'data: {"a":1}\n\ndata: [1]\n\n'),
        (CHAT, b'data: {"a":1}\n\n'),
        (CHAT, b': comment\n\ndata: {"a":1}\n\n: comment\n\n: comment\n\ndata: {}\n\n: end\n\n' + DONE),
        (ANY, b'data: {"a":1}\n\n' + DONE),
        (CHAT, b'data: {"a":1}\r\n\r\ndata: {"a":2}\r\n\r\ndata: [DONE]\r\n\r\n'),
        (CHAT, b': ping\r\n\r\ndata: {"a":1}\r\n\r\n'),
        (ANY, b'event: a\ndata: {"type":"a"}\n\nevent: b\ndata: {"type":"b"}\n\n'),
        (CHAT, b'data: {"a":1}\n\n\n' + DONE),
        (CHAT, b'data:{"a":1}\n\n' + DONE),
        (CHAT, b'event: a\ndata: {"a":1}\n\n' + DONE),
        (ANY, b'data: {"type":"message_stop"}\n\nid: 1\ndata: {}\n\n'),
        (ANY, b'event: other\ndata: {"type":"message_stop"}\n\n'),
        (ANY, b'data: {"candidates":[]}\n\n'),
        (CHAT, b'data: {"a":1}\n\n' + DONE + b'data: {"a":2}\n\n' + DONE),
        (CHAT, b'data: {"a":1}\n\ndata: [DONE]'),
        (CHAT, b'data: {"a":1}\n\ndata: [DONE]\n'),
        (CHAT, b'data: {"a":1}\n\n\n'),
        (CHAT, b'data: {"a":1}\n\n' + DONE + b"\n"),
        (ANY, b'id: 0\r\ndata: {"a":1}\r\n\r\nid: 1\r\ndata: {"a":2}\r\n\r\n'),
        (ANY, b'event: message\nid: a\ndata: {"a":1}\n\nevent: message\nid:\ndata: {"a":2}\n\n'),
        (ANY, b'id:1\nevent:result\n:HTTP_STATUS/200\ndata:{"a":1}\n\n'),
        (ANY, b'id: 1\nid: 2\ndata: {"a":1}\n\n'),
        (ANY, b'retry: 3000\ndata: {"a":1}\n\ndata: {"a":2}\n\n'),
        (LINES, b'{"done":false}\n{"done":true}\n'),
        (LINES, b'{"done": false}\n'),
    ],
)
def test_usual_streams_are_decoded_at_once(context, body):
    assert quick_and_thorough(body, context) is not None


@pytest.mark.parametrize("name", sorted(STREAMS.keys() - {"text", "json-lines"}))
def test_the_streams_of_providers_are_usual(name):
    context, stream = STREAMS[name]
    assert quick_and_thorough(stream, context) is not None


@pytest.mark.parametrize(
    ("context", "body"),
    [
        (CHAT, b""),
        (CHAT, DONE),
        (CHAT, b'data: {"a":1,"a":2}\n\n' + DONE),
        (CHAT, b'data: {"a":NaN}\n\n' + DONE),
        (CHAT, b'data: {"a":1}'),
        (CHAT, b'data: {"a":1}\n\ndata: {"a":2}'),
        (CHAT, b'data: {"a":1}\n\nid: 1\n'),
        (CHAT, b'data: {"a":1}\r\n\r\ndata: {"a":2}\n\n'),
        (CHAT, b'data: {"a":\n1}\n\n' + DONE),
        (CHAT, b'data: {"a":1}\r\n\n' + DONE),
        (CHAT, b'data: {"a":1}\n\n' + DONE + b"x\n\n"),
        (ANY, b"data: text\n\n"),
        (ANY, b'id\ndata: {"a":1}\n\n'),
        (ANY, b'data: {"a":\ndata: 1}\n\n'),
        (ANY, b'event: {id}\ndata: {"a":1}\n\n'),
        (ANY, b'event: grid:1\ndata: {"a":1}\n\n'),
        (ANY, b'\xef\xbb\xbfdata: {"a":1}\n\n'),
        (LINES, b""),
        (LINES, b'{"done":true}'),
        (LINES, b'{"done":true}\r\n'),
        (LINES, b'{"done":true}\n\n'),
        (LINES, b"text\n"),
        (Context("", "application/json"), b'data: {"a":1}\n\n'),
    ],
)
def test_all_others_are_left_to_the_thorough_ones(context, body):
    assert quick_and_thorough(body, context) is None


@pytest.mark.parametrize(("context", "stream"), STREAMS.values(), ids=STREAMS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_no_damage_makes_them_disagree(context, stream, data):
    place = data.draw(st.integers(0, len(stream)))
    end = data.draw(st.integers(place, min(place + 20, len(stream))))
    inserted = data.draw(st.sampled_from([b"", b"\n", b"\r", b" ", b"\n\n", b"data: ", b"{}", b"\0", b'"']))
    quick_and_thorough(stream[:place] + inserted + stream[end:], context)


def test_they_are_asked_first():
    names = [codec.name for codec in CODECS]
    assert names.index("usual-sse") < names.index("sse")
    assert names.index("usual-json-lines") < names.index("json-lines")
