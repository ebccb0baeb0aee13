"""How requests and whole answers of each provider read; the streams are in test_show."""

from __future__ import annotations

import copy
import json

import pytest
from exchanges import STREAMS, store

from hashtape.cli.exchange import Usage, asked_by, reply_of
from hashtape.cli.integrity import Flaws
from hashtape.cli.overview import overview_of
from hashtape.cli.selection import StoredFile
from hashtape.recording import Answer, InvalidRecordingError, Recording


def read(turns):
    """Turns as (role, kind, text or name and arguments)."""
    return [
        (turn.role, part.kind, f"{part.name}{part.text}" if part.kind == "tool call" else part.text)
        for turn in turns
        for part in turn.parts
    ]


CONVERSATION = [
    ("system", "text", "Be brief."),
    ("user", "text", "Weather?"),
    ("assistant", "tool call", 'weather{"city": "Paris"}'),
    ("tool", "tool result", "sunny"),
]

REQUESTS = {
    "openai-chat": {
        "messages": [
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "Weather?"}]},
            {
                "role": "assistant",
                "tool_calls": [
                    {"id": "c1", "function": {"name": "weather", "arguments": '{"city": "Paris"}'}},
                ],
            },
            {"role": "tool", "tool_call_id": "c1", "content": "sunny"},
        ]
    },
    "openai-responses": {
        "instructions": "Be brief.",
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "Weather?"}]},
            {
                "type": "function_call",
                "call_id": "c1",
                "name": "weather",
                "arguments": '{"city": "Paris"}',
            },
            {"type": "function_call_output", "call_id": "c1", "output": "sunny"},
        ],
    },
    "anthropic": {
        "system": [{"type": "text", "text": "Be brief."}],
        "messages": [
            {"role": "user", "content": "Weather?"},
            {
                "role": "assistant",
                "content": [{"type": "tool_use", "id": "c1", "name": "weather", "input": {"city": "Paris"}}],
            },
            {
                "role": "user",
                "content": [
                    {
                        "type": "tool_result",
                        "tool_use_id": "c1",
                        "content": [{"type": "text", "text": "sunny"}],
                    },
                ],
            },
        ],
    },
    "gemini": {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "Weather?"}]},
            {"role": "model", "parts": [{"functionCall": {"name": "weather", "args": {"city": "Paris"}}}]},
            {"role": "user", "parts": [{"functionResponse": {"name": "weather", "response": "sunny"}}]},
        ],
    },
    "bedrock-converse": {
        "system": [{"text": "Be brief."}],
        "messages": [
            {"role": "user", "content": [{"text": "Weather?"}]},
            {
                "role": "assistant",
                "content": [{"toolUse": {"toolUseId": "c1", "name": "weather", "input": {"city": "Paris"}}}],
            },
            {
                "role": "user",
                "content": [{"toolResult": {"toolUseId": "c1", "content": [{"text": "sunny"}]}}],
            },
        ],
    },
}


@pytest.mark.parametrize("provider", REQUESTS)
def test_a_conversation_reads_the_same_for_every_provider(provider):
    assert read(asked_by(REQUESTS[provider]).turns) == CONVERSATION


@pytest.mark.parametrize(
    "tools",
    [
        {"tools": [{"type": "function", "function": {"name": "weather"}}]},
        {"tools": [{"name": "weather", "input_schema": {}}]},
        {"tools": [{"functionDeclarations": [{"name": "weather"}]}]},
        {"toolConfig": {"tools": [{"toolSpec": {"name": "weather"}}]}},
    ],
    ids=["openai", "anthropic", "gemini", "converse"],
)
def test_the_tools_on_offer_are_named(tools):
    assert asked_by(tools).tools == ["weather"]


def test_several_prompts_of_one_request_are_turns_of_their_own():
    assert read(asked_by({"input": ["one", "two"]}).turns) == [
        ("user", "text", "one"),
        ("user", "text", "two"),
    ]


