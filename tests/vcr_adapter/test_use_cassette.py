from __future__ import annotations

import asyncio
import json

import httpx
import pytest
import vcr
from vcr.errors import CannotOverwriteExistingCassetteException

import hashtape
from loopback import Reply


@pytest.fixture
def get_and_fail(cassette, get):
    def call(*paths, **options):
        with hashtape.use_cassette(cassette, **options):
            for path in paths:
                get(path)
            raise KeyError("mine")

    return call


def names(directory):
    return sorted(path.name for path in directory.iterdir())


# --- Ways to use it ------------------------------------------------------------------------------------


def test_as_a_context_manager_it_records_once_and_then_plays(cassette, server, ask):
    answers = []
    for _ in range(3):
        with hashtape.use_cassette(cassette):
            answers.append(ask())
    assert server.hits == 1
    assert answers == ["answer 1 to hi"] * 3


def test_a_context_may_be_entered_again_after_it_was_left(cassette, server, get):
    context = hashtape.use_cassette(cassette)
    for _ in range(2):
        with context:
            assert get() == 1
    assert server.hits == 1


def test_outside_the_context_nothing_is_recorded_or_played(cassette, server, get):
    with hashtape.use_cassette(cassette):
        get()
    assert get() == 2
    assert get("/two") == 3
    assert len(names(cassette)) == 1


@pytest.mark.parametrize("path_type", [str, lambda path: path], ids=["str", "Path"])
def test_the_path_may_be_text_or_a_path(cassette, get, path_type):
    with hashtape.use_cassette(path_type(cassette)):
        get()
    assert len(names(cassette)) == 1


def test_a_decorated_function_plays_on_its_second_call(cassette, server, get):
    @hashtape.use_cassette(cassette)
    def call(path, *, times):
        return [get(path) for _ in range(times)]

    assert call("/one", times=2) == [1, 2]
    assert call("/one", times=2) == [1, 2]
    assert server.hits == 2
    assert call.__name__ == "call"


def test_a_decorated_function_may_call_itself(cassette, server, get):
    @hashtape.use_cassette(cassette, record_mode="new_episodes")
    def countdown(number):
        rest = countdown(number - 1) if number else []
        return [get(f"/{number}"), *rest]

    first = countdown(2)
    assert sorted(first) == [1, 2, 3]
    assert countdown(2) == first
    assert server.hits == 3


async def test_a_decorated_coroutine_function_plays_on_its_second_call(cassette, server):
    @hashtape.use_cassette(cassette)
    async def call():
        async with httpx.AsyncClient(verify=False) as client:
            response = await client.get(server.origin)
            await asyncio.sleep(0)
            return response.json()

    assert await call() == await call()
    assert server.hits == 1


def test_a_decorated_generator_function_has_its_cassette_from_first_to_last_step(cassette, server, get):
    @hashtape.use_cassette(cassette)
    def numbers():
        yield get("/one")
        yield get("/two")

    assert list(numbers()) == [1, 2]
    assert list(numbers()) == [1, 2]
    assert server.hits == 2
    assert get("/one") == 3


def test_a_decorated_generator_that_is_closed_early_closes_its_cassette(cassette, server, get):
    @hashtape.use_cassette(cassette)
    def numbers():
        yield get("/one")
        yield get("/two")

    steps = numbers()
    next(steps)
    steps.close()
    assert get("/one") == 2
    assert len(names(cassette)) == 1


def test_a_decorated_method_gets_its_instance(cassette, get):
    class Caller:
        path = "/mine"

        @hashtape.use_cassette(cassette)
        def call(self):
            return get(self.path)

    assert Caller().call() == Caller().call() == 1


async def test_several_tasks_of_one_cassette_get_their_own_answers(cassette, server):
    async def path_of(client, number):
        return (await client.get(f"{server.origin}/{number}")).json()["path"]

    for _ in range(2):
        async with httpx.AsyncClient(verify=False) as client:
            with hashtape.use_cassette(cassette):
                paths = await asyncio.gather(*(path_of(client, number) for number in range(10)))
        assert paths == [f"/{number}" for number in range(10)]
    assert server.hits == 10


