"""Google's Gen AI SDK: Gemini's CRLF events; its async client is aiohttp's where that is installed."""

from __future__ import annotations

from io import BytesIO

import pytest

from exchange import QUESTION, Call, Sdk, assert_faithful
from providers import crlf_events, whole

pytest.importorskip("google.genai")

from google import genai
from google.genai import errors, types

# It derives a class from aiohttp's session, of which aiohttp warns.
pytestmark = pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning")

MODEL = "gemini-2.5-flash"
USAGE = {
    "promptTokenCount": 18,
    "candidatesTokenCount": 31,
    "totalTokenCount": 84,
    "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 18}],
    "thoughtsTokenCount": 35,
}
WEATHER = types.Tool(
    function_declarations=[
        types.FunctionDeclaration(
            name="weather",
            description="The weather of a city",
            parameters=types.Schema(
                type=types.Type.OBJECT, properties={"city": types.Schema(type=types.Type.STRING)}
            ),
        )
    ]
)
TOOLS = types.GenerateContentConfig(
    tools=[WEATHER],
    temperature=0.123456789,
    automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
)


def candidate(*parts, **extra):
    return {
        "candidates": [{"content": {"parts": list(parts), "role": "model"}, "index": 0, **extra}],
        "usageMetadata": USAGE,
        "modelVersion": MODEL,
        "responseId": "ru1garvBEoOiqtsP2fznmQw",
    }


def words(*texts):
    return crlf_events(
        *(candidate({"text": text}) for text in texts), candidate({"text": ""}, finishReason="STOP")
    )


THOUGHT = {"text": "A tool can tell.", "thought": True}
FUNCTION_CALL = {
    "functionCall": {"name": "weather", "args": {"city": "Köln"}},
    "thoughtSignature": "CiQBVKhc7rX2l1mVb0aTqTq0",
}


def with_function_response(client, chunks):
    """Ask on with the turn that the stream was, its signature included."""
    said = chunks[1].candidates[0].content
    answer = types.Part.from_function_response(name="weather", response={"celsius": 21.5})
    turns = [types.UserContent(QUESTION), said, types.UserContent([answer])]
    return client.models.generate_content(model=MODEL, contents=turns, config=TOOLS)


SUNNY = whole(candidate({"text": "Sonnig ☀ bei 21.123456 °C"}, finishReason="STOP", avgLogprobs=-0.12345678))
CALLS = {
    "generate": Call(lambda client: client.models.generate_content(model=MODEL, contents=QUESTION), SUNNY),
    "stream": Call(
        lambda client: client.models.generate_content_stream(model=MODEL, contents=QUESTION),
        words("Sonn", "ig ", "☀"),
    ),
    "stream with thoughts and a tool": Call(
        lambda client: client.models.generate_content_stream(model=MODEL, contents=QUESTION, config=TOOLS),
        crlf_events(candidate(THOUGHT), candidate(FUNCTION_CALL, finishReason="STOP")),
        SUNNY,
        then=with_function_response,
    ),
    "picture": Call(
        lambda client: client.models.generate_content(
            model=MODEL, contents=[types.Part.from_bytes(data=bytes(range(256)), mime_type="image/png"), "?"]
        ),
        whole(candidate({"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}})),
    ),
    "embed": Call(
        lambda client: client.models.embed_content(model="gemini-embedding-001", contents=["eins", "zwei"]),
        whole({"embeddings": [{"values": [-0.022374554, 0.0045]}, {"values": [0.010071029, 1.0]}]}),
    ),
    "count tokens": Call(
        lambda client: client.models.count_tokens(model=MODEL, contents=QUESTION),
        whole({"totalTokens": 9, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 9}]}),
    ),
}


@pytest.fixture(scope="module")
def sdk():
    def client(origin, key):
        return genai.Client(api_key=key, http_options=types.HttpOptions(base_url=origin))

    return Sdk(client, lambda origin, key: client(origin, key).aio)


@pytest.mark.parametrize("mode", ["sync", "async"])
@pytest.mark.parametrize("name", CALLS)
def test_a_replay_gives_what_the_sdk_gave(rehearse, name, mode):
    assert_faithful(rehearse(CALLS[name], mode))


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_events_are_labelled_with_the_class_of_the_sdk(rehearse, mode):
    rehearsal = rehearse(CALLS["stream"], mode)
    assert rehearsal.labels == rehearsal.classes


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_a_file_goes_where_a_header_of_the_first_answer_says(rehearse, provider, mode):
    to = f"{provider.origin}/upload/v1beta/files?upload_id=AHmgWZvxyz&upload_protocol=resumable"
    file = {"name": "files/k5l", "mimeType": "text/plain", "sizeBytes": "5", "state": "ACTIVE"}
    call = Call(
        lambda client: client.files.upload(file=BytesIO("Köln".encode()), config={"mime_type": "text/plain"}),
        whole({}, x_goog_upload_url=to, x_goog_upload_status="active"),
        whole({"file": file}, x_goog_upload_status="final"),
    )
    assert_faithful(rehearse(call, mode))


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_an_exhausted_quota_is_the_same_error_again(rehearse, mode):
    retry = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "27s"}
    error = {"code": 429, "message": "Quota exceeded", "status": "RESOURCE_EXHAUSTED", "details": [retry]}
    call = Call(CALLS["stream"].send, whole({"error": error}, status=429), raises=errors.APIError)
    rehearsal = rehearse(call, mode)
    (played,) = rehearsal.played
    assert isinstance(played, errors.ClientError)
    assert played.details == {"error": error}
    assert_faithful(rehearsal)


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_a_stream_is_live_while_it_is_recorded(rehearse, mode):
    assert rehearse.is_live(CALLS["stream"], mode)
