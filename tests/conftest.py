"""What the tests share: the loopback server, and a project to run pytest in."""

from __future__ import annotations

import json
import os
from pathlib import Path

import certifi
import hypothesis
import pytest

from loopback import LoopbackServer

ROOT = Path(__file__).resolve().parents[1]
SEED = ROOT / "cassettes" / "26e569a66dd1b1669a26851179956ffca286bd5f6874f975f6b369bf6bbcc521.json"

hypothesis.settings.register_profile("repeatable", derandomize=True)
# The same examples each time; HYPOTHESIS_PROFILE=default looks for new ones.
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


@pytest.fixture(scope="session", autouse=True)
def _few_certificates(tmp_path_factory):
    """Let clients load one certificate: all of them take each client 40 ms, and no server here has any."""
    begin, end, _ = Path(certifi.where()).read_text(encoding="utf-8").partition("-----END CERTIFICATE-----\n")
    path = tmp_path_factory.mktemp("certificates") / "one.pem"
    path.write_text(begin + end, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE"):
            patch.setenv(name, str(path))
        yield


@pytest.fixture
def server():
    running = LoopbackServer().start()
    yield running
    running.stop()


@pytest.fixture
def seed_path():
    return SEED


@pytest.fixture
def seed_text():
    return SEED.read_text(encoding="utf-8")


@pytest.fixture
def client(server):
    import openai

    with openai.OpenAI(base_url=server.base_url, api_key="test-key", max_retries=0) as sdk:
        yield sdk


@pytest.fixture
def ask(client):
    """Ask the model something and return the text of its answer."""

    def call(content="hi", *, stream=False, **options):
        answer = client.chat.completions.create(
            model="demo", messages=[{"role": "user", "content": content}], stream=stream, **options
        )
        if stream:
            return "".join(chunk.choices[0].delta.content or "" for chunk in answer)
        return answer.choices[0].message.content

    return call


@pytest.fixture
def recordings():
    """Read a directory of recordings: file name without suffix → its JSON."""

    def read(directory):
        return {path.stem: json.loads(path.read_text()) for path in sorted(Path(directory).glob("*.json"))}

    return read
