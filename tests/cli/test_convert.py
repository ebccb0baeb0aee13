"""`hashtape convert` as people and machines see it; whole suites move over in tests/integration."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
import yaml
from click.testing import CliRunner

from hashtape.cli import cli

URL = "https://api.example.com/v1/things"


def interaction(path="/one", body="hello", **headers):
    request = {"method": "GET", "uri": URL + path, "body": None, "headers": {}}
    headers = {
        "content-type": ["text/plain"],
        **{name.replace("_", "-"): [headers[name]] for name in headers},
    }
    response = {"status": {"code": 200, "message": "OK"}, "headers": headers, "body": {"string": body}}
    return {"request": request, "response": response}


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def cassette(here):
    def write(name, *interactions):
        path = here / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump({"version": 1, "interactions": list(interactions)}))
        return path

    return write


def convert(*args):
    return CliRunner().invoke(cli, ["convert", "--no-collect", *args])


def test_the_summary_counts_and_names_what_became_of_each(here, cassette):
    cassette("tapes/a.yaml", interaction(), interaction("/two"))
    cassette("tapes/deeper/b.yaml", interaction(body="the key is AKIAQ3EGRL5VXW2TZM7P"))
    (here / "tapes/settings.yaml").write_text("debug: true\n")
    (here / "tapes/broken.yaml").write_text("interactions: [\n")
    result = convert("tapes")
    assert result.exit_code == 1
    lines = result.output.splitlines()
    assert "tapes/deeper/b.yaml: taken out of response.body: an AWS access key id" in lines
    assert any(line.startswith("not converted: tapes/broken.yaml: expected a cassette") for line in lines)
    assert any(line.startswith("Converted 2 cassettes of 3 interactions (") for line in lines)
    assert "1 cassette not converted: nothing was changed there." in lines
    assert sorted(path.name for path in (here / "tapes").iterdir() if path.is_dir()) == ["a", "deeper"]
    assert "AKIA" not in "".join(path.read_text() for path in here.rglob("*.json"))


def test_delete_leaves_what_could_not_be_converted(here, cassette):
    good, bad = cassette("good.yaml", interaction()), cassette("bad.yaml", interaction())
    (here / "bad").mkdir()
    (here / "bad" / f"{'0' * 64}.json").write_text("no recording")
    result = convert(".", "--delete")
    assert result.exit_code == 1
    assert (good.exists(), bad.exists()) == (False, True)
    assert "1 cassette deleted, after the recordings had played the same status and body." in result.output
    assert [path.name for path in (here / "bad").iterdir()] == [f"{'0' * 64}.json"]


NOISE = {"Content_Length": "5", "Connection": "close", "Set_Cookie": "a=b", "Content_Encoding": "identity"}


@pytest.mark.parametrize("option", ["--delete", "--dry-run"])
def test_response_headers_that_are_not_kept_are_named_before_anything_is_deleted(here, cassette, option):
    cassette("a.yaml", interaction(Server="nginx", Date="today", X_Request_ID="1", Retry_After="2", **NOISE))
    cassette("b.yaml", interaction(Server="nginx", date="now"), interaction("/2", Server="nginx", etag="e"))
    lines = convert(".", option).output.splitlines()
    told = (
        "not kept: response headers date, server, etag, x-request-id; "
        "a test that reads one needs hashtape_response_headers before converting"
    )
    assert told in lines
    deleted = "2 cassettes deleted, after the recordings had played the same status and body."
    assert lines[lines.index(told) + 1 :] == ([deleted] if option == "--delete" else [])


def test_of_many_headers_that_are_not_kept_the_commonest_are_named_and_json_has_all(here, cassette):
    many = {f"x_{letter}": "1" for letter in "abcdefg"}
    cassette("a.yaml", interaction(**many))
    cassette("b.yaml", interaction(x_g="1"))
    told = convert(".", "--dry-run").output
    assert "not kept: response headers x-g, x-a, x-b, x-c, x-d and 2 more; a test" in told
    first, second = json.loads(convert(".", "--json").output)["cassettes"]
    assert first["not_kept"] == [f"x-{letter}" for letter in "abcdefg"]
    assert second["not_kept"] == ["x-g"]


def test_nothing_is_said_of_headers_where_all_are_kept(here, cassette):
    cassette("a.yaml", interaction(**NOISE))
    assert "not kept" not in convert(".").output


def test_a_secret_is_named_once_and_not_again_when_nothing_was_changed(here, cassette):
    cassette("a.yaml", interaction("?api_key=very-secret-4711"))
    assert "a.yaml: taken out of request.url: api_key" in convert("a.yaml").output.splitlines()
    assert convert("a.yaml").output.splitlines()[0] == "1 cassette had been converted before: unchanged."


def test_json_says_everything_once(here, cassette):
    cassette("a.yaml", interaction())
    result = convert("a.yaml", "--json")
    assert result.exit_code == 0
    (told,) = json.loads(result.output)["cassettes"]
    assert told["size_before"] == (here / "a.yaml").stat().st_size
    assert told["size_after"] == sum(path.stat().st_size for path in (here / "a").iterdir())
    del told["size_before"], told["size_after"]
    assert told == {
        "path": "a.yaml",
        "target": "a",
        "test_id": None,
        "state": "converted",
        "interactions": 1,
        "recordings": 1,
        "is_deleted": False,
        "secrets": [],
        "not_kept": [],
        "notes": [],
        "problems": [],
    }


def test_a_request_that_nobody_can_send_is_left_out_of_the_yaml(here, cassette):
    cassette("a.yaml", interaction(), interaction("/two"))
    convert("a.yaml", "--delete")
    path, _ = sorted((here / "a").iterdir())
    path.write_text(re.sub(r'"url": "http[^"]*"', '"url": "http://["', path.read_text()))
    result = convert("a", "--to", "yaml")
    assert "Traceback" not in result.output
    assert not isinstance(result.exception, ValueError)
    assert "http://[" not in (here / "a.yaml").read_text()


def test_yaml_is_not_written_over_another_cassette(here, cassette):
    cassette("a.yaml", interaction())
    convert("a.yaml")
    path = cassette("a.yaml", interaction(), interaction("/recorded since"))
    before = path.read_bytes()
    result = convert("a", "--to", "yaml")
    assert result.exit_code == 1
    assert "there is another cassette; move it out of the way" in result.output
    assert path.read_bytes() == before
    path.unlink()
    assert "Converted 1 recording (" in convert("a", "--to", "yaml").output
    assert convert("a", "--to", "yaml").output == "1 cassette had been converted before: unchanged.\n"


def upload(body, number):
    request = {"method": "POST", "uri": f"{URL}/{number}", "body": body, "headers": {}}
    return {**interaction(), "request": request}


@pytest.mark.parametrize(
    ("bodies", "note"),
    [
        ([b"\xff\0", "text"], "1 request body is not stored: do not match on body"),
        ([b"\xff\0", b"\xfe\0"], "2 request bodies are not stored: do not match on body"),
    ],
)
def test_request_bodies_that_the_yaml_cannot_have_are_told(here, cassette, bodies, note):
    cassette("a.yaml", *(upload(body, number) for number, body in enumerate(bodies)))
    assert convert("a.yaml", "--delete").exit_code == 0
    assert f"a: {note}" in convert("a", "--to", "yaml").output.splitlines()
    assert "__encoding__" not in (here / "a.yaml").read_text()


@pytest.mark.parametrize(
    ("body", "advice"),
    [
        ("text", 'the order of its requests is not known: play it with "body" in match_on'),
        (b"\xff\0", "the order of its requests is not known: one may get the answer of another"),
    ],
    ids=["stored", "not stored"],
)
def test_to_match_on_body_is_only_advised_where_it_works(here, cassette, body, advice):
    cassette("a.yaml", upload("one", 0), upload(body, 0))
    convert("a.yaml", "--delete")
    for path in (here / "a").iterdir():
        recording = json.loads(path.read_text())
        del recording["position"]  # as one that was recorded, not converted
        path.write_text(json.dumps(recording))
    result = convert("a", "--to", "yaml")
    assert f"a: {advice}" in result.output.splitlines()
    assert '"body" in match_on' not in result.output.replace(advice, "")


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["nowhere"], 2, "Path 'nowhere' does not exist"),
        (["."], 0, "Nothing to convert"),
        ([".", "--to", "yaml", "--delete"], 2, "--delete is for cassettes of vcrpy"),
        ([], 2, "Missing argument 'PATH...'"),
    ],
    ids=["no such path", "nothing there", "delete recordings", "no path"],
)
def test_mistakes_are_one_sentence(here, args, code, message):
    result = convert(*args)
    assert (result.exit_code, message in result.output) == (code, True)


def test_in_a_pipe_there_are_no_escape_codes(here, cassette):
    cassette("a.yaml", interaction(body="AKIAQ3EGRL5VXW2TZM7P"))
    command = [sys.executable, "-m", "hashtape", "convert", "--no-collect", "."]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=here)
    assert done.returncode == 0, done.stderr
    assert "Converted 1 cassette of 1 interaction" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr


def test_what_the_environment_knows_does_not_change_the_names(tmp_path, monkeypatch):
    text = (
        "interactions:\n- request:\n    method: POST\n    uri: http://api.example/x\n"
        '    headers: {content-type: [application/json]}\n    body: \'{"prompt": "Use cl100k_base"}\'\n'
        "  response: {status: {code: 200, message: OK}, headers: {}, body: {string: ok}}\nversion: 1\n"
    )
    names = []
    for directory in ("with", "without"):
        if directory == "with":
            monkeypatch.setenv("CACHE_KEY", "cl100k_base")
        else:
            monkeypatch.delenv("CACHE_KEY")
        (tmp_path / directory).mkdir()
        (tmp_path / directory / "old.yaml").write_text(text)
        result = CliRunner().invoke(cli, ["convert", str(tmp_path / directory), "--no-collect"])
        assert result.exit_code == 0, result.output
        names.append([path.name for path in (tmp_path / directory / "old").iterdir()])
    assert names[0] == names[1]
