"""The chunks of a long stream, packed: as Python's objects, small ones take ten times their size on the wire.

That is a matter of memory only: a `PackedList` reads like any other list.
"""

from __future__ import annotations

import marshal
import zlib
from bisect import bisect_right
from itertools import chain
from typing import TYPE_CHECKING, NoReturn, SupportsIndex, overload

from hashtape.codecs.json_text import Json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["LONG", "PackedList", "change_each", "list_for"]

LONG = 1 << 20
"""The length of a stream, in bytes on the wire, from which on its chunks are packed. It costs time."""

_BATCH = 1 << 20
"""About how many bytes are packed together."""
_FIRST_COUNT, _MOST = 16, 1024
"""How many chunks are packed together before their size is known, and at most."""
_WINDOW = 8
"""How many batches `windows` unpacks at once."""


def _unpacked(batch: bytes) -> list[Json]:
    values: list[Json] = marshal.loads(zlib.decompress(batch))  # noqa: S302  (packed by this very process)
    return values


class PackedList(list[Json]):
    """A list of JSON values, most of which exist as bytes until they are asked for.

    Each look at a packed value makes it anew, so what was got is not to be changed. It grows at its end only.

    Args:
        values: What it holds at first.
    """

    def __init__(self, values: Iterable[Json] = ()) -> None:
        super().__init__()  # as a list it holds the last values, which are not packed yet
        self._batches: list[bytes] = []
        self._ends: list[int] = []
        self._count = _FIRST_COUNT
        self._latest: tuple[int, list[Json]] = (-1, [])
        self.extend(values)

    def append(self, value: Json) -> None:
        """Add a value."""
        super().append(value)
        if super().__len__() >= self._count:
            self._pack()

    def extend(self, values: Iterable[Json]) -> None:
        """Add values."""
        for value in values:
            self.append(value)

    def _pack(self) -> None:
        values = [*super().__iter__()]
        packed = marshal.dumps(values)
        self._batches.append(zlib.compress(packed, 1))
        self._ends.append(self._packed + len(values))
        self._count = min(max(1, _BATCH * len(values) // len(packed)), _MOST)
        super().clear()

    @property
    def _packed(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __len__(self) -> int:
        return self._packed + super().__len__()

    def __iter__(self) -> Iterator[Json]:
        return chain(chain.from_iterable(map(_unpacked, self._batches)), super().__iter__())

    def __reversed__(self) -> Iterator[Json]:
        return (self[place] for place in range(len(self) - 1, -1, -1))

    @overload
    def __getitem__(self, place: SupportsIndex) -> Json: ...

    @overload
    def __getitem__(self, place: slice) -> list[Json]: ...

    def __getitem__(self, place: SupportsIndex | slice) -> Json | list[Json]:
        if isinstance(place, slice):
            return [self[n] for n in range(*place.indices(len(self)))]
        number = place.__index__()
        number += len(self) if number < 0 else 0
        if not 0 <= number < len(self):
            raise IndexError(f"there are {len(self)} values, none has the number {place}")
        if number >= self._packed:
            return super().__getitem__(number - self._packed)
        batch = bisect_right(self._ends, number)
        latest = self._latest  # another thread may put another one there
        if latest[0] != batch:
            self._latest = latest = batch, _unpacked(self._batches[batch])
        return latest[1][number - (self._ends[batch - 1] if batch else 0)]

    def __contains__(self, value: object) -> bool:
        return any(value == other for other in self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, list):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None

    def __add__(self, other: list[Json]) -> list[Json]:  # type: ignore[override]  # of JSON only
        return [*self, *other]

    def __radd__(self, other: list[Json]) -> list[Json]:
        return [*other, *self]

    def __repr__(self) -> str:
        return f"<{len(self)} packed values>"

    def __reduce__(self) -> tuple[type[PackedList], tuple[list[Json]]]:
        return PackedList, ([*self],)

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise TypeError("a packed list grows at its end only, and is read value by value")

    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse
    __mul__ = __rmul__ = __lt__ = __le__ = __gt__ = __ge__ = _refuse
    copy = count = index = insert = pop = remove = reverse = sort = clear = _refuse

    def windows(self) -> Iterator[list[Json]]:
        """The values, some at a time."""
        for first in range(0, len(self._batches), _WINDOW):
            yield [*chain.from_iterable(map(_unpacked, self._batches[first : first + _WINDOW]))]
        yield [*super().__iter__()]


def list_for(size: int) -> list[Json]:
    """An empty list for the chunks of a stream that is so long, in bytes on the wire."""
    return PackedList() if size > LONG else []


def change_each(values: list[Json], change: Callable[[Json], object]) -> list[Json]:
    """Change each value in place; return the list that has them now."""
    if isinstance(values, PackedList):

        def changed(value: Json) -> Json:
            change(value)
            return value

        return PackedList(map(changed, values))
    for value in values:
        change(value)
    return values
