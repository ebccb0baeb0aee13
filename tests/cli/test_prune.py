from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner

from hashtape.cli import cli
from loopback import LoopbackServer

SUITE = """
import os
import httpx
import pytest

def ask(what):
    with httpx.Client() as client:
        client.post(os.environ["LOOPBACK"] + "/echo", json={"q": what})

@pytest.mark.vcr
def test_kept(): ask("kept")

@pytest.mark.vcr
def test_changed(): [ask(what) for what in ("old", "new")]

@pytest.mark.vcr
def test_removed(): ask("removed")

@pytest.mark.vcr
def test_skipped(): ask("skipped")
"""
PLUGINS = ["-ppytest_recording.plugin", "-phashtape.pytest_plugin"]
"""All that is loaded: the others take half of the time of such small runs."""


def make_old(*paths) -> None:
    """As if time had gone by since they were written."""
    past = time.time() - 60
    for path in paths:
        os.utime(path, (past, past))


class Suite:
    """A recorded suite, and the commands that are run in it."""

    def __init__(self, path, pytester=None) -> None:
        self.path = path
        self._pytester = pytester
        self.test_file = path / "tests/test_chat.py"

    def pytest(self, *args: str, code: int = 0) -> None:
        if self._pytester is not None:  # a process of its own takes a second
            with contextlib.chdir(self.path):
                assert self._pytester.runpytest_inprocess(*PLUGINS, *args).ret == code
            return
        command = [sys.executable, "-m", "pytest", *PLUGINS, *args]
        environ = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        result = subprocess.run(
            command, cwd=self.path, capture_output=True, text=True, timeout=60, env=environ
        )
        assert result.returncode == code, result.stdout

    def prune(self, *args: str):
        with contextlib.chdir(self.path):
            return CliRunner().invoke(cli, ["prune", *args])

    def edit(self, old: str, new: str) -> None:
        text = self.test_file.read_text()
        assert old in text
        self.test_file.write_text(text.replace(old, new))
        make_old(self.test_file)

    def recordings(self) -> set[str]:
        return {path.parent.name for path in self.path.rglob("*.json")}


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """Four tests that were recorded; then one changed, one was removed, and one is skipped."""
    suite = Suite(tmp_path_factory.mktemp("recorded"))
    suite.test_file.parent.mkdir()
    suite.test_file.write_text(SUITE)
    (suite.path / "pytest.ini").write_text("[pytest]\n")
    server = LoopbackServer().start()
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("LOOPBACK", server.origin)
        monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
        suite.pytest("--record-mode=once", "-pno:cacheprovider")
        server.stop()
        make_old(*suite.path.rglob("*.json"))
        suite.edit('("old", "new")', '("new",)')
        suite.edit('@pytest.mark.vcr\ndef test_removed(): ask("removed")', "")
        suite.edit("def test_skipped", "@pytest.mark.skip\ndef test_skipped")
        yield suite.path


@pytest.fixture
def suite(recorded, tmp_path, pytester, monkeypatch):
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    return Suite(shutil.copytree(recorded, tmp_path / "suite"), pytester)


def test_what_the_last_full_run_did_not_use_is_deleted(suite):
    suite.pytest()
    before = suite.recordings()
    dry = suite.prune("--dry-run")
    assert dry.exit_code == 1
    assert suite.recordings() == before == {"test_kept", "test_changed", "test_removed", "test_skipped"}
    assert "Not used in the last full run: 2 recordings" in dry.stdout
    assert "tests/test_chat.py::test_changed: passed without it" in dry.stdout
    assert "tests/test_chat.py::test_removed: no such test" in dry.stdout

    assert "say --yes" in (asked := suite.prune()).stderr
    assert asked.exit_code == 2
    deleted = suite.prune("--yes", "--json")
    assert deleted.exit_code == 0
    assert [entry["test_id"] for entry in json.loads(deleted.stdout)["unused"]] == [
        "tests/test_chat.py::test_changed",
        "tests/test_chat.py::test_removed",
    ]
    assert suite.recordings() == {"test_kept", "test_changed", "test_skipped"}
    assert not (suite.path / "tests/cassettes/test_chat/test_removed").exists()
    suite.pytest("--hashtape-unused=fail")
    assert suite.prune("--dry-run").exit_code == 0


def test_a_path_limits_it(suite):
    suite.pytest()
    assert suite.prune("--yes", "tests/cassettes/test_chat/test_removed").exit_code == 0
    assert suite.recordings() == {"test_kept", "test_changed", "test_skipped"}
    assert len(list((suite.path / "tests/cassettes/test_chat/test_changed").iterdir())) == 2


