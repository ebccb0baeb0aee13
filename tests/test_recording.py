import json
import re
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import arbitrary_json
from hashtape.codecs import decode, encode
from hashtape.codecs.base import Context
from hashtape.recording import (
    Answer,
    HttpRequest,
    InferenceRequest,
    InvalidRecordingError,
    OtherRequest,
    Recording,
    Unset,
)

CASSETTES = Path(__file__).parent.parent / "cassettes"
SEED = CASSETTES / "26e569a66dd1b1669a26851179956ffca286bd5f6874f975f6b369bf6bbcc521.json"

CHAT_FILE = """{
  "test_id": "tests/test_chat.py::test_hello[é]",
  "request": {
    "method": "POST",
    "url": "https://api.openai.com/v1/v1/chat/completions",
    "headers": {},
    "body": {
      "model": "gpt-4o",
      "messages": [],
      "stream": true
    },
    "endpoint": "/v1/chat/completions",
    "model": "gpt-4o"
  },
  "response": {
    "body": [
      {
        "__type__": "openai.types.chat.chat_completion_chunk.ChatCompletionChunk",
        "__data__": {
          "id": "rec-0123456789ab"
        }
      }
    ],
    "is_streaming": true
  },
  "id_normalization_mapping": {}
}
"""

HTTP_FILE = """{
  "test_id": null,
  "request": {
    "test_id": null,
    "url": "http://localhost:8000/v1/rerank?top=3",
    "method": "POST",
    "payload": {
      "query": "q"
    }
  },
  "response": {
    "status": 200,
    "body": [],
    "is_streaming": false
  },
  "id_normalization_mapping": {}
}
"""


def chat_data():
    return json.loads(CHAT_FILE)


def http_data():
    return json.loads(HTTP_FILE)


def test_the_seed_is_written_back_byte_for_byte():
    assert Recording.from_text(SEED.read_bytes()).to_text().encode() == SEED.read_bytes()


@pytest.mark.parametrize("text", [CHAT_FILE, HTTP_FILE], ids=["inference", "http"])
def test_a_file_in_the_order_of_the_format_is_written_back_byte_for_byte(text):
    assert Recording.from_text(text).to_text() == text


def test_an_inference_recording_is_written_with_the_keys_in_the_order_of_the_format():
    request = InferenceRequest(
        "POST",
        "https://api.openai.com/v1/v1/chat/completions",
        {"model": "gpt-4o", "messages": [], "stream": True},
        "/v1/chat/completions",
        "gpt-4o",
    )
    chunk = {
        "__type__": "openai.types.chat.chat_completion_chunk.ChatCompletionChunk",
        "__data__": {"id": "rec-0123456789ab"},
    }
    recording = Recording("tests/test_chat.py::test_hello[é]", request, Answer([chunk], is_streaming=True))
    assert recording.to_text() == CHAT_FILE


def test_an_http_recording_is_written_with_the_keys_in_the_order_of_the_format():
    request = HttpRequest("POST", "http://localhost:8000/v1/rerank?top=3", {"query": "q"}, None)
    assert Recording(None, request, Answer([], status=200)).to_text() == HTTP_FILE


def test_additions_to_the_format_appear_only_where_they_are_needed():
    recording = Recording(None, HttpRequest("GET", "http://h/", None), Answer("hi"))
    assert list(recording.to_json()) == ["test_id", "request", "response", "id_normalization_mapping"]
    assert recording.to_json()["response"] == {"body": "hi", "is_streaming": False}


def test_what_a_file_says_of_its_request_is_known():
    request = Recording.from_text(CHAT_FILE).request
    assert (request.method, request.endpoint, request.model) == ("POST", "/v1/chat/completions", "gpt-4o")
    assert request.extra == {}
    old = chat_data()
    for key in ("headers", "endpoint", "model"):
        del old["request"][key]
    request = Recording.from_json(old).request
    assert (request.headers, request.endpoint, request.model) == ({}, "", "")


def test_each_addition_comes_back():
    answer = Answer(
        {"error": {}},
        status=429,
        headers={"retry-after": "3"},
        url="https://other.example/v1/v1/chat/completions",
        is_exception=True,
        exception_data={"category": "transport"},
    )
    recording = Recording.from_text(CHAT_FILE)
    recording.later_responses = [Answer("second"), answer]
    again = Recording.from_text(recording.to_text())
    assert again == recording
    assert [entry.body for entry in again.answers[1:]] == ["second", {"error": {}}]
    assert again.answers[0] is again.response
    assert again.later_responses[1] == answer


