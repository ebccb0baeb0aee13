"""The response headers that a cassette of vcrpy has and its recordings do not, and how that is said."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from hashtape.vcr_adapter.vcr_responses import is_kept

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hashtape.vcr_adapter.vcr_responses import VcrResponse

__all__ = ["not_kept", "not_kept_line"]

_SAYS_NOTHING = frozenset(
    {
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "keep-alive",
        "set-cookie",
        "set-cookie2",
        "transfer-encoding",
    }
)
"""What no test reads: it is about the connection or the encoding, a recording says it in its own way, or
(cookies) nobody can ask for it."""
_LONGEST_LIST = 5


def not_kept(responses: Iterable[VcrResponse], response_headers: frozenset[str]) -> frozenset[str]:
    """The names of the headers that a test may read today and not after a conversion (spec §7).

    Args:
        responses: vcrpy's.
        response_headers: Lower-case names of further response headers that are stored.

    Returns:
        Lower-case names.
    """
    names = {str(name).lower() for response in responses for name in response.get("headers") or ()}
    return frozenset(name for name in names - _SAYS_NOTHING if not is_kept(name, response_headers))


def not_kept_line(cassettes: Iterable[Iterable[str]]) -> str | None:
    """What to say of them before somebody deletes the cassettes; None if there is nothing to say.

    Args:
        cassettes: For each cassette the names. Those that most of them have are named first.

    >>> not_kept_line([["date", "server"], ["server"]])
    'not kept: response headers server, date; a test that reads one needs hashtape_response_headers before \
converting'
    """
    counts = Counter(name for names in cassettes for name in set(names))
    if not counts:
        return None
    names = sorted(counts, key=lambda name: (-counts[name], name))
    more = len(names) - _LONGEST_LIST
    listed = ", ".join(names[:_LONGEST_LIST]) + (f" and {more} more" if more > 0 else "")
    headers, one = ("header", "it") if len(names) == 1 else ("headers", "one")
    return (
        f"not kept: response {headers} {listed}; "
        f"a test that reads {one} needs hashtape_response_headers before converting"
    )
