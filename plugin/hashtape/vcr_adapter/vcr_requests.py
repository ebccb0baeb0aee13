"""vcrpy's requests ↔ the wire request of a recording, and the id that names it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from vcr.request import Request
from vcr.util import read_body

from hashtape.recording import NAMED_WITH_VALUES, HttpRequest, InferenceRequest
from hashtape.redaction import Redactor
from hashtape.request_id import WireRequest, id_of, recorded_form
from hashtape.wire_form import wire_request_of

if TYPE_CHECKING:
    from hashtape.recording import RecordedRequest
    from hashtape.redaction import Finding

__all__ = [
    "Identified",
    "freeze_body",
    "header_pairs",
    "identified",
    "redacted",
    "sent_request",
    "vcr_request_of",
    "wire_request",
]


def _text(value: object) -> str:
    """A header's value as text, whatever the client made of it."""
    if isinstance(value, (list, tuple)):
        return ", ".join(_text(item) for item in value)
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _body_bytes(request: Any) -> bytes:
    body = read_body(request)
    if body is None:
        return b""
    if isinstance(body, (bytes, bytearray, memoryview)):
        return bytes(body)
    if isinstance(body, str):
        return body.encode("utf-8", "surrogatepass")
    # What aiohttp was given as json= or data=: the stub sees no bytes.
    return json.dumps(_plain(body), sort_keys=True).encode("utf-8")


def freeze_body(request: Any) -> None:
    """Turn a body that is a Python object into bytes: aiohttp changes its form data when it sends them."""
    if hasattr(request.body, "_fields") or isinstance(request.body, (Mapping, list, tuple)):
        request.body = _body_bytes(request)


def _plain(value: Any) -> Any:
    """A Python object as JSON: the same for the same content, whatever its class."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).decode("utf-8", "backslashreplace")
    if value is None or isinstance(value, (str, int, float)):
        return value
    fields = getattr(value, "_fields", None)  # aiohttp's FormData: names, headers, values
    if isinstance(fields, list):
        return [_plain(field) for field in fields]
    return type(value).__name__


def redacted(wire: WireRequest, redactor: Redactor) -> tuple[WireRequest, list[Finding]]:
    """A request on the wire without secrets, as its id is computed of it; and what was taken out."""
    url, body, findings = redactor.request(wire.url, wire.body, wire.content_type)
    is_same = url is wire.url and body is wire.body
    return (wire if is_same else replace(wire, url=url, body=body)), findings


_DEFAULT_REDACTOR = Redactor()


class Identified(NamedTuple):
    """A request as it is stored, and what its recording is named by.

    Args:
        wire: The request on the wire, without secrets.
        recorded: Its recorded form.
        hashed: What the id was computed of. It still has the values that only this process knows as secret:
            an id must not depend on who computes it.
        request_id: Its id.
        findings: What was taken out.
    """

    wire: WireRequest
    recorded: InferenceRequest | HttpRequest
    hashed: InferenceRequest | HttpRequest
    request_id: str
    findings: list[Finding]


def identified(wire: WireRequest, test_id: str | None, redactor: Redactor) -> Identified:
    """Take the secrets out of a request and compute its id."""
    safe, findings = redacted(wire, redactor)
    recorded = hashed = recorded_form(safe, test_id)
    if any(finding.kind == "value" for finding in findings):
        recorded.extra[NAMED_WITH_VALUES] = True
        hashed = recorded_form(redacted(wire, redactor.without_values())[0], test_id)
    return Identified(safe, recorded, hashed, id_of(hashed, test_id), findings)


def sent_request(request: Any) -> WireRequest:
    """The wire request of a vcrpy request, with whatever secrets it has."""
    content_type = request.headers.get("content-type", "") if request.headers else ""
    return WireRequest(str(request.method), request.uri, _body_bytes(request), _text(content_type))


def wire_request(request: Any, redactor: Redactor = _DEFAULT_REDACTOR) -> WireRequest:
    """The wire request of a vcrpy request, without secrets."""
    return redacted(sent_request(request), redactor)[0]


def header_pairs(headers: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """The names and values of vcrpy's headers, whatever the client made of them."""
    return [(str(name), _text(value)) for name, value in (headers or {}).items()]


def vcr_request_of(request: RecordedRequest, *, base64: bool = False) -> Any | None:
    """A vcrpy request for the request of a recording; None if that never was HTTP."""
    try:
        wire = wire_request_of(request, base64=base64)
        if wire is None:
            return None
        headers = {"content-type": wire.content_type} if wire.content_type else {}
        return Request(wire.method, wire.url, wire.body or None, headers)
    except (ValueError, RecursionError):
        return None  # a URL that is none, or a body that nobody can spell
