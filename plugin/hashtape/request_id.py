"""From a request on the wire to its recorded form (spec §3), and from there to its request id (spec §2).

The request id is the SHA-256, as 64 lower-case hex digits, of JSON with sorted keys and ASCII escapes:

- *inference variant*, for the operations of the table below: `method`, `endpoint` (the path of the recorded
  URL), the normalised `body` and the `test_id`; the last is left out for endpoints that tests share;
- *http variant*, for everything else: `test_id`, the whole `url`, `method` and the normalised `payload`.

Normalising rounds floats, and decimals inside strings, to 5 places. Revision 1 of the inference variant does
nothing else and is the one that is written. Revision 2 also replaces what a file search makes up anew each
time; it is read, and the http variant always uses it.

The format was made above the client library, where a call is a base URL and an operation. On the wire:

========================================  ===============================================
`POST B/chat/completions` (and likewise   `POST B/v1/chat/completions`
completions, embeddings, responses)
`GET B/models`                            `POST B/v1/models`, body `{}`
`POST H/api/chat`, `H/api/generate`       the same
`POST H/api/embed`                        `POST H/api/embeddings`
`GET H/api/tags`, `H/api/ps`              `POST H/api/tags`, `H/api/ps`, body `{}`
========================================  ===============================================
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hashtape.codecs import Json, NotJsonError, compact, parse
from hashtape.normalise import normalise_body
from hashtape.payload import body_of, payload_of
from hashtape.recording import HttpRequest, InferenceRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hashtape.recording import RecordedRequest

__all__ = [
    "SHARED_MODEL_LISTS",
    "WireRequest",
    "candidate_ids",
    "forms_asked_for",
    "id_of",
    "old_ids_of",
    "operation_of",
    "recorded_form",
    "request_id",
    "wants_base64",
    "wire_forms",
    "wire_request_of",
]

_POST_OPERATIONS = ("chat/completions", "completions", "embeddings", "responses")
"""Below a base URL of the OpenAI style; the longest that fits is meant."""
_OLLAMA_POST = {"/api/chat": "/api/chat", "/api/generate": "/api/generate", "/api/embed": "/api/embeddings"}
_OLLAMA_GET = ("/api/tags", "/api/ps")
_OLLAMA_RECORDED = (*_OLLAMA_POST.values(), *_OLLAMA_GET, "/api/pull")
_ABOVE_THE_WIRE = ("/embed_content", "/generate_content", "/generate_content_stream")
_ARGUMENTS_OF_THE_CALL = ("extra_body", "extra_headers", "extra_query", "timeout")
_MODEL_LIST = re.compile(r"(?:^|/v\d+[a-z0-9]*|/openai)/models$")

_SHARED = {1: ("/api/tags", "/v1/models"), 2: ("/api/tags", "/v1/models", "/v1/openai/v1/models")}
"""Endpoints whose id leaves the test id out, by revision."""
SHARED_MODEL_LISTS = _SHARED[2]

_DATABRICKS_HOST = "cloud.databricks.com"


_ENCODER = json.JSONEncoder(sort_keys=True)
"""What spec §2 hashes: sorted keys, Python's separators, ASCII escapes."""


@dataclass(frozen=True, slots=True)
class WireRequest:
    """A request as it goes over the network.

    Args:
        method: Any case.
        url: The whole URL, without secrets.
        body: The bytes, empty if there is none.
        content_type: The header's value, empty if there is none.
    """

    method: str
    url: str
    body: bytes = b""
    content_type: str = ""


# --- Hashing (spec §2, §3) -------------------------------------------------------------------------------


def _digest(value: Json) -> str:
    return hashlib.sha256(_ENCODER.encode(value).encode()).hexdigest()


def _inference_id(request: InferenceRequest, test_id: str | None, revision: int) -> str:
    parts = urlsplit(request.url)
    hashed: dict[str, Json] = {
        "method": request.method.upper(),
        "endpoint": parts.path,
        "body": normalise_body(request.body, revision, parts.netloc),
    }
    if parts.path not in _SHARED[revision]:
        hashed["test_id"] = test_id
    return _digest(hashed)


def _http_id(request: HttpRequest, test_id: str | None) -> str:
    return _digest(
        {
            "test_id": test_id,
            "url": request.url,
            "method": request.method.upper(),
            "payload": normalise_body(request.payload, revision=2),
        }
    )


