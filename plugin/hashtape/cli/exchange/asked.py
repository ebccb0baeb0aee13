"""What a request asks: the turns of its conversation, the tools that it offers, and its settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hashtape.cli.exchange.content import as_text, parts_of, tool_calls_of
from hashtape.cli.exchange.turns import Part, Turn, objects, text_at

if TYPE_CHECKING:
    from hashtape.codecs import Json

__all__ = ["Asked", "asked_by"]

_SYSTEM = ("system", "instructions", "systemInstruction", "system_instruction")
_CONVERSATION = ("messages", "contents", "input", "prompt", "inputText", "message", "texts", "content")
_NOT_SETTINGS = frozenset({*_SYSTEM, *_CONVERSATION, "tools", "toolConfig", "model"})
_ROLES = {"model": "assistant", "developer": "system", "CHATBOT": "assistant", "USER": "user"}


@dataclass(slots=True)
class Asked:
    """A request for people.

    Args:
        turns: The conversation so far; empty for a request that has none.
        tools: The names of the tools that the model may call.
        settings: What else the body says.
    """

    turns: list[Turn] = field(default_factory=list)
    tools: list[str] = field(default_factory=list)
    settings: dict[str, Json] = field(default_factory=dict)


def asked_by(body: Json) -> Asked:
    """What the body of a request asks, of whichever provider."""
    asked = Asked()
    if not isinstance(body, dict):
        return asked
    config = body.get("config")
    for source in (body, config if isinstance(config, dict) else {}):
        for key in _SYSTEM:
            content = source.get(key)
            parts = parts_of(content.get("parts", content) if isinstance(content, dict) else content)
            if parts:
                asked.turns.append(Turn("system", parts))
    for key in _CONVERSATION:
        if key in body:
            asked.turns += _turns(body[key])
            break
    asked.tools = _tool_names(body) or (_tool_names(config) if isinstance(config, dict) else [])
    asked.settings = {key: value for key, value in body.items() if key not in _NOT_SETTINGS}
    return asked


def _turns(conversation: Json) -> list[Turn]:
    if isinstance(conversation, dict):
        return [_turn(conversation)]
    if not isinstance(conversation, list):
        parts = parts_of(conversation)
        return [Turn("user", parts)] if parts else []
    if not objects(conversation):
        # Several prompts or texts in one request, or tokens.
        if all(isinstance(item, str) for item in conversation):
            return [Turn("user", [Part("text", as_text(item))]) for item in conversation]
        return [Turn("user", [Part("note", f"{len(conversation)} tokens or lists of tokens")])]
    return [_turn(item) if isinstance(item, dict) else Turn("user", parts_of(item)) for item in conversation]


def _turn(message: dict[str, Json]) -> Turn:
    """One message; the Responses API has calls and their results as messages of their own."""
    role = text_at(message, "role")
    kind = text_at(message, "type")
    content = next((message[key] for key in ("content", "parts") if key in message), None)
    if not role and kind not in {"", "message"}:
        parts = parts_of(message)
        is_output = any(part.kind == "tool result" for part in parts)
        return Turn("tool" if is_output else "assistant", parts)
    if not role and content is None:
        return Turn("user", parts_of(message))
    role = _ROLES.get(role, role or "user")
    reasoning = text_at(message, "reasoning_content", "reasoning", "thinking")
    parts = [Part("reasoning", reasoning)] if reasoning else []
    if role == "tool":
        name = text_at(message, "name", "tool_name")
        text = "\n".join(part.text for part in parts_of(content))
        return Turn(role, [*parts, Part("tool result", text, name, text_at(message, "tool_call_id"))])
    parts += [*parts_of(content), *tool_calls_of(message)]
    if images := message.get("images"):
        parts.append(Part("note", f"{len(images) if isinstance(images, list) else 1} image(s)"))
    if parts and all(part.kind == "tool result" for part in parts):
        role = "tool"
    return Turn(role, parts)


def _tool_names(body: dict[str, Json]) -> list[str]:
    config = body.get("toolConfig")
    tools = objects(body.get("tools")) or (objects(config.get("tools")) if isinstance(config, dict) else [])
    names: list[str] = []
    for tool in tools:
        declared = objects(tool.get("functionDeclarations")) or objects(tool.get("function_declarations"))
        inner = [tool[key] for key in ("function", "toolSpec") if key in tool]
        kind = text_at(tool, "type") or next(iter(tool), "?")
        names += [text_at(named, "name") or kind for named in declared or inner or [tool]]
    return names