def test_the_framing_of_a_stream_stands_beside_its_chunks():
    data = chat_data()
    framing = {"between": [{"text": ": ping\n\n", "before": [0]}], "end": ""}
    data["response"] |= {"framing": framing, "is_exception": True}
    recording = Recording.from_json(data)
    assert recording.response.framing == recording.response.decoded.framing == framing
    assert list(recording.to_json()["response"]) == ["body", "is_streaming", "framing", "is_exception"]
    assert Recording.from_text(recording.to_text()) == recording


@pytest.mark.parametrize("framing", [None, [], "", {"unknown": 1}])
def test_a_framing_that_nobody_knows_is_written_back(framing):
    data = chat_data()
    data["response"]["framing"] = framing
    assert Recording.from_json(data).to_json() == data


def test_text_is_readable_utf8():
    data = http_data()
    data["response"]["body"] = "naïve 你好 🙂"
    assert '"naïve 你好 🙂"' in Recording.from_json(data).to_text()


def test_a_lone_surrogate_stays_escaped():
    text = HTTP_FILE.replace('"body": []', '"body": "half: \\ud83d, é"')
    written = Recording.from_text(text).to_text()
    assert written == text
    assert Recording.from_text(written.encode("utf-8")).response.body == "half: \ud83d, é"


@pytest.mark.parametrize(
    "body",
    [
        int("1234567890" * 30),
        -0.0,
        [1, 1.0, True, None, 1e300, 5e-324],
        {"": {"": []}},
        "\x00\x1f\x7f\x85\u2028\ufeff",
        "x" * 5_000_000,
    ],
    ids=["300-digits", "minus-zero", "types", "empty-keys", "control-characters", "5-MB"],
)
def test_an_unusual_body_comes_back_as_it_was(body):
    data = http_data()
    data["response"]["body"] = body
    again = Recording.from_text(Recording.from_json(data).to_text())
    assert json.dumps(again.response.body) == json.dumps(body)


@pytest.mark.parametrize("mapping", [{}, {"rec-1": "original"}], ids=["no-mapping", "mapping"])
@pytest.mark.parametrize("depth", [150, 400, 700, 950])
def test_a_deeply_nested_file_is_written_back_or_refused(depth, mapping):
    data = http_data() | {"id_normalization_mapping": mapping}
    text = json.dumps(data).replace('"body": []', '"body": ' + "[" * depth + "]" * depth)
    try:
        recording = Recording.from_text(text)
    except InvalidRecordingError:
        assert depth > 200
    else:
        assert "".join(recording.to_text().split()).count("[" * depth + "]" * depth) == 1


@pytest.mark.parametrize(("opened", "closed"), [("[", "]"), ('{"a":', "}")], ids=["lists", "objects"])
def test_the_deepest_chunk_that_is_decoded_is_read_back_from_a_later_response(opened, closed):
    deep = opened * 199 + "[1]" + closed * 199
    decoded, _ = decode(f"data: {deep}\n\ndata: [DONE]\n\n".encode(), Context("/v1/chat/completions"))
    assert decoded.is_streaming
    recording = Recording.from_text(CHAT_FILE)
    recording.later_responses = [Answer(decoded.body, is_streaming=True)]
    assert Recording.from_text(recording.to_text()) == recording


def test_a_file_without_a_test_id_is_told_from_one_outside_a_test():
    old = chat_data()
    del old["test_id"]
    assert isinstance(Recording.from_json(old).test_id, Unset)
    assert "test_id" not in Recording.from_json(old).to_json()
    assert Recording.from_text(HTTP_FILE).test_id is None


def test_a_file_without_a_mapping_gets_none():
    old = chat_data()
    del old["id_normalization_mapping"]
    assert Recording.from_json(old).to_json() == old


@pytest.mark.parametrize("variant", [chat_data, http_data], ids=["inference", "http"])
@pytest.mark.parametrize(
    "path",
    [(), ("request",), ("response",), ("later_responses", 0)],
    ids=["file", "request", "response", "later-response"],
)
def test_unknown_keys_are_written_back_where_they_were(variant, path):
    data = variant()
    data["later_responses"] = [{"body": "again", "is_streaming": False}]
    place = data
    for step in path:
        place = place[step]
    place["provider_metadata"] = {"region": ["é", None]}
    assert Recording.from_json(data).to_json() == data


