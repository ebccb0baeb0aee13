"""What never reaches a file: the secrets of a URL (spec §3). Idempotent, as vcrpy filters a request often."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

__all__ = ["REDACTED", "redact_url"]

REDACTED = "[REDACTED]"

_SECRET_PARAMETER = re.compile(
    r"([?&](?:key|api[-_]?key|access[-_]token|auth[-_]?token|token|sig|signature|client[-_]secret"
    r"|x-(?:amz|goog)-(?:signature|credential|security-token))=)[^&#]+",
    re.IGNORECASE,
)


def redact_url(url: str) -> str:
    """A URL without user name and password, and with `[REDACTED]` for the values of secret parameters.

    >>> redact_url("https://u:p@example.com/v1beta/models?alt=sse&key=AIzaXYZ")
    'https://example.com/v1beta/models?alt=sse&key=[REDACTED]'
    """
    if "?" in url:
        url = _SECRET_PARAMETER.sub(rf"\g<1>{REDACTED}", url)
    if "@" in url:
        parts = urlsplit(url)
        if "@" in parts.netloc:
            url = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    return url
