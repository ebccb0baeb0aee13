"""One recording in a few words and numbers: a line of `ls`, a grain of `stats`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from hashtape.cli.exchange import Usage, reply_of
from hashtape.cli.exchange.turns import text_at
from hashtape.cli.selection import short_id
from hashtape.recording import HttpRequest, InferenceRequest

if TYPE_CHECKING:
    from hashtape.cli.selection import StoredFile
    from hashtape.codecs import Json
    from hashtape.recording import RecordedRequest, Recording

__all__ = ["Overview", "endpoint_of", "model_of", "overview_of", "provider_of"]

# Where a URL names the model: Gemini and Vertex, Bedrock, Azure.
_MODEL_IN_PATH = re.compile(r"/(?:models|model|deployments)/([^/:]+(?::\d+)?)")
_PROVIDERS = {
    "amazonaws.com": "bedrock",
    "anthropic.com": "anthropic",
    "cohere.com": "cohere",
    "generativelanguage.googleapis.com": "gemini",
    "googleapis.com": "google",
    "groq.com": "groq",
    "mistral.ai": "mistral",
    "openai.azure.com": "azure",
    "openai.com": "openai",
    "openrouter.ai": "openrouter",
}
"""Hosts, and what people call who runs them; the first that fits."""
_OLLAMA_PORT = 11434


@dataclass(frozen=True, slots=True)
class Overview:
    """A recording in a few words and numbers.

    Args:
        file: The file.
        id: Its short id.
        test_id: The pytest node id; None outside a test, and for old files.
        method: The HTTP method, empty for what never was HTTP.
        endpoint: The operation, or the path of the URL.
        provider: Whose API it is, or its host.
        model: The model, empty if none is named.
        is_streaming: Whether any answer is a stream.
        chunks: How many chunks all answers have.
        answers: How many answers there are.
        usage: What all answers took.
        status: The HTTP status of the first answer.
    """

    file: StoredFile
    id: str
    test_id: str | None
    method: str
    endpoint: str
    provider: str
    model: str
    is_streaming: bool
    chunks: int
    answers: int
    usage: Usage
    status: int

    def to_json(self) -> dict[str, Json]:
        """The overview for machines."""
        return {
            "id": self.id,
            "path": str(self.file.path),
            "test_id": self.test_id,
            "method": self.method,
            "endpoint": self.endpoint,
            "provider": self.provider,
            "model": self.model,
            "status": self.status,
            "stream": self.is_streaming,
            "chunks": self.chunks,
            "answers": self.answers,
            "tokens": self.usage.to_json(),
            "size": self.file.size,
        }


def overview_of(file: StoredFile, recording: Recording) -> Overview:
    """Look a recording over."""
    usage, chunks = Usage(), 0
    replies = [reply_of(answer) for answer in recording.answers]
    for reply in replies:
        usage.add(reply.usage)
        chunks += reply.chunks or 0
    request = recording.request
    return Overview(
        file=file,
        id=short_id(file.path),
        test_id=recording.test_id if isinstance(recording.test_id, str) else None,
        method=request.method if isinstance(request, (InferenceRequest, HttpRequest)) else "",
        endpoint=endpoint_of(request),
        provider=provider_of(request),
        model=model_of(request),
        is_streaming=any(answer.is_streaming for answer in recording.answers),
        chunks=chunks,
        answers=len(replies),
        usage=usage,
        status=replies[0].status,
    )


def endpoint_of(request: RecordedRequest) -> str:
    """The operation, the path of the URL, or the name of a tool."""
    if isinstance(request, InferenceRequest):
        return request.endpoint or _path(request.url)
    if isinstance(request, HttpRequest):
        return _path(request.url)
    return text_at(request.data, "tool_name", "api")


def model_of(request: RecordedRequest) -> str:
    """The model that a request names, in its body or in its URL; empty if it names none."""
    if isinstance(request, InferenceRequest):
        return request.model or text_at(request.body, "model")
    if not isinstance(request, HttpRequest):
        return text_at(request.data, "model")
    if model := text_at(request.payload, "model"):
        return model
    match = _MODEL_IN_PATH.search(unquote(_path(request.url)))
    return match[1] if match else ""


def provider_of(request: RecordedRequest) -> str:
    """Whose API a request is for: a well-known name, else the host; empty if nobody knows."""
    if not isinstance(request, (InferenceRequest, HttpRequest)):
        return text_at(request.data, "provider")
    if request.url.startswith("__databricks__"):
        return "databricks"
    try:
        parts = urlsplit(request.url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    if parts.scheme not in {"", "http", "https"}:
        return parts.scheme
    if port == _OLLAMA_PORT or (
        isinstance(request, InferenceRequest) and request.endpoint.startswith("/api/")
    ):
        return "ollama"
    known = (name for suffix, name in _PROVIDERS.items() if f".{host}".endswith(f".{suffix}"))
    return next(known, parts.netloc.rpartition("@")[2])


def _path(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:
        return url
