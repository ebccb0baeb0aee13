import copy
import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hashtape.normalise import normalise_body

UUID = "01234567-89ab-cdef-0123-456789abcdef"
ANY_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
BEDROCK = "bedrock-runtime.us-west-2.amazonaws.com"


@pytest.mark.parametrize("revision", [1, 2])
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.700000123, 0.7),
        (0.1234567, 0.12346),
        (1.0, 1.0),
        (-0.000001, -0.0),
        (1e300, 1e300),
        (1, 1),
        (10**300, 10**300),
        (True, True),
        (None, None),
        ([[0.1234567, 1], {"a": 0.1234567}], [[0.12346, 1], {"a": 0.12346}]),
        ({"0.1234567": "score: 1"}, None),
        ("pi is 3.14159265", "pi is 3.14159"),
        ("1.2345", "1.23450"),
        ("1.234", "1.234"),
        ("-2.50001 and 5-3.99999999", "-2.50001 and 5-4.00000"),
        ("1.2.34567", "1.2.34567"),
        ("1.23456.78901", "1.23456.78901"),
        (".123456", ".123456"),
        ("1,234.56789", "1,234.56789"),
        ("٣.١٤١٥٩٢", "3.14159"),
    ],
    ids=repr,
)
def test_numbers_are_rounded_to_5_places(value, expected, revision):
    if isinstance(value, dict):
        assert list(normalise_body(value, revision)) == list(value)
    else:
        assert json.dumps(normalise_body(value, revision)) == json.dumps(expected)


def test_revision_1_is_what_is_meant_when_none_is_named():
    assert normalise_body({"a": "score: 0.5, attributes: {}"}) == {"a": "score: 0.5, attributes: {}"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("score: 0.98", "score: __NORMALIZED__"),
        ("score:-.5e-3,score: +12.5E+10", "score: __NORMALIZED__,score: __NORMALIZED__"),
        ("score: high, core: 1", "score: high, core: 1"),
        ("x, attributes: {'a': {'b'}, c", "x, c"),
        ("x ,\n attributes:\t{\n} y", "x  y"),
        ("attributes: {a}, attributes: {b}", ""),
        ("x, attributes: {a", "x, attributes: {a"),
        (f"document_id:   {UUID}.", "document_id: __NORMALIZED__."),
        (f"document_id: {UUID.upper()}", f"document_id: {UUID.upper()}"),
        (f"[<|{UUID}|>] <|{UUID}>", f"[<|__NORMALIZED__|>] <|{UUID}>"),
        ("score: 1.23456789 of 1.23456789", "score: __NORMALIZED__ of 1.23457"),
    ],
    ids=[
        *("score", "scores-of-any-spelling", "no-score", "attributes", "attributes-over-lines"),
        *("attributes-twice", "attributes-without-end", "document-id", "upper-case"),
        *("citation", "before-the-number-rule"),
    ],
)
def test_revision_2_replaces_what_a_file_search_makes_up(text, expected):
    body = {"messages": [{"content": text}]}
    assert normalise_body(body, 2) == {"messages": [{"content": expected}]}


def as_the_format_says(text, revision):
    if revision == 2:
        text = re.sub(r"score:\s*[-+]?\d*\.?\d+(?:[eE][-+]?\d+)?", "score: __NORMALIZED__", text)
        text = re.sub(r",?\s*attributes:\s*\{[^}]*\}", "", text)
        text = re.sub(rf"document_id:\s*{ANY_UUID}", "document_id: __NORMALIZED__", text)
        text = re.sub(rf"<\|{ANY_UUID}\|>", "<|__NORMALIZED__|>", text)
    return re.sub(r"-?\d+\.\d{4,}", lambda match: f"{float(match[0]):.5f}", text)


fragments = ["score:", "attributes:", "document_id:", UUID, "<|", "|>", "{", "}", "}", ",", " ", " ", "\n"]
numbers = ["0", "12", "34567", ".", ".", "-", "+", "e", "٣", "²", "a"]


