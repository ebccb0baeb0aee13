"""The byte streams that hashtape hands to httpx and httpx2: live ones while recording, cut ones on replay.

Both libraries check the class of a stream, so the classes are made for each of them.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, NamedTuple

from hashtape.vcr_adapter.stubs.failures import recorded_failure

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from hashtape.vcr_adapter.live import LiveStream

__all__ = ["streams_of"]


class Streams(NamedTuple):
    """The stream classes for one library.

    Args:
        live: A stream from the server, passed on as it comes.
        live_async: The same for async clients.
        cut: A recorded stream that fails at its end, for both.
    """

    live: Callable[[LiveStream, Any], Any]
    live_async: Callable[[LiveStream, Any], Any]
    cut: Callable[[bytes, dict[str, Any]], Any]


def _failure(cut: dict[str, Any], httpx: Any) -> Exception:
    """The failure of a recorded stream: of the class that it had, where that is one of the library's."""
    failures: dict[str, Callable[[str], Exception]] = {
        "timeout": httpx.ReadTimeout,
        "protocol": httpx.RemoteProtocolError,
        "connection": httpx.ReadError,
    }
    own = getattr(httpx, str(cut.get("type")), None)
    if isinstance(own, type) and issubclass(own, httpx.RequestError):
        failures[own.__name__] = own
    return recorded_failure(cut, failures, httpx.ReadError(str(cut.get("message"))))


@functools.cache
def streams_of(httpx: Any) -> Streams:
    """The stream classes for httpx or httpx2.

    Args:
        httpx: The module.
    """

    def fed(live: LiveStream, data: bytes) -> bytes:
        try:
            return live.feed(data)
        except ValueError as error:
            raise httpx.DecodingError(str(error)) from error

    class Live(httpx.SyncByteStream):  # type: ignore[misc]  # the module is not known here
        def __init__(self, live: LiveStream, source: Any) -> None:
            self._live = live
            self._source = source

        def __iter__(self) -> Iterator[bytes]:
            try:
                for data in self._source:
                    if passed_on := fed(self._live, data):
                        yield passed_on
            except Exception as error:
                if rest := self._live.fail(error):
                    yield rest
                raise
            if rest := self._live.end():
                yield rest

        def close(self) -> None:
            try:
                self._live.close()
            finally:
                self._source.close()

    class LiveAsync(httpx.AsyncByteStream):  # type: ignore[misc]  # the module is not known here
        def __init__(self, live: LiveStream, source: Any) -> None:
            self._live = live
            self._source = source

        async def __aiter__(self) -> AsyncIterator[bytes]:
            try:
                async for data in self._source:
                    if passed_on := fed(self._live, data):
                        yield passed_on
            except Exception as error:
                if rest := self._live.fail(error):
                    yield rest
                raise
            if rest := self._live.end():
                yield rest

        async def aclose(self) -> None:
            try:
                self._live.close()
            finally:
                await self._source.aclose()

    class Cut(httpx.SyncByteStream, httpx.AsyncByteStream):  # type: ignore[misc]  # the module is not known here
        def __init__(self, body: bytes, cut: dict[str, Any]) -> None:
            self._body = body
            self._cut = cut

        def __iter__(self) -> Iterator[bytes]:
            yield self._body
            raise _failure(self._cut, httpx)

        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield self._body
            raise _failure(self._cut, httpx)

    return Streams(Live, LiveAsync, Cut)
