"""The credentials in the headers of requests, and those that a response hands out as cookies."""

from __future__ import annotations

import base64
import binascii
import re
from functools import lru_cache
from typing import TYPE_CHECKING

from hashtape.redaction.names import snake_case

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["credentials_in", "is_credential_header"]

_TELLING = frozenset(
    {"apikey", "auth", "authorization", "cookie", "credential", "credentials", "key", "passwd", "password"}
    | {"secret", "token"}
)
_HARMLESS = frozenset({"idempotency-key", "x-idempotency-key", "sec-websocket-key", "x-cache-key"})
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_ACCESS_KEY_ID = re.compile(r"Credential=([^/,\s]+)")
_PARAMETER = re.compile(r'(\w+)\s*=\s*(?:"([^"]*)"|([^\s,"]+))')
_KEPT_SECRET = frozenset({"oauth_token", "oauth_consumer_key", "token", "apikey", "api_key", "key"})
_SIGNING_SCHEMES = frozenset({"digest", "hawk", "hmac", "oauth", "signature"})
"""Schemes with a list of parameters, most of which are good for one request only."""


@lru_cache(maxsize=1024)
def is_credential_header(name: str) -> bool:
    """Whether a header of this name, in any case, carries a credential."""
    return name.lower() not in _HARMLESS and not _TELLING.isdisjoint(snake_case(name).split("_"))


def credentials_in(name: str, value: str) -> Iterator[str]:
    """The credentials in the value of such a header: without the scheme, and with what Basic hides.

    >>> list(credentials_in("Authorization", "Bearer s3cr3t"))
    ['s3cr3t']
    """
    value = value.strip()
    if name.lower() == "cookie":
        yield from (pair.partition("=")[2].strip().strip('"') for pair in value.split(";"))
        return
    if name.lower() == "set-cookie":
        yield value.partition(";")[0].partition("=")[2].strip().strip('"')
        return
    scheme, found, rest = value.partition(" ")
    rest = rest.strip()
    if not found or not _SCHEME.fullmatch(scheme):
        yield value
    elif scheme.lower() == "basic":
        yield from _basic(rest)
    elif scheme.upper().startswith("AWS4-"):
        yield from _ACCESS_KEY_ID.findall(rest)
    elif scheme.lower() in _SIGNING_SCHEMES:
        for parameter, quoted, plain in _PARAMETER.findall(rest):
            if parameter.lower() in _KEPT_SECRET:
                yield quoted or plain
    else:
        yield rest


def _basic(encoded: str) -> Iterator[str]:
    """The password, or the user name of those who send a key as that and no password."""
    try:
        text = base64.b64decode(encoded, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        yield encoded
        return
    user, _, password = text.partition(":")
    yield password or user
