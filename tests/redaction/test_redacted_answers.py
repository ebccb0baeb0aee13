import base64
import copy
import gzip
import zlib

import pytest

from hashtape.codecs.packed import PackedList
from hashtape.recording import Answer, HttpRequest, InferenceRequest, OtherRequest, Recording
from hashtape.redaction import Finding

KEY = "Zq7-mJ4_w9Xt2"
LABEL = "openai.types.chat.chat_completion_chunk.ChatCompletionChunk"


@pytest.fixture(autouse=True)
def learned(known):
    known.learn(KEY, "this test")


def chunk(content, index=0):
    data = {"id": "c", "choices": [{"index": index, "delta": {"content": content}}], "model": "demo"}
    return {"__type__": LABEL, "__data__": data}


def contents(answer):
    return [entry["__data__"]["choices"][0]["delta"]["content"] for entry in answer.body]


def test_an_answer_that_echoes_a_credential_does_not_hold_it(redactor):
    answer = Answer({"error": {"message": f"Incorrect API key provided: {KEY}."}}, status=401)
    before = copy.deepcopy(answer)
    safe, findings = redactor.answer(answer)
    assert safe == Answer({"error": {"message": "Incorrect API key provided: [REDACTED]."}}, status=401)
    assert findings == [Finding("response.body.error.message", "value", "this test")]
    assert answer == before  # it goes on to the client


def test_what_is_clean_is_the_same_object(redactor):
    answer = Answer([chunk("hello"), chunk(None)], is_streaming=True, headers={"location": "/x?a=1"})
    recording = Recording("t", InferenceRequest("POST", "https://h/v1", {"a": "b"}), answer)
    assert redactor.answer(answer)[0] is answer
    assert redactor.recording(recording)[0] is recording


def test_a_token_that_a_server_hands_out_is_a_known_secret(redactor):
    issued = "9f8e7d6c.5b4a3928-1706"
    safe, findings = redactor.answer(
        Answer({"access_token": issued, "token_type": "Bearer", "expires_in": 60})
    )
    assert safe.body == {"access_token": "[REDACTED]", "token_type": "Bearer", "expires_in": 60}
    assert findings == [Finding("response.body.access_token", "name", "access_token")]
    assert redactor.text(f"Bearer {issued}") == "Bearer [REDACTED]"


@pytest.mark.parametrize("size", [1, 2, 5, 12, 100])
def test_a_credential_that_is_split_over_chunks_is_cut_out(redactor, size):
    text = f"The key is {KEY}, right?"
    pieces = [text[n : n + size] for n in range(0, len(text), size)]
    answer = Answer([chunk(piece) for piece in pieces], is_streaming=True)
    safe, findings = redactor.answer(answer)
    assert "".join(contents(safe)) == "The key is [REDACTED], right?"
    assert len(safe.body) == len(answer.body)
    assert contents(answer) == pieces
    assert [(finding.kind, finding.what) for finding in findings] == [("value", "this test")]


def test_a_finding_names_the_chunk_in_which_a_secret_begins(redactor):
    answer = Answer(
        [chunk("a "), chunk(f"b {KEY[:4]}"), chunk(f"{KEY[4:]} c"), chunk("d")], is_streaming=True
    )
    safe, findings = redactor.answer(answer)
    assert contents(safe) == ["a ", "b [REDACTED]", " c", "d"]
    assert findings[0].where == "response.body[1].__data__.choices[0].delta.content"
    assert safe.body[0] is answer.body[0]


@pytest.mark.parametrize("step", [1, 3])
def test_a_credential_that_is_split_over_long_chunks_is_cut_out(redactor, step):
    pieces = ["x"] * 40 + [KEY[n : n + step] for n in range(0, len(KEY), step)] + ["y"] * 4
    long = ({**chunk(piece), "audio": "a" * 200_000} for piece in pieces)
    safe, _ = redactor.answer(Answer(PackedList(long), is_streaming=True))
    assert "".join(contents(safe)) == "x" * 40 + "[REDACTED]" + "y" * 4


@pytest.mark.parametrize("place", [0, 8_000])
def test_a_credential_in_a_long_stream_is_cut_out_wherever_it_is(redactor, place):
    pieces = ["x"] * place + list(KEY) + ["y"] * 2_000
    safe, _ = redactor.answer(Answer(PackedList(chunk(piece) for piece in pieces), is_streaming=True))
    assert "".join(contents(safe)) == "x" * place + "[REDACTED]" + "y" * 2_000


