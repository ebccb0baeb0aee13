"""A packed list reads like any other list, and takes less memory."""

from __future__ import annotations

import copy
import json
import pickle
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arbitrary_json import texts, values
from hashtape.codecs.packed import LONG, PackedList, change_each, list_for

CHUNKS = [
    {"__type__": "a.Chunk", "__data__": {"index": n, "delta": {"content": f" wörd {n}"}}} for n in range(3000)
]


@given(st.lists(values(texts(), max_items=3, max_leaves=5), max_size=60))
def test_it_holds_what_was_put_in(held):
    packed = PackedList(held)
    assert [*packed] == held
    assert len(packed) == len(held)


@pytest.fixture(scope="module")
def packed():
    return PackedList(copy.deepcopy(CHUNKS))


def test_it_reads_like_a_list(packed):
    assert packed == CHUNKS
    assert not packed != CHUNKS  # noqa: SIM202  (another method)
    assert packed != CHUNKS[1:]
    assert packed != "chunks"
    assert [packed[n] for n in (0, 15, 16, 17, -1, -3000)] == [CHUNKS[n] for n in (0, 15, 16, 17, -1, 0)]
    assert packed[5:3000:500] == CHUNKS[5:3000:500]
    assert [*reversed(packed)] == CHUNKS[::-1]
    assert CHUNKS[2999] in packed
    assert "chunk" not in packed
    assert packed + CHUNKS == CHUNKS + packed == CHUNKS * 2
    assert json.dumps(packed) == json.dumps(CHUNKS)
    assert bool(packed)
    assert not PackedList()
    for place in (3000, -3001):
        with pytest.raises(IndexError, match="there are 3000 values"):
            packed[place]


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))])
def test_a_copy_of_it_is_whole(packed, again):
    copied = again(packed)
    assert type(copied) is PackedList
    assert copied == CHUNKS


def test_it_grows_at_its_end_only():
    packed = PackedList([1])
    packed.append(2)
    packed.extend([3])
    assert [*packed] == [1, 2, 3]
    for change in (
        packed.copy,
        lambda: packed * 2,
        packed.pop,
        packed.clear,
        packed.sort,
        lambda: packed.insert(0, 1),
    ):
        with pytest.raises(TypeError, match="grows at its end only"):
            change()
    with pytest.raises(TypeError, match="grows at its end only"):
        packed[0] = 1


def test_each_value_can_be_changed():
    packed = PackedList(copy.deepcopy(CHUNKS))

    def change(chunk):
        chunk["__data__"]["index"] = 7

    for chunks in (packed, copy.deepcopy(CHUNKS)):
        assert {chunk["__data__"]["index"] for chunk in change_each(chunks, change)} == {7}
    assert packed[0] == CHUNKS[0]


def test_windows_hand_out_all_values_some_at_a_time():
    numbers = PackedList(range(20_000))
    windows = [*numbers.windows()]
    assert [number for window in windows for number in window] == [*range(20_000)]
    assert max(map(len, windows)) < 10_000
    assert [*PackedList().windows()] == [[]]


def test_it_takes_less_memory_than_the_text_of_what_it_holds():
    texts = [json.dumps(chunk) for chunk in CHUNKS] * 4
    tracemalloc.start()
    try:
        packed = list_for(LONG + 1)
        packed.extend(map(json.loads, texts))
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(packed) == len(texts)
    assert size < sum(map(len, texts))


def test_a_short_list_is_not_packed():
    assert type(list_for(LONG)) is list
