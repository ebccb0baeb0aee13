"""`hashtape demo`: record, look, replay. No key, no network, no pytest."""

from __future__ import annotations

import asyncio
import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import hashtape
from hashtape.cli.demo_server import DemoServer
from hashtape.errors import HashtapeError
from hashtape.recording import InferenceRequest, Recording
from hashtape.wire_form import wire_request_of

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["demo"]

_SEED = "26e569a66dd1b1669a26851179956ffca286bd5f6874f975f6b369bf6bbcc521"
_PROMPT = "Say hello to whoever reads this recording."
_TEST_ID = "hashtape demo"


@click.command()
@click.option(
    "--dir",
    "directory",
    type=click.Path(path_type=Path),
    default=Path("cassettes/demo"),
    show_default=True,
    help="Where to record to.",
)
def demo(directory: Path) -> None:
    """Record a streamed chat from a server on this machine, and replay it without.

    Example: hashtape demo --dir my-recordings
    """
    try:
        import openai
    except ImportError:
        raise HashtapeError(
            "the demo needs the OpenAI client, and it is not installed. Run: pip install 'hashtape[demo]'"
        ) from None

    with DemoServer() as server:
        client = openai.OpenAI(
            base_url=server.base_url,
            api_key="no-key-needed",
            max_retries=0,
            http_client=_without_proxy(openai.DefaultHttpxClient),
        )
        click.secho(f"1. Record a streamed chat from {server.base_url}", bold=True)
        with hashtape.use_cassette(directory, record_mode="all", test_id=_TEST_ID):
            recorded = _chat(client)
        click.echo(f"   {recorded}\n   requests that reached the server: {server.requests}")
    path = _newest(directory)
    click.secho(f"\n2. What was stored: {path}", bold=True)
    click.echo(_excerpt(path))

    click.secho("\n3. Stop the server, block the network, replay", bold=True)
    with _no_network(), hashtape.use_cassette(directory, record_mode="none", test_id=_TEST_ID):
        replayed = _chat(client)
    click.echo(f"   {replayed}\n   requests that reached the server: still {server.requests}")
    if replayed != recorded:
        raise HashtapeError(f"{path}: expected the replay to say {recorded!r}, got {replayed!r}")

    seed = _cassettes() / f"{_SEED}.json"
    click.secho(f"\n4. A recording of the real OpenAI API, by another project: {seed}", bold=True)
    recording = Recording.from_text(seed.read_bytes())
    with _no_network(), _seed_cassette(seed, recording):
        click.echo(f"   sync:  {_play(openai, recording)}")
    with _no_network(), _seed_cassette(seed, recording):
        click.echo(f"   async: {asyncio.run(_play_async(openai, recording))}")


def _text(chunk: Any) -> str:
    return "".join(choice.delta.content or "" for choice in chunk.choices)


def _chat(client: Any) -> str:
    stream = client.chat.completions.create(
        model="demo-model", messages=[{"role": "user", "content": _PROMPT}], stream=True
    )
    return "".join(map(_text, stream))


def _seed_cassette(seed: Path, recording: Recording) -> Any:
    test_id = recording.test_id if isinstance(recording.test_id, str) else None
    return hashtape.use_cassette(seed.parent, record_mode="none", test_id=test_id)


def _arguments(recording: Recording) -> tuple[dict[str, Any], dict[str, Any]]:
    """The arguments of the client and of the call that made a recording."""
    request, wire = recording.request, wire_request_of(recording.request)
    if not isinstance(request, InferenceRequest) or not isinstance(request.body, dict) or wire is None:
        raise HashtapeError("the seed recording is not a chat; restore it: git checkout cassettes")
    base_url = wire.url.removesuffix("/chat/completions")
    return {"base_url": base_url, "api_key": "no-key-needed", "max_retries": 0}, dict(request.body)


def _play(openai: Any, recording: Recording) -> str:
    settings, call = _arguments(recording)
    client = openai.OpenAI(**settings, http_client=_without_proxy(openai.DefaultHttpxClient))
    return "".join(map(_text, client.chat.completions.create(**call)))


async def _play_async(openai: Any, recording: Recording) -> str:
    settings, call = _arguments(recording)
    client = openai.AsyncOpenAI(**settings, http_client=_without_proxy(openai.DefaultAsyncHttpxClient))
    stream = await client.chat.completions.create(**call)
    return "".join([_text(chunk) async for chunk in stream])


def _without_proxy(http_client_class: Any) -> Any:
    """A client that asks the server of the demo itself, whatever the environment says of proxies."""
    return http_client_class(trust_env=False)


@contextmanager
def _no_network() -> Iterator[None]:
    from pytest_recording.network import blocking_context

    with blocking_context():
        yield


def _newest(directory: Path) -> Path:
    return max(directory.glob("*.json"), key=lambda path: path.stat().st_mtime_ns)


def _cassettes() -> Path:
    """The recordings that the project ships: in the installed package, or in the checkout."""
    here = Path(__file__).resolve().parents[1]
    for directory in (here / "cassettes", here.parents[1] / "cassettes"):
        if (directory / f"{_SEED}.json").is_file():
            return directory
    raise HashtapeError(
        f"{here / 'cassettes'}: expected the seed recording, found none; install hashtape again"
    )


def _excerpt(path: Path) -> str:
    """The request and the first chunks of a recording, as they stand in the file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    shown = lines[:42]
    rest = f"   … {len(lines) - len(shown)} more lines" if len(lines) > len(shown) else ""
    chunks = len(json.loads("\n".join(lines))["response"]["body"])
    return "\n".join([*(f"   {line}" for line in shown), f"{rest} ({chunks} chunks in all)"])