def test_a_recorded_exception_keeps_what_is_known_of_it():
    data = chat_data()
    details = {
        "category": "provider_sdk",
        "provider": "openai",
        "type": "BadRequestError",
        "message": "Error code: 400",
        "status_code": 400,
        "body": {"message": "no", "code": None},
    }
    data["response"] = {
        "body": None,
        "is_streaming": False,
        "is_exception": True,
        "exception_data": details,
        "exception_message": "Error code: 400",
    }
    recording = Recording.from_json(data)
    assert recording.response.is_exception
    assert recording.response.exception_data == details
    assert recording.to_json() == data


@pytest.mark.parametrize(
    "request_",
    [
        {"test_id": "t", "provider": "search", "tool_name": "web_search", "kwargs": {"q": "a"}},
        {"url": "tool://search", "kwargs": {}},
        {"method": "call", "body": {}},
        {"method": "call", "url": "tool://search", "kwargs": {}},
    ],
    ids=["tool", "no-method", "no-url", "no-body"],
)
def test_a_call_that_never_was_http_is_kept_as_it_is(request_):
    data = {
        "test_id": "t",
        "request": request_,
        "response": {"body": {"__type__": "api.tools.Result", "__data__": {}}, "is_streaming": False},
        "id_normalization_mapping": {},
    }
    recording = Recording.from_json(data)
    assert isinstance(recording.request, OtherRequest)
    assert recording.to_json() == data


def test_a_type_label_is_never_imported():
    data = http_data()
    data["response"]["body"] = {"__type__": "this.Zen", "__data__": {"a": 1}}
    recording = Recording.from_text(json.dumps(data))
    assert encode(recording.response.decoded, Context())[0] == b'{"a":1}'
    assert "this" not in sys.modules


def test_original_ids_are_replaced_in_the_whole_file():
    data = chat_data()
    data["request"]["body"]["previous"] = "resp_original"
    data["response"] = {"body": {"id": "resp_original", "text": "see resp_original."}, "is_streaming": False}
    data["id_normalization_mapping"] = {"resp_0": "resp_original"}
    recording = Recording.from_text(json.dumps(data))
    assert "resp_original" not in recording.to_text()
    assert recording.request.body["previous"] == "resp_0"
    assert recording.response.body == {"id": "resp_0", "text": "see resp_0."}
    assert recording.id_normalization_mapping == {}


def test_an_original_id_with_quotes_and_other_letters_is_replaced():
    data = http_data()
    data["response"]["body"] = 'say "é\\" twice'
    data["id_normalization_mapping"] = {"'ü'": '"é\\"'}
    assert Recording.from_text(json.dumps(data)).response.body == "say 'ü' twice"


@pytest.mark.parametrize("original", ["", None, 2, ["200"]], ids=repr)
def test_an_original_that_is_no_id_replaces_nothing(original):
    data = http_data()
    data["id_normalization_mapping"] = {"rec-1": original}
    assert Recording.from_json(data).to_json()["response"] == data["response"]
    assert Recording.from_text(json.dumps(data)).response.status == 200


def test_an_original_id_that_begins_like_another_does_not_spoil_that():
    data = http_data()
    data["response"]["body"] = ["call_1", "call_12"]
    data["id_normalization_mapping"] = {"first": "call_1", "second": "call_12"}
    assert Recording.from_text(json.dumps(data)).response.body == ["first", "second"]


def test_an_original_id_that_looks_like_a_number_leaves_numbers_alone():
    data = http_data()
    data["response"]["body"] = {"id": "200", "size": 200}
    data["id_normalization_mapping"] = {"rec-1": "200"}
    recording = Recording.from_text(json.dumps(data))
    assert recording.response.status == 200
    assert recording.response.body == {"id": "rec-1", "size": 200}


def changed(**changes):
    data = http_data()
    for path, value in changes.items():
        *steps, last = path.split("__")
        place = data
        for step in steps:
            place = place[step]
        place[last] = value
    return json.dumps(data)


def without(key):
    return json.dumps({name: value for name, value in http_data().items() if name != key})