def test_a_credential_in_numbered_tokens_is_cut_out(redactor):
    tokens = [{"index": n, "token": {"text": letter}} for n, letter in enumerate(f"a {KEY} b")]
    safe, _ = redactor.answer(Answer(tokens, is_streaming=True))
    assert "".join(chunk["token"]["text"] for chunk in safe.body) == "a [REDACTED] b"


def test_a_credential_behind_the_padding_or_before_the_damage_of_a_compressed_file_is_cut_out(redactor):
    packed = gzip.compress(b"hello ", mtime=0) + bytes(4) + gzip.compress(KEY.encode() * 2000, mtime=0)
    damaged = packed[:-8] + b"damaged!"
    for file in (packed, damaged):
        safe, _ = redactor.answer(Answer({"__encoding__": "base64", "data": in_base64(file)}))
        plain = zlib.decompressobj(31).decompress(base64.b64decode(safe.body["data"]))
        assert plain.startswith(b"hello [REDACTED]")
        assert KEY.encode() not in plain


def test_a_long_stream_without_a_credential_stays_packed(redactor):
    answer = Answer(PackedList(chunk(f"word {number}") for number in range(5_000)), is_streaming=True)
    assert redactor.answer(answer)[0] is answer


def in_base64(plain):
    return base64.b64encode(plain).decode()


@pytest.mark.parametrize(
    "data",
    [
        {"__encoding__": "base64", "data": in_base64(b"\xff" + KEY.encode())},
        {"bytes": in_base64(f"hello {KEY}".encode()), "p": "abc"},
    ],
    ids=["payload", "text"],
)
def test_a_credential_in_the_bytes_of_a_chunk_is_cut_out_and_they_stay_base64(redactor, data):
    answer = Answer([{"__type__": "chunk", "__data__": data}], is_streaming=True)
    safe, findings = redactor.answer(answer)
    stored = safe.body[0]["__data__"]
    plain = base64.b64decode(stored.get("bytes") or stored["data"], validate=True)
    assert plain.endswith(b"[REDACTED]")
    assert len(findings) == 1


@pytest.mark.parametrize(
    "data",
    [
        {"__encoding__": "utf-8", "data": '{"password": "hunter2secret"}\n'},
        {"bytes": in_base64(b'{"password": "hunter2secret"}')},
        {"__encoding__": "base64", "data": in_base64(b'{"password": "hunter2secret"}\n')},
    ],
    ids=["text", "text in base64", "payload"],
)
def test_a_credential_that_a_payload_names_is_cut_out(redactor, data):
    safe, _ = redactor.answer(Answer([{"__type__": "PayloadPart", "__data__": data}], is_streaming=True))
    stored = safe.body[0]["__data__"]
    text = stored.get("data") or stored["bytes"]
    plain = text if stored.get("__encoding__") == "utf-8" else base64.b64decode(text).decode()
    assert plain.strip() == '{"password": "[REDACTED]"}'


@pytest.mark.parametrize("tail", [b"", b"more", KEY.encode(), gzip.compress(KEY.encode(), mtime=0)])
def test_a_credential_in_a_compressed_file_is_cut_out(redactor, tail):
    packed = gzip.compress(KEY.encode() * 2, mtime=0) + tail
    safe, _ = redactor.answer(Answer({"__encoding__": "base64", "data": in_base64(packed)}))
    stored = base64.b64decode(safe.body["data"])
    stream = zlib.decompressobj(31)
    assert stream.decompress(stored).startswith(b"[REDACTED]" * 2)
    assert KEY.encode() not in stored
    assert not stream.unused_data.startswith(b"\x1f")


def test_what_follows_a_credential_in_a_compressed_file_and_cannot_be_read_stays(redactor):
    rest = b"\x1f\x8bnone of these at all"
    packed = gzip.compress(KEY.encode(), mtime=0) + rest
    safe, _ = redactor.answer(Answer({"__encoding__": "base64", "data": in_base64(packed)}))
    assert base64.b64decode(safe.body["data"]) == gzip.compress(b"[REDACTED]", mtime=0) + rest


@pytest.mark.parametrize("begin", [b"\x1f\x8b", gzip.compress(b"", mtime=0)[:10]])
def test_a_credential_in_what_begins_as_a_compressed_file_is_cut_out(redactor, begin):
    safe, _ = redactor.answer(Answer({"__encoding__": "base64", "data": in_base64(begin + KEY.encode())}))
    assert base64.b64decode(safe.body["data"]) == begin + b"[REDACTED]"


