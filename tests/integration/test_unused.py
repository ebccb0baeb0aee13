"""`--hashtape-unused`: the recordings of the tests that ran and passed which nothing played."""

from __future__ import annotations

import pytest

THREE_TESTS = """
@pytest.mark.vcr
@pytest.mark.parametrize("name", ["one", "two", "three"])
def test_chat(name): [ask(f"{name}{n}") for n in range(2)]
"""


NAMES = ["one", "three", "two"]


@pytest.fixture
def layout():
    return "cassettes"


@pytest.fixture
def suite(project, layout):
    """Three tests that asked twice when they were recorded, and ask once now."""
    project.ini(f"hashtape_layout = {layout}")
    path = project.write(THREE_TESTS)
    project.hits("--record-mode=once", passed=3)
    project.edit(path, "range(2)", "range(1)")
    return path


def unused(result) -> list[str]:
    """The tests that the report names."""
    return [line for line in result.stdout.lines if line.startswith("test_chat.py::test_chat[")]


@pytest.mark.parametrize("layout", ["cassettes", "recordings"])
def test_report_lists_them_by_test_and_changes_nothing(project, suite):
    before = project.files(project.path)
    result = project.run("--hashtape-unused=report")
    result.assert_outcomes(passed=3)
    assert result.ret == 0
    assert unused(result) == [f"test_chat.py::test_chat[{name}]" for name in NAMES]
    result.stdout.fnmatch_lines(["hashtape: 3 played, 0 recorded, 0 missed, 3 unused, *"])
    named = [line.strip() for line in result.stdout.lines if line.startswith("  ") and ".json" in line]
    assert len(named) == 3
    assert all((project.path / name).is_file() for name in named)
    assert {name: project.files(project.path).get(name) for name in before} == before


def test_without_the_option_they_are_counted_only(project, suite):
    result = project.run()
    assert unused(result) == []
    result.stdout.fnmatch_lines(["hashtape: 3 played, 0 recorded, 0 missed, 3 unused, *"])


def test_fail_fails_the_run(project, suite):
    result = project.run("--hashtape-unused=fail")
    result.assert_outcomes(passed=3)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    said = "hashtape: 3 unused recordings fail this run (--hashtape-unused=fail)"
    result.stdout.fnmatch_lines([said, "*3 passed*"])
    assert said not in project.run("--hashtape-unused=report").stdout.str()
    project.edit(suite, "range(1)", "range(2)")
    result = project.run("--hashtape-unused=fail")
    assert result.ret == 0
    assert "fail this run" not in result.stdout.str()


@pytest.mark.parametrize("layout", ["cassettes", "recordings"])
def test_deselected_tests_do_not_count(project, suite):
    assert unused(project.run("--hashtape-unused=report", "-k", "one")) == ["test_chat.py::test_chat[one]"]
    assert unused(project.run("--hashtape-unused=report", "test_chat.py::test_chat[two]")) == [
        "test_chat.py::test_chat[two]"
    ]


def test_tests_that_failed_or_skipped_do_not_count(project, suite):
    project.edit(
        suite,
        'def test_chat(name): [ask(f"{name}{n}") for n in range(1)]',
        "def test_chat(name):\n"
        '    if name == "one": pytest.skip("not today")\n'
        '    ask(f"{name}0")\n'
        '    assert name != "two"',
    )
    result = project.run("--hashtape-unused=report")
    result.assert_outcomes(passed=1, failed=1, skipped=1)
    assert unused(result) == ["test_chat.py::test_chat[three]"]


def test_under_xdist(project, suite):
    result = project.run_apart("-pxdist", "-n2", "--hashtape-unused=fail")
    assert unused(result) == [f"test_chat.py::test_chat[{name}]" for name in NAMES]
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_a_recording_that_another_test_plays_is_used(project):
    path = project.write(
        """
        @pytest.mark.vcr
        def test_first(): ask("hi")

        @pytest.mark.vcr("test_first")
        def test_second(): ask("hi")
        """
    )
    project.hits("--record-mode=once", "-k", "first", passed=1)
    project.edit(path, 'def test_first(): ask("hi")', "def test_first(): pass")
    result = project.run("--hashtape-unused=fail")
    result.assert_outcomes(passed=2)
    assert result.ret == 0


def test_a_recording_of_no_test_counts_only_when_all_tests_passed(project):
    path = project.write("@pytest.mark.vcr\ndef test_chat(): [ask(str(n)) for n in range(2)]")
    project.hits("--record-mode=once", passed=1)
    for recording in project.cassette().iterdir():
        project.edit(recording, '"test_id": "test_chat.py::test_chat"', '"test_id": null')
    project.edit(path, "range(2)", "range(1)")
    assert "1 unused" in project.run().stdout.str()
    assert "0 unused" in project.run("-k", "chat").stdout.str()
    path.write_text(path.read_text() + "\n\n@pytest.mark.skip\ndef test_other(): pass\n")
    assert "0 unused" in project.run().stdout.str()
