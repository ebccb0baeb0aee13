"""The line at the end of pytest's output: what was played, recorded, missed, unused and sent."""

from __future__ import annotations

from itertools import takewhile

import pytest

from loopback import Reply


def summary(result) -> str:
    """The summary line and the lines that belong to it."""
    lines = iter(result.stdout.lines)
    first = next(line for line in lines if line.startswith("hashtape:"))
    return "\n".join([first, *takewhile(lambda line: line.startswith("  "), lines)])


@pytest.fixture
def url(server):
    return f"POST {server.base_url}/chat/completions (demo)"


TWO_TESTS = """
@pytest.mark.vcr
def test_one(): ask("one")

@pytest.mark.vcr
def test_two(): [ask("two") for _ in range(2)]
"""


def test_recording_says_which_test_reached_the_network(project, url):
    project.write(TWO_TESTS)
    assert summary(project.run("--record-mode=once")) == (
        "hashtape: 0 played, 3 recorded, 0 missed, 0 unused, 3 sent to the network\n"
        "  recorded in cassettes/test_chat\n"
        f"  test_chat.py::test_one sent {url}\n"
        f"  test_chat.py::test_two sent {url}, 2 times"
    )
    assert summary(project.run()) == (
        "hashtape: 3 played, 0 recorded, 0 missed, 0 unused, 0 sent to the network"
    )


def test_quiet_is_one_short_line(project):
    project.write(TWO_TESTS)
    assert summary(project.run("-q", "--record-mode=once")) == ("hashtape: 3 recorded, 3 sent to the network")
    assert summary(project.run("-q")) == "hashtape: 3 played"


def test_the_workers_of_xdist_are_added_up(project, url):
    project.write(
        """
        @pytest.mark.vcr
        @pytest.mark.parametrize("n", range(6))
        @pytest.mark.xdist_group("all")
        def test_chat(n): ask(f"q{n}")
        """
    )
    first = project.run_apart("-n2", "--dist=loadgroup", "--record-mode=once", "-pxdist")
    assert "0 played, 6 recorded, 0 missed, 0 unused, 6 sent" in summary(first)
    assert f"  test_chat.py::test_chat[0] sent {url}" in summary(first)
    again = project.run_apart("-n2", "-pxdist")
    assert "6 played, 0 recorded, 0 missed, 0 unused, 0 sent" in summary(again)


def test_a_miss_counts_once_however_often_the_client_tries(project):
    project.write(
        """
        @pytest.mark.vcr
        def test_chat():
            for _ in range(3):
                with pytest.raises(Exception): ask("new")
            ask("other")
        """
    )
    result = project.run()
    assert summary(result).startswith("hashtape: 0 played, 0 recorded, 2 missed, 0 unused, 0 sent")


def test_a_request_that_a_filter_lets_through_reached_the_network(project, server):
    project.write(
        """
        @pytest.fixture
        def vcr_config(): return {"ignore_hosts": ["127.0.0.1"]}

        @pytest.mark.vcr
        def test_chat():
            with httpx.Client() as client: client.get(os.environ["LOOPBACK"] + "?api_key=q9X2mN7vB4kL8pR1")
        """
    )
    line, sent = summary(project.run("--record-mode=once")).splitlines()
    assert line == "hashtape: 0 played, 0 recorded, 0 missed, 0 unused, 1 sent to the network"
    assert sent.startswith(f"  test_chat.py::test_chat sent GET {server.base_url}?api_key=")
    assert "q9X2mN7vB4kL8pR1" not in sent


def test_a_call_that_failed_reached_the_network_too(project, server):
    server.script(Reply(chunks=[b"{"], breaks=True))
    project.write("@pytest.mark.vcr\ndef test_chat(): ask('hi')")
    result = project.run("--record-mode=once")
    result.assert_outcomes(failed=1)
    assert "0 recorded, 0 missed, 0 unused, 1 sent to the network" in summary(result)


def test_calls_within_the_process_reach_no_network(project):
    project.write(
        """
        @pytest.mark.vcr
        def test_chat():
            transport = httpx.MockTransport(lambda request: httpx.Response(200, json={"a": 1}))
            with httpx.Client(transport=transport) as client: client.get("http://app.test/")
        """
    )
    result = project.run("--record-mode=once")
    assert summary(result) == (
        "hashtape: 0 played, 1 recorded, 0 missed, 0 unused, 0 sent to the network\n"
        "  recorded in cassettes/test_chat/test_chat"
    )


def test_yaml_cassettes_count_as_played(project):
    project.write("@pytest.mark.vcr\ndef test_chat(): ask('hi')")
    project.run("-pno:hashtape", "--record-mode=once").assert_outcomes(passed=1)
    assert project.cassette().with_suffix(".yaml").exists()
    assert summary(project.run()).startswith("hashtape: 1 played, 0 recorded, 0 missed")


def test_a_suite_without_cassettes_has_no_line(project):
    project.write("def test_chat(): ask('hi')\n@pytest.mark.vcr\ndef test_silent(): pass")
    assert "hashtape:" not in project.run("--record-mode=once").stdout.str()


def test_a_long_list_is_cut_unless_asked_for(project):
    project.write(
        """
        @pytest.mark.vcr
        @pytest.mark.parametrize("n", range(22))
        def test_chat(n):
            with httpx.Client() as client: client.get(os.environ["LOOPBACK"])
        """
    )
    assert "\n  and 2 more: -v lists them" in summary(project.run("--record-mode=once"))
    assert summary(project.run("--record-mode=all", "-v")).count(" sent GET ") == 22
