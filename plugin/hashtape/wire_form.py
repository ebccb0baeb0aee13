"""From the recorded form of a request back to the wire, and what a recording can answer there (spec §3)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from hashtape.codecs import compact
from hashtape.normalise import normalise_body
from hashtape.payload import body_of
from hashtape.recording import HttpRequest, InferenceRequest
from hashtape.request_id import (
    ABOVE_THE_WIRE,
    OLLAMA_GET,
    OLLAMA_POST,
    POST_OPERATIONS,
    WireRequest,
    digest,
    without_usual_port,
)

if TYPE_CHECKING:
    from hashtape.codecs import Json
    from hashtape.recording import RecordedRequest

__all__ = ["forms_asked_for", "wire_forms", "wire_request_of"]

_OLLAMA_RECORDED = (*OLLAMA_POST.values(), *OLLAMA_GET, "/api/pull")
_QUERY = "extra_query"
_OF_EVERY_CALL = frozenset({"api-version", "project_id", "version"})
"""What some providers' clients say in the query of all their calls, model lists as well."""
_ARGUMENTS_OF_THE_CALL = ("extra_body", "extra_headers", "extra_query", "timeout")


def wire_forms(request: RecordedRequest) -> set[tuple[str, str, str]]:
    """The requests on the wire that a recording may stand for: method, path (or URL), digest of the body.

    Two requests are the same for replay when they have one of these in common. A file of an old recorder
    can stand for more than one: some name chat calls `/v1/completions`, and some have the wire's own URL.
    For the http variant the whole URL stands in the path's place, as it counts there.
    """
    if isinstance(request, HttpRequest):
        url = without_usual_port(request.url)
        return {(request.method.upper(), url, _comparable(request.payload, revision=2))}
    if not isinstance(request, InferenceRequest) or _never_was_http(request):
        return set()
    return _forms(request, _wire_body(request))


def _forms(request: InferenceRequest, body: Json) -> set[tuple[str, str, str]]:
    path = urlsplit(request.url).path
    paths = {_wire_path(path)}
    if not request.endpoint.startswith("/v1/"):
        paths.add(path)
    if isinstance(body, dict):
        if body.get("encoding_format") == "base64" and path.endswith("/embeddings"):
            del body["encoding_format"]
        if path.endswith(_OLLAMA_RECORDED):
            body = {key: value for key, value in body.items() if not _says_nothing(key, value)}
        if "messages" in body:
            paths |= {re.sub(r"(?<!/chat)/completions$", "/chat/completions", path) for path in paths}
    forms = {(_wire_method(request), path, _comparable(body)) for path in paths}
    if body == {} and isinstance(request.body, dict) and isinstance(query := request.body.get(_QUERY), dict):
        forms |= {("GET", path, _comparable({_QUERY: [*sorted(query)]})) for path in paths}
    return forms


def forms_asked_for(request: InferenceRequest | HttpRequest) -> set[tuple[str, str, str]]:
    """What a recording may stand for that is to answer this request: more than `wire_forms` of it.

    The original tool knows calls above HTTP, where it says which operation they are. On the wire some are of
    the http variant: model lists under other paths, chats without a model, Ollama's `pull`.
    """
    forms = wire_forms(request)
    if not isinstance(request, HttpRequest):
        # It is from the wire: what looks like an argument of the call came there out of `extra_body`.
        return forms | _forms(request, dict(request.body) if isinstance(request.body, dict) else request.body)
    parts = urlsplit(request.url)
    method, payload = request.method.upper(), request.payload
    if method == "GET" and not payload and parts.path.endswith(("/models", *OLLAMA_GET)):
        names = {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
        if names <= {"api-version"}:
            forms.add((method, parts.path, _comparable({})))
        elif names <= _OF_EVERY_CALL:
            # The original tool says which of them the caller gave, if it does.
            forms.add((method, parts.path, _comparable({_QUERY: [*sorted(names - {"version"})]})))
    elif method == "POST" and isinstance(payload, dict) and not parts.query:
        if parts.path.endswith(_OLLAMA_RECORDED):
            payload = {key: value for key, value in payload.items() if not _says_nothing(key, value)}
        forms.add((method, parts.path, _comparable(payload)))
    return forms


def wire_request_of(request: RecordedRequest, *, base64: bool = False) -> WireRequest | None:
    """The request on the wire that a recording stands for; None if it never was HTTP (spec §6).

    Args:
        request: The request in recorded form.
        base64: Whether to ask for embeddings in base64, which the recorded form leaves out.
    """
    if isinstance(request, HttpRequest):
        return WireRequest(request.method, request.url, *body_of(request.payload))
    if not isinstance(request, InferenceRequest) or _never_was_http(request):
        return None
    parts = urlsplit(request.url)
    is_wire_path = request.endpoint and not request.endpoint.startswith(("/v1/", "/api/"))
    url = parts._replace(path=parts.path if is_wire_path else _wire_path(parts.path)).geturl()
    method, body = _wire_method(request), _wire_body(request)
    if method == "GET":
        return WireRequest(method, url)
    if base64 and isinstance(body, dict) and request.endpoint == "/v1/embeddings":
        body["encoding_format"] = "base64"
    return WireRequest(method, url, compact(body), "application/json")


def _says_nothing(key: str, value: Json) -> bool:
    """Whether a value is one that Ollama's client adds of its own accord (spec §3)."""
    return value is None or value in ("", [], {}) or (value is False and key in {"raw", "stream"})


def _never_was_http(request: InferenceRequest) -> bool:
    scheme, found, _ = request.url.partition("://")
    return request.url.endswith(ABOVE_THE_WIRE) or (bool(found) and scheme not in {"http", "https"})


def _wire_method(request: InferenceRequest) -> str:
    """The method on the wire: model lists are recorded as POST with an empty body."""
    is_list = _wire_body(request) == {} and urlsplit(request.url).path.endswith(("/v1/models", *OLLAMA_GET))
    return "GET" if is_list else request.method.upper()


def _wire_body(request: InferenceRequest) -> Json:
    """The body on the wire: what a caller says beside it is not in it, and `extra_body` is (spec §3)."""
    if not isinstance(request.body, dict):
        return request.body
    body = {key: value for key, value in request.body.items() if key not in _ARGUMENTS_OF_THE_CALL}
    extra = request.body.get("extra_body")
    return body | extra if isinstance(extra, dict) else body


def _comparable(body: Json, revision: int = 1) -> str:
    # As a digest of text, because Python takes 1, 1.0 and True for the same.
    return digest(normalise_body(body, revision))


def _wire_path(path: str) -> str:
    """The path on the wire of a recorded path."""
    if path.endswith("/api/embeddings"):
        return path.removesuffix("/api/embeddings") + "/api/embed"
    for name in (*POST_OPERATIONS, "models"):
        if path.endswith(f"/v1/{name}"):
            return path.removesuffix(f"/v1/{name}") + f"/{name}"
    return path
