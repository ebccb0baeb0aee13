"""What the tests of the adapter share."""

from __future__ import annotations

import httpx
import pytest

from loopback import LoopbackServer


@pytest.fixture(scope="module")
def started():
    servers = []
    yield servers
    for server in servers:
        server.stop()


@pytest.fixture
def server(started):
    """A server as new: to start and stop one takes longer than most of these many tests."""
    if not started or not started[-1].is_running:
        started.append(LoopbackServer().start())
    running = started[-1]
    running.received.clear()
    running._server.script.clear()
    return running


@pytest.fixture
def cassette(tmp_path):
    return tmp_path / "calls"


@pytest.fixture
def http():
    with httpx.Client(verify=False) as client:
        yield client


@pytest.fixture
def get(server, http):
    def call(path="/one"):
        return http.get(server.origin + path).json()["number"]

    return call
