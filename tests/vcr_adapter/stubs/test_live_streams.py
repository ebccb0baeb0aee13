from __future__ import annotations

import asyncio
import json
import zlib

import openai
import pytest

import hashtape
from loopback import Gate, Reply, chat_chunks, sse

WORDS = [f" w{number}" for number in range(20)]
EVENTS = sse(*chat_chunks(1, "demo", WORDS))
HEADERS = {"content-type": "text/event-stream"}


def start(client):
    return client.chat.completions.create(
        model="demo", messages=[{"role": "user", "content": "hi"}], stream=True
    )


def words(stream):
    return [chunk.choices[0].delta.content for chunk in stream if chunk.choices[0].delta.content]


def only(cassette):
    (path,) = cassette.glob("*.json")
    return json.loads(path.read_text())["response"]


def test_the_first_chunk_comes_before_the_server_has_sent_the_last(cassette, server, client):
    gate = Gate(EVENTS)
    server.script(Reply(chunks=gate, headers=HEADERS))
    with hashtape.use_cassette(cassette):
        stream = start(client)
        next(iter(stream))
        gate.open()
        assert words(stream) == WORDS
    assert not gate.gave_up
    with hashtape.use_cassette(cassette, record_mode="none"):
        assert words(start(client)) == WORDS
    assert server.hits == 1


def test_each_chunk_has_the_id_and_time_of_the_replay(cassette, server, client):
    server.script(Reply(chunks=EVENTS, headers=HEADERS))
    seen = []
    for mode in ("once", "none"):
        with hashtape.use_cassette(cassette, record_mode=mode):
            seen.append([chunk.to_dict() for chunk in start(client)])
    assert seen[0] == seen[1]
    assert {chunk["created"] for chunk in seen[0]} == {0}
    assert len(seen[0]) == len(EVENTS) - 1
    assert only(cassette)["is_streaming"] is True


@pytest.mark.parametrize("size", [1, 7, 64, 5000])
def test_however_the_network_cuts_the_bytes(cassette, server, client, size):
    body = b"".join(EVENTS)
    chunks = [body[start : start + size] for start in range(0, len(body), size)]
    server.script(Reply(chunks=chunks, headers=HEADERS))
    for mode in ("once", "none"):
        with hashtape.use_cassette(cassette, record_mode=mode):
            assert words(start(client)) == WORDS
    assert len(only(cassette)["body"]) == len(EVENTS) - 1


def test_a_client_that_breaks_off_does_not_wait_and_a_replay_ends_where_it_did(cassette, server, client):
    gate = Gate(EVENTS, after=3)
    server.script(Reply(chunks=gate, headers=HEADERS))
    with hashtape.use_cassette(cassette), start(client) as stream:
        chunks = iter(stream)
        seen = [next(chunks).to_dict() for _ in range(3)]
    assert not gate.gave_up
    stored = only(cassette)
    assert stored["is_exception"] is True
    assert stored["exception_data"]["category"] == "transport"
    with hashtape.use_cassette(cassette, record_mode="none"):
        with start(client) as stream:
            chunks = iter(stream)
            assert [next(chunks).to_dict() for _ in range(3)] == seen
        assert server.hits == 1


def test_a_stream_that_nobody_closes_is_stored_when_the_cassette_closes(cassette, server, client):
    server.script(Reply(chunks=Gate(EVENTS), headers=HEADERS))
    with hashtape.use_cassette(cassette):
        stream = start(client)
        first = next(iter(stream)).to_dict()
    assert only(cassette)["body"][0]["__data__"] == first
    stream.close()
    assert only(cassette)["is_exception"] is True


def test_a_replay_that_reads_further_than_the_recording_says_so(cassette, server, client):
    server.script(Reply(chunks=Gate(EVENTS), headers=HEADERS))
    with hashtape.use_cassette(cassette), start(client) as stream:
        next(iter(stream))
    with hashtape.use_cassette(cassette, record_mode="none"), pytest.raises(Exception) as caught:
        words(start(client))
    errors = [caught.value, caught.value.__cause__]
    assert any(isinstance(error, hashtape.CutRecordingError) for error in errors)
    assert "record it again" in str(next(e for e in errors if isinstance(e, hashtape.CutRecordingError)))


