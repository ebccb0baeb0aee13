"""The parts of a message, in whatever way a provider spells them.

The spellings do not clash, so nobody has to know which provider a message is for: OpenAI's two APIs and
Anthropic name the `type` of a part, Gemini and Bedrock's Converse have a key for each kind.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hashtape.cli.exchange.turns import Part, objects, text_at

if TYPE_CHECKING:
    from hashtape.codecs import Json

__all__ = ["as_text", "parts_of", "tool_calls_of"]

_TEXT_TYPES = frozenset({"", "text", "input_text", "output_text", "summary_text", "reasoning_text"})
_CALL_TYPES = frozenset({"tool_use", "server_tool_use", "mcp_tool_use", "function_call", "custom_tool_call"})
_REASONING_TYPES = frozenset({"thinking", "reasoning", "redacted_thinking"})
_KINDS_OF_MEDIA = ("image", "audio", "video", "document", "file", "pdf")
_KB = 1000


def as_text(value: Json) -> str:
    """A value as text: a text as it is, anything else as JSON, nothing for null."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def parts_of(content: Json) -> list[Part]:
    """The parts of a message's content: a text, one part, or a list of parts."""
    if content is None or content == "":
        return []
    if isinstance(content, list):
        return [part for item in content for part in parts_of(item)]
    if not isinstance(content, dict):
        return [Part("text", as_text(content))]
    kind = text_at(content, "type")
    if kind.endswith(("tool_result", "call_output")) or kind == "tool_result":
        return [_result(content)]
    if kind in _CALL_TYPES:
        return [_call(content)]
    if kind in _REASONING_TYPES:
        return _reasoning(content)
    if kind == "refusal":
        return [Part("refusal", text_at(content, "refusal"))]
    if isinstance(content.get("text"), str) and kind in _TEXT_TYPES:
        is_thought = content.get("thought") is True
        return [Part("reasoning" if is_thought else "text", text_at(content, "text"))]
    return _keyed(content) or [Part("note", _described(content))]


def _keyed(content: dict[str, Json]) -> list[Part]:
    """The parts of Gemini and Converse: what they are is the name of a key."""
    for key, value in content.items():
        if key in {"functionCall", "function_call", "toolUse"} and isinstance(value, dict):
            return [_call(value)]
        if key in {"functionResponse", "function_response", "toolResult"} and isinstance(value, dict):
            return [_result(value)]
        if key == "reasoningContent" and isinstance(value, dict):
            return _reasoning(value.get("reasoningText", value))
    return []


def _reasoning(content: Json) -> list[Part]:
    text = text_at(content, "thinking", "text")
    if isinstance(content, dict):
        pieces = [*objects(content.get("summary")), *objects(content.get("content"))]
        text = text or "\n".join(text_at(piece, "text") for piece in pieces)
    return [Part("reasoning", text)] if text else []


def _call(call: dict[str, Json]) -> Part:
    arguments = next((call[key] for key in ("arguments", "input", "args") if key in call), None)
    name = text_at(call, "name", "tool_name")
    return Part("tool call", as_text(arguments), name, text_at(call, "call_id", "id", "toolUseId"))


def _result(result: dict[str, Json]) -> Part:
    content = next((result[key] for key in ("content", "output", "response") if key in result), None)
    # Converse wraps JSON as {"json": …}; a function's answer is no content part.
    is_plain = isinstance(content, list) and all(text_at(item, "text") for item in content)
    text = "\n".join(text_at(item, "text") for item in objects(content)) if is_plain else as_text(content)
    return Part(
        "tool result",
        text,
        text_at(result, "name", "tool_name"),
        text_at(result, "tool_use_id", "call_id", "toolUseId", "tool_call_id", "id"),
    )


def tool_calls_of(message: dict[str, Json]) -> list[Part]:
    """The calls beside the content of a message: OpenAI's chat, Ollama, Mistral, Cohere."""
    calls = []
    for call in objects(message.get("tool_calls")):
        function = call.get("function")
        found = _call(function) if isinstance(function, dict) else _call(call)
        found.call_id = text_at(call, "id") or found.call_id
        calls.append(found)
    function = message.get("function_call")
    if isinstance(function, dict):
        calls.append(_call(function))
    return calls


def _described(content: dict[str, Json]) -> str:
    """A part that is no text in a few words: what it is, of which media type, and how long."""
    # Converse and Gemini name the kind by the key, the others by `type`.
    inner = next((value for value in content.values() if isinstance(value, dict)), {})
    names = " ".join([text_at(content, "type"), *content])
    kind = next((kind for kind in _KINDS_OF_MEDIA if kind in names), "")
    media_type = text_at(inner, "media_type", "mimeType", "mime_type", "format") or text_at(
        content, "mime_type", "media_type"
    )
    url = text_at(inner, "url", "fileUri", "file_uri", "uri") or text_at(content, "image_url", "file_url")
    data = text_at(inner, "data", "file_data", "bytes") or text_at(content, "data")
    if url.startswith("data:"):
        head, _, data = url.partition(",")
        media_type, url = head.removeprefix("data:").partition(";")[0], ""
    if not kind and not media_type:
        rest = {key: value for key, value in content.items() if key != "type"}
        return f"{text_at(content, 'type')}: {as_text(rest)}".removeprefix(": ")
    size = f"{len(data) * 3 // 4 / _KB:.1f} kB" if data else ""
    name = text_at(inner, "filename", "name", "file_id") or text_at(content, "file_id", "filename")
    return ", ".join(word for word in (kind or "data", media_type, name, url, size) if word)
