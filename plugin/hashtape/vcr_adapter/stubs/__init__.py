"""hashtape's own stubs, one module a family of clients.

vcrpy's stubs read a whole stream before they hand it out, and take their patches off while they record;
these hand out each chunk as it comes, as a replay will, and stay on. Clients without one here keep vcrpy's
(tornado), and record the same files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hashtape.vcr_adapter.stubs.aiohttp_sessions import aiohttp_patches
from hashtape.vcr_adapter.stubs.dispatch import DISPATCH
from hashtape.vcr_adapter.stubs.http_connections import http_connection_patches
from hashtape.vcr_adapter.stubs.httpx_transports import httpx_patches

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hashtape.vcr_adapter.stubs.dispatch import OpenCassette

__all__ = ["FAMILIES", "left_alone", "start", "stop"]

FAMILIES = ("httplib", "requests", "boto3", "urllib3", "httplib2", "aiohttp", "httpx", "httpx2")
"""vcrpy's names of the clients that have stubs here: its own are not to patch them."""


def left_alone(skip_patchers: Iterable[str]) -> frozenset[str]:
    """The families whose clients a user wants left alone, as vcrpy takes `skip_patchers`.

    For vcrpy, `requests` and `urllib3` are two names of the same patches.
    """
    skipped = frozenset(skip_patchers)
    return skipped if {"requests", "urllib3"} <= skipped else skipped - {"urllib3"}


def start(cassette: OpenCassette) -> None:
    """Let the clients' calls go to a cassette."""
    patches = (*http_connection_patches(), *httpx_patches(), *aiohttp_patches())
    DISPATCH.open(cassette, patches)


def stop(cassette: OpenCassette) -> None:
    """Let no more of them go there."""
    DISPATCH.close(cassette)
