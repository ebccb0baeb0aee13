import shlex
from pathlib import Path

import pytest

from hashtape.errors import RecordingFileError
from hashtape.miss import Change, Closest, describe_miss, request_line
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


def test_the_model_is_named_wherever_it_stands():
    request = HttpRequest("POST", "https://h/v1/messages", {"model": "claude"})
    assert request_line(request, request.url) == "POST https://h/v1/messages (claude)"


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


CLOSEST = Path("tests/cassettes/test_hello/89ab.json")


def test_the_test_that_recorded_the_same_request_may_have_been_renamed():
    closest = Closest(CLOSEST, [], ["t.py::old"])
    lines = described(recorded=False, others=["t.py::a", "t.py::old"], closest=closest).splitlines()
    assert f"  closest: {CLOSEST} of t.py::old, with the same request" in lines
    (mend,) = (line for line in lines if "if it was renamed" in line)
    assert shlex.split(mend.partition(": ")[2]) == ["hashtape", "mv", "t.py::old", TEST_ID]
    assert "t.py::a" not in "\n".join(lines)


def test_where_several_tests_recorded_the_same_request_nobody_knows_which_one_was_renamed():
    closest = Closest(CLOSEST, [], ["t.py::a", "t.py::b", "t.py::c"])
    text = described(recorded=False, closest=closest)
    assert f"  closest: {CLOSEST} of t.py::a and 2 more, with the same request" in text.splitlines()
    assert "hashtape mv OLD_NODE_ID " in text
    assert "mv t.py" not in text


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"closest": Closest(CLOSEST, [Change("n", 1, 2)], ["t.py::old"])},
        {"closest": Closest(CLOSEST, [], ["t.py::old"]), "test_id": None},
    ],
    ids=["nothing close", "another request", "outside a test"],
)
def test_else_no_command_moves_the_recordings_of_another_test(facts):
    text = described(recorded=False, others=["t.py::old", "x"], **facts)
    assert "mv" not in text
    assert ("belong to t.py::old and 1 more" in text) == ("test_id" not in facts)


def test_a_miss_names_the_closest_recording_and_each_field_that_differs():
    changes = [Change("messages[1].content", "a", "b"), Change("temperature", 0, 1)]
    lines = described(closest=Closest(CLOSEST, changes)).splitlines()
    at = lines.index(f"  closest: {CLOSEST}; 2 fields differ:")
    assert lines[at + 1 : at + 3] == [
        "    messages[1].content: recorded 'a', now 'b'",
        "    temperature: recorded 0, now 1",
    ]


def test_of_many_fields_that_differ_the_first_are_shown():
    changes = [Change(f"f{number}", 0, 1) for number in range(14)]
    lines = described(closest=Closest(CLOSEST, changes)).splitlines()
    assert [line.strip() for line in lines if line.startswith("    ")] == [
        *(f"f{number}: recorded 0, now 1" for number in range(10)),
        "and 4 more",
    ]


def test_a_recording_of_another_test_is_said_to_be_one():
    text = described(recorded=False, closest=Closest(CLOSEST, [Change("n", 1, 2)], ["t.py::old"]))
    assert f"  closest: {CLOSEST} of t.py::old; 1 field differs:" in text.splitlines()
