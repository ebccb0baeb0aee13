import json
from dataclasses import replace

import pytest
from provider_streams import (
    ANY_SSE,
    CHAT,
    DONE,
    MESSAGE,
    RESPONSE,
    RESPONSES,
    SSE,
    STREAMS,
    candidate,
    delta,
    event,
    named,
    spelled,
)

from hashtape.codecs import Context, Decoded, decode, encode, stream_decoder
from hashtape.codecs.sse_stream import SseCodec

CHUNK = "openai.types.chat.chat_completion_chunk.ChatCompletionChunk"
COMPLETION = "openai.types.completion.Completion"
GEMINI = "google.genai.types.GenerateContentResponse"
CODEC = SseCodec()


def labelled(*values, label=CHUNK):
    return [{"__type__": label, "__data__": value} for value in values]


def stored(stream, context):
    """What is stored of a stream, which comes back to the byte."""
    decoded, usual = decode(stream, context)
    assert encode(decoded, context) == (stream, SSE)
    assert usual == SSE
    assert decoded.is_streaming
    return decoded


# --- What each provider sends ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operation", "label"), [("/v1/chat/completions", CHUNK), ("/v1/completions", COMPLETION)]
)
def test_a_chat_stream_is_a_list_of_labelled_chunks_without_framing(operation, label):
    stream = event(delta("naïve ")) + event(delta("🙂")) + event({"choices": [], "usage": None}) + DONE
    chunks = labelled(delta("naïve "), delta("🙂"), {"choices": [], "usage": None}, label=label)
    assert stored(stream, Context(operation, SSE)) == Decoded(chunks, is_streaming=True)


def test_the_comments_of_openrouter_are_kept_beside_the_chunks():
    context, stream = STREAMS["openrouter"]
    comment = ": OPENROUTER PROCESSING\n\n"
    framing = {"between": [{"text": comment * 2, "before": [0]}], "end": comment + "data: [DONE]\n\n"}
    assert stored(stream, context) == Decoded(labelled(delta("a")), is_streaming=True, framing=framing)


@pytest.mark.parametrize("line_break", ["\r\n", "\r"])
def test_other_line_breaks_are_told_once(line_break):
    stream = (event(delta("a")) + event(delta("b")) + DONE).replace(b"\n", line_break.encode())
    decoded = stored(stream, CHAT)
    assert decoded.body == labelled(delta("a"), delta("b"))
    assert decoded.framing == {
        "event": f"data: {{data}}{line_break * 2}",
        "end": f"data: [DONE]{line_break * 2}",
    }


def test_a_stream_that_lacks_its_end_marker_comes_back_without_it():
    decoded = stored(event(delta("a")), CHAT)
    assert decoded == Decoded(labelled(delta("a")), is_streaming=True, framing={"end": ""})


def test_the_events_of_the_responses_api_are_labelled_with_their_classes():
    decoded = stored(named(*RESPONSE), RESPONSES)
    package = "openai.types.responses"
    labels = [
        f"{package}.response_created_event.ResponseCreatedEvent",
        f"{package}.response_text_delta_event.ResponseTextDeltaEvent",
        f"{package}.response_completed_event.ResponseCompletedEvent",
    ]
    chunks = [{"__type__": label, "__data__": value} for label, value in zip(labels, RESPONSE, strict=True)]
    assert decoded == Decoded(chunks, is_streaming=True)


def test_the_events_of_anthropic_are_labelled_with_their_classes():
    decoded = stored(named(*MESSAGE), ANY_SSE)
    assert [entry["__data__"] for entry in decoded.body] == MESSAGE
    assert [entry["__type__"] for entry in decoded.body] == [
        f"anthropic.types.{name}"
        for name in (
            "raw_message_start_event.RawMessageStartEvent",
            "raw_content_block_start_event.RawContentBlockStartEvent",
            "raw_message_stream_event.RawMessageStreamEvent",
            "raw_content_block_delta_event.RawContentBlockDeltaEvent",
            "raw_content_block_stop_event.RawContentBlockStopEvent",
            "raw_message_delta_event.RawMessageDeltaEvent",
            "raw_message_stop_event.RawMessageStopEvent",
        )
    ]
    assert decoded.framing is None


def test_the_chunks_of_gemini_come_back_with_the_line_breaks_that_it_uses():
    context, stream = STREAMS["gemini"]
    chunks = labelled(candidate("a"), candidate("b", finishReason="STOP"), label=GEMINI)
    assert stored(stream, context) == Decoded(chunks, is_streaming=True)


