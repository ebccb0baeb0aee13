"""Anthropic's SDK: named events with pings and padding, thinking, tools, and its overload error."""

from __future__ import annotations

import pytest

from exchange import CITY, MESSAGES, Call, Sdk, assert_faithful
from providers import json_lines, named_events, whole

anthropic = pytest.importorskip("anthropic")

MODEL = "claude-demo"  # a name that no SDK will ever call deprecated
OPTIONS = {"model": MODEL, "max_tokens": 2048, "messages": MESSAGES}
WEATHER = {
    "name": "weather",
    "description": "The weather of a city",
    "input_schema": CITY,
}
TOOL_ID = "toolu_01Nq8hV2rXyTzKpWcMbLdFgA"
USAGE = {
    "input_tokens": 412,
    "cache_creation_input_tokens": 0,
    "cache_read_input_tokens": 0,
    "output_tokens": 2,
    "service_tier": "standard",
}
OVERLOADED = {
    "type": "error",
    "error": {"type": "overloaded_error", "message": "Overloaded"},
    "request_id": "req_011CSdEYb3",
}


def message(*content, stop_reason="end_turn", **extra):
    return {
        "id": "msg_01EMf5kXh3VLT4d9yCj7SgQa",
        "type": "message",
        "role": "assistant",
        "model": "claude-demo-20250929",
        "content": list(content),
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": USAGE,
        **extra,
    }


