"""What the keys of well-known services look like, wherever they stand."""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from hashtape.redaction.credentials import is_placeholder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["SHAPES", "Shape", "quick_patterns"]

_RUN = "[A-Za-z0-9_-]"
_START = rf"(?:(?<!{_RUN})|(?<=%[0-9A-Fa-f]{{2}})|(?<=\\[nrtbf])|(?<=\\u[0-9a-fA-F]{{4}}))"
"""A letter before a key may also be the end of `%3D` in a URL or of `\\n` in JSON inside a string.

Else no character of a run stands before a key: so the search reads no run twice, and a part of a base64 text
is no key.
"""
_END = f"(?!{_RUN})"


@dataclass(frozen=True, slots=True)
class Shape:
    """The keys of one service.

    Args:
        what: What such a key is, for people.
        probes: What such keys begin with.
        pattern: A key, with nothing before and after it that would make it a part of something longer.
        is_real: Whether what the pattern found is a key and no example of one.
    """

    what: str
    probes: tuple[str, ...]
    pattern: re.Pattern[str]
    is_real: Callable[[str], bool]

    def spans_in(self, text: str) -> Iterator[tuple[int, int]]:
        """Where the keys of this service stand in a text."""
        for probe in self.probes:
            # To look for a string first is many times faster than to search for a pattern.
            at = text.find(probe)
            while at >= 0:
                found = self.pattern.match(text, at)
                if found is not None and self.is_real(found.group()):
                    yield found.span()
                at = text.find(probe, at + len(probe) if found is None else found.end())


def _key(what: str, *prefixes: str, rest: str, needs_digit: bool = True) -> Shape:
    start = "|".join(re.escape(prefix) for prefix in prefixes)

    def is_real(found: str) -> bool:
        secret = found.removeprefix(next(prefix for prefix in prefixes if found.startswith(prefix)))
        if needs_digit and not any(character.isdigit() for character in secret):
            return False
        return not is_placeholder(secret)

    return Shape(what, prefixes, re.compile(f"{_START}(?:{start}){rest}{_END}"), is_real)


def _is_token(found: str) -> bool:
    """Whether the first part of what looks like a JWT says how it is signed or encrypted."""
    header = found.partition(".")[0]
    try:
        data = json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return False
    return isinstance(data, dict) and ("alg" in data or "enc" in data)


_KEY_LINE = re.compile(r"[A-Za-z0-9+/]{40}")
_BREAK = r"(?:\s|\\{1,8}[nr])"
_PRIVATE_KEY = re.compile(
    r"-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
    # A whole block with its headers; or one whose end is missing, as in an answer that was cut off.
    r"(?:(?:[A-Za-z0-9+/=\s\\,:.()]|-(?!----))*+-----END (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
    rf"|{_BREAK}{{1,8}}+[A-Za-z0-9+/=]{{40,}}+(?:{_BREAK}{{1,8}}+[A-Za-z0-9+/=]{{16,}}+)*+)"
)

SHAPES: tuple[Shape, ...] = (
    _key("an Anthropic API key", "sk-ant-", rest=f"{_RUN}{{20,}}+"),
    _key("an OpenRouter API key", "sk-or-", rest=f"(?:v\\d-)?{_RUN}{{32,}}+"),
    _key("a Langfuse secret key", "sk-lf-", rest="[0-9a-f-]{36}"),
    _key("an OpenAI API key", "sk-proj-", "sk-svcacct-", "sk-admin-", "sk-None-", rest=f"{_RUN}{{20,}}+"),
    _key("an OpenAI API key", "sk-", rest="[A-Za-z0-9]{20,}+"),
    _key("an OpenAI client secret", "ek_", rest="[A-Za-z0-9]{32,}+"),
    _key("a Google API key", "AIza", rest=f"{_RUN}{{35}}", needs_digit=False),
    _key("a Google access token", "ya29.", rest="[A-Za-z0-9_.-]{20,}+"),
    _key("a Google client secret", "GOCSPX-", rest=f"{_RUN}{{24,}}+"),
    _key("an AWS access key id", "AKIA", "ASIA", rest="[A-Z0-9]{16}", needs_digit=False),
    _key("an Amazon Bedrock API key", "ABSK", rest="[A-Za-z0-9+/]{128}={0,2}(?![+/=])"),
    _key("a GitHub token", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", rest="[A-Za-z0-9]{36,}+"),
    _key("a GitHub token", "github_pat_", rest="[A-Za-z0-9_]{40,}+"),
    _key("a GitLab token", "glpat-", rest=f"{_RUN}{{20,}}+"),
    _key(
        "a Slack token",
        "xoxa-",
        "xoxb-",
        "xoxe-",
        "xoxp-",
        "xoxr-",
        "xoxs-",
        "xapp-",
        rest="[A-Za-z0-9-]{10,}+",
    ),
    _key("a Hugging Face token", "hf_", rest="[A-Za-z0-9]{30,}+", needs_digit=False),
    _key("a Groq API key", "gsk_", rest="[A-Za-z0-9]{40,}+"),
    _key("an xAI API key", "xai-", rest="[A-Za-z0-9]{40,}+"),
    _key("a Perplexity API key", "pplx-", rest="[A-Za-z0-9]{40,}+"),
    _key("an NVIDIA API key", "nvapi-", rest=f"{_RUN}{{40,}}+"),
    _key("a Replicate token", "r8_", rest="[A-Za-z0-9]{37}"),
    _key("a Stripe key", "sk_live_", "rk_live_", rest="[A-Za-z0-9]{16,}+"),
    Shape(
        "a JSON web token",
        ("eyJ",),
        re.compile(rf"{_START}eyJ{_RUN}{{8,}}+(?:\.{_RUN}{{8,}}+){{2,4}}+{_END}"),
        _is_token,
    ),
    Shape(
        "a private key",
        ("-----BEGIN ",),
        _PRIVATE_KEY,
        lambda found: _KEY_LINE.search(found) is not None,
    ),
)
"""All shapes; what is more special comes first."""

_RARE = "-_JZXKB29A"
"""Characters that are rare in what people and models write, the rarest first."""


@lru_cache(maxsize=256)
def quick_patterns(shapes: tuple[Shape, ...]) -> tuple[re.Pattern[str], ...]:
    """Patterns that say in no time that a text is clean: one of them matches where a key of a shape begins.

    Each begins with a single character. Python jumps from one such character to the next, which takes half
    the time of a search for one of the strings, and a pattern stands for many of them.

    Args:
        shapes: The shapes.
    """
    prefixes = {probe for shape in shapes for probe in shape.probes}
    split: dict[str, list[tuple[str, str]]] = {}
    for prefix in sorted(prefixes):
        if any(other in prefix for other in prefixes - {prefix}):
            continue  # "sk-" says all that "sk-ant-" says
        # Rules made of dashes stand in many texts.
        rare = min(prefix.lstrip("-"), key=lambda character: _RARE.find(character) % (len(_RARE) + 1))
        before, _, after = prefix.rpartition(rare)
        split.setdefault(rare, []).append((before, after))
    patterns = []
    for rare, around in split.items():
        character = re.escape(rare)
        found = "|".join(f"(?<={re.escape(before)}{character}){re.escape(after)}" for before, after in around)
        # Most texts fail here: the character before is another one.
        last = "".join(sorted({re.escape(before[-1:]) for before, _ in around}))
        check = f"(?<=[{last}]{character})" if all(before for before, _ in around) else ""
        patterns.append(re.compile(f"{character}{check}(?:{found})"))
    return tuple(patterns)
