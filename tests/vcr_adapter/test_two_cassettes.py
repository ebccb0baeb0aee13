"""Two cassettes that are open on one directory at the same time: neither loses what the other recorded."""

from __future__ import annotations

import json
import threading
import warnings
from contextlib import ExitStack

import pytest
from vcr.request import Request

import hashtape

HELLO = "https://cars.example/hello"
OTHER = "https://cars.example/other"
MODELS = "https://api.openai.com/v1/models"
RECORDING = ["once", "new_episodes", "all", "rewrite"]


@pytest.fixture
def opened(cassette):
    """Open cassettes on the directory; all are closed at the end, or by calling `close`."""
    with ExitStack() as stack:

        def open_one(mode="new_episodes", **options):
            return stack.enter_context(hashtape.use_cassette(cassette, record_mode=mode, **options))

        open_one.close = stack.close
        yield open_one


def record(opened, answer, url=HELLO):
    """What vcrpy's stubs do: ask for the answer, send the request, and hand in what came."""
    request = Request("GET", url, b"", {})
    assert not opened.can_play_response_for(request)
    assert not opened.write_protected
    is_text = isinstance(answer, str)
    body = (answer if is_text else json.dumps(answer)).encode()
    headers = {"content-type": ["text/plain" if is_text else "application/json"]}
    opened.append(
        request, {"status": {"code": 200, "message": "OK"}, "headers": headers, "body": {"string": body}}
    )


def play(opened, url=HELLO):
    return opened.play_response(Request("GET", url, b"", {}))["body"]["string"].decode()


@pytest.fixture
def answers(cassette):
    """The answers that are on the disk, in their order."""

    def read(url=HELLO):
        path = cassette / f"{hashtape.request_id('GET', url, None)}.json"
        recording = json.loads(path.read_text())
        return [answer["body"] for answer in [recording["response"], *recording.get("later_responses", [])]]

    return read


def files(cassette):
    return sorted(path.name for path in cassette.iterdir())


@pytest.mark.parametrize("mode", RECORDING)
def test_the_same_request_in_both_has_the_answers_of_both(cassette, opened, answers, mode):
    one, two = opened(mode), opened(mode)
    for number in range(3):
        record(one, f"one {number}")
        record(two, f"two {number}")
    assert answers() == ["one 0", "two 0", "one 1", "two 1", "one 2", "two 2"]
    opened.close()
    assert len(answers()) == 6
    assert len(files(cassette)) == 1


def test_what_the_other_recorded_is_not_played_before_the_cassette_is_opened_again(opened, answers):
    one, two = opened(), opened()
    record(one, "one")
    record(two, "two")
    record(one, "one again")
    assert [len(one), len(two)] == [2, 1]
    later = opened("none")
    assert [play(later) for _ in range(3)] == ["one", "two", "one again"]


@pytest.mark.parametrize("mode", ["all", "rewrite"])
def test_each_old_answer_is_replaced_once_and_no_new_one_is(opened, answers, mode):
    before = opened()
    record(before, "old 0")
    record(before, "old 1")
    one, two = opened(mode), opened(mode)
    record(one, "one 0")
    record(two, "two 0")
    record(one, "one 1")
    record(two, "two 1")
    assert sorted(answers()) == ["one 0", "one 1", "two 0", "two 1"]


def test_a_mode_that_asks_again_adds_to_a_file_that_came_after_it_was_opened(opened, answers):
    record(opened(), "old", OTHER)
    replacing = opened("all")
    record(opened(), "fresh")
    record(replacing, "asked again")
    assert answers() == ["fresh", "asked again"]


def test_two_that_keep_their_answers_until_they_close_keep_those_of_both(cassette, answers):
    one, two = (hashtape.use_cassette(cassette, record_on_exception=False) for _ in range(2))
    with one as opened_one, two as opened_two:
        for number in range(2):
            record(opened_one, f"one {number}")
            record(opened_two, f"two {number}")
        assert not files(cassette)
    assert answers() == ["two 0", "two 1", "one 0", "one 1"]


def test_rewriting_removes_what_is_old_and_not_used_and_nothing_that_came_meanwhile(
    cassette, opened, answers
):
    with hashtape.use_cassette(cassette) as before:
        record(before, "old 0")
        record(before, "old 1")
        record(before, "unused", OTHER)
    with hashtape.use_cassette(cassette, record_mode="rewrite") as rewriting:
        other = opened("all")
        record(rewriting, "new")
        record(other, "of the other")
        record(opened(), "fresh", "https://cars.example/fresh")
    assert answers() == ["new", "of the other"]
    assert answers("https://cars.example/fresh") == ["fresh"]
    assert len(files(cassette)) == 2


def test_a_file_that_was_removed_meanwhile_is_written_again_with_all_that_is_known(cassette, opened, answers):
    recording = opened()
    record(recording, "first")
    (cassette / files(cassette)[0]).unlink()
    record(recording, "second")
    assert answers() == ["first", "second"]


def test_a_directory_that_was_removed_meanwhile_is_made_again(cassette, opened, answers):
    recording = opened()
    record(recording, "first")
    (cassette / files(cassette)[0]).unlink()
    cassette.rmdir()
    record(recording, "second")
    assert answers() == ["first", "second"]


