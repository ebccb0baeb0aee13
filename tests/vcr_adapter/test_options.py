"""Each option of vcrpy keeps its meaning, and applies before the request id is computed."""

from __future__ import annotations

import base64
import gzip
import json
import re
import zlib

import pytest
import vcr

import hashtape
from loopback import Reply


@pytest.fixture
def get(server, http):
    def call(path="/one", **options):
        return http.get(server.origin + path, **options).json()["number"]

    return call


@pytest.fixture
def post(server, http):
    def call(path="/one", **options):
        return http.post(server.origin + path, **options).json()["number"]

    return call


@pytest.fixture
def on_disk(cassette):
    """Everything that the cassette keeps, file names included."""

    def read():
        return "".join(f"{path.name}\n{path.read_text()}" for path in sorted(cassette.rglob("*")))

    return read


# --- Filters of the request ----------------------------------------------------------------------------


SECRETS = ["s3cret-one", "s3cret-two"]


def test_filter_headers_applies_to_what_hooks_see_and_headers_are_not_stored(cassette, get, on_disk):
    seen = []

    def watch(request, response):
        seen.append(dict(request.headers))
        return request, response

    options = {"filter_headers": ["x-token", ("x-user", "somebody")], "before_save_interaction": watch}
    with hashtape.use_cassette(cassette, **options):
        get(headers={"x-token": SECRETS[0], "x-user": SECRETS[1], "x-other": "kept"})
    assert "x-token" not in seen[0]
    assert seen[0]["x-user"] == "somebody"
    assert seen[0]["x-other"] == "kept"
    assert not any(secret in on_disk() for secret in SECRETS)
    assert "kept" not in on_disk()


def test_the_server_gets_the_headers_that_filters_hide(cassette, server, get):
    with hashtape.use_cassette(cassette, filter_headers=["x-token"]):
        get(headers={"x-token": SECRETS[0]})
    assert server.received[0].headers["x-token"] == SECRETS[0]


@pytest.mark.parametrize(
    ("parameter", "recorded"),
    [
        pytest.param("pass", "/one?page=2", id="taken out"),
        pytest.param(("pass", "HIDDEN"), "/one?page=2&pass=HIDDEN", id="replaced"),
        pytest.param(
            ("pass", lambda key, value, request: value[:6]), "/one?page=2&pass=s3cret", id="computed"
        ),
    ],
)
def test_filter_query_parameters(cassette, server, get, on_disk, parameter, recorded):
    server.script(Reply(body=b'{"number": 1}'))
    for secret in SECRETS:
        with hashtape.use_cassette(cassette, filter_query_parameters=[parameter]):
            assert get(f"/one?page=2&pass={secret}") == 1
        assert secret not in on_disk()
    assert server.received[0].path == f"/one?page=2&pass={SECRETS[0]}"
    assert server.hits == 1
    assert [path.stem for path in cassette.iterdir()] == [
        hashtape.request_id("GET", server.origin + recorded, None)
    ]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(lambda secret: {"json": {"user": "me", "pass": secret}}, id="JSON"),
        pytest.param(lambda secret: {"data": {"user": "me", "pass": secret}}, id="form"),
        pytest.param(lambda secret: {"files": {"pass": (None, secret), "file": b"x"}}, id="multipart"),
    ],
)
@pytest.mark.parametrize("parameter", ["pass", ("pass", "HIDDEN")], ids=["taken out", "replaced"])
def test_filter_post_data_parameters(cassette, server, post, on_disk, body, parameter):
    for secret in SECRETS:
        with hashtape.use_cassette(cassette, filter_post_data_parameters=[parameter]):
            assert post(**body(secret)) == 1
        assert secret not in on_disk()
    assert server.hits == 1
    assert SECRETS[0].encode() in server.received[0].body
    assert ("HIDDEN" in on_disk()) == (parameter != "pass")


def test_filter_post_data_parameters_of_a_chat_call(cassette, server, ask, recordings):
    options = {"filter_post_data_parameters": [("user", "somebody")]}
    for user in SECRETS:
        with hashtape.use_cassette(cassette, **options):
            assert ask(user=user) == "answer 1 to hi"
    ((name, recording),) = recordings(cassette).items()
    assert recording["request"]["body"]["user"] == "somebody"
    assert name == hashtape.request_id("POST", recording["request"]["url"], recording["request"]["body"])
    assert server.hits == 1


