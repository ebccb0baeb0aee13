"""Copied out of the checkout and run with the installed wheel alone: once to record, once to replay."""

import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import openai
import pytest

import hashtape

ANSWER = b'{"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": []}'
PORT = 18474


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(ANSWER)


@pytest.fixture
def server(request):
    if request.config.getoption("--record-mode") is None:
        yield  # nobody is there to be asked
        return
    httpd = HTTPServer(("127.0.0.1", PORT), Handler)
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    yield
    httpd.shutdown()
    httpd.server_close()


@pytest.mark.vcr
def test_wheel(server):
    assert Path(hashtape.__file__).is_relative_to(sys.prefix)
    client = openai.OpenAI(base_url=f"http://127.0.0.1:{PORT}/v1", api_key="k", max_retries=0)
    answer = client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}])
    assert answer.id.startswith("rec-")
    assert answer.created == 0
