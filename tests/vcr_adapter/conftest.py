"""What the tests of the adapter share."""

from __future__ import annotations

import json

import httpx
import pytest

import hashtape
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
def both(cassette):
    """Do something while it records and while it plays; returns both results."""

    def do(act):
        with hashtape.use_cassette(cassette, record_mode="once"):
            recorded = act()
        with hashtape.use_cassette(cassette, record_mode="none"):
            played = act()
        return recorded, played

    return do


@pytest.fixture
def stored(cassette):
    """Read the only recording of the cassette."""

    def read():
        (path,) = cassette.iterdir()
        return json.loads(path.read_text(encoding="utf-8"))

    return read


@pytest.fixture
def http():
    with httpx.Client(verify=False) as client:
        yield client


@pytest.fixture
def get(server, http):
    def call(path="/one"):
        return http.get(server.origin + path).json()["number"]

    return call