def test_filter_nested_post_data_parameters(cassette, server, post, on_disk):
    my_vcr = vcr.VCR(filter_post_data_parameters=["pass"], filter_nested_post_data_parameters=True)
    hashtape.configure(my_vcr)
    for secret in SECRETS:
        with my_vcr.use_cassette(cassette):
            assert post(json={"users": [{"name": "me", "pass": secret}]}) == 1
        assert secret not in on_disk()
    assert server.hits == 1


def test_before_record_request_changes_what_is_stored_and_looked_up(cassette, server, get, recordings):
    def without_session(request):
        request.uri = re.sub(r"session-\w+", "session", request.uri)
        return request

    for session in SECRETS:
        with hashtape.use_cassette(cassette, before_record_request=without_session):
            assert get(f"/session-{session[-3:]}") == 1
    assert server.received[0].path == "/session-one"
    (recording,) = recordings(cassette).values()
    assert recording["request"]["url"] == f"{server.origin}/session"


def test_before_record_request_may_be_several(cassette, get, recordings):
    def adding(text):
        def add(request):
            request.uri += text
            return request

        return add

    with hashtape.use_cassette(cassette, before_record_request=[adding("/a"), adding("/b")]):
        get("/one")
    (recording,) = recordings(cassette).values()
    assert recording["request"]["url"].endswith("/one/a/b")


def without_private(request):
    return None if "/private" in request.uri else request


@pytest.mark.parametrize(
    "option",
    [
        pytest.param({"before_record_request": without_private}, id="before_record_request"),
        pytest.param({"ignore_localhost": True}, id="ignore_localhost"),
        pytest.param({"ignore_hosts": ["127.0.0.1"]}, id="ignore_hosts"),
        pytest.param({"ignore_hosts": [re.compile(r"127\..*")]}, id="ignore_hosts, a pattern"),
    ],
)
@pytest.mark.parametrize("mode", ["once", "new_episodes", "all", "rewrite"])
def test_an_ignored_request_goes_live_and_is_not_stored(cassette, server, get, mode, option):
    for number in (1, 2):
        with hashtape.use_cassette(cassette, record_mode=mode, **option) as opened:
            assert get("/private") == number
        assert len(opened) == 0
    assert not cassette.exists()


def test_a_host_that_is_not_among_the_allowed_ones_is_refused_under_none(cassette, server, get):
    allowed = ["example.com", "127.0.0.2", server.origin]
    with (
        hashtape.use_cassette(cassette, record_mode="none", ignore_localhost=True, allowed_hosts=allowed),
        pytest.raises(hashtape.MissError, match="a filter leaves it out"),
    ):
        get("/private")
    with hashtape.use_cassette(
        cassette,
        record_mode="none",
        ignore_localhost=True,
        allowed_hosts=[server.origin.removeprefix("http://")],
    ):
        assert get("/private") == 1


def test_requests_that_are_not_ignored_are_recorded_beside_those_that_are(cassette, server, get):
    option = {"before_record_request": without_private}
    for private in (2, 3):
        with hashtape.use_cassette(cassette, **option):
            assert get("/public") == 1
            assert get("/private") == private
    assert len(list(cassette.iterdir())) == 1


def test_ignore_hosts_leaves_other_hosts_alone(cassette, server, get):
    for _ in range(2):
        with hashtape.use_cassette(cassette, ignore_hosts=["example.com"]):
            assert get() == 1


# --- Filters of the response ---------------------------------------------------------------------------


def test_before_record_response_changes_what_recording_and_replay_show(cassette, server, get, on_disk):
    def double(response):
        body = json.loads(response["body"]["string"])
        response["body"]["string"] = json.dumps({**body, "number": body["number"] * 2}).encode()
        return response

    for _ in range(2):
        with hashtape.use_cassette(cassette, before_record_response=double):
            assert get() == 2
    assert server.hits == 1
    with hashtape.use_cassette(cassette, record_mode="none"):
        assert get() == 2


