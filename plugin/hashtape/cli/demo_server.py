"""A server on the loopback interface that answers every chat the way OpenAI streams one."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = ["DemoServer"]

_ANSWER = "Hello! You can read this: it is plain JSON, one chunk after the other."
_PREFERRED_PORT = 18473
"""The recorded URL names the port: with the same one each time, recording again changes nothing."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        """Answer a chat with a stream."""
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.requests += 1
        self.send_response(200)
        self.send_header("content-type", "text/event-stream; charset=utf-8")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        words = _ANSWER.split(" ")
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
        deltas += [{"content": word if n == 0 else f" {word}"} for n, word in enumerate(words)]
        for delta in deltas:
            self._send_chunk(request["model"], delta, None)
        self._send_chunk(request["model"], {}, "stop")
        self._send(b"data: [DONE]\n\n")
        self.wfile.write(b"0\r\n\r\n")

    def _send_chunk(self, model: str, delta: dict[str, Any], finish_reason: str | None) -> None:
        data = {
            "id": f"chatcmpl-{self.server.requests}",
            "object": "chat.completion.chunk",
            "created": 1_700_000_000 + self.server.requests,
            "model": model,
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}],
        }
        self._send(b"data: " + json.dumps(data).encode() + b"\n\n")

    def _send(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the base class names it so)
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    requests = 0


class DemoServer:
    """A context manager: the server runs as long as it is open."""

    def __init__(self) -> None:
        try:
            self._server = _Server(("127.0.0.1", _PREFERRED_PORT), _Handler)
        except OSError:
            self._server = _Server(("127.0.0.1", 0), _Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def base_url(self) -> str:
        """The base URL for an OpenAI client."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    @property
    def requests(self) -> int:
        """How many requests have reached the server."""
        return self._server.requests

    def __enter__(self) -> DemoServer:
        """Start."""
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