def test_the_events_of_cohere_take_their_names_from_their_data():
    context, stream = STREAMS["cohere"]
    chunks = labelled({"type": "message-start"}, {"type": "message-end"}, label="sse.event")
    framing = {"event": "event: {data.type}\ndata: {data}\n\n", "end": "data: [DONE]\n\n"}
    assert stored(stream, context) == Decoded(chunks, is_streaming=True, framing=framing)


def test_the_events_of_an_mcp_server_are_numbered():
    context, stream = STREAMS["mcp"]
    chunks = labelled(*({"jsonrpc": "2.0", "id": number} for number in (1, 2, 3)), label="sse.event")
    framing = {"event": "id: {id}\nevent: message\ndata: {data}\n\n", "ids": 1}
    assert stored(stream, context) == Decoded(chunks, is_streaming=True, framing=framing)


def test_an_event_without_json_is_stored_as_its_text():
    context, stream = STREAMS["text"]
    framing = {
        "other_events": [{"event": "event: log\ndata: {data}\n\n", "at": [0]}],
        "between": [{"text": "retry: 3000\n\n", "before": [0]}],
    }
    chunks = labelled("two\nlines", "one", label="sse.text")
    assert stored(stream, context) == Decoded(chunks, is_streaming=True, framing=framing)


def test_half_an_emoji_in_a_chunk_comes_back():
    stream = b'data: {"a":"\\ud83d"}\n\ndata: {"a":"\\ude42"}\n\n' + DONE
    assert stored(stream, CHAT).body == labelled({"a": "\ud83d"}, {"a": "\ude42"})


def test_a_stream_of_nothing_but_its_end_comes_back():
    assert stored(DONE, CHAT) == Decoded([], is_streaming=True)


# --- What no server should send ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stream", "framing"),
    [
        (event({}) + DONE + event({}), {"between": [{"text": "data: [DONE]\n\n", "before": [1]}], "end": ""}),
        (event({}) * 2 + DONE + b"x", {"end": "data: [DONE]\n\nx"}),
        (event({}) * 2 + DONE[:-1], {"end": "data: [DONE]\n"}),
        (event({}) + event({})[:-1], {"other_events": [{"event": "data: {data}\n", "at": [1]}], "end": ""}),
        (
            event({}) + b"data: not json\n\n" + event({}) + DONE,
            {"between": [{"text": "data: not json\n\n", "before": [1]}]},
        ),
        (
            event({}) + b'data: {"a":1,"a":2}\n\n' + event({}) + DONE,
            {"between": [{"text": 'data: {"a":1,"a":2}\n\n', "before": [1]}]},
        ),
        (
            event({}) + b": {data}\n" + event({}) + event({}) + DONE,
            {"between": [{"text": ": {data}\ndata: {}\n\n", "before": [1]}]},
        ),
        (
            event({}) + b": \xff\n\n" + event({}) + DONE,
            {"between": [{"text": ": \udcff\n\n", "before": [1]}]},
        ),
        (
            b"\xef\xbb\xbf" + event({}) * 2 + DONE,
            {"between": [{"text": "\ufeff", "before": [0]}]},
        ),
        (
            b"event: a\n" + event({}) + event({}) + DONE,
            {"other_events": [{"event": "event: a\ndata: {data}\n\n", "at": [0]}]},
        ),
    ],
    ids=[
        *("after-done", "rest-after-done", "cut-done", "cut-event", "not-json", "duplicate-key"),
        *("looks-like-a-place", "no-utf-8", "byte-order-mark", "name"),
    ],
)
def test_what_is_odd_about_a_chat_stream_is_kept_beside_its_chunks(stream, framing):
    assert stored(stream, CHAT) == Decoded(labelled({}, {}), is_streaming=True, framing=framing)


def test_json_in_several_lines_is_spelled_in_one():
    decoded, _ = decode(b'id: 1\ndata: {"a":\ndata: 1}\n\n' + DONE, CHAT)
    assert decoded.body == labelled({"a": 1})
    assert encode(decoded, CHAT)[0] == b'id: 1\ndata: {"a":1}\n\n' + DONE


@pytest.mark.parametrize(
    ("body", "body_stored"),
    [
        (b"", ""),
        (b'{"error": {"message": "no"}}', {"error": {"message": "no"}}),
        (b": ping\n\n: ping\n\n", ": ping\n\n: ping\n\n"),
        (b"plain text", "plain text"),
    ],
    ids=["nothing", "json", "comments", "text"],
)
@pytest.mark.parametrize("context", [CHAT, ANY_SSE], ids=["chat", "http"])
def test_a_body_without_an_event_is_no_stream(body, body_stored, context):
    assert decode(body, context)[0] == Decoded(body_stored)


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/json"])
def test_a_chat_stream_is_known_without_its_content_type(content_type):
    stream = event(delta("a")) + DONE
    decoded = decode(stream, Context("/v1/chat/completions", content_type))[0]
    assert decoded == Decoded(labelled(delta("a")), is_streaming=True)