def test_before_record_response_may_change_status_and_headers(cassette, server, http, recordings):
    def gone(response):
        response["status"] = {"code": 410, "message": "Gone"}
        response["headers"]["location"] = ["/else"]
        return response

    for _ in range(2):
        with hashtape.use_cassette(cassette, before_record_response=gone):
            response = http.get(server.origin)
        assert (response.status_code, response.headers["location"]) == (410, "/else")
    assert server.hits == 1


def test_before_record_response_may_be_several(cassette, server, http):
    def adding(text):
        def add(response):
            response["body"]["string"] += text
            return response

        return add

    server.script(Reply(body=b"text", headers={}))
    with hashtape.use_cassette(cassette, before_record_response=[adding(b" a"), adding(b" b")]):
        assert http.get(server.origin).text == "text a b"


def test_a_response_that_is_dropped_reaches_the_client_and_is_not_stored(cassette, server, get):
    def drop(response):
        return None

    for number in (1, 2):
        with hashtape.use_cassette(cassette, before_record_response=drop):
            assert get() == number
    assert not cassette.exists()


@pytest.mark.parametrize("encoding", ["gzip", None])
def test_decode_compressed_response_changes_nothing_that_is_not_so_anyway(
    cassette, server, http, recordings, encoding
):
    body = b'{"packed": true}'
    if encoding:
        headers = {"content-type": "application/json", "content-encoding": encoding}
        server.script(Reply(body=gzip.compress(body), headers=headers))
    else:
        server.script(Reply(body=body))
    for _ in range(2):
        with hashtape.use_cassette(cassette, decode_compressed_response=True):
            assert http.get(server.origin).json() == {"packed": True}
    (recording,) = recordings(cassette).values()
    assert recording["response"]["body"] == {"packed": True}
    assert server.hits == 1


# --- Playing -------------------------------------------------------------------------------------------


def test_without_allow_playback_repeats_an_answer_plays_once(cassette, get):
    with hashtape.use_cassette(cassette):
        get()
    with hashtape.use_cassette(cassette, record_mode="none"):
        get()
        with pytest.raises(hashtape.MissError):
            get()


def test_allow_playback_repeats(cassette, server, get):
    with hashtape.use_cassette(cassette):
        get()
    with hashtape.use_cassette(cassette, record_mode="none", allow_playback_repeats=True):
        assert [get() for _ in range(3)] == [1, 1, 1]


def test_allow_playback_repeats_plays_what_was_recorded_just_now(cassette, server, get):
    with hashtape.use_cassette(cassette, allow_playback_repeats=True):
        assert [get() for _ in range(3)] == [1, 1, 1]
    assert server.hits == 1


@pytest.mark.parametrize("mode", ["none", "once", "new_episodes", "all"])
def test_drop_unused_requests_removes_what_was_not_asked_for(cassette, get, recordings, mode):
    with hashtape.use_cassette(cassette):
        get("/one")
        get("/one")
        get("/two")
    with hashtape.use_cassette(cassette, record_mode=mode, drop_unused_requests=True):
        get("/one")
    (recording,) = recordings(cassette).values()
    assert recording["request"]["url"].endswith("/one")
    assert "later_responses" not in recording


def test_drop_unused_requests_keeps_what_was_recorded_just_now(cassette, server, get):
    with hashtape.use_cassette(cassette):
        get("/one")
    with hashtape.use_cassette(cassette, record_mode="new_episodes", drop_unused_requests=True):
        get("/two")
    with hashtape.use_cassette(cassette, record_mode="none"):
        assert get("/two") == 2
    assert len(list(cassette.iterdir())) == 1


