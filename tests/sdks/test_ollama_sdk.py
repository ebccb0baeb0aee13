"""Ollama's own client: JSON lines, and times that are made the same each time."""

from __future__ import annotations

import pytest

from exchange import MESSAGES, WEATHER, Call, Sdk, assert_faithful
from providers import json_lines, whole

ollama = pytest.importorskip("ollama")

MODEL = "llama3.2"
TIMES = {
    "total_duration": 701_266_125,
    "load_duration": 81_004_917,
    "prompt_eval_count": 31,
    "prompt_eval_duration": 182_000_000,
    "eval_count": 4,
    "eval_duration": 437_251_000,
}
TOOL_CALLS = [{"function": {"name": "weather", "arguments": {"city": "Köln", "temperature": 21.123456}}}]
PULL = [
    {"status": "pulling manifest"},
    {"status": "pulling 633fc5be925f", "digest": "sha256:633fc5be925f", "total": 2_200_000_000},
    {
        "status": "pulling 633fc5be925f",
        "digest": "sha256:633fc5be925f",
        "total": 2_200_000_000,
        "completed": 1_100_000_000,
    },
    {"status": "verifying sha256 digest"},
    {"status": "success"},
]
INSTALLED = {
    "models": [
        {
            "name": MODEL,
            "model": MODEL,
            "modified_at": "2025-02-11T09:31:05.211937242+01:00",
            "size": 2_019_393_189,
            "digest": "a80c4f17acd55265feec403c7aef86be0c25983ab279d83f3bcd3abbcb5b8b72",
            "details": {"format": "gguf", "family": "llama", "parameter_size": "3.2B"},
        }
    ]
}


def line(number, **content):
    return {"model": MODEL, "created_at": f"2025-02-11T08:40:27.{number:06}Z", **content}


def chat_line(number, **message):
    return line(number, message={"role": "assistant", **message}, done=False)


def last_line(**content):
    return line(900_001, **content, done_reason="stop", done=True, **TIMES)


def words(count):
    """A chat stream of so many chunks."""
    said = [chat_line(number, content=f"w{number} ☀") for number in range(count - 1)]
    return json_lines(*said, last_line(message={"role": "assistant", "content": ""}))


CALLS = {
    "chat": Call(
        lambda client: client.chat(model=MODEL, messages=MESSAGES),
        whole(last_line(message={"role": "assistant", "content": "Sonnig ☀"})),
    ),
    "chat stream": Call(lambda client: client.chat(model=MODEL, messages=MESSAGES, stream=True), words(5)),
    "chat stream with a tool": Call(
        lambda client: client.chat(model=MODEL, messages=MESSAGES, tools=[WEATHER], stream=True),
        json_lines(
            chat_line(1, content="", thinking="Hm."),
            chat_line(2, content="", tool_calls=TOOL_CALLS),
            last_line(message={"role": "assistant", "content": ""}),
        ),
        words(2),
        then=lambda client, chunks: client.chat(
            model=MODEL,
            messages=[*MESSAGES, chunks[1].message, {"role": "tool", "content": "21 °C"}],
            stream=True,
        ),
    ),
    "generate": Call(
        lambda client: client.generate(model=MODEL, prompt="Sag etwas"),
        whole(last_line(response="Etwas.", context=[128006, 882, 128007])),
    ),
    "generate stream": Call(
        lambda client: client.generate(model=MODEL, prompt="Sag etwas", stream=True),
        json_lines(
            line(1, response="Et", done=False),
            line(2, response="was 🙂", done=False),
            last_line(response="", context=[128006, 882]),
        ),
    ),
    "embed": Call(
        lambda client: client.embed(model="nomic-embed-text", input=["eins", "zwei"]),
        whole(
            {
                "model": "nomic-embed-text",
                "embeddings": [[0.010071029, -0.0017594862, 0.05007221], [-0.0098027075, 0.06, 1.0]],
                "total_duration": 14_143_917,
                "load_duration": 1_019_500,
                "prompt_eval_count": 8,
            }
        ),
    ),
    "list": Call(lambda client: client.list(), whole(INSTALLED)),
    "pull": Call(lambda client: client.pull(MODEL), whole({"status": "success"})),
    "pull stream": Call(lambda client: client.pull(MODEL, stream=True), json_lines(*PULL)),
}


@pytest.fixture(scope="module")
def sdk():
    def headers(key):
        return {"authorization": f"Bearer {key}"}

    return Sdk(
        lambda origin, key: ollama.Client(origin, headers=headers(key)),
        lambda origin, key: ollama.AsyncClient(origin, headers=headers(key)),
    )


@pytest.mark.parametrize("mode", ["sync", "async"])
@pytest.mark.parametrize("name", CALLS)
def test_a_replay_gives_what_the_client_gave(rehearse, name, mode):
    assert_faithful(rehearse(CALLS[name], mode))


@pytest.mark.parametrize("name", ["chat stream", "generate stream", "pull stream"])
def test_lines_are_labelled_with_the_classes_of_the_client(rehearse, name):
    rehearsal = rehearse(CALLS[name], "sync")
    assert rehearsal.labels == rehearsal.classes


ERRORS = {
    "instead of a stream": whole({"error": "model 'llama3.2' not found"}, status=404),
    "in the midst of a stream": json_lines(chat_line(1, content="So"), {"error": "out of memory"}),
}


@pytest.mark.parametrize("mode", ["sync", "async"])
@pytest.mark.parametrize("where", ERRORS)
def test_a_failure_is_the_same_error_again(rehearse, where, mode):
    rehearsal = rehearse(Call(CALLS["chat stream"].send, ERRORS[where], raises=ollama.ResponseError), mode)
    (played,) = rehearsal.played
    assert isinstance(played, ollama.ResponseError)
    assert_faithful(rehearsal)


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_a_stream_is_live_while_it_is_recorded(rehearse, mode):
    assert rehearse.is_live(CALLS["chat stream"], mode)
