import base64

import pytest
from provider_streams import AWS, AWS_STREAM, CONVERSATION, MESSAGE, STREAMS, invoked, message, spelled

from hashtape.codecs import Context, Decoded, decode, encode, stream_decoder


def stored(stream):
    """What is stored of a stream, which comes back to the byte, checksums included."""
    decoded, usual = decode(stream, AWS_STREAM)
    assert encode(decoded, AWS_STREAM) == (stream, AWS)
    assert usual == AWS
    return decoded


def labelled(*events):
    return [{"__type__": label, "__data__": data} for label, data in events]


def test_a_conversation_is_a_list_of_its_events():
    decoded = stored(STREAMS["bedrock-converse"][1])
    assert decoded == Decoded(labelled(*CONVERSATION), is_streaming=True)


def test_the_json_in_the_chunks_of_an_invocation_is_stored_decoded():
    decoded = stored(STREAMS["bedrock-invoke"][1])
    chunks = labelled(*(("chunk", {"bytes": value, "p": "abcd"}) for value in (MESSAGE[0], MESSAGE[-1])))
    assert decoded == Decoded(chunks, is_streaming=True)


def test_an_exception_is_an_event_of_its_own_kind():
    raw = message("throttlingException", b'{"message":"slow down"}', "exception")
    chunks = labelled(("throttlingException", {"message": "slow down"}))
    assert stored(raw) == Decoded(chunks, is_streaming=True)


def test_the_json_of_a_payload_is_spelled_anew_and_summed_up_anew():
    decoded, _ = decode(message("messageStop", b'{ "stopReason": "end_turn" }'), AWS_STREAM)
    assert encode(decoded, AWS_STREAM)[0] == message("messageStop", b'{"stopReason":"end_turn"}')


def test_events_of_other_services_say_their_form():
    decoded = stored(message("TranscriptEvent", b"{}"))
    assert decoded.body == labelled(("TranscriptEvent", {}))
    assert decoded.framing == {"form": "aws-event-stream"}


def test_other_headers_are_told():
    headers = {":message-type": "event", ":event-type": "chunk"}
    decoded = stored(message("chunk", b"{}", **headers) + message("chunk", b"{}"))
    template = ":message-type: event\n:event-type: chunk\n\n{data}"
    assert decoded.framing == {"other_events": [{"event": template, "at": [0]}]}


TOKENS = [b" 42", b" 1.50\n", b'{"token": "a"}\n', b"the answer", b"\xff\x00", b'{"token":"a"}']


@pytest.mark.parametrize("payload", TOKENS)
def test_a_payload_that_is_not_said_to_be_json_keeps_each_of_its_bytes(payload):
    headers = {":event-type": "PayloadPart", ":content-type": "application/octet-stream"}
    decoded = stored(message("PayloadPart", payload, **headers, **{":message-type": "event"}))
    (data,) = (chunk["__data__"] for chunk in decoded.body)
    texts = {"__encoding__": "utf-8", "data": payload.decode("latin-1")}
    assert data in ({"token": "a"}, texts, {"__encoding__": "base64", "data": "/wA="})


def test_the_text_of_an_agents_answer_keeps_each_of_its_characters():
    text = b'{\n  "price": 1.50\n}'
    payload = b'{"bytes":"' + base64.b64encode(text) + b'"}'
    context = Context(content_type=AWS, path="/agents/A/agentAliases/B/sessions/C/text")
    decoded, _ = decode(message("chunk", payload), context)
    assert encode(decoded, context)[0] == message("chunk", payload)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xff\x00",
        b"plain text",
        b'{"__encoding__":"base64","data":"aGk="}',
        b'{"bytes":{"not":"base64"}}',
    ],
    ids=["nothing", "binary", "text", "looks-encoded", "looks-decoded"],
)
def test_a_payload_that_would_not_come_back_as_json_is_stored_as_its_bytes(payload):
    encoded = {"__encoding__": "base64", "data": base64.b64encode(payload).decode()}
    assert stored(message("chunk", payload)).body == labelled(("chunk", encoded))


@pytest.mark.parametrize("text", ["aGk=", "MQ==", "e30", "e31=", "not base64", 1, None], ids=repr)
def test_bytes_that_are_no_json_in_base64_stay_as_they_are(text):
    assert stored(message("chunk", spelled({"bytes": text}))).body == labelled(("chunk", {"bytes": text}))


def test_a_damaged_message_is_kept_beside_the_others():
    good, bad = message("chunk", b'{"a":1}'), bytearray(message("chunk", b'{"a":1}'))
    bad[-1] ^= 1
    decoded = stored(good + bytes(bad) + good + b"rest")
    assert decoded.body == labelled(*[("chunk", {"a": 1})] * 2)
    assert decoded.framing["between"][0]["before"] == [1]
    assert decoded.framing["end"] == "rest"


@pytest.mark.parametrize(
    "body", [b"", b"plain text", b'{"message":"denied"}'], ids=["nothing", "text", "json"]
)
def test_a_body_without_a_message_is_no_stream(body):
    assert not decode(body, AWS_STREAM)[0].is_streaming


@pytest.mark.parametrize(
    "decoded",
    [
        Decoded(labelled(("chunk", {"__encoding__": "rot13"})), is_streaming=True),
        Decoded(labelled(("chunk", {"__encoding__": "base64", "data": "?"})), is_streaming=True),
        Decoded(labelled(("chunk", {})), is_streaming=True, framing={"event": "no header\n\n{data}"}),
        Decoded(labelled(("chunk", {})), is_streaming=True, framing={"event": "{data}"}),
        Decoded(labelled(("chunk", {})), is_streaming=True, framing={"event": "a: b\n\n{data}\n"}),
        Decoded(labelled(("x" * 999, {})), is_streaming=True, framing={"form": "aws-event-stream"}),
    ],
    ids=["encoding", "base64", "headers", "no-headers", "after-the-data", "long-label"],
)
def test_a_stream_that_somebody_damaged_is_an_error(decoded):
    with pytest.raises(ValueError):
        encode(decoded, Context())


# --- As it arrives --------------------------------------------------------------------------------------


def test_a_client_gets_an_event_as_it_was_changed_with_its_own_headers():
    decoder = stream_decoder(AWS_STREAM)
    headers = {":message-type": "event", ":event-type": "metadata"}
    (piece,) = decoder.feed(message("metadata", b'{"metrics": {}}', **headers))
    piece.entry["__data__"]["metrics"] = {"latencyMs": 0}
    assert decoder.encode(piece) == message("metadata", b'{"metrics":{"latencyMs":0}}', **headers)


@pytest.mark.parametrize(
    ("stream", "has_ended"),
    [
        (b"".join(message(name, spelled(data)) for name, data in CONVERSATION), True),
        (b"".join(message(name, spelled(data)) for name, data in CONVERSATION[:-1]), False),
        (message("chunk", invoked(MESSAGE[0])), False),
        (message("chunk", invoked(MESSAGE[-1])), True),
        (message("chunk", invoked({"amazon-bedrock-invocationMetrics": {}})), True),
        (message("validationException", b"{}", "exception"), True),
        (message("TranscriptEvent", b"{}"), False),
    ],
    ids=[
        "converse",
        "converse-cut",
        "invoke",
        "invoke-stop",
        "invoke-metrics",
        "exception",
        "any",
    ],
)
def test_a_stream_says_whether_it_has_come_to_its_end(stream, has_ended):
    decoder = stream_decoder(AWS_STREAM)
    decoder.feed(stream)
    assert decoder.has_ended is has_ended