# --- filter_sensitive_data -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sensitive",
    [{"<KEY>": SECRETS[0]}, [("<KEY>", SECRETS[0])], {"<KEY>": lambda request, response: SECRETS[0]}],
    ids=["dict", "pairs", "callable"],
)
def test_sensitive_data_is_hidden_on_the_disk_and_real_for_the_client(
    cassette, server, http, on_disk, sensitive
):
    server.script(Reply(body=json.dumps({"echo": SECRETS[0]}).encode()))
    for _ in range(2):
        with hashtape.use_cassette(cassette, filter_sensitive_data=sensitive):
            response = http.post(f"{server.origin}/x?k={SECRETS[0]}", json={"key": SECRETS[0]})
        assert response.json() == {"echo": SECRETS[0]}
    assert server.hits == 1
    assert server.received[0].json == {"key": SECRETS[0]}
    assert SECRETS[0] not in on_disk()
    assert on_disk().count("<KEY>") == 3


def test_another_value_plays_and_comes_back(cassette, server, http):
    server.script(Reply(body=json.dumps({"echo": SECRETS[0]}).encode()))
    for secret in SECRETS:
        with hashtape.use_cassette(cassette, filter_sensitive_data={"<KEY>": secret}):
            response = http.post(server.origin, json={"key": secret})
        assert response.json() == {"echo": secret}
    assert server.hits == 1


def test_sensitive_data_of_a_chat_call(cassette, server, ask, on_disk):
    for secret in SECRETS:
        with hashtape.use_cassette(cassette, filter_sensitive_data={"<NAME>": secret}):
            assert ask(f"I am {secret}") == f"answer 1 to I am {secret}"
    assert server.hits == 1
    assert "answer 1 to I am <NAME>" in on_disk()
    assert not any(secret in on_disk() for secret in SECRETS)


@pytest.mark.parametrize("echo", [False, True], ids=["in the request", "in request and response"])
def test_a_value_may_be_computed_from_the_request(cassette, server, http, on_disk, echo):
    sensitive = {"<USER>": lambda request, response: json.loads(request.body)["user"]}
    server.script(Reply(body=json.dumps({"hello": SECRETS[0] if echo else "you"}).encode()))
    for user in SECRETS:
        with hashtape.use_cassette(cassette, filter_sensitive_data=sensitive):
            http.post(server.origin, json={"user": user})
    assert server.hits == 1
    assert SECRETS[0] not in on_disk()


def test_a_value_may_be_computed_from_the_response(cassette, server, http, on_disk):
    def token(request, response):
        return json.loads(response["body"]["string"])["token"]

    server.script(Reply(body=json.dumps({"token": SECRETS[0]}).encode()))
    for _ in range(2):
        with hashtape.use_cassette(cassette, filter_sensitive_data={"<TOKEN>": token}):
            http.get(server.origin)
    assert server.hits == 1
    assert SECRETS[0] not in on_disk()
    assert "<TOKEN>" in on_disk()


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_sensitive_data_of_a_compressed_answer_is_hidden_on_the_disk(
    cassette, server, http, on_disk, encoding
):
    body = json.dumps({"echo": SECRETS[0]}).encode()
    packed = gzip.compress(body) if encoding == "gzip" else zlib.compress(body)
    headers = {"content-type": "application/json", "content-encoding": encoding}
    server.script(Reply(body=packed, headers=headers))
    for _ in range(2):
        with hashtape.use_cassette(cassette, filter_sensitive_data={"<KEY>": SECRETS[0]}):
            assert http.get(server.origin).json() == {"echo": SECRETS[0]}
    assert SECRETS[0] not in on_disk()


def test_a_value_that_is_not_text_is_hidden_as_text(cassette, server, post, on_disk):
    with hashtape.use_cassette(cassette, filter_sensitive_data={"<PIN>": 90210}):
        post(json={"pin": "90210"})
    assert "90210" not in on_disk()


# --- Hooks ---------------------------------------------------------------------------------------------


def test_before_save_interaction_changes_what_is_stored_and_shown(cassette, server, http, on_disk):
    def encode(request, response):
        response["body"]["string"] = base64.b64encode(response["body"]["string"])
        return request, response

    server.script(Reply(body=b"plain text", headers={"content-type": "text/plain"}))
    with hashtape.use_cassette(cassette, before_save_interaction=encode):
        recorded = http.get(server.origin).text
    with hashtape.use_cassette(cassette, record_mode="none"):
        assert http.get(server.origin).text == recorded == base64.b64encode(b"plain text").decode()
    assert "plain text" not in on_disk()