def test_a_stream_of_json_is_known_without_any_content_type():
    stream = event({"type": "message-start"}, "message-start") + DONE
    decoded, usual = decode(stream, Context())
    assert decoded.is_streaming
    assert encode(decoded, Context()) == (stream, usual)
    assert not decode(stream, Context("", "text/plain"))[0].is_streaming


@pytest.mark.parametrize("body", [b"data: text\n\n", b"data: {}\n\nnote: x\n\ndata: {}\n\n", b": hello\n\n"])
def test_text_that_looks_like_events_stays_text(body):
    assert decode(body, Context())[0] == Decoded(body.decode())


def test_the_charset_of_a_stream_of_events_does_not_matter():
    stream = event(delta("a")) + DONE
    assert decode(stream, Context("/v1/chat/completions", "Text/Event-Stream;charset=latin-1"))[
        0
    ].is_streaming


@pytest.mark.parametrize(
    ("answer", "expected"), [({"result": {}}, True), ({"error": {}}, True), ({"method": "ping"}, False)]
)
def test_the_answer_to_a_call_of_mcp_is_the_last_that_clients_read(answer, expected):
    decoder = stream_decoder(ANY_SSE)
    decoder.feed(event({"jsonrpc": "2.0", "id": 1, **answer}, "message"))
    assert decoder.has_ended is expected


# --- From old and foreign recordings to the wire -------------------------------------------------------


@pytest.mark.parametrize("label", [CHUNK, COMPLETION])
@pytest.mark.parametrize("operation", ["", "/v1/completions", "/chat/completions"])
def test_the_label_says_how_the_chunks_of_an_old_file_come_back(label, operation):
    decoded = Decoded(labelled({"a": 1}, label=label), is_streaming=True)
    assert b"".join(CODEC.encode(decoded, Context(operation))) == event({"a": 1}) + DONE


@pytest.mark.parametrize(
    ("entry", "data"),
    [
        ({"__type__": "litellm.types.utils.ModelResponseStream", "__data__": {"a": 1}}, {"a": 1}),
        ({"a": 1}, {"a": 1}),
    ],
    ids=["foreign-class", "no-label"],
)
def test_the_operation_says_how_chunks_of_other_recorders_come_back(entry, data):
    decoded = Decoded([entry, entry], is_streaming=True)
    for operation in ("/v1/chat/completions", "/v1/completions"):
        assert encode(decoded, Context(operation)) == (event(data) * 2 + DONE, SSE)
    named = Decoded(
        [{"__type__": "other.Event", "__data__": {"type": "response.created"}}], is_streaming=True
    )
    stream = event({"type": "response.created"}, "response.created")
    assert encode(named, Context("/v1/responses")) == (stream, SSE)


def test_json_lines_of_a_chat_server_come_back_as_lines():
    lines = b'{"a":1}\n{"a":2}\n'
    context = Context("/v1/chat/completions", "application/x-ndjson")
    decoded, usual = decode(lines, context)
    assert decoded.is_streaming
    assert encode(decoded, context) == (lines, usual)


@pytest.mark.parametrize(
    ("label", "data", "stream"),
    [
        ("openai.types.responses.x.X", {"type": "a"}, b'event: a\ndata: {"type":"a"}\n\n'),
        ("anthropic.types.x.X", {"type": "a"}, b'event: a\ndata: {"type":"a"}\n\n'),
        ("anthropic.types.x.X", {"a": 1}, b'data: {"a":1}\n\n'),
        (GEMINI, {"type": "a"}, b'data: {"type":"a"}\r\n\r\n'),
        ("sse.event", {"type": "a"}, b'data: {"type":"a"}\n\n'),
        ("sse.text", "a\nb", b"data: a\ndata: b\n\n"),
    ],
)
def test_each_label_has_its_way_to_the_wire(label, data, stream):
    assert encode(Decoded(labelled(data, label=label), is_streaming=True), Context()) == (stream, SSE)


@pytest.mark.parametrize("chunks", [[delta("a"), {}], [delta("a")], []], ids=["two", "one", "none"])
def test_a_stream_that_broke_off_comes_back_without_its_end(chunks):
    decoded = Decoded(labelled(*chunks), is_streaming=True)
    cut = Context("/v1/chat/completions", is_cut=True)
    assert b"".join(CODEC.encode(decoded, cut)) == b"".join(map(event, chunks))
    assert b"".join(CODEC.encode(decoded, CHAT)) == b"".join(map(event, chunks)) + DONE


