"""The shapes of answers and chunks, one reader a shape.

A reader gets the label and the data of a whole answer or of one chunk. It returns whether the shape is its
own; whatever that says then is in the assembly. A label is compared, never imported (spec §1).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from hashtape.cli.exchange.assembly import Assembly
from hashtape.cli.exchange.content import as_text, parts_of, tool_calls_of
from hashtape.cli.exchange.turns import objects, text_at
from hashtape.codecs import Json

if TYPE_CHECKING:
    from hashtape.cli.exchange.turns import PartKind

__all__ = ["READERS"]

Reader: TypeAlias = Callable[[str, dict[str, Json], Assembly], bool]

_REASONING = ("reasoning_content", "reasoning", "thinking")


def _chat(label: str, data: dict[str, Json], assembly: Assembly) -> bool:  # noqa: ARG001  (Reader)
    """OpenAI's chat and completions, and whoever speaks like them: Mistral, Groq, vLLM and more."""
    if not isinstance(data.get("choices"), list) or data.get("error"):
        return False
    for position, choice in enumerate(objects(data["choices"])):
        index = choice.get("index", position)
        assembly.end(choice.get("finish_reason"))
        if text := text_at(choice, "text"):
            assembly.add("text", text, choice=index)
        for key in ("message", "delta"):
            message = choice.get(key)
            if isinstance(message, dict):
                _add_message(message, assembly, index, is_whole=key == "message")
    return True


def _add_message(message: dict[str, Json], assembly: Assembly, choice: Json, *, is_whole: bool) -> None:
    """A whole message of the chat kind, or a piece of one."""
    assembly.add("reasoning", text_at(message, *_REASONING), choice=choice)
    content = message.get("content")
    if isinstance(content, str):
        assembly.add("text", content, choice=choice)
    else:
        for part in parts_of(content):
            assembly.add(part.kind, part.text, choice=choice)
    assembly.add("refusal", text_at(message, "refusal"), choice=choice)
    if isinstance(audio := message.get("audio"), dict):
        assembly.add("note", text_at(audio, "transcript"), choice=choice, key="audio")
    listed = objects(message.get("tool_calls"))
    for position, part in enumerate(tool_calls_of(message)):
        # Of a piece, the index says which call goes on; some servers give all whole calls the same.
        is_piece = not is_whole and position < len(listed)
        key = listed[position].get("index", position) if is_piece else position
        assembly.add_part(part, choice=choice, key=key)


def _responses(label: str, data: dict[str, Json], assembly: Assembly) -> bool:
    """OpenAI's Responses API: whole, or by events."""
    kind = text_at(data, "type")
    if data.get("object") == "response" or label.endswith(".Response"):
        _add_output(data, assembly)
        return True
    if not kind.startswith("response."):
        return False
    key = (data.get("output_index"), data.get("content_index"), data.get("summary_index"))
    deltas: dict[str, PartKind] = {
        "response.output_text.delta": "text",
        "response.refusal.delta": "refusal",
        "response.reasoning_summary_text.delta": "reasoning",
        "response.reasoning_text.delta": "reasoning",
    }
    item = data.get("item")
    if kind in deltas:
        assembly.add(deltas[kind], text_at(data, "delta"), key=key)
    elif kind.endswith(("function_call_arguments.delta", "custom_tool_call_input.delta")):
        assembly.add("tool call", text_at(data, "delta"), key=data.get("output_index"))
    elif kind == "response.output_item.added" and isinstance(item, dict):
        for part in parts_of(item) if text_at(item, "type").endswith("_call") else []:
            if part.kind == "tool call":
                assembly.add(
                    part.kind, part.text, key=data.get("output_index"), name=part.name, call_id=part.call_id
                )
    elif isinstance(response := data.get("response"), dict) and kind.endswith(
        (".completed", ".incomplete", ".failed")
    ):
        _add_output(response, assembly, is_known=not assembly.is_empty)
    return True


def _add_output(response: dict[str, Json], assembly: Assembly, *, is_known: bool = False) -> None:
    """A whole response; what it says is known when its events have told it."""
    for item in [] if is_known else objects(response.get("output")):
        is_message = text_at(item, "type") in {"", "message"}
        for part in parts_of(item.get("content") if is_message else item):
            assembly.add_part(part)
    incomplete = response.get("incomplete_details")
    assembly.end(text_at(incomplete, "reason") or response.get("status"))
    _add_error(response.get("error"), assembly)


