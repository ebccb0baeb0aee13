"""The server that plays the providers, and the clients of the SDK that a module of tests is about."""

from __future__ import annotations

import asyncio

import pytest

pytest.register_assert_rewrite("exchange")

from exchange import Clients, Rehearser  # noqa: E402
from loopback import LoopbackServer  # noqa: E402


@pytest.fixture(scope="module")
def provider():
    running = LoopbackServer().start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def clients(sdk, provider):
    """Clients of the module's `sdk` that outlive their cassettes, the async ones in a loop that does too."""
    with asyncio.Runner() as runner:
        made = Clients(sdk, provider, runner)
        yield made
        made.close()


@pytest.fixture
def rehearse(clients, provider, tmp_path):
    return Rehearser(clients, provider, tmp_path / "calls")