def test_cassettes_may_be_nested_and_each_takes_what_is_called_within(tmp_path, server, get):
    outer, inner = tmp_path / "outer", tmp_path / "inner"
    for _ in range(2):
        with hashtape.use_cassette(outer) as outside:
            assert get("/before") == 1
            with hashtape.use_cassette(inner) as inside:
                assert get("/within") == 2
            assert get("/after") == 3
        assert [request.path for request in outside.requests] == ["/before", "/after"]
        assert [request.path for request in inside.requests] == ["/within"]
    assert server.hits == 3
    assert (len(names(outer)), len(names(inner))) == (2, 1)


def test_an_exception_within_reaches_the_caller_and_the_clients_are_as_before(get, get_and_fail):
    with pytest.raises(KeyError, match="mine"):
        get_and_fail("/one")
    assert get() == 2


def test_it_gives_the_cassette(cassette, get):
    with hashtape.use_cassette(cassette) as opened:
        get()
        assert len(opened) == 1
        assert opened.path == str(cassette)


# --- Where the recordings are --------------------------------------------------------------------------


def test_each_request_is_one_file_named_by_its_id(cassette, server, ask, get):
    with hashtape.use_cassette(cassette):
        ask()
        get("/other?page=2")
    body = {"model": "demo", "messages": [{"role": "user", "content": "hi"}], "stream": False}
    chat = hashtape.request_id("POST", f"{server.base_url}/v1/chat/completions", body)
    other = hashtape.request_id("GET", f"{server.origin}/other?page=2", None)
    assert names(cassette) == sorted([f"{chat}.json", f"{other}.json"])


def test_missing_parents_are_made(tmp_path, get):
    deep = tmp_path / "a" / "b" / "c"
    with hashtape.use_cassette(deep):
        get()
    assert len(names(deep)) == 1


def test_a_cassette_that_recorded_nothing_leaves_no_directory(cassette, server, http):
    server.stop()
    with hashtape.use_cassette(cassette):
        pass
    with hashtape.use_cassette(cassette), pytest.raises(httpx.ConnectError):
        http.get(server.origin)
    assert not cassette.exists()


def test_each_recording_is_on_the_disk_before_the_cassette_closes(cassette, get):
    with hashtape.use_cassette(cassette):
        get("/one")
        assert len(names(cassette)) == 1
        get("/two")
        assert len(names(cassette)) == 2


def test_a_path_that_is_a_file_is_refused_on_entering(tmp_path, server, http):
    path = tmp_path / "calls"
    path.write_text("mine")
    with (
        pytest.raises(hashtape.CassetteDirectoryError, match=r"calls: expected a directory .* got a file"),
        hashtape.use_cassette(path),
    ):
        http.get(server.origin)
    assert path.read_text() == "mine"
    assert server.hits == 0


@pytest.mark.parametrize("suffix", [".yaml", ".yml", ".json", ".d", ".v1.2"])
def test_the_path_names_the_directory_whatever_suffix_it_has(tmp_path, server, get, suffix):
    path = tmp_path / f"calls{suffix}"
    for _ in range(2):
        with hashtape.use_cassette(path):
            get()
    assert path.is_dir()
    assert names(tmp_path) == [path.name]
    assert server.hits == 1


def test_a_cassette_of_vcrpy_beside_the_directory_goes_on_playing(tmp_path, server, get):
    with vcr.VCR().use_cassette(str(tmp_path / "calls.yaml")):
        get()
    for mode in ("none", "once", "new_episodes"):
        with hashtape.use_cassette(tmp_path / "calls", record_mode=mode):
            assert get() == 1
    assert server.hits == 1
    assert names(tmp_path) == ["calls.yaml"]