def _anthropic(label: str, data: dict[str, Json], assembly: Assembly) -> bool:  # noqa: ARG001  (Reader)
    """Anthropic's Messages: whole, or by events; also inside of Bedrock's InvokeModel."""
    kind = text_at(data, "type")
    key = ("block", data.get("index"))
    if kind == "message" and isinstance(data.get("content"), list):
        for part in parts_of(data["content"]):
            assembly.add_part(part)
        assembly.end(data.get("stop_reason"))
    elif kind == "content_block_start":
        for part in parts_of(data.get("content_block")):
            if part.kind == "tool call":
                # Its input is an empty object, in the place of the JSON text that is to come.
                part.text = "" if part.text == "{}" else part.text
            assembly.add(part.kind, part.text, key=key, name=part.name, call_id=part.call_id)
    elif kind == "content_block_delta":
        delta = data.get("delta")
        assembly.add("text", text_at(delta, "text"), key=key)
        assembly.add("reasoning", text_at(delta, "thinking"), key=key)
        if text := text_at(delta, "partial_json"):
            assembly.add("tool call", text, key=key)
    elif kind == "message_delta":
        delta = data.get("delta")
        assembly.end(delta.get("stop_reason") if isinstance(delta, dict) else None)
    elif kind == "completion" or "completion" in data:
        assembly.add("text", text_at(data, "completion"))
        assembly.end(data.get("stop_reason"))
    else:
        return kind in {"message_start", "message_stop", "content_block_stop", "ping"}
    return True


def _gemini(label: str, data: dict[str, Json], assembly: Assembly) -> bool:  # noqa: ARG001  (Reader)
    """Gemini and Vertex: chunks are answers with less in them. In snake case above the wire (spec §6)."""
    if not isinstance(data.get("candidates"), list) and not {"usageMetadata", "promptFeedback"} & data.keys():
        return False
    for position, candidate in enumerate(objects(data.get("candidates"))):
        content = candidate.get("content")
        for part in parts_of(content.get("parts") if isinstance(content, dict) else None):
            key = None if part.kind in {"tool call", "tool result", "note"} else ""
            assembly.add_part(part, choice=candidate.get("index", position), key=key)
        assembly.end(text_at(candidate, "finishReason", "finish_reason"))
    feedback = data.get("promptFeedback")
    assembly.end(text_at(feedback, "blockReason"))
    return True


def _ollama(label: str, data: dict[str, Json], assembly: Assembly) -> bool:
    """Ollama's chat and generate: chunks are answers with less in them."""
    if "done" not in data and not label.startswith("ollama."):
        return False
    message = data.get("message")
    if isinstance(message, dict):
        for name in ("thinking", "content"):
            assembly.add("text" if name == "content" else "reasoning", text_at(message, name))
        for part in tool_calls_of(message):
            assembly.add_part(part)
    assembly.add("reasoning", text_at(data, "thinking"))
    assembly.add("text", text_at(data, "response"))
    if isinstance(vectors := data.get("embeddings"), list):
        assembly.add("note", _vectors(vectors))
    if isinstance(models := data.get("models"), list):
        assembly.add("note", _models([text_at(model, "model", "name") for model in objects(models)]))
    assembly.end(data.get("done_reason"))
    _add_error(data.get("error"), assembly)
    return True


def _converse(label: str, data: dict[str, Json], assembly: Assembly) -> bool:
    """Bedrock's Converse: whole, or by events that only their label names."""
    output = data.get("output")
    message = output.get("message") if isinstance(output, dict) else None
    if isinstance(message, dict):
        for part in parts_of(message.get("content")):
            assembly.add_part(part)
        assembly.end(data.get("stopReason"))
        return True
    key = ("block", data.get("contentBlockIndex"))
    if label == "contentBlockStart":
        start = data.get("start")
        call = start.get("toolUse") if isinstance(start, dict) else None
        if isinstance(call, dict):
            assembly.add(
                "tool call", "", key=key, name=text_at(call, "name"), call_id=text_at(call, "toolUseId")
            )
    elif label == "contentBlockDelta":
        delta = data.get("delta")
        assembly.add("text", text_at(delta, "text"), key=key)
        if isinstance(delta, dict):
            assembly.add("reasoning", text_at(delta.get("reasoningContent"), "text"), key=key)
            if text := text_at(delta.get("toolUse"), "input"):
                assembly.add("tool call", text, key=key)
    elif label == "messageStop":
        assembly.end(data.get("stopReason"))
    else:
        return label in {"messageStart", "contentBlockStop", "metadata"}
    return True