@pytest.mark.parametrize(
    "decoded",
    [
        Decoded([], is_streaming=True),
        Decoded([{"a": 1}], is_streaming=True),
        Decoded(labelled({}, label="ollama._types.ChatResponse"), is_streaming=True),
        Decoded([*labelled({}), "data: {}"], is_streaming=True),
        Decoded(labelled({})),
        Decoded(labelled({})[0]),
        Decoded(labelled({}), is_streaming=True, framing={"form": "json-array"}),
    ],
    ids=["nothing", "no-label", "other-label", "mixed", "whole-list", "whole-answer", "other-form"],
)
def test_what_is_no_such_stream_is_left_to_others(decoded):
    assert CODEC.encode(decoded, Context("/v1/messages")) is None


@pytest.mark.parametrize(
    ("chunks", "framing"),
    [
        (labelled({}), {"event": "no place"}),
        (labelled({}), {"form": "unheard-of"}),
        (labelled({}), 1),
        (labelled({}), {"event": "{data.type}{data}"}),
        (labelled({}, label="sse.text"), None),
        (labelled("half \ud83d", label="sse.text"), None),
    ],
)
def test_a_stream_that_somebody_damaged_is_an_error(chunks, framing):
    with pytest.raises(ValueError):
        encode(Decoded(chunks, is_streaming=True, framing=framing), CHAT)


# --- As it arrives --------------------------------------------------------------------------------------


def test_a_chunk_comes_as_soon_as_its_event_is_complete():
    decoder = stream_decoder(CHAT)
    first = event(delta("a"))
    assert decoder.feed(first[:-1]) == []
    (piece,) = decoder.feed(first[-1:] + DONE[:3])
    assert (piece.entry, piece.is_chunk, piece.raw) == (labelled(delta("a"))[0], True, first)
    assert decoder.rest == DONE[:3]
    assert not decoder.has_ended
    (piece,) = decoder.feed(DONE[3:])
    assert (piece.is_chunk, piece.raw) == (False, DONE)
    assert decoder.has_ended


def test_a_client_gets_the_chunks_as_they_were_changed_in_the_framing_that_they_had():
    decoder = stream_decoder(CHAT)
    (piece,) = decoder.feed(b'id:7\r\ndata: { "id": "chatcmpl-1" }\r\n: note\r\n\r\n')
    piece.entry["__data__"]["id"] = "rec-1"
    assert decoder.encode(piece) == b'id:7\r\ndata: {"id":"rec-1"}\r\n: note\r\n\r\n'


def test_what_is_stored_of_a_stream_that_breaks_off_has_no_end():
    decoder = stream_decoder(CHAT)
    pieces = decoder.feed(b": ping\n\n" + event(delta("a")) + b'data: {"b":')
    decoded = decoder.decoded([piece.entry for piece in pieces if piece.is_chunk])
    assert decoded.framing == {"between": [{"text": ": ping\n\n", "before": [0]}]}
    cut = Context("/v1/chat/completions", SSE, is_cut=True)
    assert encode(decoded, cut)[0] + decoder.rest == b": ping\n\n" + event(delta("a")) + b'data: {"b":'


def test_a_stream_that_has_not_begun_is_an_empty_one():
    assert stream_decoder(CHAT).decoded([]) == Decoded([], is_streaming=True)


def test_entries_that_are_not_those_of_the_stream_are_refused():
    decoder = stream_decoder(CHAT)
    decoder.feed(event({}))
    assert decoder.decoded([]) is None


DONE_TASK = {"status": {"state": "TASK_STATE_COMPLETED"}}
A2A = {"kind": "status-update", "taskId": "7", "final": False}


@pytest.mark.parametrize("token", [" 1.50", " 42", "1e5", ' "quoted"', r'"quo\u0074ed"', "true "])
def test_an_event_of_text_that_could_be_read_as_json_keeps_each_of_its_characters(token):
    stream = b"".join(b"data: " + text.encode() + b"\n\n" for text in ("a", token))
    decoded, _ = decode(stream, ANY_SSE)
    assert decoded.body[1] == {"__type__": "sse.text", "__data__": token}
    assert encode(decoded, ANY_SSE)[0] == stream


@pytest.mark.parametrize("content_type", ["text/plain", "application/octet-stream"])
def test_a_chat_stream_under_another_content_type_is_decoded_as_it_arrives(content_type):
    context = replace(CHAT, content_type=content_type)
    pieces = stream_decoder(context).feed(event(delta("a")))
    assert [piece.entry["__data__"] for piece in pieces] == [delta("a")]


