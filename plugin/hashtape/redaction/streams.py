"""Secrets in the chunks of a stream: text that belongs together is searched together.

A key that a model streams comes in pieces, each of which gives nothing away.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from hashtape.codecs.packed import PackedList
from hashtape.redaction.finding import REDACTED, Finding
from hashtape.redaction.json_values import without_found, without_named
from hashtape.redaction.texts import redact_base64, redact_text_body
from hashtape.redaction.urls import is_url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hashtape.codecs import Json
    from hashtape.redaction.rules import Rules
    from hashtape.redaction.search import Search, Span

__all__ = ["redact_stream"]

_MOST_NODES = 1_000
"""The places inside of chunks that are kept in mind from one window of a long stream to the next."""
_LONGEST_SECRET = 1 << 14
"""So many characters of a text that goes on are looked at together with what comes next."""
_BASE64_KEYS = frozenset({"__encoding__", "bytes"})
_Owner: TypeAlias = "dict[str, Json] | list[Json]"

_INDEXES = dict.fromkeys(
    ("index", "output_index", "content_index", "summary_index", "item_id", "contentBlockIndex")
)
"""Members that tell which of several texts, streamed at the same time, a chunk goes on with."""


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

    def strand(self, key: str | int, path: str) -> _Strand:
        strand = self.strands[key] = _Strand(f"{self.path}{path}")
        return strand


def _may_hold_secrets(entries: PackedList, rules: Rules) -> bool:
    """Whether there is a secret in a long stream: found window by window, of which the texts go on."""
    strands = _Strands([])
    for window in entries.windows():
        strands.add(window)
        text = strands.text
        if any(isinstance(entry, str) for entry in window) or (
            strands.may_name_secrets(text, rules) and without_named(window, rules, "", []) is not window
        ):
            return True
        if not strands.names.isdisjoint(_BASE64_KEYS) and any(
            _readable(entry, rules, "", []) is not entry for entry in window
        ):
            return True
        if rules.search.suspects(text) and rules.search.narrowed_to("\n".join((text, *strands.pieces))):
            return True
        strands.forget()
    return False


def _readable(entry: Json, rules: Rules, where: str, findings: list[Finding]) -> Json:
    """A chunk whose payload is stored as text or in base64 (an AWS event stream's), without secrets in it."""
    data = entry.get("__data__") if isinstance(entry, dict) else None
    if not isinstance(entry, dict) or not isinstance(data, dict):
        return entry
    key = "data" if "__encoding__" in data else "bytes"
    text = data.get(key)
    if not isinstance(text, str):
        return entry
    redact = redact_text_body if data.get("__encoding__") == "utf-8" else redact_base64
    redacted = redact(text, rules, f"{where}.__data__.{key}", findings)
    return entry if redacted is text else {**entry, "__data__": {**data, key: redacted}}


class _Strands:
    """The strands of a stream.

    Every answer is taken apart like this, so the loops do without calls and checks that cost time.

    Args:
        entries: The chunks.
    """

    def __init__(self, entries: list[Json]) -> None:
        self._names: set[str] = set()
        self._nodes = [_Node("")]
        self.add(entries)

    def add(self, entries: list[Json]) -> None:
        """Go on with more chunks."""
        root = self._nodes[0]
        for number, entry in enumerate(entries):
            if isinstance(entry, dict):
                data = entry.get("__data__", entry)
                kind = data.get("type") if isinstance(data, dict) else None
                # An event that repeats a whole text is no part of that text.
                node = self._child(root, kind if isinstance(kind, str) else "", "")
                self._gather_object(entry, node, number)
            elif isinstance(entry, list):
                self._gather_list(entry, self._child(root, 0, ""), number)
            elif isinstance(entry, str):
                strand = root.strands.get(0) or root.strand(0, "")
                strand.texts.append(entry)
                strand.places.append((number, entries, number))

    def _child(self, node: _Node, key: object, path: str) -> _Node:
        child = node.children.get(key)
        if child is None:
            child = node.children[key] = _Node(f"{node.path}{path}")
            self._nodes.append(child)
        return child

    def _gather_list(self, value: list[Json], node: _Node, number: int) -> None:
        for place, item in enumerate(value):
            if isinstance(item, str):
                strand = node.strands.get(place) or node.strand(place, f"[{place}]")
                strand.texts.append(item)
                strand.places.append((number, value, place))
            elif isinstance(item, dict):
                # A chunk holds what is new only: the second choice can stand first in its list.
                key = "item" if "index" in item else place
                self._gather_object(item, self._child(node, key, f"[{place}]"), number)
            elif isinstance(item, list):
                self._gather_list(item, self._child(node, place, f"[{place}]"), number)

    def _gather_object(self, value: dict[str, Json], node: _Node, number: int) -> None:
        # TGI numbers its tokens, which all belong together.
        if not value.keys().isdisjoint(_INDEXES) and "token" not in value:
            node = self._child(node, str([value.get(name) for name in _INDEXES]), "")
        strands, children = node.strands, node.children
        for key, item in value.items():
            if isinstance(item, str):
                strand = strands.get(key) or node.strand(key, f".{key}")
                strand.texts.append(item)
                strand.places.append((number, value, key))
            elif isinstance(item, dict):
                self._gather_object(item, children.get(key) or self._child(node, key, f".{key}"), number)
            elif isinstance(item, list):
                self._gather_list(item, children.get(key) or self._child(node, key, f".{key}"), number)
            else:
                self._names.add(key)

    def __iter__(self) -> Iterator[_Strand]:
        for node in self._nodes:
            yield from node.strands.values()

    @property
    def names(self) -> set[str]:
        """The names of all members."""
        held = {
            key for node in self._nodes for key in (*node.strands, *node.children) if isinstance(key, str)
        }
        return self._names | held

    @property
    def text(self) -> str:
        """The text of each strand, and the names of all members; made at once, as it may be long."""
        pieces = [piece for strand in self for piece in (*strand.texts, "\n")]
        pieces.append("\n".join(self.names))
        return "".join(pieces)

    @property
    def pieces(self) -> list[str]:
        """All strings, each for itself."""
        return [text for strand in self for text in strand.texts]

    def may_name_secrets(self, text: str, rules: Rules) -> bool:
        """Whether names may tell secrets: those of members, or those in URLs, if the text has any."""
        has_address = "http" in text and any(map(is_url, self.pieces))
        return has_address or any(map(rules.names.is_suspicious, self.names))

    def forget(self) -> None:
        """Keep of each strand no more than the end, with which a secret may begin."""
        if len(self._nodes) > _MOST_NODES:
            self._nodes = [_Node("")]  # those of chunks that each have a place of their own
        for strand in self:
            strand.texts = ["".join(strand.texts)[-_LONGEST_SECRET:]]
            strand.places = []

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
        for strand in self:
            before = list(strand.texts)
            # What is the same in all chunks is rather whole in each than a part in each.
            if len(before) > 1 and len(set(before)) == 1:
                for n, text in enumerate(before):
                    strand.texts[n], spans = search.redact(text)
                    self._report(strand, n, spans, where, findings)
            while spans := search.spans(*strand.texts):
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
    if isinstance(entries, PackedList):
        if not _may_hold_secrets(entries, rules):
            return entries
        entries = [*entries]
    if any(isinstance(entry, str) for entry in entries):
        # Lines of an old recording: each holds an event, and no text goes on in the next one.
        lines = [
            redact_text_body(e, rules, f"{where}[{n}]", findings) if isinstance(e, str) else e
            for n, e in enumerate(entries)
        ]
        entries = entries if all(new is old for new, old in zip(lines, entries, strict=True)) else lines
    strands = _Strands(entries)
    if not strands.names.isdisjoint(_BASE64_KEYS):
        readable = [_readable(e, rules, f"{where}[{n}]", findings) for n, e in enumerate(entries)]
        if any(new is not old for new, old in zip(readable, entries, strict=True)):
            entries = readable
            strands = _Strands(entries)
    text = strands.text
    if strands.may_name_secrets(text, rules):
        named = without_named(entries, rules, where, findings)
        assert isinstance(named, list)  # noqa: S101  (a list stays one)
        entries = named
    search = rules.search
    if not search.suspects(text):
        return entries
    search = search.narrowed_to("\n".join((text, *strands.pieces)))
    if not search:
        return entries
    renamed = without_found(entries, rules, search, where, findings, only_names=True)
    copies = copy.deepcopy(renamed)
    assert isinstance(renamed, list)  # noqa: S101
    assert isinstance(copies, list)  # noqa: S101
    changed = _Strands(copies).redact(search, where, findings)
    return [copies[n] if n in changed else entry for n, entry in enumerate(renamed)] if changed else renamed
