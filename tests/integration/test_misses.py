"""What a run says of requests that have no recording, whatever the program makes of the exception."""

from __future__ import annotations

import pytest

RECORDED = "Tell me in one sentence what the quick brown fox does to the dog, and why it does that."

SDK_THAT_HIDES = """
class Connection(Exception): pass

def tell(content, tries=3):
    for n in range(tries):
        try:
            return ask(content, temperature=0.2)
        except Exception:
            if n == tries - 1:
                raise Connection("Connection error.") from None
"""


@pytest.fixture
def recorded(project):
    """A project with a recorded test, and a way to change what it asks."""
    path = project.write(f"{SDK_THAT_HIDES}\n@pytest.mark.vcr\ndef test_chat(): tell({RECORDED!r})\n")
    project.hits("--record-mode=once", passed=1)

    def change(test):
        project.write(f"{SDK_THAT_HIDES}\n{test}")
        return path

    return change


def section(result):
    """The lines of the report's section, from its heading to the next one."""
    lines = [line.strip() for line in result.outlines]
    start = next(n for n, line in enumerate(lines) if line.strip("- ") == "hashtape")
    end = next(
        n
        for n, line in enumerate(lines[start + 1 :], start + 1)
        if line.startswith(("===", "---", "___", "hashtape: "))
    )
    return lines[start + 1 : end]


def test_a_miss_that_the_sdk_hides_is_explained_in_a_section(project, recorded):
    recorded(f"@pytest.mark.vcr\ndef test_chat(): tell({RECORDED.replace('dog', 'cat')!r}, tries=1)")
    result = project.run()
    result.assert_outcomes(failed=1)
    (file,) = project.cassette().iterdir()
    first, expected, mode, closest, change, command = section(result)
    assert first.startswith(f"No recording for POST {project.server.base_url}/chat/completions (demo): ")
    assert expected.startswith("expected: ")
    assert mode == "record mode: none, which does not record it"
    assert closest == f"closest: {file}; 1 field differs:"
    assert change == (
        "messages[0].content: "
        "recorded '…e quick brown fox does to the [-dog-], and why it does that.', "
        "now '…e quick brown fox does to the {+cat+}, and why it does that.'"
    )
    assert command == "record it:  pytest test_chat.py::test_chat --record-mode=new_episodes"
    assert project.server.hits == 1


def test_repeated_tries_are_reported_once(project, recorded):
    recorded("@pytest.mark.vcr\ndef test_chat(): tell('new')")
    lines = section(project.run())
    assert sum(line.startswith("No recording for") for line in lines) == 1
    assert lines[-1] == "asked for 3 times"


def test_the_exception_says_the_same_as_the_section(project, recorded):
    recorded(
        "@pytest.mark.vcr\ndef test_chat(): "
        "httpx.post(os.environ['LOOPBACK'] + '/chat/completions', json={'model': 'm'})"
    )
    result = project.run()
    shown = [line.removeprefix("E").strip() for line in result.outlines]
    for line in section(result)[1:]:
        assert shown.count(line) == 2


SWALLOWED = """
@pytest.mark.vcr
def test_chat():
    try:
        tell("new")
    except Connection:
        pass
"""


@pytest.mark.parametrize("choice", [None, "error"])
def test_a_miss_that_the_program_swallowed_fails_the_test(project, recorded, choice):
    if choice:
        project.ini(f"hashtape_swallowed_miss = {choice}")
    recorded(SWALLOWED)
    result = project.run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["The test went on without an answer that has no recording: POST http*"])
    lines = section(result)
    assert "messages[0].content: recorded '" in "\n".join(lines)
    assert lines[-2] == "record it:  pytest test_chat.py::test_chat --record-mode=new_episodes"
    assert project.server.hits == 1


@pytest.mark.parametrize("test", [SWALLOWED, "@pytest.mark.vcr\ndef test_chat(): tell('new')"])
@pytest.mark.parametrize("option", ["--show-capture=no", "--show-capture=log"])
def test_it_is_shown_where_captured_output_is_not(project, recorded, test, option):
    recorded(test)
    result = project.run(option)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["No recording for POST*", "*record it:*--record-mode=new_episodes"])


def test_or_it_is_a_warning(project, recorded):
    project.ini("hashtape_swallowed_miss = warn", "filterwarnings = default")
    recorded(SWALLOWED)
    result = project.run()
    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(
        ["*HashtapeWarning: The test went on without an answer*", "*record it:*--record-mode=new_episodes"]
    )


def test_or_nothing(project, recorded):
    project.ini("hashtape_swallowed_miss = ignore")
    recorded(SWALLOWED)
    result = project.run()
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*No recording for*")


