"""Files that are no recordings, places where none can be written, and bodies that are not what they say."""

from __future__ import annotations

import json
import os
import re
import shutil
import warnings
from decimal import Decimal

import pytest
from vcr.request import Request

import hashtape
from loopback import Reply

REPLAYING = ["none", "once", "new_episodes"]
REPLACING = ["all", "rewrite"]


@pytest.fixture
def good_and_bad(cassette, get, server):
    """A cassette with two recordings; returns the path of the first one, which is to be damaged."""
    with hashtape.use_cassette(cassette):
        get("/one")
        get("/two")
    return cassette / (hashtape.request_id("GET", f"{server.origin}/one", None) + ".json")


# --- Files ---------------------------------------------------------------------------------------------


def written(text):
    return lambda path: path.write_bytes(text)


def cut_short(path):
    path.write_bytes(path.read_bytes()[:-40])


def changed(**response):
    def change(path):
        recording = json.loads(path.read_text())
        recording["response"] |= response
        path.write_text(json.dumps(recording))

    return change


def without(key):
    def take_out(path):
        recording = json.loads(path.read_text())
        del recording[key]
        path.write_text(json.dumps(recording))

    return take_out


def directory_instead(path):
    path.unlink()
    path.mkdir()


def unreadable(path):
    if os.geteuid() == 0:
        pytest.skip("root reads everything")
    path.chmod(0)


DAMAGES = {
    "empty": (written(b""), "expected a recording: JSON, got a text that is not"),
    "not JSON": (written(b"<<<<<<< HEAD\n"), "expected a recording: JSON, got a text that is not"),
    "cut short": (cut_short, "expected a recording: JSON, got a text that is not"),
    "not UTF-8": (written(b'{"a": "\xff"}'), "expected a recording: JSON in UTF-8, got other bytes"),
    "nested too deeply": (written(b"[" * 100_000), "expected a recording, got JSON nested too deeply"),
    "a list": (written(b"[]"), "expected a recording: a JSON object, got a list"),
    "another object": (written(b'{"a": 1}'), "expected a recording with 'request', got no such key"),
    "no response": (without("response"), "expected a recording with 'response', got no such key"),
    "a request of another type": (
        written(b'{"request": 7, "response": {"body": 1}}'),
        "expected an object under 'request', got a number",
    ),
    "a status of another type": (changed(status="ok"), "expected an HTTP status under"),
    "headers of another type": (
        changed(headers=[]),
        "expected an object of strings under",
    ),
    "a stream that is none": (
        changed(is_streaming=True),
        "expected a list of chunks under 'response.body', got an object",
    ),
    "an unknown encoding": (
        changed(body={"__encoding__": "rot13", "data": "uv"}),
        "expected an answer that can be replayed, got a body of no known form",
    ),
    "broken base64": (
        changed(body={"__encoding__": "base64", "data": "!"}),
        "expected an answer that can be replayed, got a body of no known form",
    ),
    "a directory": (directory_instead, "expected a recording, got a file that cannot be read"),
    "not permitted": (unreadable, "expected a recording, got a file that cannot be read"),
}


@pytest.mark.parametrize("mode", REPLAYING)
@pytest.mark.parametrize("kind", DAMAGES)
def test_the_error_names_the_file_what_was_expected_and_how_to_mend_it(
    good_and_bad, server, get, cassette, kind, mode
):
    damage, verdict = DAMAGES[kind]
    damage(good_and_bad)
    with hashtape.use_cassette(cassette, record_mode=mode):
        with pytest.raises(hashtape.RecordingFileError) as caught:
            get("/one")
        assert get("/two") == 2
    text = str(caught.value)
    assert text.startswith(f"{good_and_bad}: {verdict}")
    assert "delete it and record it again: pytest --record-mode=new_episodes" in text
    assert caught.value.path == good_and_bad
    assert server.hits == 2


@pytest.mark.parametrize("mode", REPLAYING)
@pytest.mark.parametrize("kind", ["empty", "not JSON", "cut short", "a list", "an unknown encoding"])
def test_a_bad_file_is_not_overwritten_by_a_mode_that_plays(good_and_bad, get, cassette, kind, mode):
    DAMAGES[kind][0](good_and_bad)
    before = good_and_bad.read_bytes()
    with hashtape.use_cassette(cassette, record_mode=mode), pytest.raises(hashtape.RecordingFileError):
        get("/one")
    assert good_and_bad.read_bytes() == before


