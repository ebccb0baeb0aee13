"""A curl command that sends the request of a recording. It names variables for keys, never a key."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

from hashtape.cli.overview import provider_of
from hashtape.cli.selection import SelectionError
from hashtape.payload import is_description
from hashtape.wire_form import wire_request_of

if TYPE_CHECKING:
    from hashtape.recording import RecordedRequest
    from hashtape.request_id import WireRequest

__all__ = ["curl_command"]

_KEY_HEADERS = {
    "anthropic": "x-api-key: $ANTHROPIC_API_KEY",
    "azure": "api-key: $AZURE_OPENAI_API_KEY",
    "bedrock": "Authorization: Bearer $AWS_BEARER_TOKEN_BEDROCK",
    "cohere": "Authorization: Bearer $CO_API_KEY",
    "databricks": "Authorization: Bearer $DATABRICKS_TOKEN",
    "gemini": "x-goog-api-key: $GEMINI_API_KEY",
    "google": "Authorization: Bearer $(gcloud auth print-access-token)",
    "groq": "Authorization: Bearer $GROQ_API_KEY",
    "mistral": "Authorization: Bearer $MISTRAL_API_KEY",
    "openai": "Authorization: Bearer $OPENAI_API_KEY",
    "openrouter": "Authorization: Bearer $OPENROUTER_API_KEY",
}
"""The header by which each provider is told the key, for the shell to fill in."""
_FIXED_HEADERS = {"anthropic": "anthropic-version: 2023-06-01"}
_DATABRICKS = "__databricks__"


def curl_command(request: RecordedRequest, *, is_stream: bool) -> str:
    """The command, over several lines.

    Args:
        request: The request in recorded form.
        is_stream: Whether the answer was a stream, to be printed as it comes.

    Raises:
        SelectionError: It never was HTTP, or its body is not stored.
    """
    try:
        wire = wire_request_of(request)
    except (ValueError, RecursionError):
        wire = None
    if wire is None:
        raise SelectionError(
            "expected a request that went over HTTP, got a call above it: curl cannot send it"
        )
    provider = provider_of(request)
    if wire.url.startswith(_DATABRICKS):
        # The format leaves the host out, so that no workspace name leaks (spec §3).
        url = '"https://$DATABRICKS_HOST"' + _quoted(wire.url.removeprefix(_DATABRICKS))
    else:
        url = _quoted(wire.url)
    lines = ["curl -N" if is_stream else "curl"]
    if wire.method != ("POST" if wire.body else "GET"):
        lines[0] += f" -X {_quoted(wire.method)}"
    lines[0] += f" {url}"
    if header := _KEY_HEADERS.get(provider):
        lines.append(f'-H "{header}"')
    if header := _FIXED_HEADERS.get(provider):
        lines.append(f"-H {_quoted(header)}")
    if wire.body:
        lines += [f"-H {_quoted(f'content-type: {wire.content_type}')}", f"--data-raw {_body(wire)}"]
    return " \\\n  ".join(lines)


def _body(wire: WireRequest) -> str:
    if wire.content_type != "application/json":
        return _quoted(wire.body.decode("utf-8", "replace"))
    body = json.loads(wire.body)
    if is_description(body):
        raise SelectionError(
            f"expected a body that is stored, got a description of one ({body['__encoding__']}): "
            "curl cannot send it"
        )
    text = json.dumps(body, ensure_ascii=False)
    return _quoted(text if text.isprintable() else json.dumps(body))


def _quoted(text: str) -> str:
    r"""A text for a POSIX shell; with control characters, in the `$'\x1b'` of bash and zsh."""
    if all(character.isprintable() or character in "\n\t" for character in text):
        return shlex.quote(text)
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").encode("utf-8", "replace")
    return "$'" + "".join(chr(byte) if 32 <= byte < 127 else f"\\x{byte:02x}" for byte in escaped) + "'"
