"""Threads that record and replay at the same time, in one cassette and in two."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import chats  # noqa: F401  (lets the next two be found)

from clients import fetch
from loopback import LoopbackServer

CLIENT = "requests"


def _asked(url):
    """The answer, each of which is unique; or None when there was none."""
    try:
        return fetch(CLIENT, "GET", url)[1]
    except Exception:  # noqa: BLE001  (a call that fails is one that is not there)
        return None


# --- One cassette ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Threads:
    """What became of calls from many threads in one cassette.

    Args:
        threads: How many threads.
        calls: How many calls, in all.
        recorded: How many are on the disk.
        replayed: How many of a whole cassette came from it under `none`.
        reached: How many of these reached the server.
    """

    threads: int
    calls: int
    recorded: int
    replayed: int
    reached: int

    def cells(self):
        what = f"{self.calls} calls of {CLIENT} from {self.threads} threads"
        return {
            f"{what}: recorded": f"{self.recorded}",
            f"{what}: replayed from a whole cassette under `none`": f"{self.replayed}",
            f"{what}: reached the server under `none`": f"{self.reached}",
        }


def threads(recorder, root, *, count=16, calls=64):
    """The cassette to replay from is recorded one call after the other, so that it is whole in any case."""
    server = LoopbackServer().start()
    urls = [f"{server.origin}/{number}" for number in range(calls)]
    with ThreadPoolExecutor(count) as pool:
        with recorder.open(root / "crowded", "once"):
            list(pool.map(_asked, urls))
        with recorder.open(root / "whole", "once"):
            recorded = [_asked(url) for url in urls]
        before = server.hits
        with recorder.open(root / "whole", "none"):
            replayed = list(pool.map(_asked, urls))
        reached = server.hits - before
    server.stop()
    stored = {answer.url for answer in recorder.contents(root / "crowded").answers}
    same = sum(1 for one, other in zip(recorded, replayed, strict=True) if one is not None and one == other)
    return Threads(count, calls, len(stored), same, reached)


# --- Two cassettes -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cassettes:
    """What became of calls in two cassettes that are open at once, each in a thread of its own.

    Args:
        calls: How many calls, in all.
        kept: How many are in the cassette of the thread that made them, and in no other.
    """

    calls: int
    kept: int

    def cells(self):
        return {
            "two cassettes in two threads: calls in the right one": f"{self.kept} of {self.calls}",
        }


def cassettes(recorder, root, *, calls=40):
    """Neither thread begins before, or closes its cassette while, the other one needs it to be open."""
    server = LoopbackServer().start()
    both_are_open = threading.Barrier(2)

    def record(name):
        with recorder.open(root / name, "once"):
            both_are_open.wait(10)
            for number in range(calls // 2):
                _asked(f"{server.origin}/{name}/{number}")
            both_are_open.wait(10)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(record, ("one", "two")))
    server.stop()
    stored = {
        name: {answer.url.removeprefix(server.origin) for answer in recorder.contents(root / name).answers}
        for name in ("one", "two")
    }
    kept = {
        name: {path for path in stored[name] - stored[other] if path.startswith(f"/{name}/")}
        for name, other in (("one", "two"), ("two", "one"))
    }
    return Cassettes(calls, len(kept["one"]) + len(kept["two"]))
