"""The closest of many recorded requests, and how quickly it is found."""

from __future__ import annotations

import random

import pytest

from hashtape.miss import find_closest
from hashtape.miss.closest import shared_ends
from hashtape.recording import Answer, HttpRequest, InferenceRequest, Recording
from hashtape.recording_dir import RecordingDir

SYSTEM = {"role": "system", "content": "You are a helpful assistant. Answer in one sentence. " * 10}


def chat(content, **body):
    messages = [SYSTEM, {"role": "user", "content": content}]
    url = "https://api.openai.com/v1/v1/chat/completions"
    return InferenceRequest(
        "POST", url, {"model": "m", "messages": messages, **body}, "/v1/chat/completions", "m"
    )


MODELS = InferenceRequest("POST", "https://api.openai.com/v1/v1/models", {}, "/v1/models")


@pytest.mark.parametrize(
    ("candidates", "expected"),
    [
        ({}, None),
        ({"models": MODELS}, None),
        ({"models": MODELS, "chat": chat("something else altogether", n=1, seed=2, top_p=3)}, "chat"),
        ({"far": chat("What a day!"), "near": chat("What is the capital of Italy?")}, "near"),
        ({"near": chat("What is the capital of Italy?"), "far": chat("What a day!")}, "near"),
        ({"two": chat("What is the capital of France?", n=1, seed=2), "one": chat("What?", n=1)}, "two"),
        ({"one": chat("What is the capital of France?", n=1), "text": chat("What was it?")}, "one"),
        ({"http": HttpRequest("POST", "https://api.openai.com/v1/completions", {})}, None),
    ],
    ids=[
        "none",
        "another operation",
        "only of the same operation",
        "the text",
        "in any order",
        "what is said before how",
        "also where that is a field more",
        "of another kind",
    ],
)
def test_the_closest_is_of_the_same_operation_and_differs_least(candidates, expected):
    assert find_closest(chat("What is the capital of France?"), candidates.items()) == expected


def test_a_chat_that_went_on_is_closer_than_another_one():
    told = chat("Tell me a story")
    now = chat("Tell me a story")
    now.body["messages"] += [{"role": "assistant", "content": "Once"}, {"role": "user", "content": "Go on"}]
    assert find_closest(now, [("another", chat("Sing me a song, n", n=1, seed=2)), ("this", told)]) == "this"


def test_of_other_requests_the_path_comes_first():
    candidates = {
        "other path": HttpRequest("GET", "https://h/items?page=1&limit=10", None),
        "same path": HttpRequest("GET", "https://h/users?cursor=abcdef", None),
    }
    assert (
        find_closest(HttpRequest("GET", "https://h/users?page=1&limit=10", None), candidates.items())
        == "same path"
    )


GEMINI = "https://generativelanguage.googleapis.com/v1beta/models"


@pytest.mark.parametrize(
    ("method", "url", "is_close"),
    [
        ("POST", f"{GEMINI}/gemini-flash:generateContent", True),
        ("POST", f"{GEMINI}/gemini-flash:countTokens", False),
        ("GET", f"{GEMINI}/gemini-flash:generateContent", False),
        ("POST", "https://api.anthropic.com/v1/messages", False),
    ],
    ids=["another model", "another operation", "another method", "another api"],
)
def test_a_path_that_names_the_model_may_differ_in_that(method, url, is_close):
    now = HttpRequest("POST", f"{GEMINI}/gemini-pro:generateContent", {"contents": []})
    found = find_closest(now, [("it", HttpRequest(method, url, {"contents": []}))])
    assert (found == "it") == is_close


def test_what_two_texts_share_at_their_ends_is_counted_once():
    drawn = random.Random(5)
    for _ in range(2000):
        one, other = ("".join(drawn.choices("ab", k=drawn.randrange(9))) for _ in range(2))
        start, end = shared_ends(one, other)
        assert start + end <= min(len(one), len(other))
        assert one[:start] == other[:start]
        assert one[len(one) - end :] == other[len(other) - end :]
        rest_one, rest_other = one[start : len(one) - end], other[start : len(other) - end]
        if rest_one and rest_other:
            assert rest_one[0] != rest_other[0]
            assert rest_one[-1] != rest_other[-1]


def test_among_a_thousand_chats_the_closest_is_found(tmp_path):
    directory = RecordingDir(tmp_path)
    directory.make()
    for number in range(1000):
        body = {"choices": [{"message": {"role": "assistant", "content": f"{number} " + "word " * 150}}]}
        recording = Recording("test_a.py::test_b", chat(f"Question {number}: why?"), Answer(body))
        (tmp_path / f"{number:064x}.json").write_text(recording.to_text())
    now = chat("Question 512: why not?")
    found = find_closest(now, ((path, head.request) for path, head in directory.heads()))
    assert found.stem == f"{512:064x}"