def test_a_bad_file_is_not_overwritten_by_what_is_appended(good_and_bad, server, cassette):
    good_and_bad.write_text("<<<<<<< HEAD")
    request = Request("GET", f"{server.origin}/one", b"", {})
    response = {"status": {"code": 200, "message": "OK"}, "headers": {}, "body": {"string": b"{}"}}
    with (
        hashtape.use_cassette(cassette, record_mode="new_episodes") as opened,
        pytest.raises(hashtape.RecordingFileError),
    ):
        opened.append(request, response)
    assert good_and_bad.read_text() == "<<<<<<< HEAD"


@pytest.mark.parametrize("mode", REPLACING)
@pytest.mark.parametrize("kind", ["empty", "not JSON", "cut short", "not UTF-8", "a list"])
def test_a_bad_file_is_replaced_by_a_mode_that_asks_again_and_a_warning_says_so(
    good_and_bad, server, get, cassette, kind, mode
):
    DAMAGES[kind][0](good_and_bad)
    with (
        hashtape.use_cassette(cassette, record_mode=mode),
        pytest.warns(
            hashtape.HashtapeWarning,
            match=re.escape(f"{good_and_bad}: replaced by a new recording. Expected"),
        ),
    ):
        assert get("/one") == 3
    with hashtape.use_cassette(cassette, record_mode="none"):
        assert get("/one") == 3
    assert server.hits == 3


def test_a_body_of_no_known_form_is_replaced_too(good_and_bad, get, cassette):
    DAMAGES["an unknown encoding"][0](good_and_bad)
    with hashtape.use_cassette(cassette, record_mode="all"):
        get("/one")
    with hashtape.use_cassette(cassette, record_mode="none"):
        assert get("/one") == 3


def test_after_the_file_was_deleted_new_episodes_records_it_again(good_and_bad, get, cassette):
    good_and_bad.unlink()
    with hashtape.use_cassette(cassette, record_mode="new_episodes"):
        assert (get("/one"), get("/two")) == (3, 2)
    with hashtape.use_cassette(cassette, record_mode="none"):
        assert get("/one") == 3


def test_a_bad_file_beside_them_does_not_disturb_the_others(good_and_bad, get, cassette):
    (cassette / "merge.json").write_text("<<<<<<< HEAD")
    with hashtape.use_cassette(cassette, record_mode="none") as opened:
        assert [get("/two"), get("/one")] == [2, 1]
        assert len(opened) == 2


def test_a_miss_names_the_bad_files_that_may_have_held_it(good_and_bad, get, cassette):
    (cassette / "merge.json").write_text("<<<<<<< HEAD")
    with (
        hashtape.use_cassette(cassette, record_mode="none"),
        pytest.raises(hashtape.MissError, match=r"unreadable: .*merge\.json: expected a recording: JSON"),
    ):
        get("/three")


@pytest.mark.parametrize("mode", ["once", "none"])
def test_a_directory_with_nothing_but_a_bad_file_counts_as_recorded(cassette, server, get, mode):
    cassette.mkdir()
    (cassette / "merge.json").write_text("<<<<<<< HEAD")
    with hashtape.use_cassette(cassette, record_mode=mode), pytest.raises(hashtape.MissError):
        get("/one")
    assert server.hits == 0


# --- Directories ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["once", "new_episodes", "all", "rewrite"])
def test_a_file_in_the_way_of_the_directory_fails_before_a_request_is_sent(tmp_path, server, http, mode):
    blocker = tmp_path / "blocker"
    blocker.write_text("mine")
    with (
        pytest.raises(hashtape.CassetteDirectoryError, match=re.escape(str(blocker))),
        hashtape.use_cassette(blocker / "calls", record_mode=mode),
    ):
        http.get(server.origin)
    assert server.hits == 0
    assert blocker.read_text() == "mine"


@pytest.mark.parametrize("mode", ["once", "new_episodes", "all", "rewrite"])
def test_a_file_that_gets_in_the_way_later_fails_before_a_request_is_sent(tmp_path, server, http, mode):
    blocker = tmp_path / "blocker"

    def block_and_call():
        blocker.write_text("mine")
        http.get(server.origin)

    with (
        pytest.raises(hashtape.CassetteDirectoryError, match=re.escape(str(blocker))),
        hashtape.use_cassette(blocker / "calls", record_mode=mode),
    ):
        block_and_call()
    assert server.hits == 0


