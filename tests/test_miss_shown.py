"""A change in one line, with what differs in long texts marked."""

from __future__ import annotations

import pytest

from hashtape.miss import Change, shown_change
from hashtape.miss.difference import ABSENT

LONG = (
    "You are a careful assistant that answers questions about the weather in Europe. "
    "Today is Monday, 3 March 2025. Answer in one sentence, and do not make anything up."
)


def shown(recorded, now):
    line = shown_change(Change("f", recorded, now))
    assert "\n" not in line
    return line.removeprefix("f: ")


@pytest.mark.parametrize(
    ("recorded", "now", "expected"),
    [
        ("hi", "ho", "recorded 'hi', now 'ho'"),
        (0.2, 1, "recorded 0.2, now 1"),
        (None, True, "recorded null, now true"),
        ("1", 1, "recorded '1', now 1"),
        (ABSENT, "ho", "not recorded, now 'ho'"),
        ({"a": [1]}, ABSENT, 'recorded {"a": [1]}, not there now'),
        ("it's\n\x1b[31m", "\u202e\\", r"recorded 'it's\n\x1b[31m', now '\u202e\\'"),
    ],
    ids=["texts", "numbers", "words", "kinds", "new", "gone", "not printable"],
)
def test_a_short_value_is_shown_whole(recorded, now, expected):
    assert shown(recorded, now) == expected


def test_of_a_long_text_the_word_that_differs_is_marked_with_what_is_around_it():
    assert shown(LONG, LONG.replace("Monday", "Tuesday")) == (
        "recorded '…e weather in Europe. Today is [-Monday-], 3 March 2025. Answer in one …', "
        "now '…e weather in Europe. Today is {+Tuesday+}, 3 March 2025. Answer in one …'"
    )


def test_each_place_of_a_long_text_that_differs_is_marked():
    line = shown(LONG, LONG.replace("careful", "careless").replace("2025", "2026"))
    assert "You are a [-careful-] assistant" in line
    assert "3 March [-2025-]. Answer" in line
    assert "You are a {+careless+} assistant" in line
    assert "3 March {+2026+}. Answer" in line


@pytest.mark.parametrize(
    ("now", "piece"),
    [
        (LONG + " Thanks.", "anything up.{+ Thanks.+}'"),
        ("Hello! " + LONG, "now '{+Hello! +}You are"),
        (LONG.replace("very ", "").replace("careful ", ""), "now 'You are a assistant that answers"),
    ],
    ids=["at the end", "at the beginning", "gone"],
)
def test_what_only_one_of_the_texts_has_is_marked_there(now, piece):
    assert piece in shown(LONG, now)


def test_of_many_differing_places_the_first_are_shown():
    words = [f"word{number}" for number in range(40)]
    line = shown(" ".join(words), " ".join(w.upper() if n % 2 else w for n, w in enumerate(words)))
    assert line.count("[-") == 3
    assert line.endswith("(and 17 more places in this text)")


def test_the_spaces_around_what_differs_are_not_marked():
    line = shown(LONG, LONG.replace("Today is Monday, 3 March 2025. ", "It is May. "))
    assert "in Europe. [-Today is Monday, 3 March 2025-]. Answer in" in line
    assert "in Europe. {+It is May+}. Answer in" in line


def test_words_that_two_texts_share_by_chance_are_not_looked_for():
    other = "Sing me a song of the sea, and of a ship in the night. Make it long and sad, in the key of D."
    line = shown(LONG, other)
    assert "[-" not in line
    assert "{+" not in line


def test_two_long_texts_with_nothing_in_common_are_not_marked():
    line = shown("x" * 500, "y" * 500)
    assert line == f"recorded '{'x' * 39}…{'x' * 39}', now '{'y' * 39}…{'y' * 39}'"


@pytest.mark.parametrize(
    ("recorded", "now"),
    [
        ("iVBOR" + "A" * 100_000 + "==", "iVBOR" + "B" * 100_000 + "=="),
        ("a b " * 50_000, "b a " * 50_000),
        ("a b " * 250, "b a c " * 170),
        ("word " * 50_000 + "end", "word " * 49_999 + "end"),
        ([*range(10_000)], [*range(10_001)]),
    ],
    ids=["base64", "many words", "the same words", "a word less", "list"],
)
@pytest.mark.timeout(2)
def test_whatever_differs_is_one_line_of_moderate_length(recorded, now):
    assert len(shown(recorded, now)) < 700
