import base64
import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hashtape
from hashtape.recording import HttpRequest, InferenceRequest, OtherRequest
from hashtape.request_id import (
    WireRequest,
    candidate_ids,
    id_of,
    operation_of,
    recorded_form,
    request_id,
    wants_base64,
)
from hashtape.wire_form import wire_forms, wire_request_of

VECTORS = json.loads((Path(__file__).parent / "hash_vectors.json").read_text(encoding="utf-8"))
TEST_ID = "tests/test_chat.py::test_hello"
CHAT = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}
OPENAI = "https://api.openai.com/v1"
AZURE = "https://example.openai.azure.com/openai/deployments/gpt-4o"
DATABRICKS = "https://dbc-secret.cloud.databricks.com/serving-endpoints"


def wire(method, url, body=None, content_type="application/json"):
    if body is None:
        return WireRequest(method, url)
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return WireRequest(method, url, raw, content_type)


def post(body, url=f"{OPENAI}/chat/completions"):
    return recorded_form(wire("POST", url, body), TEST_ID)


# --- Hashing --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["note"] for vector in VECTORS])
def test_the_id_is_that_of_the_vector(vector):
    given_ = (vector["method"], vector["url"], vector["body"], vector["test_id"], vector["revision"])
    assert hashtape.request_id(*given_) == vector["hash"]


def test_revision_1_outside_a_test_is_what_is_meant_when_nothing_is_named():
    url = f"{OPENAI}/v1/chat/completions"
    body = CHAT | {"user": "score: 0.5"}
    assert request_id("POST", url, body) == request_id("POST", url, body, None, 1)
    assert request_id("POST", url, body) != request_id("POST", url, body, None, 2)
    assert re.fullmatch("[0-9a-f]{64}", request_id("POST", url, body))


@pytest.mark.parametrize("revision", [0, 3, None, "1"])
def test_there_are_two_revisions(revision):
    with pytest.raises(ValueError, match="expected revision 1 or 2, got"):
        request_id("POST", f"{OPENAI}/v1/chat/completions", CHAT, revision=revision)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


def reversed_keys(value):
    if isinstance(value, dict):
        return {key: reversed_keys(item) for key, item in reversed(value.items())}
    return [reversed_keys(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("url", [f"{OPENAI}/chat/completions", "https://h/v1/messages"])
@given(st.dictionaries(st.text(), json_values, max_size=4))
@settings(max_examples=60, deadline=None)
def test_ids_do_not_depend_on_the_order_of_keys_or_on_white_space(url, extra):
    body = {**extra, "model": "m"}
    one = recorded_form(wire("POST", url, json.dumps(body, ensure_ascii=False).encode()), TEST_ID)
    other = recorded_form(wire("POST", url, json.dumps(reversed_keys(body), indent=3).encode()), TEST_ID)
    assert [id_of(one, TEST_ID, n) for n in (1, 2)] == [id_of(other, TEST_ID, n) for n in (1, 2)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"temperature": 1}, {"temperature": 1.0}),
        ({"temperature": 1}, {"temperature": True}),
        ({"stream": False}, {}),
        ({"seed": 10**300}, {"seed": 10**300 + 1}),
        ({"user": "half \ud83d"}, {"user": "half \ud83e"}),
        ({"stop": ["a", "b"]}, {"stop": ["b", "a"]}),
    ],
    ids=["int-or-float", "int-or-boolean", "absent", "300-digits", "lone-surrogates", "order-of-a-list"],
)
def test_requests_that_differ_have_different_ids(one, other):
    assert id_of(post(CHAT | one), TEST_ID) != id_of(post(CHAT | other), TEST_ID)


# --- From the wire to the recorded URL, and back --------------------------------------------------------

