"""The Responses API in OpenAI's SDK: events of many classes, and ids that later calls name."""

from __future__ import annotations

import typing

import pytest

from exchange import CITY, QUESTION, Call, Sdk, assert_faithful
from providers import named_events, whole

openai = pytest.importorskip("openai")
responses = pytest.importorskip("openai.types.responses")

OPTIONS = {"model": "gpt-4o-mini", "input": QUESTION}
WEATHER = {
    "type": "function",
    "name": "weather",
    "parameters": CITY,
    "strict": False,
}
USAGE = {
    "input_tokens": 36,
    "input_tokens_details": {"cached_tokens": 0},
    "output_tokens": 17,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 53,
}


def response(*output, status="completed", **extra):
    return {
        "id": "resp_67ccd2bed1ec8190b14f964abc0542670bb6a6b452d3795b",
        "object": "response",
        "created_at": 1_741_476_542,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "model": "gpt-4o-mini-2024-07-18",
        "output": list(output),
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "usage": USAGE if status == "completed" else None,
        **extra,
    }


def message(text, status="completed"):
    content = [{"type": "output_text", "text": text, "annotations": []}] if text else []
    return {"id": "msg_67cc", "type": "message", "status": status, "role": "assistant", "content": content}


def function_call(arguments, status="completed"):
    return {
        "id": "fc_67cc",
        "type": "function_call",
        "call_id": "call_unLAR8MvFNptuiZK6K6HCy5k",
        "name": "weather",
        "arguments": arguments,
        "status": status,
    }


def streamed(*happenings, begin="created", **final):
    """The events of a stream: how it begins, what happens, how it ends, all numbered."""
    status = "queued" if begin == "queued" else "in_progress"
    first = {"type": "response.created", "response": response(status=status)}
    second = {"type": f"response.{status}", "response": response(status=status)}
    last = {"type": "response.completed", "response": response(**final)}
    numbered = enumerate([first, second, *happenings, last])
    return named_events(*({**event, "sequence_number": number} for number, event in numbered))


def said(*texts):
    place = {"item_id": "msg_67cc", "output_index": 0, "content_index": 0}
    part = {"type": "output_text", "text": "", "annotations": []}
    whole_text = "".join(texts)
    return [
        {"type": "response.output_item.added", "output_index": 0, "item": message("", "in_progress")},
        {"type": "response.content_part.added", **place, "part": part},
        *(
            {"type": "response.output_text.delta", **place, "delta": text, "logprobs": [], "obfuscation": "x"}
            for text in texts
        ),
        {"type": "response.output_text.done", **place, "text": whole_text, "logprobs": []},
        {"type": "response.content_part.done", **place, "part": {**part, "text": whole_text}},
        {"type": "response.output_item.done", "output_index": 0, "item": message(whole_text)},
    ]


def called(*pieces):
    place = {"item_id": "fc_67cc", "output_index": 0}
    arguments = "".join(pieces)
    return [
        {"type": "response.output_item.added", "output_index": 0, "item": function_call("", "in_progress")},
        *({"type": "response.function_call_arguments.delta", **place, "delta": piece} for piece in pieces),
        {
            "type": "response.function_call_arguments.done",
            **place,
            "name": "weather",
            "arguments": arguments,
        },
        {"type": "response.output_item.done", "output_index": 0, "item": function_call(arguments)},
    ]


def with_tool_result(client, events):
    """Ask on with the ids that the stream gave the response and the tool call."""
    answered = events[-1].response
    output = {
        "type": "function_call_output",
        "call_id": answered.output[0].call_id,
        "output": "21.123456 °C",
    }
    return client.responses.create(
        model=OPTIONS["model"], input=[output], previous_response_id=answered.id, tools=[WEATHER]
    )


SUNNY = whole(response(message("Sonnig ☀ bei 21.123456 °C")))
TOOL_CALL = called('{"city":', '"Köln"}')
CALLS = {
    "response": Call(lambda client: client.responses.create(**OPTIONS), SUNNY),
    "response to the one before": Call(
        lambda client: client.responses.create(**OPTIONS, store=True),
        SUNNY,
        whole(response(message("Nein."), id="resp_68aa", previous_response_id="resp_67cc")),
        then=lambda client, before: client.responses.create(
            model=OPTIONS["model"], input="Regnet es?", previous_response_id=before.id
        ),
    ),
    "stream": Call(
        lambda client: client.responses.create(**OPTIONS, stream=True),
        streamed(*said("Sonn", "ig ", "☀"), output=[message("Sonnig ☀")]),
    ),
    "stream with a tool": Call(
        lambda client: client.responses.create(**OPTIONS, stream=True, tools=[WEATHER]),
        streamed(*TOOL_CALL, output=[function_call('{"city":"Köln"}')]),
        SUNNY,
        then=with_tool_result,
    ),
    "stream helper": Call(
        lambda client: client.responses.stream(**OPTIONS),
        streamed(*said("Sonn", "ig ", "☀"), output=[message("Sonnig ☀")]),
    ),
    "background, and asked for later": Call(
        lambda client: client.responses.create(**OPTIONS, background=True),
        whole(response(status="queued", background=True)),
        SUNNY,
        then=lambda client, queued: client.responses.retrieve(queued.id),
    ),
    "background stream": Call(
        lambda client: client.responses.create(**OPTIONS, background=True, stream=True),
        streamed(*said("Sonn", "ig"), begin="queued", output=[message("Sonnig")]),
    ),
}


@pytest.fixture(scope="module")
def sdk():
    return Sdk.of_classes(openai.OpenAI, openai.AsyncOpenAI, path="/v1")


@pytest.mark.parametrize("mode", ["sync", "async"])
@pytest.mark.parametrize("name", CALLS)
def test_a_replay_gives_what_the_sdk_gave(rehearse, name, mode):
    assert_faithful(rehearse(CALLS[name], mode))


def test_an_event_of_every_type_is_labelled_with_the_class_of_the_sdk(rehearse):
    union, _ = typing.get_args(responses.ResponseStreamEvent)
    types = [typing.get_args(event.model_fields["type"].annotation)[0] for event in typing.get_args(union)]
    assert "response.created" in types
    # The SDK makes an exception of an error, and `completed` closes the stream.
    types = [*sorted(set(types) - {"error", "response.completed"}), "response.completed"]
    call = Call(CALLS["stream"].send, named_events(*({"type": name} for name in types)))
    rehearsal = rehearse(call, "sync")
    assert rehearsal.labels == rehearsal.classes


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_a_stream_is_live_while_it_is_recorded(rehearse, mode):
    assert rehearse.is_live(CALLS["stream"], mode)
