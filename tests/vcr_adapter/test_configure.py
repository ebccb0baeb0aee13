from __future__ import annotations

import ast
import gzip
import json
import urllib.request

import pytest
import vcr
from vcr.persisters.filesystem import FilesystemPersister

import hashtape
from hashtape.vcr_adapter import RecordingPersister, RecordingSerializer, matchers
from loopback import LoopbackServer, Reply, chat_chunks, sse


@pytest.fixture
def say(server, http):
    """Send a chat request with the body spelled as given and return the number of the answer."""

    def call(content, **spelling):
        body = {"model": "demo", "messages": [{"role": "user", "content": content}]}
        response = http.post(
            f"{server.base_url}/chat/completions",
            content=json.dumps(body, **spelling),
            headers={"content-type": "application/json"},
        )
        return int(response.json()["choices"][0]["message"]["content"].split()[1])

    return call


def configured(**options):
    equipped = vcr.VCR(**options)
    hashtape.configure(equipped)
    return equipped


def without_date(response):
    response["headers"].pop("date", None)
    response["headers"].pop("Date", None)
    return response


class OwnSerializer:
    @staticmethod
    def serialize(cassette_dict):
        return repr(cassette_dict)

    @staticmethod
    def deserialize(cassette_string):
        return ast.literal_eval(cassette_string)


class OwnPersister(FilesystemPersister):
    """Keeps cassettes where vcrpy does, under a name of its own."""

    @classmethod
    def load_cassette(cls, cassette_path, serializer):
        return super().load_cassette(f"{cassette_path}.mine", serializer)

    @staticmethod
    def save_cassette(cassette_path, cassette_dict, serializer):
        FilesystemPersister.save_cassette(f"{cassette_path}.mine", cassette_dict, serializer)


# --- What configure does -------------------------------------------------------------------------------


def test_serializer_matchers_and_persister_are_registered():
    equipped = configured()
    assert isinstance(equipped.serializers["hashtape"], RecordingSerializer)
    assert isinstance(equipped.persister, RecordingPersister)
    assert equipped.matchers["request_id"] is matchers.request_id
    assert equipped.matchers["json_body"] is matchers.json_body


@pytest.mark.parametrize("suffix", ["", ".yaml", ".yml", ".json"])
def test_the_path_of_a_cassette_names_a_directory(tmp_path, server, get, suffix):
    for _ in range(2):
        with configured().use_cassette(str(tmp_path / f"calls{suffix}")):
            assert get() == 1
    assert [path.name for path in tmp_path.iterdir()] == ["calls"]
    assert len(list((tmp_path / "calls").glob("*.json"))) == 1
    assert server.hits == 1


def test_the_test_id_is_in_the_recordings(cassette, get, recordings):
    equipped = vcr.VCR()
    hashtape.configure(equipped, test_id="tests/test_a.py::test_x")
    with equipped.use_cassette(cassette):
        get()
    (recording,) = recordings(cassette).values()
    assert recording["test_id"] == "tests/test_a.py::test_x"


def test_the_options_of_the_vcr_hold_for_each_of_its_cassettes(tmp_path, server, get):
    equipped = configured(record_mode="new_episodes", filter_query_parameters=["secret"])
    for _ in range(2):
        with equipped.use_cassette(tmp_path / "calls"):
            get("/one?secret=a")
            get("/two?secret=b")
    assert server.hits == 2
    with equipped.use_cassette(tmp_path / "calls", record_mode="none"):
        get("/one?secret=c")
    assert server.hits == 2


def test_options_may_be_set_after_configure(cassette, server, get):
    equipped = configured()
    equipped.record_mode = "all"
    for number in (1, 2):
        with equipped.use_cassette(cassette):
            assert get() == number


def test_rewrite_works_through_a_configured_vcr(cassette, get, recordings):
    equipped = configured()
    with equipped.use_cassette(cassette):
        get("/one")
        get("/two")
    with equipped.use_cassette(cassette, record_mode="rewrite"):
        get("/one")
    (recording,) = recordings(cassette).values()
    assert recording["response"]["body"] == {"path": "/one", "number": 3}