def test_a_directory_that_is_not_permitted_fails_before_a_request_is_sent(tmp_path, server, http):
    if os.geteuid() == 0:
        pytest.skip("root writes everywhere")
    tmp_path.chmod(0o500)
    try:
        with (
            hashtape.use_cassette(tmp_path / "calls"),
            pytest.raises(hashtape.CassetteDirectoryError, match="Check the permissions"),
        ):
            http.get(server.origin)
    finally:
        tmp_path.chmod(0o700)
    assert server.hits == 0


@pytest.mark.parametrize("name", ["x" * 300, f"{'x' * 300}/calls"], ids=["own", "of a parent"])
def test_a_name_that_is_too_long_fails_before_a_request_is_sent(tmp_path, server, http, name):
    with pytest.raises(hashtape.CassetteDirectoryError, match=name), hashtape.use_cassette(tmp_path / name):
        http.get(server.origin)
    assert server.hits == 0


def test_a_directory_that_vanishes_is_made_again(cassette, get):
    with hashtape.use_cassette(cassette):
        get("/one")
        shutil.rmtree(cassette)
        get("/two")
    assert len(list(cassette.iterdir())) == 1


# --- Bodies --------------------------------------------------------------------------------------------


@pytest.fixture
def record_and_play(cassette, server, http):
    def do(reply, **request):
        server.script(reply)
        with hashtape.use_cassette(cassette):
            recorded = http.post(server.origin, **request)
        with hashtape.use_cassette(cassette, record_mode="none"):
            played = http.post(server.origin, **request)
        assert server.hits == 1
        assert played.content == recorded.content
        assert played.headers == recorded.headers
        return played

    return do


BODIES = {
    "not JSON": b"not JSON",
    "half JSON": b'{"a": [1, 2',
    "two values": b"{} {}",
    "NaN": b'{"a": NaN, "b": [Infinity, -Infinity]}',
    "a number beyond a float": b'{"a": 1e999}',
    "a number with 5000 digits": b'{"a": ' + b"7" * 5000 + b"}",
    "duplicate keys": b'{"a": 1, "a": 2}',
    "invalid UTF-8": b'{"a": "\xff\xfe"}',
    "a lone surrogate in UTF-8": b'{"a": "\xed\xa0\xbd"}',
    "a byte order mark": b'\xef\xbb\xbf{"a": 1}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "a null byte": b'{"a": "\x00"}',
    "control characters": b'{"a": "\x01\x1b[31m"}',
    "only white space": b" \r\n\t ",
    "nested too deeply": b"[" * 2000 + b"]" * 2000,
}


@pytest.mark.parametrize("kind", BODIES)
def test_a_response_that_says_json_and_is_not_comes_back_byte_for_byte(record_and_play, kind):
    played = record_and_play(Reply(body=BODIES[kind]))
    assert played.content == BODIES[kind]
    assert played.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(rb'{"a": "\ud83d"}', id="a lone surrogate"),
        pytest.param(rb'{"a": "\ude00\ud83d"}', id="surrogates in the wrong order"),
        pytest.param(rb'{"\udfff": "\u0000"}', id="a lone surrogate as a key"),
        pytest.param(b'{"a": ' + b"7" * 300 + b"}", id="an integer with 300 digits"),
        pytest.param(b'{"a": -0.0, "b": 1E+2, "c": 1.0}', id="other spellings of numbers"),
        pytest.param(b'{"a": 0.' + b"7" * 300 + b"}", id="300 decimals"),
        pytest.param(b'{"": {"": []}}', id="empty keys"),
        pytest.param(b'"text"', id="a string"),
        pytest.param(b"null", id="null"),
        pytest.param(b"7", id="a number"),
        pytest.param('{"a": "\u2028\u2029\x85"}'.encode(), id="odd line breaks"),
        pytest.param(b'{"__encoding__": "base64", "data": "eA=="}', id="a form of hashtape's own"),
        pytest.param(b'{"__type__": "os.system", "__data__": {"a": 1}}', id="a label of hashtape's own"),
        pytest.param(b'[{"__type__": "openai.types.model.Model", "__data__": {}}]', id="a model of its own"),
    ],
)
def test_json_of_an_odd_kind_comes_back_as_the_same_json(record_and_play, body):
    played = record_and_play(Reply(body=body))
    assert exactly(played.content) == exactly(body)


def exactly(body):
    """The JSON with every digit; Python's own parser rounds."""
    return json.loads(body, parse_float=Decimal)


