import json

import pytest

from hashtape.codecs import encode
from hashtape.codecs.base import Context, Decoded
from hashtape.codecs.labelled_answers import MODEL_TYPE, LabelledAnswerCodec, ModelListCodec

CODEC, MODELS = LabelledAnswerCodec(), ModelListCodec()
LIST = Context("/v1/models")
ANSWERS = [
    ("/v1/chat/completions", {"choices": []}, "openai.types.chat.chat_completion.ChatCompletion"),
    ("/v1/completions", {"choices": []}, "openai.types.completion.Completion"),
    ("/v1/responses", {"output": []}, "openai.types.responses.response.Response"),
    ("/api/chat", {"message": {}}, "ollama._types.ChatResponse"),
    ("/api/generate", {"response": ""}, "ollama._types.GenerateResponse"),
    ("/api/embeddings", {"embeddings": []}, "ollama._types.EmbedResponse"),
    ("/api/tags", {"models": []}, "ollama._types.ListResponse"),
    ("/api/ps", {"models": []}, "ollama._types.ProcessResponse"),
]


@pytest.mark.parametrize(("operation", "answer", "label"), ANSWERS)
@pytest.mark.parametrize("status", [200, 201])
def test_a_whole_answer_is_one_labelled_entry(operation, answer, label, status):
    body = json.dumps({"id": "é", **answer}, ensure_ascii=False, separators=(",", ":")).encode()
    context = Context(operation, status=status)
    decoded = CODEC.decode(body, context)
    assert decoded == Decoded({"__type__": label, "__data__": {"id": "é", **answer}})
    assert CODEC.encode(decoded, context) == [body]


@pytest.mark.parametrize(
    ("body", "context"),
    [
        (b'{"error": {"message": "no"}}', Context("/v1/chat/completions")),
        (b'{"choices": []}', Context("/v1/chat/completions", status=429)),
        (b'{"choices": []}', Context("/v1/responses")),
        (b'{"choices": []}', Context("/api/chat")),
        (b'{"choices": []}', Context("")),
        (b'[{"choices": []}]', Context("/v1/chat/completions")),
        (b'{"choices": [], "choices": []}', Context("/v1/chat/completions")),
        (b"choices", Context("/v1/chat/completions")),
    ],
    ids=["error", "error-status", "other-answer", "ollama", "http", "list", "duplicate-key", "text"],
)
def test_what_is_no_such_answer_gets_no_label(body, context):
    assert CODEC.decode(body, context) is None


@pytest.mark.parametrize("label", ["ollama._types.EmbedResponse", "anthropic.types.message.Message", ""])
def test_every_labelled_answer_comes_back_as_its_json(label):
    decoded = Decoded({"__type__": label, "__data__": {"a": [1, 1.0, "🙂"]}})
    assert CODEC.encode(decoded, Context("/api/embeddings")) == ['{"a":[1,1.0,"🙂"]}'.encode()]


@pytest.mark.parametrize(
    "body", [{"a": 1}, {"__type__": "a.B"}, {"__type__": 1, "__data__": 1}, [], "text", None]
)
def test_an_answer_without_a_label_is_left_to_others(body):
    assert CODEC.encode(Decoded(body), Context("/v1/chat/completions")) is None


# --- Model lists ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("ids", [["b", "a"], []], ids=["models", "no-models"])
def test_a_model_list_is_stored_bare_and_comes_back_as_a_list_object(ids):
    models = [{"id": name, "object": "model", "created": 5} for name in ids]
    body = json.dumps({"object": "list", "data": models}, separators=(",", ":")).encode()
    decoded = MODELS.decode(body, LIST)
    assert decoded == Decoded([{"__type__": MODEL_TYPE, "__data__": model} for model in models])
    assert MODELS.encode(decoded, LIST) == [body]


@pytest.mark.parametrize(
    ("body", "context"),
    [
        (b'{"object":"list","data":[],"has_more":true}', LIST),
        (b'{"data":[],"object":"list"}', LIST),
        (b'{"object":"page","data":[]}', LIST),
        (b'{"object":"list","data":{}}', LIST),
        (b'{"object":"list","data":["gpt-4o-id"]}', LIST),
        (b'{"object":"list","data":[{"name":"gpt-4o"}]}', LIST),
        (b'[{"id":"gpt-4o"}]', LIST),
        (b"not json", LIST),
        (b'{"object":"list","data":[]}', Context("/v1/models", status=500)),
        (b'{"object":"list","data":[]}', Context("/v1/embeddings")),
        (b'{"object":"list","data":[]}', Context("")),
    ],
    ids=[
        *("paging", "other-order", "other-object", "no-list", "names", "no-ids", "bare", "text"),
        *("error", "embeddings", "http"),
    ],
)
def test_a_list_with_more_to_it_is_no_model_list(body, context):
    assert MODELS.decode(body, context) is None


def test_a_stored_model_list_comes_back_whatever_the_endpoint_is_called():
    stored = Decoded([{"__type__": MODEL_TYPE, "__data__": {"id": "a"}}])
    assert MODELS.encode(stored, Context("")) == [b'{"object":"list","data":[{"id":"a"}]}']


def test_a_list_that_an_old_recorder_called_a_stream_is_a_list():
    stored = Decoded([{"__type__": MODEL_TYPE, "__data__": {"id": "a"}}], is_streaming=True)
    assert encode(stored, LIST) == (b'{"object":"list","data":[{"id":"a"}]}', "application/json")


@pytest.mark.parametrize(
    ("decoded", "context"),
    [
        (Decoded([]), Context("")),
        (Decoded([{"id": "a"}]), LIST),
        (Decoded([{"__type__": "other.Model", "__data__": {}}]), LIST),
        (Decoded([{"__type__": MODEL_TYPE, "__data__": {}}], is_streaming=True), Context("")),
        (Decoded([], is_streaming=True), LIST),
        (Decoded({"__type__": MODEL_TYPE, "__data__": {}}), LIST),
    ],
    ids=["empty-http-list", "no-label", "other-label", "stream", "empty-stream", "one-model"],
)
def test_what_is_stored_otherwise_is_no_model_list(decoded, context):
    assert MODELS.encode(decoded, context) is None
