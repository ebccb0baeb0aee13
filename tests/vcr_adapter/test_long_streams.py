"""A stream of many megabytes takes little more memory than it has to."""

from __future__ import annotations

import json
import tracemalloc

import httpx
import pytest

import hashtape
from loopback import Reply

SIZE = 9_000_000
EVENTS = {"content-type": "text/event-stream"}


def stream(word_count):
    """A stream of chunks that have so many words each."""
    data = {"choices": [{"index": 0, "delta": {"content": "words " * word_count}}]}
    event = b"data: " + json.dumps(data).encode() + b"\n\n"
    # Written some at a time: how long a server takes to write is no matter here.
    together = max(1, 20_000 // len(event))
    return [event * together] * (SIZE // len(event) // together) + [b"data: [DONE]\n\n"]


@pytest.fixture
def read(server):
    """Read the stream, of which nothing is kept; return how long it was."""

    def call(**options):
        question = {"model": "demo", "messages": [], "stream": True}
        with (
            hashtape.use_cassette(**options),
            httpx.Client() as client,
            client.stream("POST", f"{server.base_url}/chat/completions", json=question) as response,
        ):
            return sum(map(len, response.iter_bytes()))

    return call


def peak_of(call):
    """The memory that a call took at most beside what was there before, in bytes."""
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        call()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("word_count", [400, 100_000])
def test_a_long_stream_takes_at_most_three_times_its_size(server, read, tmp_path, word_count):
    chunks = stream(word_count)
    server.script(Reply(headers=EVENTS, chunks=chunks[-2:]), Reply(headers=EVENTS, chunks=chunks))
    read(path=tmp_path / "short", record_mode="once")  # what is imported by and by does not count
    directory = tmp_path / "long"
    lengths = []

    recording = peak_of(lambda: lengths.append(read(path=directory, record_mode="once")))
    replaying = peak_of(lambda: lengths.append(read(path=directory, record_mode="none")))

    assert server.hits == 2
    assert lengths[0] == lengths[1] > SIZE * 0.9
    assert recording < 3 * SIZE
    assert replaying < 3 * SIZE
