"""Recordings of every provider's answers, as a run writes them: what the tests of the commands look at."""

from __future__ import annotations

from urllib.parse import urlsplit

import providers
from hashtape.codecs import Context, decode
from hashtape.recording import Answer, HttpRequest, Recording
from hashtape.recording_dir import RecordingDir
from hashtape.request_id import WireRequest, id_of, operation_of, recorded_form

CHAT_URL = "https://api.openai.com/v1/chat/completions"
TEST = "tests/test_chat.py::test_hello"


def chat(content, model="gpt-4o", **more):
    return {"model": model, "messages": [{"role": "user", "content": content}], **more}


def completion(content, **usage):
    counts = {"prompt_tokens": 3, "completion_tokens": 4, **usage}
    choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
    return providers.whole({"id": "rec-1", "object": "chat.completion", "choices": [choice], "usage": counts})


def store(directory, reply, *later, url=CHAT_URL, body=None, test_id=TEST):
    """Write the recording of one exchange; return its path."""
    body = chat("Say hello") if body is None else body
    wire = WireRequest("POST", url, providers.spelled(body), "application/json")
    request = recorded_form(wire, test_id)
    answers = [_answer(request, url, one) for one in (reply, *later)]
    recording = Recording(test_id, request, answers[0], answers[1:])
    place = RecordingDir(directory)
    place.make()
    path = place.file_for(id_of(request, test_id), recording)
    place.write(path, recording)
    return path


def _answer(request, url, reply):
    raw = b"".join(reply.chunks) if reply.chunks else reply.body
    content_type = reply.headers["content-type"]
    context = Context(operation_of(request), content_type, reply.status, path=urlsplit(url).path)
    decoded, usual = decode(raw, context)
    answer = Answer(decoded.body, decoded.is_streaming, framing=decoded.framing)
    if content_type.partition(";")[0] != usual.partition(";")[0]:
        answer.headers = {"content-type": content_type}
    if reply.status != 200 or isinstance(request, HttpRequest):
        answer.status = reply.status
    return answer


# --- One streamed exchange of each provider: "Bonjour", and a call of a tool ----------


def _delta(**delta):
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": None}], "usage": None}


def _call(arguments, **more):
    return _delta(tool_calls=[{"index": 0, **more, "function": {"arguments": arguments}}])


def _openai_chat():
    first = _delta(tool_calls=[{"index": 0, "id": "c1", "function": {"name": "weather", "arguments": ""}}])
    last = {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}
    usage = {"choices": [], "usage": {"prompt_tokens": 11, "completion_tokens": 7}}
    said = (_delta(role="assistant", content=""), _delta(content="Bon"), _delta(content="jour"))
    return (
        CHAT_URL,
        chat("Salut", stream=True),
        providers.events(*said, first, _call('{"city":'), _call(' "Paris"}'), last, usage),
    )


def _openai_responses():
    def event(name, **fields):
        return {"type": f"response.{name}", **fields}

    call = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "weather", "arguments": ""}
    message = {"type": "message", "role": "assistant", "content": []}
    said = [{"type": "output_text", "text": "Bonjour"}]
    done = {
        "object": "response",
        "status": "completed",
        "usage": {"input_tokens": 11, "output_tokens": 7},
        "output": [{**message, "content": said}, {**call, "arguments": '{"city": "Paris"}'}],
    }
    return (
        "https://api.openai.com/v1/responses",
        {"model": "gpt-4o", "input": "Salut", "stream": True},
        providers.named_events(
            event("created", response={"id": "resp_1"}),
            event("output_item.added", output_index=0, item=message),
            event("output_text.delta", output_index=0, content_index=0, delta="Bon"),
            event("output_text.delta", output_index=0, content_index=0, delta="jour"),
            event("output_item.added", output_index=1, item=call),
            event("function_call_arguments.delta", output_index=1, delta='{"city":'),
            event("function_call_arguments.delta", output_index=1, delta=' "Paris"}'),
            event("completed", response=done),
        ),
    )


