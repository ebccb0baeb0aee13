"""Many threads, and several cassettes at once: nothing is lost, and nothing gets past."""

from __future__ import annotations

import asyncio
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import openai
import pytest

import hashtape
from clients import EVERY_CLIENT, fetch

THREADS = 16
CALLS = 64


def question(number):
    return {"model": "demo", "messages": [{"role": "user", "content": f"question {number}"}]}


def in_threads(work, count=CALLS):
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(work, range(count)))


@pytest.mark.parametrize("client", EVERY_CLIENT)
def test_sixteen_threads_record_everything_and_replay_everything(cassette, server, client):
    count = CALLS if client in {"httpx", "requests", "aiohttp"} else 24

    def ask(number):
        _, content = fetch(client, "POST", server.base_url + "/chat/completions", question(number))
        return json.loads(content)["choices"][0]["message"]["content"]

    with hashtape.use_cassette(cassette):
        recorded = in_threads(ask, count)
    assert len(list(cassette.glob("*.json"))) == server.hits == count
    with hashtape.use_cassette(cassette, record_mode="none"):
        assert in_threads(ask, count) == recorded
    assert server.hits == count


@pytest.mark.parametrize("stream", [False, True])
def test_sixteen_threads_of_the_openai_client(cassette, server, client, stream):
    def ask(number):
        answer = client.chat.completions.create(**question(number), stream=stream)
        if stream:
            return "".join(chunk.choices[0].delta.content or "" for chunk in answer)
        return answer.choices[0].message.content

    with hashtape.use_cassette(cassette):
        recorded = in_threads(ask)
    assert len(list(cassette.glob("*.json"))) == CALLS
    with hashtape.use_cassette(cassette, record_mode="none"):
        assert in_threads(ask) == recorded
    assert server.hits == CALLS


def test_two_hundred_streams_of_one_loop_of_which_some_are_cancelled(cassette, server):
    async def ask(sdk, number):
        stream = await sdk.chat.completions.create(**question(number), stream=True)
        text = []
        async for chunk in stream:
            text.append(chunk.choices[0].delta.content or "")
            if number % 10 == 0 and len(text) == 2:
                asyncio.current_task().cancel()
                await asyncio.sleep(0)
        return "".join(text)

    async def all_of_them():
        async with openai.AsyncOpenAI(base_url=server.base_url, api_key="test-key", max_retries=0) as sdk:
            return await asyncio.gather(*(ask(sdk, n) for n in range(200)), return_exceptions=True)

    outcomes = []
    for mode in ("once", "none"):
        with hashtape.use_cassette(cassette, record_mode=mode):
            outcomes.append(asyncio.run(all_of_them()))
    assert [isinstance(text, asyncio.CancelledError) for text in outcomes[0]] == [
        number % 10 == 0 for number in range(200)
    ]
    assert [repr(text) for text in outcomes[0]] == [repr(text) for text in outcomes[1]]
    assert server.hits == 200


@pytest.mark.parametrize("client", ["httpx", "requests", "aiohttp", "http.client"])
def test_two_cassettes_in_two_threads_keep_apart(tmp_path, server, client):
    both_open = threading.Barrier(2)

    def work(name):
        with hashtape.use_cassette(tmp_path / name):
            both_open.wait(5)
            for number in range(5):
                fetch(client, "GET", f"{server.origin}/{name}/{number}")
            both_open.wait(5)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, ["one", "two"]))
    for name in ("one", "two"):
        urls = [json.loads(path.read_text())["request"]["url"] for path in (tmp_path / name).glob("*.json")]
        assert sorted(urls) == [f"{server.origin}/{name}/{number}" for number in range(5)]
    fetch(client, "GET", f"{server.origin}/after")
    assert server.hits == 11


def test_two_cassettes_in_two_tasks_keep_apart(tmp_path, server):
    import httpx

    async def work(name):
        with hashtape.use_cassette(tmp_path / name):
            async with httpx.AsyncClient(verify=False) as client:
                for number in range(3):
                    await client.get(f"{server.origin}/{name}/{number}")
                    await asyncio.sleep(0.01)

    async def both():
        await asyncio.gather(work("one"), work("two"))

    asyncio.run(both())
    for name in ("one", "two"):
        urls = [json.loads(path.read_text())["request"]["url"] for path in (tmp_path / name).glob("*.json")]
        assert sorted(urls) == [f"{server.origin}/{name}/{number}" for number in range(3)]


def test_a_thread_that_opened_none_of_several_is_told_so(tmp_path, server):
    opened, done = threading.Event(), threading.Event()

    def hold():
        with hashtape.use_cassette(tmp_path / "other"):
            opened.set()
            done.wait(5)

    with ThreadPoolExecutor(2) as pool:
        other = pool.submit(hold)
        opened.wait(5)
        with hashtape.use_cassette(tmp_path / "mine"):
            asked = pool.submit(fetch, "requests", "GET", server.origin + "/x")
            with pytest.raises(hashtape.AmbiguousCassetteError, match=r"mine.* and .*other.*use_cassette"):
                asked.result()
            fetch("requests", "GET", server.origin + "/mine")
        done.set()
        other.result()
    assert server.hits == 1
    assert len(list((tmp_path / "mine").glob("*.json"))) == 1


def test_nested_cassettes_the_innermost_gets_the_calls(tmp_path, server):
    with hashtape.use_cassette(tmp_path / "outer"):
        fetch("requests", "GET", server.origin + "/1")
        with hashtape.use_cassette(tmp_path / "inner"):
            fetch("requests", "GET", server.origin + "/2")
        fetch("requests", "GET", server.origin + "/3")
    assert len(list((tmp_path / "outer").glob("*.json"))) == 2
    assert len(list((tmp_path / "inner").glob("*.json"))) == 1
