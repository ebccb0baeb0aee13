"""OpenAI's SDK: chat and what else it calls, down to files, sounds and pictures."""

from __future__ import annotations

import base64
import struct
from importlib.util import find_spec

import pytest

from exchange import MESSAGES, WEATHER, Call, Sdk, assert_faithful, class_name
from providers import binary, events, named_events, whole

openai = pytest.importorskip("openai")

MODEL = "gpt-4o-mini"
USAGE = {
    "prompt_tokens": 31,
    "completion_tokens": 12,
    "total_tokens": 43,
    "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
}


# --- Chat and completions ------------------------------------------------------------------------------


def completion(kind, **content):
    return {
        "id": "chatcmpl-AbCdEfGhIjKlMnOpQrStUvWxYz012",
        "object": kind,
        "created": 1_738_960_610,
        "model": "gpt-4o-mini-2024-07-18",
        "service_tier": "default",
        "system_fingerprint": "fp_bd83329f63",
        **content,
    }


def chat(message, finish_reason="stop"):
    choice = {
        "index": 0,
        "message": {"role": "assistant", "refusal": None, **message},
        "logprobs": None,
        "finish_reason": finish_reason,
    }
    return whole(completion("chat.completion", choices=[choice], usage=USAGE), x_request_id="req_1")


def chunk(delta, finish_reason=None):
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    return completion("chat.completion.chunk", choices=[choice], usage=None)


def words(*texts):
    begin, end = chunk({"role": "assistant", "content": ""}), chunk({}, "stop")
    return events(begin, *(chunk({"content": text}) for text in texts), end)


def tool_delta(arguments, **begin):
    call = {"index": 0, **begin, "function": {"arguments": arguments}}
    if begin:
        call["function"]["name"] = "weather"
    return chunk({"tool_calls": [call]})


TOOL_STREAM = events(
    tool_delta("", id="call_P9Ayqu3UQNYuTBVAg2sLimh9", type="function"),
    tool_delta('{"city":'),
    tool_delta('"Köln"}'),
    chunk({}, "tool_calls"),
    completion("chat.completion.chunk", choices=[], usage=USAGE),
)
TOOL_OPTIONS = {"model": MODEL, "tools": [WEATHER], "temperature": 0.1234567}


def with_tool_result(client, chunks):
    """Ask on with the id that the stream gave the tool call."""
    call_id = chunks[0].choices[0].delta.tool_calls[0].id
    called = {
        "id": call_id,
        "type": "function",
        "function": {"name": "weather", "arguments": '{"city":"Köln"}'},
    }
    turns = [
        *MESSAGES,
        {"role": "assistant", "tool_calls": [called]},
        {"role": "tool", "tool_call_id": call_id, "content": "21.123456 °C"},
    ]
    return client.chat.completions.create(**TOOL_OPTIONS, messages=turns)


CALLS = {
    "chat": Call(
        lambda client: client.chat.completions.create(model=MODEL, messages=MESSAGES),
        chat({"content": "Sonnig ☀ bei 21.123456 °C", "annotations": []}),
    ),
    "chat stream": Call(
        lambda client: client.chat.completions.create(model=MODEL, messages=MESSAGES, stream=True),
        words("Sonn", "ig ", "☀"),
    ),
    "chat stream with a tool and usage": Call(
        lambda client: client.chat.completions.create(
            **TOOL_OPTIONS, messages=MESSAGES, stream=True, stream_options={"include_usage": True}
        ),
        TOOL_STREAM,
        chat({"content": "Sonnig ☀"}),
        then=with_tool_result,
    ),
    "completion": Call(
        lambda client: client.completions.create(model="davinci-002", prompt="Sag"),
        whole(
            completion("text_completion", choices=[{"text": " etwas", "index": 0, "finish_reason": "stop"}])
        ),
    ),
    "completion stream": Call(
        lambda client: client.completions.create(model="davinci-002", prompt="Sag", stream=True),
        events(
            completion("text_completion", choices=[{"text": " et", "index": 0, "finish_reason": None}]),
            completion("text_completion", choices=[{"text": "was", "index": 0, "finish_reason": "length"}]),
        ),
    ),
    "asked too often, and asked again": Call(
        lambda client: client.with_options(max_retries=1).chat.completions.create(
            model=MODEL, messages=MESSAGES
        ),
        whole(
            {"error": {"message": "Rate limit reached", "type": "tokens", "code": "rate_limit_exceeded"}},
            status=429,
            retry_after_ms="5",
            x_ratelimit_remaining_requests="0",
        ),
        chat({"content": "Sonnig"}),
    ),
}

# --- Models, vectors, files, sounds, pictures ----------------------------------------------------------

VECTOR = [0.010071029, -0.0017594862, 1.0]
PACKED = base64.b64encode(struct.pack("<3f", *VECTOR)).decode()
# The first versions ask for base64 only if numpy is there.
USUAL = PACKED if hasattr(openai.resources, "Responses") or find_spec("numpy") else VECTOR
SOUND = b"ID3\x04\x00" + bytes(range(256))
FILE = {
    "object": "file",
    "id": "file-Vf4yLKvG5Yx1",
    "purpose": "fine-tune",
    "filename": "beispiele.jsonl",
    "bytes": 21,
    "created_at": 1_738_960_610,
    "status": "processed",
}
TRAINING = ("beispiele.jsonl", '{"prompt": "Köln"}\n{"prompt": "Bonn"}\n'.encode())


