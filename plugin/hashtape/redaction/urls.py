"""The secrets of a URL: its parameters, and its user name and password (spec §3)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

from hashtape.redaction.finding import REDACTED, Finding
from hashtape.redaction.names import Place, SecretNames

if TYPE_CHECKING:
    from collections.abc import Callable

    from hashtape.redaction.rules import Rules

__all__ = ["is_url", "redact_url", "without_named_secrets"]

_PARAMETER = re.compile(r"([?&#])([^=&#?]+)=([^&#]+)")
_USER_INFO = re.compile(r"\A((?:[A-Za-z][A-Za-z0-9+.-]*:)?//)([^/?#]*)@")
_URL = re.compile(r"https?://[^\s\"'<>\\]+\Z")
_NAMES = SecretNames()


def is_url(text: str) -> bool:
    """Whether a text is a web address and nothing else, and has what may be secret in one."""
    return text.startswith("http") and ("=" in text or "@" in text) and _URL.match(text) is not None


def _redacted(url: str, is_secret: Callable[[str, str], bool]) -> tuple[str, list[str]]:
    """A URL without secrets, and the names of those that were in it."""
    names: list[str] = []

    def redacted(match: re.Match[str]) -> str:
        before, name, value = match.groups()
        if value == REDACTED:
            return match.group()
        plain_name, plain = unquote_plus(name), unquote_plus(value)
        # A client that follows a link of a recorded answer encodes the brackets.
        if plain != REDACTED:
            if not is_secret(plain_name, plain):
                return match.group()
            names.append(plain_name)
        return f"{before}{name}={REDACTED}"

    if "=" in url:
        url = _PARAMETER.sub(redacted, url)
    if "@" in url and (found := _USER_INFO.match(url)):
        user, _, password = found.group(2).partition(":")
        is_secret("password", unquote_plus(password or user))
        names.append("user info")
        url = found.group(1) + url[found.end() :]
    return url, names


def without_named_secrets(url: str, rules: Rules, where: str, findings: list[Finding]) -> str:
    """A URL without the secrets that their names give away; the same object if there are none.

    Args:
        url: Any text.
        rules: The rules.
        where: The field that it is in.
        findings: What is found is added here.
    """
    safe, names = _redacted(url, lambda name, value: rules.is_secret(name, value, Place.URL))
    for name in names:
        what = rules.safe_name(name)
        findings.append(Finding(f"{where}: {what}", "name", what))
    return safe if safe != url else url


def redact_url(url: str) -> str:
    """A URL without user name and password, and with `[REDACTED]` for the values of secret parameters.

    It goes by names alone; `Redactor.url` finds more.

    >>> redact_url("https://u:p@example.com/v1beta/models?alt=sse&key=AIzaXYZ")
    'https://example.com/v1beta/models?alt=sse&key=[REDACTED]'
    """
    return _redacted(url, lambda name, value: _NAMES.is_secret(name, value, Place.URL))[0]
