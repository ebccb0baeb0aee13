"""Which of many recorded requests is the closest to one that has no recording."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from operator import eq
from typing import TYPE_CHECKING, TypeVar

from hashtape.miss.difference import Change, body_of, changes, operation_of
from hashtape.recording import HttpRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from hashtape.recording import InferenceRequest

__all__ = ["Closest", "find_closest", "shared_ends"]

_Key = TypeVar("_Key")
_LEAST = 0.01
"""What the smallest change costs, so that none is for nothing."""
_SETTING = 0.5
"""What a number or a switch costs: what is said makes a request more than how it is to be answered."""


@dataclass(frozen=True, slots=True)
class Closest:
    """The closest recording.

    Args:
        path: Its file.
        changes: What differs from it.
        test_ids: The other tests that have such a recording, that of this file first; none if it is the
            test's own.
    """

    path: Path
    changes: list[Change] = field(default_factory=list)
    test_ids: Sequence[str] = ()


def find_closest(
    now: InferenceRequest | HttpRequest,
    recorded: Iterable[tuple[_Key, InferenceRequest | HttpRequest]],
) -> _Key | None:
    """The recorded request of the same operation that differs least.

    A call of another operation is not close, however alike the bodies are. Paths may name the model, though:
    where the operation has no name of its own, such paths come after equal ones.

    Each field that differs counts as one, a number or a switch as half, and two texts by how much of them
    does. Each candidate is looked
    at only until it is known to be no better than the best one so far, and nothing is compared twice: that
    is quick among thousands.

    Args:
        now: The request that is asked.
        recorded: The candidates, each with what it is known by.

    Returns:
        What the closest one is known by; None if nothing asks for the same.
    """
    best: _Key | None = None
    best_rank = (True, math.inf)
    operation, body = operation_of(now), body_of(now)
    for key, request in recorded:
        is_other = operation_of(request) != operation
        if is_other > best_rank[0] or (is_other and not _may_be_another_model(request, now)):
            continue
        limit = best_rank[1] if is_other == best_rank[0] else math.inf
        cost = 0.0 if request.url == now.url else 1 - _similarity(request.url, now.url)
        if not is_other:
            for change in changes(body_of(request), body, is_same=eq):
                if cost >= limit:
                    break
                cost += _cost(change)
        if (is_other, cost) < best_rank:
            best, best_rank = key, (is_other, cost)
    return best


def _may_be_another_model(one: InferenceRequest | HttpRequest, other: InferenceRequest | HttpRequest) -> bool:
    """Whether two paths end in the same name of an operation: `…/models/a:call` and `…/models/b:call`."""
    if not isinstance(one, HttpRequest) or not isinstance(other, HttpRequest):
        return False
    (method, path), (other_method, other_path) = operation_of(one), operation_of(other)
    return method == other_method and re.split("[/:]", path)[-1] == re.split("[/:]", other_path)[-1]


def _cost(change: Change) -> float:
    _, recorded, now = change
    if isinstance(recorded, str) and isinstance(now, str):
        return max(_LEAST, 1 - _similarity(recorded, now))
    is_setting = not isinstance(recorded, (str, dict, list)) and not isinstance(now, (str, dict, list))
    return _SETTING if is_setting else 1.0


def _similarity(one: str, other: str) -> float:
    """How much of two texts is the same at their beginnings and ends, from 0 to 1."""
    return sum(shared_ends(one, other)) / max(len(one), len(other), 1)


def shared_ends(one: str, other: str) -> tuple[int, int]:
    """How many characters two texts have in common at their beginnings, and then at their ends."""
    shorter = min(len(one), len(other))
    start = 0
    while start < shorter:  # by halves, so that C does the comparing
        middle = start + (shorter - start + 1) // 2
        if one.startswith(other[start:middle], start):
            start = middle
        else:
            shorter = middle - 1
    rest = min(len(one), len(other)) - start
    end = 0
    while end < rest:
        middle = end + (rest - end + 1) // 2
        if one.endswith(other[len(other) - middle : len(other) - end], 0, len(one) - end):
            end = middle
        else:
            rest = middle - 1
    return start, end
