"""Which cassette a call belongs to, and the patches that bring it there.

vcrpy patches the clients anew for each cassette, for the whole process, and takes the patches off while a
call is made: another thread's call then passes by, and two cassettes in two threads take off each other's.
Here a method is patched once, as long as any cassette is open, and asks at each call whose it is.
"""

from __future__ import annotations

import threading
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from hashtape.errors import AmbiguousCassetteError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from hashtape.request_id import WireRequest
    from hashtape.vcr_adapter.live import LiveStream
    from hashtape.vcr_adapter.vcr_responses import VcrResponse

__all__ = ["DISPATCH", "Dispatch", "OpenCassette", "Patch"]


class OpenCassette(Protocol):
    """What a stub needs of a cassette. `asked` is whatever `ask` and `ask_wire` gave."""

    left_alone: frozenset[str]
    """vcrpy's names of the families of clients that the user wants left alone: `skip_patchers`."""
    compares_objects: bool
    """Whether aiohttp's bodies are to be the objects that were passed, as vcrpy's own cassettes hold them."""

    @property
    def name(self) -> str:
        """How the user knows it."""
        ...

    def ask(self, request: Any) -> Any:
        """Take vcrpy's request through the filters; None if it is not the cassette's, and may be sent."""
        ...

    def ask_wire(self, wire: WireRequest, headers: Any, *, is_in_process: bool = False) -> Any:
        """The same for a request that a stub has in pieces.

        Args:
            wire: The request.
            headers: Its headers.
            is_in_process: Whether the client calls an application in this process: that is no network.
        """
        ...

    def play(self, asked: Any) -> VcrResponse | None:
        """The recorded response; None if the request is to be sent and recorded."""
        ...

    def live(self, asked: Any, response: VcrResponse) -> LiveStream | None:
        """A way for a stream to reach the client as it comes; None if it is to be read as a whole."""
        ...

    def record(self, asked: Any, response: VcrResponse) -> VcrResponse | None:
        """Store a response; the one that the client gets, None for the one that came."""
        ...


class Patch(NamedTuple):
    """A method to be replaced while a cassette is open.

    Args:
        owner: The class.
        attribute: The method's name.
        replacement: The function in its place; it calls the original itself.
    """

    owner: type
    attribute: str
    replacement: Callable[..., Any]


class _Opened(NamedTuple):
    cassette: OpenCassette
    thread: int
    outer: OpenCassette | None


_innermost: ContextVar[OpenCassette | None] = ContextVar("hashtape_cassette", default=None)
_MISSING: Any = object()


class Dispatch:
    """The cassettes that are open, and the patches that are on."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._opened: tuple[_Opened, ...] = ()
        self._patched: dict[tuple[type, str], tuple[Any, Any]] = {}  # what was there, and what is there now

    def open(self, cassette: OpenCassette, patches: Iterable[Patch]) -> None:
        """Let calls of this context and this thread go to a cassette.

        Args:
            cassette: The cassette.
            patches: The patches of all clients that are known now; those that are on already stay.
        """
        with self._lock:
            for patch in patches:
                self._put_on(patch)
            opened = _Opened(cassette, threading.get_ident(), _innermost.get())
            self._opened = (*self._opened, opened)
        _innermost.set(cassette)

    def close(self, cassette: OpenCassette) -> None:
        """Let no more calls go to it; the last one takes the patches off."""
        with self._lock:
            closed = [opened for opened in self._opened if opened.cassette is cassette]
            self._opened = tuple(opened for opened in self._opened if opened.cassette is not cassette)
            if not self._opened:
                self._take_off()
        if closed and _innermost.get() is cassette:
            _innermost.set(closed[0].outer)

    def cassette_for(self, family: str) -> OpenCassette | None:
        """The cassette that a call made here and now belongs to.

        Args:
            family: vcrpy's name of the family of the client.

        Returns:
            None if no cassette is open, or it leaves the family alone.

        Raises:
            AmbiguousCassetteError: Several threads have one open, and this thread has none.
        """
        opened = self._opened
        if not opened:
            return None
        cassette = opened[0].cassette if len(opened) == 1 else _own(opened)
        return None if family in cassette.left_alone else cassette

    def _put_on(self, patch: Patch) -> None:
        key = (patch.owner, patch.attribute)
        if key not in self._patched:
            self._patched[key] = (patch.owner.__dict__.get(patch.attribute, _MISSING), patch.replacement)
            setattr(patch.owner, patch.attribute, patch.replacement)

    def _take_off(self) -> None:
        for (owner, attribute), (original, replacement) in self._patched.items():
            if owner.__dict__.get(attribute) is not replacement:
                continue  # somebody else's patch is on it now
            if original is _MISSING:
                delattr(owner, attribute)
            else:
                setattr(owner, attribute, original)
        self._patched.clear()


def _own(opened: tuple[_Opened, ...]) -> OpenCassette:
    """The cassette of this task or thread, among several."""
    cassettes = [entry.cassette for entry in opened]
    innermost = _innermost.get()
    if innermost is not None and any(innermost is cassette for cassette in cassettes):
        return innermost
    # Fixtures of pytest open cassettes outside the context that async tests run in.
    thread = threading.get_ident()
    own = [entry.cassette for entry in opened if entry.thread == thread]
    if own:
        return own[-1]
    if len({entry.thread for entry in opened}) == 1:
        return cassettes[-1]
    names = " and ".join(sorted({cassette.name for cassette in cassettes}))
    raise AmbiguousCassetteError(
        f"Thread {threading.current_thread().name!r} sends a request while several threads have a cassette "
        f"open: expected one cassette, got {names}. Open a cassette in the thread that sends the request: "
        "with hashtape.use_cassette(…)"
    )


DISPATCH = Dispatch()
"""The one of this process: its clients are patched for the whole of it."""