def test_another_word_is_refused(project):
    project.ini("hashtape_swallowed_miss = fail")
    result = project.run_apart()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*hashtape_swallowed_miss: expected error, warn or ignore, got 'fail'*"])


def test_a_test_that_provokes_a_miss_can_say_so(project, recorded):
    recorded(
        """
import hashtape

@pytest.mark.vcr
def test_chat(vcr):
    with pytest.raises(hashtape.MissError):
        httpx.get(os.environ["LOOPBACK"] + "/new")
    assert [miss.line for miss in vcr.misses] == ["GET " + os.environ["LOOPBACK"] + "/new"]
    vcr.misses.clear()
"""
    )
    project.run().assert_outcomes(passed=1)


def test_a_test_that_recorded_it_is_not_failed(project, recorded):
    recorded(SWALLOWED)
    project.run("--record-mode=new_episodes").assert_outcomes(passed=1)
    project.run().assert_outcomes(passed=1)


WHERE = {
    "in a fixture": (
        """
@pytest.fixture
def swallowed(vcr):
    with contextlib.suppress(Connection): tell("new")

@pytest.mark.vcr
def test_chat(swallowed): pass
""",
        {"failed": 1},
    ),
    "at the end of a fixture": (
        """
@pytest.fixture
def swallowed(vcr):
    yield
    with contextlib.suppress(Connection): tell("new")

@pytest.mark.vcr
def test_chat(swallowed): pass
""",
        {"passed": 1, "errors": 1},
    ),
    "in a fixture that then fails": (
        """
@pytest.fixture
def failing(vcr): tell("new")

@pytest.mark.vcr
def test_chat(failing): pass
""",
        {"errors": 1},
    ),
    "in a coroutine": (
        """
import asyncio

@pytest.mark.vcr
def test_chat():
    async def swallow():
        async with httpx.AsyncClient() as client:
            with contextlib.suppress(Exception): await client.get(os.environ["LOOPBACK"] + "/new")
    asyncio.run(swallow())
""",
        {"failed": 1},
    ),
    "in a thread": (
        """
import threading

@pytest.mark.vcr
def test_chat():
    def swallow():
        with contextlib.suppress(Connection): tell("new")
    thread = threading.Thread(target=swallow)
    thread.start()
    thread.join()
""",
        {"failed": 1},
    ),
    "in a unittest": (
        """
import unittest

@pytest.mark.vcr
class TestChat(unittest.TestCase):
    def test_chat(self):
        with contextlib.suppress(Connection): tell("new")
""",
        {"failed": 1},
    ),
    "by a test that skips itself then": (
        """
@pytest.mark.vcr
def test_chat():
    try: tell("new")
    except Connection: pytest.skip("no model")
""",
        {"skipped": 1, "errors": 1},
    ),
    "by a test that is expected to fail": (
        """
@pytest.mark.vcr
@pytest.mark.xfail(strict=True)
def test_chat():
    with contextlib.suppress(Connection): tell("new")
""",
        {"xfailed": 1},
    ),
}


@pytest.mark.parametrize(("test", "outcomes"), WHERE.values(), ids=WHERE)
def test_wherever_it_was_swallowed(project, recorded, test, outcomes):
    recorded(f"import contextlib\n{test}")
    result = project.run()
    result.assert_outcomes(**outcomes)
    if "xfailed" not in outcomes:
        assert section(result)[0].startswith("No recording for ")


def test_only_the_test_that_swallowed_it_fails(project, recorded):
    recorded(SWALLOWED + "\ndef test_without(): pass\n\n@pytest.mark.vcr\ndef test_with(): pass\n")
    project.run().assert_outcomes(failed=1, passed=2)


def test_a_request_that_a_filter_leaves_out_explains_a_failure_and_is_none_itself(project):
    swallowing = """
        @pytest.fixture
        def vcr_config(): return {"ignore_localhost": True}

        @pytest.mark.vcr
        def test_chat():
            try: ask("hi")
            except Exception: ok = OK
            assert ok
    """
    project.write(swallowing.replace("OK", "True"))
    project.run().assert_outcomes(passed=1)
    project.write(swallowing.replace("OK", "False"))
    result = project.run()
    result.assert_outcomes(failed=1)
    assert section(result)[0].startswith("Not sent: POST http")


def test_under_xdist(project, recorded):
    recorded(SWALLOWED)
    result = project.run_apart("-n2")
    result.assert_outcomes(failed=1)
    assert section(result)[-1] == "asked for 3 times"


def test_a_secret_of_an_old_recording_is_not_printed(project, recorded):
    key = "sk-proj-" + "A1b2C3d4" * 5
    (file,) = project.cassette().iterdir()
    project.edit(file, "Tell me", f"With {key} tell me")
    recorded(f"@pytest.mark.vcr\ndef test_chat(): tell({RECORDED.replace('dog', 'cat')!r})")
    result = project.run()
    result.assert_outcomes(failed=1)
    assert "closest: " in "\n".join(section(result))
    result.stdout.no_fnmatch_line(f"*{key}*")