@pytest.mark.parametrize("is_changed", [False, True], ids=["as-it-was", "changed"])
def test_a_file_under_an_old_name_goes_unless_somebody_else_wrote_to_it(
    cassette, opened, answers, is_changed
):
    record(opened(), "old")
    name, old_name = files(cassette)[0], "0123456789ab.json"
    (cassette / name).rename(cassette / old_name)
    recording = opened()
    assert play(recording) == "old"
    if is_changed:
        changed = json.loads((cassette / old_name).read_text())
        changed["later_responses"] = [{"body": "theirs"}]
        (cassette / old_name).write_text(json.dumps(changed))
    record(recording, "new")
    assert answers() == ["old", "new"]
    assert files(cassette) == ([old_name, name] if is_changed else [name])
    if is_changed:
        assert "theirs" in (cassette / old_name).read_text()


def test_a_file_that_became_no_recording_meanwhile_is_kept_by_a_mode_that_plays(cassette, opened):
    recording = opened()
    record(recording, "first")
    path = cassette / files(cassette)[0]
    path.write_text("<<<<<<< HEAD")
    with pytest.raises(hashtape.RecordingFileError):
        record(recording, "second")
    assert path.read_text() == "<<<<<<< HEAD"


def test_a_file_that_became_no_recording_meanwhile_is_replaced_by_a_mode_that_asks_again(
    cassette, opened, answers
):
    recording = opened("all")
    record(recording, "first")
    (cassette / files(cassette)[0]).write_text("<<<<<<< HEAD")
    with pytest.warns(hashtape.HashtapeWarning, match="replaced by a new recording"):
        record(recording, "second")
    assert answers() == ["first", "second"]


def chat(host):
    return Request("POST", f"https://{host}/v1/chat/completions", '{"model": "demo", "messages": []}', {})


def record_chat(opened, host, text):
    assert not opened.can_play_response_for(chat(host))
    body = json.dumps({"text": text}).encode()
    headers = {"content-type": ["application/json"]}
    opened.append(
        chat(host), {"status": {"code": 200, "message": "OK"}, "headers": headers, "body": {"string": body}}
    )


def play_chat(opened, host):
    return json.loads(opened.play_response(chat(host))["body"]["string"])["text"]


def test_the_answers_of_two_hosts_keep_their_hosts(cassette, opened):
    one, two = opened(), opened()
    record_chat(two, "b.example", "two 0")
    record_chat(one, "a.example", "one 0")
    record_chat(one, "b.example", "one 1")
    recording = json.loads((cassette / files(cassette)[0]).read_text())
    hosts = [answer.get("url", "")[:17] for answer in recording["later_responses"]]
    assert hosts == ["https://a.example", ""]  # that of the request is not repeated
    later = opened("none")
    played = [play_chat(later, f"{host}.example") for host in "abb"]
    assert played == ["one 0", "two 0", "one 1"]


def test_an_answer_keeps_its_host_when_that_of_another_takes_the_first_place(cassette, opened):
    before = opened()
    record_chat(before, "a.example", "old 0")
    record_chat(before, "a.example", "old 1")
    record_chat(opened("all"), "b.example", "new")
    later = opened("none")
    assert [play_chat(later, "a.example"), play_chat(later, "b.example")] == ["old 1", "new"]


def test_model_lists_of_both_are_kept(cassette, opened):
    def models(*ids):
        return {"object": "list", "data": [{"id": model, "object": "model"} for model in ids]}

    one, two = opened("all"), opened("all")
    record(one, models("a"), MODELS)
    record(two, models("b", "c"), MODELS)
    record(one, models("a", "d"), MODELS)
    lists = [json.loads(path.read_text()) for path in cassette.glob("models-*.json")]
    stored = [
        [model["__data__"]["id"] for model in answer["body"]]
        for recording in lists
        for answer in [recording["response"], *recording.get("later_responses", [])]
    ]
    assert sorted(stored) == [["a"], ["a", "d"], ["b", "c"]]


@pytest.mark.parametrize("mode", ["new_episodes", "all"])
def test_cassettes_in_several_threads_keep_all_answers(opened, answers, mode):
    cassettes = [opened(mode) for _ in range(4)]
    start = threading.Barrier(len(cassettes))

    def run(number):
        start.wait()
        for count in range(10):
            record(cassettes[number], f"answer {count} of {number}")
            record(cassettes[number], f"answer {count} of {number}", OTHER)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(cassettes))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = sorted(f"answer {count} of {number}" for number in range(4) for count in range(10))
    assert sorted(answers()) == sorted(answers(OTHER)) == expected


def test_a_mode_that_records_once_goes_on_when_another_cassette_was_first(opened):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        one, two = opened("once"), opened("once")
        record(one, "one")
        record(two, "two", OTHER)


@pytest.mark.parametrize("test_id", ["../../outside", "/outside", "a/../../b", "C:\\x", "\0", "x" * 5000])
def test_a_test_id_is_no_path(tmp_path, cassette, test_id):
    with hashtape.use_cassette(cassette, test_id=test_id) as recording:
        record(recording, "answer")
    assert [path.name for path in tmp_path.iterdir()] == [cassette.name]
    assert len(files(cassette)) == 1


def test_dropping_what_is_not_used_leaves_what_came_meanwhile(cassette, opened, answers):
    with hashtape.use_cassette(cassette) as before:
        record(before, "unused")
    with hashtape.use_cassette(cassette, record_mode="new_episodes", drop_unused_requests=True):
        record(opened(), "fresh", OTHER)
    assert answers(OTHER) == ["fresh"]
    assert len(files(cassette)) == 1
