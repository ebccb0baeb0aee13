r"""How a stream was framed, where that is not the usual way of its format: `response.framing`.

The chunks of a recording are what a client is after; readers of the original tool know nothing else. What
came around them on the wire is stored beside them, and only where it deviates. It is an object with some of
these keys:

- `form`: how the chunks are put together, where their labels do not say it (`json-array`, …).
- `event`: the template (`hashtape.codecs.templates`) of the events, such as `data:{data}\n\n`.
- `other_events`: `[{"event": template, "at": [index of a chunk, …]}, …]`: events written otherwise.
- `ids`: what the `{id}` in those stand for. A list has one for each event with an id; a text is the id of
  all of them; a number is the first, and they count on from it.
- `between`: `[{"text": text, "before": [index of a chunk, …]}, …]`: what is no chunk, such as comments.
- `end`: what follows the last chunk.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import count, repeat
from typing import TYPE_CHECKING, TypeAlias

from hashtape.codecs.base import value_of
from hashtape.codecs.json_text import Json, compact
from hashtape.codecs.templates import MAX_TEMPLATE, FramingError, Template, bytes_of, template, text_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

__all__ = ["Framing", "FramingLog", "between_json"]

_KEYS = frozenset({"form", "event", "other_events", "ids", "between", "end"})


class FramingLog:
    """Notes the framing of a stream, piece by piece, and says what of it deviates."""

    def __init__(self) -> None:
        self._templates: list[str] = []
        self._usual: list[str] = []
        self._known: dict[str, str] = {}
        self._ids: list[str] = []
        self._between: dict[int, bytearray] = {}
        self.other_count = 0
        """How many pieces were no chunk."""

    @property
    def count(self) -> int:
        """How many chunks there were."""
        return len(self._templates)

    def add_chunk(self, written: str, usual: str, event_id: str | None = None) -> None:
        """Note a chunk: the template that it was written by, the usual one, and what `{id}` stands for."""
        self._templates.append(self._known.setdefault(written, written))
        self._usual.append(self._known.setdefault(usual, usual))
        if event_id is not None:
            self._ids.append(event_id)

    def add_bytes(self, raw: bytes) -> None:
        """Note a piece that is no chunk."""
        self.other_count += 1
        self._between.setdefault(self.count, bytearray()).extend(raw)

    def to_json(self, usual_end: str, form: str = "") -> Json:
        """What `response.framing` says of this stream; None if all of it is as usual.

        Args:
            usual_end: What usually follows the last chunk.
            form: The form, if it is to be told.
        """
        framing: dict[str, Json] = {"form": form} if form else {}
        deviating = [i for i, (t, u) in enumerate(zip(self._templates, self._usual, strict=True)) if t != u]
        if deviating:
            common, number = Counter(self._templates).most_common(1)[0]
            if self.count - number < len(deviating):
                framing["event"] = common
                deviating = [i for i, written in enumerate(self._templates) if written != common]
            others = _grouped((self._templates[i], i) for i in deviating)
            if others:
                framing["other_events"] = [{"event": text, "at": places} for text, places in others]
        if self._ids:
            framing["ids"] = _short_ids(self._ids)
        if between := between_json({i: raw for i, raw in self._between.items() if i < self.count}):
            framing["between"] = between
        end = text_of(bytes(self._between.get(self.count, b"")))
        if end != usual_end:
            framing["end"] = end
        return framing or None


def between_json(between: Mapping[int, bytes | bytearray]) -> list[Json]:
    """What `between` says of bytes that are no chunk, by the index of the chunk before which they come."""
    groups = _grouped((text_of(bytes(raw)), place) for place, raw in between.items())
    return [{"text": text, "before": places} for text, places in groups]


def _grouped(texts: Iterable[tuple[str, int]]) -> list[tuple[str, list[Json]]]:
    """The places of each text. One that is too long to be written more than once is listed once a place."""
    groups: dict[str, list[Json]] = {}
    singles: list[tuple[str, list[Json]]] = []
    for text, place in texts:
        if len(text) > MAX_TEMPLATE:
            singles.append((text, [place]))
        else:
            groups.setdefault(text, []).append(place)
    return [*groups.items(), *singles]


def _short_ids(ids: list[str]) -> Json:
    if len(ids) > 1 and len(set(ids)) == 1 and len(ids[0]) <= MAX_TEMPLATE:
        return ids[0]
    first = ids[0]
    if len(first) < 18 and first.isdecimal() and first.isascii():
        start = int(first)
        if all(text == str(start + n) for n, text in enumerate(ids)):
            return start
    return list[Json](ids)


class Framing:
    """The framing that a file tells of, checked: a stranger may have written it.

    Args:
        framing: The value of `response.framing`.
        count: How many chunks there are.

    Raises:
        FramingError: It is no framing of so many chunks.
    """

    def __init__(self, framing: Json, count: int) -> None:
        if framing is None:
            framing = {}
        if not isinstance(framing, dict) or not _KEYS.issuperset(framing):
            raise FramingError("a framing with unknown keys, or that is no object")
        self._count = count
        self.form = _text(framing.get("form", ""))
        """The form, empty if the labels tell it."""
        self._event = template(_text(framing["event"])) if "event" in framing else None
        self._other_events = {
            place: template(text) for text, place in self._places(framing, "other_events", "event", "at")
        }
        self._between = {
            place: bytes_of(text) for text, place in self._places(framing, "between", "text", "before")
        }
        self._end = _text(framing["end"]) if "end" in framing else None
        self._ids = _ids(framing.get("ids"))

    def _places(self, framing: dict[str, Json], key: str, name: str, at: str) -> Iterator[tuple[str, int]]:
        groups = framing.get(key, [])
        seen: set[int] = set()
        if not isinstance(groups, list):
            raise FramingError(f"a framing whose {key!r} is no list")
        for group in groups:
            if not isinstance(group, dict) or not isinstance(places := group.get(at), list):
                raise FramingError(f"a framing in whose {key!r} there is no list {at!r}")
            text = _text(group.get(name))
            if len(places) > 1 and len(text) > MAX_TEMPLATE:
                raise FramingError(f"a framing in whose {key!r} a long text has several places")
            for place in places:
                if not isinstance(place, int) or not 0 <= place < self._count or place in seen:
                    raise FramingError(f"a framing in whose {key!r} a place is no chunk, or there twice")
                seen.add(place)
                yield text, place

    def join(self, usual: Callable[[int], str], write: Writer, usual_end: str) -> Iterator[bytes]:
        """The bytes of a stream, part by part.

        Args:
            usual: The index of a chunk → the template that such a chunk is usually written by.
            write: The index of a chunk, a template and an id → the bytes of the chunk.
            usual_end: What follows the last chunk unless the framing says otherwise.

        Raises:
            ValueError: Some chunk does not fit the framing.
        """
        between, other_events = self._between, self._other_events
        for index in range(self._count):
            if index in between:
                yield between[index]
            written = other_events.get(index) or self._event or template(usual(index))
            event_id = next(self._ids, None) if written.has_id else ""
            if event_id is None:
                raise FramingError("a framing with fewer ids than events that have one")
            yield write(index, written, event_id)
        yield bytes_of(usual_end if self._end is None else self._end)

    def join_json(
        self,
        entries: Sequence[Json],
        usual: Callable[[int], str],
        end: str,
        spell: Callable[[Json], bytes] = compact,
    ) -> Iterator[bytes]:
        """The bytes of a stream whose chunks are JSON, labelled or not, as `join` gives them.

        Args:
            entries: The chunks.
            usual: As for `join`.
            end: What follows the last chunk unless the framing says otherwise.
            spell: How JSON is spelled.
        """

        def write(index: int, written: Template, event_id: str) -> bytes:
            data = value_of(entries[index])
            return written.fill(spell(data), data, event_id)

        return self.join(usual, write, end)


Writer: TypeAlias = Callable[[int, Template, str], bytes]


def _text(value: Json) -> str:
    if not isinstance(value, str):
        raise FramingError(f"a stream with {type(value).__name__} where there should be text")
    return value


def _ids(ids: Json) -> Iterator[str]:
    if isinstance(ids, list):
        return iter([_text(event_id) for event_id in ids])
    if isinstance(ids, int) and not isinstance(ids, bool):
        return (str(number) for number in count(ids))
    if isinstance(ids, str) and len(ids) <= MAX_TEMPLATE:
        return repeat(ids)
    if ids is None:
        return iter(())
    raise FramingError("a framing whose 'ids' are none")
