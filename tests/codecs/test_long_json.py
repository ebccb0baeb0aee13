"""A JSON text that is parsed piece by piece is what `json.loads` makes of it, or refused as there."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arbitrary_json import texts, values
from hashtape.codecs.long_json import PACKED, parse_long
from hashtape.codecs.packed import PackedList

VALUES = values(texts(), max_items=3, max_leaves=5)
SHAPE = {"response": {"body": PACKED}, "later": [{"body": PACKED}]}
ANSWERS = st.fixed_dictionaries({"body": st.lists(VALUES) | VALUES, "x": VALUES})
FILES = st.fixed_dictionaries(
    {"test_id": VALUES, "response": ANSWERS | VALUES},
    optional={"later": st.lists(ANSWERS) | VALUES},
)


def cut(text, places):
    ends = sorted({place % (len(text) + 1) for place in places})
    return [text[a:b] for a, b in zip([0, *ends], [*ends, len(text)], strict=True)]


@given(FILES | VALUES, st.lists(st.integers(0, 10_000)), st.sampled_from([None, 2]), st.booleans())
def test_it_is_what_the_parser_of_python_makes_of_it(value, places, indent, is_ascii):
    text = json.dumps(value, indent=indent, ensure_ascii=is_ascii)
    assert parse_long(cut(text, places), SHAPE) == json.loads(text)


@given(st.text('[]{}",:1-e truefalsn\\u ', max_size=40), st.lists(st.integers(0, 40)))
def test_what_is_no_json_is_refused_as_there(text, places):
    text = f'{{"response": {{"body": [{text}'
    try:
        expected = json.loads(text)
    except ValueError:
        with pytest.raises(ValueError, match=r"."):
            parse_long(cut(text, places), SHAPE)
    else:
        assert parse_long(cut(text, places), SHAPE) == expected


@pytest.mark.parametrize(
    "text",
    ["", " ", "{", '{"response"', '{"response":', '{"response": {"body": [1', "[1] 2", "{1: 2}", '{"a": 1,}'],
)
def test_a_text_that_breaks_off_or_goes_on_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        parse_long([text], SHAPE)


@pytest.mark.parametrize("number", ["1x", "1.5e", "-", "1.", "01", "1 2"])
@pytest.mark.parametrize("cuts", [[], [30], list(range(200))], ids=["whole", "cut", "bit by bit"])
def test_what_follows_a_number_and_is_no_end_of_it_is_refused(number, cuts):
    text = f'{{"response": {{"body": [{number}, 2, 3, {{"body": [1, 2, 3]}}, 4, 5]}}, "later": [1, 2, 3]}}'
    with pytest.raises(ValueError, match=r"."):
        parse_long(cut(text, cuts), SHAPE)


def test_the_lists_that_are_long_are_packed():
    answer = {"body": [{"n": n} for n in range(100)]}
    text = json.dumps({"response": answer, "later": [answer, answer], "other": answer})
    value = parse_long([text], SHAPE)
    bodies = [value["response"]["body"], *(later["body"] for later in value["later"])]
    assert [type(body) for body in bodies] == [PackedList] * 3
    assert type(value["other"]["body"]) is list


def test_it_is_read_no_deeper_than_is_read_at_once():
    deep = "[" * 300 + "]" * 300
    with pytest.raises(ValueError, match="nested deeper than 200"):
        parse_long([f'{{"response": {{"body": [{deep}]}}}}'], SHAPE)
    with pytest.raises((ValueError, RecursionError)):
        parse_long(["[" * 100_000], SHAPE)