def _cohere(label: str, data: dict[str, Json], assembly: Assembly) -> bool:  # noqa: ARG001  (Reader)
    """Cohere's chat: whole, or by events."""
    kind = text_at(data, "type")
    message, delta = data.get("message"), data.get("delta")
    inner = delta.get("message") if isinstance(delta, dict) else None
    key = data.get("index", 0)
    if isinstance(message, dict) and "finish_reason" in data:
        _add_message(message, assembly, 0, is_whole=True)
        assembly.end(data["finish_reason"])
    elif kind == "content-delta" and isinstance(inner, dict):
        content = inner.get("content")
        assembly.add("text", text_at(content, "text"), key=key)
        assembly.add("reasoning", text_at(content, "thinking"), key=key)
    elif kind in {"tool-call-start", "tool-call-delta"} and isinstance(inner, dict):
        calls = inner.get("tool_calls")
        for part in tool_calls_of({"tool_calls": [calls] if isinstance(calls, dict) else calls}):
            assembly.add_part(part, key=key)
    elif kind == "message-end":
        assembly.end(text_at(delta, "finish_reason"))
    else:
        return kind in {"message-start", "content-start", "content-end", "tool-call-end", "tool-plan-delta"}
    return True


def _interactions(label: str, data: dict[str, Json], assembly: Assembly) -> bool:  # noqa: ARG001  (Reader)
    """Gemini's Interactions: whole, or by events."""
    kind = text_at(data, "event_type")
    if data.get("object") == "interaction" or isinstance(data.get("outputs"), list):
        for part in parts_of(data.get("outputs")):
            assembly.add_part(part)
        assembly.end(data.get("status"))
        return True
    delta = data.get("delta")
    if kind == "content.delta" and isinstance(delta, dict):
        for part in parts_of(delta) if text_at(delta, "type") != "thought_signature" else []:
            assembly.add(part.kind, part.text, key=data.get("index"), name=part.name, call_id=part.call_id)
    elif kind == "interaction.complete":
        assembly.end(text_at(data.get("interaction"), "status"))
    else:
        return kind in {"content.start", "content.stop", "interaction.start", "interaction.status_update"}
    return True


def _lists(label: str, data: dict[str, Json], assembly: Assembly) -> bool:
    """Embeddings and models: what is in them in a few words."""
    entries = objects(data.get("data"))
    if label.endswith(".Model"):
        assembly.add("note", f"model {text_at(data, 'id')}", key=text_at(data, "id"))
        return True
    if entries and all("embedding" in entry for entry in entries):
        assembly.add("note", _vectors([entry["embedding"] for entry in entries]))
        return True
    if entries and all(entry.get("object") == "model" for entry in entries):
        assembly.add("note", _models([text_at(entry, "id") for entry in entries]))
        return True
    return False


def _vectors(vectors: list[Json]) -> str:
    sizes = {len(vector) for vector in vectors if isinstance(vector, list)}
    of = f" of {next(iter(sizes))} numbers" if len(sizes) == 1 else ""
    return f"{len(vectors)} vector{'' if len(vectors) == 1 else 's'}{of}"


def _models(names: list[str]) -> str:
    return f"{len(names)} model{'' if len(names) == 1 else 's'}: {', '.join(names)}"


def _texts(label: str, data: dict[str, Json], assembly: Assembly) -> bool:  # noqa: ARG001  (a reader's signature)
    """The payloads of AWS event streams that are text: those of SageMaker's endpoints, say."""
    if data.get("__encoding__") != "utf-8":
        return False
    assembly.add("text", text_at(data, "data"))
    return True


def _errors(label: str, data: dict[str, Json], assembly: Assembly) -> bool:
    """The errors of all of them, whole or in the middle of a stream."""
    if label.endswith("Exception"):
        assembly.error = f"{label}: {text_at(data, 'message')}"
        return True
    if "error" not in data:
        return False
    _add_error(data["error"], assembly)
    return bool(assembly.error)


def _add_error(error: Json, assembly: Assembly) -> None:
    if error:
        message = text_at(error, "message")
        kind = text_at(error, "type", "status", "code")
        assembly.error = f"{kind}: {message}".strip(": ") if message else as_text(error)


READERS: tuple[Reader, ...] = (
    _chat,
    _responses,
    _anthropic,
    _gemini,
    _ollama,
    _converse,
    _cohere,
    _interactions,
    _lists,
    _texts,
    _errors,
)
"""All readers, in the order in which they are asked."""
