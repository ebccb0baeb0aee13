"""The labels of stream events: which class a client gives an event, and how such events usually travel.

Labels are texts, compared and never imported (spec §1). What tells an event of one provider from another's is
the operation where that is known, else the shape of the event itself.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hashtape.codecs.base import Context
    from hashtape.codecs.json_text import Json

__all__ = [
    "CHAT_LABELS",
    "EVENT",
    "GEMINI",
    "JSON_VALUE",
    "NAMED",
    "TEXT_EVENT",
    "UNNAMED",
    "UNNAMED_CRLF",
    "ends_stream",
    "event_label",
    "is_event_label",
    "is_gemini",
    "name_key",
    "promises_json",
    "usual_end",
    "usual_event",
    "writing_label",
]

CHAT_LABELS = {
    "/v1/chat/completions": "openai.types.chat.chat_completion_chunk.ChatCompletionChunk",
    "/v1/completions": "openai.types.completion.Completion",
}
"""Operation → the label of the chunks of its streams, which `[DONE]` closes."""
_CHAT_LABELS = frozenset(CHAT_LABELS.values())
GEMINI = "google.genai.types.GenerateContentResponse"
EVENT = "sse.event"
"""An event with JSON of no provider in particular."""
TEXT_EVENT = "sse.text"
"""An event whose data is not JSON but text."""
JSON_VALUE = "json.value"
"""A JSON line of no class, where without a label it would be taken for something else."""

_RESPONSES = "/v1/responses"
_RESPONSES_PREFIX = "openai.types.responses."
_ANTHROPIC_PREFIX = "anthropic."
_EVENT_PREFIXES = ("openai.types.", _ANTHROPIC_PREFIX, "google.genai.types.", "sse.")
_RESPONSE_TYPE = re.compile(r"response((?:\.[a-z0-9_]+)+)")
_NAMED_OTHERWISE = {
    "output_text_delta": "text_delta",
    "output_text_done": "text_done",
    "image_generation_call_completed": "image_gen_call_completed",
    "image_generation_call_generating": "image_gen_call_generating",
    "image_generation_call_in_progress": "image_gen_call_in_progress",
    "image_generation_call_partial_image": "image_gen_call_partial_image",
}
"""The Responses events whose class is not called after their type."""
_ANTHROPIC_KEYS = {
    "message_start": "message",
    "message_delta": "delta",
    "content_block_start": "content_block",
    "content_block_delta": "delta",
    "content_block_stop": "index",
}
"""Anthropic's types of events, with a key that each has."""
_ANTHROPIC_NAMED = {
    "message_stop": "anthropic.types.raw_message_stop_event.RawMessageStopEvent",
    "completion": "anthropic.types.completion.Completion",
    "error": "anthropic.types.shared.error_response.ErrorResponse",
    # The client swallows it: the union of all events is the closest that it has.
    "ping": "anthropic.types.raw_message_stream_event.RawMessageStreamEvent",
}
"""Those that have no such key: only the name of the event tells them."""
_OPENAI_NAMED = {
    "transcript.text.delta": "openai.types.audio.transcription_text_delta_event.TranscriptionTextDeltaEvent",
    "transcript.text.done": "openai.types.audio.transcription_text_done_event.TranscriptionTextDoneEvent",
    "transcript.text.segment": (
        "openai.types.audio.transcription_text_segment_event.TranscriptionTextSegmentEvent"
    ),
    "image_generation.partial_image": (
        "openai.types.image_gen_partial_image_event.ImageGenPartialImageEvent"
    ),
    "image_generation.completed": "openai.types.image_gen_completed_event.ImageGenCompletedEvent",
    "image_edit.partial_image": "openai.types.image_edit_partial_image_event.ImageEditPartialImageEvent",
    "image_edit.completed": "openai.types.image_edit_completed_event.ImageEditCompletedEvent",
}
"""The events of OpenAI's streams of text from audio, and of pictures."""
_ANTHROPIC_PATH = re.compile(r"/(?:messages|complete)\b|anthropic|:streamRawPredict", re.IGNORECASE)
_RESPONSES_PATH = re.compile(r"/responses(?:/[^/]+)?$")
"""Where calls of these providers go, whatever stands before."""
_CHAT_CHUNK = "chat.completion.chunk"
_COMPLETION = CHAT_LABELS["/v1/completions"]
_CHAT_OBJECTS = {
    _CHAT_CHUNK: CHAT_LABELS["/v1/chat/completions"],
    "text_completion": _COMPLETION,
}
"""What chunks of the same streams say of themselves, where their path is no known one."""
_NAME_KEYS = ("type", "event_type", "event")
"""Where the events of known providers repeat their own name."""
_A2A_KINDS = frozenset({"artifact-update", "status-update", "task"})
_A2A_IDS = frozenset({"contextId", "taskId"})
_A2A_ENDS = frozenset(
    {"auth-required", "canceled", "cancelled", "completed", "failed", "input-required", "rejected"}
)
"""The states in which a task of A2A's waits, or is at its end."""
_A2A_UPDATES = ("artifactUpdate", "statusUpdate", "task")
_RESPONSES_ENDS = {"response.completed", "response.failed", "response.incomplete", "error"}
_ANTHROPIC_ENDS = {"message_stop", "error"}
_OPENAI_ENDS = {"transcript.text.done", "image_generation.completed", "image_edit.completed"}

