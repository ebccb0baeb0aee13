import json

import pytest
from provider_streams import JSON_LINES, STREAMS

from hashtape.codecs import Context, Decoded, decode, encode, stream_decoder

CHAT = "ollama._types.ChatResponse"
USUAL = "application/x-ndjson"


def labelled(*values, label=CHAT):
    return [{"__type__": label, "__data__": value} for value in values]


def stored(stream, context=JSON_LINES):
    """What is stored of a stream, which comes back to the byte."""
    decoded, usual = decode(stream, context)
    assert encode(decoded, context) == (stream, usual)
    return decoded


@pytest.mark.parametrize(
    ("context", "label"),
    [
        (Context("/api/chat", USUAL), CHAT),
        (Context("/api/generate", USUAL), "ollama._types.GenerateResponse"),
        (Context("", USUAL, path="/api/pull"), "ollama._types.ProgressResponse"),
    ],
)
def test_the_lines_of_ollama_are_labelled_with_the_class_that_its_client_gives_them(context, label):
    stream = b'{"response":"na\xc3\xafve","done":false}\n{"response":"","done":true}\n'
    chunks = labelled({"response": "naïve", "done": False}, {"response": "", "done": True}, label=label)
    assert stored(stream, context) == Decoded(chunks, is_streaming=True)


def test_other_lines_are_stored_as_bare_values():
    values = [{"status": "pulling manifest"}, {"status": "success"}, [1, None]]
    assert stored(STREAMS["json-lines"][1]) == Decoded(values, is_streaming=True)


@pytest.mark.parametrize(
    "content_type",
    [
        "application/jsonl",
        "application/json-lines",
        "application/stream+json; charset=utf-8",
        "text/jsonl",
        "application/vnd.x+ndjson",
    ],
)
def test_json_lines_have_many_content_types(content_type):
    context = Context("", content_type)
    assert stored(b'{"a":1}\n', context) == Decoded([{"a": 1}], is_streaming=True)
    assert stream_decoder(context).content_type == decode(b"{}\n", context)[1] == USUAL


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", ""])
def test_objects_on_several_lines_are_json_lines_whatever_their_server_says(content_type):
    context = Context("", content_type)
    assert stored(b'{"a":1}\r\n{"a":2}\r\n', context) == Decoded(
        [{"a": 1}, {"a": 2}], is_streaming=True, framing={"event": "{data}\r\n"}
    )
    assert stream_decoder(context) is None


@pytest.mark.parametrize(
    "body",
    [b'{"a":1}\n', b'{"a":1}\n{"a":\n', b'{"a":1}\n{"b":2}\n[3]\n', b'{"a":1}\n{"b":2}\nok\n', b"[1]\n[2]\n"],
    ids=["one", "broken", "a-list", "text", "lists"],
)
def test_other_bodies_of_plain_json_or_text_are_not_taken_for_json_lines(body):
    assert not decode(body, Context("", "application/json"))[0].is_streaming


def test_what_is_no_json_among_the_lines_is_kept_beside_them():
    stream = b'\n{"a":1}\r\nlog: {}\n{"a":2}\n{"a":3}\n{"a":4}'
    assert stored(stream) == Decoded(
        [{"a": number} for number in (1, 2, 3, 4)],
        is_streaming=True,
        framing={
            "other_events": [{"event": "{data}\r\n", "at": [0]}, {"event": "{data}", "at": [3]}],
            "between": [{"text": "\n", "before": [0]}, {"text": "log: {}\n", "before": [1]}],
        },
    )


@pytest.mark.parametrize("body", [b"one\ntwo\n", b"{}\none\n{\ntwo\n3\n}\n", b'{\n  "a": 1\n}\n'])
def test_text_with_some_json_in_it_is_no_such_stream(body):
    assert not decode(body, JSON_LINES)[0].is_streaming


def test_blank_lines_are_signs_of_life_however_many_there_are():
    stream = b'\n\n\n{"a":1}\n'
    decoded, _ = decode(stream, JSON_LINES)
    assert decoded.body == [{"a": 1}]
    assert encode(decoded, JSON_LINES)[0] == stream


def test_a_line_that_would_be_read_as_something_else_is_labelled():
    lines = ["data: {}", {"__type__": "a.B", "__data__": 1}]
    stream = b"".join(json.dumps(line, separators=(",", ":")).encode() + b"\n" for line in lines)
    assert stored(stream) == Decoded(labelled(*lines, label="json.value"), is_streaming=True)


def test_white_space_in_a_line_is_spelling():
    decoded, _ = decode(b' { "a" : 1 } \n', JSON_LINES)
    assert encode(decoded, JSON_LINES)[0] == b'{"a":1}\n'


def test_the_chunks_of_an_old_file_come_back_one_a_line():
    chunks = labelled({"text": "é\u2028"}, {"text": "b"})
    body, usual = encode(Decoded(chunks, is_streaming=True), Context("/api/chat"))
    assert [json.loads(line)["text"] for line in body.decode().splitlines()] == ["é\u2028", "b"]
    assert body.endswith(b"}\n")
    assert usual == USUAL


# --- As it arrives --------------------------------------------------------------------------------------


def test_a_chunk_comes_as_soon_as_its_line_is_complete():
    decoder = stream_decoder(Context("/api/chat", USUAL))
    assert decoder.feed(b'{"done":') == []
    (piece,) = decoder.feed(b"false}\n{")
    assert (piece.entry, piece.raw) == (labelled({"done": False})[0], b'{"done":false}\n')
    assert decoder.rest == b"{"


def test_a_client_gets_the_chunks_as_they_were_changed():
    decoder = stream_decoder(Context("/api/chat", USUAL))
    pieces = decoder.feed(b'{"created_at": "now"}\r\n\n')
    pieces[0].entry["__data__"]["created_at"] = "then"
    assert [decoder.encode(piece) for piece in pieces] == [b'{"created_at":"then"}\r\n', b"\n"]


@pytest.mark.parametrize(
    ("context", "stream", "has_ended"),
    [
        (Context("/api/chat", USUAL), b'{"done":false}\n', False),
        (Context("/api/chat", USUAL), b'{"done":true}\n', True),
        (Context("/api/chat", USUAL), b'{"error":"out of memory"}\n', True),
        (Context("", USUAL, path="/api/pull"), b'{"status":"success"}\n', True),
        (JSON_LINES, b'{"done":true}\n', False),
    ],
)
def test_a_stream_says_whether_it_has_come_to_its_end(context, stream, has_ended):
    decoder = stream_decoder(context)
    decoder.feed(stream)
    assert decoder.has_ended is has_ended
