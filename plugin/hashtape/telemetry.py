"""Calls that libraries make of their own accord, from threads of their own: no part of what a test asks.

Their bodies hold times and random ids, and they are made when it suits the library: a recording of one is
never found again, and whichever test runs just then would fail for it.
"""

from __future__ import annotations

__all__ = ["is_telemetry"]

_MARKS = (
    "/v1/traces/ingest",  # OpenAI's Agents SDK exports what its agents did
    "://telemetry.crewai.com",
    "/litellm/main/model_prices_and_context_window.json",  # LiteLLM's prices, asked for on its first import
)


def is_telemetry(url: str) -> bool:
    """Whether a URL is one of those.

    >>> is_telemetry("https://api.openai.com/v1/traces/ingest")
    True
    >>> is_telemetry("https://api.openai.com/v1/responses")
    False
    """
    # Not any(): each request waits for it.
    for mark in _MARKS:  # noqa: SIM110
        if mark in url:
            return True
    return False
