"""A short run of the fuzzer; a long one is `python tests/fuzzing/damaged_recordings.py`."""

from __future__ import annotations

import damaged_recordings
import pytest


@pytest.mark.parametrize("seed", [11, 12])
def test_damaged_recordings_are_read_or_refused(seed):
    outcomes = damaged_recordings.run(500, seed)
    assert outcomes["error"] > 50
    assert outcomes["played"] > 50