EMBED = {"model": "m", "input": ["a", "b"]}
PROMPT = {"model": "m", "prompt": "p"}
ROWS = [
    ("POST", f"{OPENAI}/chat/completions", CHAT, f"{OPENAI}/v1/chat/completions", "/v1/chat/completions"),
    ("POST", f"{OPENAI}/completions", PROMPT, f"{OPENAI}/v1/completions", "/v1/completions"),
    ("POST", f"{OPENAI}/embeddings", EMBED, f"{OPENAI}/v1/embeddings", "/v1/embeddings"),
    ("POST", f"{OPENAI}/responses", EMBED, f"{OPENAI}/v1/responses", "/v1/responses"),
    ("POST", "http://h:8/chat/completions", CHAT, "http://h:8/v1/chat/completions", "/v1/chat/completions"),
    ("POST", "https://h/api/v1/embeddings", EMBED, "https://h/api/v1/v1/embeddings", "/v1/embeddings"),
    ("POST", f"{AZURE}/chat/completions", CHAT, f"{AZURE}/v1/chat/completions", "/v1/chat/completions"),
    ("GET", f"{OPENAI}/models", None, f"{OPENAI}/v1/models", "/v1/models"),
    ("GET", "http://h:8080/models", None, "http://h:8080/v1/models", "/v1/models"),
    ("GET", "https://h/v1beta/openai/models", None, "https://h/v1beta/openai/v1/models", "/v1/models"),
    ("GET", "https://h/openai/models", None, "https://h/openai/v1/models", "/v1/models"),
    ("POST", "http://h:11434/api/chat", CHAT, "http://h:11434/api/chat", "/api/chat"),
    ("POST", "http://h:11434/api/generate", PROMPT, "http://h:11434/api/generate", "/api/generate"),
    ("POST", "http://h:11434/api/embed", EMBED, "http://h:11434/api/embeddings", "/api/embeddings"),
    ("GET", "http://h:11434/api/tags", None, "http://h:11434/api/tags", "/api/tags"),
    ("GET", "http://h:11434/api/ps", None, "http://h:11434/api/ps", "/api/ps"),
]
ROW_IDS = [f"{row[0]} {row[1].partition('://')[2]}" for row in ROWS]


@pytest.mark.parametrize(("method", "url", "body", "recorded_url", "endpoint"), ROWS, ids=ROW_IDS)
def test_an_operation_has_the_recorded_form_of_the_table(method, url, body, recorded_url, endpoint):
    recorded = recorded_form(wire(method.lower(), url, body), TEST_ID)
    assert isinstance(recorded, InferenceRequest)
    assert (recorded.method, recorded.url, recorded.endpoint) == ("POST", recorded_url, endpoint)
    assert recorded.body == (body or {})
    assert recorded.model == (body or {"model": ""})["model"]
    assert recorded.headers == {}
    assert operation_of(recorded) == endpoint


@pytest.mark.parametrize(("method", "url", "body", "recorded_url", "endpoint"), ROWS, ids=ROW_IDS)
def test_the_recorded_form_leads_back_to_the_wire(method, url, body, recorded_url, endpoint):
    recorded = recorded_form(wire(method, url, body), TEST_ID)
    again = wire_request_of(recorded)
    assert (again.method, again.url) == (method, url)
    assert (json.loads(again.body) if again.body else None) == body
    assert again.content_type == ("application/json" if body else "")
    assert recorded_form(again, TEST_ID) == recorded


@pytest.mark.parametrize(("method", "url", "body", "recorded_url", "endpoint"), ROWS, ids=ROW_IDS)
def test_the_recorded_form_has_the_id_that_the_public_function_gives(
    method, url, body, recorded_url, endpoint
):
    recorded = recorded_form(wire(method, url, body), TEST_ID)
    for revision in (1, 2):
        expected = request_id("POST", recorded_url, body or {}, TEST_ID, revision)
        assert id_of(recorded, TEST_ID, revision) == expected


bases = st.lists(st.sampled_from(["v1", "v1beta", "openai", "api", "a-b", "completions"]), max_size=3)


@given(bases, st.sampled_from(["chat/completions", "completions", "embeddings", "responses"]), json_values)
@settings(max_examples=80, deadline=None)
def test_every_call_below_any_base_url_leads_there_and_back(base, operation, value):
    url = "/".join(["https://h:8", *base, operation])
    recorded = recorded_form(wire("POST", url, {"model": "m", "x": value}), TEST_ID)
    again = wire_request_of(recorded)
    assert (again.method, again.url) == ("POST", url)
    assert json.dumps(json.loads(again.body)) == json.dumps({"model": "m", "x": value})


