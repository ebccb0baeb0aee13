"""Stored model lists (spec §6): the models in them, what their file names say of those, and their union."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from hashtape.codecs import MODEL_TYPE, Json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hashtape.recording import Recording

__all__ = ["digest_of", "stored_ids", "union_of"]


def stored_ids(body: Json) -> list[str] | None:
    """The ids of a stored model list (spec §6); None if a body is none."""
    if not isinstance(body, list):
        return None
    ids: list[str] = []
    for entry in body:
        if not isinstance(entry, dict) or entry.get("__type__") != MODEL_TYPE:
            return None
        data = entry.get("__data__")
        if not isinstance(data, dict) or not isinstance(data.get("id"), str):
            return None
        ids.append(str(data["id"]))
    return ids


def digest_of(ids: Iterable[str]) -> str:
    """The 8 hex digits by which a model list's file name tells one set of models from another (spec §6)."""
    return hashlib.sha256("|".join(sorted(set(ids))).encode("utf-8", "surrogatepass")).hexdigest()[:8]


def union_of(recordings: list[Recording]) -> Recording:
    """Several model lists of one id as one, ordered by id (spec §6); it is the first one, changed."""
    first = recordings[0]
    if len(recordings) == 1:
        return first
    entries: dict[str, Json] = {}
    for recording in recordings:
        body = recording.response.body
        ids = stored_ids(body)
        if ids is not None and isinstance(body, list):
            entries.update(zip(ids, body, strict=True))
    if entries:
        first.response.body = [entries[model] for model in sorted(entries)]
    return first