@pytest.mark.parametrize(
    ("text", "expected", "got"),
    [
        ("", "JSON", "Expecting value"),
        ("<<<<<<< HEAD\n" + HTTP_FILE, "JSON", "line 1 column 1"),
        (HTTP_FILE[:-20], "JSON", "line"),
        (b"\xff\xfe\xfa", "UTF-8", "other bytes"),
        (b'{"test_id": "\xe9"}', "UTF-8", "other bytes"),
        ("[" * 100_000, "a recording", "nested too deeply"),
        ("[]", "a JSON object", "a list"),
        ("3", "a JSON object", "a number"),
        ("null", "a JSON object", "null"),
        ("{}", "'request'", "no such key"),
        (without("request"), "'request'", "no such key"),
        (without("response"), "'response'", "no such key"),
        (changed(test_id=3), "a string or null under 'test_id'", "a number"),
        (changed(request=[]), "an object under 'request'", "a list"),
        (changed(request__url=None), "a string under 'request.url'", "null"),
        (changed(request__method={}), "a string under 'request.method'", "an object"),
        (changed(request__test_id=1), "under 'request.test_id'", "a number"),
        (changed(response="hi"), "an object under 'response'", "a string"),
        (changed(response={}), "a body under 'response.body'", "no such key"),
        (changed(response__is_streaming="yes"), "a boolean under 'response.is_streaming'", "a string"),
        (changed(response={"body": {}, "is_streaming": True}), "a list of chunks", "an object"),
        (changed(response__status="200"), "an HTTP status", "a string"),
        (changed(response__status=True), "an HTTP status", "a boolean"),
        (changed(response__status=99), "an HTTP status", "99"),
        (changed(response__status=1000), "an HTTP status", "1000"),
        (changed(response__headers=[]), "an object of strings", "a list"),
        (changed(response__headers={"retry-after": 3}), "response.headers.retry-after", "a number"),
        (changed(later_responses={}), "a list under 'later_responses'", "an object"),
        (changed(later_responses=[{"body": 1}, 2]), "an object under 'later_responses[1]'", "a number"),
        (changed(id_normalization_mapping=[]), "under 'id_normalization_mapping'", "a list"),
    ],
    ids=lambda value: None if isinstance(value, bytes) or len(value) > 60 else value,
)
def test_a_text_that_is_no_recording_is_refused_with_what_was_expected_and_found(text, expected, got):
    with pytest.raises(InvalidRecordingError) as caught:
        Recording.from_text(text)
    assert expected in caught.value.expected
    assert got in caught.value.got
    assert caught.value.expected in str(caught.value)
    assert caught.value.got in str(caught.value)


# --- Whatever is in a file comes out again --------------------------------------------------------------

texts = arbitrary_json.texts(max_size=12)
values = arbitrary_json.values(texts, max_items=3, max_leaves=8)
KNOWN_KEYS = {
    *("test_id", "request", "response", "later_responses", "id_normalization_mapping"),
    *("method", "url", "headers", "body", "endpoint", "model", "payload"),
    *("status", "is_streaming", "is_exception", "exception_data"),
}
unknown = st.dictionaries(texts.filter(lambda key: key not in KNOWN_KEYS), values, max_size=2)


def with_unknown(known, optional=None):
    return st.builds(lambda a, b: {**a, **b}, st.fixed_dictionaries(known, optional=optional or {}), unknown)


answers = with_unknown(
    {"body": values, "is_streaming": st.just(False)},
    {
        "status": st.integers(100, 599),
        "headers": st.dictionaries(texts, texts, min_size=1, max_size=2),
        "url": texts,
        "is_exception": st.booleans(),
        "exception_data": st.none() | st.dictionaries(texts, values, max_size=2),
    },
) | with_unknown({"body": st.lists(values, max_size=3), "is_streaming": st.just(True)})
requests = (
    with_unknown(
        {
            **dict.fromkeys(("method", "url", "endpoint", "model"), texts),
            **dict.fromkeys(("headers", "body"), values),
        }
    )
    | with_unknown({"test_id": st.none() | texts, "url": texts, "method": texts, "payload": values})
    | with_unknown({"provider": texts, "kwargs": values})
)
files = with_unknown(
    {"request": requests, "response": answers},
    {
        "test_id": st.none() | texts,
        "later_responses": st.lists(answers, min_size=1, max_size=2),
        "id_normalization_mapping": st.just({}),
    },
)


@given(files)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_a_file_holds_is_written_back(data):
    text = Recording.from_json(data).to_text()
    assert json.dumps(json.loads(text), sort_keys=True) == json.dumps(data, sort_keys=True)
    assert Recording.from_text(text).to_text() == text
    assert Recording.from_text(text.encode("utf-8")).to_text() == text


@given(files)
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_text_is_plain_json_with_indent_2_and_one_newline_at_the_end(data):
    recording = Recording.from_json(data)
    plain = json.dumps(recording.to_json(), indent=2, ensure_ascii=False)
    escaped = re.sub("[\ud800-\udfff]", lambda match: f"\\u{ord(match[0]):04x}", plain)
    assert recording.to_text() == escaped + "\n"
