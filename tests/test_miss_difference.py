"""What differs between two requests, field by field."""

from __future__ import annotations

import pytest

from hashtape.miss.difference import ABSENT, changes, changes_of
from hashtape.recording import HttpRequest, InferenceRequest


def listed(recorded, now):
    return [tuple(change) for change in changes(recorded, now)]


def chat(url="https://h/v1/v1/chat/completions", **body):
    return InferenceRequest("POST", url, {"model": "m", **body}, "/v1/chat/completions", "m")


def message(content, role="user"):
    return {"role": role, "content": content}


@pytest.mark.parametrize(
    ("recorded", "now", "expected"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, []),
        ({"a": 1}, {"a": 2}, [("a", 1, 2)]),
        ({"a": 1}, {"a": 1.0}, [("a", 1, 1.0)]),
        ({"a": 1}, {"a": True}, [("a", 1, True)]),
        ({"a": None}, {}, [("a", None, ABSENT)]),
        ({}, {"a": None}, [("a", ABSENT, None)]),
        ({"a": {"b": {"c": 1}}}, {"a": {"b": {"c": 2}}}, [("a.b.c", 1, 2)]),
        ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}, [("a[1].b", 2, 3)]),
        ({"a b": {"": 1}}, {"a b": {"": 2}}, [('["a b"][""]', 1, 2)]),
        ({"a": [1]}, {"a": {"b": 1}}, [("a", [1], {"b": 1})]),
        ("x", None, [("", "x", None)]),
    ],
    ids=[
        "same",
        "order of keys",
        "changed",
        "float for int",
        "true for one",
        "gone",
        "new",
        "nested",
        "in a list",
        "odd names",
        "other kind",
        "no object",
    ],
)
def test_each_field_that_differs_is_named(recorded, now, expected):
    assert listed(recorded, now) == expected


@pytest.mark.parametrize(
    ("recorded", "now", "expected"),
    [
        ("abc", "abcd", [("[3]", ABSENT, "d")]),
        ("abc", "xabc", [("[0]", ABSENT, "x")]),
        ("abc", "abxc", [("[2]", ABSENT, "x")]),
        ("abc", "ac", [("[1]", "b", ABSENT)]),
        ("abc", "axc", [("[1]", "b", "x")]),
        ("aaa", "aa", [("[2]", "a", ABSENT)]),
    ],
    ids=["appended", "in front", "in between", "gone", "another", "one of the same"],
)
def test_an_item_more_or_less_is_one_difference(recorded, now, expected):
    assert listed([*recorded], [*now]) == expected


def test_an_object_is_not_looked_into_deeper_than_makes_sense():
    def nested(innermost):
        value = innermost
        for _ in range(190):
            value = [value]
        return value

    (change,) = changes(nested(1), nested(2))
    assert change.field.count("[0]") == 50


def test_a_call_of_the_same_operation_differs_in_its_body():
    recorded = chat(messages=[message("be kind", "system"), message("hi")], temperature=0)
    now = chat(messages=[message("be kind", "system"), message("ho")], seed=7)
    assert [tuple(change) for change in changes_of(recorded, now)] == [
        ("messages[1].content", "hi", "ho"),
        ("temperature", 0, ABSENT),
        ("seed", ABSENT, 7),
    ]


def test_what_an_id_leaves_out_is_no_difference():
    recorded = chat("https://one/v1/v1/chat/completions", temperature=0.1234567)
    assert changes_of(recorded, chat("https://two/v1/v1/chat/completions", temperature=0.1234568)) == []


def test_another_base_path_is_a_difference_shown_as_it_is_on_the_wire():
    (change,) = changes_of(chat(), chat("https://h/openai/v1/v1/chat/completions"))
    assert change == ("path", "/v1/chat/completions", "/openai/v1/chat/completions")


def test_paths_that_are_the_same_on_the_wire_are_shown_as_they_were_recorded():
    recorded = InferenceRequest("POST", "https://h/v1/chat/completions", {})
    (change, *_) = changes_of(recorded, chat("https://h/v1/v1/chat/completions"))
    assert change == ("path", "/v1/chat/completions", "/v1/v1/chat/completions")


def test_between_two_operations_that_alone_is_the_difference():
    recorded = InferenceRequest("POST", "https://h/v1/v1/models", {}, "/v1/models")
    (change,) = changes_of(recorded, chat())
    assert change == ("path", "/v1/models", "/v1/chat/completions")


def test_of_other_requests_the_whole_url_counts():
    found = changes_of(
        HttpRequest("GET", "https://h/x?page=1", None), HttpRequest("POST", "https://h/x?page=2", None)
    )
    assert [tuple(change) for change in found] == [
        ("method", "GET", "POST"),
        ("url", "https://h/x?page=1", "https://h/x?page=2"),
    ]


@pytest.mark.parametrize(
    "url", ["", "no url", "http://[::1", "__databricks__/v1/chat/completions", "a://b://c?d://e"]
)
def test_a_recorded_url_may_be_anything(url):
    (change, *_) = changes_of(HttpRequest("GET", url, None), HttpRequest("GET", "https://h/x", None))
    assert change == ("url", url, "https://h/x")
    assert changes_of(chat(url), chat())[0].field == "path"
