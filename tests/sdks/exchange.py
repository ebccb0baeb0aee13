"""One call of an SDK, made three times: without a recorder, recorded, and played with another API key."""

from __future__ import annotations

import contextlib
import inspect
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from typing import Any

import hashtape
from loopback import Gate
from providers import DONE

LIVE_KEY = "live-5xQ2mV8rT1yZ0bN7cK4dW9fG"
"""The key of the client that records."""
OTHER_KEY = "none-3hJ6pL0sA5eR8uI2oX7vB1nM"
"""The key of the client that plays."""


# --- What the calls ask --------------------------------------------------------------------------------

QUESTION = "Wie ist das Wetter in Köln?"
MESSAGES = [{"role": "user", "content": QUESTION}]
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
"""What the tool that knows the weather has to be told, as a JSON Schema."""
WEATHER = {
    "type": "function",
    "function": {"name": "weather", "description": "The weather of a city", "parameters": CITY},
}
"""That tool in the form of OpenAI's chat, which others took over."""


# --- Calls and clients ---------------------------------------------------------------------------------


class Call:
    """A call and the answers that the provider gives it.

    `send` gets a client, sync or async, and returns what the SDK's method returns. `then` is a second call,
    made with the first one's result too. An error of a class in `raises` is a result as well.
    """

    def __init__(self, send, *replies, then=None, raises=()):
        self.send, self.replies, self.raises = send, replies, raises
        self.steps = [lambda client, _: send(client), *([then] if then else [])]

    @property
    def stream_lengths(self):
        """How many chunks each stream has, without its end marker."""
        streams = [reply.chunks for reply in self.replies if reply.chunks is not None]
        return sorted(len([chunk for chunk in stream if chunk != DONE]) for stream in streams)


def make(client, call, on_item):
    """Make a call with a sync client: the result of each step, with lists for streams."""
    results = [None]
    for step in call.steps:
        try:
            result = step(client, results[-1])
            if isinstance(result, Iterator):
                result = [on_item(item) for item in result]
            elif hasattr(result, "__enter__"):
                with result as stream:
                    result = [on_item(item) for item in stream]
        except call.raises as error:
            result = error
        results.append(result)
    return results[1:]


async def make_async(client, call, on_item):
    """The same with an async client."""
    results = [None]
    for step in call.steps:
        try:
            result = step(client, results[-1])
            if inspect.isawaitable(result):
                result = await result
            if isinstance(result, AsyncIterator):
                result = [on_item(item) async for item in result]
            elif hasattr(result, "__aenter__"):
                async with result as stream:
                    result = [on_item(item) async for item in stream]
        except call.raises as error:
            result = error
        results.append(result)
    return results[1:]


@dataclass(frozen=True)
class Sdk:
    """How to make the clients of an SDK: `(origin of the server, API key) → client`.

    `made_up` are the names of what the SDK adds to a provider's objects itself, each time anew. `unread` is
    how many of the last chunks of a stream it may leave unread, as they hold nothing for it.
    """

    sync: Any
    asynchronous: Any = None
    made_up: frozenset[str] = frozenset()
    unread: int = 0

    @classmethod
    def of_classes(cls, sync, asynchronous, path=""):
        """An SDK whose clients take what OpenAI's and Anthropic's do; `path` ends their base URL."""

        def maker(client):
            return lambda origin, key: client(base_url=origin + path, api_key=key, max_retries=0)

        return cls(maker(sync), maker(asynchronous))


class Clients:
    """The clients of an SDK, each made when it is first wanted and used from then on, as users do."""

    def __init__(self, sdk, server, runner):
        self.sdk, self._server, self._runner = sdk, server, runner
        self._sync, self._async = contextlib.ExitStack(), contextlib.AsyncExitStack()
        self._made = {}

    def make(self, call, mode, key, on_item):
        """Make a call with the client of this key."""
        if mode == "sync":
            return make(self._client(key), call, on_item)
        return self._runner.run(self._make_async(call, key, on_item))

    async def _make_async(self, call, key, on_item):
        return await make_async(await self._async_client(key), call, on_item)

    def _client(self, key):
        if ("sync", key) not in self._made:
            client = self._made["sync", key] = self.sdk.sync(self._server.origin, key)
            context = client if hasattr(client, "__enter__") else contextlib.closing(client)
            self._sync.enter_context(context)
        return self._made["sync", key]

    async def _async_client(self, key):
        if ("async", key) not in self._made:
            client = self._made["async", key] = self.sdk.asynchronous(self._server.origin, key)
            await self._async.enter_async_context(client)
        return self._made["async", key]

    def close(self):
        self._sync.close()
        self._runner.run(self._async.aclose())


# --- Three runs ----------------------------------------------------------------------------------------


@dataclass
class Rehearsal:
    """What the three runs of a call gave, how many requests each of them made, and what is on disk."""

    call: Call
    sdk: Sdk
    plain: list[Any]
    recorded: list[Any]
    played: list[Any]
    hits: tuple[int, int, int]
    files: dict[str, str]

    @property
    def responses(self):
        """All stored answers."""
        return [
            response
            for recording in map(json.loads, self.files.values())
            for response in [recording["response"], *recording.get("later_responses", [])]
        ]

    @property
    def streams(self):
        """The chunks of each stored stream."""
        return [response["body"] for response in self.responses if response["is_streaming"]]

    @property
    def labels(self):
        """The labels of the chunks of the only stream."""
        (chunks,) = self.streams
        return [chunk["__type__"] for chunk in chunks]

    @property
    def classes(self):
        """The classes of the items that the SDK made of the only stream."""
        (items,) = self.played
        return [class_name(item) for item in items]


