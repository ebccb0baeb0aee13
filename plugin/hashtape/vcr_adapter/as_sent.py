"""What the recorded form of a request leaves out, and vcrpy's own matchers compare.

The method is upper case there, and no body is null. vcrpy compares what the client sent: aiohttp sends `post`
as it was written, and httpx sends an empty body where requests sends none. Where a request of vcrpy's says
so, the recording has it in a key of its own under `request` (spec §7); the hash does not use it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from hashtape.recording import HttpRequest, InferenceRequest

__all__ = ["note_as_sent", "spell_as_sent"]

_HAS_EMPTY_BODY: Final = "has_empty_body"
_METHOD_AS_SENT: Final = "method_as_sent"


def note_as_sent(request: Any, recorded: InferenceRequest | HttpRequest) -> None:
    """Note in a recorded request what it would lose of vcrpy's request.

    Args:
        request: vcrpy's request; it is not changed.
        recorded: Its recorded form; it is changed where the two differ.
    """
    if request.body == b"":
        recorded.extra[_HAS_EMPTY_BODY] = True
    if request.method != request.method.upper():
        recorded.extra[_METHOD_AS_SENT] = request.method


def spell_as_sent(request: Any, recorded: InferenceRequest | HttpRequest) -> None:
    """Give vcrpy's request for a recording what `note_as_sent` noted.

    Args:
        request: vcrpy's request; it is changed.
        recorded: The request of the recording. A note that contradicts it is not believed.
    """
    if recorded.extra.get(_HAS_EMPTY_BODY) is True and request.body is None:
        request.body = b""
    method = recorded.extra.get(_METHOD_AS_SENT)
    if isinstance(method, str) and method.upper() == request.method:
        request.method = method