UNNAMED = "data: {data}\n\n"
"""The template of an event that is nothing but its data."""
NAMED = "event: {data.type}\ndata: {data}\n\n"
"""The template of an event that is named by its type."""
UNNAMED_CRLF = "data: {data}\r\n\r\n"
"""The same with the line breaks of the web."""
_DONE = "data: [DONE]\n\n"


@lru_cache(maxsize=256)
def _class_label(package: str, snake_name: str) -> str:
    """The class of that name, as generated clients lay them out: one module a class."""
    return f"{package}.{snake_name}.{''.join(part.capitalize() for part in snake_name.split('_'))}"


@lru_cache(maxsize=256)
def _response_label(type_name: str) -> str:
    match = _RESPONSE_TYPE.fullmatch(type_name)
    if match is None:
        return (
            "openai.types.responses.response_error_event.ResponseErrorEvent" if type_name == "error" else ""
        )
    name = match[1][1:].replace(".", "_")
    return _class_label("openai.types.responses", f"response_{_NAMED_OTHERWISE.get(name, name)}_event")


def _anthropic_label(data: dict[str, Json], type_name: str, name: str | None, path: str) -> str:
    if type_name in _ANTHROPIC_KEYS and _ANTHROPIC_KEYS[type_name] in data:
        return _class_label("anthropic.types", f"raw_{type_name}_event")
    # Others have events of these names as well.
    is_anthropics = name == type_name and (not path or _ANTHROPIC_PATH.search(path) is not None)
    return _ANTHROPIC_NAMED.get(type_name, "") if is_anthropics else ""


def is_gemini(data: Json) -> bool:
    """Whether an event is one of Gemini's or Vertex's."""
    return isinstance(data, dict) and (
        "candidates" in data
        or "promptFeedback" in data
        or ("usageMetadata" in data and "modelVersion" in data)
    )


def event_label(data: Json, name: str | None, context: Context) -> str:
    """The label of an event.

    Args:
        data: Its data.
        name: The value of its `event` field, None if it has none.
        context: The exchange.
    """
    if label := CHAT_LABELS.get(context.operation):
        # Of completions there are some that answer with chunks of a chat: those in the middle of a text.
        is_chat = label == _COMPLETION and isinstance(data, dict) and data.get("object") == _CHAT_CHUNK
        return CHAT_LABELS["/v1/chat/completions"] if is_chat else label
    type_name = data.get("type") if isinstance(data, dict) else None
    if isinstance(data, dict) and isinstance(type_name, str):
        if context.operation == _RESPONSES:
            label = _response_label(type_name)
        elif type_name in _OPENAI_NAMED:
            label = _OPENAI_NAMED[type_name]
        else:
            # The Responses API also answers calls that are no known operation: under a deployment, say.
            is_response = (type_name == "error" and _RESPONSES_PATH.search(context.path) is not None) or (
                type_name.startswith("response.") and (type_name == name or "sequence_number" in data)
            )
            label = (
                _response_label(type_name)
                if is_response
                else _anthropic_label(data, type_name, name, context.path)
            )
        return label or EVENT
    if isinstance(data, dict) and (label := _CHAT_OBJECTS.get(str(data.get("object")))):
        return label
    return GEMINI if is_gemini(data) else EVENT


