from __future__ import annotations

import hashlib

import pytest

from hashtape.model_list import digest_of, is_digest_of, stored_ids, union_of
from hashtape.recording import Answer, InferenceRequest, Recording


def model(name):
    return {"__type__": "openai.types.model.Model", "__data__": {"id": name}}


def model_list(*names):
    request = InferenceRequest("POST", "http://localhost:8080/v1/models", {}, "/v1/models")
    return Recording(None, request, Answer([model(name) for name in names]))


def test_the_digest_does_not_depend_on_the_order_or_on_repetitions():
    assert digest_of(["b", "a", "b"]) == hashlib.sha256(b"a|b").hexdigest()[:8]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ([model("b"), model("a")], ["b", "a"]),
        ([], []),
        ([model("a"), {"id": "b"}], None),
        ([{"__type__": "openai.types.model.Model", "__data__": {"id": 1}}], None),
        ([{"__type__": "other.Model", "__data__": {"id": "a"}}], None),
        ([{"__type__": "openai.types.model.Model", "__data__": "a"}], None),
        ([{"__type__": "openai.types.model.Model"}], None),
        (["a"], None),
        ({"data": []}, None),
        ("text", None),
        (None, None),
    ],
)
def test_the_ids_of_a_model_list_are_those_of_its_models(body, expected):
    assert stored_ids(body) == expected


def test_the_union_has_each_model_once_by_id():
    union = union_of([model_list("c", "a"), model_list("b", "a")])
    assert stored_ids(union.response.body) == ["a", "b", "c"]


def tags(*names):
    return {"__type__": "ollama._types.ListResponse", "__data__": {"models": [{"model": n} for n in names]}}


def test_the_ids_of_ollamas_list_are_what_it_calls_its_models():
    assert stored_ids(tags("b", "a")) == ["b", "a"]
    assert stored_ids({"__type__": "ollama._types.ListResponse", "__data__": {"models": [{}]}}) is None


def test_the_union_of_ollamas_lists_is_one_of_them():
    lists = [
        Recording(None, model_list().request, Answer(tags(*names))) for names in (("c", "a"), ("b", "a"))
    ]
    assert union_of(lists).response.body == tags("a", "b", "c")


def test_old_names_have_another_digest():
    assert is_digest_of(hashlib.sha1(b"a|b").hexdigest()[:8], ["b", "a"])
    assert is_digest_of(digest_of(["a", "b"]), ["b", "a"])
    assert not is_digest_of("00000000", ["b", "a"])


def test_one_list_is_left_as_it_is():
    assert union_of([model_list("c", "a")]) == model_list("c", "a")