def test_before_save_and_after_load_undo_each_other(cassette, server, http, on_disk):
    def encode(request, response):
        response["body"]["string"] = base64.b64encode(response["body"]["string"])
        return request, response

    def decode(request, response):
        response["body"]["string"] = base64.b64decode(response["body"]["string"])
        return request, response

    server.script(Reply(body=b"plain text", headers={"content-type": "text/plain"}))
    for _ in range(2):
        with hashtape.use_cassette(cassette, before_save_interaction=encode, after_load_interaction=decode):
            assert http.get(server.origin).text == "plain text"
    assert server.hits == 1
    assert "plain text" not in on_disk()


def test_before_save_interaction_may_change_the_request(cassette, server, post, recordings):
    def shorten(request, response):
        request.body = b'{"text": "short"}'
        return request, response

    for _ in range(2):
        with hashtape.use_cassette(cassette, before_save_interaction=shorten):
            assert post(json={"text": "a very long text"}) == 1
    (recording,) = recordings(cassette).values()
    assert recording["request"]["payload"] == {"text": "short"}
    assert server.hits == 1


def test_an_interaction_that_is_dropped_on_saving_reaches_the_client(cassette, get):
    for number in (1, 2):
        with hashtape.use_cassette(cassette, before_save_interaction=lambda request, response: None):
            assert get() == number
    assert not cassette.exists()


def test_after_load_interaction_changes_what_is_played(cassette, server, get):
    with hashtape.use_cassette(cassette):
        get()
    stored = {path: path.read_bytes() for path in cassette.iterdir()}

    def change(request, response):
        assert request.uri == f"{server.origin}/one"
        response["body"]["string"] = b'{"number": 7}'
        return request, response

    with hashtape.use_cassette(cassette, after_load_interaction=change):
        assert get() == 7
    assert {path: path.read_bytes() for path in cassette.iterdir()} == stored


def test_an_interaction_that_is_dropped_on_loading_is_not_played(cassette, server, get):
    with hashtape.use_cassette(cassette):
        get("/one")
        get("/two")

    def drop(request, response):
        return None if request.uri.endswith("/one") else (request, response)

    with hashtape.use_cassette(cassette, record_mode="none", after_load_interaction=drop):
        with pytest.raises(hashtape.MissError):
            get("/one")
        assert get("/two") == 2
    with hashtape.use_cassette(cassette, record_mode="new_episodes", after_load_interaction=drop):
        assert get("/one") == 3


def test_hooks_may_take_the_cassette_and_may_be_several(cassette, get):
    seen = []

    def first(request, response, its_cassette):
        seen.append(its_cassette)
        return request, response

    def second(request, response):
        seen.append("second")
        return request, response

    for option in ("before_save_interaction", "after_load_interaction"):
        seen.clear()
        with hashtape.use_cassette(cassette, **{option: [first, second]}) as opened:
            get()
        assert seen[:2] == [opened, "second"]


def test_save_hooks_see_real_values_and_load_hooks_too(cassette, post):
    seen = {"save": set(), "load": set()}

    def watch(name):
        def hook(request, response):
            seen[name].add(json.loads(request.body)["key"])
            return request, response

        return hook

    for _ in range(2):
        with hashtape.use_cassette(
            cassette,
            filter_sensitive_data={"<KEY>": SECRETS[0]},
            before_save_interaction=watch("save"),
            after_load_interaction=watch("load"),
        ):
            assert post(json={"key": SECRETS[0]}) == 1
    assert seen == {"save": {SECRETS[0]}, "load": {SECRETS[0]}}


# --- Patches -------------------------------------------------------------------------------------------


class Greeter:
    def greet(self):
        return "hello"


@pytest.mark.parametrize("place", ["vcr", "cassette"])
def test_custom_patches_hold_within_the_cassette_only(cassette, server, get, place):
    patches = {"custom_patches": ((Greeter, "greet", lambda self: "patched"),)}
    my_vcr = vcr.VCR(**(patches if place == "vcr" else {}))
    hashtape.configure(my_vcr)
    with my_vcr.use_cassette(cassette, **(patches if place == "cassette" else {})):
        assert Greeter().greet() == "patched"
        assert get() == 1
    assert Greeter().greet() == "hello"
    with my_vcr.use_cassette(cassette):
        assert get() == 1


