"""A body as it is hashed: what differs from one run to the next by nature does not count (spec §2)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hashtape.codecs import Json

__all__ = ["normalise_body"]

# A run of digits matches from its first digit or not at all: the lookbehind and the possessive quantifier
# keep the search linear on long runs and change nothing about what is found.
_DECIMAL = re.compile(r"-?(?<!\d)\d++\.\d{4,}")
_SCORE = re.compile(r"score:\s*[-+]?\d*\.?\d+(?:[eE][-+]?\d+)?")
_ATTRIBUTES = re.compile(r"attributes:\s*\{[^}]*\}")
_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_DOCUMENT_ID = re.compile(rf"document_id:\s*{_UUID}")
_CITATION = re.compile(rf"<\|{_UUID}\|>")


def _rounded(match: re.Match[str]) -> str:
    return f"{float(match.group()):.5f}"


def _without_attributes(text: str) -> str:
    r"""Take out each `attributes: {…}` with the white space and the comma before it.

    The same as substituting `,?\s*attributes:\s*\{[^}]*\}`, in linear time.
    """
    kept: list[str] = []
    position = 0
    last_brace = text.rfind("}") + 1
    while match := _ATTRIBUTES.search(text, position, last_brace):
        kept.append(text[position : match.start()].rstrip().removesuffix(","))
        position = match.end()
    return "".join(kept) + text[position:]


def _normalise_text(text: str, revision: int) -> str:
    if revision >= 2:
        if "score:" in text:
            text = _SCORE.sub("score: __NORMALIZED__", text)
        if "attributes:" in text:
            text = _without_attributes(text)
        if "document_id:" in text:
            text = _DOCUMENT_ID.sub("document_id: __NORMALIZED__", text)
        if "<|" in text:
            text = _CITATION.sub("<|__NORMALIZED__|>", text)
    return _DECIMAL.sub(_rounded, text) if "." in text else text


def _normalise(value: Json, revision: int) -> Json:
    if isinstance(value, str):
        return _normalise_text(value, revision)
    if isinstance(value, dict):
        return {key: _normalise(item, revision) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_normalise(item, revision) for item in value]
    return round(value, 5) if isinstance(value, float) else value


def normalise_body(body: Json, revision: int = 1, host: str = "") -> Json:
    """A body as it is hashed (spec §2).

    Args:
        body: Any JSON value; it is not changed.
        revision: 1 or 2.
        host: The host of the request: revision 2 leaves `stream_options` out for Bedrock.
    """
    normalised = _normalise(body, revision)
    if revision >= 2 and isinstance(normalised, dict):
        if "bedrock" in host:
            normalised.pop("stream_options", None)
        for key in ("extra_body", "extra_query"):
            extra = normalised.get(key)
            if isinstance(extra, dict):
                extra.pop("project_id", None)
    return normalised