@pytest.mark.parametrize(
    ("method", "url", "body"),
    [
        ("GET", "https://cars.example/models?brand=a", None),
        ("GET", "https://cars.example/cars/models", None),
        ("GET", "https://cars.example/api/models", None),
        ("GET", f"{OPENAI}/models?limit=3", None),
        ("GET", f"{OPENAI}/models/gpt-4o", None),
        ("GET", "https://cars.example/supermodels", None),
        ("POST", f"{OPENAI}/models", {"model": "m"}),
        ("GET", f"{OPENAI}/chat/completions", None),
        ("DELETE", f"{OPENAI}/responses/resp_1", None),
        ("POST", f"{OPENAI}/responses/resp_1/cancel", CHAT),
        ("POST", f"{OPENAI}/chat/completions", {"messages": []}),
        ("POST", f"{OPENAI}/chat/completions", [CHAT]),
        ("POST", f"{OPENAI}/chat/completions", b"model=gpt-4o"),
        ("POST", f"{OPENAI}/mychat-completions", CHAT),
        ("PUT", f"{OPENAI}/embeddings", EMBED),
        ("POST", "https://api.anthropic.com/v1/messages", CHAT),
        ("POST", "http://h:11434/api/show", CHAT),
        ("POST", "http://h:11434/api/chat", {"messages": []}),
        ("GET", "http://h:11434/api/tags?all=1", None),
        ("POST", "http://h:11434/api/tags", None),
    ],
    ids=lambda value: value.partition("://")[2] if isinstance(value, str) and "://" in value else None,
)
def test_every_other_request_is_recorded_as_it_is(method, url, body):
    recorded = recorded_form(wire(method, url, body), TEST_ID)
    assert isinstance(recorded, HttpRequest)
    assert (recorded.method, recorded.url, recorded.test_id) == (method, url, TEST_ID)
    assert operation_of(recorded) == ""
    assert recorded.payload == (body.decode() if isinstance(body, bytes) else body)
    assert id_of(recorded, TEST_ID) == request_id(method, url, recorded.payload, TEST_ID)


@pytest.mark.parametrize("body", [None, {"a": [1, 1.0]}, [], b"plain text", 'a "quoted" é'.encode()])
def test_an_http_request_leads_back_to_the_wire(body):
    request = wire("POST", "https://h/v1/messages?beta=true", body)
    again = wire_request_of(recorded_form(request, TEST_ID))
    assert (again.method, again.url) == ("POST", "https://h/v1/messages?beta=true")
    kind = "text/plain" if isinstance(body, bytes) else "application/json"
    assert again.content_type == ("" if body is None else kind)
    if isinstance(body, bytes):
        assert again.body == body
    else:
        assert (json.loads(again.body) if again.body else None) == body


def test_a_form_leads_back_to_the_wire():
    request = WireRequest("POST", "https://h/token", b"a=x+y&b=%26&a=", "application/x-www-form-urlencoded")
    assert wire_request_of(recorded_form(request, TEST_ID)) == request


@pytest.mark.parametrize(("one", "other"), [("https://h", "https://h/"), ("https://h?a=1", "https://h/?a=1")])
def test_the_path_of_the_root_may_be_left_out(one, other):
    assert recorded_form(wire("GET", one)) == recorded_form(wire("GET", other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://h:443/a?b", "https://h/a?b"),
        ("http://h:80/", "http://h/"),
        ("https://[::1]:443/a", "https://[::1]/a"),
        ("https://h:443/v1/models", "https://h/v1/models"),
    ],
)
def test_the_port_that_goes_without_saying_may_be_said(one, other):
    assert recorded_form(wire("GET", one)) == recorded_form(wire("GET", other))
    assert wire_forms(HttpRequest("GET", one, None)) == wire_forms(HttpRequest("GET", other, None))


@pytest.mark.parametrize("url", ["http://h:443/", "https://h:4430/", "https://h/a:443/", "https://u:443@h/"])
def test_any_other_port_counts(url):
    assert recorded_form(wire("GET", url)).url == url


def test_half_an_emoji_in_a_text_that_somebody_edited_is_no_error():
    edited = HttpRequest("POST", "https://h/x", "half \ud83d")
    assert wire_request_of(edited).body.startswith(b"half ")


