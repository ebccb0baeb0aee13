"""Many processes that record into one directory: every answer is there, once, in whole files."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from hashtape.recording_dir import RecordingDir

WORKERS = 4

WORKER = """
import os
import time
from pathlib import Path

import httpx
import pytest

import hashtape

client = httpx.Client(verify=False)


def ask(question):
    chat = {"model": "demo", "messages": [{"role": "user", "content": question}]}
    answer = client.post(os.environ["LOOPBACK"] + "/chat/completions", json=chat).json()
    return answer["choices"][0]["message"]["content"]


@pytest.fixture(scope="session")
def shared(worker_id):
    with hashtape.use_cassette("recordings", record_mode="new_episodes"):
        # Nobody begins before all have opened the cassette: what is recorded later is not played.
        Path(f"opened-{worker_id}").touch()
        while len(list(Path().glob("opened-*"))) < 4:
            time.sleep(0.01)
        yield


@pytest.mark.parametrize("number", range(40))
def test_what_all_ask(shared, number):
    for count in range(10):
        question = f"question {(number * 10 + count) % 20}"
        assert ask(question).endswith(question)


@pytest.mark.vcr
@pytest.mark.parametrize("number", range(10))
def test_what_one_asks(shared, number):
    for count in range(10):
        ask(f"question {count % 5}")
"""


def answers_of(recording):
    return [answer.body["__data__"]["choices"][0]["message"]["content"] for answer in recording.answers]


def test_500_requests_of_4_workers_are_all_there_and_whole(project):
    pytest.importorskip("xdist")
    project.ini("hashtape_layout = recordings")
    (project.path / "test_chat.py").write_text(WORKER)
    result = project.run_apart(f"-n{WORKERS}", "-pxdist", "--record-mode=once")
    result.assert_outcomes(passed=50)
    assert project.server.hits == 500

    directory = RecordingDir(project.path / "recordings")
    recordings = [directory.read(path) for path in directory.files()]
    assert set(directory.path.iterdir()) == set(directory.files())

    counted = Counter(answer for recording in recordings for answer in answers_of(recording))
    assert {int(re.match(r"answer (\d+) to", text)[1]) for text in counted} == set(range(1, 501))
    assert set(counted.values()) == {1}

    # 20 questions that belong to no test, and 5 of each of 10 tests
    assert Counter(recording.test_id is None for recording in recordings) == {True: 20, False: 50}
    assert all(len(recording.answers) == (20 if recording.test_id is None else 2) for recording in recordings)
    for recording in recordings:
        question = recording.request.body["messages"][0]["content"]
        assert all(text.endswith(f" to {question}") for text in answers_of(recording))
