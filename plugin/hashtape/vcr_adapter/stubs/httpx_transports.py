"""httpx and its fork httpx2: every transport that vcrpy patches, sync and async.

The client libraries are not imported here: what vcrpy found installed is patched, from the originals that it
saved.
"""

from __future__ import annotations

import functools
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

import vcr.patch
from vcr.stubs.httpx_stubs import _deserialize_response, _serialize_headers

from hashtape.request_id import WireRequest
from hashtape.vcr_adapter.stubs.dispatch import DISPATCH, Patch
from hashtape.vcr_adapter.stubs.httpx_streams import streams_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hashtape.vcr_adapter.live import LiveStream
    from hashtape.vcr_adapter.stubs.dispatch import OpenCassette
    from hashtape.vcr_adapter.vcr_responses import VcrResponse

__all__ = ["httpx_patches"]

# The name under which vcrpy skips the family; module, class and method; where vcrpy keeps the original.
_TRANSPORTS = (
    ("httpx", "httpx", "HTTPTransport", "handle_request", "_HttpxHttpTransport"),
    ("httpx", "httpx", "AsyncHTTPTransport", "handle_async_request", "_HttpxAsyncHttpTransport"),
    ("httpx", "httpx", "WSGITransport", "handle_request", "_HttpxWsgiTransport"),
    ("httpx", "httpx", "ASGITransport", "handle_async_request", "_HttpxAsgiTransport"),
    ("httpx", "httpx", "MockTransport", "handle_request", "_HttpxMockTransport"),
    ("httpx", "httpx", "MockTransport", "handle_async_request", "_HttpxMockTransport"),
    ("httpx", "httpx_curl_cffi", "CurlTransport", "handle_request", "_HttpxCurlTransport"),
    ("httpx", "httpx_curl_cffi", "AsyncCurlTransport", "handle_async_request", "_HttpxAsyncCurlTransport"),
    (
        "httpx",
        "pyreqwest.compatibility.httpx",
        "SyncHttpxTransport",
        "handle_request",
        "_HttpxSyncPyreqwestTransport",
    ),
    (
        "httpx",
        "pyreqwest.compatibility.httpx",
        "HttpxTransport",
        "handle_async_request",
        "_HttpxPyreqwestTransport",
    ),
    ("httpx2", "httpx2", "HTTPTransport", "handle_request", "_Httpx2HttpTransport"),
    ("httpx2", "httpx2", "AsyncHTTPTransport", "handle_async_request", "_Httpx2AsyncHttpTransport"),
    ("httpx2", "httpx2", "WSGITransport", "handle_request", "_Httpx2WsgiTransport"),
    ("httpx2", "httpx2", "ASGITransport", "handle_async_request", "_Httpx2AsgiTransport"),
    ("httpx2", "httpx2", "MockTransport", "handle_request", "_Httpx2MockTransport"),
    ("httpx2", "httpx2", "MockTransport", "handle_async_request", "_Httpx2MockTransport"),
)


_IN_PROCESS = frozenset({"WSGITransport", "ASGITransport", "MockTransport"})
"""They call an application or a function, and no network."""


class _Owner(NamedTuple):
    family: str
    httpx: Any
    is_in_process: bool


def httpx_patches() -> Iterator[Patch]:
    """The patches of all transports that are loaded."""
    for family, module_name, class_name, method, saved in _TRANSPORTS:
        module = sys.modules.get(module_name)
        original = getattr(vcr.patch, f"{saved}_{method}", None)
        if module is None or original is None:
            continue
        build = _async_method if method == "handle_async_request" else _sync_method
        # Responses are built of the family's own classes, whatever module the transport is from.
        owner = _Owner(family, sys.modules[family], class_name in _IN_PROCESS)
        yield Patch(getattr(module, class_name), method, build(owner, original))


def _ask(cassette: OpenCassette, request: Any, body: bytes, owner: _Owner) -> Any:
    wire = WireRequest(request.method, str(request.url), body, request.headers.get("content-type", ""))
    return cassette.ask_wire(wire, request.headers, is_in_process=owner.is_in_process)


def _vcr_response(response: Any, body: bytes = b"") -> VcrResponse:
    return {
        "status": {"code": response.status_code, "message": response.reason_phrase},
        "headers": _serialize_headers(response),
        "body": {"string": body},
    }


