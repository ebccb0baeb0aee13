"""`--hashtape-convert`: a suite plays on its YAML, and is green without it afterwards."""

from __future__ import annotations

import json

import pytest

SUITE = """
@pytest.mark.vcr
def test_plain(): assert ask("plain") == "answer 1 to plain"

@pytest.mark.vcr
def test_twice(): assert [ask("again"), ask("again")] == ["answer 2 to again", "answer 3 to again"]

@pytest.mark.vcr
@pytest.mark.parametrize("what", ["a/b", "ü [x]", "a b"])
def test_parameter(what): assert ask(what).endswith(f" to {what}")

class TestChat:
    @pytest.mark.vcr
    def test_stream(self): assert ask("stream", stream=True).endswith("to stream")

@pytest.mark.vcr
@pytest.mark.default_cassette("shared")
def test_one_of_two(): assert ask("one").endswith("to one")

@pytest.mark.vcr
@pytest.mark.default_cassette("shared")
def test_two_of_two(): assert ask("one").endswith("to one")
"""


def stock(project, **outcomes):
    """Record as a suite does that has not heard of hashtape."""
    project.run("-pno:hashtape", "--record-mode=once").assert_outcomes(**outcomes)


def drop_yaml(project):
    for path in (project.path / "cassettes").rglob("*.yaml"):
        path.unlink()


@pytest.fixture
def suite(project):
    path = project.write(SUITE)
    stock(project, passed=8)
    return path


@pytest.mark.parametrize("options", [(), ("-n2",)], ids=["one process", "xdist"])
def test_a_suite_is_green_without_its_yaml_afterwards(project, suite, server, options):
    hits = server.hits
    run = project.run_apart if options else project.run
    result = run("--hashtape-convert", *options)
    result.assert_outcomes(passed=8)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["hashtape convert: 8 tests converted to 8 recordings"])
    drop_yaml(project)
    project.run("--block-network").assert_outcomes(passed=8)
    assert server.hits == hits
    test_ids = {json.loads(path.read_text())["test_id"] for path in project.path.rglob("cassettes/**/*.json")}
    assert "test_chat.py::TestChat::test_stream" in test_ids
    assert {"test_chat.py::test_one_of_two", "test_chat.py::test_two_of_two"} < test_ids


def test_answers_keep_the_ids_that_the_tests_saw(project, suite):
    project.run("--hashtape-convert").assert_outcomes(passed=8)
    (recording,) = project.recordings("test_plain")
    assert recording["response"]["body"]["__data__"]["id"].startswith("chatcmpl-")
    (twice,) = project.recordings("test_twice")
    assert len(twice["later_responses"]) == 1


def test_a_drifted_test_is_named_and_converted_to_what_it_sends_today(project, suite):
    project.edit(suite, 'ask("plain") == "answer 1 to plain"', 'ask("changed") == "answer 1 to plain"')
    result = project.run("--hashtape-convert")
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "test_chat.py::test_plain",
            "    messages?0?.content: recorded 'plain', now 'changed'",
            "hashtape convert: 8 tests converted to 8 recordings, 1 had drifted",
        ]
    )
    drop_yaml(project)
    project.run("--block-network").assert_outcomes(passed=8)


def test_a_test_that_fails_converts_nothing(project, suite):
    project.edit(suite, '== "answer 1 to plain"', '== "something else"')
    project.run("--hashtape-convert").assert_outcomes(passed=7, failed=1)
    assert not project.cassette("test_plain").exists()
    assert project.cassette("test_twice").is_dir()


def test_running_it_twice_changes_nothing(project, suite):
    project.run("--hashtape-convert").assert_outcomes(passed=8)
    before = project.files()
    project.run("--hashtape-convert").assert_outcomes(passed=8)
    assert project.files() == before


def test_it_goes_with_no_record_mode(project, suite):
    result = project.run_apart("--hashtape-convert", "--record-mode=once")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--hashtape-convert sends nothing: leave --record-mode out"])


def test_without_yaml_there_is_nothing_to_convert(project):
    project.write("@pytest.mark.vcr\ndef test_chat(): pass")
    result = project.run("--hashtape-convert")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["hashtape convert: no test played a YAML cassette"])


def test_tests_with_a_serializer_of_their_own_stay_as_they_were_and_are_counted(project, suite):
    project.write(
        """
        @pytest.fixture
        def vcr_config(): return {"serializer": "json"}

        @pytest.mark.vcr
        def test_own(): assert ask("own").endswith("to own")
        """,
        "test_own.py",
    )
    project.run("-pno:hashtape", "--record-mode=once", "test_own.py").assert_outcomes(passed=1)
    result = project.run("--hashtape-convert")
    result.assert_outcomes(passed=9)
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        ["*: 8 tests converted to 8 recordings; not looked at: 1 test with * of its own (-v names it)"]
    )
    result = project.run("--hashtape-convert", "test_own.py", "-v")
    result.stdout.fnmatch_lines(
        [
            "*= hashtape: not looked at *",
            "test_own.py::test_own",
            "hashtape convert: no test played a YAML cassette; not looked at: 1 test with a serializer or *",
        ]
    )
    assert not project.cassette("test_own", "test_own").exists()
