from __future__ import annotations

import json
import subprocess

import pytest
from click.testing import CliRunner
from exchanges import STREAMS, chat, completion, store

from hashtape.cli import cli


@pytest.fixture
def diff(tmp_path, monkeypatch):
    """Run `hashtape diff` in a project whose recordings are in ./cassettes."""
    monkeypatch.chdir(tmp_path)

    def run(*args, code=1):
        result = CliRunner().invoke(cli, ["diff", *map(str, args)])
        assert result.exit_code == code, result.output
        return result.output

    return run


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "cassettes"


def git(*args, cwd):
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
    subprocess.run(["git", *identity, *args], cwd=cwd, check=True, capture_output=True)


def test_the_request_is_compared_field_by_field(diff, directory):
    old = store(directory, completion("Hello"), body=chat("Say hello", temperature=0))
    new = store(directory, completion("Hello"), body=chat("Say goodbye"))
    shown = diff(old.stem[:8], new.stem[:8])
    assert "request.body.messages[0].content\n-Say hello\n+Say goodbye\n" in shown
    assert "request.body.temperature\n-0\n" in shown
    assert shown.endswith("\n2 differences\n")


def test_texts_and_tool_calls_are_compared_as_they_read(diff, directory):
    url, body, reply = STREAMS["openai-chat"]
    old = store(directory / "old", reply, url=url, body=body)
    call = {"id": "other", "function": {"name": "weather", "arguments": '{"city": "Rome"}'}}
    answer = completion("Bonjour")
    message = json.loads(answer.body)
    message["choices"][0]["message"]["tool_calls"] = [call]
    answer.body = json.dumps(message).encode()
    new = store(directory / "new", answer, url=url, body=body)
    found = json.loads(diff(old, new, "--json"))
    changes = {change["field"]: (change.get("a"), change.get("b")) for change in found["changes"]}
    assert changes.pop("answer.tool_calls[0].arguments.city") == ("Paris", "Rome")
    assert changes == {
        "answer.finish[0]": ("tool_calls", "stop"),
        "answer.tokens.input": (11, 3),
        "answer.tokens.output": (7, 4),
    }


def test_of_a_long_text_the_lines_that_differ_are_shown(diff, directory):
    lines = [f"line {n}" for n in range(20)]
    old = store(directory / "old", completion("\n".join(lines)))
    new = store(directory / "new", completion("\n".join([*lines[:10], "LINE 10", *lines[11:]])))
    shown = diff(old, new)
    assert "answer.text\n@@ -9,5 +9,5 @@\n line 8\n line 9\n-line 10\n+LINE 10\n line 11\n" in shown
    assert "line 3" not in shown


def test_an_answer_that_came_is_told(diff, directory):
    old = store(directory / "old", completion("Hello"))
    new = store(directory / "new", completion("Hello"), completion("Hello again"))
    assert "answer 2.text\n+Hello again\n" in diff(old, new)


def test_other_chunks_of_the_same_text_are_a_difference(diff, directory):
    url, body, reply = STREAMS["openai-chat"]
    old = store(directory / "old", reply, url=url, body=body)
    reply = STREAMS["openai-chat"][2]
    chunks = [chunk.replace(b"Bon", b"Bonj").replace(b"jour", b"our") for chunk in reply.chunks]
    new = store(directory / "new", type(reply)(chunks=chunks, headers=reply.headers), url=url, body=body)
    shown = diff(old, new)
    assert "answer.text" not in shown
    assert "answer.body[1].__data__.choices[0].delta.content\n-Bon\n+Bonj\n" in shown


def test_the_same_exchange_is_no_difference(diff, directory):
    path = store(directory, completion("Hello"))
    assert diff(path, path, code=0) == "no difference\n"


def test_a_recording_and_its_version_in_git(diff, directory, tmp_path):
    git("init", "-q", cwd=tmp_path)
    path = store(directory, completion("Hello"))
    git("add", ".", cwd=tmp_path)
    git("commit", "-qm", "first", cwd=tmp_path)
    assert diff(path.stem[:8], "--git", code=0) == "no difference\n"
    store(directory, completion("Good evening"))
    shown = diff(path.stem[:8], "--git")
    assert "(HEAD)" in shown
    assert "answer.text\n-Hello\n+Good evening\n" in shown
    git("commit", "-qam", "second", cwd=tmp_path)
    diff(path, "--git", code=0)
    assert "-Hello\n+Good evening\n" in diff(path, "--git", "HEAD~1")


def test_a_version_that_is_not_in_git_is_one_sentence(diff, directory, tmp_path):
    git("init", "-q", cwd=tmp_path)
    path = store(directory, completion("Hello"))
    shown = diff(path, "--git", "HEAD", code=2)
    assert "expected a version of it in git at HEAD, got: fatal" in shown
    assert shown.count("\n") == 1


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "expected two recordings, got 0"),
        (["x"], "expected two recordings, got 1"),
        (["x", "y", "--git", "HEAD"], "expected one recording before --git, got 2"),
        (["x", "y"], "x: expected a file, or at least 8 digits of an id"),
    ],
)
def test_a_mistake_is_exit_code_2(diff, args, message):
    assert message in diff(*args, code=2)


def test_a_revision_is_never_an_option_of_git(diff, directory, tmp_path):
    path = store(directory, completion("Hello"))
    diff(path, "--git=--output=owned", code=2)
    assert not list(tmp_path.rglob("owned*"))


def test_a_file_that_is_no_recording_is_not_to_be_deleted(diff, directory, tmp_path):
    recording = store(directory, completion("Hello"))
    (tmp_path / "old.json").write_text('{"version": 1, "interactions": []}')
    assert "got a cassette of vcrpy. Convert it: hashtape convert old.json" in diff(
        recording, "old.json", code=2
    )
    (tmp_path / "package.json").write_text("{}")
    assert "delete" not in diff("package.json", recording, code=2)