def test_the_query_of_an_operation_is_not_recorded_and_does_not_count():
    old = post(CHAT, f"{AZURE}/chat/completions?api-version=2024-06-01")
    new = post(CHAT, f"{AZURE}/chat/completions?api-version=2025-01-01#x")
    assert old == new == post(CHAT, f"{AZURE}/chat/completions")
    assert id_of(old, TEST_ID) == id_of(new, TEST_ID)


def test_the_query_of_any_other_request_counts():
    ids = {id_of(recorded_form(wire("GET", f"https://h/x{query}")), None) for query in ("", "?a=1", "?a=2")}
    assert len(ids) == 3


def test_the_test_id_of_an_http_request_counts_and_that_of_a_shared_model_list_does_not():
    def ids(url):
        return {id_of(recorded_form(wire("GET", url), test_id), test_id) for test_id in (None, "a", "b")}

    assert len(ids("https://h/x")) == 3
    assert len(ids("http://h:8080/models")) == 1
    assert len(ids("http://h:11434/api/tags")) == 1
    assert len(ids(f"{OPENAI}/models")) == 3


@pytest.mark.parametrize(
    ("method", "url", "body", "recorded_url"),
    [
        (
            *("POST", f"{DATABRICKS}/chat/completions", CHAT),
            "__databricks__/serving-endpoints/v1/chat/completions",
        ),
        ("GET", f"{DATABRICKS}/list?page=1", None, "__databricks__/serving-endpoints/list?page=1"),
    ],
    ids=["inference", "http"],
)
def test_no_databricks_workspace_is_recorded(method, url, body, recorded_url):
    recorded = recorded_form(wire(method, url, body), TEST_ID)
    assert recorded.url == recorded_url
    again = recorded_form(wire_request_of(recorded), TEST_ID)
    assert again == recorded
    assert id_of(recorded, TEST_ID) == id_of(again, TEST_ID)


def test_two_databricks_workspaces_share_a_recording():
    one, other = (post(CHAT, f"{DATABRICKS.replace('secret', name)}/chat/completions") for name in "ab")
    assert id_of(one, TEST_ID) == id_of(other, TEST_ID)


def test_databricks_in_a_path_or_query_hides_nothing():
    url = "https://proxy.example/cloud.databricks.com/x?to=a.cloud.databricks.com"
    assert recorded_form(wire("GET", url)).url == url


@pytest.mark.parametrize("model", [None, 3, ["gpt-4o"]])
def test_a_model_that_is_no_name_is_recorded_as_empty(model):
    recorded = post(CHAT | {"model": model})
    assert recorded.model == ""
    assert recorded.body["model"] == model


def test_a_body_is_recorded_in_the_same_order_whichever_the_client_sends():
    one, other = CHAT | {"a": 1, "b": 2}, {"b": 2, "messages": CHAT["messages"], "a": 1, "model": "gpt-4o"}
    assert list(post(one).body) == list(post(other).body) == ["model", "messages", "a", "b"]
    assert list(post({"a": 1, "input": "i", "model": "m"}).body) == ["model", "input", "a"]
    assert list(post({"a": 1, "prompt": "p", "model": "m"}).body) == ["model", "prompt", "a"]


# --- Embeddings -----------------------------------------------------------------------------------------


def test_the_base64_that_the_client_asks_for_by_itself_is_not_hashed():
    plain, asked = (
        post(EMBED, f"{OPENAI}/embeddings"),
        post(EMBED | {"encoding_format": "base64"}, f"{OPENAI}/embeddings"),
    )
    assert plain == asked


def test_what_another_operation_calls_encoding_format_is_hashed():
    assert post(CHAT | {"encoding_format": "base64"}).body["encoding_format"] == "base64"


def test_the_floats_that_a_caller_asks_for_are_hashed():
    asked = post(EMBED | {"encoding_format": "float"}, f"{OPENAI}/embeddings")
    assert asked.body["encoding_format"] == "float"


@pytest.mark.parametrize(
    ("url", "body", "expected"),
    [
        (f"{OPENAI}/embeddings", EMBED | {"encoding_format": "base64"}, True),
        (f"{AZURE}/embeddings?api-version=1", EMBED | {"encoding_format": "base64"}, True),
        (f"{OPENAI}/embeddings", EMBED | {"encoding_format": "float"}, False),
        (f"{OPENAI}/embeddings", EMBED, False),
        (f"{OPENAI}/embeddings", b'"base64"', False),
        (f"{OPENAI}/chat/completions", CHAT | {"encoding_format": "base64"}, False),
    ],
)
def test_base64_is_wanted_where_the_wire_asks_for_it(url, body, expected):
    assert wants_base64(wire("POST", url, body)) is expected