def name_key(data: Json, name: str | None) -> str | None:
    """The key in an event's data that holds its name."""
    if name is None or not isinstance(data, dict):
        return None
    for key in _NAME_KEYS:
        if data.get(key) == name:
            return key
    return None


def ends_stream(label: str, data: Json) -> bool:
    """Whether an event says that it is the last of its stream."""
    if not isinstance(data, dict):
        return False
    if label.startswith(_RESPONSES_PREFIX):
        return data.get("type") in _RESPONSES_ENDS
    if label.startswith(_ANTHROPIC_PREFIX):
        # Some clients read no further than to why the message ended.
        delta = data.get("delta")
        says_why = isinstance(delta, dict) and bool(delta.get("stop_reason"))
        return data.get("type") in _ANTHROPIC_ENDS or says_why
    if label in _CHAT_LABELS:
        return bool(data.get("error"))  # clients raise it, and read no further
    if label in _OPENAI_NAMED.values():
        return data.get("type") in _OPENAI_ENDS
    if label == EVENT and _is_last_of_rpc(data):
        return True
    if label == EVENT and list(data) == ["error"]:
        return bool(data["error"])  # Gemini's client, for one, raises it
    if label == GEMINI:
        candidates = data.get("candidates")
        return isinstance(candidates, list) and any(
            isinstance(candidate, dict) and bool(candidate.get("finishReason")) for candidate in candidates
        )
    return False


def _is_last_of_rpc(data: dict[str, Json]) -> bool:
    """Whether an event is the answer to a call of MCP's or A2A's after which clients read no further.

    MCP's has one result; A2A's has many, and says which is the last.
    """
    if data.get("jsonrpc") != "2.0" or ("result" not in data and "error" not in data):
        return False
    result = data.get("result")
    if not isinstance(result, dict):
        return True
    values = [result.get(key) for key in _A2A_UPDATES]
    if str(result.get("kind")) in _A2A_KINDS:
        values.append(result)
    return not any(isinstance(value, dict) and _goes_on(value) for value in values)


def _goes_on(update: dict[str, Json]) -> bool:
    """Whether a task of A2A's goes on after this."""
    if update.get("final") is True or _A2A_IDS.isdisjoint(update):
        return False
    status = update.get("status")
    state = str(status.get("state")) if isinstance(status, dict) else ""
    return state.lower().removeprefix("task_state_").replace("_", "-") not in _A2A_ENDS


def promises_json(context: Context) -> bool:
    """Whether the events of this operation's streams are JSON, up to an end marker."""
    return context.operation in CHAT_LABELS or context.operation == _RESPONSES


def is_event_label(label: str | None) -> bool:
    """Whether an entry with this label is one of a stream of server-sent events."""
    return label is not None and label.startswith(_EVENT_PREFIXES)


def writing_label(label: str, context: Context) -> str:
    """The label by whose rules an entry of a stream is written.

    Other recorders put other classes into the streams of these operations, or none: it is the operation that
    says how they travel (spec §5).
    """
    if is_event_label(label) or label == JSON_VALUE:
        return label
    return CHAT_LABELS.get(context.operation) or (
        _RESPONSES_PREFIX if context.operation == _RESPONSES else label
    )


def usual_event(label: str, data: Json) -> str:
    """The template of an event that is stored with this label and data (spec §5)."""
    if label == EVENT or label in _CHAT_LABELS or label.startswith("sse."):
        return UNNAMED
    if label.startswith("google."):
        return UNNAMED_CRLF
    return NAMED if isinstance(data, dict) and isinstance(data.get("type"), str) else UNNAMED


def usual_end(first: str | None, context: Context) -> str:
    """What closes a stream whose first entry has this label, None if it has no chunk (spec §5)."""
    is_chat = context.operation in CHAT_LABELS if first is None else first in _CHAT_LABELS
    return _DONE if is_chat and not context.is_cut else ""
