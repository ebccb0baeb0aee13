"""`hashtape mv`: a test that was renamed plays the recordings that it had."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

import hashtape
from hashtape.cli import cli


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def record(here, server):
    def call(directory, test_id, content="hi", *, path="/v1/chat/completions"):
        with hashtape.use_cassette(here / directory, record_mode="new_episodes", test_id=test_id):
            return ask(server, content, path)

    return call


@pytest.fixture
def play(here, server):
    def call(directory, test_id, content="hi", *, path="/v1/chat/completions"):
        with hashtape.use_cassette(here / directory, record_mode="none", test_id=test_id):
            return ask(server, content, path)

    return call


def ask(server, content, path):
    body = {"model": "demo", "messages": [{"role": "user", "content": content}]}
    with httpx.Client() as client:
        return client.post(server.origin + path, json=body).json()


def mv(*args):
    return CliRunner().invoke(cli, ["mv", *args])


def tree(root):
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def directories(root):
    return sorted({str(path.parent.relative_to(root)) for path in root.rglob("*.json")})


OLD, NEW = "tests/test_a.py::test_old", "tests/test_a.py::test_new"


def test_a_renamed_test_plays_the_answers_that_it_had(here, record, play):
    before = [
        record("tests/cassettes/test_a/test_old", OLD),
        record("tests/cassettes/test_a/test_old", OLD, path="/v1/other"),
    ]
    result = mv(OLD, NEW)
    assert result.exit_code == 0, result.output
    assert "Moved 2 recordings of 1 test to tests/test_a.py::test_new." in result.output
    assert directories(here) == ["tests/cassettes/test_a/test_new"]
    (here / "tests/cassettes/test_a/test_new").rename(here / "elsewhere")  # so that only the id can find it
    after = [play("elsewhere", NEW), play("elsewhere", NEW, path="/v1/other")]
    assert after == before


def test_new_names_are_the_hashes_of_what_is_in_the_files(here, record):
    record("tests/cassettes/test_a/test_old", OLD)
    record("tests/cassettes/test_a/test_old", OLD, path="/v1/other")
    mv(OLD, NEW)
    for path in here.rglob("*.json"):
        data = json.loads(path.read_text())
        request = data["request"]
        body = request.get("payload", request.get("body"))
        assert data["test_id"] == NEW
        assert request.get("test_id", NEW) == NEW
        assert path.stem == hashtape.request_id(request["method"], request["url"], body, NEW)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("tests/test_a.py", "tests/chat/test_b.py", ["tests/chat/cassettes/test_b/TestX.test_m[1]"]),
        ("tests", "checks", ["checks/cassettes/test_a/TestX.test_m[1]"]),
        ("tests/test_a.py::TestX", "tests/test_a.py::TestY", ["tests/cassettes/test_a/TestY.test_m[1]"]),
        (
            "tests/test_a.py::TestX::test_m",
            "tests/test_a.py::test_f",
            ["tests/cassettes/test_a/test_f[1]"],
        ),
        (
            "tests/test_a.py::TestX::test_m[1]",
            "tests/test_a.py::TestX::test_m[a/b]",
            ["tests/cassettes/test_a/TestX.test_m[a-b]"],
        ),
    ],
    ids=["file", "directory", "class", "function", "parameter"],
)
def test_what_can_be_renamed(here, record, play, old, new, expected):
    test_id = "tests/test_a.py::TestX::test_m[1]"
    before = record("tests/cassettes/test_a/TestX.test_m[1]", test_id)
    assert mv(old, new).exit_code == 0
    assert directories(here) == expected
    assert play(expected[0], test_id.replace(old, new)) == before


def test_tests_whose_names_only_begin_like_it_stay_unless_it_is_a_prefix(here, record):
    record("cassettes/test_a/test_chat", "test_a.py::test_chat")
    record("cassettes/test_a/test_chat_long", "test_a.py::test_chat_long")
    assert mv("test_a.py::test_chat", "test_a.py::test_talk").exit_code == 0
    assert directories(here) == ["cassettes/test_a/test_chat_long", "cassettes/test_a/test_talk"]
    assert mv("test_a.py::test_ch", "test_a.py::test_w", "--prefix").exit_code == 0
    assert directories(here) == ["cassettes/test_a/test_talk", "cassettes/test_a/test_wat_long"]


def test_in_a_shared_directory_only_the_tests_own_files_change(here, record, play):
    record("tests/recordings", OLD)
    record("tests/recordings", "tests/test_a.py::test_other")
    before = tree(here)
    assert mv(OLD, NEW).exit_code == 0
    after = tree(here)
    assert len(before.keys() & after.keys()) == 1
    assert directories(here) == ["tests/recordings"]
    assert play("tests/recordings", NEW)


def test_recordings_that_name_no_test_go_along_with_their_directory(here, record, play):
    before = record("tests/cassettes/test_a/test_old", None)
    record("tests/cassettes/test_b/test_old", None)
    assert mv(OLD, NEW).exit_code == 0
    assert directories(here) == ["tests/cassettes/test_a/test_new", "tests/cassettes/test_b/test_old"]
    assert play("tests/cassettes/test_a/test_new", NEW) == before


def test_a_directory_of_the_projects_own_is_renamed_too(here, record, play):
    before = record("tapes/test_a/test_old", OLD)
    assert mv(OLD, NEW, "--dir", "tapes").exit_code == 0
    assert directories(here) == ["tapes/test_a/test_new"]
    assert play("tapes/test_a/test_new", NEW) == before


def test_a_cassette_that_a_marker_names_goes_along_with_its_module(here, record, play):
    said = record("tests/cassettes/test_a/shared", "tests/test_a.py::test_old")
    assert mv("tests/test_a.py", "tests/chat/test_b.py").exit_code == 0
    assert directories(here) == ["tests/chat/cassettes/test_b/shared"]
    assert play("tests/chat/cassettes/test_b/shared", "tests/chat/test_b.py::test_old") == said


def test_a_dry_run_says_what_it_would_do(here, record):
    record("tests/cassettes/test_a/test_old", OLD)
    before = tree(here)
    result = mv(OLD, NEW, "--dry-run")
    assert "Would move 1 recording of 1 test" in result.output
    (line, _) = result.output.splitlines()
    old, new = line.split(" -> ")
    assert Path(old).parent.name == "test_old"
    assert Path(new).parent.name == "test_new"
    assert tree(here) == before


def test_json_names_each_file(here, record):
    record("tests/cassettes/test_a/test_old", OLD)
    told = json.loads(mv(OLD, NEW, "--json").output)
    (moved,) = told["moved"]
    assert moved["test_id"] == NEW
    assert (here / moved["to"]).exists()
    assert not (here / moved["from"]).exists()


def test_nothing_is_overwritten_and_then_nothing_is_done(here, record):
    record("tests/cassettes/test_a/test_old", OLD)
    record("tests/cassettes/test_a/test_old", OLD, "only in the old one")
    record("tests/cassettes/test_a/test_new", NEW)
    before = tree(here)
    result = mv(OLD, NEW)
    assert "expected no such recording, got one, and nothing is overwritten" in str(result.exception)
    assert result.exit_code == 1
    assert tree(here) == before


def test_a_test_without_recordings_is_told_by_the_exit_code(here, record):
    record("tests/cassettes/test_a/test_other", "tests/test_a.py::test_other")
    result = mv(OLD, NEW)
    assert (result.exit_code, result.stderr) == (1, f"No recordings of {OLD}: nothing to move.\n")


def test_a_cassette_of_vcrpy_that_stays_behind_is_named(here, record):
    record("tests/cassettes/test_a/test_old", OLD)
    (here / "tests/cassettes/test_a/test_old.yaml").write_text("interactions: []\n")
    assert "tests/cassettes/test_a/test_old.yaml: stays" in mv(OLD, NEW).output


@pytest.mark.parametrize(
    ("directory", "of_test"),
    [
        ("tests/cassettes/test_a/test_new", NEW),
        ("tests/cassettes/test_a/test_new", None),
        ("tests/recordings", NEW),
    ],
    ids=["of the test", "of no test", "elsewhere"],
)
def test_a_test_that_has_recordings_of_its_own_gets_no_others(here, record, directory, of_test):
    record("tests/cassettes/test_a/test_old", OLD)
    record(directory, of_test, "another request")
    before = tree(here)
    result = mv(OLD, NEW)
    assert result.exit_code == 1
    assert f"{directory}: expected no recordings of {NEW}, got 1" in str(result.exception)
    assert tree(here) == before


@pytest.mark.parametrize("killed", ["while it wrote", "while it deleted"])
def test_a_move_that_was_killed_can_be_done_again(here, record, killed):
    for content in ("one", "two"):
        record("tests/cassettes/test_a/test_old", OLD, content)
    before = tree(here)
    assert mv(OLD, NEW).exit_code == 0
    after = tree(here)
    left = dict(list(before.items())[:1]) if killed == "while it deleted" else before
    if killed == "while it wrote":
        (here / next(iter(after))).unlink()
    (here / "tests/cassettes/test_a/test_old").mkdir()
    for name, data in left.items():
        (here / name).write_bytes(data)
    assert mv(OLD, NEW).exit_code == 0
    assert tree(here) == after


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (OLD, "tests/test_a.py"),
        (OLD, "test_new"),
        ("tests/test_a.py", NEW),
        ("test_old", "test_new"),
    ],
)
def test_a_test_becomes_a_test(here, record, old, new):
    record("tests/cassettes/test_a/test_old", OLD)
    before = tree(here)
    result = mv(old, new)
    assert result.exit_code == 1
    assert "tests/test_a.py::test_two" in (result.stderr or str(result.exception))
    assert tree(here) == before


def test_tests_come_out_of_a_class(here, record, play):
    before = record("tests/cassettes/test_a/TestX.test_m", "tests/test_a.py::TestX::test_m")
    assert mv("tests/test_a.py::TestX", "tests/test_a.py").exit_code == 0
    assert play("tests/cassettes/test_a/test_m", "tests/test_a.py::test_m") == before


def test_an_absolute_directory_hides_nothing_that_is_in_the_way(here, record):
    record("tests/cassettes/test_a/test_old", OLD)
    record("tests/cassettes/test_a/test_new", None, "another request")
    before = tree(here)
    assert "nothing is merged" in str(mv(OLD, NEW, "--dir", str(here)).exception)
    assert tree(here) == before
