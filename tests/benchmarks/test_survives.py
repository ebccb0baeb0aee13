"""That the table of what survives measures what it says, and that hashtape does survive it."""

from __future__ import annotations

import base64
import os

import pytest
import survives
from survives_processes import Processes, killed, processes
from survives_recorders import HASHTAPE, STOCK, Contents, in_own_process
from survives_secrets import Secrets, plants, secrets, spellings, texts_below
from survives_streams import CHUNKS, Drop, break_off, drop, first_chunk
from survives_threads import Cassettes, Threads, cassettes, threads


def test_the_first_chunk_is_timed_for_each_client(tmp_path):
    result = first_chunk(HASHTAPE, tmp_path, clients=("openai", "aiohttp"), rounds=1)

    assert list(result.later) == ["openai", "aiohttp"]
    assert all(abs(seconds) < 5 for seconds in result.later.values())


def test_a_client_that_breaks_off_leaves_what_it_read(tmp_path):
    result = break_off(HASHTAPE, tmp_path, delay=0.01, rounds=1)

    assert 3 <= result.stored < CHUNKS
    assert result.is_marked
    assert result.free >= result.sent == pytest.approx(0.03)


def test_a_connection_that_drops_gives_the_same_chunks_and_error_three_times(tmp_path):
    result = drop(HASHTAPE, tmp_path, after=4, delay=0)

    assert result == Drop(4, result.live, result.live, result.live)
    assert result.live[0] == 4
    assert result.live[1] is not None


@pytest.mark.skipif(os.name != "posix", reason="needs the signals of POSIX")
def test_a_killed_process_leaves_what_was_answered(tmp_path):
    result = killed(HASHTAPE, tmp_path, calls=2, ends=("SIGKILL", "os._exit"))

    assert result.stored == {"SIGKILL": 2, "os._exit": 2}
    assert result.unreadable == 0


def test_processes_that_ask_the_same_keep_their_answers(tmp_path):
    result = processes(HASHTAPE, tmp_path, count=2, requests=12, shared=2)

    assert result == Processes(2, 12, kept=12, files=6 + 2, unreadable=0)


def test_threads_record_and_replay_all(tmp_path):
    assert threads(HASHTAPE, tmp_path, count=4, calls=12) == Threads(4, 12, 12, 12, 0)


def test_two_cassettes_keep_apart(tmp_path):
    assert cassettes(HASHTAPE, tmp_path, calls=6) == Cassettes(6, 6)


def test_no_planted_secret_is_on_the_disk(tmp_path):
    assert secrets(HASHTAPE, tmp_path) == Secrets(len(plants()), [])


def test_every_planted_secret_is_found_where_nothing_takes_it_out(tmp_path):
    assert secrets(STOCK, tmp_path) == Secrets(len(plants()), [plant.what for plant in plants()])


@pytest.mark.parametrize("before", ["", "m", "me", "me:", "you:"])
@pytest.mark.parametrize("after", ["", "!", "!!", "!!!"])
def test_a_secret_is_found_in_base64_wherever_it_begins(before, after):
    secret = "Qm3-xY7pLk9/vR2+sT5w"
    text = base64.urlsafe_b64encode(f"{before}{secret}{after}".encode()).decode()

    assert any(spelled in text for spelled in spellings(secret))


def test_a_secret_in_the_chunks_of_a_stream_is_found_though_no_line_has_it(tmp_path):
    (tmp_path / "stream.json").write_text('[{"content": "one tw"},\n {"content": "o three"}]')

    assert any("one two three" in text for text in texts_below(tmp_path))


def test_a_cassette_that_is_not_there_or_broken_has_nothing(tmp_path):
    (tmp_path / "broken.yaml").write_text("interactions: [{")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "recording.json").write_text("{")
    for recorder in (HASHTAPE, STOCK):
        assert recorder.contents(tmp_path / "none") == Contents([], 0)
        assert recorder.contents(tmp_path / "broken") == Contents([], 1, 1)


def test_each_measure_has_a_process_of_its_own():
    assert in_own_process(os.getpid) != os.getpid()


def test_the_table_has_a_cell_for_each_recorder():
    lines = survives.table([(Cassettes(40, 40), Cassettes(40, 17)), (Secrets(2, []), Secrets(2, ["a URL"]))])

    assert lines.splitlines() == [
        f"| | hashtape | {STOCK.name} |",
        "|---|---|---|",
        "| two cassettes in two threads: calls in the right one | 40 of 40 | 17 of 40 |",
        "| 2 secrets, without configuration: on disk | 0 | 1 |",
    ]
