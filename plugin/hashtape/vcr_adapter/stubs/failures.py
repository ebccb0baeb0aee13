"""How a connection broke, from one client's words into another's: a recording plays in every client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hashtape.errors import CutRecordingError
from hashtape.vcr_adapter.live import CLOSED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["kind_of", "recorded_failure"]

_KINDS = {
    "timeout": ("TimeoutError", "ReadTimeout", "timeout", "SocketTimeoutError", "ServerTimeoutError"),
    "protocol": ("IncompleteRead", "RemoteProtocolError", "ClientPayloadError", "ProtocolError"),
}
"""The classes that say the same in the clients that hashtape patches; any other is a broken connection."""


def kind_of(failure: str) -> str:
    """What a class of failure is about: `timeout`, `protocol` or `connection`."""
    return next((kind for kind, names in _KINDS.items() if failure in names), "connection")


def recorded_failure(
    cut: Mapping[str, Any], failures: Mapping[str, Callable[[str], Exception]], default: Exception
) -> Exception:
    """The failure that a recorded stream ends with (spec §7).

    Args:
        cut: The recording's `exception_data`.
        failures: The client's own exceptions, by class name where it has that very class, and by kind.
        default: What it raises when it knows no better.
    """
    name, message = str(cut.get("type")), str(cut.get("message"))
    if name == CLOSED:
        return CutRecordingError(
            f"The recorded stream ends here: {message}. To read on, record it again: {cut.get('mend')}"
        )
    build = failures.get(name) or failures.get(kind_of(name))
    return default if build is None else build(message)
