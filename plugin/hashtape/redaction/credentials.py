"""Which values may be secrets at all: not short ones, words, paths, and what documentation shows as a key."""

from __future__ import annotations

import re

from hashtape.redaction.finding import REDACTED

__all__ = ["is_credential", "is_placeholder", "looks_random"]

_SHORTEST = 8
_SHORTEST_RANDOM = 16
_LONGEST_NUMBER = 11
_FEWEST_CHARACTERS = 4
"""A key of a service has more different letters and digits; `sk-xxxxxxxx` and `12121212` have fewer."""

_PARTS = re.compile(r"(?:[A-Za-z]+|\d{1,4})(?:[-_. ](?:[A-Za-z]+|\d{1,4}))*")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_TWO_WORDS = re.compile(r"[A-Za-z]+(?:[-_. ][A-Za-z]+)?")
_LONGEST_WORD = 15
_MOST_WORDS = 3
_PRETENDS = frozenset({"dummy", "example", "fake", "mock", "mocked", "placeholder", "sample", "test", "your"})
_PRETENDED = re.compile(
    r"(?<![a-z])(?:your|placeholder|dummy|changeme)(?![a-z])|example|\.\.\.|\*\*\*|<[a-z]", re.IGNORECASE
)

_JOINT = re.compile(r"[-_.]")

_PATH = re.compile(
    r"(?:~|\.{1,2})?/(?:[a-z_.]{2,20}|Users|Volumes|Library|Applications)/|[A-Za-z]:[\\/]|~/|\.{1,2}/"
)
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#@]*(?:[/?#]|\Z)")
_TOKEN_CHARACTERS = re.compile(r"[A-Za-z0-9_.~+/=:-]+")


def _is_words(value: str) -> bool:
    """Whether a value is a few words, joined as names are: `test-key`, `notNeeded`, `us-east-1`."""
    if len(value) > _LONGEST_WORD * 6 or not _PARTS.fullmatch(value):
        return False
    words = _WORD.findall(value)
    most = 2 * _MOST_WORDS if any(word.lower() in _PRETENDS for word in words) else _MOST_WORDS
    return 0 < len(words) <= most and all(len(word) <= _LONGEST_WORD for word in words)


def _is_two_words(value: str) -> bool:
    """Whether a value is one or two words and nothing else, or says that it is no key: `test-key-1`."""
    words = [word.lower() for word in _WORD.findall(value)]
    if not _PRETENDS.isdisjoint(words):
        return _is_words(value)
    return _TWO_WORDS.fullmatch(value) is not None and len(words) <= 2 and len(value) <= 2 * _LONGEST_WORD


def is_placeholder(value: str) -> bool:
    """Whether a value stands for a key where there is none.

    >>> is_placeholder("AKIAIOSFODNN7EXAMPLE"), is_placeholder("sk-xxxxxxxxxxxxxxxxxxxxxxxx")
    (True, True)
    """
    if _PRETENDED.search(value):
        return True
    longest = max(_JOINT.split(value), key=len)
    return len(set(longest.lower())) < _FEWEST_CHARACTERS


def is_credential(value: str, *, is_certain: bool = False) -> bool:
    """Whether a value that was used as a credential is worth looking for in all that is stored.

    Not if it is so short or ordinary that it also stands in texts that give nothing away.

    Args:
        value: The value.
        is_certain: Whether it was sent as a credential, or its own name says that it is one. A variable of
            the environment may be named like one and hold the name of a model.

    >>> is_credential("sk-proj-Ab3dE6gH9"), is_credential("test-key"), is_credential("/home/me/.ssh/id_rsa")
    (True, False, False)
    >>> is_credential("my-service-key-2024"), is_credential("my-service-key-2024", is_certain=True)
    (False, True)
    """
    if len(value) < _SHORTEST or value in REDACTED or REDACTED in value:
        return False
    if value.isdecimal() and len(value) <= _LONGEST_NUMBER:
        return False
    if _PATH.match(value) or _URL.match(value):
        return False
    if is_certain:
        is_made_up = _PRETENDED.search(value) or len(set(value.lower())) < _FEWEST_CHARACTERS
        return not (_is_two_words(value) or is_made_up)
    return not (_is_words(value) or is_placeholder(value))


def looks_random(value: str) -> bool:
    """Whether a value looks as if a machine had made it up: long, without white space, letters and digits.

    This is asked where the name alone says too little: the tokens of an answer's log probabilities are
    under `token`, too.
    """
    return (
        len(value) >= _SHORTEST_RANDOM
        and _TOKEN_CHARACTERS.fullmatch(value) is not None
        and any(character.isdigit() for character in value)
        and any(character.isalpha() for character in value)
        and is_credential(value)
    )
