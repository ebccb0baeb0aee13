"""How many tokens a call took, wherever its provider says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hashtape.cli.exchange.turns import Usage, number

if TYPE_CHECKING:
    from hashtape.codecs import Json

__all__ = ["usage_in"]

_INPUT = (
    "prompt_tokens",
    "input_tokens",
    "inputTokens",
    "inputTokenCount",
    "promptTokenCount",
    "prompt_token_count",
    "inputTextTokenCount",
    "total_input_tokens",
)
_OUTPUT = (
    "completion_tokens",
    "output_tokens",
    "outputTokens",
    "outputTokenCount",
    "candidatesTokenCount",
    "candidates_token_count",
    "total_output_tokens",
)
_THOUGHT = ("thoughtsTokenCount", "thoughts_token_count", "total_thought_tokens")
"""Gemini counts these beside its candidates."""
_USAGE = (
    "usage",
    "usageMetadata",
    "usage_metadata",
    "amazon-bedrock-invocationMetrics",
    "tokens",
    "meta",
    "x_groq",
)
_AROUND_USAGE = ("response", "message", "delta", "interaction")
"""The Responses API's and Anthropic's events, and Cohere's, have it in what they report of."""


def usage_in(data: Json) -> Usage:
    """The tokens that an answer or a chunk tells of.

    >>> usage_in({"usage": {"prompt_tokens": 3, "completion_tokens": 4}})
    Usage(input=3, output=4)
    """
    if not isinstance(data, dict):
        return Usage()
    # Ollama counts at the top level.
    usage = Usage(number(data.get("prompt_eval_count")), number(data.get("eval_count")))
    for key in (*_USAGE, *_AROUND_USAGE):
        inner = data.get(key)
        if not isinstance(inner, dict):
            continue
        if key in _USAGE:
            usage.raise_to(_counts(inner))
        usage.raise_to(usage_in(inner))
    return usage


def _counts(usage: dict[str, Json]) -> Usage:
    def first(names: tuple[str, ...]) -> int | None:
        return next((count for name in names if (count := number(usage.get(name))) is not None), None)

    output, thought = first(_OUTPUT), first(_THOUGHT)
    if thought is not None:
        output = (output or 0) + thought
    return Usage(first(_INPUT), output)
