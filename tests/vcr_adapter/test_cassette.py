"""What the cassette shows to those who hold it, and which answer comes next."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import openai
import pytest
from vcr.errors import UnhandledHTTPRequestError
from vcr.record_mode import RecordMode
from vcr.request import Request

import hashtape
from loopback import LoopbackServer, Reply


@pytest.fixture
def request_for(server):
    def make(path):
        return Request("GET", server.origin + path, b"", {})

    return make


@pytest.fixture
def three(cassette, get):
    """A cassette with two answers to /one and one to /two."""
    with hashtape.use_cassette(cassette):
        get("/one")
        get("/two")
        get("/one")
    return cassette


def playing(path, **options):
    return hashtape.use_cassette(path, record_mode="none", **options)


def number_of(response):
    return json.loads(response["body"]["string"])["number"]


# --- What it shows -------------------------------------------------------------------------------------


def test_while_recording_it_shows_requests_and_responses_in_their_order(cassette, get, server):
    with hashtape.use_cassette(cassette) as opened:
        for path in ("/one", "/two", "/one"):
            get(path)
        assert [request.uri for request in opened.requests] == [
            server.origin + path for path in ("/one", "/two", "/one")
        ]
        assert [number_of(response) for response in opened.responses] == [1, 2, 3]
        assert len(opened) == 3
        assert opened.play_count == 0


def test_while_playing_it_shows_what_was_played_first_and_then_the_rest(three, get):
    with playing(three) as opened:
        assert len(opened) == 3
        get("/two")
        get("/one")
        assert [request.path for request in opened.requests] == ["/two", "/one", "/one"]
        assert [number_of(response) for response in opened.responses] == [2, 1, 3]
        assert len(opened) == 3


def test_it_goes_on_showing_them_after_it_was_closed(three, get):
    with playing(three) as opened:
        get("/two")
    assert len(opened.requests) == len(opened.responses) == len(opened) == 3
    assert opened.play_count == 1


def test_a_request_is_shown_as_it_was_on_the_wire(cassette, server, ask):
    for _ in range(2):
        with hashtape.use_cassette(cassette) as opened:
            ask("hi")
        (request,) = opened.requests
        assert request.method == "POST"
        assert request.uri == f"{server.base_url}/chat/completions"
        assert json.loads(request.body)["messages"] == [{"role": "user", "content": "hi"}]


@pytest.mark.parametrize("stream", [False, True])
def test_the_body_of_a_response_is_the_bytes_that_the_client_gets(cassette, ask, stream):
    bodies = []
    for _ in range(2):
        with hashtape.use_cassette(cassette) as opened:
            ask("hi", stream=stream)
        (response,) = opened.responses
        assert response["status"] == {"code": 200, "message": "OK"}
        bodies.append(response["body"]["string"])
    assert bodies[0] == bodies[1]
    assert isinstance(bodies[0], bytes)
    assert bodies[0].endswith(b"data: [DONE]\n\n") == stream


def test_the_headers_of_a_response_are_lists(cassette, server, http):
    server.script(Reply(status=302, headers={"location": "/two"}))
    with hashtape.use_cassette(cassette) as opened:
        http.get(server.origin)
    assert opened.responses[0]["headers"]["location"] == ["/two"]


def test_play_count_and_all_played(three, get):
    with playing(three) as opened:
        shown = [(opened.play_count, opened.all_played)]
        for path in ("/one", "/two", "/one"):
            get(path)
            shown.append((opened.play_count, opened.all_played))
    assert shown == [(0, False), (1, False), (2, False), (3, True)]


def test_play_counts_counts_each_answer(three, get):
    with playing(three, allow_playback_repeats=True) as opened:
        for path in ("/one", "/one", "/one", "/two"):
            get(path)
        assert sorted(opened.play_counts.values()) == [1, 1, 2]
        assert opened.play_count == sum(opened.play_counts.values()) == 4


def test_an_empty_cassette_has_played_everything(cassette):
    with playing(cassette) as opened:
        assert (len(opened), opened.play_count, opened.all_played) == (0, 0, True)
        assert opened.requests == opened.responses == []


def test_a_request_is_in_it_as_long_as_it_has_an_answer_left(three, get, request_for):
    with playing(three) as opened:
        assert request_for("/two") in opened
        assert request_for("/three") not in opened
        get("/two")
        assert request_for("/two") not in opened
        get("/one")
        assert request_for("/one") in opened


def test_looking_plays_nothing(three, request_for):
    with playing(three) as opened:
        assert request_for("/one") in opened
        assert opened.can_play_response_for(request_for("/one"))
        opened.responses_of(request_for("/one"))
        assert opened.requests
        assert opened.play_count == 0


def test_responses_of_gives_all_answers_played_or_not(three, get, request_for):
    with playing(three) as opened:
        get("/one")
        assert [number_of(r) for r in opened.responses_of(request_for("/one"))] == [1, 3]
        with pytest.raises(UnhandledHTTPRequestError, match="has no recording of"):
            opened.responses_of(request_for("/three"))


def test_play_response_plays_the_next_answer(three, request_for):
    with playing(three) as opened:
        assert opened.can_play_response_for(request_for("/one"))
        assert number_of(opened.play_response(request_for("/one"))) == 1
        assert number_of(opened.play_response(request_for("/one"))) == 3
        assert opened.play_count == 2
        assert not opened.can_play_response_for(request_for("/one"))
        with pytest.raises(UnhandledHTTPRequestError, match="has no recording of"):
            opened.play_response(request_for("/one"))


def test_append_records_a_response(cassette, request_for, get, server):
    response = {
        "status": {"code": 200, "message": "OK"},
        "headers": {"Content-Type": ["application/json"]},
        "body": {"string": b'{"number": 7}'},
    }
    with hashtape.use_cassette(cassette) as opened:
        opened.append(request_for("/one"), response)
    with playing(cassette):
        assert get("/one") == 7
    assert server.hits == 0


def test_rewind_plays_everything_again(three, get):
    with playing(three) as opened:
        first = [get("/one"), get("/one"), get("/two")]
        opened.rewind()
        assert (opened.play_count, opened.all_played) == (0, False)
        assert [get("/one"), get("/one"), get("/two")] == first
        assert opened.play_count == 3


def test_rewind_lets_what_was_recorded_just_now_be_played(cassette, server, get):
    with hashtape.use_cassette(cassette) as opened:
        first = [get("/one"), get("/one")]
        opened.rewind()
        assert [get("/one"), get("/one")] == first
    assert server.hits == 2


@pytest.mark.parametrize("mode", ["none", "once", "new_episodes", "all"])
def test_path_and_record_mode(three, mode):
    with hashtape.use_cassette(three, record_mode=mode) as opened:
        assert opened.path == str(three)
        assert opened.record_mode == RecordMode(mode)


@pytest.mark.parametrize(
    ("mode", "before", "after"),
    [
        ("none", True, True),
        ("once", False, True),
        ("new_episodes", False, False),
        ("all", False, False),
        ("rewrite", False, False),
    ],
)
def test_write_protected(cassette, get, mode, before, after):
    with hashtape.use_cassette(cassette, record_mode=mode) as opened:
        assert opened.write_protected == before
    with hashtape.use_cassette(cassette):
        get()
    with hashtape.use_cassette(cassette, record_mode=mode) as opened:
        assert opened.write_protected == after


def test_once_is_not_write_protected_while_it_records_for_the_first_time(cassette, get):
    with hashtape.use_cassette(cassette) as opened:
        get()
        assert not opened.write_protected


# --- The same request again ----------------------------------------------------------------------------


def test_the_same_request_gets_its_answers_in_order(cassette, server, get, recordings):
    for mode in ("once", "none"):
        with hashtape.use_cassette(cassette, record_mode=mode):
            assert [get() for _ in range(3)] == [1, 2, 3]
    assert server.hits == 3
    (recording,) = recordings(cassette).values()
    assert recording["response"]["body"]["number"] == 1
    assert [answer["body"]["number"] for answer in recording["later_responses"]] == [2, 3]


def test_the_same_chat_call_gets_its_answers_in_order(cassette, server, ask):
    for mode in ("once", "none"):
        with hashtape.use_cassette(cassette, record_mode=mode):
            assert [ask(stream=stream) for stream in (False, True, False, True)] == [
                f"answer {number} to hi" for number in (1, 2, 3, 4)
            ]
    assert server.hits == 4


@pytest.mark.parametrize("mode", ["once", "all", "rewrite"])
@pytest.mark.parametrize("saves", [True, False], ids=["saved at once", "saved at the end"])
def test_requests_on_their_way_at_once_get_their_answers_in_the_order_of_asking(
    cassette, server, mode, saves
):
    def answers():
        url = f"{server.origin}/same"
        with ThreadPoolExecutor() as pool, httpx.Client() as http:
            before = server.hits
            first = pool.submit(http.get, url)
            while server.hits == before and not first.done():
                time.sleep(0.005)
            second = http.get(url)
            return [first.result().json(), second.json()]

    slow, quick = Reply(chunks=[b'{"number":1}'], delay=0.2), Reply(body=b'{"number":2}')
    server.script(slow, quick)
    with hashtape.use_cassette(cassette, record_mode=mode, record_on_exception=saves):
        assert answers() == [{"number": 1}, {"number": 2}]
    with playing(cassette):
        assert answers() == [{"number": 1}, {"number": 2}]


def test_new_episodes_adds_an_answer_after_those_that_it_played(cassette, server, get):
    for calls in (1, 2, 3):
        with hashtape.use_cassette(cassette, record_mode="new_episodes"):
            assert [get() for _ in range(calls)] == list(range(1, calls + 1))
    assert server.hits == 3


def test_all_replaces_the_answers_one_by_one(cassette, get):
    with hashtape.use_cassette(cassette):
        assert [get() for _ in range(3)] == [1, 2, 3]
    with hashtape.use_cassette(cassette, record_mode="all"):
        assert [get(), get()] == [4, 5]
    with playing(cassette):
        assert [get() for _ in range(3)] == [4, 5, 3]


def test_with_repeats_the_last_answer_is_played_on_and_on(three, get):
    with playing(three, allow_playback_repeats=True):
        assert [get("/one") for _ in range(4)] == [1, 3, 3, 3]


def test_with_repeats_an_answer_that_was_recorded_just_now_is_played(cassette, server, get):
    with hashtape.use_cassette(cassette, allow_playback_repeats=True):
        assert [get(), get()] == [1, 1]
    assert server.hits == 1


# --- Retries -------------------------------------------------------------------------------------------


LIMITED = b'{"error": {"message": "slow down", "type": "rate_limit", "code": null, "param": null}}'


def limited(**headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status=429, body=LIMITED, headers={"content-type": "application/json", **named})


@pytest.fixture
def naps(monkeypatch):
    """How long somebody slept, instead of sleeping."""
    taken = []
    monkeypatch.setattr(time, "sleep", lambda seconds: taken.append(seconds) if seconds else None)
    return taken


@pytest.fixture
def retrying(server):
    with openai.OpenAI(base_url=server.base_url, api_key="test-key", max_retries=2) as client:

        def call():
            messages = [{"role": "user", "content": "hi"}]
            answer = client.chat.completions.with_raw_response.create(model="demo", messages=messages)
            return answer.retries_taken, answer.parse().choices[0].message.content

        yield call


@pytest.mark.parametrize(
    "headers", [{"retry_after": "20"}, {"retry_after_ms": "20000"}], ids=lambda headers: next(iter(headers))
)
def test_a_retry_after_a_429_is_played_as_it_was_and_without_waiting(
    cassette, server, retrying, naps, recordings, headers
):
    server.script(limited(**headers), limited(**headers))
    with hashtape.use_cassette(cassette):
        assert retrying() == (2, "answer 3 to hi")
    assert sum(naps) == 40
    naps.clear()
    with playing(cassette) as opened:
        assert retrying() == (2, "answer 3 to hi")
        assert opened.play_count == 3
        assert [response["status"]["code"] for response in opened.responses] == [429, 429, 200]
    assert sum(naps) < 0.1
    assert server.hits == 3
    (recording,) = recordings(cassette).values()
    statuses = [answer.get("status") for answer in (recording["response"], *recording["later_responses"])]
    assert statuses == [429, 429, None]
    name, value = next(iter(headers.items()))
    assert recording["response"]["headers"][name.replace("_", "-")] == value


async def test_an_async_client_does_not_wait_either(cassette, server):
    server.script(limited(retry_after_ms="1"))
    messages = [{"role": "user", "content": "hi"}]
    for _ in range(2):
        async with openai.AsyncOpenAI(base_url=server.base_url, api_key="test-key", max_retries=2) as client:
            started = time.monotonic()
            with hashtape.use_cassette(cassette):
                answer = await client.chat.completions.create(model="demo", messages=messages)
        assert answer.choices[0].message.content == "answer 2 to hi"
        (path,) = cassette.iterdir()
        path.write_text(path.read_text().replace('"retry-after-ms": "1"', '"retry-after": "20"'))
    assert time.monotonic() - started < 5
    assert server.hits == 2


def test_a_429_that_is_not_retried_is_the_error_of_the_client(cassette, server, client):
    server.script(limited(retry_after="20"))
    for _ in range(2):
        with hashtape.use_cassette(cassette), pytest.raises(openai.RateLimitError, match="slow down"):
            client.chat.completions.create(model="demo", messages=[{"role": "user", "content": "hi"}])
    assert server.hits == 1


# --- Several hosts -------------------------------------------------------------------------------------


@pytest.fixture
def other():
    running = LoopbackServer().start()
    running.received.append(None)  # so that its answers have other numbers
    yield running
    running.stop()


@pytest.fixture
def ask_at(http):
    def call(host):
        body = {"model": "demo", "messages": [{"role": "user", "content": "hi"}]}
        response = http.post(f"{host.base_url}/chat/completions", json=body).json()
        return int(response["choices"][0]["message"]["content"].split()[1])

    return call


@pytest.mark.parametrize("order", ["as recorded", "the other way round"])
def test_two_hosts_that_are_asked_the_same_give_their_own_answers(cassette, server, other, ask_at, order):
    with hashtape.use_cassette(cassette):
        expected = [(host, ask_at(host)) for host in (server, other, server, other)]
    assert [number for _, number in expected] == [1, 2, 2, 3]
    if order == "the other way round":
        expected = [expected[n] for n in (1, 0, 3, 2)]
    with playing(cassette) as opened:
        for host, number in expected:
            assert ask_at(host) == number
        assert opened.all_played
    assert (server.hits, other.hits) == (2, 3)


def test_an_answer_of_another_host_names_its_url(cassette, server, other, ask_at, recordings):
    with hashtape.use_cassette(cassette):
        ask_at(server)
        ask_at(other)
    (recording,) = recordings(cassette).values()
    assert recording["request"]["url"].startswith(server.origin)
    assert "url" not in recording["response"]
    assert recording["later_responses"][0]["url"].startswith(other.origin)


def test_a_cassette_plays_at_another_host(cassette, server, other, ask_at):
    with hashtape.use_cassette(cassette):
        ask_at(server)
    with playing(cassette):
        assert ask_at(other) == 1
    assert (server.hits, other.hits) == (1, 1)


# --- Large cassettes -----------------------------------------------------------------------------------


_watched: list = []


def _note(event, args):
    if _watched and event == "open" and str(args[0]).startswith(_watched[0]):
        _watched.append(str(args[0]))


@contextlib.contextmanager
def opened_files(directory):
    """Notes which files of a directory are opened, by whoever."""
    if not hasattr(_note, "is_installed"):
        sys.addaudithook(_note)
        _note.is_installed = True
    files = []
    _watched[:] = [str(directory)]
    try:
        yield files
    finally:
        files += _watched[1:]
        _watched.clear()


@pytest.fixture
def large(cassette, three):
    """A cassette with 300 more files, which are garbage."""
    for number in range(300):
        (cassette / f"{number:064x}.json").write_text("garbage")
    return cassette


@pytest.mark.parametrize("mode", ["none", "once", "new_episodes"])
def test_nothing_is_read_but_what_is_asked_for(large, server, get, mode):
    with opened_files(large) as files, hashtape.use_cassette(large, record_mode=mode):
        pass
    assert files == []
    with opened_files(large) as files, hashtape.use_cassette(large, record_mode=mode):
        assert [get("/one"), get("/two"), get("/one")] == [1, 2, 3]
    names = {hashtape.request_id("GET", server.origin + path, None) for path in ("/one", "/two")}
    assert sorted(files) == sorted(str(large / f"{name}.json") for name in names)


def test_garbage_beside_it_does_not_disturb_a_miss(large, get, server):
    with playing(large), pytest.raises(hashtape.MissError, match="No recording for GET"):
        get("/three")


def test_files_of_other_kinds_are_not_looked_at(three, get):
    (three / "notes.txt").write_text("garbage")
    (three / ".hidden.json").write_text("garbage")
    (three / "more").mkdir()
    with opened_files(three) as files, playing(three) as opened:
        assert get("/two") == 2
        assert len(opened) == 3
    assert not [name for name in files if "notes" in name or "hidden" in name]
