"""HTTP/2 streams, where the client has it: live while recording, and played without a network."""

from __future__ import annotations

import json
import socket
import threading

import pytest

import hashtape
from loopback import Gate, chat_chunks, sse

h2_config = pytest.importorskip("h2.config")
h2_connection = pytest.importorskip("h2.connection")
h2_events = pytest.importorskip("h2.events")

EVENTS = sse(*chat_chunks(1, "demo", [f" w{number}" for number in range(10)]))
CHAT = {"model": "demo", "messages": [], "stream": True}


def serve(listener, chunks):
    """Answer one request after the other on one connection, event by event."""
    peer, _ = listener.accept()
    connection = h2_connection.H2Connection(h2_config.H2Configuration(client_side=False))
    connection.initiate_connection()
    peer.sendall(connection.data_to_send())
    while data := peer.recv(65536):
        for event in connection.receive_data(data):
            if isinstance(event, h2_events.StreamEnded):
                headers = [(":status", "200"), ("content-type", "text/event-stream")]
                connection.send_headers(event.stream_id, headers)
                for chunk in chunks:
                    connection.send_data(event.stream_id, chunk)
                    peer.sendall(connection.data_to_send())
                connection.end_stream(event.stream_id)
        peer.sendall(connection.data_to_send())
    peer.close()


@pytest.fixture
def gate():
    return Gate(EVENTS)


@pytest.fixture
def http2_url(gate):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener, gate), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1/chat/completions"
        thread.join(5)


@pytest.mark.parametrize("module", ["httpx", "httpx2"])
def test_a_stream_over_http2(cassette, http2_url, gate, module):
    httpx = pytest.importorskip(module)

    def read(client):
        parts = []
        with client.stream("POST", http2_url, json=CHAT) as response:
            for part in response.iter_raw():
                gate.open()
                parts.append(part)
        return response, b"".join(parts)

    with httpx.Client(http1=False, http2=True, verify=False) as client:
        with hashtape.use_cassette(cassette):
            response, content = read(client)
        assert response.http_version == "HTTP/2"
        assert not gate.gave_up
        with hashtape.use_cassette(cassette, record_mode="none"):
            assert read(client)[1] == content
    (path,) = cassette.glob("*.json")
    assert len(json.loads(path.read_text())["response"]["body"]) == len(EVENTS) - 1
