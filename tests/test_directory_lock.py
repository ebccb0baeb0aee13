from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from hashtape.directory_lock import locked

fcntl = pytest.importorskip("fcntl")

HOLD = """
import sys, time
from hashtape.directory_lock import locked
with locked(sys.argv[1]):
    print("locked", flush=True)
    sys.stdin.read()
"""

FORK = """
import os, signal, sys
from hashtape.directory_lock import locked
with locked(sys.argv[1]):
    child = os.fork()
    if not child:
        signal.pause()
signal.alarm(10)
with locked(sys.argv[1]):
    print("locked again")
os.kill(child, signal.SIGKILL)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock."""
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "locked\n"
        yield process
        process.kill()


def run(*actions):
    threads = [threading.Thread(target=action) for action in actions]
    for thread in threads:
        thread.start()
    return threads


def entered_by_threads(directory):
    """Enter 20 times in each of four threads: each time how many are inside, and the descriptor."""
    inside, entries = [], []

    def enter():
        for _ in range(20):
            with locked(directory) as descriptor:
                inside.append(1)
                time.sleep(0)
                entries.append((len(inside), descriptor))
                inside.pop()

    for thread in run(*[enter] * 4):
        thread.join()
    return entries


def test_one_thread_at_a_time(tmp_path):
    assert [count for count, _ in entered_by_threads(tmp_path)] == [1] * 80


def test_another_process_is_waited_for(tmp_path, holder):
    entered = []

    def enter():
        with locked(tmp_path):
            entered.append(holder.poll())

    (thread,) = run(enter)
    thread.join(0.1)
    assert not entered
    holder.stdin.close()
    thread.join()
    assert len(entered) == 1


def test_a_process_that_is_killed_gives_the_lock_back(tmp_path, holder):
    holder.send_signal(signal.SIGKILL)
    with locked(tmp_path) as descriptor:
        assert descriptor is not None


def test_nothing_is_left_in_the_directory(tmp_path):
    with locked(tmp_path):
        assert list(tmp_path.iterdir()) == []
    assert list(tmp_path.iterdir()) == []


def test_no_descriptor_is_left_open(tmp_path):
    with pytest.raises(ZeroDivisionError), locked(tmp_path) as descriptor:
        1 / 0  # noqa: B018
    with pytest.raises(OSError, match=os.strerror(9)):
        os.fstat(descriptor)


def test_other_directories_are_not_waited_for(tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    with locked(tmp_path), locked(other):
        pass


def test_a_link_and_the_directory_that_it_names_are_one(tmp_path):
    directory, link = tmp_path / "directory", tmp_path / "link"
    directory.mkdir()
    link.symlink_to(directory)
    entered = []

    def enter():
        with locked(link):
            entered.append(1)

    with locked(directory):
        (thread,) = run(enter)
        thread.join(0.05)
        assert not entered
    thread.join()
    assert entered


def test_a_directory_made_anew_while_waiting_is_the_one_that_is_locked(tmp_path):
    directory = tmp_path / "directory"
    directory.mkdir()
    statuses = []

    def enter():
        with locked(directory) as descriptor:
            statuses.append(os.fstat(descriptor))

    with locked(directory):
        (thread,) = run(enter)
        time.sleep(0.05)
        directory.rename(tmp_path / "old")
        directory.mkdir()
    thread.join()
    assert os.path.samestat(statuses[0], directory.stat())


def test_a_process_forked_meanwhile_does_not_keep_the_lock(tmp_path):
    command = [sys.executable, "-c", FORK, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    assert done.stdout == "locked again\n"


@pytest.mark.parametrize("is_file", [False, True], ids=["nothing", "file"])
def test_what_is_no_directory_is_not_locked(tmp_path, is_file):
    path = tmp_path / "path"
    if is_file:
        path.touch()
    with pytest.raises(NotADirectoryError if is_file else FileNotFoundError), locked(path):
        pass


def test_where_the_file_system_has_no_locks_threads_still_wait_for_each_other(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(37, os.strerror(37))

    monkeypatch.setattr(fcntl, "flock", refuse)
    assert entered_by_threads(tmp_path) == [(1, None)] * 80
