"""LiteLLM, which calls OpenAI through its SDK and Anthropic on its own."""

from __future__ import annotations

import os

import pytest

from exchange import MESSAGES, WEATHER, Call, Sdk, assert_faithful
from providers import events, named_events, whole

# Else it asks the network for its prices when it is imported.
os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
litellm = pytest.importorskip("litellm")

# Its own classes make pydantic warn, each time others.
pytestmark = pytest.mark.filterwarnings("ignore")


def openai_object(kind, *choices, **extra):
    return {
        "id": "chatcmpl-AbCdEfGhIjKlMnOpQrStUvWxYz012",
        "object": kind,
        "created": 1_738_960_610,
        "model": "gpt-4o-mini-2024-07-18",
        "choices": list(choices),
        **extra,
    }


def openai_chunk(delta, finish_reason=None):
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return openai_object("chat.completion.chunk", choice)


def openai_words(*texts):
    begin, end = openai_chunk({"role": "assistant", "content": ""}), openai_chunk({}, "stop")
    return events(begin, *(openai_chunk({"content": text}) for text in texts), end)


def openai_tool(arguments, **call):
    return openai_chunk({"tool_calls": [{"index": 0, **call, "function": {"arguments": arguments}}]})


def anthropic_message(*content, **extra):
    usage = {"input_tokens": 412, "output_tokens": 12}
    return {
        "id": "msg_01EMf5kXh3VLT4d9yCj7SgQa",
        "type": "message",
        "role": "assistant",
        "model": "claude-demo",
        "content": list(content),
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": usage,
        **extra,
    }


def anthropic_stream(content, *deltas, stop_reason="end_turn"):
    return named_events(
        {"type": "message_start", "message": anthropic_message(stop_reason=None)},
        {"type": "content_block_start", "index": 0, "content_block": content},
        {"type": "ping"},
        *({"type": "content_block_delta", "index": 0, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": stop_reason, "stop_sequence": None},
            "usage": {"output_tokens": 12},
        },
        {"type": "message_stop"},
    )


def anthropic_words(*texts):
    deltas = ({"type": "text_delta", "text": text} for text in texts)
    return anthropic_stream({"type": "text", "text": ""}, *deltas)


class Caller:
    """The functions of LiteLLM for one key, as a client; `complete` is the sync or the async one."""

    def __init__(self, complete, origin, key):
        self._complete, self._origin, self._key = complete, origin, key

    def ask(self, model, **options):
        base = f"{self._origin}/v1" if model.startswith("openai/") else self._origin
        return self._complete(
            model=model,
            messages=MESSAGES,
            api_key=self._key,
            api_base=base,
            max_retries=0,
            # Else it wants a package for tools that it does not install.
            _skip_mcp_handler=True,
            **options,
        )

    def close(self):
        litellm.in_memory_llm_clients_cache.flush_cache()

    async def __aenter__(self):
        return self

    async def __aexit__(self, *raised):
        await litellm.close_litellm_async_clients()


OPENAI, ANTHROPIC = "openai/gpt-4o-mini", "anthropic/claude-demo"
CALLS = {
    "openai": Call(
        lambda client: client.ask(OPENAI),
        whole(
            openai_object(
                "chat.completion",
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": "Sonnig ☀"},
                    "finish_reason": "stop",
                },
                usage={"prompt_tokens": 31, "completion_tokens": 12, "total_tokens": 43},
            )
        ),
    ),
    "openai stream": Call(lambda client: client.ask(OPENAI, stream=True), openai_words("Sonn", "ig ", "☀")),
    "openai stream with a tool and usage": Call(
        lambda client: client.ask(
            OPENAI, stream=True, tools=[WEATHER], stream_options={"include_usage": True}
        ),
        events(
            openai_tool("", id="call_P9Ayqu3UQNYuTBVAg2sLimh9", type="function"),
            openai_tool('{"city":'),
            openai_tool('"Köln"}'),
            openai_chunk({}, "tool_calls"),
            openai_object(
                "chat.completion.chunk",
                usage={"prompt_tokens": 31, "completion_tokens": 12, "total_tokens": 43},
            ),
        ),
    ),
    "anthropic": Call(
        lambda client: client.ask(ANTHROPIC),
        whole(anthropic_message({"type": "text", "text": "Sonnig ☀"})),
    ),
    "anthropic stream": Call(
        lambda client: client.ask(ANTHROPIC, stream=True), anthropic_words("Sonn", "ig ", "☀")
    ),
    "anthropic stream with a tool": Call(
        lambda client: client.ask(ANTHROPIC, stream=True, tools=[WEATHER]),
        anthropic_stream(
            {"type": "tool_use", "id": "toolu_01Nq8h", "name": "weather", "input": {}},
            {"type": "input_json_delta", "partial_json": '{"city": "K'},
            {"type": "input_json_delta", "partial_json": 'öln"}'},
            stop_reason="tool_use",
        ),
    ),
}


@pytest.fixture(scope="module")
def sdk():
    return Sdk(
        lambda origin, key: Caller(litellm.completion, origin, key),
        lambda origin, key: Caller(litellm.acompletion, origin, key),
        made_up=frozenset({"id", "created"}),
        unread=1,  # Anthropic's `message_stop`
    )


@pytest.mark.parametrize("mode", ["sync", "async"])
@pytest.mark.parametrize("name", CALLS)
def test_a_replay_gives_what_litellm_gave(rehearse, name, mode):
    assert_faithful(rehearse(CALLS[name], mode))


@pytest.mark.parametrize("mode", ["sync", "async"])
@pytest.mark.parametrize("name", ["openai stream", "anthropic stream"])
def test_a_stream_is_live_while_it_is_recorded(rehearse, name, mode):
    assert rehearse.is_live(CALLS[name], mode)
