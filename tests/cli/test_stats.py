from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from exchanges import STREAMS, chat, completion, store

from hashtape.cli import cli


@pytest.fixture
def stats(tmp_path, monkeypatch):
    """Run `hashtape stats` in a project of four recordings, one of them broken."""
    monkeypatch.chdir(tmp_path)
    directory = tmp_path / "cassettes"
    store(directory, completion("Hello"))
    store(directory, completion("Hello " * 500), body=chat("Say it often"), test_id="test_b.py::test_long")
    url, body, reply = STREAMS["gemini"]
    store(directory, reply, url=url, body=body)
    (directory / "broken.json").write_text("{}")

    def run(*args):
        result = CliRunner().invoke(cli, ["stats", *args])
        assert result.exit_code == 0, result.output
        return result.stdout

    return run


def test_sums_by_provider_and_model(stats):
    lines = [line.split() for line in stats().splitlines()]
    assert lines[0][:5] == ["3", "recordings", "of", "2", "tests,"]
    assert ["openai", "gpt-4o", "2", "0", "6", "8"] in [line[:6] for line in lines]
    assert ["gemini", "gemini-2.5", "1", "1", "11", "7"] in [line[:6] for line in lines]
    assert ["all", "3", "1", "17", "15"] in [line[:5] for line in lines]


def test_the_largest_come_first(stats):
    listed = stats("--largest", "1").partition("The largest:\n")[2].splitlines()
    assert len(listed) == 1
    assert listed[0].endswith("test_b.py::test_long")


def test_json_has_the_same_for_machines(stats, tmp_path):
    found = json.loads(stats("--json"))
    files = [path for path in (tmp_path / "cassettes").iterdir() if path.name != "broken.json"]
    assert found["broken"] == 1
    assert found["total"] == {
        "recordings": 3,
        "streams": 1,
        "tokens": {"input": 17, "output": 15},
        "size": sum(path.stat().st_size for path in files),
    }
    assert [group["provider"] for group in found["groups"]] == ["openai", "gemini"]
    assert found["largest"][0]["test_id"] == "test_b.py::test_long"


def test_cassettes_of_vcrpy_are_left_out(stats, tmp_path):
    (tmp_path / "cassettes/test_old.json").write_text('{"version": 1, "interactions": []}')
    found = json.loads(stats("--json"))
    assert (found["total"]["recordings"], found["broken"]) == (3, 1)