@pytest.mark.parametrize("kind", BODIES)
def test_a_request_that_says_json_and_is_not_is_recorded_and_played(record_and_play, server, kind):
    headers = {"content-type": "application/json"}
    record_and_play(Reply(body=b"{}"), content=BODIES[kind], headers=headers)
    assert server.received[0].body == BODIES[kind]


@pytest.mark.parametrize("kind", BODIES)
def test_requests_that_differ_in_such_a_body_are_told_apart(cassette, server, http, kind):
    headers = {"content-type": "application/json"}
    server.script(Reply(body=b"{}"))
    with hashtape.use_cassette(cassette):
        http.post(server.origin, content=BODIES[kind], headers=headers)
    with hashtape.use_cassette(cassette, record_mode="none"), pytest.raises(hashtape.MissError):
        http.post(server.origin, content=BODIES[kind] + b"!", headers=headers)


@pytest.mark.parametrize("content", ["\\ud83d", "7" * 300, "a\\u0000b"], ids=["surrogate", "digits", "null"])
def test_a_chat_call_with_an_odd_prompt_is_recorded_and_played(cassette, server, http, content):
    body = b'{"model": "demo", "messages": [{"role": "user", "content": "%s"}]}' % content.encode()
    url, headers = f"{server.base_url}/chat/completions", {"content-type": "application/json"}
    answers = []
    for mode in ("once", "none"):
        with hashtape.use_cassette(cassette, record_mode=mode):
            answers.append(http.post(url, content=body, headers=headers).json())
    assert answers[0] == answers[1]
    assert answers[0]["choices"][0]["message"]["content"] == json.loads(f'"answer 1 to {content}"')
    assert server.hits == 1


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"content-encoding": "gzip"}, id="gzip"),
        pytest.param({"content-encoding": "zzz"}, id="an unknown encoding"),
    ],
)
def test_a_body_that_is_not_compressed_as_it_says_is_kept(cassette, server, http, headers):
    body = b'{"a":1}'
    server.script(Reply(body=body, headers={"content-type": "application/json", **headers}))
    for mode in ("once", "none"):
        with hashtape.use_cassette(cassette, record_mode=mode), http.stream("GET", server.origin) as response:
            assert b"".join(response.iter_raw()) == body


def test_a_stream_that_is_not_what_it_says_comes_back_byte_for_byte(record_and_play):
    body = b'data: {"a":1}\n\ndata: {broken\n\n\xff\n'
    chat = {"model": "demo", "messages": [], "stream": True}
    reply = Reply(chunks=[body], headers={"content-type": "text/event-stream"})
    assert record_and_play(reply, json=chat).content == body


def test_fifty_megabytes(cassette, server, http):
    body = b'{"text":"' + b"x" * 50_000_000 + b'"}'
    server.script(Reply(body=body))
    for mode in ("once", "none"):
        with hashtape.use_cassette(cassette, record_mode=mode):
            answer = http.get(server.origin)
        assert answer.content == body
    assert server.hits == 1


@pytest.mark.parametrize("value", ["grün", "\x7f", ""], ids=["latin-1", "control character", "empty"])
def test_odd_header_values_do_not_stop_the_recording(cassette, server, http, value):
    server.script(Reply(body=b"{}", headers={"content-type": "application/json", "location": value}))
    values = []
    for mode in ("once", "none"):
        with hashtape.use_cassette(cassette, record_mode=mode):
            values.append(http.get(server.origin).headers["location"])
    assert values == [value, value]


@pytest.mark.parametrize("status", [299, 418, 499, 599])
def test_odd_statuses_come_back(cassette, server, http, status):
    server.script(Reply(status=status, body=b"{}"))
    for mode in ("once", "none"):
        with hashtape.use_cassette(cassette, record_mode=mode):
            assert http.get(server.origin).status_code == status


def test_nothing_of_this_warns(cassette, get):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for mode in ("once", "none", "all", "rewrite"):
            with hashtape.use_cassette(cassette, record_mode=mode):
                get()


def test_who_makes_errors_of_warnings_keeps_the_bad_file_and_pays_nothing(
    good_and_bad, get, cassette, server
):
    good_and_bad.write_text("not JSON")
    hits = server.hits
    with hashtape.use_cassette(cassette, record_mode="all"), warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(hashtape.HashtapeWarning):
            get("/one")
    assert server.hits == hits
    assert good_and_bad.read_text() == "not JSON"
