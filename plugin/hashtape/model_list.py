"""Stored model lists (spec §6): the models in them, what their file names say of those, and their union."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from hashtape.codecs import MODEL_TYPE, Json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hashtape.recording import Recording

__all__ = ["digest_of", "is_digest_of", "stored_ids", "union_of"]

_OLLAMA_TYPE = "ollama._types.ListResponse"


def stored_ids(body: Json) -> list[str] | None:
    """The ids of a stored model list (spec §6), Ollama's included; None if a body is none."""
    entries = _entries(body)
    return None if entries is None else [name for name, _ in entries]


def _entries(body: Json) -> list[tuple[str, Json]] | None:
    """The models of a list, each with its id."""
    listed = body.get("__data__") if isinstance(body, dict) and body.get("__type__") == _OLLAMA_TYPE else None
    models = listed.get("models") if isinstance(listed, dict) else body
    if not isinstance(models, list):
        return None
    entries: list[tuple[str, Json]] = []
    for entry in models:
        data, key = entry, "model"
        if listed is None:
            if not isinstance(entry, dict) or entry.get("__type__") != MODEL_TYPE:
                return None
            data, key = entry.get("__data__"), "id"
        name = data.get(key) if isinstance(data, dict) else None
        if not isinstance(name, str):
            return None
        entries.append((name, entry))
    return entries


def _joined(ids: Iterable[str]) -> bytes:
    return "|".join(sorted(set(ids))).encode("utf-8", "surrogatepass")


def digest_of(ids: Iterable[str]) -> str:
    """The 8 hex digits by which a model list's file name tells one set of models from another (spec §6)."""
    return hashlib.sha256(_joined(ids)).hexdigest()[:8]


def is_digest_of(digest: str, ids: Iterable[str]) -> bool:
    """Whether 8 hex digits stand for these models: in new names by SHA-256, in old ones by SHA-1."""
    joined = _joined(ids)
    old = hashlib.sha1(joined, usedforsecurity=False).hexdigest()
    return digest in (hashlib.sha256(joined).hexdigest()[:8], old[:8])


def union_of(recordings: list[Recording]) -> Recording:
    """Several model lists of one id as one, ordered by id (spec §6); it is the first one, changed."""
    first = recordings[0]
    if len(recordings) == 1:
        return first
    union: dict[str, Json] = {}
    for recording in recordings:
        union.update(_entries(recording.response.body) or ())
    if not union:
        return first
    models: list[Json] = [union[name] for name in sorted(union)]
    body = first.response.body
    if isinstance(body, dict):
        first.response.body = {**body, "__data__": {"models": models}}
    else:
        first.response.body = models
    return first
