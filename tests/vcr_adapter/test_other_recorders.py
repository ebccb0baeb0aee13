"""Recordings as other recorders of the format wrote them, above HTTP: each plays through the client."""

from __future__ import annotations

import hashlib
import json
from urllib.parse import urlsplit

import httpx
import openai
import pytest

import hashtape

TEST = "tests/test_x.py::test_it"
BASE = "https://api.example/v1"
QUESTION = {"model": "demo", "messages": [{"role": "user", "content": "hi"}]}
MODEL = "openai.types.model.Model"


def chunk(**delta):
    choice = {"index": 0, "delta": delta, "finish_reason": None}
    return {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "demo", "choices": [choice]}


def digest(value):
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


@pytest.fixture
def store(cassette):
    """Put a recording into the cassette, named by its hash (spec §2) or as told."""

    def put(url, body, response, *, endpoint=None, name=None, test_id=TEST):
        path = urlsplit(url).path
        hashed = {"method": "POST", "endpoint": path, "body": body, "test_id": test_id}
        own = digest(hashed)
        del hashed["test_id"]
        old = digest(hashed)[:12]
        request = {"method": "POST", "url": url, "headers": {}, "body": body}
        request |= {"endpoint": endpoint or path.removeprefix("/v1"), "model": body.get("model", "")}
        recording = {"test_id": test_id, "request": request, "response": response}
        cassette.mkdir(exist_ok=True)
        file = cassette / f"{(name or '{id}').format(id=own, old=old)}.json"
        file.write_text(json.dumps({**recording, "id_normalization_mapping": {}}))
        return file

    return put


@pytest.fixture
def client():
    with openai.OpenAI(base_url=BASE, api_key="test-key") as sdk:  # it retries, as most do
        yield sdk


def play(cassette, method, url, **options):
    with hashtape.use_cassette(cassette, test_id=TEST, record_mode="none"):
        return httpx.request(method, url, **options)


@pytest.mark.parametrize(
    "label", ["litellm.types.utils.ModelResponseStream", None], ids=["foreign-class", "no-label"]
)
def test_a_stream_of_a_class_that_is_not_the_clients_reaches_it(store, cassette, client, label):
    words = [chunk(content="So"), chunk(content="nnig")]
    entries = [{"__type__": label, "__data__": word} if label else word for word in words]
    question = {**QUESTION, "stream": True}
    store(f"{BASE}/v1/chat/completions", question, {"body": entries, "is_streaming": True})
    with hashtape.use_cassette(cassette, test_id=TEST, record_mode="none"):
        answer = [c.choices[0].delta.content for c in client.chat.completions.create(**question)]
    assert answer == ["So", "nnig"]


@pytest.mark.parametrize(
    ("status", "error"), [(429, openai.RateLimitError), (500, openai.InternalServerError)]
)
def test_a_failure_is_that_of_the_client_which_does_not_retry_once_more(
    store, cassette, client, status, error
):
    failure = {
        "category": "provider_sdk",
        "type": error.__name__,
        "status_code": status,
        "body": {"message": "no"},
    }
    response = {"body": None, "is_streaming": False, "is_exception": True, "exception_data": failure}
    store(f"{BASE}/v1/chat/completions", QUESTION, response)
    with hashtape.use_cassette(cassette, test_id=TEST, record_mode="none") as opened:
        for _ in range(2):  # the recording says how all of these calls end
            with pytest.raises(error):
                client.chat.completions.create(**QUESTION)
        assert opened.play_count == 2


def test_a_failed_stream_without_a_body_is_a_failure(store, cassette):
    response = {"body": None, "is_streaming": True, "is_exception": True, "exception_message": "broken"}
    store(f"{BASE}/v1/chat/completions", QUESTION, response)
    answer = play(cassette, "POST", f"{BASE}/chat/completions", json=QUESTION)
    assert answer.status_code == 500
    assert "broken" in answer.text


# --- Model lists (spec §6) --------------------------------------------------------------------------------


def listed(*names):
    return [{"__type__": MODEL, "__data__": {"id": name, "object": "model"}} for name in names]


def tags(*names):
    return {"__type__": "ollama._types.ListResponse", "__data__": {"models": [{"model": n} for n in names]}}


def test_a_model_list_that_is_called_a_stream_is_a_list_for_the_client(store, cassette, client):
    store(f"{BASE}/v1/models", {}, {"body": listed("a", "b"), "is_streaming": True})
    with hashtape.use_cassette(cassette, test_id=TEST, record_mode="none"):
        assert [model.id for model in client.models.list()] == ["a", "b"]


