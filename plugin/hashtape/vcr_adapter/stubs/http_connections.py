"""http.client and what is built on it: urllib, urllib3, requests, boto3, httplib2.

A connection collects the bytes of a request instead of sending them, and asks the cassette when the client
asks for the response. What is played is read by http.client's own parser, from bytes in the place of a
socket; what is recorded goes over the real socket only then. So nothing is looked up or connected under
`none`, connections that were open before are safe too, and threads don't disturb each other.
"""

from __future__ import annotations

import http.client
import io
import socket
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from hashtape.codecs import decompress
from hashtape.request_id import WireRequest
from hashtape.vcr_adapter.stubs.dispatch import DISPATCH, Patch
from hashtape.vcr_adapter.stubs.failures import recorded_failure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from hashtape.vcr_adapter.live import LiveStream
    from hashtape.vcr_adapter.stubs.dispatch import OpenCassette
    from hashtape.vcr_adapter.vcr_responses import VcrResponse

__all__ = ["http_connection_patches"]

_CLASSES = (
    ("boto3", "botocore.awsrequest", ("AWSHTTPConnection", "AWSHTTPSConnection")),
    ("urllib3", "urllib3.connection", ("HTTPConnection", "HTTPSConnection")),
    ("httplib2", "httplib2", ("HTTPConnectionWithTimeout", "HTTPSConnectionWithTimeout")),
    ("httplib", "http.client", ("HTTPConnection", "HTTPSConnection")),
)
"""vcrpy's name of the family, module, classes; what is derived comes first."""
_READ_SIZE = 65536
_REQUEST_IS_REAL = "_hashtape_is_real"
_GO_ON = b"HTTP/1.1 100 Continue\r\n\r\n"

_send = http.client.HTTPConnection.send
_getresponse = http.client.HTTPConnection.getresponse


def http_connection_patches() -> Iterator[Patch]:
    """The patches of all connection classes that are loaded."""
    yield Patch(http.client.HTTPConnection, "send", _patched_send)
    yield Patch(http.client.HTTPConnection, "getresponse", _patched_getresponse)
    for _, _, connection_class in _loaded_classes():
        if "connect" in connection_class.__dict__:
            original = connection_class.__dict__["connect"]
            if not hasattr(original, "is_hashtapes"):
                yield Patch(connection_class, "connect", _patched_connect(original))


def _loaded_classes() -> Iterator[tuple[str, str, type]]:
    for family, module_name, names in _CLASSES:
        module = sys.modules.get(module_name)
        for name in names:
            if module is not None and hasattr(module, name):
                yield family, module_name, getattr(module, name)


def _cassette_for(connection: Any) -> OpenCassette | None:
    """The cassette that a connection's request belongs to; None if it is to be left alone."""
    if getattr(connection, _REQUEST_IS_REAL, False):
        return None
    if not hasattr(type(connection).connect, "is_hashtapes"):
        return None  # a class that connects in its own way, to the socket of a Docker daemon, say
    for family, _, connection_class in _loaded_classes():
        if isinstance(connection, connection_class):
            return DISPATCH.cassette_for(family)
    return None


# --- Sockets that are none -------------------------------------------------------------------------------


