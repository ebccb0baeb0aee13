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

from hashtape.codecs import Json, NotJsonError, parse
from hashtape.normalise import normalise_body
from hashtape.payload import payload_of
from hashtape.recording import HttpRequest, InferenceRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hashtape.recording import RecordedRequest

__all__ = [
    "ABOVE_THE_WIRE",
    "OLLAMA_GET",
    "OLLAMA_POST",
    "POST_OPERATIONS",
    "SHARED_MODEL_LISTS",
    "WireRequest",
    "candidate_ids",
    "digest",
    "id_of",
    "old_ids_of",
    "operation_of",
    "recorded_form",
    "request_id",
    "wants_base64",
    "without_usual_port",
]

POST_OPERATIONS = ("chat/completions", "completions", "embeddings", "responses")
"""Below a base URL of the OpenAI style; the longest that fits is meant."""
OLLAMA_POST = {"/api/chat": "/api/chat", "/api/generate": "/api/generate", "/api/embed": "/api/embeddings"}
OLLAMA_GET = ("/api/tags", "/api/ps")
ABOVE_THE_WIRE = ("/embed_content", "/generate_content", "/generate_content_stream")
_MODEL_LIST = re.compile(r"(?:^|/v\d+[a-z0-9]*|/openai)/models$")

_SHARED = {1: ("/api/tags", "/v1/models"), 2: ("/api/tags", "/v1/models", "/v1/openai/v1/models")}
"""Endpoints whose id leaves the test id out, by revision."""
SHARED_MODEL_LISTS = _SHARED[2]

_USUAL_PORT = re.compile(r"\A(https://[^/?#]*(?=:443(?:[/?#]|\Z))|http://[^/?#]*(?=:80(?:[/?#]|\Z))):\d+")
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


def digest(value: Json) -> str:
    """The 64 digits of a JSON value as spec §2 spells it."""
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
    return digest(hashed)


def _http_id(request: HttpRequest, test_id: str | None) -> str:
    return digest(
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
    return {digest({"method": method, "endpoint": e, "body": request.body})[:12] for e in endpoints}


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
    if path.endswith(ABOVE_THE_WIRE):
        return True
    if path.endswith(("/v1/models", *OLLAMA_GET)) and body == {}:
        return True
    operations = (*(f"/v1/{name}" for name in POST_OPERATIONS), *OLLAMA_POST.values())
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
        found = [(name, name) for name in OLLAMA_GET if path.endswith(name) and not has_query]
    elif method == "POST" and isinstance(body, dict) and "model" in body:
        found = [pair for pair in OLLAMA_POST.items() if path.endswith(pair[0])]
        found += [(f"/{name}", f"/v1/{name}") for name in POST_OPERATIONS if path.endswith(f"/{name}")]
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
    whole_url = without_usual_port(request.url)
    parts = urlsplit(whole_url)
    body = _json_body(request)
    pair = _operation(method, parts.path, has_query=bool(parts.query), body=body)
    if pair is None:
        payload = payload_of(request.body, request.content_type) if body is None else body
        # Clients differ in whether they send the path of the root.
        url = whole_url if parts.path else parts._replace(path="/").geturl()
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


def without_usual_port(url: str) -> str:
    """A URL without the port that its scheme has anyway: some clients name it, and most do not."""
    return _USUAL_PORT.sub(r"\1", url) if ":443" in url or ":80" in url else url


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
