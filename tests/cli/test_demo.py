from __future__ import annotations

import subprocess
import sys

import pytest


def hashtape(*args, cwd):
    command = [sys.executable, "-m", "hashtape", *args]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=60)


def test_demo_records_shows_and_replays_without_a_server(tmp_path, seed_path):
    result = hashtape("demo", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    (path,) = (tmp_path / "cassettes/demo").iterdir()
    shown, seed = result.stdout.split("\n4. ")
    assert str(path.relative_to(tmp_path)) in shown
    assert '"content": "Say hello to whoever reads this recording."' in shown
    assert shown.count("Hello! You can read this: it is plain JSON, one chunk after the other.") == 2
    assert shown.count("requests that reached the server: 1\n") == 1
    assert shown.count("requests that reached the server: still 1") == 1
    assert seed.count("I'm sorry, but I couldn't find any specific information") == 2
    assert seed_path.name in seed


def test_demo_again_changes_no_byte_also_behind_a_proxy(tmp_path, monkeypatch):
    hashtape("demo", "--dir", "here", cwd=tmp_path)
    (path,) = (tmp_path / "here").iterdir()
    before = path.read_bytes()
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert hashtape("demo", "--dir", "here", cwd=tmp_path).returncode == 0
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["demo", "--dir", "file"], 1, "hashtape: file: expected a directory of recordings, got a file."),
        (["demo", "--dri", "x"], 2, "No such option"),
        (["dmeo"], 2, "No such command"),
    ],
    ids=["file in the way", "unknown option", "unknown command"],
)
def test_a_mistake_is_one_message_and_no_traceback(tmp_path, args, code, message):
    (tmp_path / "file").write_text("x")
    result = hashtape(*args, cwd=tmp_path)
    assert result.returncode == code
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_demo_without_the_client_says_what_to_install(tmp_path):
    (tmp_path / "openai.py").write_text("raise ImportError('not installed')")
    result = hashtape("demo", cwd=tmp_path)
    assert result.returncode == 1
    assert "pip install 'hashtape[demo]'" in result.stderr
    assert "Traceback" not in result.stderr


def test_version(tmp_path):
    import hashtape as package

    assert hashtape("--version", cwd=tmp_path).stdout == f"hashtape, version {package.__version__}\n"