def test_a_connection_that_drops_gives_its_chunks_and_the_failure_both_times(cassette, server, client):
    server.script(Reply(chunks=EVENTS[:4], headers=HEADERS, breaks=True))
    outcomes = []
    for mode in ("once", "none"):
        seen = []
        with hashtape.use_cassette(cassette, record_mode=mode), pytest.raises(Exception) as caught:
            seen.extend(chunk.to_dict() for chunk in start(client))
        outcomes.append((len(seen), type(caught.value)))
    assert outcomes[0] == outcomes[1]
    assert outcomes[0][0] == 4
    assert server.hits == 1
    assert len(only(cassette)["body"]) == 4


def test_the_beginning_of_a_chunk_before_a_drop_is_not_lost(cassette, server, client):
    server.script(Reply(chunks=[*EVENTS[:2], EVENTS[2][:10]], headers=HEADERS, breaks=True))
    with hashtape.use_cassette(cassette), pytest.raises(Exception, match=r"."):
        list(start(client))
    assert only(cassette)["exception_data"]["rest"] == EVENTS[2][:10].decode()


def test_a_recording_that_breaks_off_leaves_the_old_file(cassette, server, client):
    server.script(
        Reply(chunks=EVENTS, headers=HEADERS), Reply(chunks=EVENTS[:3], headers=HEADERS, breaks=True)
    )
    with hashtape.use_cassette(cassette):
        list(start(client))
    before = {path: path.read_bytes() for path in cassette.iterdir()}
    with hashtape.use_cassette(cassette, record_mode="all"), pytest.raises(Exception, match=r"."):
        list(start(client))
    assert {path: path.read_bytes() for path in cassette.iterdir()} == before


@pytest.mark.parametrize(
    "tail",
    [
        [b"data: {broken\n\n", b"data: [DONE]\n\n"],
        [b": a comment\n\n", b"data: [DONE]\n\n"],
        [b"data: [DONE]\n\n", b"data: {}\n\n"],
        [b"data: {}"],
        [],
    ],
    ids=["bad JSON", "comment", "after the end", "cut", "no end"],
)
def test_a_stream_that_deviates_is_decoded_and_comes_back_as_it_was(cassette, server, tail):
    import httpx

    server.script(Reply(chunks=[*EVENTS[:3], *tail], headers=HEADERS))
    request = {"model": "demo", "messages": [], "stream": True}
    answers = []
    for mode in ("once", "none"):
        with hashtape.use_cassette(cassette, record_mode=mode):
            answers.append(httpx.post(f"{server.base_url}/chat/completions", json=request).content)
    assert answers[0] == answers[1]
    assert answers[0].endswith(b"".join(tail))
    assert answers[0].count(b'"id":"rec-') == 3
    assert len(only(cassette)["body"]) >= 3
    assert "is_exception" not in only(cassette)


def test_many_streams_at_once_some_of_them_cancelled(cassette, server):
    async def one(client, number):
        stream = await client.chat.completions.create(
            model="demo", messages=[{"role": "user", "content": f"{number}"}], stream=True
        )
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
        return text.endswith(f"to {number}")

    async def everything():
        async with openai.AsyncOpenAI(
            base_url=server.base_url, api_key="k", max_retries=0, timeout=30
        ) as client:
            tasks = [asyncio.create_task(one(client, number)) for number in range(60)]
            await asyncio.sleep(0.01)
            for task in tasks[::10]:
                task.cancel()
            return await asyncio.gather(*tasks, return_exceptions=True)

    with hashtape.use_cassette(cassette):
        results = asyncio.run(everything())
    finished = [result for result in results if result is True]
    assert len(finished) + sum(isinstance(r, asyncio.CancelledError) for r in results) == 60
    assert len(finished) >= 54
    whole = [
        r
        for p in cassette.glob("*.json")
        if "is_exception" not in (r := json.loads(p.read_text())["response"])
    ]
    assert len(whole) >= len(finished)