def test_the_wire_request_of_an_embedding_can_ask_for_base64_again():
    recorded = post(EMBED, f"{OPENAI}/embeddings")
    assert json.loads(wire_request_of(recorded, base64=True).body) == EMBED | {"encoding_format": "base64"}
    assert json.loads(wire_request_of(recorded).body) == EMBED


def test_only_embeddings_ask_for_base64():
    recorded = post(CHAT)
    assert json.loads(wire_request_of(recorded, base64=True).body) == CHAT


def test_a_body_that_came_with_a_get_is_not_recorded():
    recorded = recorded_form(wire("GET", f"{OPENAI}/models", {"model": "m"}), TEST_ID)
    assert (recorded.method, recorded.body, recorded.model) == ("POST", {}, "")


# --- Finding a recording again --------------------------------------------------------------------------


def stored(body, url=f"{OPENAI}/v1/chat/completions", endpoint="/v1/chat/completions"):
    return InferenceRequest("POST", url, body, endpoint, body.get("model", ""))


def is_found(request, recording):
    return bool(wire_forms(recorded_form(request, TEST_ID)) & wire_forms(recording))


def test_the_first_two_candidates_are_the_ids_of_revision_1_and_2():
    recorded = post(CHAT | {"user": "score: 0.5"})
    ids = list(candidate_ids(recorded, TEST_ID, base64=False))
    assert ids[:2] == [id_of(recorded, TEST_ID, 1), id_of(recorded, TEST_ID, 2)]
    assert ids[0] != ids[1]


def test_an_http_request_has_one_candidate():
    recorded = recorded_form(wire("GET", "https://h/x"), TEST_ID)
    assert list(candidate_ids(recorded, TEST_ID, base64=False)) == [id_of(recorded, TEST_ID)]


def test_a_caller_who_asked_for_base64_has_that_in_the_name():
    body = EMBED | {"encoding_format": "base64"}
    name = request_id("POST", f"{OPENAI}/v1/embeddings", body, TEST_ID)
    assert name in candidate_ids(post(body, f"{OPENAI}/embeddings"), TEST_ID, base64=True)


def test_a_model_list_has_two_candidates():
    recorded = recorded_form(wire("GET", f"{OPENAI}/models"), TEST_ID)
    ids = list(candidate_ids(recorded, TEST_ID, base64=False))
    assert ids == [id_of(recorded, TEST_ID, 1), id_of(recorded, TEST_ID, 2)]


def test_a_project_id_that_the_caller_put_into_extra_body_is_not_in_the_name_of_revision_2():
    called = CHAT | {"extra_body": {"project_id": "p"}}
    name = request_id("POST", f"{OPENAI}/v1/chat/completions", called, TEST_ID, 2)
    assert name in candidate_ids(post(CHAT | {"project_id": "q"}), TEST_ID, base64=False)


@pytest.mark.parametrize(
    "recording",
    [
        stored(CHAT | {"top_k": 3}),
        stored(dict(reversed(CHAT.items())) | {"extra_body": {"top_k": 3}}),
        stored(CHAT | {"top_k": 3, "extra_body": {}}),
        stored(CHAT | {"top_k": 3}, "http://other:8/v1/v1/chat/completions"),
        stored(CHAT | {"top_k": 3}, f"{OPENAI}/v1/completions", "/v1/completions"),
        stored(CHAT | {"top_k": 3}, f"{OPENAI}/chat/completions", "/chat/completions"),
        stored(CHAT | {"top_k": 3, "timeout": 30}),
        stored(CHAT | {"top_k": 3, "extra_headers": {"x-a": "b"}}),
        stored(CHAT | {"top_k": 3, "extra_query": {"api-version": "1"}}),
    ],
    ids=[
        *("same", "extra_body", "empty-extra_body", "other-host", "chat-called-completions"),
        *("wire-url", "timeout", "extra_headers", "extra_query"),
    ],
)
def test_a_recording_of_the_same_call_stands_for_the_wire_request(recording):
    assert is_found(wire("POST", f"{OPENAI}/chat/completions", CHAT | {"top_k": 3}), recording)


