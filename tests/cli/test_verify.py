from __future__ import annotations

import hashlib
import json
import os

import pytest
from click.testing import CliRunner
from exchanges import STREAMS, chat, completion, store

from hashtape.cli import cli
from hashtape.request_id import request_id

KEY = "sk-proj-" + "Ab3dEf6hIj9lMn2pQr5tUv8xYz1" * 2


@pytest.fixture
def verify(tmp_path, monkeypatch):
    """Run `hashtape verify` in a project whose recordings are in ./cassettes."""
    monkeypatch.chdir(tmp_path)

    def run(*args, code=0):
        result = CliRunner().invoke(cli, ["verify", *args])
        assert result.exit_code == code, result.output
        return result.stdout

    return run


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "cassettes"


def test_what_a_recording_run_writes_is_right(verify, directory):
    for url, body, reply in STREAMS.values():
        store(directory, reply, url=url, body=body)
    store(directory, completion("Hello"), completion("Hello again"))
    assert verify() == "8 files checked, nothing wrong\n"


def test_the_shipped_recording_is_right(verify, seed_path):
    assert verify(str(seed_path)) == "1 file checked, nothing wrong\n"


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda text: text[:-40], "broken: expected a recording: JSON"),
        (lambda text: text.replace("Say hello", "Say goodbye"), "name: expected the name of its own hash"),
        (lambda text: text.replace('"__data__"', '"data"'), "codec: response.body[0] has a __type__ and no"),
        (
            lambda text: text.replace('"is_streaming": true', '"is_streaming": true, "framing": {"end": 1}'),
            "codec: response.body cannot be encoded",
        ),
    ],
    ids=["cut short", "another request", "no chunk", "no framing"],
)
def test_damage_is_named_and_fails_the_check(verify, directory, damage, said):
    path = store(directory, STREAMS["openai-chat"][2])
    path.write_text(damage(path.read_text()))
    shown = verify(code=1)
    assert f"cassettes/{path.name}: {said}" in shown
    assert shown.endswith("1 file checked, 1 file wrong\n")


def test_a_secret_is_named_by_its_field_and_not_printed(verify, directory):
    store(directory, completion(f"Your key is {KEY}"), body=chat(f"Use {KEY}"))
    found = json.loads(verify("--json", code=1))
    messages = [problem["message"] for problem in found["problems"] if problem["kind"] == "secret"]
    assert any(message.startswith("request.body.messages[0].content holds a secret") for message in messages)
    assert any(message.startswith("response.body") for message in messages)
    assert KEY not in json.dumps(found)


def test_what_the_project_declares_to_be_no_secret_is_none(verify, directory):
    store(directory, completion("Hello"), body=chat(f"Use {KEY}"))
    verify(code=1)
    verify("--not-secret", KEY)


def test_a_further_name_of_a_secret_is_heeded(verify, directory):
    store(directory, completion("Hello"), url="https://cars.example/api", body={"plate": "B-XY 1234567"})
    verify()
    assert "request.payload.plate holds a secret" in verify("--secret-name", "plate", code=1)


# --- Names -----------------------------------------------------------------------------------------------


def test_the_second_revision_of_a_name_is_right(verify, directory):
    url, text = "https://api.openai.com/v1/v1/chat/completions", "score: 0.123456789"
    path = store(directory, completion("Hello"), body=chat(text))
    test_id = json.loads(path.read_text())["test_id"]
    second = request_id("POST", url, chat(text), test_id, revision=2)
    assert second != path.stem
    path.rename(path.with_stem(second))
    assert verify().endswith("1 file checked, nothing wrong\n")


def test_an_old_name_of_12_digits_is_only_good_to_know(verify, directory):
    path = store(directory, completion("Hello"), test_id=None)
    request = json.loads(path.read_text())["request"]
    hashed = {"method": "POST", "endpoint": "/v1/v1/chat/completions", "body": request["body"]}
    old = hashlib.sha256(json.dumps(hashed, sort_keys=True).encode()).hexdigest()[:12]
    path.rename(path.with_stem(old))
    assert "1 old name" in verify()
    assert f"{old}.json: named by 12 digits" in verify("-v")
    path.with_stem(old).rename(path.with_stem("0123456789ab"))
    verify(code=1)


def test_a_model_list_is_named_by_its_models_too(verify, directory):
    model = {"__type__": "openai.types.model.Model", "__data__": {"id": "gpt-4o", "object": "model"}}
    recording = {
        "test_id": None,
        "request": {
            "method": "POST",
            "url": "https://api.openai.com/v1/v1/models",
            "headers": {},
            "body": {},
            "endpoint": "/v1/models",
            "model": "",
        },
        "response": {"body": [model], "is_streaming": False},
    }
    digest = hashlib.sha256(b"gpt-4o").hexdigest()[:8]
    own = request_id("POST", recording["request"]["url"], {})
    directory.mkdir()
    path = directory / f"models-{own}-{digest}.json"
    path.write_text(json.dumps(recording))
    verify()
    path.rename(directory / f"models-{own}-00000000.json")
    verify(code=1)
    verify("--fix")
    assert [file.name for file in directory.iterdir()] == [path.name]


