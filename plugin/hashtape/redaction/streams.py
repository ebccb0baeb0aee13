"""Secrets in the chunks of a stream: text that belongs together is searched together.

A key that a model streams comes in pieces, each of which gives nothing away.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from hashtape.redaction.finding import REDACTED, Finding
from hashtape.redaction.json_values import without_found, without_named

if TYPE_CHECKING:
    from hashtape.codecs import Json
    from hashtape.redaction.rules import Rules
    from hashtape.redaction.search import Search, Span

__all__ = ["redact_stream"]

_Owner: TypeAlias = "dict[str, Json] | list[Json]"

_INDEXES = (
    *("index", "output_index", "content_index", "summary_index", "item_id"),
    *("contentBlockIndex", "content_block_index"),
)
"""Members that tell which of several texts, streamed at the same time, a chunk goes on with."""
_KINDS = ("type", "__type__", "event")
"""The same at the top of a chunk: an event that repeats a whole text is not a part of that text."""


@dataclass(slots=True)
class _Strand:
    """The strings that stand in the same place of one chunk after the other.

    Args:
        path: The place inside a chunk.
        places: For each string the number of its chunk, and what holds it under which key.
        texts: The strings.
    """

    path: str
    places: list[tuple[int, _Owner, str | int]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Node:
    """A place inside a chunk that holds an object or a list."""

    path: str
    strands: dict[str | int, _Strand] = field(default_factory=dict)
    children: dict[object, _Node] = field(default_factory=dict)

    def child(self, key: object, path: str) -> _Node:
        node = self.children.get(key)
        if node is None:
            node = self.children[key] = _Node(f"{self.path}{path}")
        return node


class _Strands:
    """The strands of a stream.

    Args:
        entries: The chunks.
    """

    def __init__(self, entries: list[Json]) -> None:
        self._all: list[_Strand] = []
        self._names: set[str] = set()
        self._root = _Node("")
        for number, entry in enumerate(entries):
            self._number = number
            if isinstance(entry, str):
                self._add(self._root, 0, "", entry, entries, number)
            elif isinstance(entry, (dict, list)):
                self._gather(entry, self._top(entry))

    def _top(self, entry: _Owner) -> _Node:
        """Where the strands of a chunk begin: each kind of event has its own."""
        data = entry.get("__data__") if isinstance(entry, dict) else None
        kinds = tuple(
            kind
            for owner in (entry, data)
            if isinstance(owner, dict)
            for name in _KINDS
            if isinstance(kind := owner.get(name), str)
        )
        return self._root.child(kinds, "")

    def _add(
        self, node: _Node, key: str | int, path: str, text: str, owner: _Owner, place: str | int
    ) -> None:
        strand = node.strands.get(key)
        if strand is None:
            strand = node.strands[key] = _Strand(f"{node.path}{path}")
            self._all.append(strand)
        strand.texts.append(text)
        strand.places.append((self._number, owner, place))

    def _gather(self, value: _Owner, node: _Node) -> None:
        if isinstance(value, list):
            for place, item in enumerate(value):
                if isinstance(item, str):
                    self._add(node, place, f"[{place}]", item, value, place)
                elif isinstance(item, (dict, list)):
                    # A chunk holds what is new only: the second choice can stand first in its list.
                    index = item.get("index") if isinstance(item, dict) else None
                    self._gather(item, node.child(place if index is None else ("item", index), f"[{place}]"))
            return
        self._names.update(value)
        for name in _INDEXES:
            if name in value and isinstance(index := value[name], (int, str)):
                node = node.child((name, index), "")
        for key, item in value.items():
            if isinstance(item, str):
                self._add(node, key, f".{key}", item, value, key)
            elif isinstance(item, (dict, list)):
                self._gather(item, node.child(key, f".{key}"))

    @property
    def names(self) -> set[str]:
        """The names of all members."""
        return self._names

    @property
    def texts(self) -> list[str]:
        """The text of each strand, joined."""
        return ["".join(strand.texts) for strand in self._all]

    def redact(self, search: Search, where: str, findings: list[Finding]) -> set[int]:
        """Take what is found out of the chunks, in place.

        Args:
            search: What to look for.
            where: The field that the list of chunks is in.
            findings: What is found is added here.

        Returns:
            The numbers of the chunks that have changed.
        """
        changed: set[int] = set()
        for strand in self._all:
            before = list(strand.texts)
            # What is the same in all chunks is rather whole in each than a part in each.
            if len(before) > 1 and len(set(before)) == 1:
                for n, text in enumerate(before):
                    strand.texts[n], spans = search.redact(text)
                    self._report(strand, n, spans, where, findings)
            while spans := search.spans("".join(strand.texts)):
                self._cut(strand, spans, where, findings)
            for (number, owner, key), old, new in zip(strand.places, before, strand.texts, strict=True):
                if new != old:
                    changed.add(number)
                    owner[key] = new  # type: ignore[index]  # a list's key is a number
        return changed

    def _report(
        self, strand: _Strand, piece: int, spans: list[Span], where: str, findings: list[Finding]
    ) -> None:
        here = f"{where}[{strand.places[piece][0]}]{strand.path}"
        findings += [Finding(here, span.kind, span.what) for span in spans]

    def _cut(self, strand: _Strand, spans: list[Span], where: str, findings: list[Finding]) -> None:
        """Cut spans of the joined text out of its pieces; the piece where one begins gets the marker."""
        begin = 0
        remaining = iter(spans)
        span = next(remaining, None)
        for n, text in enumerate(strand.texts):
            end = begin + len(text)
            kept: list[str] = []
            position = begin
            while span is not None and span.start < end:
                if span.start >= begin:
                    kept += (text[position - begin : span.start - begin], REDACTED)
                    self._report(strand, n, [span], where, findings)
                position = min(span.end, end)
                if span.end > end:
                    break
                span = next(remaining, None)
            strand.texts[n] = "".join(kept) + text[position - begin :]
            begin = end


def redact_stream(entries: list[Json], rules: Rules, where: str, findings: list[Finding]) -> list[Json]:
    """The chunks of a stream without secrets; the same object if there are none.

    Args:
        entries: The chunks; they are not changed.
        rules: The rules.
        where: The field that the list is in.
        findings: What is found is added here.

    Returns:
        The chunks; those in which something was found are copies.
    """
    strands = _Strands(entries)
    text = "\n".join((*strands.texts, *strands.names))
    if any(map(rules.names.is_suspicious, strands.names)) or "http" in text:
        named = without_named(entries, rules, where, findings)
        assert isinstance(named, list)  # noqa: S101  (a list stays one)
        entries = named
    search = rules.search.narrowed_to(text)
    if not search:
        return entries
    renamed = without_found(entries, rules, search, where, findings, only_names=True)
    copies = copy.deepcopy(renamed)
    assert isinstance(renamed, list)  # noqa: S101
    assert isinstance(copies, list)  # noqa: S101
    changed = _Strands(copies).redact(search, where, findings)
    return [copies[n] if n in changed else entry for n, entry in enumerate(renamed)] if changed else renamed
