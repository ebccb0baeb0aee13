"""Record mode `none` sends nothing, also where a filter says that a request is not the cassette's."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from vcr.record_mode import RecordMode

from hashtape.vcr_adapter.miss_error import MissError

if TYPE_CHECKING:
    from hashtape.vcr_adapter.setup import CassetteSetup

__all__ = ["LOOPBACK", "is_allowed", "refuse_under_none", "refused_telemetry"]


LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def is_allowed(host: str, netloc: str, allowed: frozenset[str]) -> bool:
    """Whether a list of hosts has this one: by name, with its port, or by a regular expression."""
    names = {host, netloc, *(LOOPBACK if host in LOOPBACK else ())}
    if names & allowed:
        return True
    for pattern in allowed:
        with suppress(re.error):
            if re.fullmatch(pattern, host):
                return True
    return False


def refused_telemetry(cassette: Any, request: Any) -> MissError:
    """The exception of telemetry that has no recording: nobody is told of it but the library itself.

    Args:
        cassette: The cassette, whose record mode forbids to record it.
        request: vcrpy's request.
    """
    text = f"Not sent: {request.method} {request.uri}: a library's telemetry, which is not recorded."
    return MissError(text, cassette=cassette, failed_request=request, request_id="", reason="no_match")


def refuse_under_none(cassette: Any, request: Any, setup: CassetteSetup) -> None:
    """Refuse a request that a filter left out and that would therefore be sent.

    Args:
        cassette: The cassette.
        request: vcrpy's request.
        setup: Names the hosts that may be reached all the same.

    Raises:
        MissError: The record mode is `none`, and the host is not one of those.
    """
    if cassette.record_mode != RecordMode.NONE:
        return
    parts = urlsplit(request.uri)
    host = parts.hostname or ""
    if is_allowed(host, parts.netloc.rpartition("@")[2], setup.allowed_hosts):
        return
    url = setup.redactor.url(request.uri)
    setup.use.missed.add((request.method, url))
    line = f"{request.method} {url}"
    text = (
        f"Not sent: {line}: a filter leaves it out of the cassette.\n"
        "  expected: no request beside those of the cassette\n"
        "  record mode: none, which sends nothing\n"
        f"  let it through: hashtape_allowed_hosts = {host} in pytest's configuration, or "
        f"use_cassette(…, allowed_hosts=[{host!r}])"
    )
    setup.misses.note(("refused", line), line, text, is_refusal=True)
    raise MissError(text, cassette=cassette, failed_request=request, request_id="", reason="no_match")