@pytest.mark.parametrize(("skipped", "other"), [("httpx2", "httpx"), ("httpx", "httpx2")])
def test_a_client_in_skip_patchers_is_left_alone(cassette, server, skipped, other):
    left_alone, recorded = pytest.importorskip(skipped), pytest.importorskip(other)
    numbers = []
    for _ in range(2):
        with (
            left_alone.Client(verify=False) as live,
            recorded.Client(verify=False) as taped,
            hashtape.use_cassette(cassette, skip_patchers=(skipped,)),
        ):
            numbers += [client.get(f"{server.origin}/one").json()["number"] for client in (live, taped)]
    assert numbers == [1, 2, 3, 2]
    assert len(list(cassette.iterdir())) == 1


def test_skip_patchers_refuses_a_client_that_does_not_exist(cassette):
    with (
        pytest.raises(ValueError, match="httpx3"),
        hashtape.use_cassette(cassette, skip_patchers=("httpx3",)),
    ):
        pass


# --- What a cassette is called, and who gets it --------------------------------------------------------


@pytest.mark.parametrize("place", ["vcr", "cassette"])
def test_inject_cassette_gives_the_function_its_cassette(cassette, get, place):
    option = {"inject_cassette": True}
    my_vcr = vcr.VCR(**(option if place == "vcr" else {}))
    hashtape.configure(my_vcr)

    @my_vcr.use_cassette(str(cassette), **(option if place == "cassette" else {}))
    def call(opened, path):
        get(path)
        return [request.path for request in opened.requests]

    assert call("/one") == ["/one"]


def test_inject_cassette_works_for_use_cassette(cassette, get):
    @hashtape.use_cassette(cassette, inject_cassette=True)
    def call(opened):
        return get(), len(opened)

    assert call() == (1, 1)


def through_configure(path, **options):
    my_vcr = vcr.VCR(**options)
    hashtape.configure(my_vcr)
    return my_vcr.use_cassette(path)


@pytest.mark.parametrize("use", [through_configure, hashtape.use_cassette], ids=["configure", "use_cassette"])
def test_cassette_library_dir(tmp_path, server, get, use, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        with use("calls", cassette_library_dir=str(tmp_path / "library")):
            assert get() == 1
    assert len(list((tmp_path / "library" / "calls").glob("*.json"))) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["library"]


@pytest.mark.parametrize("use", [through_configure, hashtape.use_cassette], ids=["configure", "use_cassette"])
def test_path_transformer(tmp_path, server, get, use, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        with use("calls", path_transformer=lambda path: f"{path}-transformed"):
            assert get() == 1
    assert [path.name for path in tmp_path.iterdir()] == ["calls-transformed"]
    assert server.hits == 1


def test_ensure_suffix_names_the_same_directory(tmp_path, get):
    with through_configure(str(tmp_path / "calls"), path_transformer=vcr.VCR.ensure_suffix(".yaml")):
        get()
    assert [path.name for path in tmp_path.iterdir()] == ["calls"]


def test_func_path_generator_names_the_cassette_of_a_function(tmp_path, server, get):
    my_vcr = vcr.VCR(func_path_generator=lambda function: str(tmp_path / f"of-{function.__name__}"))
    hashtape.configure(my_vcr)

    @my_vcr.use_cassette
    def bare():
        return get("/bare")

    @my_vcr.use_cassette(record_mode="new_episodes")
    def called():
        return get("/called")

    assert [bare(), called(), bare(), called()] == [1, 2, 1, 2]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["of-bare", "of-called"]


def test_without_a_path_a_cassette_is_called_like_its_function(tmp_path, server, get):
    my_vcr = vcr.VCR(cassette_library_dir=str(tmp_path))
    hashtape.configure(my_vcr)

    @my_vcr.use_cassette
    def my_function():
        return get()

    assert [my_function(), my_function()] == [1, 1]
    assert [path.name for path in tmp_path.iterdir()] == ["my_function"]