def test_a_chat_stream_of_which_nothing_is_json_is_text():
    stream = b'data: {"a": 1e999}\n\n' * 2 + DONE
    assert decode(stream, CHAT)[0] == Decoded(stream.decode())


@pytest.mark.parametrize(
    ("content_type", "is_ascii"),
    [
        ("text/event-stream", False),
        ("text/event-stream; charset=utf-8", False),
        ("text/event-stream; charset=ISO-8859-1", True),
        ("text/event-stream; charset=us-ascii", True),
    ],
)
def test_the_json_of_a_stream_is_readable_in_the_charset_that_it_says(content_type, is_ascii):
    context = replace(CHAT, content_type=content_type)
    stream = event(delta("caf\u00e9"))
    decoder = stream_decoder(context)
    (piece,) = decoder.feed(stream)
    decoded = decoder.decoded([piece.entry])
    assert encode(decoded, context)[0].startswith(sent := decoder.encode(piece))
    assert sent.isascii() is is_ascii
    assert json.loads(sent.partition(b" ")[2]) == delta("caf\u00e9")


@pytest.mark.parametrize(
    ("context", "stream", "has_ended"),
    [
        (CHAT, b"", False),
        (CHAT, event(delta("a")), False),
        (CHAT, event(delta("a")) + DONE, True),
        (CHAT, DONE + b"x", True),
        (CHAT, event({"error": {"message": "overloaded"}}), True),
        (RESPONSES, b"", False),
        (RESPONSES, named(*RESPONSE[:-1]), False),
        (RESPONSES, named(*RESPONSE), True),
        (RESPONSES, event({"type": "response.failed"}), True),
        (RESPONSES, event({"type": "error"}, "error"), True),
        (ANY_SSE, named(*MESSAGE[:-2]), False),
        (ANY_SSE, named(*MESSAGE[:-1]), True),
        (ANY_SSE, named(*MESSAGE), True),
        (ANY_SSE, event({"type": "error", "error": {}}, "error"), True),
        (ANY_SSE, event(candidate("a")), False),
        (ANY_SSE, event(candidate("a", finishReason="STOP")), True),
        (ANY_SSE, event({"a": 1}), False),
        (ANY_SSE, event({"a": 1}) + DONE, True),
        (ANY_SSE, event(candidate("a")) + event({"error": {"code": 503}}), True),
        (ANY_SSE, event({"jsonrpc": "2.0", "id": 1, "result": {"content": []}}), True),
        (ANY_SSE, event({"jsonrpc": "2.0", "id": 1, "result": A2A}), False),
        (ANY_SSE, event({"jsonrpc": "2.0", "id": 1, "result": {"statusUpdate": A2A}}), False),
        (ANY_SSE, event({"jsonrpc": "2.0", "id": 1, "result": {**A2A, "final": True}}), True),
        (ANY_SSE, event({"jsonrpc": "2.0", "id": 1, "result": {"kind": []}}), True),
        (ANY_SSE, event({"jsonrpc": "2.0", "id": 1, "result": {"task": {"taskId": "7", **DONE_TASK}}}), True),
        (ANY_SSE, event({"jsonrpc": "2.0", "id": 1, "result": {"task": {"ttl": 5}}}), True),
        (ANY_SSE, event({"step": 1, "error": {"code": 1}}), False),
        (ANY_SSE, event({"error": {}}), False),
    ],
    ids=[
        *("chat-nothing", "chat", "chat-done", "chat-done-and-rest", "chat-error"),
        *("responses-nothing", "responses"),
        *("responses-completed", "responses-failed", "responses-error", "anthropic"),
        *("anthropic-reason", "anthropic-stop"),
        *("anthropic-error", "gemini", "gemini-finished", "any", "any-done"),
        *("gemini-error", "mcp", "a2a", "a2a-1.0", "a2a-final", "other-rpc"),
        *("a2a-completed", "mcp-task", "error-of-a-step", "no-error"),
    ],
)
def test_a_stream_says_whether_it_has_come_to_its_end(context, stream, has_ended):
    decoder = stream_decoder(context)
    decoder.feed(stream)
    assert decoder.has_ended is has_ended


def test_the_json_of_a_chunk_is_all_that_is_spelled_anew():
    stream = b'data: { "a" : 1.50, "b": "\\u00e9" }\n\n' + DONE
    decoded, _ = decode(stream, CHAT)
    assert encode(decoded, CHAT)[0] == b"data: " + spelled({"a": 1.5, "b": "é"}) + b"\n\n" + DONE