@pytest.mark.parametrize("name", ["models-{id}-0000000%d", "models-{old}-0000000%d"], ids=["new", "old"])
def test_several_lists_of_one_server_are_answered_as_one(store, cassette, client, name):
    for number, names in enumerate((["b", "a"], ["c", "a"])):
        response = {"body": listed(*names), "is_streaming": False}
        store(f"{BASE}/v1/models", {}, response, name=name % number)
    with hashtape.use_cassette(cassette, test_id=TEST, record_mode="none"):
        assert [model.id for model in client.models.list()] == ["a", "b", "c"]


def test_several_lists_of_ollama_are_answered_as_one(store, cassette):
    shared = digest({"method": "POST", "endpoint": "/api/tags", "body": {}})  # for all tests (spec §2)
    for number, names in enumerate((["b", "a"], ["c", "a"])):
        response = {"body": tags(*names), "is_streaming": False}
        store("http://localhost:11434/api/tags", {}, response, name=f"models-{shared}-0000000{number}")
    answer = play(cassette, "GET", "http://localhost:11434/api/tags").json()
    assert [model["model"] for model in answer["models"]] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("recorded", "asked"),
    [
        ("https://x.example/serving/v1/models", "https://x.example/serving/models"),
        ("https://x.example/openai/v1/models", "https://x.example/openai/models?api-version=2024-10-21"),
        (
            "https://x.example/ml/v1/v1/models",
            "https://x.example/ml/v1/models?project_id=2&version=2023-10-25",
        ),
    ],
    ids=["any-path", "azure", "watsonx"],
)
def test_a_model_list_is_found_whatever_its_path_looks_like(store, cassette, recorded, asked):
    body = {"extra_query": {"project_id": "1"}} if "project_id" in asked else {}
    store(recorded, body, {"body": listed("a"), "is_streaming": False}, name="models-{id}-00000000")
    assert play(cassette, "GET", asked).json()["data"][0]["id"] == "a"


@pytest.mark.parametrize("query", ["brand=a", "after=", "version=2", "project_id=b", "api-version=1&x="])
def test_a_search_for_models_is_no_model_list(store, cassette, query):
    store("https://cars.example/v1/models", {}, {"body": listed("a"), "is_streaming": False})
    with pytest.raises(hashtape.MissError):
        play(cassette, "GET", f"https://cars.example/models?{query}")


# --- Requests that the wire tells otherwise -----------------------------------------------------------------


WHOLE = {"body": {"__type__": "any.Answer", "__data__": {"status": "success"}}, "is_streaming": False}


@pytest.mark.parametrize(
    ("url", "body", "asked", "sent"),
    [
        (
            "http://h:11434/api/pull",
            {"model": "m"},
            "http://h:11434/api/pull",
            {"model": "m", "stream": False},
        ),
        (
            f"{BASE}/v1/chat/completions",
            {"messages": []},
            f"{BASE}/chat/completions",
            {"messages": []},
        ),
        (
            f"{BASE}/v1/chat/completions",
            {"model": "m", "messages": [], "timeout": 5, "extra_body": {"timeout": 120}},
            f"{BASE}/chat/completions",
            {"model": "m", "messages": [], "timeout": 120},
        ),
        (
            f"{BASE}/v1/responses",
            {"model": "m", "tools": [{"authorization": "my-secret-token-123"}]},
            f"{BASE}/responses",
            {"model": "m", "tools": [{"authorization": "my-secret-token-123"}]},
        ),
        (
            f"{BASE}/v1/chat/completions",
            {"model": "m", "metadata": {"key": "sk-proj-aB3dE5gH7jK9mN1pQ3sT5vX7zA9bC1dE"}},
            f"{BASE}/chat/completions",
            {"model": "m", "metadata": {"key": "sk-proj-aB3dE5gH7jK9mN1pQ3sT5vX7zA9bC1dE"}},
        ),
    ],
    ids=["pull", "no-model", "timeout", "named-secret", "shape-of-a-key"],
)
@pytest.mark.parametrize("name", [None, "of-another-name"], ids=["by-name", "by-content"])
def test_a_request_finds_the_recording_that_another_tool_made_of_it(
    store, cassette, url, body, asked, sent, name
):
    store(url, body, WHOLE, name=name)
    assert play(cassette, "POST", asked, json=sent).json() == {"status": "success"}


def test_the_project_of_a_server_does_not_matter_in_revision_2(store, cassette):
    body = {**QUESTION, "extra_body": {"project_id": "one"}, "extra_query": {"project_id": "one"}}
    hashed = {**QUESTION, "extra_body": {}, "extra_query": {}}
    own = {"method": "POST", "endpoint": "/v1/v1/chat/completions", "body": hashed, "test_id": TEST}
    store(f"{BASE}/v1/chat/completions", body, WHOLE, name=digest(own))
    sent = {**QUESTION, "project_id": "another"}
    answer = play(cassette, "POST", f"{BASE}/chat/completions?project_id=another", json=sent)
    assert answer.json() == {"status": "success"}
