"""vcrpy's responses ↔ the answer of a recording."""

from __future__ import annotations

from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlsplit

from hashtape.codecs import (
    Context,
    Decoded,
    Json,
    decode,
    decompress,
    encode,
    is_usual,
    media_type,
)
from hashtape.codecs.compression import stream_decompressor
from hashtape.codecs.packed import change_each
from hashtape.codecs.streams import PassThroughDecoder
from hashtape.recording import Answer, HttpRequest, InferenceRequest
from hashtape.request_id import operation_of, wants_base64
from hashtape.vcr_adapter.vcr_requests import header_pairs

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hashtape.codecs import StreamDecoder
    from hashtape.codecs.compression import Decompress
    from hashtape.recording import RecordedRequest
    from hashtape.request_id import WireRequest

__all__ = [
    "CUT_STREAM",
    "Head",
    "VcrResponse",
    "answer_of",
    "decompressed",
    "head_of",
    "is_kept",
    "normalise",
    "passing_through",
    "response_of",
    "without_encoding",
]

VcrResponse: TypeAlias = dict[str, Any]
"""vcrpy's response: `{"status": {"code", "message"}, "headers": {name: [value]}, "body": {"string"}}`."""

_KEPT_HEADERS = frozenset(
    {
        "content-disposition",
        "content-range",
        "link",
        "location",
        "mcp-session-id",
        "operation-location",
        "retry-after",
        "retry-after-ms",
        "www-authenticate",
        "x-amzn-bedrock-content-type",
        "x-amzn-bedrock-input-token-count",
        "x-amzn-bedrock-output-token-count",
        "x-amzn-errortype",
        "x-should-retry",
    }
)
_NEVER_KEPT = frozenset({"content-encoding", "content-type", "set-cookie", "set-cookie2"})
"""Not even if a user asks for them: secrets, and what the file says in its own way."""
_OF_THE_ENCODING = frozenset({"content-encoding", "content-length", "transfer-encoding"})
_KEPT_HEADER_PREFIXES = ("x-ratelimit-", "ratelimit-", "anthropic-ratelimit-", "x-goog-upload-")
"""The headers that clients act on (spec §7), beside the content type where it is unusual."""

CUT_STREAM = "transport"
"""The category of a stream that broke off (spec §7)."""

_NORMALISED_ID = frozenset({"/v1/chat/completions", "/v1/completions", "/v1/embeddings"})
"""The operations whose answers' ids and times are made the same each time; other ids are sent back later."""

_OLLAMA = frozenset({"/api/chat", "/api/generate", "/api/embeddings"})
_OLLAMA_TIMES: dict[str, Json] = {
    "created_at": "1970-01-01T00:00:00.000000Z",
    "total_duration": 0,
    "load_duration": 0,
    "prompt_eval_duration": 0,
    "eval_duration": 0,
}
"""What Ollama says of the times of a call, and what is stored of it."""


def _headers(response: VcrResponse) -> dict[str, str]:
    """A response's headers with lower-case names."""
    return {name.lower(): value for name, value in header_pairs(response.get("headers"))}


def _context(request: RecordedRequest, wire: WireRequest, content_type: str, status: int) -> Context:
    return Context(
        operation_of(request), content_type, status, wants_base64(wire), path=urlsplit(wire.url).path
    )


def _response_body(response: VcrResponse) -> bytes:
    # vcrpy's aiohttp stub leaves the string out when there is none to read.
    body = response["body"].get("string") or b""
    return body.encode("utf-8", "surrogatepass") if isinstance(body, str) else bytes(body)