class Rehearser:
    """Makes the three runs of a call, with recordings in a directory of its own."""

    def __init__(self, clients, server, directory):
        self._clients, self._server, self._directory = clients, server, directory

    def __call__(self, call, mode):
        plain, asked = self._run(call, mode, LIVE_KEY)
        with hashtape.use_cassette(self._directory):
            recorded, sent = self._run(call, mode, LIVE_KEY)
        with hashtape.use_cassette(self._directory, record_mode="none"):
            played, reached = self._run(call, mode, OTHER_KEY)
        files = {path.name: path.read_text("utf-8") for path in sorted(self._directory.iterdir())}
        return Rehearsal(call, self._clients.sdk, plain, recorded, played, (asked, sent, reached), files)

    def is_live(self, call, mode):
        """Whether the client gets the begin of a stream that is recorded while the rest is still to come."""
        (reply,) = call.replies
        gate = Gate(reply.chunks, after=len(reply.chunks) // 2)
        gated = Call(call.send, replace(reply, chunks=gate))

        def on_item(item):
            gate.open()
            return item

        with hashtape.use_cassette(self._directory):
            (items,), _ = self._run(gated, mode, LIVE_KEY, on_item)
        assert items
        return not gate.gave_up

    def _run(self, call, mode, key, on_item=lambda item: item):
        self._server._server.script.clear()  # what a run before left, a replay for one
        self._server.script(*call.replies)
        before = self._server.hits
        results = self._clients.make(call, mode, key, on_item)
        return results, self._server.hits - before


# --- What has to be the same ---------------------------------------------------------------------------

_HEADERS = frozenset({"sdk_http_response", "ResponseMetadata"})
"""Where SDKs hand out the headers of an answer, its date among them: a recording keeps few of them."""
_MADE_THE_SAME = ("chat.completion", "text_completion", "list")
"""The kinds of objects that get an id from the recorder; the list is one of embeddings."""
_OLLAMA_TIMES = ("total_duration", "load_duration", "prompt_eval_duration", "eval_duration")


def class_name(value):
    """The dotted name of the class of an object, as labels spell it."""
    return f"{type(value).__module__}.{type(value).__qualname__}"


def plain_value(result):
    """What an SDK gave, as plain values that can be compared."""
    if isinstance(result, list):
        return [plain_value(item) for item in result]
    if isinstance(result, Exception):
        return {"error": class_name(result), "says": str(result)}
    if hasattr(result, "model_dump"):
        return result.model_dump(warnings=False)  # stream helpers put objects of other classes in
    return {"content": result.read()} if hasattr(result, "read") else result


def changed(value, change):
    """A plain value with each of its objects changed, the inner ones first."""
    if isinstance(value, list):
        return [changed(item, change) for item in value]
    if not isinstance(value, dict):
        return value
    return change({name: changed(item, change) for name, item in value.items()})


def as_stored(answer):
    """An object of a provider as it is after spec §4, but for the digits of its id."""
    if "id" in answer and str(answer.get("object")).startswith(_MADE_THE_SAME):
        return {**answer, "id": "rec-", **({"created": 0} if "created" in answer else {})}
    if "created_at" in answer and "done" in answer:
        fixed = {"created_at": "1970-01-01T00:00:00.000000Z", **dict.fromkeys(_OLLAMA_TIMES, 0)}
        return {name: fixed.get(name, value) if value else value for name, value in answer.items()}
    return answer


def assert_faithful(rehearsal):
    """Assert what every recording of every SDK is for."""
    call, sdk = rehearsal.call, rehearsal.sdk
    assert rehearsal.hits == (len(call.replies), len(call.replies), 0)

    def without_made_up(answer):
        return {k: v for k, v in answer.items() if "object" not in answer or k not in sdk.made_up}

    plain, recorded, played = (
        changed([plain_value(result) for result in results], without_made_up)
        for results in (rehearsal.plain, rehearsal.recorded, rehearsal.played)
    )
    assert played == recorded

    ids = {f"rec-{name[:12]}" for name in rehearsal.files}

    def without_digits(answer):
        return answer | ({"id": "rec-"} if answer.get("id") in ids else {})

    def without_headers(answer):
        return {k: v for k, v in answer.items() if k not in _HEADERS}

    given, stored = changed(plain, as_stored), changed(recorded, without_digits)
    assert changed(stored, without_headers) == changed(given, without_headers)

    lengths = sorted(map(len, rehearsal.streams))
    assert len(lengths) == len(call.stream_lengths)
    for length, sent in zip(lengths, call.stream_lengths, strict=True):
        assert sent - sdk.unread <= length <= sent
    for chunks in rehearsal.streams:
        assert all(isinstance(chunk["__data__"], dict) and chunk["__type__"] for chunk in chunks)

    for name, text in rehearsal.files.items():
        assert LIVE_KEY not in text, name
        assert OTHER_KEY not in text, name
