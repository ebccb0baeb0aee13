"""What a redaction leaves in place of a secret, and what it tells about it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["REDACTED", "Finding"]

REDACTED = "[REDACTED]"
"""What stands for a secret in a file."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A secret that was taken out. Nothing in here holds the secret itself.

    Args:
        where: The field: `request.body.messages[0].content`, `request.url: key`, `response.headers.location`.
        kind: What gave it away: `"name"`, the name of its field; `"value"`, as it is a known secret of this
            process; `"shape"`, as it looks like a key of a well-known service.
        what: The rule: `api_key`, `the value of $OPENAI_API_KEY`, `an AWS access key id`.
    """

    where: str
    kind: str
    what: str
