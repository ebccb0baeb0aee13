"""A server on the loopback interface that plays the providers: real sockets, SSE, chunked, slow, broken off.

It answers the OpenAI operations like OpenAI does, each answer with a number of its own, and whatever else a
test scripts. It counts what reached it: that is what the record modes are about.
"""

from __future__ import annotations

import base64
import json
import struct
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Gate:
    """The chunks of a stream, the rest of which waits after the first `after` until somebody opens it.

    Whether a client gets a stream while it is still being sent is seen by who waits for whom, not by a clock.
    """

    def __init__(self, chunks: list[bytes], after: int = 1) -> None:
        self._chunks = chunks
        self._after = after
        self._opened = threading.Event()
        self.gave_up = False
        """Whether the rest was sent although nobody had opened the gate."""

    def open(self) -> None:
        self._opened.set()

    def __iter__(self) -> Iterator[bytes]:
        yield from self._chunks[: self._after]
        self.gave_up = not self._opened.wait(timeout=20.0)
        yield from self._chunks[self._after :]


@dataclass
class Reply:
    """One scripted answer. `chunks` are sent one by one; `breaks` drops the connection after them.

    `stall` is how long the server is silent after them, in seconds.
    """

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "application/json"})
    chunks: Iterable[bytes] | None = None
    delay: float = 0.0
    breaks: bool = False
    stall: float = 0.0


@dataclass
class Received:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


def sse(*datas) -> list[bytes]:
    return [b"data: " + json.dumps(data).encode() + b"\n\n" for data in datas] + [b"data: [DONE]\n\n"]


def chat_chunks(number: int, model: str, words: list[str], extra: dict | None = None) -> list[dict]:
    deltas = [{"role": "assistant", "content": ""}, *({"content": word} for word in words), {}]
    return [
        {
            "id": f"chatcmpl-{number}",
            "object": "chat.completion.chunk",
            "created": 1_700_000_000 + number,
            "model": model,
            "choices": [
                {"index": 0, "delta": delta, "finish_reason": "stop" if n == len(deltas) - 1 else None}
            ],
            **(extra or {}),
        }
        for n, delta in enumerate(deltas)
    ]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, format, *args):  # noqa: A002
        pass

    def _handle(self):
        body = self._body()
        headers = {name.lower(): value for name, value in self.headers.items()}
        received = Received(self.command, self.path, headers, body)
        with self.server.lock:
            self.server.received.append(received)
            number = len(self.server.received)
            reply = self.server.script.popleft() if self.server.script else None
        self._send(reply or self._openai(received, number))

    def _body(self) -> bytes:
        if self.headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = _handle

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.chunks is None:
            self.send_header("content-length", str(len(reply.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(reply.body)
            return
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        for chunk in reply.chunks:
            time.sleep(reply.delay)
            self.wfile.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
            self.wfile.flush()
        time.sleep(reply.stall)
        if reply.breaks:
            self.close_connection = True
            self.connection.close()
        else:
            self.wfile.write(b"0\r\n\r\n")

    def _openai(self, received: Received, number: int) -> Reply:
        path = received.path.partition("?")[0]
        if received.method == "GET" and path.endswith("/models"):
            model = {"id": "demo", "created": 1686935002, "object": "model", "owned_by": "me"}
            return self._json({"object": "list", "data": [model, {**model, "id": "other"}]})
        request = json.loads(received.body) if received.body[:1] == b"{" else {}
        model = request.get("model", "")
        if path.endswith("/chat/completions"):
            text = f"answer {number} to {request['messages'][-1]['content']}"
            if request.get("stream"):
                words = [word if n == 0 else f" {word}" for n, word in enumerate(text.split(" "))]
                chunks = sse(*chat_chunks(number, model, words))
                headers = {"content-type": "text/event-stream; charset=utf-8"}
                return Reply(chunks=chunks, headers=headers)
            message = {"role": "assistant", "content": text, "refusal": None}
            choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
            usage = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
            return self._json(self._answer("chat.completion", number, model, [choice], usage))
        if path.endswith("/completions"):
            choice = {"index": 0, "text": f"text {number}", "finish_reason": "stop", "logprobs": None}
            answer = self._answer("text_completion", number, model, [choice], None)
            if request.get("stream"):
                return Reply(chunks=sse(answer, answer), headers={"content-type": "text/event-stream"})
            return self._json(answer)
        if path.endswith("/embeddings"):
            vector = [0.1 * number, -1.5, 3.0000001]
            packed = base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
            embedding = packed if request.get("encoding_format") == "base64" else vector
            data = [{"object": "embedding", "index": 0, "embedding": embedding}]
            usage = {"prompt_tokens": 1, "total_tokens": 1}
            return self._json({"object": "list", "data": data, "model": model, "usage": usage})
        if path.endswith("/responses"):
            content = {"type": "output_text", "text": f"response {number}", "annotations": []}
            output = {"type": "message", "id": f"msg_{number}", "status": "completed", "role": "assistant"}
            return self._json(
                {
                    "id": f"resp_{number}",
                    "object": "response",
                    "created_at": 1_700_000_000 + number,
                    "status": "completed",
                    "model": model,
                    "output": [{**output, "content": [content]}],
                    "parallel_tool_calls": True,
                    "tool_choice": "auto",
                    "tools": [],
                }
            )
        return self._json({"path": received.path, "number": number})

    @staticmethod
    def _answer(kind: str, number: int, model: str, choices: list, usage: dict | None) -> dict:
        return {
            "id": f"chatcmpl-{number}",
            "object": kind,
            "created": 1_700_000_000 + number,
            "model": model,
            "choices": choices,
            "usage": usage,
        }

    @staticmethod
    def _json(value) -> Reply:
        return Reply(body=json.dumps(value).encode())


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        pass  # clients break off on purpose


class LoopbackServer:
    def __init__(self) -> None:
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.received = []
        self._server.script = deque()
        self._server.lock = threading.Lock()
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.002,), daemon=True)
        self.is_running = False

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def base_url(self) -> str:
        return f"{self.origin}/v1"

    @property
    def received(self) -> list[Received]:
        return self._server.received

    @property
    def hits(self) -> int:
        return len(self._server.received)

    def script(self, *replies: Reply) -> None:
        self._server.script.extend(replies)

    def start(self) -> LoopbackServer:
        self._thread.start()
        self.is_running = True
        return self

    def stop(self) -> None:
        if self.is_running:
            self.is_running = False
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