@pytest.mark.parametrize("revision", [1, 2])
@given(st.lists(st.sampled_from(fragments + numbers), max_size=30).map("".join))
@settings(max_examples=100, deadline=None)
def test_strings_become_what_the_patterns_of_the_format_make_of_them(revision, text):
    assert normalise_body(text, revision) == as_the_format_says(text, revision)


@pytest.mark.parametrize(
    ("revision", "host", "is_kept"),
    [(1, BEDROCK, True), (2, BEDROCK, False), (2, "api.openai.com", True), (2, "", True)],
)
def test_stream_options_are_left_out_for_bedrock_under_revision_2(revision, host, is_kept):
    body = {"stream_options": {"include_usage": True}, "nested": {"stream_options": {}}}
    normalised = normalise_body(body, revision, host)
    assert ("stream_options" in normalised) is is_kept
    assert normalised["nested"] == {"stream_options": {}}


@pytest.mark.parametrize("key", ["extra_body", "extra_query"])
def test_project_id_is_left_out_of_what_is_extra_under_revision_2(key):
    body = {
        key: {"project_id": "p", "a": {"project_id": "q"}},
        "project_id": "r",
        "b": {key: {"project_id": 1}},
    }
    expected = {key: {"a": {"project_id": "q"}}, "project_id": "r", "b": {key: {"project_id": 1}}}
    assert normalise_body(body, 2) == expected
    assert normalise_body(body, 1) == body


@pytest.mark.parametrize("extra", [None, "project_id", ["project_id"], {}])
def test_extras_of_another_kind_stay(extra):
    assert normalise_body({"extra_body": extra}, 2) == {"extra_body": extra}


def test_the_body_itself_is_not_changed():
    body = {"extra_body": {"project_id": "p"}, "stream_options": {}, "a": [0.1234567, "score: 1"]}
    before = copy.deepcopy(body)
    normalise_body(body, 2, BEDROCK)
    assert body == before


MB5 = 5_000_000


@pytest.mark.parametrize(
    ("text", "expected_length"),
    [
        ("1" * MB5, MB5),
        ("1" * MB5 + ".", MB5 + 1),
        ("-" * MB5 + "1.", MB5 + 2),
        ("1." * (MB5 // 2), MB5),
        ("1.123 " * (MB5 // 6), MB5 // 6 * 6),
        ("0." + "1" * MB5, len("0.11111")),
        ("attributes:" + " " * MB5, MB5 + 11),
        ("attributes:" + " " * MB5 + "}", MB5 + 12),
        (" " * MB5 + "attributes:{}", 0),
        (", " * (MB5 // 2) + "attributes:{", MB5 + 12),
        ("attributes:{" * 400_000, 4_800_000),
        (" attributes: {a}" * 300_000, 0),
        (" " * MB5 + "}", MB5 + 1),
        ("score:" + " " * MB5, MB5 + 6),
        ("score:" * 800_000, 4_800_000),
        ("score:" + "1" * MB5 + "e", len("score: __NORMALIZED__e")),
        ("document_id:" + " " * MB5, MB5 + 12),
        ("<|0123456" * 500_000, 4_500_000),
    ],
    ids=[
        *("digits", "digits-and-a-dot", "minuses", "dots", "almost-decimals", "long-fraction"),
        *("spaces-after-attributes", "spaces-then-a-brace", "spaces-before", "commas"),
        *("open-braces", "many-attributes", "spaces", "spaces-after-score"),
        *("scores-without-numbers", "long-score", "spaces-after-document-id", "half-citations"),
    ],
)
def test_a_long_string_that_is_made_to_be_slow_is_not(text, expected_length):
    assert len(normalise_body({"content": text}, 2)["content"]) == expected_length


def test_a_decimal_with_more_digits_than_a_float_holds_is_no_error():
    assert normalise_body("9" * 400 + ".12345") == as_the_format_says("9" * 400 + ".12345", 1)