class _Socket:
    """What a connection takes for its socket: it collects the request, and gives the response.

    Args:
        connection: The connection.
        real: The open socket whose place it takes, if there is one.
    """

    def __init__(self, connection: Any, real: Any = None) -> None:
        self.request = bytearray()
        self.real = real
        self.connect_timeout = connection.timeout
        self.response: io.RawIOBase | None = None
        self._timeout: Any = connection.timeout
        self._readable: tuple[socket.socket, socket.socket] | None = None

    def sendall(self, data: Any, flags: int = 0) -> None:  # noqa: ARG002  (a socket's signature)
        """Collect; the iterables and files that http.client takes apart itself are not for here."""
        self.request += memoryview(data)

    def makefile(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ARG002  (a socket's signature)
        """The response; before there is one, the word that boto3 waits for before it sends a body."""
        return io.BytesIO(_GO_ON) if self.response is None else io.BufferedReader(self.response)

    def fileno(self) -> int:
        """A descriptor that is always ready to be read: asked for by who waits for an early answer."""
        if self._readable is None:
            self._readable = socket.socketpair()
            self._readable[1].send(b"\0")
        return self._readable[0].fileno()

    def settimeout(self, timeout: Any) -> None:
        """Note the timeout for the real socket."""
        self._timeout = timeout

    def gettimeout(self) -> Any:
        """The timeout."""
        return self._timeout

    def setsockopt(self, *args: Any) -> None:
        """Nothing: it is about a network that is not there."""

    def shutdown(self, how: int = socket.SHUT_RDWR) -> None:
        """Shut down the real socket, if there is one by now."""
        if self.real is not None:
            self.real.shutdown(how)

    def let_go(self) -> None:
        """Close all but the real socket."""
        for end in self._readable or ():
            end.close()
        self._readable = None

    def close(self) -> None:
        """Close what it stands for."""
        self.let_go()
        if self.real is not None:
            self.real.close()


class _Failing(io.RawIOBase):
    """A recorded response that breaks off.

    Args:
        content: What came.
        cut: How it broke off. The exception is made when it is raised: kept here, it would keep itself alive
            through its traceback.
    """

    def __init__(self, content: bytes, cut: Mapping[str, Any]) -> None:
        self._content = io.BytesIO(content)
        self._cut = cut

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = self._content.readinto(buffer)
        if not count:
            raise recorded_failure(self._cut, _FAILURES, http.client.IncompleteRead(b""))
        return count


class _Live(io.RawIOBase):
    """A response that is still coming, each piece as a chunk of its own.

    Args:
        head: Its status line and headers.
        live: What decodes and stores it.
        response: The real one.
    """

    def __init__(self, head: bytes, live: LiveStream, response: http.client.HTTPResponse) -> None:
        self._ready = memoryview(head)
        self._live = live
        self._response = response
        self._failure: Exception | None = None
        self._is_over = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ready and not self._is_over:
            self._ready = memoryview(self._next())
        count = min(len(buffer), len(self._ready))
        buffer[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def _fed(self, data: bytes) -> bytes:
        try:
            return _chunk(self._live.feed(data))
        except ValueError as error:
            self._failure = http.client.HTTPException(str(error))
            rest = self._live.fail(self._failure)
            if not rest:
                raise self._failure from error
            return _chunk(rest)

    def _next(self) -> bytes:
        if self._failure is not None:
            raise self._failure
        try:
            data = _read_some(self._response)
        except Exception as error:
            rest = self._live.fail(error)
            if not rest:
                raise
            self._failure = error
            return _chunk(rest)
        if data:
            return self._fed(data)
        self._is_over = True
        return _chunk(self._live.end()) + b"0\r\n\r\n"

    def close(self) -> None:
        if not self.closed:
            try:
                self._live.close()
            finally:
                self._response.close()
        super().close()


def _read_some(response: http.client.HTTPResponse) -> bytes:
    data = response.read1(_READ_SIZE)
    if not data and response.length:
        raise http.client.IncompleteRead(b"", response.length)
    return data


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""


# --- The request as it would go out ----------------------------------------------------------------------


class _Request(NamedTuple):
    wire: WireRequest
    headers: dict[str, str]


def _request_of(connection: Any, sent: bytes) -> _Request:
    """The request in the bytes that a client has sent."""
    head, _, body = sent.partition(b"\r\n\r\n")
    line, *fields = head.decode("latin-1").split("\r\n")
    method, _, target = line.rpartition(" ")[0].partition(" ")
    headers: dict[str, str] = {}
    for field in fields:
        name, _, value = field.partition(":")
        # http.client makes it of the URL; vcrpy's stubs don't see it.
        if name.lower() != "host":
            headers[name] = value.strip()
    lower = {name.lower(): value for name, value in headers.items()}
    if "chunked" in lower.get("transfer-encoding", "").lower():
        body = _joined_chunks(body)
    url = target if "://" in target else f"{_origin(connection)}{target}"
    return _Request(WireRequest(method, url, body, lower.get("content-type", "")), headers)


def _origin(connection: Any) -> str:
    """Scheme, host and port: those behind a tunnel, if there is one."""
    scheme = "https" if isinstance(connection, http.client.HTTPSConnection) else "http"
    if getattr(connection, "default_port", None) == http.client.HTTPS_PORT:
        scheme = "https"
    is_tunnelled = bool(getattr(connection, "_tunnel_host", None))
    host = connection._tunnel_host if is_tunnelled else connection.host
    port = connection._tunnel_port if is_tunnelled else connection.port
    host = f"[{host}]" if ":" in host and not host.startswith("[") else host
    usual = http.client.HTTPS_PORT if scheme == "https" else http.client.HTTP_PORT
    return f"{scheme}://{host}" if port in (None, usual) else f"{scheme}://{host}:{port}"


def _joined_chunks(body: bytes) -> bytes:
    parts: list[bytes] = []
    position = 0
    while (end := body.find(b"\r\n", position)) >= 0:
        size = int(body[position:end].partition(b";")[0] or b"0", 16)
        if size == 0:
            break
        parts.append(body[end + 2 : end + 2 + size])
        position = end + 4 + size
    return b"".join(parts)


# --- The response as it would come in --------------------------------------------------------------------


def _head(status: int, reason: str, headers: Iterable[tuple[str, str]]) -> bytes:
    lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in headers)]
    cleaned = (line.replace("\r", " ").replace("\n", " ") for line in lines)
    return "".join(f"{line}\r\n" for line in cleaned).encode("latin-1", "replace") + b"\r\n"


def _fields(response: VcrResponse) -> Iterator[tuple[str, str]]:
    """The headers of a response that still fit its body, which is neither chunked nor of another length."""
    body = response["body"]["string"] or b""
    for name, values in response["headers"].items():
        key = name.lower()
        for value in [values] if isinstance(values, str) else values:
            is_wrong = (
                key == "transfer-encoding"
                or (key == "content-length" and body and value != str(len(body)))
                or (key == "content-encoding" and decompress(body, value) is None)
            )
            if not is_wrong:
                yield name, str(value)


def _wire_response(response: VcrResponse, cookies: Iterable[str] = ()) -> io.RawIOBase:
    """The bytes of a whole response; they end where the connection is closed."""
    body = response["body"]["string"] or b""
    if isinstance(body, str):
        body = body.encode("utf-8", "surrogatepass")
    status = response["status"]
    fields = [*_fields(response), *(("set-cookie", cookie) for cookie in cookies)]
    cut = response.get("cut")
    if cut is None:
        head = _head(status["code"], status["message"] or "", fields)
        return io.BytesIO(head + body)  # type: ignore[return-value]  # as good as raw, for a buffered reader
    # As a chunk: what came reaches the client before the failure does.
    head = _head(status["code"], status["message"] or "", [*fields, ("transfer-encoding", "chunked")])
    return _Failing(head + _chunk(body), cut)


_FAILURES: dict[str, Callable[[str], Exception]] = {
    "timeout": TimeoutError,
    "HTTPException": http.client.HTTPException,
    "protocol": lambda _: http.client.IncompleteRead(b""),
    "connection": ConnectionResetError,
}
"""How http.client says what broke, by kind."""


# --- The patched methods ---------------------------------------------------------------------------------


def _patched_connect(original: Callable[..., Any]) -> Callable[..., Any]:
    def connect(connection: Any, *args: Any, **kwargs: Any) -> Any:
        if _cassette_for(connection) is None:
            return original(connection, *args, **kwargs)
        connection.sock = _Socket(connection)
        if hasattr(connection, "is_verified"):
            connection.is_verified = True  # or urllib3 warns of a certificate that it has not seen
        return None

    connect.is_hashtapes = True  # type: ignore[attr-defined]
    return connect


def _patched_send(connection: Any, data: Any) -> None:
    sock = connection.sock
    if sock is not None and not isinstance(sock, _Socket) and _cassette_for(connection) is not None:
        # A connection that was open before the cassette, or is used again.
        connection.sock = _Socket(connection, real=sock)
    _send(connection, data)


def _patched_getresponse(connection: Any) -> http.client.HTTPResponse:
    sock = connection.sock
    if not isinstance(sock, _Socket):
        return _getresponse(connection)
    cassette = _cassette_for(connection)
    try:
        if cassette is None:  # it was closed while the request was being made
            return _really(connection, sock)
        request = _request_of(connection, bytes(sock.request))
        asked = cassette.ask_wire(request.wire, request.headers)
        if asked is None:
            return _really(connection, sock)
        played = cassette.play(asked)
        if played is not None:
            return _play(connection, sock, _wire_response(played))
        real = _really(connection, sock)
    except BaseException:
        connection.close()
        raise
    return _record(connection, cassette, asked, real)


def _really(connection: Any, sock: _Socket) -> http.client.HTTPResponse:
    """Send the request after all, over the socket that was there or a new one."""
    timeout = connection.timeout
    setattr(connection, _REQUEST_IS_REAL, True)
    try:
        connection.sock = sock.real
        if connection.sock is None:
            connection.timeout = sock.connect_timeout
            connection.connect()
            connection.timeout = timeout
        if sock.gettimeout() is not socket._GLOBAL_DEFAULT_TIMEOUT:  # type: ignore[attr-defined]
            connection.sock.settimeout(sock.gettimeout())
        sock.let_go()
        sock.real = connection.sock
        with suppress(BrokenPipeError):  # the server does not want the rest: its answer may be there already
            connection.sock.sendall(sock.request)
        return _getresponse(connection)
    finally:
        connection.timeout = timeout
        delattr(connection, _REQUEST_IS_REAL)


def _play(connection: Any, sock: _Socket, content: io.RawIOBase) -> http.client.HTTPResponse:
    """The response in some bytes, parsed by http.client; the connection is as good as closed."""
    sock.response = content
    response = _getresponse(connection)
    connection._HTTPConnection__response = None
    connection.sock = None
    sock.close()
    return response


def _parsed(connection: Any, content: io.RawIOBase) -> http.client.HTTPResponse:
    """The same beside a connection, whose own state is that of the real response."""
    sock = _Socket(connection)
    sock.response = content
    response: http.client.HTTPResponse = connection.response_class(sock, method=connection._method)
    response.begin()
    return response


def _record(
    connection: Any, cassette: OpenCassette, asked: Any, real: http.client.HTTPResponse
) -> http.client.HTTPResponse:
    """Store a response and return what the client gets for it."""
    headers: dict[str, list[str]] = {}
    for name, value in real.msg.items():
        headers.setdefault(name, []).append(value)
    response: VcrResponse = {
        "status": {"code": real.status, "message": real.reason},
        "headers": headers,
        "body": {"string": b""},
    }
    # They are secrets, and no part of a recording; but the next live call of this session may need them.
    cookies = real.msg.get_all("set-cookie", [])
    live = cassette.live(asked, response)
    if live is not None:
        fields = [*live.headers.items(), *(("set-cookie", cookie) for cookie in cookies)]
        head = _head(real.status, real.reason, [*fields, ("transfer-encoding", "chunked")])
        return _parsed(connection, _Live(head, live, real))
    try:
        response["body"]["string"] = real.read()
    except BaseException:
        connection.close()
        raise
    stored = cassette.record(asked, response)
    return _parsed(
        connection, _wire_response(response if stored is None else stored, cookies if stored else ())
    )
