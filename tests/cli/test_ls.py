from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest
from click.testing import CliRunner
from exchanges import STREAMS, chat, completion, store

from hashtape.cli import cli
from hashtape.cli.output import human_size


@pytest.fixture
def ls(tmp_path, monkeypatch):
    """Run `hashtape ls` in a project; return its output."""
    monkeypatch.chdir(tmp_path)

    def run(*args, code=0):
        result = CliRunner().invoke(cli, ["ls", *map(str, args)])
        assert result.exit_code == code, result.output
        return result.stdout

    return run


@pytest.fixture
def project(tmp_path):
    """Three recordings of two tests in two places: a short chat, a long one, a stream."""
    store(tmp_path / "tests/cassettes/test_a", completion("Hello"), test_id="tests/test_a.py::test_short")
    store(
        tmp_path / "tests/cassettes/test_a",
        completion("Hello " * 500, completion_tokens=1000),
        body=chat("Say it often", model="gpt-4o-mini"),
        test_id="tests/test_a.py::test_long",
    )
    url, body, reply = STREAMS["anthropic"]
    store(tmp_path / "more/recordings", reply, url=url, body=body, test_id="more/test_b.py::test_stream")
    return tmp_path


def names_in(output):
    return [line.split()[0].rpartition("::")[2] for line in output.splitlines()[1:]]


def test_every_recording_below_the_current_directory_is_a_line(ls, project):
    lines = ls().splitlines()
    assert lines[0].split() == [
        *("test", "method", "endpoint", "model", "stream", "chunks", "tokens", "size", "id")
    ]
    (path,) = project.glob("more/recordings/*.json")
    assert lines[1].split() == [
        "more/test_b.py::test_stream",
        *("POST", "/v1/messages", "claude", "yes", "11", "18", *human_size(path.stat().st_size).split()),
        path.stem[:8],
    ]
    assert names_in("\n".join(lines)) == ["test_stream", "test_long", "test_short"]


def test_numbers_are_sorted_the_largest_first(ls, project):
    assert names_in(ls("--sort", "tokens")) == ["test_long", "test_stream", "test_short"]
    assert names_in(ls("--sort", "tokens", "--reverse")) == ["test_short", "test_stream", "test_long"]
    assert names_in(ls("--sort", "chunks"))[0] == "test_stream"


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        (["--test", "TEST_L"], ["test_long"]),
        (["--model", "gpt-4o"], ["test_long", "test_short"]),
        (["--endpoint", "messages"], ["test_stream"]),
        (["--model", "gpt-4o", "--test", "short"], ["test_short"]),
        (["tests"], ["test_long", "test_short"]),
    ],
    ids=["test", "model", "endpoint", "two", "path"],
)
def test_filters_and_paths_choose(ls, project, options, shown):
    assert names_in(ls(*options)) == shown


def test_broken_files_are_listed_and_do_not_stop_the_others(ls, project):
    directory = project / "more/recordings"
    (directory / "0123456789ab.json").write_text('{"request": ')
    (directory / "empty.json").write_text("")
    (directory / "really-a-directory.json").mkdir()
    found = json.loads(ls("--json"))
    assert len(found["recordings"]) == 3
    assert [entry["path"].rpartition("/")[2] for entry in found["broken"]] == [
        "0123456789ab.json",
        "empty.json",
        "really-a-directory.json",
    ]
    result = CliRunner().invoke(cli, ["ls"])
    assert "broken: more/recordings/0123456789ab.json (01234567): expected a recording" in result.stderr


def test_json_has_every_number(ls, project):
    (row,) = json.loads(ls("--json", "--test", "stream"))["recordings"]
    assert row["tokens"] == {"input": 11, "output": 7}
    assert (row["stream"], row["chunks"], row["answers"], row["status"]) == (True, 11, 1, 200)
    assert row["provider"] == "anthropic"


def test_no_recordings_anywhere_says_what_to_name(ls):
    result = CliRunner().invoke(cli, ["ls"])
    assert result.exit_code == 2
    assert "expected a directory named cassettes or recordings below the current one" in result.output


def test_inside_of_a_cassette_its_own_recordings_are_meant(ls, project, monkeypatch):
    monkeypatch.chdir(project / "tests/cassettes/test_a")
    assert names_in(ls()) == ["test_long", "test_short"]


def test_what_is_installed_or_hidden_is_no_recording_of_this_project(ls, project):
    for place in (".venv/lib", "node_modules/x", "env"):
        store(project / place / "cassettes", completion("Hello"), test_id="other.py::test_other")
    (project / "env/pyvenv.cfg").touch()
    assert "test_other" not in names_in(ls())


def test_a_pipe_gets_whole_lines_without_colours(project):
    long_id = f"tests/test_a.py::test_with_parameters[{'x' * 200}]"
    store(project / "tests/cassettes/test_a", completion("Hello"), test_id=long_id)
    command = [sys.executable, "-m", "hashtape", "ls", "--test", "xxx"]
    piped = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=60, check=True)
    assert long_id in piped.stdout
    assert "\x1b" not in piped.stdout
    assert len(piped.stdout.splitlines()) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo terminals")
def test_a_terminal_gets_a_table_that_fits(project):
    import pty

    leader, follower = pty.openpty()
    environment = {**os.environ, "COLUMNS": "100", "TERM": "xterm"}
    command = [sys.executable, "-m", "hashtape", "ls", "--test", "short"]
    subprocess.run(command, cwd=project, env=environment, stdout=follower, timeout=60, check=True)
    os.close(follower)
    shown = os.read(leader, 10_000).decode()
    os.close(leader)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", shown).splitlines()
    assert max(map(len, lines)) <= 100
    assert any(line.startswith("test_short ") for line in lines)


def test_cassettes_of_vcrpy_are_left_out(ls, project):
    (project / "tests/cassettes/test_a/test_old.json").write_text('{"version": 1, "interactions": []}')
    found = json.loads(ls("--json"))
    assert (len(found["recordings"]), found["broken"]) == (3, [])