def test_in_a_directory_that_tests_share_the_closest_is_the_tests_own(project):
    project.ini("hashtape_layout = recordings")
    two = """
        @pytest.mark.vcr
        def test_weather(): ask("What is the weather in Paris?")

        @pytest.mark.vcr
        def test_song(): ask("Sing!")
    """
    path = project.write(two)
    project.hits("--record-mode=once", passed=2)
    project.edit(path, "Sing!", "What is the weather in Rome?")
    lines = section(project.run("-ktest_song"))
    assert lines[-2] == "messages[0].content: recorded 'Sing!', now 'What is the weather in Rome?'"


TWO_TESTS = """
    @pytest.mark.vcr
    def test_one(): ask("one")

    @pytest.mark.vcr
    def test_two(): ask("two")
"""


def moved(lines):
    """What the command moves that the report says for a test that was renamed."""
    (line,) = (line for line in lines if "hashtape mv" in line)
    return line.partition("hashtape mv ")[2].split()


@pytest.mark.parametrize("layout", ["recordings", "cassettes"])
def test_a_test_that_was_renamed_is_told_how_to_take_its_recording_along(project, layout):
    project.ini(f"hashtape_layout = {layout}" if layout == "recordings" else "")
    path = project.write(TWO_TESTS)
    project.hits("--record-mode=once", passed=2)
    project.edit(path, "test_two", "test_zwei")
    lines = section(project.run("-ktest_zwei"))
    (closest,) = (line for line in lines if line.startswith("closest: "))
    assert closest.endswith(" of test_chat.py::test_two, with the same request")
    assert moved(lines) == ["test_chat.py::test_two", "test_chat.py::test_zwei"]


@pytest.mark.parametrize("layout", ["recordings", "cassettes"])
def test_a_test_that_asks_something_new_is_told_no_other_tests_name_to_move(project, layout):
    project.ini(f"hashtape_layout = {layout}" if layout == "recordings" else "")
    path = project.write(TWO_TESTS)
    project.hits("--record-mode=once", passed=2)
    project.edit(path, 'def test_two(): ask("two")', 'def test_three(): ask("three")')
    text = "\n".join(section(project.run("-ktest_three")))
    assert "this test has no recordings yet" in text
    assert "hashtape mv" not in text
    assert ("closest: " in text) == (layout == "recordings")


def test_among_hundreds_of_neighbours_none_is_looked_for(project):
    path = project.write(TWO_TESTS)
    project.hits("--record-mode=once", passed=2)
    crowd = project.cassette("test_a_crowd")
    crowd.mkdir()
    for number in range(301):
        (crowd / f"{number}.json").write_text("{}")
    project.edit(path, "test_two", "test_zwei")
    assert "hashtape mv" not in "\n".join(section(project.run("-ktest_zwei")))


def test_of_a_request_that_several_tests_have_no_recording_is_picked(project):
    project.write(TWO_TESTS.replace('"two"', '"one"'))
    project.hits("--record-mode=once", passed=2)
    project.write('@pytest.mark.vcr\ndef test_three(): ask("one")')
    assert moved(section(project.run())) == ["OLD_NODE_ID", "test_chat.py::test_three"]


def test_neighbours_that_cannot_be_read_explain_nothing(project):
    path = project.write(TWO_TESTS)
    project.hits("--record-mode=once", passed=2)
    for file in project.cassette("test_one").iterdir():
        file.write_text("[")
    project.cassette("notes").with_suffix(".txt").write_text("")
    project.edit(path, "test_two", "test_zwei")
    lines = section(project.run("-ktest_zwei"))
    assert moved(lines) == ["test_chat.py::test_two", "test_chat.py::test_zwei"]


def test_a_call_of_another_endpoint_is_not_close(project, recorded):
    recorded(
        "@pytest.mark.vcr\ndef test_chat(): httpx.post("
        "os.environ['LOOPBACK'] + '/embeddings', json={'model': 'm', 'input': 'hi'})"
    )
    text = "\n".join(section(project.run()))
    assert "No recording for POST" in text
    assert "closest" not in text


def test_the_closest_may_be_in_an_extra_cassette(project):
    path = project.write("@pytest.mark.vcr\ndef test_chat(): ask('hi')")
    project.hits("--record-mode=once", passed=1)
    project.cassette().rename(project.cassette("more"))
    project.edit(path, "vcr\ndef test_chat(): ask('hi')", "vcr('more')\ndef test_chat(): ask('ho')")
    lines = section(project.run())
    assert "messages[0].content: recorded 'hi', now 'ho'" in lines
