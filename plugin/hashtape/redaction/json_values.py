"""Secrets in JSON values: by the names of members, and in their text. What is clean stays the same object."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from hashtape.redaction.finding import REDACTED, Finding
from hashtape.redaction.names import Place
from hashtape.redaction.urls import is_url, without_named_secrets

if TYPE_CHECKING:
    from collections.abc import Callable

    from hashtape.codecs import Json
    from hashtape.redaction.rules import Rules
    from hashtape.redaction.search import Search

__all__ = ["redact_json", "texts_in", "without_found", "without_named"]

_Path: TypeAlias = "str | tuple[_Path, str | int]"
"""Where a value is: spelled out only if something is found there."""


def texts_in(value: Json) -> list[str]:
    """All strings of a value, the names of members as well."""
    texts: list[str] = []
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            texts.append(item)
        elif isinstance(item, dict):
            texts += item
            stack += item.values()
        elif isinstance(item, list):
            stack += item
    return texts


def redact_json(
    value: Json, rules: Rules, where: str, findings: list[Finding], place: Place = Place.JSON
) -> Json:
    """A JSON value without secrets; the same object if there are none.

    Args:
        value: The value; it is not changed.
        rules: The rules.
        where: The field that it is in.
        findings: What is found is added here.
        place: `FORM` for the described parts of a form or multipart body (spec §3).
    """
    texts = texts_in(value)
    if not texts:
        return value
    if place is not Place.JSON or any(map(rules.names.is_suspicious, set(texts))) or any(map(is_url, texts)):
        value = without_named(value, rules, where, findings, place)
    search = rules.search.narrowed_to("\n".join(texts))
    return without_found(value, rules, search, where, findings) if search else value


def without_named(
    value: Json, rules: Rules, where: str, findings: list[Finding], place: Place = Place.JSON
) -> Json:
    """A value without the secrets that their names give away, at any depth; only strings are secrets.

    Args:
        value: The value; it is not changed.
        rules: The rules.
        where: The field that it is in.
        findings: What is found is added here.
        place: `FORM` for the described parts of a form or multipart body (spec §3).
    """

    def redacted(name: str, item: Json, here: _Path) -> Json:
        if isinstance(item, str) and rules.is_secret(name, item, place):
            findings.append(Finding(_told(here, rules), "name", rules.safe_name(name)))
            return REDACTED
        return item

    def member(name: str, item: Json, here: _Path, owner: dict[str, Json]) -> Json:
        # A token of log probabilities, whatever it looks like.
        if name == "token" and "logprob" in owner:
            return item
        # {"name": "password", "value": "…"}: a part of a form, or a header as some APIs have it.
        if name == "value" and isinstance(title := owner.get("name"), str):
            return redacted(title, item, here)
        return redacted(name, item, here)

    def text(item: str, here: _Path) -> str:
        return without_named_secrets(item, rules, _told(here, rules), findings) if is_url(item) else item

    return _rewritten(value, where, text=text, member=member)


def without_found(
    value: Json,
    rules: Rules,
    search: Search,
    where: str,
    findings: list[Finding],
    *,
    only_names: bool = False,
) -> Json:
    """A value without what a search finds in its strings and in the names of its members.

    Args:
        value: The value; it is not changed.
        rules: The rules.
        search: What to look for.
        where: The field that it is in.
        findings: What is found is added here.
        only_names: Whether to leave all but the names of members as they are.
    """

    def text(item: str, here: _Path) -> str:
        redacted, spans = search.redact(item)
        if spans:
            told = _told(here, rules)
            findings.extend(Finding(told, span.kind, span.what) for span in spans)
        return redacted

    return _rewritten(value, where, text=_unchanged if only_names else text, name=text)


def _told(path: _Path, rules: Rules) -> str:
    """A place as a finding tells it: the name of a member can be a secret, too."""
    steps: list[str] = []
    while isinstance(path, tuple):
        path, step = path
        steps.append(f"[{step}]" if isinstance(step, int) else f".{rules.safe_name(step)}")
    return (path + "".join(reversed(steps))).lstrip(".")


def _same(name: str, item: Json, path: _Path, owner: dict[str, Json]) -> Json:  # noqa: ARG001  (see _rewritten)
    return item


def _unchanged(text: str, path: _Path) -> str:  # noqa: ARG001  (see _rewritten)
    return text


def _rewritten(
    value: Json,
    path: _Path,
    *,
    text: Callable[[str, _Path], str] = _unchanged,
    name: Callable[[str, _Path], str] = _unchanged,
    member: Callable[[str, Json, _Path, dict[str, Json]], Json] = _same,
) -> Json:
    """A value with other strings in it; each part in which nothing changes is the same object.

    Args:
        value: The value.
        path: Where it is.
        text: What becomes of a string.
        name: What becomes of the name of a member, given where its object is.
        member: What becomes of a member before that, given its name, value, place and object.
    """
    if isinstance(value, str):
        return text(value, path)
    is_changed = False
    if isinstance(value, list):
        items: list[Json] = []
        for number, item in enumerate(value):
            new = _rewritten(item, (path, number), text=text, name=name, member=member)
            is_changed = is_changed or new is not item
            items.append(new)
        return items if is_changed else value
    if not isinstance(value, dict):
        return value
    members: dict[str, Json] = {}
    numbers: dict[str, int] = {}
    for key, item in value.items():
        here = (path, key)
        new = _rewritten(member(key, item, here, value), here, text=text, name=name, member=member)
        new_key = name(key, path)
        is_changed = is_changed or new is not item or new_key is not key
        if new_key is not key:
            # Two secrets must not become one member.
            new_key = _free(new_key, numbers, members, value)
        members[new_key] = new
    return members if is_changed else value


def _free(name: str, numbers: dict[str, int], taken: dict[str, Json], original: dict[str, Json]) -> str:
    """A name that no other member has, by a number if need be; the last one of each name is kept."""
    free, number = name, numbers.get(name, 1)
    while free in taken or free in original:
        number += 1
        free = f"{name} ({number})"
    numbers[name] = number
    return free
