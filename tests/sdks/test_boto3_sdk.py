"""boto3's Bedrock: signed requests, binary event streams, and errors that a header names."""

from __future__ import annotations

import base64
import json
from contextlib import closing

import pytest

from exchange import Call, Sdk, assert_faithful
from providers import aws_events, spelled, whole

boto3 = pytest.importorskip("boto3")

from botocore.config import Config  # noqa: E402
from botocore.exceptions import ClientError, EventStreamError  # noqa: E402

NOVA = "us.amazon.nova-micro-v1:0"
CLAUDE = "anthropic.claude-demo-v1:0"
MESSAGES = [{"role": "user", "content": [{"text": "Wie ist das Wetter in Köln?"}]}]
WEATHER = {
    "toolSpec": {
        "name": "weather",
        "description": "The weather of a city",
        "inputSchema": {"json": {"type": "object", "properties": {"city": {"type": "string"}}}},
    }
}
TOOL_CONFIG = {"tools": [WEATHER]}
USAGE = {"inputTokens": 31, "outputTokens": 12, "totalTokens": 43}
TOOL_ID = "tooluse_Nq8hV2rXTyzKpWcMbLdFgA"
INVOKED = json.dumps(
    {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 512,
        "messages": [{"role": "user", "content": "Wie ist das Wetter in Köln?"}],
    }
)


# --- Converse ------------------------------------------------------------------------------------------


def conversation(*content, stop_reason="end_turn"):
    return [
        ("messageStart", {"p": "abcdefgh", "role": "assistant"}),
        *content,
        ("messageStop", {"p": "abcd", "stopReason": stop_reason}),
        ("metadata", {"metrics": {"latencyMs": 660}, "p": "abcdefghijklm", "usage": USAGE}),
    ]


def text_delta(text):
    return "contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": text}, "p": "abc"}


def input_delta(text):
    return "contentBlockDelta", {"contentBlockIndex": 0, "delta": {"toolUse": {"input": text}}, "p": "ab"}


STOP = ("contentBlockStop", {"contentBlockIndex": 0, "p": "abcdef"})
WORDS = conversation(text_delta("Sonn"), text_delta("ig ☀"), STOP)
TOOL_USE = conversation(
    (
        "contentBlockStart",
        {"contentBlockIndex": 0, "start": {"toolUse": {"name": "weather", "toolUseId": TOOL_ID}}, "p": "a"},
    ),
    input_delta('{"city":'),
    input_delta('"Köln"}'),
    STOP,
    stop_reason="tool_use",
)
SUNNY = whole(
    {
        "output": {"message": {"role": "assistant", "content": [{"text": "Sonnig ☀ bei 21.123456 °C"}]}},
        "stopReason": "end_turn",
        "usage": USAGE,
        "metrics": {"latencyMs": 420},
    }
)
THROTTLED = whole(
    {"message": "Too many requests, please wait before trying again."},
    status=429,
    x_amzn_errortype="ThrottlingException:http://internal.amazon.com/coral/com.amazon.bedrock/",
)


def conversed(client, **options):
    with closing(client.converse_stream(modelId=NOVA, messages=MESSAGES, **options)["stream"]) as events:
        yield from events


def with_tool_result(client, events):
    """Ask on with the id that the stream gave the tool call."""
    used = events[1]["contentBlockStart"]["start"]["toolUse"]
    turns = [
        *MESSAGES,
        {"role": "assistant", "content": [{"toolUse": {**used, "input": {"city": "Köln"}}}]},
        {
            "role": "user",
            "content": [{"toolResult": {"toolUseId": used["toolUseId"], "content": [{"text": "21 °C"}]}}],
        },
    ]
    return client.converse(modelId=NOVA, messages=turns, toolConfig=TOOL_CONFIG)


# --- Invoke --------------------------------------------------------------------------------------------


def invoked(client):
    response = client.invoke_model(modelId=CLAUDE, body=INVOKED, accept="application/json")
    return {**response, "body": json.loads(response["body"].read())}


def invoked_stream(client):
    """The chunks that a model wrote, as whoever calls it reads them."""
    response = client.invoke_model_with_response_stream(modelId=CLAUDE, body=INVOKED)
    with closing(response["body"]) as events:
        yield from (json.loads(event["chunk"]["bytes"]) for event in events)


def model_chunks(*values):
    return aws_events(
        *(("chunk", {"bytes": base64.b64encode(spelled(value)).decode(), "p": "abcde"}) for value in values)
    )


MODEL_CHUNKS = [
    {"type": "message_start", "message": {"id": "msg_bdrk_01", "role": "assistant", "content": []}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Sonnig ☀"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 12}},
    {
        "type": "message_stop",
        "amazon-bedrock-invocationMetrics": {"inputTokenCount": 31, "outputTokenCount": 12},
    },
]

CALLS = {
    "converse": Call(lambda client: client.converse(modelId=NOVA, messages=MESSAGES), SUNNY),
    "converse stream": Call(conversed, aws_events(*WORDS)),
    "converse stream with a tool": Call(
        lambda client: conversed(client, toolConfig=TOOL_CONFIG),
        aws_events(*TOOL_USE),
        SUNNY,
        then=with_tool_result,
    ),
    "invoke": Call(
        invoked,
        whole(
            {"id": "msg_bdrk_01", "role": "assistant", "content": [{"type": "text", "text": "Sonnig ☀"}]},
            x_amzn_bedrock_input_token_count="31",
        ),
    ),
    "invoke stream": Call(invoked_stream, model_chunks(*MODEL_CHUNKS)),
}


@pytest.fixture(scope="module")
def sdk():
    return Sdk(
        lambda origin, key: boto3.client(
            "bedrock-runtime",
            region_name="us-east-1",
            endpoint_url=origin,
            aws_access_key_id=f"AKIA{key}",
            aws_secret_access_key=f"secret-{key}",
            aws_session_token=f"session-{key}",
            config=Config(retries={"total_max_attempts": 1}),
        )
    )


@pytest.mark.parametrize("name", CALLS)
def test_a_replay_gives_what_boto3_gave(rehearse, name):
    assert_faithful(rehearse(CALLS[name], "sync"))


def test_events_are_labelled_with_their_names(rehearse):
    rehearsal = rehearse(CALLS["converse stream"], "sync")
    (items,) = rehearsal.played
    assert rehearsal.labels == [next(iter(item)) for item in items]


def test_what_a_model_wrote_is_stored_readable(rehearse):
    rehearsal = rehearse(CALLS["invoke stream"], "sync")
    (chunks,) = rehearsal.streams
    assert [chunk["__data__"]["bytes"] for chunk in chunks] == MODEL_CHUNKS


ERRORS = {
    "instead of an answer": (THROTTLED, ClientError),
    "in the midst of a stream": (
        aws_events(*WORDS[:2], ("throttlingException", {"message": "Too many tokens"})),
        EventStreamError,
    ),
}


@pytest.mark.parametrize("where", ERRORS)
def test_a_throttled_call_is_the_same_error_again(rehearse, where):
    reply, error = ERRORS[where]
    rehearsal = rehearse(Call(conversed, reply, raises=error), "sync")
    (played,) = rehearsal.played
    assert isinstance(played, error)
    assert played.response["Error"]["Code"].lower() == "throttlingexception"
    assert_faithful(rehearsal)


def test_a_stream_is_live_while_it_is_recorded(rehearse):
    assert rehearse.is_live(CALLS["converse stream"], "sync")
