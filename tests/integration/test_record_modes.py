"""The table of record modes, told by what reached the server."""

from __future__ import annotations

import json

import pytest

ONE = """
@pytest.mark.vcr
def test_chat():
    assert ask("one").startswith("answer")
"""

TWO = (
    ONE
    + """
    assert ask("two").startswith("answer")
"""
)


def test_none_is_the_default_and_never_calls(project):
    project.write(ONE)
    assert project.hits(failed=1) == 0
    assert not (project.path / "cassettes").exists()


@pytest.mark.parametrize(
    ("mode", "calls", "outcome"),
    [
        ("none", 0, "failed"),
        ("once", 1, "passed"),
        ("new_episodes", 1, "passed"),
        ("all", 1, "passed"),
        ("rewrite", 1, "passed"),
    ],
)
def test_without_a_cassette(project, mode, calls, outcome):
    project.write(ONE)
    assert project.hits(f"--record-mode={mode}", **{outcome: 1}) == calls
    assert len(project.recordings()) == calls


@pytest.mark.parametrize(
    ("mode", "calls"), [("none", 0), ("once", 0), ("new_episodes", 0), ("all", 1), ("rewrite", 1)]
)
def test_what_is_recorded_already(project, mode, calls):
    project.write(ONE)
    project.hits("--record-mode=once", passed=1)
    assert project.hits(f"--record-mode={mode}", passed=1) == calls
    (recording,) = project.recordings()
    number = 1 + calls
    assert f"answer {number} to one" in json.dumps(recording["response"])


@pytest.mark.parametrize(
    ("mode", "calls", "outcome"),
    [
        ("none", 0, "failed"),
        ("once", 0, "failed"),
        ("new_episodes", 1, "passed"),
        ("all", 2, "passed"),
        ("rewrite", 2, "passed"),
    ],
)
def test_what_is_not_recorded_in_a_cassette_that_exists(project, mode, calls, outcome):
    project.write(ONE)
    project.hits("--record-mode=once", passed=1)
    project.write(TWO)
    assert project.hits(f"--record-mode={mode}", **{outcome: 1}) == calls
    assert len(project.recordings()) == (2 if calls else 1)


@pytest.mark.parametrize(
    "way",
    [
        "@pytest.mark.vcr(record_mode={mode!r})\ndef test_chat(): assert ask('one')",
        (
            "@pytest.fixture\ndef vcr_config(): return {{'record_mode': {mode!r}}}\n"
            "@pytest.mark.vcr\ndef test_chat(): assert ask('one')"
        ),
    ],
    ids=["marker", "vcr_config"],
)
@pytest.mark.parametrize(
    ("mode", "calls"), [("none", 0), ("once", 0), ("new_episodes", 0), ("all", 1), ("rewrite", 1)]
)
def test_the_mode_may_come_from_marker_and_config(project, way, mode, calls):
    project.write(ONE)
    project.hits("--record-mode=once", passed=1)
    project.write(way.format(mode=mode))
    assert project.hits(passed=1) == calls


def test_rewrite_removes_what_the_test_did_not_use(project):
    project.write(TWO)
    project.hits("--record-mode=once", passed=1)
    project.write(ONE)
    project.hits("--record-mode=rewrite", passed=1)
    (recording,) = project.recordings()
    assert recording["request"]["body"]["messages"][0]["content"] == "one"


def test_all_keeps_what_the_test_did_not_use(project):
    project.write(TWO)
    project.hits("--record-mode=once", passed=1)
    project.write(ONE)
    project.hits("--record-mode=all", passed=1)
    assert len(project.recordings()) == 2


def test_a_failing_test_makes_rewrite_remove_nothing(project):
    project.write(TWO)
    project.hits("--record-mode=once", passed=1)
    project.write(ONE + "    assert False\n")
    project.hits("--record-mode=rewrite", failed=1)
    assert len(project.recordings()) == 2


def test_rewrite_trims_answers_that_were_not_asked_for_again(project):
    project.write(ONE + "    ask('one')\n")
    project.hits("--record-mode=once", passed=1)
    assert len(project.recordings()[0]["later_responses"]) == 1
    project.write(ONE)
    project.hits("--record-mode=rewrite", passed=1)
    assert "later_responses" not in project.recordings()[0]


@pytest.mark.parametrize("mode", ["all", "rewrite"])
def test_a_failed_recording_leaves_the_old_file(project, mode):
    from loopback import Reply

    project.write(ONE)
    project.hits("--record-mode=once", passed=1)
    before = project.files()
    project.server.script(Reply(chunks=[b'{"id": "cut'], breaks=True))
    project.run(f"--record-mode={mode}").assert_outcomes(failed=1)
    assert project.files() == before


@pytest.mark.parametrize("stream", [False, True])
def test_recording_the_same_answers_again_changes_no_byte(project, stream):
    from loopback import Reply, chat_chunks, sse

    project.write(f"@pytest.mark.vcr\ndef test_chat(): ask('one', stream={stream})")
    for number in (1, 2):
        whole = {
            "id": f"chatcmpl-{number}",
            "created": number,
            "object": "chat.completion",
            "model": "demo",
            "choices": [
                {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "é🙂"}}
            ],
        }
        chunks = sse(*chat_chunks(number, "demo", ["é", "🙂"])) if stream else None
        headers = {"content-type": "text/event-stream" if stream else "application/json"}
        project.server.script(Reply(body=json.dumps(whole).encode(), chunks=chunks, headers=headers))
    project.hits("--record-mode=once", passed=1)
    before = project.files()
    assert project.hits("--record-mode=all", passed=1) == 1
    assert project.files() == before


def test_a_prompt_that_changed_is_a_miss_under_every_mode_that_plays(project):
    path = project.write(ONE)
    project.hits("--record-mode=once", passed=1)
    project.edit(path, '"one"', '"one?"')
    for mode in ("none", "once"):
        result = project.run(f"--record-mode={mode}")
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines(["*MissError: No recording for POST http://127.0.0.1:*chat/completions*"])
        result.stdout.fnmatch_lines(
            ["*record it:*pytest test_chat.py::test_chat --record-mode=new_episodes*"]
        )


def test_block_network_and_disable_recording_keep_their_meaning(project):
    project.write(ONE)
    assert project.hits("--record-mode=once", "--block-network", passed=1) == 1
    assert project.hits("--block-network", passed=1) == 0
    assert project.hits("--disable-recording", passed=1) == 1
    # In a process of its own: a connection that is blocked leaves its socket open.
    project.run_apart("--disable-recording", "--block-network").assert_outcomes(failed=1)
    assert project.server.hits == 2
