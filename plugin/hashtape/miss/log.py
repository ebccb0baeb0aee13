"""The misses of a test, noted by its cassettes as they happen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

__all__ = ["Miss", "MissLog"]


@dataclass(slots=True, eq=False)
class Miss:
    """A request that got no answer.

    Args:
        line: The request in one line.
        text: The whole explanation.
        is_refusal: Whether the request is none of the cassette's, and was only kept from the network.
        tries: How often it was asked for: SDKs try again.
    """

    line: str
    text: str
    is_refusal: bool = False
    tries: int = 0


class MissLog:
    """The misses of a test in their order, each request once."""

    def __init__(self) -> None:
        self._by_request: dict[Hashable, Miss] = {}

    def __len__(self) -> int:
        return len(self._by_request)

    def __iter__(self) -> Iterator[Miss]:
        return iter([*self._by_request.values()])

    def known(self, request: Hashable) -> Miss | None:
        """The miss of a request that was noted before.

        Args:
            request: What tells it from others.
        """
        return self._by_request.get(request)

    def note(self, request: Hashable, line: str, text: str, *, is_refusal: bool = False) -> Miss:
        """Note a try of a request; the first one decides what is said of it.

        Args:
            request: What tells it from others.
            line: The request in one line.
            text: The whole explanation.
            is_refusal: See `Miss`.
        """
        miss = self._by_request.setdefault(request, Miss(line, text, is_refusal))
        miss.tries += 1
        return miss

    def clear(self) -> None:
        """Forget them, for a test that provokes a miss on purpose: `vcr.misses.clear()`."""
        self._by_request.clear()
