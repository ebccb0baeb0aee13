"""Cohere's SDK, version 2 of its API: named events, which `[DONE]` closes."""

from __future__ import annotations

import pytest

from exchange import MESSAGES, WEATHER, Call, Sdk, assert_faithful
from providers import DONE, named_events, whole

cohere = pytest.importorskip("cohere")

MODEL = "command-r-08-2024"
USAGE = {
    "billed_units": {"input_tokens": 37, "output_tokens": 28},
    "tokens": {"input_tokens": 913, "output_tokens": 83},
}
CHAT_ID = "ce257b09-c6da-4aed-b722-6384504180f5"


def delta(kind, message, index=None):
    place = {} if index is None else {"index": index}
    return {"type": kind, **place, "delta": {"message": message}}


def streamed(*happenings, finish_reason="COMPLETE"):
    begun = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    begin = {"id": CHAT_ID, "type": "message-start", "delta": {"message": begun}}
    end = {"type": "message-end", "delta": {"finish_reason": finish_reason, "usage": USAGE}}
    return named_events(begin, *happenings, end, end=DONE)


def said(*texts):
    return [
        delta("content-start", {"content": {"type": "text", "text": ""}}, 0),
        *(delta("content-delta", {"content": {"text": text}}, 0) for text in texts),
        {"type": "content-end", "index": 0},
    ]


def tool_call(**call):
    return {"tool_calls": call}


TOOL_STREAM = streamed(
    delta("tool-plan-delta", {"tool_plan": "I will ask."}),
    delta(
        "tool-call-start",
        tool_call(id="weather_mp1131", type="function", function={"name": "weather", "arguments": ""}),
        0,
    ),
    delta("tool-call-delta", tool_call(function={"arguments": '{"city": '}), 0),
    delta("tool-call-delta", tool_call(function={"arguments": '"Köln"}'}), 0),
    {"type": "tool-call-end", "index": 0},
    finish_reason="TOOL_CALL",
)
SUNNY = whole(
    {
        "id": CHAT_ID,
        "message": {"role": "assistant", "content": [{"type": "text", "text": "Sonnig ☀ bei 21.123456 °C"}]},
        "finish_reason": "COMPLETE",
        "usage": USAGE,
    }
)


def with_tool_result(client, chunks):
    """Ask on with the id that the stream gave the tool call."""
    call_id = chunks[2].delta.message.tool_calls.id
    called = {
        "id": call_id,
        "type": "function",
        "function": {"name": "weather", "arguments": '{"city": "Köln"}'},
    }
    turns = [
        *MESSAGES,
        {"role": "assistant", "tool_calls": [called], "tool_plan": "I will ask."},
        {"role": "tool", "tool_call_id": call_id, "content": "21,5 °C"},
    ]
    return client.chat(model=MODEL, messages=turns, tools=[WEATHER])


CALLS = {
    "chat": Call(lambda client: client.chat(model=MODEL, messages=MESSAGES), SUNNY),
    "stream": Call(
        lambda client: client.chat_stream(model=MODEL, messages=MESSAGES),
        streamed(*said("Sonn", "ig ", "☀")),
    ),
    "stream with a tool": Call(
        lambda client: client.chat_stream(model=MODEL, messages=MESSAGES, tools=[WEATHER]),
        TOOL_STREAM,
        SUNNY,
        then=with_tool_result,
    ),
    "rerank": Call(
        lambda client: client.rerank(model="rerank-v3.5", query="Köln", documents=["Bonn", "Köln"]),
        whole(
            {
                "id": "07734bd2-2473-4f07-94e1-0d9f0e6843cf",
                "results": [
                    {"index": 1, "relevance_score": 0.9990564},
                    {"index": 0, "relevance_score": 0.00011213},
                ],
                "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}},
            }
        ),
    ),
}


@pytest.fixture(scope="module")
def sdk():
    return Sdk(
        lambda origin, key: cohere.ClientV2(key, base_url=origin),
        lambda origin, key: cohere.AsyncClientV2(key, base_url=origin),
    )


@pytest.mark.parametrize("mode", ["sync", "async"])
@pytest.mark.parametrize("name", CALLS)
def test_a_replay_gives_what_the_sdk_gave(rehearse, name, mode):
    assert_faithful(rehearse(CALLS[name], mode))


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_a_stream_is_live_while_it_is_recorded(rehearse, mode):
    assert rehearse.is_live(CALLS["stream"], mode)