def id_of(request: InferenceRequest | HttpRequest, test_id: str | None, revision: int = 1) -> str:
    """The request id of a request in recorded form (spec §2).

    Args:
        request: The request; its class says which variant it is.
        test_id: The pytest node id, None outside a test.
        revision: 1 or 2, for the inference variant.
    """
    if isinstance(request, HttpRequest):
        return _http_id(request, test_id)
    return _inference_id(request, test_id, revision)


def old_ids_of(request: InferenceRequest) -> set[str]:
    """The 12 digits that once named a recording: their hash had no number rule and no test id (spec §2)."""
    endpoints = {urlsplit(request.url).path, request.endpoint}
    method = request.method.upper()
    return {_digest({"method": method, "endpoint": e, "body": request.body})[:12] for e in endpoints}


def request_id(method: str, url: str, body: Json, test_id: str | None = None, revision: int = 1) -> str:
    """The name that a recording of this request has, without `.json` (spec §2).

    Args:
        method: The recorded method, any case.
        url: The recorded URL (spec §3): `https://api.openai.com/v1/v1/chat/completions`.
        body: The JSON body, or the payload of the http variant.
        test_id: The pytest node id, None outside a test.
        revision: 1, which is written, or 2, which is read as well. The http variant has but one.

    Returns:
        64 lower-case hex digits.

    Raises:
        ValueError: There is no such revision.
    """
    if revision not in _SHARED:
        raise ValueError(f"expected revision 1 or 2, got {revision!r}")
    if _is_recorded_inference(method, url, body):
        return _inference_id(InferenceRequest(method, url, body), test_id, revision)
    return _http_id(HttpRequest(method, url, body), test_id)


def _is_recorded_inference(method: str, url: str, body: Json) -> bool:
    path = urlsplit(url).path
    if method.upper() != "POST":
        return False
    if path.endswith(_ABOVE_THE_WIRE):
        return True
    if path.endswith(("/v1/models", *_OLLAMA_GET)) and body == {}:
        return True
    operations = (*(f"/v1/{name}" for name in _POST_OPERATIONS), *_OLLAMA_POST.values())
    return path.endswith(operations) and isinstance(body, dict) and "model" in body


# --- From the wire to the recorded form (spec §3) --------------------------------------------------------


def operation_of(request: RecordedRequest) -> str:
    """The operation that decides how an answer is coded, such as `/v1/chat/completions`; empty if none."""
    return request.endpoint if isinstance(request, InferenceRequest) else ""


def wants_base64(request: WireRequest) -> bool:
    """Whether a request asks for embeddings in base64, as the OpenAI client does unless told otherwise."""
    if not request.url.split("?")[0].endswith("/embeddings"):
        return False
    body = _json_body(request)
    return isinstance(body, dict) and body.get("encoding_format") == "base64"


def _json_body(request: WireRequest) -> Json:
    """The body's JSON; None if it is none."""
    if not request.body:
        return None
    try:
        return parse(request.body)
    except NotJsonError:
        return None


def _hide_databricks(url: str) -> str:
    before, found, path = url.partition(_DATABRICKS_HOST)
    return f"__databricks__{path}" if found and "/" not in before.partition("://")[2] else url


def _operation(method: str, path: str, *, has_query: bool, body: Json) -> tuple[str, str] | None:
    """The operation's path on the wire and in the recorded URL, for the requests of the table."""
    if method == "GET":
        if not has_query and _MODEL_LIST.search(path):
            return "/models", "/v1/models"
        found = [(name, name) for name in _OLLAMA_GET if path.endswith(name) and not has_query]
    elif method == "POST" and isinstance(body, dict) and "model" in body:
        found = [pair for pair in _OLLAMA_POST.items() if path.endswith(pair[0])]
        found += [(f"/{name}", f"/v1/{name}") for name in _POST_OPERATIONS if path.endswith(f"/{name}")]
    else:
        return None
    return found[0] if found else None


def recorded_form(request: WireRequest, test_id: str | None = None) -> InferenceRequest | HttpRequest:
    """Bring a request from the wire into recorded form (spec §3).

    Args:
        request: The request; its URL holds no secrets any more.
        test_id: The pytest node id, which the http variant also names in its request.

    Returns:
        The inference variant for the operations of the table in this module's docstring, and the http
        variant for everything else.
    """
    method = request.method.upper()
    parts = urlsplit(request.url)
    body = _json_body(request)
    pair = _operation(method, parts.path, has_query=bool(parts.query), body=body)
    if pair is None:
        payload = payload_of(request.body, request.content_type) if body is None else body
        # Clients differ in whether they send the path of the root.
        url = request.url if parts.path else parts._replace(path="/").geturl()
        return HttpRequest(method, _hide_databricks(url), payload, test_id)
    on_the_wire, endpoint = pair
    base = parts._replace(path=parts.path.removesuffix(on_the_wire), query="", fragment="").geturl()
    model: Json = ""
    if not isinstance(body, dict) or method == "GET":
        body = {}
    else:
        model = body["model"]
        body = {key: body[key] for key in sorted(body, key=_reading_order)}
        if endpoint == "/v1/embeddings" and body.get("encoding_format") == "base64":
            del body["encoding_format"]
    name = model if isinstance(model, str) else ""
    return InferenceRequest("POST", _hide_databricks(base + endpoint), body, endpoint, name)