def test_what_is_compressed_and_has_nothing_in_it_stays_as_it_is(redactor):
    for plain in (b"nothing in it", b"\xff" * 9):
        answer = Answer({"__encoding__": "base64", "data": in_base64(gzip.compress(plain)[:-3])})
        assert redactor.answer(answer)[0] is answer


def test_texts_that_are_streamed_at_the_same_time_are_told_apart(redactor):
    both = [
        chunk(piece, index)
        for pair in zip(KEY, reversed(KEY), strict=True)
        for index, piece in enumerate(pair)
    ]
    safe, findings = redactor.answer(Answer(both, is_streaming=True))
    texts = ["".join(contents(safe)[n::2]) for n in range(2)]
    assert texts == ["[REDACTED]", KEY[::-1]]
    assert len(findings) == 1


@pytest.mark.parametrize(
    ("event", "path"),
    [
        (
            lambda text: {
                "type": "content_block_delta",
                "index": 1,
                "delta": {"type": "text_delta", "text": text},
            },
            "delta.text",
        ),
        (lambda text: {"type": "response.output_text.delta", "output_index": 0, "delta": text}, "delta"),
        (lambda text: {"model": "m", "message": {"role": "assistant", "content": text}}, "message.content"),
        (lambda text: {"model": "m", "response": text}, "response"),
        (
            lambda text: {"candidates": [{"content": {"parts": [{"text": text}]}}]},
            "candidates[0].content.parts[0].text",
        ),
    ],
    ids=["anthropic", "responses", "ollama-chat", "ollama-generate", "gemini"],
)
@pytest.mark.parametrize("label", [None, "some.Event"], ids=["bare", "labelled"])
def test_the_streams_of_all_providers(redactor, event, path, label):
    shape = "AKIA" + "Q3EGT7MZ2LD5WX4Y"
    text = f"{KEY} and {shape}."
    events = [event(text[n : n + 4]) for n in range(0, len(text), 4)]
    answer = Answer([{"__type__": label, "__data__": e} if label else e for e in events], is_streaming=True)
    safe, findings = redactor.answer(answer)
    kept = "".join(str(entry) for entry in safe.body)
    assert kept.count("[REDACTED]") == 2
    assert not any(text[n : n + 4] in kept for n in range(0, 8, 4))
    start = "response.body[0].__data__." if label else "response.body[0]."
    assert [(finding.kind, finding.what) for finding in findings] == [
        ("value", "this test"),
        ("shape", "an AWS access key id"),
    ]
    assert findings[0].where == start + path


def test_events_that_repeat_a_whole_text_each_lose_the_secret(redactor):
    shape = "sk-proj-" + "aB3dE6gH9jKlMnOpQrStUvWxYz0123456789"
    answer = Answer([{"text": shape}, {"text": shape}], is_streaming=True)
    assert redactor.answer(answer)[0].body == [{"text": "[REDACTED]"}, {"text": "[REDACTED]"}]


def test_an_event_of_another_kind_does_not_come_between_the_pieces(redactor):
    events = [("delta", KEY[:5]), ("progress", "so far"), ("delta", KEY[5:])]
    answer = Answer([{"type": kind, "text": text} for kind, text in events], is_streaming=True)
    assert [entry["text"] for entry in redactor.answer(answer)[0].body] == ["[REDACTED]", "so far", ""]


def test_a_choice_that_is_alone_in_its_chunk_goes_on_where_it_was(redactor):
    def choices(*pairs):
        return {"choices": [{"index": index, "delta": {"content": text}} for index, text in pairs]}

    answer = Answer([choices((0, "a"), (1, KEY[:5])), choices((1, KEY[5:]))], is_streaming=True)
    safe, _ = redactor.answer(answer)
    assert safe.body == [choices((0, "a"), (1, "[REDACTED]")), choices((1, ""))]


def test_a_key_is_one_whatever_stands_in_the_same_place_of_the_next_chunk(redactor):
    shape = "AKIA" + "Q3EGT7MZ2LD5WX4Y"
    answer = Answer([{"text": shape}, {"text": "abc"}, {"text": f"is {shape}"}], is_streaming=True)
    assert redactor.answer(answer)[0].body == [
        {"text": "[REDACTED]"},
        {"text": "abc"},
        {"text": "is [REDACTED]"},
    ]


def test_no_part_of_a_key_is_left_because_the_first_part_is_long_enough(redactor):
    shape = "sk-proj-" + "aB3dE6gH9jKlMnOpQrStUvWxYz0123456789"
    answer = Answer([{"text": shape[:34]}, {"text": shape[34:]}], is_streaming=True)
    assert redactor.answer(answer)[0].body == [{"text": "[REDACTED]"}, {"text": ""}]


