"""A small project to run pytest in, with the loopback server as its provider."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

import httpx
import openai
import pytest
import vcr  # noqa: F401

from loopback import LoopbackServer

NOT_NEEDED = ("cacheprovider", "asyncio", "benchmark", "hypothesispytest", "anyio")
QUIET = tuple(f"-pno:{name}" for name in NOT_NEEDED)

PREAMBLE = """
import json
import os
import sys
import httpx
import pytest

def ask(content="hi", **options):
    stream = options.pop("stream", False)
    messages = [{"role": "user", "content": content}]
    if "openai" not in sys.modules:  # a process of its own, in which it would take a second
        question = {"model": "demo", "messages": messages, "stream": stream, **options}
        answer = httpx.post(f"{os.environ['LOOPBACK']}/chat/completions", json=question).raise_for_status()
        if not stream:
            return answer.json()["choices"][0]["message"]["content"]
        chunks = [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: {")]
        return "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks)
    import openai
    with openai.OpenAI(base_url=os.environ["LOOPBACK"], api_key="test-key", max_retries=0) as client:
        answer = client.chat.completions.create(model="demo", messages=messages, stream=stream, **options)
        if stream:
            return "".join(chunk.choices[0].delta.content or "" for chunk in answer)
        return answer.choices[0].message.content
"""


class Project:
    def __init__(self, pytester, server) -> None:
        self.pytester = pytester
        self.server = server
        self.path = Path(pytester.path)

    def write(self, source: str, name: str = "test_chat.py") -> Path:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(PREAMBLE + textwrap.dedent(source), encoding="utf-8")
        return path

    def ini(self, *lines: str) -> None:
        (self.path / "pytest.ini").write_text("\n".join(["[pytest]", *lines]) + "\n")

    def run(self, *args: str):
        return self.pytester.runpytest_inprocess(*QUIET, *args)

    def run_apart(self, *args: str):
        return self.pytester.runpytest_subprocess(*QUIET, *args)

    def hits(self, *args: str, **outcomes: int) -> int:
        """Run pytest, check the outcomes, and return how many requests reached the server."""
        before = self.server.hits
        self.run(*args).assert_outcomes(**outcomes)
        return self.server.hits - before

    def cassette(self, name: str = "test_chat", module: str = "test_chat") -> Path:
        return self.path / "cassettes" / module / name

    def files(self, directory: Path | None = None) -> dict[str, bytes]:
        """Every file below a directory: its path → its bytes."""
        root = directory or self.path / "cassettes"
        return {
            str(path.relative_to(root)): path.read_bytes()
            for path in sorted(root.rglob("*"))
            if path.is_file()
        }

    def recordings(self, name: str = "test_chat", module: str = "test_chat") -> list[dict]:
        directory = self.cassette(name, module)
        return [json.loads(path.read_text()) for path in sorted(directory.glob("*.json"))]

    def edit(self, path: Path, old: str, new: str) -> None:
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))


@pytest.fixture
def project(pytester, server, monkeypatch):
    monkeypatch.setenv("LOOPBACK", server.base_url)
    monkeypatch.setenv("OPENAI_API_KEY", "test-key")
    for name in ("PYTEST_ADDOPTS", "CI", "BUILD_NUMBER"):  # pytest's summary is longer in CI
        monkeypatch.delenv(name, raising=False)
    return Project(pytester, server)


@pytest.fixture(scope="session", autouse=True)
def _warm_client():
    """Load what the client loads on first use: pytester forgets what an inner run was first to import."""
    running = LoopbackServer().start()
    with httpx.Client() as client:
        client.get(running.origin)
    with openai.OpenAI(base_url=running.base_url, api_key="test-key") as client:
        messages = [{"role": "user", "content": "hi"}]
        client.chat.completions.create(model="demo", messages=messages)
        list(client.chat.completions.create(model="demo", messages=messages, stream=True))
    running.stop()