def test_a_cassette_of_vcrpy_goes_on_playing_and_is_not_written(cassette, server, get):
    path = cassette.with_suffix(".yaml")
    with vcr.VCR().use_cassette(path):
        get("/one")
    before = path.read_bytes()
    with configured().use_cassette(path, record_mode="new_episodes"):
        assert get("/one") == 1
        assert get("/two") == 2
    with configured().use_cassette(path, record_mode="none"):
        assert get("/one") == 1
        assert get("/two") == 2
    assert path.read_bytes() == before
    assert len(list(cassette.glob("*.json"))) == 1


# --- What the user chose wins --------------------------------------------------------------------------


def written_by(my_vcr, directory, server, get, **options):
    """The files of a cassette, by name, after two requests whose answers are the same each time."""
    server.script(Reply(body=b'{"number": 7}'), Reply(body='{"number": "é"}'.encode(), headers={}))
    with my_vcr.use_cassette(directory / "calls.file", before_record_response=without_date, **options):
        get("/one?secret=a")
        get("/two")
    return {path.name: path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def own_by_name(name):
    def prepare(my_vcr):
        my_vcr.serializer = name
        my_vcr.register_serializer("mine", OwnSerializer)
        return {}

    return prepare


def own_by_option(name):
    return lambda my_vcr: {"serializer": name}


def own_persister(my_vcr):
    my_vcr.register_persister(OwnPersister)
    return {}


def own_persister_by_option(my_vcr):
    return {"persister": OwnPersister}


@pytest.mark.parametrize(
    ("choose", "file"),
    [
        pytest.param(own_by_name("json"), "calls.file", id="json"),
        pytest.param(own_by_name("mine"), "calls.file", id="own serializer"),
        pytest.param(own_by_option("json"), "calls.file", id="json as an option"),
        pytest.param(own_by_option("yaml"), "calls.file", id="yaml as an option"),
        pytest.param(own_persister, "calls.file.mine", id="own persister"),
        pytest.param(own_persister_by_option, "calls.file.mine", id="own persister as an option"),
    ],
)
@pytest.mark.parametrize("order", ["chosen after configure", "chosen before configure"])
def test_a_storage_of_ones_own_writes_byte_for_byte_what_vcrpy_writes(
    tmp_path, server, get, choose, file, order
):
    plain, ours = vcr.VCR(), vcr.VCR()
    plain_options = choose(plain)
    if order == "chosen after configure":
        hashtape.configure(ours)
        options = choose(ours)
    else:
        options = choose(ours)
        hashtape.configure(ours)
    written = []
    for name, my_vcr, chosen in (("plain", plain, plain_options), ("ours", ours, options)):
        directory = tmp_path / name
        directory.mkdir()
        written.append(written_by(my_vcr, directory, server, get, **chosen))
        with my_vcr.use_cassette(directory / "calls.file", record_mode="none", **chosen):
            assert [get("/two"), get("/one?secret=a")] == ["é", 7]
    assert written[0] == written[1]
    assert list(written[1]) == [file]
    assert server.hits == 4


# --- match_on ------------------------------------------------------------------------------------------


@pytest.fixture
def recorded_three(cassette, say, server):
    """Three chat requests, recorded with the user's own match_on; returns an opener of the cassette."""

    def record(**options):
        with configured().use_cassette(cassette, **options):
            assert [say("red"), say("green"), say("blue")] == [1, 2, 3]
        return configured().use_cassette(cassette, record_mode="none", **options)

    return record


def test_by_default_a_body_that_drifts_is_a_miss(recorded_three, say):
    with recorded_three(), pytest.raises(hashtape.MissError):
        say("red!")


@pytest.mark.parametrize(
    "match_on", [["method", "uri"], ["method", "scheme", "host", "port", "path", "query"]]
)
def test_with_matchers_that_leave_the_body_out_drift_plays_in_recorded_order(recorded_three, say, match_on):
    with recorded_three(match_on=match_on):
        assert [say("rot"), say("grün"), say("blau")] == [1, 2, 3]


def test_with_matchers_that_leave_the_body_out_requests_are_not_recorded_again(cassette, say, server):
    for _ in range(2):
        with hashtape.use_cassette(cassette, match_on=["method", "uri"], record_mode="new_episodes"):
            assert say(f"hello {server.hits}") == 1
    assert server.hits == 1


def test_each_recording_plays_once_whatever_the_matchers(recorded_three, say):
    with recorded_three(match_on=["method", "uri"]):
        for content in ("one", "two", "three"):
            say(content)
        with pytest.raises(hashtape.MissError):
            say("four")


def test_matchers_still_tell_what_they_look_at(recorded_three, http, server):
    with recorded_three(match_on=["method", "uri"]), pytest.raises(hashtape.MissError):
        http.post(f"{server.base_url}/completions", json={"model": "demo", "prompt": "red"})


@pytest.mark.parametrize("body", ["body", "json_body", "request_id"])
def test_with_a_matcher_of_bodies_drift_is_a_miss_and_the_spelling_does_not_count(recorded_three, say, body):
    with recorded_three(match_on=["method", "uri", body]):
        assert say("green", indent=1) == 2
        with pytest.raises(hashtape.MissError):
            say("grün")


@pytest.mark.parametrize("match_on", [["method", "path"], ["method", "path", "body"]], ids=" ".join)
def test_a_query_that_drifts_plays_when_the_matchers_leave_it_out(cassette, get, match_on):
    options = {"match_on": match_on}
    with configured().use_cassette(cassette, **options):
        assert [get("/one?now=1"), get("/two?now=2")] == [1, 2]
    with configured().use_cassette(cassette, record_mode="none", **options):
        assert [get("/two?now=3"), get("/one?now=4")] == [2, 1]


@pytest.mark.parametrize("answers", ["a boolean", "an assertion"])
def test_a_matcher_of_ones_own_decides(cassette, say, answers):
    def first_letter(incoming, stored):
        letters = [json.loads(r.body)["messages"][0]["content"][0] for r in (incoming, stored)]
        if answers == "a boolean":
            return letters[0] == letters[1]
        assert letters[0] == letters[1]
        return None

    def equipped():
        my_vcr = configured(match_on=["method", "first_letter"])
        my_vcr.register_matcher("first_letter", first_letter)
        return my_vcr

    with equipped().use_cassette(cassette):
        assert [say("red"), say("green")] == [1, 2]
    with equipped().use_cassette(cassette, record_mode="none"):
        assert [say("gray"), say("rose")] == [2, 1]
        with pytest.raises(hashtape.MissError):
            say("blue")


def test_additional_matchers_are_asked_too(tmp_path, say, server, http):
    with configured().use_cassette(tmp_path / "calls"):
        say("hi")
    other = LoopbackServer().start()
    try:
        url, body = (
            f"{other.base_url}/chat/completions",
            '{"model":"demo","messages":[{"role":"user","content":"hi"}]}',
        )
        headers = {"content-type": "application/json"}
        with configured().use_cassette(tmp_path / "calls", record_mode="none"):
            assert http.post(url, content=body, headers=headers).status_code == 200
        with (
            configured().use_cassette(tmp_path / "calls", record_mode="none", additional_matchers=["port"]),
            pytest.raises(hashtape.MissError),
        ):
            http.post(url, json=body)
        assert other.hits == 0
    finally:
        other.stop()


def test_an_additional_matcher_of_ones_own_sees_both_requests(cassette, say, server):
    seen = []

    def watch(incoming, stored):
        seen.append([json.loads(r.body)["messages"][0]["content"] for r in (incoming, stored)])

    for _ in range(2):
        my_vcr = configured()
        my_vcr.register_matcher("watch", watch)
        with my_vcr.use_cassette(cassette, additional_matchers=["watch"]):
            say("hi")
    assert seen
    assert all(pair == ["hi", "hi"] for pair in seen)
    assert server.hits == 1


# --- The serializer and the persister alone ------------------------------------------------------------


def script_all_kinds(server):
    chunks = sse(*chat_chunks(1, "demo", ["Grüße", "🙂"]))
    packed = {"content-type": "application/json", "content-encoding": "gzip"}
    server.script(
        Reply(body=b'{"text": "gr\\u00fcn", "number": 1.5}'),
        Reply(status=404, body=b"<p>no</p>", headers={"content-type": "text/html"}),
        Reply(body=bytes(range(256)), headers={"content-type": "image/png"}),
        Reply(body=gzip.compress(b'{"packed": true}'), headers=packed),
        Reply(status=204, headers={}),
        Reply(chunks=chunks, headers={"content-type": "text/event-stream"}),
    )


def ask_all_kinds(http, server):
    chat = {"model": "demo", "messages": [{"role": "user", "content": "hi"}], "stream": True}
    answers = [http.get(f"{server.origin}/{number}") for number in range(5)]
    answers.append(http.post(f"{server.base_url}/chat/completions", json=chat))
    return [(a.status_code, a.headers.get("content-type"), a.content) for a in answers]


def with_serializer(**options):
    my_vcr = vcr.VCR(serializer="hashtape", **options)
    my_vcr.register_serializer("hashtape", RecordingSerializer())
    return my_vcr


def with_persister(**options):
    my_vcr = vcr.VCR(**options)
    my_vcr.register_persister(RecordingPersister())
    return my_vcr


@pytest.mark.parametrize("equipped", [with_serializer, with_persister])
def test_alone_on_a_stock_vcr_every_kind_of_answer_comes_back(cassette, server, http, equipped):
    script_all_kinds(server)
    with equipped().use_cassette(cassette):
        live = ask_all_kinds(http, server)
    with equipped().use_cassette(cassette, record_mode="none") as opened:
        played = ask_all_kinds(http, server)
        assert opened.all_played
    assert server.hits == 6
    assert json.loads(played[0][2]) == json.loads(live[0][2])
    assert json.loads(played[3][2]) == {"packed": True}
    assert [answer[:2] for answer in played[:4]] == [answer[:2] for answer in live[:4]]
    assert [played[n][2] for n in (1, 2, 4)] == [live[n][2] for n in (1, 2, 4)]
    assert "🙂" in played[5][2].decode()
    assert played[5][2].endswith(b"data: [DONE]\n\n")


def test_the_serializer_writes_one_readable_file_for_a_cassette(tmp_path, server, http):
    script_all_kinds(server)
    with with_serializer().use_cassette(tmp_path / "calls.json"):
        ask_all_kinds(http, server)
    assert [path.name for path in tmp_path.iterdir()] == ["calls.json"]
    text = (tmp_path / "calls.json").read_text(encoding="utf-8")
    assert '"text": "grün"' in text
    assert "Grüße" in text
    cassette = json.loads(text)
    assert cassette["version"] == 1
    bodies = [recording["response"]["body"] for recording in cassette["recordings"]]
    assert bodies[1] == "<p>no</p>"
    assert bodies[3] == {"packed": True}
    assert bodies[5][0]["__data__"]["id"].startswith("rec-")


@pytest.mark.parametrize("equipped", [with_serializer, with_persister])
def test_alone_on_a_stock_vcr_the_same_request_twice_keeps_both_answers(cassette, server, get, equipped):
    with equipped().use_cassette(cassette):
        assert [get(), get()] == [1, 2]
    with equipped().use_cassette(cassette, record_mode="none"):
        assert [get(), get()] == [1, 2]
    assert server.hits == 2


@pytest.mark.parametrize("equipped", [with_serializer, with_persister])
def test_alone_on_a_stock_vcr_a_cassette_can_be_added_to(cassette, server, get, equipped):
    for path in ("/one", "/two", "/one"):
        with equipped().use_cassette(cassette, record_mode="new_episodes"):
            get(path)
    assert server.hits == 2
    with equipped().use_cassette(cassette, record_mode="none"):
        assert [get("/two"), get("/one")] == [2, 1]


@pytest.mark.parametrize("equipped", [with_serializer, with_persister])
@pytest.mark.parametrize("body", ["body", "raw_body", "json_body"])
@pytest.mark.parametrize("client", ["httpx", "urllib"])
def test_alone_on_a_stock_vcr_a_request_without_a_body_matches_by_body(
    cassette, server, get, equipped, body, client
):
    def number():
        if client == "httpx":
            return get()
        with urllib.request.urlopen(server.origin) as response:
            return json.load(response)["number"]

    def opened(mode):
        my_vcr = equipped(match_on=["method", "uri", body], record_mode=mode)
        my_vcr.register_matcher("json_body", matchers.json_body)
        return my_vcr.use_cassette(cassette)

    with opened("once"):
        assert number() == 1
    with opened("none"):
        assert number() == 1


BODIES = {
    "JSON": {"json": {"a": 1}},
    "text": {"content": "a text", "headers": {"content-type": "text/plain"}},
    "form": {"data": {"a": "1", "b": "é"}},
    "multipart": {"files": {"file": ("a.txt", b"content")}},
    "binary": {"content": b"\xff\x00"},
}


@pytest.mark.parametrize("equipped", [with_serializer, with_persister])
@pytest.mark.parametrize(
    ("matcher", "kind"),
    [*(("request_id", kind) for kind in BODIES), *(("body", kind) for kind in ("JSON", "text", "form"))],
)
def test_alone_on_a_stock_vcr_bodies_match(cassette, server, http, equipped, matcher, kind):
    numbers = []
    for mode in ("once", "none"):
        my_vcr = equipped(match_on=[matcher], record_mode=mode)
        my_vcr.register_matcher("request_id", matchers.request_id)
        with my_vcr.use_cassette(cassette):
            numbers.append(http.post(server.origin, **BODIES[kind]).json()["number"])
    assert numbers == [1, 1]


def test_the_serializer_keeps_the_metadata_of_a_cassette(cassette):
    with with_serializer().use_cassette(cassette) as opened:
        assert opened.get_metadata("seed", 7) == 7
    with with_serializer().use_cassette(cassette, record_mode="none") as opened:
        assert opened.get_metadata("seed", 8) == 7


def test_the_serializer_refuses_what_it_did_not_write(tmp_path):
    path = tmp_path / "calls.json"
    path.write_text('{"version": 1, "interactions": []}')
    with (
        pytest.raises(hashtape.HashtapeError, match="expected a cassette of the hashtape serializer"),
        with_serializer().use_cassette(path),
    ):
        pass


def test_the_persister_makes_one_file_for_a_request_as_the_cassette_does(tmp_path, get, recordings):
    with with_persister().use_cassette(tmp_path / "alone"):
        get("/one")
        get("/two")
    with hashtape.use_cassette(tmp_path / "ours"):
        get("/one")
        get("/two")
    alone, ours = recordings(tmp_path / "alone"), recordings(tmp_path / "ours")
    assert set(alone) == set(ours)
    assert [list(recording) for recording in alone.values()] == [
        list(recording) for recording in ours.values()
    ]


def test_what_the_persister_wrote_plays_in_a_cassette_of_recordings(cassette, server, get):
    with with_persister().use_cassette(cassette):
        get()
    with hashtape.use_cassette(cassette, record_mode="none"):
        assert get() == 1
    assert server.hits == 1


def test_the_persister_names_a_file_that_is_no_recording(cassette):
    cassette.mkdir()
    (cassette / "bad.json").write_text("[]")
    with (
        pytest.raises(hashtape.RecordingFileError, match=r"bad\.json: expected a recording"),
        with_persister().use_cassette(cassette),
    ):
        pass


# --- The matchers on YAML cassettes --------------------------------------------------------------------


@pytest.fixture
def post(server, http):
    def call(body, content_type="application/json"):
        headers = {"content-type": content_type}
        return http.post(f"{server.origin}/x", content=body, headers=headers).json()["number"]

    return call


def yaml_with(*match_on):
    my_vcr = vcr.VCR(match_on=match_on)
    my_vcr.register_matcher("request_id", matchers.request_id)
    my_vcr.register_matcher("json_body", matchers.json_body)
    return my_vcr


@pytest.mark.parametrize("match_on", [("request_id",), ("method", "uri", "json_body")], ids=" ".join)
@pytest.mark.parametrize(
    ("recorded", "asked", "plays"),
    [
        pytest.param('{"a": 1, "b": 2}', '{"b":2,"a":1}', True, id="key order and white space"),
        pytest.param('{"a": "é"}', r'{"a": "\u00e9"}', True, id="escapes"),
        pytest.param('{"a": 0.1234561}', '{"a": 0.1234562}', True, id="digits after the fifth decimal"),
        pytest.param('{"a": 0.12345}', '{"a": 0.12346}', False, id="digits before"),
        pytest.param('{"a": 1}', '{"a": true}', False, id="one and true"),
        pytest.param('{"a": 1}', '{"a": 1.0}', False, id="one and one point nought"),
        pytest.param('{"a": 1}', '{"a": 2}', False, id="another value"),
        pytest.param("plain", "plain", True, id="equal text"),
        pytest.param("plain", "plain ", False, id="other text"),
        pytest.param(b"\xff\x00", b"\xff\x00", True, id="equal bytes"),
        pytest.param(b"\xff\x00", b"\xff\x01", False, id="other bytes"),
        pytest.param(b"", b"", True, id="no body"),
        pytest.param(b"", b"{}", False, id="no body and an empty object"),
    ],
)
def test_a_yaml_cassette_is_matched_by_what_a_request_says(tmp_path, post, match_on, recorded, asked, plays):
    path = tmp_path / "calls.yaml"
    with yaml_with(*match_on).use_cassette(path):
        post(recorded)
    assert path.is_file()
    with yaml_with(*match_on).use_cassette(path, record_mode="none") as opened:
        if plays:
            assert post(asked) == 1
        else:
            with pytest.raises(vcr.errors.CannotOverwriteExistingCassetteException):
                post(asked)
        assert opened.play_count == plays


@pytest.mark.parametrize("url", ["/x?page=2", "/y"])
def test_the_request_id_takes_the_url_into_account(tmp_path, http, server, url):
    with yaml_with("request_id").use_cassette(tmp_path / "calls.yaml"):
        http.get(f"{server.origin}/x")
    with (
        yaml_with("request_id").use_cassette(tmp_path / "calls.yaml", record_mode="none"),
        pytest.raises(vcr.errors.CannotOverwriteExistingCassetteException),
    ):
        http.get(server.origin + url)


def test_a_configured_vcr_has_the_matchers_for_yaml_cassettes_too(tmp_path, say):
    options = {"serializer": "yaml", "match_on": ["request_id"]}
    with configured().use_cassette(tmp_path / "calls.yaml", **options):
        say("hi")
    with configured().use_cassette(tmp_path / "calls.yaml", record_mode="none", **options):
        assert say("hi", indent=2) == 1
    assert (tmp_path / "calls.yaml").is_file()


def test_configuring_again_replaces_the_test_id(cassette, server, get):
    my_vcr = vcr.VCR()
    for test_id in ("one", "two"):
        hashtape.configure(my_vcr, test_id=test_id)
        with my_vcr.use_cassette(cassette):
            get()
    stored = [json.loads(path.read_text())["test_id"] for path in cassette.iterdir()]
    assert sorted(stored) == ["one", "two"]
