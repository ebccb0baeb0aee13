"""What an exchange is made of for people: turns of a conversation, their parts, and what they cost."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from hashtape.codecs import Json

__all__ = ["Part", "PartKind", "Turn", "Usage", "number", "objects", "text_at"]

PartKind: TypeAlias = Literal["text", "reasoning", "refusal", "tool call", "tool result", "note"]


@dataclass(slots=True)
class Part:
    """A piece of a turn.

    Args:
        kind: What it is.
        text: The text; the arguments of a tool call; what a note says.
        name: The tool's name, for a call, and for a result where it is known.
        call_id: The id that ties a call to its result.
    """

    kind: PartKind
    text: str = ""
    name: str = ""
    call_id: str = ""

    def to_json(self) -> dict[str, Json]:
        """The part for machines; empty fields are left out."""
        fields: dict[str, Json] = {"kind": self.kind, "text": self.text}
        if self.name:
            fields["name"] = self.name
        if self.call_id:
            fields["call_id"] = self.call_id
        return fields


@dataclass(slots=True)
class Turn:
    """One message, or one of the choices of an answer.

    Args:
        role: Who says it: `system`, `user`, `assistant`, `tool`, or what the file has.
        parts: What is said, in order.
    """

    role: str
    parts: list[Part] = field(default_factory=list)

    def to_json(self) -> dict[str, Json]:
        """The turn for machines."""
        return {"role": self.role, "parts": [part.to_json() for part in self.parts]}


@dataclass(slots=True)
class Usage:
    """The tokens of a call, as its provider counts them; None for what it does not tell.

    Args:
        input: Tokens of the prompt.
        output: Tokens of the answer.
    """

    input: int | None = None
    output: int | None = None

    @property
    def total(self) -> int | None:
        """All tokens; None if none are told."""
        if self.input is None and self.output is None:
            return None
        return (self.input or 0) + (self.output or 0)

    def raise_to(self, other: Usage) -> None:
        """Take over what another one counts more of: the counts of a stream only grow."""
        self.input = _larger(self.input, other.input)
        self.output = _larger(self.output, other.output)

    def add(self, other: Usage) -> None:
        """Add the tokens of another call."""
        self.input = _sum(self.input, other.input)
        self.output = _sum(self.output, other.output)

    def to_json(self) -> dict[str, Json]:
        """The usage for machines."""
        return {"input": self.input, "output": self.output}


def _larger(first: int | None, second: int | None) -> int | None:
    return second if first is None else first if second is None else max(first, second)


def _sum(first: int | None, second: int | None) -> int | None:
    return second if first is None else first if second is None else first + second


# --- Reading JSON that may be anything -------------------------------------------------------------------


def text_at(data: Json, *keys: str) -> str:
    """The text under the first of these keys that has one; empty if none has."""
    if isinstance(data, dict):
        for key in keys:
            value = data.get(key)
            if isinstance(value, str):
                return value
    return ""


def number(value: Json) -> int | None:
    """A count, None if the value is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def objects(value: Json) -> list[dict[str, Json]]:
    """The objects in a list; none if it is no list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