ANSWERS = {
    "openai-chat": {
        "choices": [
            {
                "message": {
                    "role": "assistant",
                    "reasoning_content": "Hm.",
                    "content": "Hello",
                    "tool_calls": [{"id": "c1", "function": {"name": "weather", "arguments": "{}"}}],
                }
            }
        ],
        "usage": {"prompt_tokens": 3, "completion_tokens": 4},
    },
    "openai-responses": {
        "object": "response",
        "output": [
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]},
            {"type": "message", "content": [{"type": "output_text", "text": "Hello"}]},
            {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": "{}"},
        ],
        "usage": {"input_tokens": 3, "output_tokens": 4},
    },
    "anthropic": {
        "type": "message",
        "content": [
            {"type": "thinking", "thinking": "Hm."},
            {"type": "text", "text": "Hello"},
            {"type": "tool_use", "id": "c1", "name": "weather", "input": {}},
        ],
        "usage": {"input_tokens": 3, "output_tokens": 4},
    },
    "gemini": {
        "candidates": [
            {
                "content": {
                    "parts": [
                        {"text": "Hm.", "thought": True},
                        {"text": "Hello"},
                        {"functionCall": {"name": "weather", "args": {}}},
                    ]
                }
            }
        ],
        "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 3, "thoughtsTokenCount": 1},
    },
    "ollama": {
        "message": {
            "thinking": "Hm.",
            "content": "Hello",
            "tool_calls": [{"function": {"name": "weather", "arguments": {}}}],
        },
        "done": True,
        "prompt_eval_count": 3,
        "eval_count": 4,
    },
    "bedrock-converse": {
        "output": {
            "message": {
                "content": [
                    {"reasoningContent": {"reasoningText": {"text": "Hm."}}},
                    {"text": "Hello"},
                    {"toolUse": {"toolUseId": "c1", "name": "weather", "input": {}}},
                ]
            }
        },
        "usage": {"inputTokens": 3, "outputTokens": 4},
    },
}


@pytest.mark.parametrize("provider", ANSWERS)
def test_a_whole_answer_reads_the_same_from_every_provider(provider):
    reply = reply_of(Answer(ANSWERS[provider]))
    assert read(reply.turns) == [
        ("assistant", "reasoning", "Hm."),
        ("assistant", "text", "Hello"),
        ("assistant", "tool call", "weather{}"),
    ]
    assert reply.usage == Usage(3, 4)
    assert (reply.unread, reply.chunks) == (0, None)


def test_choices_are_turns_of_their_own():
    choices = [{"index": n, "delta": {"content": text}} for n, text in ((0, "a"), (1, "x"), (0, "b"))]
    stream = [{"__type__": "chunk", "__data__": {"choices": [choice]}} for choice in choices]
    reply = reply_of(Answer(stream, is_streaming=True))
    assert read(reply.turns) == [("assistant", "text", "ab"), ("assistant", "text", "x")]


def test_whole_calls_with_the_same_index_are_several_calls():
    calls = [{"index": 0, "function": {"name": name, "arguments": "{}"}} for name in ("look", "listen")]
    reply = reply_of(Answer({"choices": [{"message": {"tool_calls": calls}}]}))
    assert [call.name for call in reply.tool_calls] == ["look", "listen"]


def test_a_stream_of_raw_lines_reads_like_any_other():
    events = [
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
        for text in ("Hel", "lo")
    ]
    lines = [line for event in events for line in ("event: x", f"data: {json.dumps(event)}", "")]
    reply = reply_of(Answer([*lines, "data: [DONE]"], is_streaming=True))
    assert (reply.text, reply.chunks, reply.unread) == ("Hello", 2, 0)