def decompressed(response: VcrResponse) -> VcrResponse:
    """A response as it is stored: without the content encoding that the client that recorded it asked for.

    Some of vcrpy's stubs hand out decompressed bodies under the header of the compressed one. Bytes that are
    in no known encoding stay as they are, and keep the header.
    """
    headers = _headers(response)
    content_encoding = headers.get("content-encoding", "")
    if not content_encoding:
        return response
    body = _response_body(response)
    plain = decompress(body, content_encoding)
    if plain is None:
        is_text = media_type(headers.get("content-type", "")) in {"application/json", "text/event-stream"}
        if not is_text or not _is_utf8(body):
            return response
        plain = body
    kept = {k: v for k, v in response["headers"].items() if k.lower() not in _OF_THE_ENCODING}
    return {**response, "headers": kept, "body": {"string": plain}}


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def without_encoding(response: VcrResponse) -> tuple[VcrResponse, Decompress | None]:
    """The head of a response whose body is still to come, without the encoding that can be undone by and by.

    Returns:
        It, and what undoes the encoding; None if there is none, or no way to undo it piece by piece.
    """
    content_encoding = _headers(response).get("content-encoding", "")
    decompress = stream_decompressor(content_encoding) if content_encoding else None
    if decompress is None:
        return response, None
    kept = {k: v for k, v in response["headers"].items() if k.lower() not in _OF_THE_ENCODING}
    return {**response, "headers": kept}, decompress


def passing_through(head: Head, response: VcrResponse) -> StreamDecoder | None:
    """For a body of no known stream format that comes piece by piece all the same.

    Returns:
        None if its length is known, or it is JSON.
    """
    content_type = head.context.content_type
    if not content_type or "json" in content_type.lower() or "content-length" in _headers(response):
        return None
    return PassThroughDecoder(content_type)


def answer_of(
    request: InferenceRequest | HttpRequest,
    wire: WireRequest,
    request_id: str,
    response: VcrResponse,
    extra_headers: Iterable[str] = (),
    *,
    keeps_ids: bool = False,
    is_exact: bool = False,
) -> Answer:
    """What is stored of a response: decompressed, decoded, normalised (spec §1, §4, §7).

    Args:
        request: The request in recorded form.
        wire: The request on the wire.
        request_id: Its id, from which the answer's own id is made.
        response: The response, through the filters.
        extra_headers: Lower-case names of further response headers to store.
        keeps_ids: Whether ids and times stay as they are: somebody saw this very answer before.
        is_exact: Whether JSON stays as it is spelled, too.
    """
    head = head_of(request, wire, response, extra_headers)
    decoded, usual = decode(_response_body(response), head.context, is_exact=is_exact)
    headers = head.headers_of(usual)
    answer = Answer(decoded.body, decoded.is_streaming, framing=decoded.framing, headers=headers)
    if not keeps_ids and isinstance(decoded.body, list):
        answer.body = change_each(decoded.body, lambda entry: normalise(entry, request, request_id))
    elif not keeps_ids:
        normalise(decoded.body, request, request_id)
    # The http variant of the format names the status of whole answers, also when it is 200 (spec §3).
    if head.context.status != 200 or (isinstance(request, HttpRequest) and not decoded.is_streaming):
        answer.status = head.context.status
    return answer


@dataclass(frozen=True, slots=True)
class Head:
    """What is known of a response before its body.

    Args:
        context: What the codecs need to know.
        headers: The headers that are stored, without the content type.
    """

    context: Context
    headers: dict[str, str]

    def headers_of(self, usual: str) -> dict[str, str]:
        """The headers that are stored for a body that has this content type without one."""
        content_type = self.context.content_type
        if content_type == usual or (content_type and is_usual(content_type, usual)):
            return dict(self.headers)
        # Also the empty one: a body whose server named no type gets none on replay.
        return {"content-type": content_type, **self.headers}


def is_kept(name: str, extra_headers: Iterable[str] = ()) -> bool:
    """Whether a response header is stored as it is (spec §7).

    Args:
        name: Its name in lower case.
        extra_headers: Lower-case names of further response headers to store.
    """
    return (
        name in _KEPT_HEADERS
        or name.startswith(_KEPT_HEADER_PREFIXES)
        or (name in extra_headers and name not in _NEVER_KEPT)
    )


