import importlib
from typing import get_args

import pytest

from hashtape.codecs.base import Context
from hashtape.codecs.labels import EVENT, event_label, name_key

RESPONSES = Context("/v1/responses")
HTTP = Context()


def classes_of(union):
    for member in get_args(union):
        if isinstance(member, type):
            yield member
        else:
            yield from classes_of(member)


def type_of(model):
    return get_args(model.model_fields["type"].annotation)[0]


def test_every_event_of_the_responses_api_is_labelled_with_the_class_that_the_client_gives_it():
    events = pytest.importorskip("openai.types.responses.response_stream_event")
    labels = {type_of(c): f"{c.__module__}.{c.__name__}" for c in classes_of(events.ResponseStreamEvent)}
    assert labels
    assert {name: event_label({"type": name}, name, RESPONSES) for name in labels} == labels


def test_every_event_of_anthropic_is_labelled_with_the_class_that_the_client_gives_it():
    events = pytest.importorskip("anthropic.types.raw_message_stream_event")
    keys = ("message", "delta", "content_block", "index")
    labels = {type_of(c): f"{c.__module__}.{c.__name__}" for c in classes_of(events.RawMessageStreamEvent)}
    assert len(labels) == 6
    data = {name: {"type": name, **dict.fromkeys(keys)} for name in labels}
    assert {name: event_label(data[name], name, HTTP) for name in labels} == labels


@pytest.mark.parametrize("name", ["ping", "error"])
def test_the_other_events_of_anthropic_have_labels_that_exist(name):
    pytest.importorskip("anthropic")
    module, _, attribute = event_label({"type": name}, name, HTTP).rpartition(".")
    assert hasattr(importlib.import_module(module), attribute)


@pytest.mark.parametrize(
    ("data", "name", "context", "label"),
    [
        (
            {"type": "response.new_tool.step_done"},
            "response.new_tool.step_done",
            RESPONSES,
            "openai.types.responses.response_new_tool_step_done_event.ResponseNewToolStepDoneEvent",
        ),
        ({"type": "keepalive"}, "keepalive", RESPONSES, EVENT),
        ({"type": "response.Created!"}, None, RESPONSES, EVENT),
        (
            {"type": "error"},
            None,
            RESPONSES,
            "openai.types.responses.response_error_event.ResponseErrorEvent",
        ),
        (
            {"type": "response.completed"},
            "response.completed",
            HTTP,
            "openai.types.responses.response_completed_event.ResponseCompletedEvent",
        ),
        ({"type": "response.completed"}, None, HTTP, EVENT),
        ({"type": "message_start"}, "message_start", HTTP, EVENT),
        ({"type": "message_stop"}, None, HTTP, EVENT),
        (
            {"type": "content_block_stop", "index": 0},
            None,
            HTTP,
            "anthropic.types.raw_content_block_stop_event.RawContentBlockStopEvent",
        ),
        ({"type": "ping"}, "keepalive", HTTP, EVENT),
        ({"type": "ping"}, "ping", Context(path="/v1/runs/7/stream"), EVENT),
        (
            {"type": "error"},
            "error",
            Context(path="/v1/messages"),
            "anthropic.types.shared.error_response.ErrorResponse",
        ),
        (
            {"type": "error"},
            "error",
            Context(path="/v1/responses/resp_1"),
            "openai.types.responses.response_error_event.ResponseErrorEvent",
        ),
        (
            {"type": "response.queued", "sequence_number": 0},
            None,
            HTTP,
            "openai.types.responses.response_queued_event.ResponseQueuedEvent",
        ),
        (
            {"object": "chat.completion.chunk"},
            None,
            Context(path="/serving-endpoints/x/invocations"),
            "openai.types.chat.chat_completion_chunk.ChatCompletionChunk",
        ),
        (
            {"object": "chat.completion.chunk"},
            None,
            Context("/v1/completions"),
            "openai.types.chat.chat_completion_chunk.ChatCompletionChunk",
        ),
        ({"object": "text_completion"}, None, HTTP, "openai.types.completion.Completion"),
        ({"usageMetadata": {}, "modelVersion": ""}, None, HTTP, "google.genai.types.GenerateContentResponse"),
        ({"usageMetadata": {}}, None, HTTP, EVENT),
        ({"type": ["message_start"]}, None, HTTP, EVENT),
        ([{"candidates": []}], None, HTTP, EVENT),
        (None, "message_start", HTTP, EVENT),
        (
            {"error": {}},
            "error",
            Context("/v1/chat/completions"),
            "openai.types.chat.chat_completion_chunk.ChatCompletionChunk",
        ),
    ],
)
def test_an_event_is_told_by_the_operation_or_by_its_shape(data, name, context, label):
    assert event_label(data, name, context) == label


@pytest.mark.parametrize(
    ("data", "name", "key"),
    [
        ({"type": "a"}, "a", "type"),
        ({"event_type": "a", "type": "b"}, "a", "event_type"),
        ({"type": "b"}, "a", None),
        ({"name": "a"}, "a", None),
        ({"type": None}, None, None),
        (["a"], "a", None),
    ],
)
def test_the_place_where_an_event_repeats_its_name_is_found(data, name, key):
    assert name_key(data, name) == key