def test_the_events_that_bedrock_wraps_are_those_of_the_model():
    event = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello"}}
    metrics = {"inputTokenCount": 3, "outputTokenCount": 4}
    stop = {"type": "message_stop", "amazon-bedrock-invocationMetrics": metrics}
    stream = [{"__type__": "chunk", "__data__": {"bytes": data}} for data in (event, stop)]
    reply = reply_of(Answer(stream, is_streaming=True))
    assert (reply.text, reply.usage) == ("Hello", Usage(3, 4))


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer({"error": {"type": "overloaded", "message": "later"}}, status=529), "overloaded: later"),
        (Answer({"error": "model 'x' not found"}, status=404), "model 'x' not found"),
        (Answer({"message": "Malformed input"}, status=400), "Malformed input"),
        (
            Answer(
                None,
                is_exception=True,
                exception_data={"type": "BadRequestError", "message": "no", "status_code": 400},
            ),
            "BadRequestError: no",
        ),
        (
            Answer([{"__type__": "throttlingException", "__data__": {"message": "slow"}}], is_streaming=True),
            "throttlingException: slow",
        ),
        (
            Answer(
                [{"__type__": "ollama._types.ChatResponse", "__data__": {"error": "out of memory"}}],
                is_streaming=True,
            ),
            "out of memory",
        ),
    ],
    ids=["openai", "ollama", "bedrock", "exception", "in a stream", "in one of ollama's"],
)
def test_an_error_is_told(answer, error):
    assert reply_of(answer).error == error


def test_the_text_of_a_stream_of_bytes_is_what_was_said():
    parts = [{"__encoding__": "utf-8", "data": text} for text in ("It is", " 42.")]
    stream = [{"__type__": "PayloadPart", "__data__": part} for part in parts]
    assert reply_of(Answer(stream, is_streaming=True)).text == "It is 42."


def test_text_is_what_was_said():
    reply = reply_of(Answer("block 0\nblock 1\n"))
    assert read(reply.turns) == [("assistant", "text", "block 0\nblock 1\n")]
    assert (reply.error, reply.unread, reply.chunks) == ("", 0, None)


def test_the_text_of_an_error_is_its_message():
    reply = reply_of(Answer("<h1>504</h1> too slow\n", status=504))
    assert (reply.turns, reply.error) == ([], "<h1>504</h1> too slow")


def test_text_that_broke_off_is_kept_beside_the_reason():
    failure = {"category": "transport", "type": "ReadError", "message": "reset"}
    reply = reply_of(Answer("half a sen", status=502, is_exception=True, exception_data=failure))
    assert (reply.text, reply.error) == ("half a sen", "the stream broke off: reset")


def test_a_stream_that_the_program_left_did_not_break_off():
    failure = {"category": "transport", "type": "closed", "message": "it was read no further"}
    reply = reply_of(Answer("half a sen", is_exception=True, exception_data=failure))
    assert (reply.text, reply.error) == ("half a sen", "it was read no further")


def test_what_nobody_can_read_is_counted():
    stream = [{"__type__": "sse.event", "__data__": {"progress": n}} for n in range(3)]
    assert reply_of(Answer(stream, is_streaming=True)).unread == 3


# --- Files that a stranger wrote -------------------------------------------------------------------------


def spots(value, path=()):
    """The paths of everything inside of a JSON value."""
    children = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, child in children:
        yield (*path, key)
        yield from spots(child, (*path, key))


@pytest.mark.parametrize("provider", STREAMS)
def test_any_json_in_any_place_is_read_without_a_crash(tmp_path, provider):
    url, body, reply = STREAMS[provider]
    path = store(tmp_path, reply, url=url, body=body)
    whole, flaws, read_at_all = json.loads(path.read_text()), Flaws(), 0
    for *above, last in spots(whole):
        for junk in (None, 7, "\ud83d", [[]], {"a": {}}):
            damaged = copy.deepcopy(whole)
            place = damaged
            for key in above:
                place = place[key]
            place[last] = junk
            try:
                recording = Recording.from_json(damaged)
            except InvalidRecordingError:
                continue
            read_at_all += 1
            overview_of(StoredFile(path, 1, recording), recording)
            asked_by(damaged["request"].get("body", damaged["request"].get("payload")))
            if read_at_all % 5 == 0:
                flaws.of(path, recording)
    assert read_at_all > 100