@pytest.mark.parametrize("mode", ["all", "rewrite"])
def test_asking_again_and_reading_less_keeps_the_old_answer(cassette, server, client, mode):
    for _ in range(2):
        server.script(Reply(chunks=EVENTS, headers=HEADERS))
    with hashtape.use_cassette(cassette):
        list(start(client))
    before = {path: path.read_bytes() for path in cassette.iterdir()}
    with hashtape.use_cassette(cassette, record_mode=mode), start(client) as stream:
        next(iter(stream))
    assert server.hits == 2
    assert {path: path.read_bytes() for path in cassette.iterdir()} == before


COMMENT = b": OPENROUTER PROCESSING\n\n"
CRLF = [event.replace(b"\n", b"\r\n") for event in EVENTS]


@pytest.mark.parametrize(
    "events",
    [[COMMENT, *EVENTS], [*EVENTS[:5], COMMENT, *EVENTS[5:]], CRLF],
    ids=["comment first", "comment later", "CRLF"],
)
def test_a_stream_that_deviates_is_live_and_not_lost_when_the_client_stops_at_its_end(
    cassette, server, client, events
):
    gate = Gate(events, after=2)
    server.script(Reply(chunks=gate, headers=HEADERS))
    with hashtape.use_cassette(cassette):
        stream = iter(start(client))
        next(stream)
        gate.open()
        assert words(stream) == WORDS
    assert not gate.gave_up
    assert len(only(cassette)["body"]) == len(EVENTS) - 1
    with hashtape.use_cassette(cassette, record_mode="none"):
        assert words(start(client)) == WORDS
    assert server.hits == 1


def test_a_stream_that_deviates_and_is_not_read_to_its_end_is_marked(cassette, server, client):
    server.script(Reply(chunks=Gate([COMMENT, *EVENTS], after=2), headers=HEADERS))
    with hashtape.use_cassette(cassette), start(client) as stream:
        next(iter(stream))
    assert only(cassette)["is_exception"] is True
    assert COMMENT.decode() in str(only(cassette)["framing"]).replace("\\n", "\n")
    with hashtape.use_cassette(cassette, record_mode="none"):
        with start(client) as stream:
            next(iter(stream))
        assert server.hits == 1


# --- The ways in which the SDK hands out a stream --------------------------------------------------------

QUESTION = {"model": "demo", "messages": [{"role": "user", "content": "hi"}], "stream": True}


def raw_response(client):
    response = client.chat.completions.with_raw_response.create(**QUESTION)
    assert response.headers["content-type"].startswith("text/event-stream")
    return [chunk.to_dict() for chunk in response.parse()]


def streaming_response(client):
    with client.chat.completions.with_streaming_response.create(**QUESTION) as response:
        return [line for line in response.iter_lines() if line]


def streaming_bytes(client):
    with client.chat.completions.with_streaming_response.create(**QUESTION) as response:
        return b"".join(response.iter_bytes())


def streaming_whole(client):
    with client.chat.completions.with_streaming_response.create(**QUESTION) as response:
        return response.read()


@pytest.mark.parametrize("read", [raw_response, streaming_response, streaming_bytes, streaming_whole])
def test_every_way_to_read_a_stream_gives_the_same_on_replay(cassette, server, client, read):
    server.script(Reply(chunks=EVENTS, headers=HEADERS))
    seen = []
    for mode in ("once", "none"):
        with hashtape.use_cassette(cassette, record_mode=mode):
            seen.append(read(client))
    assert seen[0] == seen[1]
    assert len(only(cassette)["body"]) == len(EVENTS) - 1
    assert server.hits == 1


