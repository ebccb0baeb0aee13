"""Processes that end in the middle: what was answered is on the disk, whole, and nothing else is."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

from hashtape.recording_dir import RecordingDir
from loopback import Reply

CALLS = 5

SCRIPT = """
import os, signal, sys
import httpx
import hashtape

cassette, origin, end = sys.argv[1:]
with hashtape.use_cassette(cassette), httpx.Client(timeout=60) as client:
    for number in range(5):
        client.get(f"{origin}/{number}")
    exec(end)
"""

ENDS = {
    "SIGKILL": "os.kill(os.getpid(), signal.SIGKILL)",
    "SIGTERM": "os.kill(os.getpid(), signal.SIGTERM); signal.pause()",
    "os._exit": "os._exit(0)",
    "abort": "os.abort()",
    "an exception": "1 / 0",
}

WRITE_ON_AND_ON = """
import sys
from pathlib import Path
from hashtape.recording import Answer, HttpRequest, Recording
from hashtape.recording_dir import RecordingDir

directory = RecordingDir(Path(sys.argv[1]))
directory.make()
number = 0
while True:
    for name in ("same", f"new-{number}"):
        request = HttpRequest("GET", "https://cars.example/", None)
        directory.write(directory.path / f"{name}.json", Recording(None, request, Answer("x" * 300_000)))
        if not number:
            print("began", flush=True)
        number += 1
"""

needs_signals = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs the signals of POSIX")


@pytest.fixture
def cassette(tmp_path):
    return tmp_path / "calls"


def start(cassette, server, end):
    return subprocess.Popen([sys.executable, "-c", SCRIPT, str(cassette), server.origin, end], stderr=-3)


def wait_for(is_so):
    deadline = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def paths_in(cassette):
    """The paths of the requests in a cassette: every file in it is a whole recording of an answered one."""
    directory = RecordingDir(cassette)
    assert set(cassette.iterdir()) == set(directory.files())
    recordings = [directory.read(path) for path in directory.files()]
    for recording in recordings:
        (answer,) = recording.answers
        assert recording.request.url.endswith(answer.body["path"])
    return sorted(recording.response.body["path"] for recording in recordings)


# --- Calls that were answered ------------------------------------------------------------------------------


@needs_signals
@pytest.mark.parametrize("end", ENDS)
def test_every_answer_is_on_the_disk_however_the_process_ends(cassette, server, end):
    assert (
        start(cassette, server, ENDS[end]).wait(30)
        == {
            "SIGKILL": -signal.SIGKILL,
            "SIGTERM": -signal.SIGTERM,
            "os._exit": 0,
            "abort": -signal.SIGABRT,
            "an exception": 1,
        }[end]
    )
    assert paths_in(cassette) == [f"/{number}" for number in range(CALLS)]
    assert server.hits == CALLS


@needs_signals
def test_a_call_that_is_not_answered_yet_leaves_nothing(cassette, server):
    server.script(*[Reply(body=b'{"path": "/%d"}' % number) for number in range(CALLS)])
    server.script(Reply(chunks=[b"{", b"}"], delay=30))
    process = start(cassette, server, 'client.get(f"{origin}/slow")')
    wait_for(lambda: server.hits == CALLS + 1)
    process.kill()
    process.wait(30)
    assert paths_in(cassette) == [f"/{number}" for number in range(CALLS)]


@needs_signals
def test_a_process_killed_while_it_writes_leaves_no_half_file_and_nothing_beside(cassette):
    for attempt in range(5):
        command = [sys.executable, "-c", WRITE_ON_AND_ON, str(cassette)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            time.sleep(0.01 + 0.007 * attempt)
            process.kill()
    directory = RecordingDir(cassette)
    directory.make()  # where files are replaced, one may be left beside until somebody records again
    assert set(cassette.iterdir()) == set(directory.files())
    for path in directory.files():
        assert directory.read(path).response.body == "x" * 300_000


# --- pytest ------------------------------------------------------------------------------------------------


def test_a_test_that_fails_keeps_its_recordings(project):
    project.write("""
        @pytest.mark.vcr
        def test_chat():
            for number in range(5):
                ask(f"question {number}")
            assert False
    """)
    assert project.hits("--record-mode=once", failed=1) == CALLS
    assert len(project.recordings()) == CALLS


def test_an_error_in_another_recording_of_the_test_costs_nothing(project):
    project.write("""
        @pytest.mark.vcr
        def test_chat():
            for number in range(5):
                ask(f"question {number}")
    """)
    assert project.hits("--record-mode=once", passed=1) == CALLS
    broken, *gone = sorted(project.cassette().iterdir())
    broken.write_text("<<<<<<< HEAD")
    for path in gone:
        path.unlink()
    project.write("""
        @pytest.mark.vcr
        def test_chat():
            failures = []
            for number in range(5):
                try:
                    ask(f"question {number}")
                except Exception as error:
                    failures.append(error)
            assert len(failures) == 1
            raise failures[0]
    """)
    assert project.hits("--record-mode=new_episodes", failed=1) == CALLS - 1
    assert sorted(project.cassette().iterdir()) == [broken, *gone]
    assert broken.read_text() == "<<<<<<< HEAD"
    for path in gone:
        assert RecordingDir(project.cassette()).read(path).answers


def test_a_test_that_takes_too_long_and_ends_the_process_keeps_its_recordings(project):
    pytest.importorskip("pytest_timeout")
    project.write("""
        import time

        @pytest.mark.vcr
        def test_chat():
            with httpx.Client(verify=False) as client:
                for number in range(5):
                    client.get(f"{os.environ['LOOPBACK']}/{number}")
            time.sleep(60)
    """)
    project.run_apart("--record-mode=once", "--timeout=4", "--timeout-method=thread")
    assert project.server.hits == CALLS
    assert len(project.recordings()) == CALLS