# --- Record modes --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "calls"), [("none", 0), ("once", 1), ("new_episodes", 1), ("all", 1), ("rewrite", 1)]
)
def test_without_a_cassette_every_mode_but_none_records(cassette, server, get, mode, calls):
    with hashtape.use_cassette(cassette, record_mode=mode):
        if calls:
            get()
        else:
            with pytest.raises(hashtape.MissError):
                get()
    assert server.hits == calls
    assert cassette.exists() == bool(calls)


@pytest.mark.parametrize(
    ("mode", "calls"), [("none", 0), ("once", 0), ("new_episodes", 0), ("all", 1), ("rewrite", 1)]
)
def test_what_is_recorded_is_played_but_by_all_and_rewrite(cassette, server, get, recordings, mode, calls):
    with hashtape.use_cassette(cassette):
        get()
    with hashtape.use_cassette(cassette, record_mode=mode):
        assert get() == 1 + calls
    assert server.hits == 1 + calls
    (recording,) = recordings(cassette).values()
    assert recording["response"]["body"]["number"] == 1 + calls
    assert "later_responses" not in recording


@pytest.mark.parametrize(
    ("mode", "calls"), [("none", 0), ("once", 0), ("new_episodes", 1), ("all", 1), ("rewrite", 1)]
)
def test_a_new_request_to_a_cassette_that_exists(cassette, server, get, mode, calls):
    with hashtape.use_cassette(cassette):
        get("/old")
    with hashtape.use_cassette(cassette, record_mode=mode):
        if calls:
            get("/new")
        else:
            with pytest.raises(hashtape.MissError):
                get("/new")
    assert server.hits == 1 + calls


def test_once_records_all_new_requests_of_its_first_time(cassette, server, get):
    with hashtape.use_cassette(cassette, record_mode="once"):
        assert [get("/one"), get("/two"), get("/one")] == [1, 2, 3]
    assert server.hits == 3


@pytest.mark.parametrize(("mode", "kept"), [("all", 2), ("rewrite", 1)])
def test_only_rewrite_removes_what_is_not_used(cassette, get, mode, kept):
    with hashtape.use_cassette(cassette):
        get("/one")
        get("/two")
    with hashtape.use_cassette(cassette, record_mode=mode):
        get("/one")
    assert len(names(cassette)) == kept


def test_rewrite_removes_answers_that_were_not_asked_for_again(cassette, get, recordings):
    with hashtape.use_cassette(cassette):
        get()
        get()
    with hashtape.use_cassette(cassette, record_mode="rewrite"):
        get()
    (recording,) = recordings(cassette).values()
    assert recording["response"]["body"]["number"] == 3
    assert "later_responses" not in recording


def test_rewrite_removes_nothing_after_an_exception(cassette, get, get_and_fail):
    with hashtape.use_cassette(cassette):
        get("/one")
        get("/two")
    with pytest.raises(KeyError):
        get_and_fail("/one", record_mode="rewrite")
    assert len(names(cassette)) == 2


def test_rewrite_leaves_the_recordings_of_other_tests_alone(cassette, get, recordings):
    for test_id in ("test_a", "test_b"):
        with hashtape.use_cassette(cassette, test_id=test_id):
            get("/old")
    with hashtape.use_cassette(cassette, test_id="test_a", record_mode="rewrite"):
        get("/new")
    kept = sorted((r["test_id"], r["request"]["url"][-4:]) for r in recordings(cassette).values())
    assert kept == [("test_a", "/new"), ("test_b", "/old")]


def test_a_mode_that_does_not_exist_is_refused(cassette):
    with (
        pytest.raises(ValueError, match="none, once, rewrite; got 'onec'"),
        hashtape.use_cassette(cassette, record_mode="onec"),
    ):
        pass


@pytest.mark.parametrize("option", [{}, {"record_on_exception": True}], ids=["default", "named"])
def test_after_an_exception_what_was_recorded_stays(cassette, get_and_fail, option):
    with pytest.raises(KeyError):
        get_and_fail("/one", **option)
    assert len(names(cassette)) == 1