@pytest.mark.parametrize("module", ["httpx", "httpx2"])
@pytest.mark.parametrize("method", ["aiter_raw", "aiter_bytes", "aiter_text", "aiter_lines"])
def test_every_way_to_iterate_over_an_async_response_is_live(cassette, server, module, method):
    httpx = pytest.importorskip(module)
    gate = Gate(EVENTS)
    server.script(Reply(chunks=gate, headers=HEADERS))

    async def read():
        parts = []
        async with (
            httpx.AsyncClient(verify=False) as client,
            client.stream("POST", f"{server.base_url}/chat/completions", json=QUESTION) as response,
        ):
            async for part in getattr(response, method)():
                gate.open()
                parts.append(part)
        return parts

    with hashtape.use_cassette(cassette):
        parts = asyncio.run(read())
    assert not gate.gave_up
    with hashtape.use_cassette(cassette, record_mode="none"):
        again = asyncio.run(read())
    assert parts[0][:0].join(again) == parts[0][:0].join(parts)


def test_a_stalled_stream_of_the_sdk_times_out_the_same_way_again(cassette, server, client):
    server.script(Reply(chunks=Gate(EVENTS, after=3), headers=HEADERS))
    impatient = client.with_options(timeout=0.6)
    outcomes = []
    for mode in ("once", "none"):
        seen = []
        with hashtape.use_cassette(cassette, record_mode=mode), pytest.raises(Exception) as caught:
            seen.extend(chunk.to_dict() for chunk in start(impatient))
        outcomes.append((seen, type(caught.value)))
    assert outcomes[0] == outcomes[1]
    assert len(outcomes[0][0]) == 3
    assert server.hits == 1


def test_a_task_that_is_cancelled_in_the_middle_leaves_what_came(cassette, server):
    server.script(Reply(chunks=Gate(EVENTS, after=3), headers=HEADERS))

    async def read(sdk, seen, has_three):
        async for chunk in await sdk.chat.completions.create(**QUESTION):
            seen.append(chunk.to_dict())
            if len(seen) == 3:
                has_three.set()

    async def cancel_soon():
        seen, has_three = [], asyncio.Event()
        async with openai.AsyncOpenAI(base_url=server.base_url, api_key="k", max_retries=0) as sdk:
            task = asyncio.create_task(read(sdk, seen, has_three))
            await has_three.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        return seen

    with hashtape.use_cassette(cassette):
        seen = asyncio.run(cancel_soon())
    stored = [entry["__data__"] for entry in only(cassette)["body"]]
    assert stored[: len(seen)] == seen
    assert only(cassette)["is_exception"] is True


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd"])
def test_a_compressed_stream_is_live_as_well(cassette, server, encoding):
    import httpx

    chunks = compressed(EVENTS, encoding)
    gate, parts = Gate(chunks), []
    server.script(Reply(chunks=gate, headers={**HEADERS, "content-encoding": encoding}))
    url = f"{server.base_url}/chat/completions"
    with hashtape.use_cassette(cassette), httpx.stream("POST", url, json=QUESTION) as response:
        for part in response.iter_bytes():
            gate.open()
            parts.append(part)
    assert not gate.gave_up
    assert len(only(cassette)["body"]) == len(EVENTS) - 1
    with hashtape.use_cassette(cassette, record_mode="none"):
        played = httpx.post(url, json=QUESTION)
    assert played.content == b"".join(parts)


def compressed(events, encoding):
    """The events in one compressed stream, each flushed so that it can be read at once."""
    if encoding in {"gzip", "deflate"}:
        stream = zlib.compressobj(wbits=31 if encoding == "gzip" else 15)
        parts = [stream.compress(event) + stream.flush(zlib.Z_SYNC_FLUSH) for event in events]
        return [*parts, stream.flush()]
    if encoding == "br":
        stream = pytest.importorskip("brotli").Compressor()
        parts = [stream.process(event) + stream.flush() for event in events]
        return [*parts, stream.finish()]
    zstandard = pytest.importorskip("zstandard")
    stream = zstandard.ZstdCompressor().compressobj()
    parts = [stream.compress(event) + stream.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK) for event in events]
    return [*parts, stream.flush()]
