"""That the benchmarks measure what they say. The times are for `python tests/benchmarks/ratios.py`."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import ratios
from chats import CHUNKS, stream_events


@pytest.fixture
def measure(monkeypatch):
    """Run a benchmark with few rounds, and check that each row has numbers."""
    monkeypatch.setattr(ratios.gc, "collect", lambda: 0)  # no times are measured here, and it takes long

    def run(name):
        result = ratios.run(name, quick=True)
        for row in result.rows:
            assert math.isfinite(row.ratio)
            assert row.ratio > 0
        return result

    return run


def test_replaying_answers_every_call_from_the_recordings(measure):
    counted = measure("replay").counted

    assert len(counted) == 2
    for counts in counted.values():
        assert counts["played"] == counts["calls"] > 0
        assert counts["reached"] == 0
        ours, other = counts["chunks"]
        assert ours == other > 0


def test_a_stream_has_the_number_of_chunks_that_the_rows_name(measure):
    counts = measure("replay").counted[f"a stream of {CHUNKS} chunks"]

    assert counts["chunks"] == (CHUNKS * counts["calls"],) * 2
    assert len(stream_events()) == CHUNKS + 1


def test_every_stream_that_is_measured_is_decoded_into_its_chunks(measure):
    counted = measure("decoding").counted

    assert len(counted) == 12
    for counts in counted.values():
        assert counts == {"chunks": CHUNKS, "streaming": True, "stable": True}


def test_the_closest_recording_is_that_of_the_same_prompt(measure):
    assert measure("closest").counted == {"found": True}


def test_crowded_cassettes_have_as_many_recordings_as_the_rows_say(measure):
    result = measure("crowd")

    assert all(files == size for size, files in result.counted["files"].items())
    assert result.counted["reached"] == 0
    assert len(result.rows) == 2 * (len(result.counted["files"]) - 1)


def test_recording_sends_each_call_once_and_stores_each_of_its_own(measure):
    counted = measure("recording").counted

    assert len(counted) == 4
    for counts in counted.values():
        assert counts["files"] == counts["calls"] > 0
        assert counts["hits"] == 2 * counts["calls"]  # as many without a recorder
        ours, other = counts["chunks"]
        assert ours == other


def test_a_run_without_vcr_tests_imports_nothing_heavy(measure):
    result = measure("start_up")

    assert result.counted["exit statuses"] == [pytest.ExitCode.NO_TESTS_COLLECTED]
    assert result.counted["plain test"] == pytest.ExitCode.OK
    assert result.counted["plugin"]
    assert result.counted["imported"] == []


def test_stock_vcrpy_and_hashtape_play_every_request(measure):
    counted = measure("beside_stock").counted

    assert counted["played"] == counted["expected"]
    assert counted["reached"] == 0


def test_replaying_a_request_opens_one_file_of_many(measure):
    assert measure("reading").counted == {"files": 100, "opened": 1, "played": 1, "reached": 0}


def test_a_ratio_is_the_median_of_those_of_pairs_so_that_a_machine_that_slows_down_does_not_count():
    row = ratios.row("what", 1.1, [2.0, 20.0, 9.0], [1.0, 10.0, 3.0])

    assert (row.ratio, row.quartiles) == (2.0, (2.0, 3.0))
    assert (row.ours, row.other) == (9.0, 3.0)


def test_the_table_says_which_promises_are_kept():
    rows = [
        ratios.row("kept", 1.1, [1.0], [1.0]),
        ratios.row("broken", 1.1, [2.0], [1.0]),
        ratios.row("none", None, [2.0], [1.0]),
    ]

    lines = ratios.table({"some": ratios.Result(rows)}, judged=True).splitlines()

    assert [line.split()[-1] for line in lines[1:]] == ["ok", "OVER", "1000.000"]


def test_nothing_is_left_behind():
    made = []

    def note(quick, root):
        (root / "file").write_text("")
        made.append(root)
        return ratios.Result()

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ratios.BENCHMARKS, "note", note)
        ratios.run("note", quick=True)

    assert isinstance(made[0], Path)
    assert not made[0].exists()
