"""Processes that are killed, and many that record into one cassette."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import chats  # noqa: F401  (lets the next one be found)
import httpx
from survives_recorders import FRESH

from loopback import LoopbackServer, Reply

ENDS = ("SIGKILL", "SIGTERM", "os._exit")
PATIENCE = 60
"""Seconds after which a process counts as stuck."""


def _unique(number):
    return b'{"unique": "answer-%06d"}' % number


# --- Killed ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Killed:
    """What is on the disk after a process ended in the middle.

    Args:
        calls: How many calls were answered before.
        stored: By the way it ended, how many of these answers can be read.
        unreadable: How many files are no recordings.
    """

    calls: int
    stored: dict[str, int]
    unreadable: int

    def cells(self):
        beside = f", and {self.unreadable} broken files" if self.unreadable else ""
        what = f"{self.calls} answered calls, then {', '.join(self.stored)}: recordings on disk"
        return {what: ", ".join(map(str, self.stored.values())) + beside}


def _record_and_end(recorder, path, origin, calls, end):
    with recorder.open(path, "once"), httpx.Client() as client:
        for number in range(calls):
            client.get(f"{origin}/{number}").raise_for_status()
        if end == "os._exit":
            os._exit(0)
        os.kill(os.getpid(), signal.Signals[end])
        time.sleep(PATIENCE)


def killed(recorder, root, *, calls=5, ends=ENDS):
    """Each way to end has a process and a cassette of its own."""
    stored, unreadable = {}, 0
    for end in ends:
        server = LoopbackServer().start()
        process = FRESH.Process(
            target=_record_and_end, args=(recorder, root / end, server.origin, calls, end)
        )
        process.start()
        process.join(PATIENCE)
        server.stop()
        expected = 0 if end == "os._exit" else -signal.Signals[end]
        if (server.hits, process.exitcode) != (calls, expected):
            raise RuntimeError(f"{end}: {server.hits} calls, exit code {process.exitcode}")
        contents = recorder.contents(root / end)
        stored[end] = len(contents.answers)
        unreadable += contents.unreadable
    return Killed(calls, stored, unreadable)


# --- Many at once ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Processes:
    """What became of the requests of many processes that record into one cassette.

    Args:
        processes: How many processes.
        requests: How many requests, in all.
        kept: How many of their answers, each of which is unique, are on the disk once.
        files: How many files there are.
        unreadable: How many of them are no recordings.
    """

    processes: int
    requests: int
    kept: int
    files: int
    unreadable: int

    def cells(self):
        what = f"{self.processes} processes, one cassette, {self.requests} requests"
        return {
            f"{what}: answers kept": f"{self.kept}",
            f"{what}: whole files": f"{self.files - self.unreadable} of {self.files}",
        }


def _record_share(recorder, path, origin, paths, all_are_open):
    # What others record later is not played: nobody begins before all have opened the cassette.
    with recorder.open(path, "new_episodes"), httpx.Client() as client:
        all_are_open.wait(PATIENCE)
        for asked in paths:
            client.get(f"{origin}{asked}").raise_for_status()


def processes(recorder, root, *, count=8, requests=500, shared=20):
    """Every other request of a process is one of a few that all of them make, at about the same time."""
    server = LoopbackServer().start()
    server.script(*[Reply(body=_unique(number)) for number in range(requests)])
    turns = [n // count for n in range(requests)]
    paths = [f"/shared/{turn // 2 % shared}" if turn % 2 else f"/own/{n}" for n, turn in enumerate(turns)]
    all_are_open = FRESH.Barrier(count)
    path = Path(root, "shared")
    workers = [
        FRESH.Process(
            target=_record_share, args=(recorder, path, server.origin, paths[n::count], all_are_open)
        )
        for n in range(count)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(PATIENCE)
    server.stop()
    if server.hits != requests or any(worker.exitcode for worker in workers):
        codes = [worker.exitcode for worker in workers]
        raise RuntimeError(f"{server.hits} of {requests} requests were made, exit codes {codes}")
    contents = recorder.contents(path)
    texts = "\n".join(answer.text for answer in contents.answers)
    kept = sum(texts.count(f"answer-{number:06d}") == 1 for number in range(requests))
    return Processes(count, requests, kept, contents.files, contents.unreadable)