def embedding(value):
    data = [{"object": "embedding", "index": 0, "embedding": value}]
    usage = {"prompt_tokens": 2, "total_tokens": 2}
    return whole({"object": "list", "data": data, "model": "text-embedding-3-small", "usage": usage})


CALLS |= {
    "models": Call(
        lambda client: client.models.list(),
        whole(
            {
                "object": "list",
                "data": [
                    {"id": MODEL, "object": "model", "created": 1_721_172_741, "owned_by": "system"},
                    {"id": "tts-1", "object": "model", "created": 1_681_940_951, "owned_by": "openai"},
                ],
            }
        ),
    ),
    "embeddings": Call(
        lambda client: client.embeddings.create(model="text-embedding-3-small", input="Köln"),
        embedding(USUAL),
    ),
    "embeddings as numbers": Call(
        lambda client: client.embeddings.create(
            model="text-embedding-3-small", input="Köln", encoding_format="float"
        ),
        embedding(VECTOR),
    ),
    "a file, and what is in it": Call(
        lambda client: client.files.create(file=TRAINING, purpose="fine-tune"),
        whole(FILE),
        binary(TRAINING[1], "application/octet-stream"),
        then=lambda client, file: client.files.content(file.id),
    ),
    "speech": Call(
        lambda client: client.audio.speech.create(model="tts-1", voice="alloy", input="Köln"),
        binary(SOUND, "audio/mpeg"),
    ),
    "transcription": Call(
        lambda client: client.audio.transcriptions.create(model="whisper-1", file=("k.mp3", SOUND)),
        whole({"text": "Köln", "usage": {"type": "duration", "seconds": 1}}),
    ),
    "picture": Call(
        lambda client: client.images.generate(model="dall-e-3", prompt="Köln", response_format="b64_json"),
        whole({"created": 1_738_960_610, "data": [{"b64_json": base64.b64encode(SOUND).decode()}]}),
    ),
    "moderation": Call(
        lambda client: client.moderations.create(input="Köln"),
        whole(
            {
                "id": "modr-AxdxDLcMwrwQWCqVRV5tw4V8wzH1e",
                "model": "omni-moderation-latest",
                "results": [{"flagged": False, "categories": {}, "category_scores": {}}],
            }
        ),
    ),
}

PICTURE = {
    "b64_json": "aVZCT1J3MEtHZ28=",
    "created_at": 1_738_960_610,
    "size": "1024x1024",
    "quality": "low",
    "background": "opaque",
    "output_format": "png",
}
if hasattr(openai.types, "ImageGenStreamEvent"):
    CALLS |= {
        "picture stream": Call(
            lambda client: client.images.generate(
                model="gpt-image-1", prompt="Köln", stream=True, partial_images=1
            ),
            named_events(
                {"type": "image_generation.partial_image", "partial_image_index": 0, **PICTURE},
                {"type": "image_generation.completed", **PICTURE},
            ),
        ),
        "transcription stream": Call(
            lambda client: client.audio.transcriptions.create(
                model="gpt-4o-transcribe", file=("k.mp3", SOUND), stream=True
            ),
            events(
                {"type": "transcript.text.delta", "delta": "Kö"},
                {"type": "transcript.text.done", "text": "Köln"},
            ),
        ),
    }


@pytest.fixture(scope="module")
def sdk():
    return Sdk.of_classes(openai.OpenAI, openai.AsyncOpenAI, path="/v1")


@pytest.mark.parametrize("mode", ["sync", "async"])
@pytest.mark.parametrize("name", CALLS)
def test_a_replay_gives_what_the_sdk_gave(rehearse, name, mode):
    assert_faithful(rehearse(CALLS[name], mode))


@pytest.mark.parametrize("name", ["chat stream", "completion stream"])
def test_chunks_are_labelled_with_the_classes_of_the_sdk(rehearse, name):
    rehearsal = rehearse(CALLS[name], "sync")
    assert rehearsal.labels == rehearsal.classes


@pytest.mark.parametrize("name", ["chat", "completion", "embeddings"])
def test_a_whole_answer_is_labelled_with_the_class_of_the_sdk(rehearse, name):
    rehearsal = rehearse(CALLS[name], "sync")
    (answer,), (response,) = rehearsal.played, rehearsal.responses
    assert response["body"]["__type__"] == class_name(answer)


ERROR = {"message": "The server had an error", "type": "server_error", "code": None}
ERRORS = {
    "instead of a stream": whole({"error": ERROR}, status=500),
    "in the midst of a stream": events(chunk({"content": "So"}), {"error": ERROR}, end=b""),
}


@pytest.mark.parametrize("mode", ["sync", "async"])
@pytest.mark.parametrize("where", ERRORS)
def test_a_failure_is_the_same_error_again(rehearse, where, mode):
    rehearsal = rehearse(Call(CALLS["chat stream"].send, ERRORS[where], raises=openai.APIError), mode)
    (played,) = rehearsal.played
    assert isinstance(played, openai.APIError)
    assert played.body == ERROR
    assert_faithful(rehearsal)


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_a_stream_is_live_while_it_is_recorded(rehearse, mode):
    assert rehearse.is_live(CALLS["chat stream"], mode)
