from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from hashtape.cli import cli

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_there_are_exactly_two_commands_to_set_up_and_run():
    commands = re.findall(r"^```sh\n(.*)\n```$", README, re.MULTILINE)
    assert [line.rpartition(" && ")[2] for line in commands] == [
        ".venv/bin/hashtape demo",
        ".venv/bin/python -m pytest -n auto --dist loadfile",
    ]
    assert all(line.startswith("python3 -m venv .venv && .venv/bin/pip install -e ") for line in commands)


def test_the_recording_that_it_shows_is_a_real_one():
    shown = json.loads(re.search(r"```json\n(.*?)\n```", README, re.DOTALL).group(1))
    (path,) = (ROOT / "cassettes/demo").glob("*.json")
    real = json.loads(path.read_text(encoding="utf-8"))
    assert f"cassettes/demo/{path.name}" in README
    assert len(real["response"]["body"]) == 16
    real["response"]["body"] = real["response"]["body"][:3]
    assert shown == real


def test_the_cassette_that_it_shows_is_what_vcrpy_makes_of_that_recording(tmp_path):
    shutil.copytree(ROOT / "cassettes/demo", tmp_path / "demo")
    result = CliRunner().invoke(cli, ["convert", str(tmp_path / "demo"), "--to", "yaml"])
    assert result.exit_code == 0, result.output
    shown = re.search(r"```yaml\n(.*?)\n```", README, re.DOTALL).group(1)
    assert (tmp_path / "demo.yaml").read_text(encoding="utf-8").startswith(shown)


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)]*)\)", README))
def test_every_link_leads_somewhere(link):
    if link.startswith("#"):
        titles = re.findall(r"^#+ (.*)$", README, re.MULTILINE)
        assert link[1:] in [title.lower().replace(" ", "-") for title in titles]
    else:
        assert (ROOT / link).is_file()


def test_every_command_is_shown():
    for name in cli.commands:
        assert f"hashtape {name}" in README


def test_every_ini_option_is_in_the_table(pytestconfig):
    source = (ROOT / "plugin/hashtape/pytest_plugin.py").read_text(encoding="utf-8")
    options = set(re.findall(r'addini\(\s*"(\w+)"', source))
    assert options
    assert options == set(re.findall(r"\| ini file \| `(\w+)", README))