def test_a_secret_of_equal_pieces_is_one(redactor, known):
    known.learn("ab9xab9xab9x", "this test")
    answer = Answer([chunk("ab9x"), chunk("ab9x"), chunk("ab9x")], is_streaming=True)
    assert contents(redactor.answer(answer)[0]) == ["[REDACTED]", "", ""]


def test_names_count_in_chunks_too(redactor):
    safe, findings = redactor.answer(Answer([{"session": {"client_secret": "x"}}], is_streaming=True))
    assert safe.body == [{"session": {"client_secret": "[REDACTED]"}}]
    assert findings == [Finding("response.body[0].session.client_secret", "name", "client_secret")]


def test_lines_of_old_recordings(redactor):
    lines = ["event: token", 'data: {"api_key":"x"}', f"data: {KEY}", ""]
    safe, _ = redactor.answer(Answer(lines, is_streaming=True))
    assert safe.body == ["event: token", 'data: {"api_key":"[REDACTED]"}', "data: [REDACTED]", ""]


def test_binary_answers_are_looked_into(redactor):
    data = b"\0\xff" + KEY.encode() + b"\xfe" + b"AKIA" + b"Q3EGT7MZ2LD5WX4Y"
    body = {"__encoding__": "base64", "data": base64.b64encode(data).decode()}
    safe, findings = redactor.answer(Answer(body))
    assert base64.b64decode(safe.body["data"]) == b"\0\xff[REDACTED]\xfe[REDACTED]"
    assert [finding.where for finding in findings] == ["response.body"] * 2


def test_headers_and_failures(redactor):
    answer = Answer(
        [],
        is_streaming=True,
        headers={
            "location": "/files/1?a=1&sig=abc",
            "x-api-key": "x",
            "x-request-id": KEY,
            "retry-after": "1",
        },
        is_exception=True,
        exception_data={"category": "transport", "message": f"no route for {KEY}", "rest": f"data: {KEY}"},
        extra={"exception_message": f"no route for {KEY}"},
    )
    safe, findings = redactor.answer(answer)
    assert safe.headers == {
        "location": "/files/1?a=1&sig=[REDACTED]",
        "x-api-key": "[REDACTED]",
        "x-request-id": "[REDACTED]",
        "retry-after": "1",
    }
    assert KEY not in str(safe)
    assert {finding.where for finding in findings} == {
        "response.headers.location: sig",
        "response.headers.x-api-key",
        "response.headers.x-request-id",
        "response.exception_data.message",
        "response.exception_data.rest",
        "response.exception_message",
    }


@pytest.mark.parametrize(
    ("request_", "where"),
    [
        (
            InferenceRequest("POST", f"https://h/v1?a={KEY}", {"p": KEY}, model=KEY, extra={"m": KEY}),
            "body.p",
        ),
        (HttpRequest("POST", f"https://h/v1?a={KEY}", {"p": KEY}, "t"), "payload.p"),
        (OtherRequest({"tool_name": "t", "kwargs": {"p": KEY}}), "kwargs.p"),
    ],
    ids=["inference", "http", "other"],
)
def test_a_whole_recording(redactor, request_, where):
    later = Answer({"text": KEY}, url=f"https://other/?key={KEY}")
    recording = Recording("t", request_, Answer({"ok": 1}), [later], {KEY: "x"}, {"notes": KEY})
    safe, findings = redactor.recording(recording)
    assert KEY not in safe.to_text()
    assert safe.response is recording.response
    assert {f"request.{where}", "later_responses[0].body.text", "later_responses[0].url: key", "notes"} <= {
        finding.where for finding in findings
    }
    assert redactor.recording(safe) == (safe, [])


def test_the_parts_of_a_form_count_as_they_did_in_the_request(redactor):
    parts = [{"name": "token", "value": "x"}, {"name": "max", "value": "1"}]
    payload = {"__encoding__": "form", "parts": parts}
    safe, _ = redactor.recording(Recording("t", HttpRequest("POST", "https://h/", payload), Answer("")))
    assert [part["value"] for part in safe.request.payload["parts"]] == ["[REDACTED]", "1"]


def test_the_name_of_a_test_stays(redactor):
    recording = Recording(KEY, HttpRequest("GET", "https://h/", None, KEY), Answer("ok"))
    assert redactor.recording(recording)[0] is recording