def head_of(
    request: InferenceRequest | HttpRequest,
    wire: WireRequest,
    response: VcrResponse,
    extra_headers: Iterable[str] = (),
) -> Head:
    """What is kept of a response's status and headers (spec §7)."""
    headers = _headers(response)
    kept = {name: value for name, value in sorted(headers.items()) if is_kept(name, extra_headers)}
    if "content-encoding" in headers:
        kept["content-encoding"] = headers["content-encoding"]
    status = int(response["status"]["code"])
    return Head(_context(request, wire, headers.get("content-type", ""), status), kept)


def normalise(entry: Json, request: InferenceRequest | HttpRequest, request_id: str) -> None:
    """Make the id and times of an answer or chunk the same each time, in place (spec §4)."""
    operation = operation_of(request)
    data = entry.get("__data__", entry) if isinstance(entry, dict) else None
    if not isinstance(data, dict):
        return
    if operation in _OLLAMA:
        for name, value in _OLLAMA_TIMES.items():
            if data.get(name) is not None:
                data[name] = value
    if operation not in _NORMALISED_ID or data is entry:
        return
    if data.get("object") == "model":
        return
    # A completion that the provider stores is asked for by its id later on.
    body = request.body if isinstance(request, InferenceRequest) else None
    is_stored = isinstance(body, dict) and bool(body.get("store"))
    if "id" in data and not is_stored:
        data["id"] = f"rec-{request_id[:12]}"
    if "created" in data:
        data["created"] = 0


def response_of(
    request: InferenceRequest | HttpRequest, wire: WireRequest, answer: Answer, *, is_replay: bool = True
) -> VcrResponse:
    """The response that a client gets for an answer (spec §5, §6).

    Args:
        request: The request that is made now, in recorded form.
        wire: The same on the wire.
        answer: The answer.
        is_replay: Whether nothing is to be waited for: then a recorded `retry-after` becomes zero.

    Raises:
        ValueError: The answer's body is in no known form.
    """
    status = 200 if answer.status is None else answer.status
    headers = dict(answer.headers)
    failure = (answer.exception_data or {}) if answer.is_exception else None
    is_cut = failure is not None and failure.get("category") == CUT_STREAM
    if failure is not None and not is_cut:
        status, decoded = _failure(answer)
        # It was recorded above the client, which had already tried as often as it does.
        headers = {"x-should-retry": "false", **headers}
    else:
        decoded = answer.decoded
    context = _context(request, wire, headers.get("content-type", ""), status)
    body, usual = encode(decoded, replace(context, is_cut=is_cut))
    if is_cut and failure is not None:
        usual = usual or "text/event-stream; charset=utf-8"
        body += str(failure.get("rest") or "").encode("utf-8", "surrogateescape")
    if usual and "content-type" not in headers:
        headers = {"content-type": usual, **headers}
    if not headers.get("content-type", "-"):
        del headers["content-type"]
    if is_replay and ("retry-after" in headers or "retry-after-ms" in headers):
        # Clients take zero for "no answer to that" and wait of their own accord; a millisecond they heed.
        headers |= {"retry-after": "0", "retry-after-ms": "1"}
    return {
        "status": {"code": status, "message": _reason(status)},
        "headers": {name: [value] for name, value in headers.items()},
        "body": {"string": body},
        # Beside what vcrpy knows: how the stream broke off after this body.
        **({"cut": failure} if is_cut else {}),
    }


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _failure(answer: Answer) -> tuple[int, Decoded]:
    """The HTTP error of a recorded exception (spec §6)."""
    data = answer.exception_data or {}
    status = data.get("status_code")
    body = data.get("body")
    if body is None:
        message = data.get("message") or answer.extra.get("exception_message") or "recorded exception"
        body = {"message": message}
    whole: Json = body if isinstance(body, dict) and "error" in body else {"error": body}
    return (status if isinstance(status, int) else 500), Decoded(whole)