def _client_response(response: VcrResponse, httpx: Any) -> Any:
    """The response that the client gets for a stored one."""
    if "status_code" in response:  # from a cassette of an early vcrpy
        return _deserialize_response(response, httpx)
    headers = [
        (name.encode(), str(value).encode("utf-8", "surrogatepass"))
        for name, values in response["headers"].items()
        for value in ([values] if isinstance(values, str) else values)
    ]
    reason = (response["status"]["message"] or "").encode("ascii", "ignore")
    body = response["body"]["string"] or b""
    cut = response.get("cut")
    return httpx.Response(
        response["status"]["code"],
        headers=headers,
        # content= would be closed already
        stream=httpx.ByteStream(body) if cut is None else streams_of(httpx).cut(body, cut),
        extensions={"reason_phrase": reason} if reason else None,
    )


def _with_cookies(answer: Any, response: Any, httpx: Any) -> Any:
    """The answer with the cookies of the live response.

    They are secrets, and no part of a recording; but the next live call of this session may need them.
    """
    for cookie in response.headers.get_list("set-cookie"):
        answer.headers = httpx.Headers([*answer.headers.multi_items(), ("set-cookie", cookie)])
    return answer


def _recorded(cassette: OpenCassette, asked: Any, response: Any, body: bytes, httpx: Any) -> Any:
    """Store a response that has been read and closed; return what the client gets for it."""
    stored = cassette.record(asked, _vcr_response(response, body))
    if stored is None:
        response.stream = httpx.ByteStream(body)
        return response
    return _with_cookies(_client_response(stored, httpx), response, httpx)


def _live(live: LiveStream, response: Any, stream: Any, httpx: Any) -> Any:
    """What the client gets for a stream that is still to come."""
    answer = httpx.Response(
        response.status_code, headers=live.headers, stream=stream, extensions=response.extensions
    )
    return _with_cookies(answer, response, httpx)


def _sync_method(owner: _Owner, original: Callable[..., Any]) -> Callable[..., Any]:
    httpx = owner.httpx

    @functools.wraps(original)
    def handle_request(transport: Any, request: Any) -> Any:
        cassette = DISPATCH.cassette_for(owner.family)
        if cassette is None:
            return original(transport, request)
        body = b"".join(request.stream)
        request.stream = httpx.ByteStream(body)  # reading has used it up
        asked = _ask(cassette, request, body, owner)
        if asked is None:
            return original(transport, request)
        played = cassette.play(asked)
        if played is not None:
            return _client_response(played, httpx)
        response = original(transport, request)
        live = cassette.live(asked, _vcr_response(response))
        if live is not None:
            return _live(live, response, streams_of(httpx).live(live, response.stream), httpx)
        try:
            content = b"".join(response.stream)
        except BaseException:
            # The client never gets this response, so it cannot close it.
            with suppress(Exception):
                response.stream.close()
            raise
        response.stream.close()
        return _recorded(cassette, asked, response, content, httpx)

    return handle_request


def _async_method(owner: _Owner, original: Callable[..., Any]) -> Callable[..., Any]:
    httpx = owner.httpx

    @functools.wraps(original)
    async def handle_async_request(transport: Any, request: Any) -> Any:
        cassette = DISPATCH.cassette_for(owner.family)
        if cassette is None:
            return await original(transport, request)
        body = b"".join([part async for part in request.stream])
        request.stream = httpx.ByteStream(body)  # reading has used it up
        asked = _ask(cassette, request, body, owner)
        if asked is None:
            return await original(transport, request)
        played = cassette.play(asked)
        if played is not None:
            return _client_response(played, httpx)
        response = await original(transport, request)
        live = cassette.live(asked, _vcr_response(response))
        if live is not None:
            return _live(live, response, streams_of(httpx).live_async(live, response.stream), httpx)
        try:
            content = b"".join([part async for part in response.stream])
        except BaseException:
            # The client never gets this response, so it cannot close it.
            with suppress(Exception):
                await response.stream.aclose()
            raise
        await response.stream.aclose()
        return _recorded(cassette, asked, response, content, httpx)

    return handle_async_request