@pytest.mark.parametrize(
    "recording",
    [
        stored(CHAT),
        stored(CHAT | {"top_k": 3.0}),
        stored(CHAT | {"top_k": True}),
        stored(CHAT | {"extra_body": {"top_k": 4}}),
        stored(CHAT | {"top_k": 3}, "https://h/other/v1/chat/completions"),
        stored(CHAT | {"top_k": 3}, f"{OPENAI}/chat/completions"),
        stored(CHAT | {"top_k": 3, "encoding_format": "base64"}),
        stored(CHAT | {"top_k": 3}, f"{OPENAI}/v1/responses", "/v1/responses"),
        HttpRequest("POST", f"{OPENAI}/chat/completions", CHAT | {"top_k": 3}, TEST_ID),
        OtherRequest({"provider": "p", "tool_name": "t", "kwargs": CHAT}),
    ],
    ids=[
        *("less", "float", "boolean", "other-extra_body", "other-path", "other-base"),
        *("encoding_format", "other-operation", "http", "tool-call"),
    ],
)
def test_a_recording_of_another_call_does_not_stand_for_the_wire_request(recording):
    assert not is_found(wire("POST", f"{OPENAI}/chat/completions", CHAT | {"top_k": 3}), recording)


@pytest.mark.parametrize(("method", "url", "body", "recorded_url", "endpoint"), ROWS, ids=ROW_IDS)
def test_every_operation_is_found_by_its_wire_form(method, url, body, recorded_url, endpoint):
    recording = InferenceRequest("POST", recorded_url, body or {}, endpoint)
    assert is_found(wire(method, url, body), recording)
    assert {form[0] for form in wire_forms(recording)} == {method}
    assert not is_found(wire("POST", f"{url}/x", body or CHAT), recording)


def test_a_completion_is_not_taken_for_a_chat():
    recording = stored(PROMPT, f"{OPENAI}/v1/completions", "/v1/completions")
    assert is_found(wire("POST", f"{OPENAI}/completions", PROMPT), recording)
    assert not is_found(wire("POST", f"{OPENAI}/chat/completions", PROMPT), recording)


def test_the_defaults_that_the_ollama_client_adds_do_not_hide_a_recording():
    recording = stored(CHAT, "http://h:11434/api/chat", "/api/chat")
    assert is_found(wire("POST", "http://h:11434/api/chat", CHAT | {"stream": False, "tools": []}), recording)
    assert not is_found(wire("POST", "http://h:11434/api/chat", CHAT | {"stream": True}), recording)


@pytest.mark.parametrize("value", [0, 0.0, 1, "0"], ids=repr)
def test_a_zero_for_ollama_is_not_nothing(value):
    recording = stored(CHAT | {"keep_alive": value}, "http://h:11434/api/chat", "/api/chat")
    assert is_found(wire("POST", "http://h:11434/api/chat", CHAT | {"keep_alive": value}), recording)
    assert not is_found(wire("POST", "http://h:11434/api/chat", CHAT), recording)


def test_what_a_caller_switches_off_for_ollama_is_not_nothing():
    recording = stored(CHAT | {"think": False}, "http://h:11434/api/chat", "/api/chat")
    assert is_found(wire("POST", "http://h:11434/api/chat", CHAT | {"think": False}), recording)
    assert not is_found(wire("POST", "http://h:11434/api/chat", CHAT), recording)


def test_an_embedding_is_found_whatever_encoding_is_asked_for_behind_the_callers_back():
    recording = stored(EMBED, f"{OPENAI}/v1/embeddings", "/v1/embeddings")
    named = stored(EMBED | {"encoding_format": "base64"}, f"{OPENAI}/v1/embeddings", "/v1/embeddings")
    assert is_found(wire("POST", f"{OPENAI}/embeddings", EMBED | {"encoding_format": "base64"}), recording)
    assert is_found(wire("POST", f"{OPENAI}/embeddings", EMBED | {"encoding_format": "base64"}), named)
    assert not is_found(wire("POST", f"{OPENAI}/embeddings", EMBED | {"encoding_format": "float"}), recording)