def test_fix_renames_and_changes_no_byte(verify, directory):
    path = store(directory, completion("Hello"))
    text = path.read_bytes()
    stray = path.rename(path.with_stem("copy-of-it"))
    assert verify("--fix").splitlines() == [
        f"cassettes/{stray.name}: renamed to {path.name}",
        "1 file checked, nothing wrong",
    ]
    assert path.read_bytes() == text
    assert not stray.exists()
    verify()


def test_fix_replaces_no_other_file(verify, directory):
    path = store(directory, completion("Hello"))
    stray = path.with_stem("copy-of-it")
    stray.write_text(path.read_text().replace("Hello", "Goodbye"))
    shown = verify("--fix", code=1)
    assert "not renamed: there is a file of that name already" in shown
    assert "Goodbye" in stray.read_text()
    assert "Hello" in path.read_text()


def store_damaged(directory, **damage):
    path = store(directory, completion("Hello"))
    recording = json.loads(path.read_text())
    recording["request"].update(damage)
    path.write_text(json.dumps(recording))
    return path


def test_a_request_that_nobody_can_send_is_wrong_and_not_renamed(verify, directory):
    path = store_damaged(directory, url="http://[bad/v1/v1/chat/completions")
    for args in ([], ["--fix"]):
        assert verify(*args, code=1).endswith("1 file checked, 1 file wrong\n")
    assert path.exists()


def test_a_description_of_a_body_that_is_none_breaks_nothing(verify, directory):
    store_damaged(directory, payload={"__encoding__": []})
    assert "name: expected the name of its own hash" in verify(code=1)
    assert "renamed to" in verify("--fix")


def test_a_directory_of_recordings_may_be_called_as_a_file_is(verify, directory):
    store(directory / "chat.json", completion("Hello"))
    assert verify() == "1 file checked, nothing wrong\n"


def test_a_directory_that_cannot_be_listed_is_no_directory_without_flaws(verify, directory):
    directory.mkdir()
    directory.chmod(0)
    if os.access(directory, os.R_OK):
        pytest.skip("nothing is forbidden to this user")
    verify(code=2)


def test_fix_leaves_what_is_right_alone(verify, directory):
    path = store(directory, completion(f"Your key is {KEY}"))
    before = path.read_bytes(), path.stat().st_ino, path.stat().st_mtime_ns
    verify("--fix", code=1)
    assert (path.read_bytes(), path.stat().st_ino, path.stat().st_mtime_ns) == before


def test_json_tells_what_was_done(verify, directory):
    path = store(directory, completion("Hello"))
    path.rename(path.with_stem("copy-of-it"))
    found = json.loads(verify("--fix", "--json"))
    assert found["problems"] == []
    assert found["renamed"] == [{"from": "cassettes/copy-of-it.json", "to": f"cassettes/{path.name}"}]


# --- Other files -----------------------------------------------------------------------------------------


def test_cassettes_of_vcrpy_are_not_checked(verify, directory):
    store(directory, completion("Hello"))
    (directory / "test_old.json").write_text('{"version": 1, "interactions": []}')
    assert verify() == "1 file checked, nothing wrong\n"


# --- The project's options -------------------------------------------------------------------------------


def test_what_pytests_configuration_declares_to_be_no_secret_is_none(
    verify, directory, tmp_path, monkeypatch
):
    store(directory, completion("Hello"), body=chat(f"Use {KEY}"))
    options = f'hashtape_not_secret = ["{KEY}"]\naddopts = "--no-such-option"\n'
    (tmp_path / "pyproject.toml").write_text(f"[tool.pytest.ini_options]\n{options}")
    (tmp_path / "conftest.py").write_text("raise RuntimeError('nothing of the tests is needed')")
    verify("--not-secret", "something else", code=1)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    verify(str(directory))


def test_a_name_in_pytests_configuration_is_a_secrets(verify, directory, tmp_path):
    store(directory, completion("Hello"), url="https://cars.example/api", body={"plate": "B-XY 1234567"})
    (tmp_path / "tox.ini").write_text("[pytest]\nhashtape_secret_names = plate\n")
    assert "request.payload.plate holds a secret" in verify(code=1)


def test_a_configuration_that_pytest_refuses_is_one_sentence(verify, directory, tmp_path):
    store(directory, completion("Hello"))
    (tmp_path / "pytest.ini").write_text("[pytest]\nminversion = 99\nhashtape_not_secret = x\n")
    result = CliRunner().invoke(cli, ["verify"])
    assert result.exit_code == 2
    assert "pytest does not say" in result.stderr
    assert "99" in result.stderr
    verify("--not-secret", "x", "--secret-name", "y")
