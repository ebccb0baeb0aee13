"""What stands for a request body that is not JSON: a description that is small and the same each time."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

from hashtape.codecs import compact, media_type

if TYPE_CHECKING:
    from hashtape.codecs import Json

__all__ = ["body_of", "is_description", "payload_of"]


def payload_of(body: bytes, content_type: str) -> Json:
    """Describe a body that is not JSON (spec §3).

    Args:
        body: The bytes.
        content_type: The header's value, empty if there is none.

    Returns:
        None for no body, a form or a multipart body as its parts, text as text, and the SHA-256 and size of
        anything else.
    """
    if not body:
        return None
    kind = media_type(content_type)
    if kind == "application/x-www-form-urlencoded":
        # What is not UTF-8 becomes lone surrogates, each byte another: nothing else tells such values apart.
        text = body.decode("utf-8", "surrogateescape")
        fields = parse_qsl(text, keep_blank_values=True, errors="surrogateescape")
        return {"__encoding__": "form", "parts": [{"name": name, "value": value} for name, value in fields]}
    if kind.startswith("multipart/") and (parts := _multipart(body, content_type)) is not None:
        return {"__encoding__": "multipart", "parts": parts}
    return _described(body)


def is_description(payload: Json) -> bool:
    """Whether a payload only describes a body, which nobody can make of it again.

    >>> is_description({"__encoding__": "sha256", "sha256": "ab…", "size": 3}), is_description("text")
    (True, False)
    """
    return isinstance(payload, dict) and payload.get("__encoding__") in ("multipart", "sha256")


def body_of(payload: Json) -> tuple[bytes, str]:
    """A body that has this payload, and its content type; a description stands for itself.

    >>> body_of({"__encoding__": "form", "parts": [{"name": "a", "value": "b c"}]})
    (b'a=b+c', 'application/x-www-form-urlencoded')
    """
    if payload is None:
        return b"", ""
    if isinstance(payload, str):
        return payload.encode("utf-8", "surrogatepass"), "text/plain"
    if isinstance(payload, dict) and payload.get("__encoding__") == "form":
        parts = payload.get("parts")
        fields = [
            (str(part.get("name", "")), str(part.get("value", "")))
            for part in (parts if isinstance(parts, list) else [])
            if isinstance(part, dict)
        ]
        try:
            text = urlencode(fields, errors="surrogateescape")
        except UnicodeEncodeError:  # half an emoji, which no form has, but a file may
            text = urlencode(fields, errors="surrogatepass")
        return text.encode(), "application/x-www-form-urlencoded"
    return compact(payload), "application/json"


def _described(data: bytes) -> Json:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" not in text:
        return text
    return {"__encoding__": "sha256", "sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}


def _multipart(body: bytes, content_type: str) -> list[Json] | None:
    """The parts of a multipart body, without the boundary, which is another one each time."""
    match = re.search(r'boundary="?([^";]+)"?', content_type, re.IGNORECASE)
    if match is None:
        return None
    delimiter = b"--" + match.group(1).strip().encode("utf-8", "surrogateescape")
    sections = (b"\r\n" + body).split(b"\r\n" + delimiter)
    if len(sections) < 2 or not sections[-1].startswith(b"--"):
        return None
    parts: list[Json] = []
    for section in sections[1:-1]:
        head, blank, content = section.partition(b"\r\n\r\n")
        if not blank:
            return None
        fields: dict[str, str] = {}
        for line in head.decode("utf-8", "replace").split("\r\n"):
            name, _, value = line.partition(":")
            fields[name.strip().lower()] = value.strip()
        disposition = fields.get("content-disposition", "")
        part: dict[str, Json] = {
            name: found.group(1) if found.group(2) is None else found.group(2)
            for name in ("name", "filename")
            if (found := re.search(rf'\b{name}=(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))', disposition))
        }
        if "content-type" in fields:
            part["content_type"] = fields["content-type"]
        parts.append({**part, "value": _described(content)})
    return parts
