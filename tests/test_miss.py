import shlex
from pathlib import Path

import pytest

from hashtape.errors import RecordingFileError
from hashtape.miss import describe_miss, request_line
from hashtape.recording import HttpRequest, InferenceRequest

REQUEST_ID = "0123456789abcdef" * 4
TEST_ID = "tests/test_chat.py::test_hello[it's $HOME & more]"
LINE = "POST https://api.openai.com/v1/chat/completions (gpt-4o)"


def described(**changes):
    facts = {
        "request_id": REQUEST_ID,
        "directory": Path("tests/cassettes/test_hello"),
        "record_mode": "none",
        "test_id": TEST_ID,
        "played": 0,
        "recorded": True,
    }
    return describe_miss(LINE, **(facts | changes))


def test_an_inference_request_is_named_by_method_wire_url_and_model():
    request = InferenceRequest(
        "POST", "https://h/v1/v1/chat/completions", {}, "/v1/chat/completions", "gpt-4o"
    )
    assert request_line(request, "https://h/v1/chat/completions") == (
        "POST https://h/v1/chat/completions (gpt-4o)"
    )


@pytest.mark.parametrize(
    "request_",
    [InferenceRequest("POST", "https://h/v1/v1/models", {}), HttpRequest("POST", "https://h/x", None)],
    ids=["no-model", "http"],
)
def test_a_request_without_a_model_is_named_by_method_and_url(request_):
    assert request_line(request_, "https://h/x?a=1") == "POST https://h/x?a=1"


def test_a_miss_names_the_request_the_expected_file_and_the_record_mode():
    text = described()
    assert LINE in text
    assert str(Path("tests/cassettes/test_hello") / f"{REQUEST_ID}.json") in text
    assert "record mode: none" in text


@pytest.mark.parametrize(
    ("facts", "verdict", "mode"),
    [
        ({"recorded": False}, "this test has no recordings yet", "once"),
        ({"recorded": True}, "it is new, or it changed", "new_episodes"),
        ({"played": 1}, "it was recorded once, and each answer has been played already", "new_episodes"),
        ({"played": 3}, "it was recorded 3 times, and each answer", "new_episodes"),
        ({"played": 1, "recorded": False}, "it was recorded once", "new_episodes"),
    ],
    ids=["no-recordings", "new-request", "played-once", "played-thrice", "played-from-elsewhere"],
)
def test_a_miss_says_why_and_ends_with_the_command_that_records_it(facts, verdict, mode):
    text = described(**facts)
    assert verdict in text.splitlines()[0]
    _, _, command = text.splitlines()[-1].partition(":")
    assert shlex.split(command) == ["pytest", TEST_ID, f"--record-mode={mode}"]


def test_outside_a_test_the_mend_is_the_call_that_records():
    last = described(test_id=None, recorded=False).splitlines()[-1]
    assert f'use_cassette({str(Path("tests/cassettes/test_hello"))!r}, record_mode="once")' in last


def test_a_miss_names_the_files_that_could_not_be_read():
    broken = [RecordingFileError(Path(f"c/{name}.json"), "a recording", "a list") for name in "ab"]
    text = described(broken=broken)
    assert all(str(error) in text for error in broken)
    assert "unreadable" not in described()
