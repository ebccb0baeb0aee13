"""`--hashtape-convert`: a suite plays on its YAML, and is green without it afterwards."""

from __future__ import annotations

import json
import shlex
import subprocess

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


def delete_command(result):
    (command,) = (line.strip() for line in result.outlines if line.startswith("  rm "))
    return command


def drop_yaml(project):
    for path in (project.path / "cassettes").rglob("*.yaml"):
        path.unlink()


@pytest.fixture
def suite(project):
    path = project.write(SUITE)
    stock(project, passed=8)
    return path


@pytest.mark.parametrize("options", [(), ("-n2",)], ids=["one process", "xdist"])
def test_a_suite_is_green_without_the_yaml_that_the_command_deletes(project, suite, server, options):
    hits = server.hits
    (project.path / "cassettes/test_chat/nobodys.yaml").write_text("interactions: []\nversion: 1\n")
    run = project.run_apart if options else project.run
    result = run("--hashtape-convert", *options)
    result.assert_outcomes(passed=8)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["hashtape convert: 8 tests converted to 8 recordings"])
    subprocess.run(delete_command(result), shell=True, check=True, cwd=project.path)
    assert [path.name for path in project.path.rglob("*.yaml")] == ["nobodys.yaml"]
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
    result = project.run("--hashtape-convert")
    result.assert_outcomes(passed=7, failed=1)
    assert not project.cassette("test_plain").exists()
    assert project.cassette("test_twice").is_dir()
    result.stdout.fnmatch_lines(
        [
            "*= hashtape: not converted *",
            "test_chat.py::test_plain",
            "  the test did not pass",
            "hashtape convert: 7 tests converted to 7 recordings, 1 not converted",
        ]
    )
    assert "test_plain.yaml" not in delete_command(result)
    assert "test_twice.yaml" in delete_command(result)


def test_a_test_that_is_expected_to_fail_keeps_its_yaml_and_the_run_stays_green(project):
    project.write("@pytest.mark.vcr\n@pytest.mark.xfail\ndef test_plain(): assert ask('plain') == 'no'\n")
    stock(project, xfailed=1)
    result = project.run("--hashtape-convert")
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        ["  the test did not pass", "hashtape convert: 0 tests converted to 0 recordings, 1 not converted"]
    )
    assert "Delete" not in result.stdout.str()


def test_a_cassette_that_a_failed_test_plays_too_is_not_to_be_deleted(project, suite):
    project.edit(
        suite,
        "def test_two_of_two(): assert ask",
        "def test_two_of_two(): assert not ask",
    )
    result = project.run("--hashtape-convert")
    result.assert_outcomes(passed=7, failed=1)
    assert "shared.yaml" not in delete_command(result)


def test_a_long_command_is_printed_with_v(project):
    project.write(
        """
        @pytest.mark.vcr
        @pytest.mark.parametrize("number", range(11))
        def test_many(number): ask("hi")
        """
    )
    stock(project, passed=11)
    result = project.run("--hashtape-convert")
    result.stdout.fnmatch_lines(
        ["Delete their 11 YAML cassettes (-v prints the command), run pytest again, and commit *"]
    )
    assert len(shlex.split(delete_command(project.run("--hashtape-convert", "-v")))) == 12


def test_response_headers_that_are_not_kept_are_named(project, suite):
    lines = project.run("--hashtape-convert").outlines
    told = (
        "not kept: response headers date, server; "
        "a test that reads one needs hashtape_response_headers before converting"
    )
    assert lines.index(told) < next(number for number, line in enumerate(lines) if line.startswith("Delete"))
    for path in project.path.glob("cassettes/*/*/*.json"):
        path.unlink()
    project.ini("hashtape_response_headers = date Server")
    assert "not kept" not in project.run("--hashtape-convert").stdout.str()


def test_running_it_twice_changes_nothing(project, suite):
    project.run("--hashtape-convert").assert_outcomes(passed=8)
    before = project.files()
    result = project.run("--hashtape-convert")
    result.assert_outcomes(passed=8)
    assert project.files() == before
    result.stdout.fnmatch_lines(["hashtape convert: 8 tests had been converted before"])


@pytest.mark.parametrize("layout", ["cassettes", "recordings"])
def test_what_had_been_converted_before_is_told_apart_from_what_is_new(project, suite, layout):
    project.ini(f"hashtape_layout = {layout}")
    project.edit(suite, 'ask("plain") == "answer 1 to plain"', 'ask("changed") == "answer 1 to plain"')
    project.run("--hashtape-convert", "-k", "twice or plain or one_of_two").assert_outcomes(
        passed=3, deselected=5
    )
    result = project.run("--hashtape-convert", "-k", "not stream")
    result.stdout.fnmatch_lines(
        ["hashtape convert: 4 tests converted to 4 recordings, 3 had been converted before"]
    )
    assert "drifted" not in result.stdout.str()


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
