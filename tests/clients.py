"""The HTTP clients, each behind the same two calls: a whole answer, and a stream piece by piece."""

from __future__ import annotations

import asyncio
import http.client
import json
import time
import urllib.request
from urllib.parse import urlsplit

import pytest

JSON = {"content-type": "application/json"}


class Seen:
    """What a client saw of a stream: the pieces with their times since the call, and how it ended."""

    def __init__(self, limit=None, on_piece=lambda: None):
        self.limit = limit
        self.on_piece = on_piece
        self.begin = time.monotonic()
        self.times = []
        self.pieces = []
        self.error = None
        self.ended = 0.0

    def take(self, piece):
        """Note a piece; say whether that is enough."""
        if piece:
            self.times.append(time.monotonic() - self.begin)
            self.pieces.append(bytes(piece))
            self.on_piece()
        return self.limit is not None and self.content.count(b"\n\n") >= self.limit

    @property
    def content(self):
        return b"".join(self.pieces)


def _httpx(module, method, url, content, seen, timeout):
    httpx = pytest.importorskip(module)
    with httpx.Client(verify=False, timeout=timeout) as client:
        with client.stream(method, url, content=content, headers=JSON) as response:
            for piece in response.iter_raw():
                if seen.take(piece):
                    break
        return response.status_code


def _httpx_async(module, method, url, content, seen, timeout):
    httpx = pytest.importorskip(module)

    async def call():
        async with httpx.AsyncClient(verify=False, timeout=timeout) as client:
            async with client.stream(method, url, content=content, headers=JSON) as response:
                async for piece in response.aiter_raw():
                    if seen.take(piece):
                        break
            return response.status_code

    return asyncio.run(call())


def _requests(_, method, url, content, seen, timeout):
    requests = pytest.importorskip("requests")
    with requests.Session() as session:
        with session.request(
            method, url, data=content, headers=JSON, stream=True, timeout=timeout
        ) as response:
            for piece in response.iter_content(None):
                if seen.take(piece):
                    break
        return response.status_code


def _urllib3(_, method, url, content, seen, timeout):
    urllib3 = pytest.importorskip("urllib3")
    with urllib3.PoolManager() as pool:
        response = pool.request(
            method, url, body=content, headers=JSON, preload_content=False, timeout=timeout, retries=False
        )
        try:
            for piece in response.stream(None):
                if seen.take(piece):
                    break
        finally:
            response.close()
        return response.status


def _urllib(_, method, url, content, seen, timeout):
    request = urllib.request.Request(url, content, JSON, method=method)
    with urllib.request.urlopen(request, timeout=timeout) as response:
        while piece := response.read1():
            if seen.take(piece):
                break
        return response.status


def _http_client(_, method, url, content, seen, timeout):
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=timeout)
    try:
        connection.request(method, parts.path, content, JSON)
        response = connection.getresponse()
        while piece := response.read1():
            if seen.take(piece):
                break
        response.close()
        return response.status
    finally:
        connection.close()


def _httplib2(_, method, url, content, seen, timeout):
    httplib2 = pytest.importorskip("httplib2")
    client = httplib2.Http(timeout=timeout)
    try:
        response, body = client.request(url, method, content, JSON)
    finally:
        client.close()
    seen.take(body)
    return response.status


def _boto3(_, method, url, content, seen, timeout):
    pytest.importorskip("botocore")
    from botocore.awsrequest import AWSRequest
    from botocore.httpsession import URLLib3Session

    session = URLLib3Session(timeout=timeout)
    request = AWSRequest(method, url, headers=JSON, data=content, stream_output=True)
    response = session.send(request.prepare())
    try:
        for piece in response.raw.stream(None):
            if seen.take(piece):
                break
    finally:
        response.raw.close()
        session.close()
    return response.status_code


def _aiohttp(_, method, url, content, seen, timeout):
    aiohttp = pytest.importorskip("aiohttp")

    async def call():
        limits = aiohttp.ClientTimeout(total=None, sock_read=timeout)
        async with (
            aiohttp.ClientSession(timeout=limits) as session,
            session.request(method, url, data=content, headers=JSON) as response,
        ):
            async for piece in response.content.iter_any():
                if seen.take(piece):
                    break
            return response.status

    return asyncio.run(call())


_CALLS = {
    "httpx": (_httpx, "httpx"),
    "httpx-async": (_httpx_async, "httpx"),
    "httpx2": (_httpx, "httpx2"),
    "httpx2-async": (_httpx_async, "httpx2"),
    "requests": (_requests, ""),
    "urllib3": (_urllib3, ""),
    "urllib": (_urllib, ""),
    "http.client": (_http_client, ""),
    "httplib2": (_httplib2, ""),
    "boto3": (_boto3, ""),
    "aiohttp": (_aiohttp, ""),
}

EVERY_CLIENT = list(_CALLS)
STREAMING_CLIENTS = [name for name in EVERY_CLIENT if name != "httplib2"]


def stream(client, method, url, body=None, *, limit=None, timeout=30.0, on_piece=lambda: None):
    """Read a response piece by piece, until it has `limit` events; how it failed is in `error`."""
    call, module = _CALLS[client]
    content = None if body is None else json.dumps(body).encode()
    seen = Seen(limit, on_piece)
    try:
        seen.status = call(module, method, url, content, seen, timeout)
    except Exception as error:  # noqa: BLE001  (how it failed is what the tests look at)
        seen.error = _without_frames(error)
    seen.ended = time.monotonic() - seen.begin
    return seen


def _without_frames(error):
    """An exception that keeps no response alive: Python 3.13 tells of those that it closes in a circle."""
    link = error
    while link is not None:
        link.__traceback__ = None
        link = link.__cause__ or link.__context__
    return error


def fetch(client, method, url, body=None):
    """A whole answer: status and content. What the client raised is raised."""
    seen = stream(client, method, url, body)
    if seen.error is not None:
        raise seen.error
    return seen.status, seen.content