def test_without_record_on_exception_an_exception_stores_nothing(cassette, get, get_and_fail):
    with pytest.raises(KeyError):
        get_and_fail("/one", record_on_exception=False)
    assert not cassette.exists()
    for _ in range(2):
        with hashtape.use_cassette(cassette, record_on_exception=False):
            assert get() == 2


def test_without_record_on_exception_an_exception_leaves_old_recordings_as_they_were(
    cassette, get, get_and_fail
):
    with hashtape.use_cassette(cassette):
        get("/old")
    before = {path: path.read_bytes() for path in cassette.iterdir()}
    with pytest.raises(KeyError):
        get_and_fail("/old", "/new", record_mode="all", record_on_exception=False)
    assert {path: path.read_bytes() for path in cassette.iterdir()} == before


# --- Test ids and headers ------------------------------------------------------------------------------


def test_the_test_id_is_null_unless_given(cassette, server, get, recordings):
    with hashtape.use_cassette(cassette):
        get()
    ((name, recording),) = recordings(cassette).items()
    assert recording["test_id"] is None
    assert name == hashtape.request_id("GET", f"{server.origin}/one", None)


def test_the_test_id_is_in_the_file_and_in_its_name(cassette, server, get, ask, recordings):
    test_id = "tests/test_é.py::test_x[a b]"
    with hashtape.use_cassette(cassette, test_id=test_id):
        get()
        ask()
    found = recordings(cassette)
    assert {recording["test_id"] for recording in found.values()} == {test_id}
    body = {"model": "demo", "messages": [{"role": "user", "content": "hi"}], "stream": False}
    assert set(found) == {
        hashtape.request_id("GET", f"{server.origin}/one", None, test_id),
        hashtape.request_id("POST", f"{server.base_url}/v1/chat/completions", body, test_id),
    }


def test_the_recordings_of_two_tests_in_one_directory_do_not_mix(cassette, server, get):
    for _ in range(2):
        for number, test_id in enumerate(["test_a", "test_b"], start=1):
            with hashtape.use_cassette(cassette, test_id=test_id):
                assert get() == number
    assert server.hits == 2
    with (
        hashtape.use_cassette(cassette, test_id="test_c", record_mode="none"),
        pytest.raises(hashtape.MissError, match="this test has no recordings yet"),
    ):
        get()


@pytest.mark.parametrize("name", ["x-request-id", "X-Request-ID"])
def test_response_headers_are_stored_when_they_are_asked_for(cassette, server, http, recordings, name):
    headers = {"content-type": "application/json", "X-Request-Id": "req-7", "x-other": "no"}
    server.script(Reply(body=b"{}", headers=headers))
    for _ in range(2):
        with hashtape.use_cassette(cassette, response_headers=[name]):
            answer = http.get(server.origin)
        assert answer.headers["x-request-id"] == "req-7"
        assert "x-other" not in answer.headers
    (recording,) = recordings(cassette).values()
    assert recording["response"]["headers"] == {"x-request-id": "req-7"}


def test_other_response_headers_are_not_stored(cassette, get, recordings):
    with hashtape.use_cassette(cassette):
        get()
    (recording,) = recordings(cassette).values()
    assert "headers" not in recording["response"]


# --- Misses --------------------------------------------------------------------------------------------


@pytest.fixture
def miss(cassette, server, http):
    def provoke(**options):
        body = {"model": "demo", "messages": [{"role": "user", "content": "hi"}]}
        with (
            hashtape.use_cassette(cassette, **options) as opened,
            pytest.raises(hashtape.MissError) as caught,
        ):
            http.post(f"{server.base_url}/chat/completions", json=body)
        return opened, caught.value

    return provoke


def test_a_miss_is_an_error_of_hashtape_and_of_vcrpy(miss):
    _, error = miss(record_mode="none")
    assert isinstance(error, hashtape.HashtapeError)
    assert isinstance(error, CannotOverwriteExistingCassetteException)


