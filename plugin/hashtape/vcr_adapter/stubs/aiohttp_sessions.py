"""aiohttp: the sessions' requests, with redirects and cookies as without a recorder.

A replay is built by vcrpy's stub. A stream that is recorded reaches the client as it comes: the content of
the response is read through the cassette, no further than the client reads.
"""

from __future__ import annotations

import codecs
import functools
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import vcr.patch
from vcr.request import Request

from hashtape.vcr_adapter.stubs.dispatch import DISPATCH, Patch
from hashtape.vcr_adapter.stubs.failures import recorded_failure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hashtape.vcr_adapter.live import LiveStream
    from hashtape.vcr_adapter.stubs.dispatch import OpenCassette
    from hashtape.vcr_adapter.vcr_responses import VcrResponse

__all__ = ["aiohttp_patches"]

_REDIRECTS = frozenset({301, 302, 303, 307, 308})


def aiohttp_patches() -> Iterator[Patch]:
    """The patch of aiohttp's session, if aiohttp is loaded."""
    client = sys.modules.get("aiohttp.client")
    original = getattr(vcr.patch, "_AiohttpClientSessionRequest", None)
    if client is not None and original is not None:
        yield Patch(client.ClientSession, "_request", _patched_request(original))


def _patched_request(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    async def request(session: Any, method: str, str_or_url: Any, **kwargs: Any) -> Any:
        cassette = DISPATCH.cassette_for("aiohttp")
        if cassette is None:
            return await original(session, method, str_or_url, **kwargs)
        from vcr.stubs.aiohttp_stubs import _raise_for_status, _raise_for_status_stub

        raise_for_status = kwargs.pop("raise_for_status", None)

        async def send(method: str, url: Any, **options: Any) -> Any:
            # An error status is recorded before it is raised.
            return await original(session, method, url, **options, raise_for_status=_raise_for_status_stub)

        exchange = _Exchange(cassette, session, send)
        response = await exchange.response(method, str_or_url, kwargs)
        if response.status != _SWITCHING_PROTOCOLS:
            await _raise_for_status(session, raise_for_status, response)
        return response

    return request


class _Exchange:
    """A request of a session and the responses up to the last redirect.

    Args:
        cassette: The cassette.
        session: The session.
        send: Sends a request really, redirects included.
    """

    def __init__(self, cassette: OpenCassette, session: Any, send: Callable[..., Any]) -> None:
        self._cassette = cassette
        self._session = session
        self._send = send

    async def response(self, method: str, url: Any, kwargs: dict[str, Any]) -> Any:
        """The response that the client gets, with its history."""
        from yarl import URL

        if not self._cassette.compares_objects:
            kwargs = await _with_wire_body(self._session, kwargs)
        request = await _vcr_request(self._session, method, url, kwargs)
        history: list[Any] = []
        while True:
            asked = self._cassette.ask(request)
            played = None if asked is None else self._cassette.play(asked)
            if played is None:
                sent = await self._send(method, url, **kwargs)
                return sent if asked is None else await self._recorded(request, asked, sent, history, kwargs)
            response = _built(request, played, history)
            self._session.cookie_jar.update_cookies(response.cookies, response.url)
            location = response.headers.get("location")
            if not (kwargs.get("allow_redirects", True) and response.status in _REDIRECTS and location):
                return response
            history.append(response)
            url = URL(str(response.url)).join(URL(location))
            dropped = {"params"}
            if response.status not in _REDIRECTS_OF_THE_BODY and method.upper() != "HEAD":
                method = "GET"
                dropped |= {"data", "json"}
            kwargs = {name: value for name, value in kwargs.items() if name not in dropped}
            body = None if "data" in dropped else request.body
            request = Request(method, str(url), body, request.headers)

    async def _recorded(
        self, request: Any, asked: Any, response: Any, history: list[Any], kwargs: dict[str, Any]
    ) -> Any:
        """Store what came; return the same as a replay will give."""
        if response.status == _SWITCHING_PROTOCOLS:
            return response  # a web socket: what goes over it is no HTTP
        auto_decompress = kwargs.get("auto_decompress")
        is_plain = self._session.auto_decompress if auto_decompress is None else auto_decompress
        earlier = history
        for past in response.history:
            stored = self._cassette.record(asked, await _read(past, is_plain=is_plain))
            earlier = [*earlier, past if stored is None else _built(request, stored, earlier)]
            info = _next_request_info(response, past)
            body = request.body if past.status in _REDIRECTS_OF_THE_BODY else None
            request = Request(info.method, str(info.url), body, _headers_of(info.headers))
            asked = self._cassette.ask(request)
            if asked is None:
                return response  # the redirect led to a host that is not recorded
        head = _response_of(response, b"", is_plain=is_plain)
        live = self._cassette.live(asked, head)
        if live is not None:
            return _made_live(response, live)
        whole = await _read(response, is_plain=is_plain)
        stored = self._cassette.record(asked, whole)
        # Also what is not recorded has been read by now.
        return _built(request, whole if stored is None else _with_cookies(stored, whole), earlier)


_SWITCHING_PROTOCOLS = 101
_REDIRECTS_OF_THE_BODY = frozenset({307, 308})


# --- Requests --------------------------------------------------------------------------------------------


class _Collector:
    """What aiohttp takes for the connection that a body is written to."""

    def __init__(self) -> None:
        self.body = bytearray()

    async def write(self, chunk: Any) -> None:
        self.body += chunk


async def _with_wire_body(session: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a request with its body as the bytes that go over the wire, and their content type."""
    from aiohttp import FormData, hdrs, payload

    data: Any = kwargs.get("data")
    json = kwargs.get("json")
    if data is not None and json is not None:
        raise ValueError("data and json parameters can not be used at the same time")
    if json is not None:
        data = payload.JsonPayload(json, dumps=session.json_serialize)
    elif data is None or isinstance(data, (bytes, bytearray, memoryview, str)):
        return kwargs
    try:
        body = payload.PAYLOAD_REGISTRY.get(data, disposition=None)
    except payload.LookupError:
        body = (data if isinstance(data, FormData) else FormData(data))()
    collector: Any = _Collector()
    await body.write(collector)
    headers = session._prepare_headers(kwargs.get("headers"))
    headers.setdefault(hdrs.CONTENT_TYPE, body.headers.get(hdrs.CONTENT_TYPE, body.content_type))
    rest = {name: value for name, value in kwargs.items() if name != "json"}
    return {**rest, "data": bytes(collector.body), "headers": headers}


async def _vcr_request(session: Any, method: str, url: Any, kwargs: dict[str, Any]) -> Any:
    """Vcrpy's request for the arguments of one; a body that can be read only once is replaced in them."""
    from aiohttp import hdrs
    from vcr.stubs.aiohttp_stubs import _build_cookie_header, _build_url_with_params, _recordable_data
    from vcr.util import _is_async_iterator

    headers = session._prepare_headers(kwargs.get("headers"))
    data = kwargs.get("data")
    if data is None:
        data = kwargs.get("json")
    elif kwargs.get("json") is not None:
        raise ValueError("data and json parameters can not be used at the same time")
    if kwargs.get("auth") is not None:
        headers[hdrs.AUTHORIZATION] = kwargs["auth"].encode()
    if data is not None and _is_async_iterator(data):
        data = b"".join([part async for part in data])
        kwargs["data"] = data
    full_url = session._build_url(url)
    if kwargs.get("params"):
        full_url = _build_url_with_params(str(full_url), kwargs["params"])
    cookie_header = _build_cookie_header(
        session, kwargs.get("cookies"), headers.pop(hdrs.COOKIE, None), full_url
    )
    if cookie_header:
        headers[hdrs.COOKIE] = cookie_header
    return Request(method, str(full_url), _recordable_data(data), _headers_of(headers))


def _headers_of(headers: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in headers.items():
        found.setdefault(str(name), []).append(value)
    return found


def _next_request_info(response: Any, past: Any) -> Any:
    """The request that followed a redirect."""
    chain = [*response.history, response]
    return chain[chain.index(past) + 1].request_info


# --- Responses -------------------------------------------------------------------------------------------


def _response_of(response: Any, body: bytes, *, is_plain: bool) -> VcrResponse:
    headers = _headers_of(response.headers)
    if is_plain:  # aiohttp has undone the encoding, and left the header
        headers = {name: values for name, values in headers.items() if name.lower() != "content-encoding"}
    return {
        "status": {"code": response.status, "message": response.reason or ""},
        "headers": headers,
        "body": {"string": body},
    }


async def _read(response: Any, *, is_plain: bool) -> VcrResponse:
    from aiohttp import ClientConnectionError

    try:
        body = await response.read()
    except ClientConnectionError:
        body = b""  # what a redirect said beside its location is gone
    return _response_of(response, body, is_plain=is_plain)


def _with_cookies(stored: VcrResponse, live: VcrResponse) -> VcrResponse:
    """The stored response with the cookies of the live one.

    They are secrets, and no part of a recording; but the next live call of this session may need them.
    """
    cookies = [
        value for name, values in live["headers"].items() if name.lower() == "set-cookie" for value in values
    ]
    return {**stored, "headers": {**stored["headers"], "set-cookie": cookies}} if cookies else stored


def _built(request: Any, response: VcrResponse, history: list[Any]) -> Any:
    """Aiohttp's response for a stored one."""
    from vcr.stubs.aiohttp_stubs import build_response

    body = response["body"].get("string") or b""
    if isinstance(body, str):
        body = body.encode("utf-8", "surrogatepass")
    built = build_response(request, {**response, "body": {"string": body}}, history)
    built.__class__ = _classes().played
    if (cut := response.get("cut")) is not None:
        built.__class__, content = _classes().cut, built.content
        built.content = _classes().failing(content, cut)
        built._body = None
    return built


def _made_live(response: Any, live: LiveStream) -> Any:
    """The response with its content and headers read through the cassette."""
    from multidict import CIMultiDict, CIMultiDictProxy

    headers = CIMultiDict(live.headers)
    for cookie in response.headers.getall("set-cookie", ()):
        headers.add("set-cookie", cookie)
    response._headers = CIMultiDictProxy(headers)
    response._raw_headers = tuple((name.encode(), value.encode()) for name, value in headers.items())
    for name in ("headers", "raw_headers"):
        response._cache.pop(name, None)
    response.content = _classes().live(response.content, live)
    return response


class _Classes:
    """Classes that derive from aiohttp's, which is not imported unless a program uses it."""

    def __init__(self) -> None:
        import aiohttp
        from aiohttp import ClientPayloadError, streams
        from vcr.stubs.aiohttp_stubs import MockClientResponse, MockStream, _NoConnection

        failures: dict[str, Callable[[str], Exception]] = {
            "timeout": getattr(aiohttp, "SocketTimeoutError", aiohttp.ServerTimeoutError),
            "TimeoutError": TimeoutError,  # of the session's total timeout
            "protocol": ClientPayloadError,
            "connection": ClientPayloadError,
        }

        class Live(streams.StreamReader):
            def __init__(self, source: Any, live: LiveStream) -> None:
                super().__init__(_NoConnection(), 2**16, loop=source._loop)
                self._source = source
                self._live = live
                self._failure: Exception | None = None

            async def _wait(self, func_name: str) -> None:  # noqa: ARG002  (aiohttp's signature)
                if self._failure is not None:
                    raise self._failure
                try:
                    data = await self._source.readany()
                except Exception as error:
                    rest = self._live.fail(error)
                    if not rest:
                        raise
                    self._failure = error
                    self.feed_data(rest)
                    return
                if data:
                    self.feed_data(self._live.feed(data))
                else:
                    self.feed_data(self._live.end())
                    self.feed_eof()

            def set_exception(self, exc: BaseException, *args: Any) -> None:
                # The response is released or closed: the client reads no further.
                self._live.close()
                super().set_exception(exc, *args)

        class Failing(MockStream):  # type: ignore[misc]  # vcrpy is untyped
            def __init__(self, content: Any, cut: dict[str, Any]) -> None:
                super().__init__(content.read_nowait())
                self._failure = recorded_failure(cut, failures, ClientPayloadError(str(cut.get("message"))))
                self._eof = False

            async def _wait(self, func_name: str) -> None:  # noqa: ARG002  (aiohttp's signature)
                raise self._failure

        class Played(MockClientResponse):  # type: ignore[misc]  # vcrpy is untyped
            @property
            def _encoding(self) -> str:
                with suppress(LookupError):
                    return codecs.lookup(self.charset or "utf-8").name
                return "utf-8"

            async def text(self, encoding: str | None = None, errors: str = "strict") -> str:
                return str(await super().text(encoding or self._encoding, errors))

            async def json(self, *, encoding: str | None = None, **kwargs: Any) -> Any:
                return await super().json(encoding=encoding or self._encoding, **kwargs)

        class Cut(Played):
            async def read(self) -> bytes:
                body: bytes = await self.content.read()
                self._body = body
                return body

            async def text(self, *args: Any, **kwargs: Any) -> str:
                await self.read()
                return str(await super().text(*args, **kwargs))

            async def json(self, *args: Any, **kwargs: Any) -> Any:
                await self.read()
                return await super().json(*args, **kwargs)

        self.live = Live
        self.failing = Failing
        self.played = Played
        self.cut = Cut


@functools.cache
def _classes() -> _Classes:
    return _Classes()