@pytest.mark.parametrize("args", [["-k", "kept"], ["tests/test_chat.py"], ["-m", "vcr"], ["--ignore=other"]])
def test_a_run_of_some_tests_is_none_on_record(suite, args):
    suite.pytest(*args)
    result = suite.prune("--yes")
    assert result.exit_code == 2
    assert "Run all tests first" in result.stderr
    assert "test_removed" in suite.recordings()


def test_a_run_with_a_failure_is_none_on_record(suite):
    suite.edit('def test_kept(): ask("kept")', "def test_kept(): assert 0")
    suite.pytest(code=1)
    assert suite.prune("--yes").exit_code == 2


@pytest.mark.parametrize("newer", ["tests/test_chat.py", "tests/cassettes/test_chat/test_removed"])
def test_what_changed_since_the_run_stops_it(suite, newer):
    suite.pytest()
    changed = suite.path / newer
    changed = next(changed.iterdir()) if changed.is_dir() else changed
    os.utime(changed)
    result = suite.prune("--yes")
    assert result.exit_code == 2
    assert f"{changed.relative_to(suite.path)} is newer than the last full test run" in result.stderr
    assert "test_removed" in suite.recordings()


def test_tests_that_are_always_left_out_keep_their_recordings(suite):
    (suite.path / "pytest.ini").write_text("[pytest]\nmarkers = slow\naddopts = -m 'not slow'\n")
    suite.edit("def test_kept", "@pytest.mark.slow\ndef test_kept")
    suite.pytest()
    assert suite.prune("--yes").exit_code == 0
    assert suite.recordings() == {"test_kept", "test_changed", "test_skipped"}


def test_a_module_that_was_not_collected_keeps_its_recordings(suite):
    other = suite.test_file.with_name("test_other.py")
    other.write_text("import pytest\npytest.skip('not here', allow_module_level=True)\n")
    gone = next((suite.path / "tests/cassettes/test_chat/test_removed").iterdir())
    gone.write_text(gone.read_text().replace("test_chat.py::", "test_other.py::"))
    make_old(other, gone)
    suite.pytest()
    suite.prune("--yes")
    assert "test_removed" in suite.recordings()


def test_a_record_that_cannot_be_read_is_one_sentence(suite):
    suite.pytest()
    (suite.path / ".pytest_cache/v/hashtape/used").write_text("{}")
    result = suite.prune("--yes")
    assert result.exit_code == 2
    assert "Run all tests again" in result.stderr


def test_under_xdist(suite):
    suite.pytest("-pxdist.plugin", "-n2")
    assert suite.prune("--yes").exit_code == 0
    assert suite.recordings() == {"test_kept", "test_changed", "test_skipped"}


# --- What is known, when nothing is unused ---------------------------------------------------------------


def test_all_used_is_said_of_what_was_used(suite):
    suite.pytest()
    suite.prune("--yes")
    assert suite.prune().stdout.splitlines() == [
        "2 recordings checked: all used in the last full run.",
        "1 recording is of no test that passed in that run: kept.",
    ]
    assert suite.prune("tests/cassettes/test_chat/test_kept").stdout.splitlines() == [
        "1 recording checked: all used in the last full run."
    ]


def test_a_file_that_cannot_be_read_is_not_called_used(suite):
    suite.pytest()
    suite.prune("--yes")
    directory = suite.path / "tests/cassettes/test_chat/test_kept"
    (directory / "broken.json").write_text("{")
    (directory / "vcr.json").write_text('{"version": 1, "interactions": []}')
    assert "1 file cannot be read: see hashtape verify" in suite.prune().stdout
    kept = json.loads(suite.prune("--json").stdout)["kept"]
    assert kept == {"used": 2, "elsewhere": 0, "not_passed": 1, "not_played": 0, "unreadable": 1}


def test_recordings_where_no_test_of_the_run_has_its_own_are_not_called_used(suite):
    suite.pytest()
    suite.prune("--yes")
    shutil.copytree(
        suite.path / "tests/cassettes/test_chat/test_kept",
        suite.path / "tests/recordings",
        dirs_exist_ok=True,
    )
    where = "where no test that passed in that run has its recordings (in tests/recordings)"
    assert suite.prune().stdout.splitlines() == [
        "2 recordings checked: all used in the last full run.",
        f"1 recording is {where}: kept.",
        "1 recording is of no test that passed in that run: kept.",
    ]


def test_a_run_that_left_nothing_known_says_so(suite):
    suite.pytest()
    assert suite.prune("tests/cassettes/test_chat/test_skipped").stdout.splitlines() == [
        "No recording here was used in the last full run, and none is known to be unused.",
        "1 recording is of no test that passed in that run: kept.",
    ]
