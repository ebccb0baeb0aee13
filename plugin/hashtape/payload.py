"""What stands for a request body that is not JSON: a description that is small and the same each time."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from hashtape.codecs import media_type

if TYPE_CHECKING:
    from hashtape.codecs import Json

__all__ = ["payload_of"]


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
        fields = parse_qsl(body.decode("latin-1"), keep_blank_values=True)
        return {"__encoding__": "form", "parts": [{"name": name, "value": value} for name, value in fields]}
    if kind.startswith("multipart/") and (parts := _multipart(body, content_type)) is not None:
        return {"__encoding__": "multipart", "parts": parts}
    return _described(body)


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
        head, blank, content = section.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        if not blank:
            return None
        fields: dict[str, str] = {}
        for line in head.decode("utf-8", "replace").split("\r\n"):
            name, _, value = line.partition(":")
            fields[name.strip().lower()] = value.strip()
        disposition = fields.get("content-disposition", "")
        part: dict[str, Json] = {
            name: found.group(1)
            for name in ("name", "filename")
            if (found := re.search(rf'\b{name}="((?:[^"\\]|\\.)*)"', disposition))
        }
        if "content-type" in fields:
            part["content_type"] = fields["content-type"]
        parts.append({**part, "value": _described(content)})
    return parts
