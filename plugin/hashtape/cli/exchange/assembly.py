"""Turns that grow piece by piece, in the order in which their parts first appeared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hashtape.cli.exchange.turns import Part, Turn

if TYPE_CHECKING:
    from hashtape.cli.exchange.turns import PartKind

__all__ = ["Assembly"]


class _Growing:
    __slots__ = ("call_id", "kind", "name", "texts")

    def __init__(self, kind: PartKind) -> None:
        self.kind = kind
        self.name = self.call_id = ""
        self.texts: list[str] = []


class Assembly:
    """The turns of one answer while its chunks are read.

    Attributes:
        finish: Why the choices ended.
        error: The provider's error.
    """

    def __init__(self) -> None:
        self.finish: list[str] = []
        self.error = ""
        self._turns: dict[str, dict[tuple[str, str], _Growing]] = {}

    @property
    def is_empty(self) -> bool:
        """Whether nothing was said yet."""
        return not self._turns

    def add(
        self,
        kind: PartKind,
        text: str,
        *,
        choice: object = 0,
        key: object = "",
        name: str = "",
        call_id: str = "",
    ) -> None:
        """Add to a part of a turn.

        Args:
            kind: What the part is.
            text: More of its text; may be empty.
            choice: Which turn; any value, as a file may have any.
            key: Which part of that kind, likewise.
            name: The tool's name, once it is known.
            call_id: The call's id, once it is known.
        """
        parts = self._turns.setdefault(repr(choice), {})
        part = parts.setdefault((kind, repr(key)), _Growing(kind))
        if text:
            part.texts.append(text)
        part.name = part.name or name
        part.call_id = part.call_id or call_id

    def add_part(self, part: Part, *, choice: object = 0, key: object = None) -> None:
        """Add a part under a key, or a whole part under one of its own."""
        own = ("own", len(self._turns.get(repr(choice), ()))) if key is None else key
        self.add(part.kind, part.text, choice=choice, key=own, name=part.name, call_id=part.call_id)

    def end(self, reason: object) -> None:
        """Note why a choice ended."""
        if isinstance(reason, str) and reason and reason not in self.finish:
            self.finish.append(reason)

    def turns(self) -> list[Turn]:
        """What was said so far, without parts that stayed empty."""
        turns: list[Turn] = []
        for parts in self._turns.values():
            whole = [Part(part.kind, "".join(part.texts), part.name, part.call_id) for part in parts.values()]
            whole = [part for part in whole if part.text or part.name]
            if whole:
                turns.append(Turn("assistant", whole))
        return turns
