"""What differs between two JSON values, and between two requests, field by field."""

from __future__ import annotations

import json
import re
from itertools import zip_longest
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from hashtape.normalise import normalise_body
from hashtape.recording import HttpRequest, InferenceRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hashtape.codecs import Json

__all__ = ["ABSENT", "Absent", "Change", "changes", "changes_of"]


class Absent:
    """The type of a value that is not there, where null means something else."""


ABSENT: Final = Absent()

_Value: TypeAlias = "Json | Absent"

_DEEPEST = 50
"""What is nested deeper is compared as a whole."""
_PLAIN_NAME = re.compile(r"[\w$-]+")
_spelled = json.JSONEncoder(sort_keys=True).encode


class Change(NamedTuple):
    """One field that differs.

    Args:
        field: Where it is: `messages[1].content`.
        recorded: What was recorded, `ABSENT` if nothing.
        now: What is asked now, `ABSENT` if nothing.
    """

    field: str
    recorded: _Value
    now: _Value


def is_same_json(one: _Value, other: _Value) -> bool:
    """Whether two values are the same JSON, in which 1, 1.0 and true are three."""
    return one == other and (isinstance(one, str) or _spelled(one) == _spelled(other))


def changes(
    recorded: _Value,
    now: _Value,
    field: str = "",
    depth: int = 0,
    is_same: Callable[[_Value, _Value], bool] = is_same_json,
) -> Iterator[Change]:
    """What differs between two JSON values; the order of keys is no difference, that of items is.

    The items that two lists have in common at their beginnings and ends are not compared again: a message
    that was put in between is one difference.

    Args:
        recorded: What was recorded.
        now: What is asked now.
        field: Where these values are.
        depth: How deep that is.
        is_same: What is no difference; `operator.eq` is quicker, and takes 1, 1.0 and True for the same.
    """
    if is_same(recorded, now):
        return
    if depth < _DEEPEST and isinstance(recorded, dict) and isinstance(now, dict):
        for key in {**recorded, **now}:
            was, becomes = recorded.get(key, ABSENT), now.get(key, ABSENT)
            if not is_same(was, becomes):
                yield from changes(was, becomes, _inside(field, key), depth + 1, is_same)
    elif depth < _DEEPEST and isinstance(recorded, list) and isinstance(now, list):
        shorter = min(len(recorded), len(now))
        start = end = 0
        while start < shorter and is_same(recorded[start], now[start]):
            start += 1
        while end < shorter - start and is_same(recorded[-1 - end], now[-1 - end]):
            end += 1
        old, new = recorded[start : len(recorded) - end], now[start : len(now) - end]
        for number, (was, becomes) in enumerate(zip_longest(old, new, fillvalue=ABSENT), start):
            yield from changes(was, becomes, f"{field}[{number}]", depth + 1, is_same)
    else:
        yield Change(field, recorded, now)


def changes_of(recorded: InferenceRequest | HttpRequest, now: InferenceRequest | HttpRequest) -> list[Change]:
    """What differs between two requests, as far as it counts in their ids (spec §2).

    Where they are calls of different operations, that alone is the difference. Paths and URLs are shown as
    they are on the wire, as far as they differ there.

    Args:
        recorded: The recorded one.
        now: The one that is asked now.
    """
    are_inference = isinstance(recorded, InferenceRequest) and isinstance(now, InferenceRequest)
    found = list(changes(recorded.method.upper(), now.method.upper(), "method"))
    if are_inference:
        found += _where(_path_of(recorded.url), _path_of(now.url), recorded, now, "path")
    else:
        found += _where(recorded.url, now.url, recorded, now, "url")
    if not found or is_same_operation(recorded, now):
        revision = 1 if are_inference else 2
        found += changes(normalise_body(body_of(recorded), revision), normalise_body(body_of(now), revision))
    return found


def _where(
    was: str,
    becomes: str,
    recorded: InferenceRequest | HttpRequest,
    now: InferenceRequest | HttpRequest,
    field: str,
) -> list[Change]:
    """The difference between two recorded paths or URLs."""
    if was == becomes:
        return []
    wire = _on_the_wire(was, recorded), _on_the_wire(becomes, now)
    return [Change(field, was, becomes) if wire[0] == wire[1] else Change(field, *wire)]


def _on_the_wire(text: str, request: InferenceRequest | HttpRequest) -> str:
    """A recorded path or URL without the `v1` that the format doubles (spec §3)."""
    endpoint = request.endpoint if isinstance(request, InferenceRequest) else ""
    if endpoint.startswith("/v1/") and text.endswith(endpoint):
        return text.removesuffix(endpoint) + endpoint.removeprefix("/v1")
    return text


def is_same_operation(one: InferenceRequest | HttpRequest, other: InferenceRequest | HttpRequest) -> bool:
    """Whether two requests call the same: by the names of operations, or by method and path of the URL."""
    return operation_of(one) == operation_of(other)


def operation_of(request: InferenceRequest | HttpRequest) -> tuple[str, str]:
    """The method and what is called: an operation that is known has one name on every base URL."""
    name = request.endpoint if isinstance(request, InferenceRequest) else ""
    return request.method.upper(), name or _path_of(request.url)


def _path_of(url: str) -> str:
    """The path of a URL, also of one that a file has and that is none."""
    rest = url.partition("?")[0].rpartition("://")[2]
    return f"/{rest.partition('/')[2]}"


def body_of(request: InferenceRequest | HttpRequest) -> Json:
    """The JSON of a request."""
    return request.payload if isinstance(request, HttpRequest) else request.body


def _inside(field: str, key: str) -> str:
    if not _PLAIN_NAME.fullmatch(key):
        return f"{field}[{json.dumps(key)}]"
    return f"{field}.{key}" if field else key
