"""Mistral's SDK: OpenAI's operations, in events that are not quite OpenAI's."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from exchange import MESSAGES, WEATHER, Call, Sdk, assert_faithful
from providers import events, whole

mistralai = pytest.importorskip("mistralai.client")

MODEL = "mistral-small-latest"
USAGE = {"prompt_tokens": 21, "total_tokens": 33, "completion_tokens": 12}
TOOL_CALL = {
    "id": "D681PevKs",
    "function": {"name": "weather", "arguments": '{"city": "Köln"}'},
    "index": 0,
}


def completion(kind, *choices, **extra):
    return {
        "id": "cc1f2ce4b4c94d2fb8bd0c4b9bcbbcf3",
        "object": kind,
        "created": 1_757_759_490,
        "model": MODEL,
        "choices": list(choices),
        **extra,
    }


def chunk(finish_reason=None, usage=None, **delta):
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return completion("chat.completion.chunk", choice, **({"usage": usage} if usage else {}))


def words(*texts):
    begin = chunk(role="assistant", content="")
    return events(begin, *(chunk(content=text) for text in texts), chunk("stop", USAGE, content=""))


def chat(text):
    message = {"role": "assistant", "tool_calls": None, "content": text}
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    return whole(completion("chat.completion", choice, usage=USAGE))


class AsyncMethods:
    """The async methods of the client, which has both kinds, under the names of the sync ones."""

    def __init__(self, client):
        self._client = client
        self.chat = SimpleNamespace(complete=client.chat.complete_async, stream=client.chat.stream_async)
        self.embeddings = SimpleNamespace(create=client.embeddings.create_async)
        self.models = SimpleNamespace(list=client.models.list_async)

    async def __aenter__(self):
        await self._client.__aenter__()
        return self

    async def __aexit__(self, *raised):
        await self._client.__aexit__(*raised)


def with_tool_result(client, chunks):
    """Ask on with the id that the stream gave the tool call."""
    called = chunks[0].data.choices[0].delta.tool_calls
    turns = [
        *MESSAGES,
        {"role": "assistant", "content": "", "tool_calls": called},
        {"role": "tool", "name": "weather", "tool_call_id": called[0].id, "content": "21.123456 °C"},
    ]
    return client.chat.complete(model=MODEL, messages=turns, tools=[WEATHER])


CALLS = {
    "chat": Call(
        lambda client: client.chat.complete(model=MODEL, messages=MESSAGES), chat("Sonnig ☀ bei 21 °C")
    ),
    "stream": Call(
        lambda client: client.chat.stream(model=MODEL, messages=MESSAGES), words("Sonn", "ig ", "☀")
    ),
    "stream with a tool": Call(
        lambda client: client.chat.stream(model=MODEL, messages=MESSAGES, tools=[WEATHER]),
        events(chunk("tool_calls", USAGE, role="assistant", content="", tool_calls=[TOOL_CALL])),
        chat("Sonnig"),
        then=with_tool_result,
    ),
    "embeddings": Call(
        lambda client: client.embeddings.create(model="mistral-embed", inputs=["eins", "zwei"]),
        whole(
            {
                "id": "aad6fc62b17349b192ef09225058bc45",
                "object": "list",
                "model": "mistral-embed",
                "data": [
                    {"object": "embedding", "embedding": [-0.016632080078125, 0.0701], "index": 0},
                    {"object": "embedding", "embedding": [-0.0230865478515625, 0.03], "index": 1},
                ],
                "usage": USAGE,
            }
        ),
    ),
    "models": Call(
        lambda client: client.models.list(),
        whole(
            {
                "object": "list",
                "data": [
                    {
                        "id": MODEL,
                        "object": "model",
                        "type": "base",
                        "created": 1_757_759_490,
                        "owned_by": "mistralai",
                        "capabilities": {"completion_chat": True},
                        "max_context_length": 131_072,
                    }
                ],
            }
        ),
    ),
}


@pytest.fixture(scope="module")
def sdk():
    def client(origin, key):
        return mistralai.Mistral(api_key=key, server_url=origin)

    return Sdk(client, lambda origin, key: AsyncMethods(client(origin, key)))


@pytest.mark.parametrize("mode", ["sync", "async"])
@pytest.mark.parametrize("name", CALLS)
def test_a_replay_gives_what_the_sdk_gave(rehearse, name, mode):
    assert_faithful(rehearse(CALLS[name], mode))


def test_chunks_are_labelled_as_those_of_the_operation(rehearse):
    rehearsal = rehearse(CALLS["stream"], "sync")
    assert set(rehearsal.labels) == {"openai.types.chat.chat_completion_chunk.ChatCompletionChunk"}


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_a_stream_is_live_while_it_is_recorded(rehearse, mode):
    assert rehearse.is_live(CALLS["stream"], mode)