def block(index, content, *deltas):
    """The events of one block of content."""
    return [
        {"type": "content_block_start", "index": index, "content_block": content},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def streamed(*blocks, stop_reason="end_turn"):
    begin = {"type": "message_start", "message": message(stop_reason=None)}
    first, *rest = [event for events in blocks for event in events]
    delta = {"stop_reason": stop_reason, "stop_sequence": None}
    end = {"type": "message_delta", "delta": delta, "usage": {"output_tokens": 63}}
    events = [begin, first, {"type": "ping"}, *rest, end, {"type": "message_stop"}]
    return named_events(*events, padding=b"    ")


def said(*texts):
    return block(0, {"type": "text", "text": ""}, *({"type": "text_delta", "text": text} for text in texts))


THOUGHT = block(
    0,
    {"type": "thinking", "thinking": "", "signature": ""},
    {"type": "thinking_delta", "thinking": "A tool can tell."},
    {"type": "signature_delta", "signature": "ErUBCkYIARgCIkDGs9QuvKv+/vunX8M="},
)
TOOL_USE = block(
    1,
    {"type": "tool_use", "id": TOOL_ID, "name": "weather", "input": {}},
    {"type": "input_json_delta", "partial_json": ""},
    {"type": "input_json_delta", "partial_json": '{"city": "K'},
    {"type": "input_json_delta", "partial_json": 'öln"}'},
)
SUNNY = whole(message({"type": "text", "text": "Sonnig ☀ bei 21,5 °C"}))


def with_tool_result(client, events):
    """Ask on with the id that the stream gave the tool call."""
    (started,) = (event for event in events if event.type == "content_block_start" and event.index == 1)
    used = {"type": "tool_use", "id": started.content_block.id, "name": "weather", "input": {"city": "Köln"}}
    result = {"type": "tool_result", "tool_use_id": started.content_block.id, "content": "21,5 °C"}
    turns = [*MESSAGES, {"role": "assistant", "content": [used]}, {"role": "user", "content": [result]}]
    return client.messages.create(**OPTIONS | {"messages": turns}, tools=[WEATHER])


CALLS = {
    "message": Call(lambda client: client.messages.create(**OPTIONS), SUNNY),
    "stream": Call(
        lambda client: client.messages.create(**OPTIONS, stream=True),
        streamed(said("Sonn", "ig ", "☀", " bei 21.123456 °C")),
    ),
    "stream with thinking and a tool": Call(
        lambda client: client.messages.create(
            **OPTIONS,
            stream=True,
            tools=[WEATHER],
            thinking={"type": "enabled", "budget_tokens": 1024},
        ),
        streamed(THOUGHT, TOOL_USE, stop_reason="tool_use"),
        SUNNY,
        then=with_tool_result,
    ),
    "stream helper": Call(
        lambda client: client.messages.stream(**OPTIONS, tools=[WEATHER]),
        streamed(THOUGHT, TOOL_USE, stop_reason="tool_use"),
    ),
    "count tokens": Call(
        lambda client: client.messages.count_tokens(model=MODEL, messages=MESSAGES, tools=[WEATHER]),
        whole({"input_tokens": 403}),
    ),
    "list of models": Call(
        lambda client: client.models.list(limit=20),
        whole(
            {
                "data": [
                    {
                        "type": "model",
                        "id": "claude-demo-20250929",
                        "display_name": "Claude Demo",
                        "created_at": "2025-09-29T00:00:00Z",
                    }
                ],
                "has_more": False,
                "first_id": "claude-demo-20250929",
                "last_id": "claude-demo-20250929",
            }
        ),
    ),
    "overloaded, and asked again": Call(
        lambda client: client.with_options(max_retries=1).messages.create(**OPTIONS),
        whole(OVERLOADED, status=529, retry_after="0.01", x_should_retry="true"),
        SUNNY,
    ),
}


@pytest.fixture(scope="module")
def sdk():
    return Sdk.of_classes(anthropic.Anthropic, anthropic.AsyncAnthropic)


@pytest.mark.parametrize("mode", ["sync", "async"])
@pytest.mark.parametrize("name", CALLS)
def test_a_replay_gives_what_the_sdk_gave(rehearse, name, mode):
    assert_faithful(rehearse(CALLS[name], mode))


def test_events_are_labelled_with_the_classes_of_the_sdk(rehearse):
    call = Call(CALLS["stream with thinking and a tool"].send, streamed(THOUGHT, TOOL_USE))
    rehearsal = rehearse(call, "sync")
    # The SDK keeps the ping to itself.
    labels = rehearsal.labels
    ping = labels.pop(2)
    assert labels == rehearsal.classes
    assert ping == "anthropic.types.raw_message_stream_event.RawMessageStreamEvent"


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_the_results_of_a_batch_come_from_where_the_batch_says(rehearse, provider, mode):
    url = f"{provider.origin}/v1/messages/batches/msgbatch_01/results"
    batch = {
        "id": "msgbatch_01",
        "type": "message_batch",
        "processing_status": "ended",
        "request_counts": {"processing": 0, "succeeded": 1, "errored": 0, "canceled": 1, "expired": 0},
        "created_at": "2025-09-29T18:37:24.100435Z",
        "expires_at": "2025-09-30T18:37:24.100435Z",
        "results_url": url,
    }
    succeeded = {"type": "succeeded", "message": message({"type": "text", "text": "Köln"})}
    results = json_lines(
        {"custom_id": "a", "result": succeeded}, {"custom_id": "b", "result": {"type": "canceled"}}
    )
    call = Call(lambda client: client.messages.batches.results("msgbatch_01"), whole(batch), results)
    rehearsal = rehearse(call, mode)
    assert [item.custom_id for item in rehearsal.played[0]] == ["a", "b"]
    assert rehearsal.hits == (2, 2, 0)


ERRORS = {
    "instead of an answer": whole(OVERLOADED, status=529, request_id="req_011CSdEYb3"),
    "in the midst of a stream": named_events(
        {"type": "message_start", "message": message(stop_reason=None)}, OVERLOADED
    ),
}


@pytest.mark.parametrize("mode", ["sync", "async"])
@pytest.mark.parametrize("where", ERRORS)
def test_an_overload_is_the_same_error_again(rehearse, where, mode):
    call = Call(CALLS["stream"].send, ERRORS[where], raises=anthropic.APIStatusError)
    rehearsal = rehearse(call, mode)
    (error,) = rehearsal.played
    assert isinstance(error, anthropic.APIStatusError)
    assert error.body == OVERLOADED
    assert_faithful(rehearsal)


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_a_stream_is_live_while_it_is_recorded(rehearse, mode):
    assert rehearse.is_live(CALLS["stream"], mode)