def test_an_http_recording_is_found_by_its_whole_url():
    recording = HttpRequest("GET", "https://h/x?a=1", None, TEST_ID)
    assert is_found(wire("GET", "https://h/x?a=1"), recording)
    assert not is_found(wire("GET", "https://h/x?a=2"), recording)
    assert not is_found(wire("GET", "https://other/x?a=1"), recording)


def test_extra_body_is_part_of_the_wire_body():
    request = wire_request_of(stored(CHAT | {"extra_body": {"top_k": 3}}))
    assert json.loads(request.body) == CHAT | {"top_k": 3}


@pytest.mark.parametrize("key", ["extra_headers", "extra_query", "timeout"])
def test_what_a_caller_tells_only_the_client_is_not_part_of_the_wire_body(key):
    assert json.loads(wire_request_of(stored(CHAT | {key: {}})).body) == CHAT


@pytest.mark.parametrize(
    "recording",
    [
        InferenceRequest("POST", "vertexai:///generate_content", {"model": "g"}, "/generate_content"),
        InferenceRequest(
            "POST", "vertexai:///generate_content_stream", {"model": "g"}, "/generate_content_stream"
        ),
        InferenceRequest("POST", "vertexai:///embed_content", {"model": "g"}, "/embed_content"),
        InferenceRequest("POST", "https://h/generate_content", {"model": "g"}, "/generate_content"),
        OtherRequest({"provider": "p", "tool_name": "t", "kwargs": {}}),
    ],
    ids=["gemini", "gemini-stream", "other-scheme", "gemini-by-host", "tool-call"],
)
def test_what_never_was_http_stands_for_no_wire_request(recording):
    assert wire_request_of(recording) is None
    assert wire_forms(recording) == set()


# --- Bodies that are unusual ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b'{"model": "m", "temperature": NaN}',
        b'{"model": "m", "temperature": 1e999}',
        b'{"model": "a", "model": "b"}',
        b'{"model": "m", "seed": ' + b"1" * 5000 + b"}",
        b'{"model": "m", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'\xef\xbb\xbf{"model": "m"}',
        b"{",
    ],
    ids=["nan", "beyond-a-float", "duplicate-key", "5000-digits", "nested", "byte-order-mark", "cut-off"],
)
def test_a_body_that_json_would_not_give_back_is_recorded_as_text(body):
    recorded = post(body)
    assert isinstance(recorded, HttpRequest)
    assert recorded.payload == body.decode()
    assert wire_request_of(recorded).body == body


@pytest.mark.parametrize(
    "value",
    [
        "half \ud83d",
        10**300,
        -0.0,
        json.loads("[" * 150 + "]" * 150),
        json.loads('{"a":' * 150 + "1" + "}" * 150),
        "x" * 5_000_000,
        "1" * 5_000_000,
        "\0\u2028",
    ],
    ids=[
        *("lone-surrogate", "300-digits", "minus-zero", "nested-lists", "nested", "5-MB"),
        *("digits", "controls"),
    ],
)
def test_an_unusual_value_is_recorded_as_it_is(value):
    recorded = post(CHAT | {"x": value})
    assert json.dumps(recorded.body["x"]) == json.dumps(value)
    assert json.dumps(json.loads(wire_request_of(recorded).body)["x"]) == json.dumps(value)
    assert is_found(wire_request_of(recorded), recorded)
    assert len(list(candidate_ids(recorded, TEST_ID, base64=True))) >= 2


@given(st.sampled_from(["GET", "POST", "PUT"]), st.sampled_from([row[1] for row in ROWS]), st.binary())
@settings(max_examples=80, deadline=None)
def test_any_bytes_have_an_id(method, url, body):
    recorded = recorded_form(wire(method, url, body, "application/octet-stream"), TEST_ID)
    assert re.fullmatch("[0-9a-f]{64}", id_of(recorded, TEST_ID))
    assert recorded_form(wire(method, url, body, "application/octet-stream"), TEST_ID) == recorded


def test_a_binary_body_is_recorded_by_its_digest_and_not_itself():
    body = b"\0" + base64.b64encode(bytes(5_000_000))
    assert len(json.dumps(post(body).payload)) < 200