def _reading_order(key: str) -> tuple[int, str]:
    """What a reader looks for first, then by name: SDKs send one call's parameters in different orders."""
    first = ("model", "messages", "input", "prompt")
    return (first.index(key), "") if key in first else (len(first), key)


# --- Finding a recording again (spec §3) -----------------------------------------------------------------


def candidate_ids(
    request: InferenceRequest | HttpRequest, test_id: str | None, *, base64: bool
) -> Iterator[str]:
    """The ids that a recording of this request may have, the likeliest first.

    Args:
        request: The request in recorded form.
        test_id: The pytest node id.
        base64: Whether the request asks for base64 on the wire: a caller may have named that itself, and
            then it is in the hash.
    """
    yield id_of(request, test_id)
    if not isinstance(request, InferenceRequest):
        return
    yield id_of(request, test_id, revision=2)
    if not isinstance(request.body, dict) or not request.body:
        return
    # What a caller may have written, and the wire does not show.
    rest = {key: value for key, value in request.body.items() if key != "project_id"}
    bodies: list[dict[str, Json]] = [
        {**rest, "extra_body": {}},
        {**rest, "extra_query": {}},
        {**rest, "extra_body": {}, "extra_query": {}},
    ]
    if base64:
        bodies.append({**request.body, "encoding_format": "base64"})
    for body in bodies:
        called = replace(request, body=body)
        yield id_of(called, test_id)
        yield id_of(called, test_id, revision=2)


def wire_forms(request: RecordedRequest) -> set[tuple[str, str, str]]:
    """The requests on the wire that a recording may stand for: method, path (or URL), digest of the body.

    Two requests are the same for replay when they have one of these in common. A file of an old recorder
    can stand for more than one: some name chat calls `/v1/completions`, and some have the wire's own URL.
    For the http variant the whole URL stands in the path's place, as it counts there.
    """
    if isinstance(request, HttpRequest):
        return {(request.method.upper(), request.url, _comparable(request.payload, revision=2))}
    if not isinstance(request, InferenceRequest) or _never_was_http(request):
        return set()
    path = urlsplit(request.url).path
    body = _wire_body(request)
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
    comparable = _comparable(body)
    method = _wire_method(request)
    return {(method, path, comparable) for path in paths}


def forms_asked_for(request: InferenceRequest | HttpRequest) -> set[tuple[str, str, str]]:
    """What a recording may stand for that is to answer this request: more than `wire_forms` of it.

    The original tool knows calls above HTTP, where it says which operation they are. On the wire some are of
    the http variant: model lists under other paths, chats without a model, Ollama's `pull`.
    """
    forms = wire_forms(request)
    if not isinstance(request, HttpRequest):
        return forms
    parts = urlsplit(request.url)
    method, payload = request.method.upper(), request.payload
    if method == "GET" and not payload and parts.path.endswith(("/models", *_OLLAMA_GET)):
        if not parts.query or parts.query.startswith("api-version="):
            forms.add((method, parts.path, _comparable({})))
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
    return request.url.endswith(_ABOVE_THE_WIRE) or (bool(found) and scheme not in {"http", "https"})


def _wire_method(request: InferenceRequest) -> str:
    """The method on the wire: model lists are recorded as POST with an empty body."""
    is_list = request.body == {} and urlsplit(request.url).path.endswith(("/v1/models", *_OLLAMA_GET))
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
    return _digest(normalise_body(body, revision))


def _wire_path(path: str) -> str:
    """The path on the wire of a recorded path."""
    if path.endswith("/api/embeddings"):
        return path.removesuffix("/api/embeddings") + "/api/embed"
    for name in (*_POST_OPERATIONS, "models"):
        if path.endswith(f"/v1/{name}"):
            return path.removesuffix(f"/v1/{name}") + f"/{name}"
    return path