def _anthropic_events():
    def delta(index, **fields):
        return {"type": "content_block_delta", "index": index, "delta": fields}

    def start(index, **block):
        return {"type": "content_block_start", "index": index, "content_block": block}

    return [
        {
            "type": "message_start",
            "message": {"content": [], "usage": {"input_tokens": 11, "output_tokens": 1}},
        },
        start(0, type="text", text=""),
        {"type": "ping"},
        delta(0, type="text_delta", text="Bon"),
        delta(0, type="text_delta", text="jour"),
        {"type": "content_block_stop", "index": 0},
        start(1, type="tool_use", id="c1", name="weather", input={}),
        delta(1, type="input_json_delta", partial_json='{"city":'),
        delta(1, type="input_json_delta", partial_json=' "Paris"}'),
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 7}},
        {"type": "message_stop"},
    ]


def _anthropic():
    url = "https://api.anthropic.com/v1/messages"
    body = chat("Salut", model="claude", stream=True, max_tokens=9)
    return url, body, providers.named_events(*_anthropic_events())


def _gemini():
    def candidate(**part):
        return {"candidates": [{"content": {"role": "model", "parts": [part]}}]}

    call = candidate(functionCall={"name": "weather", "args": {"city": "Paris"}})
    call["candidates"][0]["finishReason"] = "STOP"
    call["usageMetadata"] = {"promptTokenCount": 11, "candidatesTokenCount": 5, "thoughtsTokenCount": 2}
    return (
        "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5:streamGenerateContent?alt=sse",
        {"contents": [{"role": "user", "parts": [{"text": "Salut"}]}]},
        providers.crlf_events(candidate(text="Bon"), candidate(text="jour"), call),
    )


def _ollama():
    call = {"function": {"name": "weather", "arguments": {"city": "Paris"}}}
    return (
        "http://localhost:11434/api/chat",
        chat("Salut", model="llama3.2"),
        providers.json_lines(
            {"message": {"role": "assistant", "content": "Bon"}, "done": False},
            {"message": {"role": "assistant", "content": "jour"}, "done": False},
            {"message": {"role": "assistant", "content": "", "tool_calls": [call]}, "done": False},
            {"message": {"content": ""}, "done": True, "prompt_eval_count": 11, "eval_count": 7},
        ),
    )


def _converse():
    call = {"toolUse": {"toolUseId": "c1", "name": "weather"}}
    return (
        "https://bedrock-runtime.eu-west-1.amazonaws.com/model/amazon.nova-lite-v1%3A0/converse-stream",
        {"messages": [{"role": "user", "content": [{"text": "Salut"}]}]},
        providers.aws_events(
            ("messageStart", {"role": "assistant"}),
            ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "Bon"}}),
            ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "jour"}}),
            ("contentBlockStart", {"contentBlockIndex": 1, "start": call}),
            ("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"toolUse": {"input": '{"city":'}}}),
            ("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"toolUse": {"input": ' "Paris"}'}}}),
            ("messageStop", {"stopReason": "tool_use"}),
            ("metadata", {"usage": {"inputTokens": 11, "outputTokens": 7}}),
        ),
    )


def _cohere():
    def message(kind, index, **message):
        return {"type": kind, "index": index, "delta": {"message": message}}

    def call(**fields):
        return {"tool_calls": {**fields}}

    named = call(id="c1", function={"name": "weather", "arguments": ""})
    end = {"finish_reason": "TOOL_CALL", "usage": {"tokens": {"input_tokens": 11, "output_tokens": 7}}}
    return (
        "https://api.cohere.com/v2/chat",
        chat("Salut", model="command-r", stream=True),
        providers.named_events(
            message("content-delta", 0, content={"text": "Bon"}),
            message("content-delta", 0, content={"text": "jour"}),
            message("tool-call-start", 1, **named),
            message("tool-call-delta", 1, **call(function={"arguments": '{"city":'})),
            message("tool-call-delta", 1, **call(function={"arguments": ' "Paris"}'})),
            {"type": "message-end", "delta": end},
        ),
    )


STREAMS = {
    "openai-chat": _openai_chat(),
    "openai-responses": _openai_responses(),
    "anthropic": _anthropic(),
    "gemini": _gemini(),
    "ollama": _ollama(),
    "bedrock-converse": _converse(),
    "cohere": _cohere(),
}
"""Provider → the URL, the request's body, and the streamed answer."""
