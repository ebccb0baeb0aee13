"""Streams while they are recorded: how soon they come, and what is left of one that ends too early."""

from __future__ import annotations

import contextlib
import statistics
import time
from dataclasses import dataclass

import openai
from chats import CHUNKS, HEADERS, question, stream_events

from clients import stream
from loopback import LoopbackServer, Reply

DELAY = 0.02
"""Seconds before each chunk."""
CLIENTS = ("openai", "requests", "aiohttp")
ROUNDS = 5


@contextlib.contextmanager
def serving(**reply):
    """A server, and a call that has it answer the next request with the stream."""
    server = LoopbackServer().start()
    try:
        yield server, lambda: server.script(Reply(headers=HEADERS[True], **reply))
    finally:
        server.stop()


def read_chat(server, limit=None):
    """Stream a chat through the OpenAI client: the times of its chunks and of its end, and how it failed."""
    times, error = [], None
    with openai.OpenAI(base_url=server.base_url, api_key="test-key", max_retries=0) as client:
        begin = time.perf_counter()
        try:
            with client.chat.completions.create(**question(1, stream=True)) as answer:
                for _ in answer:
                    times.append(time.perf_counter() - begin)
                    if len(times) == limit:
                        break
        except Exception as failure:  # noqa: BLE001  (how it fails is what is compared)
            error = type(failure).__name__
        ended = time.perf_counter() - begin
    return times, ended, error


# --- The first chunk ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FirstChunk:
    """How much later the first chunk comes while a recorder records.

    Args:
        later: By client, the median of the seconds.
    """

    later: dict[str, float]

    def cells(self):
        what = (
            f"first of {CHUNKS} chunks that come {DELAY * 1000:.0f} ms apart, recorded through "
            f"{', '.join(self.later)}: later than without a recorder"
        )
        return {what: ", ".join(f"{seconds * 1000:,.1f}" for seconds in self.later.values()) + " ms"}


def _first_chunk(client, server):
    if client == "openai":
        return read_chat(server, limit=1)[0][0]
    seen = stream(client, "POST", f"{server.base_url}/chat/completions", question(1, stream=True), limit=1)
    if seen.error is not None:
        raise seen.error
    return seen.times[0]


def first_chunk(recorder, root, *, clients=CLIENTS, rounds=ROUNDS):
    """Calls with the recorder and without take turns; the first two, which load modules, do not count."""
    later = {}
    with serving(chunks=stream_events(), delay=DELAY) as (server, next_is_stream):
        for client in clients:
            seconds = []
            for number in range(rounds + 1):
                next_is_stream()
                alone = _first_chunk(client, server)
                next_is_stream()
                with recorder.open(root / f"{client}-{number}", "once"):
                    seconds.append(_first_chunk(client, server) - alone)
            later[client] = statistics.median(seconds[1:])
    return FirstChunk(later)


# --- A client that breaks off ------------------------------------------------------------------------------


@dataclass(frozen=True)
class BreakOff:
    """What a client that breaks off gets.

    Args:
        after: How many chunks it read.
        sent: The seconds after which the server has sent them.
        free: The median of the seconds after which the client is free.
        stored: The chunks that are on the disk.
        is_marked: Whether the recording says that it is not the whole stream.
    """

    after: int
    sent: float
    free: float
    stored: int
    is_marked: bool

    def cells(self):
        what = f"a client that breaks off after {self.after} of {CHUNKS} chunks"
        mark = ", marked as cut" if self.is_marked else ""
        return {
            f"{what}, sent after {self.sent:.2f} s: free after": f"{self.free:.2f} s",
            f"{what}: chunks stored": f"{self.stored}{mark}",
        }


def break_off(recorder, root, *, after=3, delay=DELAY, rounds=ROUNDS):
    """Each round has a cassette of its own; a client is free when it has closed its stream."""
    free, stored = [], []
    with serving(chunks=stream_events(), delay=delay) as (server, next_is_stream):
        for number in range(rounds):
            next_is_stream()
            with recorder.open(root / str(number), "once"):
                free.append(read_chat(server, after)[1])
            stored += recorder.contents(root / str(number)).answers
    chunks = round(statistics.median(answer.chunks for answer in stored))
    marked = all(answer.is_cut for answer in stored)
    return BreakOff(after, after * delay, statistics.median(free), chunks, marked)


# --- A connection that drops -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Drop:
    """What a client gets of a stream whose connection drops: the number of its chunks, and the error.

    Args:
        after: How many chunks the server sends.
        live: What it gets without a recorder.
        recording: What it gets while a recorder records.
        replay: What it gets on replay.
    """

    after: int
    live: tuple[int, str | None]
    recording: tuple[int, str | None]
    replay: tuple[int, str | None]

    def cells(self):
        what = f"a connection that drops after {self.after} of {CHUNKS} chunks"
        return {
            f"{what} and an error, while recording": self._told(self.recording),
            f"{what} and an error, on replay": self._told(self.replay),
        }

    def _told(self, seen):
        chunks, error = seen
        return f"{chunks} chunks, then {'the same error' if error == self.live[1] else error}"


def drop(recorder, root, *, after=10, delay=DELAY):
    """One stream without a recorder, one that is recorded, and one that is replayed from that recording."""

    def seen():
        times, _, error = read_chat(server)
        return len(times), error

    with serving(chunks=stream_events()[:after], delay=delay, breaks=True) as (server, next_is_stream):
        next_is_stream()
        live = seen()
        next_is_stream()
        with recorder.open(root / "drop", "once"):
            recording = seen()
        with recorder.open(root / "drop", "none"):
            replay = seen()
    return Drop(after, live, recording, replay)