def test_a_miss_knows_its_cassette_and_its_request(miss, server):
    opened, error = miss(record_mode="none")
    body = {"model": "demo", "messages": [{"role": "user", "content": "hi"}]}
    url = f"{server.base_url}/v1/chat/completions"
    assert error.cassette is opened
    assert error.failed_request.method == "POST"
    assert error.failed_request.uri == f"{server.base_url}/chat/completions"
    assert json.loads(error.failed_request.body) == body
    assert error.request_id == hashtape.request_id("POST", url, body)
    assert error.similar_requests == []


def test_the_text_of_a_miss_names_request_file_mode_and_command(miss, server, cassette):
    _, error = miss(record_mode="none")
    assert str(error).splitlines() == [
        f"No recording for POST {server.base_url}/chat/completions (demo): this test has no recordings yet.",
        f"  expected: {cassette / error.request_id}.json",
        "  record mode: none, which does not record it",
        f'  record it:  use_cassette({str(cassette)!r}, record_mode="once")',
    ]
    assert server.hits == 0


def test_in_a_test_the_command_is_that_of_pytest(miss):
    _, error = miss(record_mode="none", test_id="tests/test_a.py::test_x[a b]")
    assert str(error).endswith("record it:  pytest 'tests/test_a.py::test_x[a b]' --record-mode=once")


def test_the_secrets_of_a_url_are_not_in_the_text_of_a_miss(cassette, server, http):
    with hashtape.use_cassette(cassette, record_mode="none"), pytest.raises(hashtape.MissError) as caught:
        http.get(f"{server.origin}/x?api_key=sk-123&page=2")
    assert "sk-123" not in str(caught.value)
    assert "page=2" in str(caught.value)


@pytest.mark.parametrize(
    ("recorded", "reason", "verdict"),
    [
        ([], "cassette_not_found", "this test has no recordings yet"),
        (["/other"], "no_match", "no recording of this test has this request"),
        (["/one"], "already_played", "it was recorded once, and each answer has been played already"),
        (["/one", "/one"], "already_played", "it was recorded 2 times"),
    ],
    ids=["no cassette", "no match", "played once", "played twice"],
)
def test_a_miss_says_why(cassette, get, recorded, reason, verdict):
    with hashtape.use_cassette(cassette):
        for path in recorded:
            get(path)
    with hashtape.use_cassette(cassette, record_mode="none"):
        for path in recorded:
            get(path)
        with pytest.raises(hashtape.MissError, match=verdict) as caught:
            get("/one")
    assert caught.value.reason == reason


@pytest.mark.parametrize("mode", ["none", "once"])
def test_code_that_catches_the_exception_of_vcrpy_goes_on_working(cassette, get, mode):
    with hashtape.use_cassette(cassette):
        get("/old")
    with hashtape.use_cassette(cassette, record_mode=mode):
        with pytest.raises(CannotOverwriteExistingCassetteException, match=f"record mode: {mode}"):
            get("/new")
        assert get("/old") == 1


@pytest.mark.parametrize(
    ("option", "hint"),
    [
        ("not_secrets", "did you mean not_secret?"),
        ("hashtape_allowed_hosts", "allowed_hosts"),
        ("zzz", "no option"),
    ],
)
def test_an_option_that_does_not_exist_is_an_error(cassette, option, hint):
    with pytest.raises(TypeError, match=hint.replace("?", r"\?")):
        hashtape.use_cassette(cassette, **{option: ["x"]})


def test_a_cassette_of_vcrpy_is_named_without_its_suffix(tmp_path, server, get):
    import vcr

    path = tmp_path / "old.yaml"
    with vcr.use_cassette(str(path)):
        assert get() == 1
    with (
        pytest.raises(
            hashtape.CassetteDirectoryError, match=r"leave the suffix out: use_cassette\('.*/old'\)"
        ),
        hashtape.use_cassette(path),
    ):
        pass
    with hashtape.use_cassette(tmp_path / "old", record_mode="none"):
        assert get() == 1
    assert server.hits == 1
