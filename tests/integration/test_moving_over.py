"""A suite recorded by stock pytest-recording moves over, by the command or by running, and never notices."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from hashtape.cli import cli

NOT_NEEDED = " ".join(f"-pno:{name}" for name in ("asyncio", "anyio", "benchmark", "hypothesispytest"))

SUITE = """
ID = []

@pytest.fixture
def vcr_config():
    return {"filter_headers": ["authorization"], "match_on": ["method", "path", "body"]}

def whole(content):
    messages = [{"role": "user", "content": content}]
    import openai
    with openai.OpenAI(base_url=os.environ["LOOPBACK"], api_key="test-key", max_retries=0) as client:
        return client.chat.completions.create(model="demo", messages=messages)

@pytest.mark.vcr
def test_function():
    assert ask("one").startswith("answer")
    assert ask("two", stream=True).endswith("to two")

@pytest.mark.vcr
def test_same_request_again():
    first, second = whole("same"), whole("same")
    assert int(second.id.removeprefix("chatcmpl-")) == int(first.id.removeprefix("chatcmpl-")) + 1
    assert second.created == first.created + 1

class TestOuter:
    class TestInner:
        @pytest.mark.vcr
        def test_method(self): assert "to method" in ask("method")

@pytest.mark.vcr
@pytest.mark.parametrize("name", ["plain", "gpt-4.1", "a::b", "x/y", "\\u00e9"])
def test_parameters(name): assert name in ask(name)

@pytest.mark.vcr
@pytest.mark.parametrize("name", ["p/q", "p:q"])
def test_one_cassette_for_two(name): assert ask("both").startswith("answer")

@pytest.mark.vcr
@pytest.mark.default_cassette("chosen")
def test_chosen(): assert ask("chosen").startswith("answer")

@pytest.mark.vcr("test_function.yaml")
def test_extra():
    assert ask("one").startswith("answer")

@pytest.mark.vcr
def test_without_requests(): pass

@pytest.mark.vcr
@pytest.mark.slow
def test_deselected_by_the_project(): assert ask("slow").startswith("answer")
"""


@pytest.fixture
def suite(project):
    project.ini("addopts = -m 'not slow'", "markers = slow")
    project.write(SUITE)
    project.run("-pno:hashtape", "--record-mode=once", "-m", "").assert_outcomes(passed=14)
    assert len(list(project.path.rglob("*.yaml"))) == 11
    project.server.stop()
    return project


def convert(*args):
    return CliRunner(env={"PYTEST_ADDOPTS": NOT_NEEDED}).invoke(cli, ["convert", *map(str, args)])


def test_every_kind_of_test_plays_what_it_played_before(suite):
    result = convert(suite.path, "--delete", "--json")
    assert result.exit_code == 0, result.output
    assert not list(suite.path.rglob("*.yaml"))
    placed = {
        cassette["target"].rpartition("/")[2]: cassette["test_id"]
        for cassette in json.loads(result.output)["cassettes"]
    }
    assert placed == {
        "test_function": "test_chat.py::test_function",
        "test_same_request_again": "test_chat.py::test_same_request_again",
        "TestInner.test_method": "test_chat.py::TestOuter::TestInner::test_method",
        "test_parameters[plain]": "test_chat.py::test_parameters[plain]",
        "test_parameters[gpt-4.1]": "test_chat.py::test_parameters[gpt-4.1]",
        "test_parameters[a--b]": "test_chat.py::test_parameters[a::b]",
        "test_parameters[x-y]": "test_chat.py::test_parameters[x/y]",
        "test_parameters[-xe9]": "test_chat.py::test_parameters[\\xe9]",
        "test_one_cassette_for_two[p-q]": None,
        "chosen": "test_chat.py::test_chosen",
        "test_deselected_by_the_project": "test_chat.py::test_deselected_by_the_project",
    }
    assert suite.hits("--block-network", "-m", "", passed=14) == 0


def test_the_same_by_running_the_suite(suite):
    result = suite.run("--hashtape-convert", "-m", "")
    result.assert_outcomes(passed=14)
    result.stdout.fnmatch_lines(["hashtape convert: 12 tests converted to 13 recordings"])
    for path in suite.path.rglob("*.yaml"):
        path.unlink()
    assert suite.hits("--block-network", "-m", "", passed=14) == 0


def test_again_changes_nothing_whether_or_not_it_knows_the_tests(suite):
    before = suite.files()
    assert "Would convert 11 cassettes of" in convert(suite.path, "--dry-run", "--delete").output
    assert suite.files() == before
    convert(suite.path)
    before = suite.files()
    for args in ([], ["--no-collect"]):
        result = convert(suite.path, *args)
        assert "11 cassettes had been converted before: unchanged." in result.output
        assert result.exit_code == 0
    assert suite.files() == before


def test_recordings_that_name_no_test_play_too_and_go_back_to_yaml_for_stock_vcrpy(suite):
    assert convert(suite.path, "--delete", "--no-collect").exit_code == 0
    assert {recording["test_id"] for recording in suite.recordings("test_function")} == {None}
    assert suite.hits("--block-network", "-m", "", passed=14) == 0
    result = convert(suite.path, "--to", "yaml", "--no-collect")
    assert result.exit_code == 0, result.output
    suite.run("-pno:hashtape", "--block-network", "-m", "").assert_outcomes(passed=14)


OPTIONS = """
def get(path, **options):
    with httpx.Client() as client:
        return client.request("POST", os.environ["LOOPBACK"] + path, **options).json()["number"]

def without_stamp(request):
    request.uri = request.uri.partition("&stamp=")[0]
    return request

def less(response):
    return {**response, "body": {"string": b'{"number": "less"}'}}

@pytest.mark.vcr(match_on=["method", "path"])
def test_own_match_on():
    stamp = os.environ["STAMP"]
    first, second, third = (get("/x", json={"q": f"{word} at {stamp}"}) for word in ("z", "a", "m"))
    assert (second, third) == (first + 1, first + 2)

@pytest.mark.vcr(filter_query_parameters=["stamp"], filter_headers=["authorization"])
def test_filter_query():
    assert get("/x?a=b&stamp=" + os.environ["STAMP"], headers={"authorization": "Bearer x"})

@pytest.mark.vcr(filter_post_data_parameters=["stamp"])
def test_filter_post_data(): assert get("/x", data={"a": "b", "stamp": os.environ["STAMP"]})

@pytest.mark.vcr(before_record_request=without_stamp)
def test_before_record_request(): assert get("/x?a=b&stamp=" + os.environ["STAMP"])

@pytest.mark.vcr(before_record_response=less)
def test_before_record_response():
    number = get("/x")
    assert os.environ["STAMP"] != "noon" or number == "less"

@pytest.mark.vcr(allow_playback_repeats=True)
def test_repeats():
    assert get("/x")
    if os.environ["STAMP"] == "noon":
        assert get("/x") == get("/x")

@pytest.mark.vcr(record_mode="none", ignore_hosts=["example.com"], decode_compressed_response=True)
def test_others(): assert os.environ["STAMP"] == "midnight" or True
"""


def test_options_of_every_kind_go_on_doing_what_they_did(project, monkeypatch):
    monkeypatch.setenv("STAMP", "midnight")
    project.write(OPTIONS)
    project.run("-pno:hashtape", "--record-mode=once").assert_outcomes(passed=7)
    assert convert(".", "--delete").exit_code == 0
    monkeypatch.setenv("STAMP", "noon")
    assert project.hits("--block-network", passed=7) == 0


def test_options_of_every_kind_by_running(project, monkeypatch):
    monkeypatch.setenv("STAMP", "midnight")
    project.write(OPTIONS)
    project.run("-pno:hashtape", "--record-mode=once").assert_outcomes(passed=7)
    monkeypatch.setenv("STAMP", "noon")
    project.run("--hashtape-convert").assert_outcomes(passed=7)
    for path in project.path.rglob("*.yaml"):
        path.unlink()
    assert project.hits("--block-network", passed=7) == 0


def test_recordings_beside_the_test_file(project):
    project.ini("hashtape_layout = recordings")
    project.write("@pytest.mark.vcr\ndef test_chat(): ask('hi')\n", "deep/test_chat.py")
    project.run("-pno:hashtape", "--record-mode=once").assert_outcomes(passed=1)
    (project.path / "deep/cassettes/test_chat/stray.yaml").write_bytes(
        next(project.path.rglob("*.yaml")).read_bytes()
    )
    result = convert("deep", "--delete")
    assert result.exit_code == 1  # nobody would look for the recordings of the stray one
    assert [path.name for path in project.path.rglob("*.yaml")] == ["stray.yaml"]
    assert len(list((project.path / "deep/recordings").glob("*.json"))) == 1
    assert project.hits(passed=1) == 0


def test_the_projects_own_rules_for_secrets_hold(project):
    project.ini("hashtape_secret_names = seat")
    project.write("@pytest.mark.vcr\ndef test_chat(): ask('hi', extra_body={'seat': 'window-left-12'})\n")
    project.run("-pno:hashtape", "--record-mode=once").assert_outcomes(passed=1)
    result = convert(".", "--delete")
    assert "taken out of request.body.seat\n" in result.output
    assert b"window-left-12" not in b"".join(project.files().values())
    assert project.hits(passed=1) == 0


def test_a_header_that_is_asked_for_is_kept_and_no_longer_said_to_be_lost(project):
    project.write(
        """
        @pytest.mark.vcr
        def test_chat():
            with httpx.Client() as client:
                assert "BaseHTTP" in client.get(os.environ["LOOPBACK"] + "/models").headers["server"]
        """
    )
    project.run("-pno:hashtape", "--record-mode=once").assert_outcomes(passed=1)
    assert "not kept: response headers date, server; a" in convert(".", "--dry-run").output
    project.ini("hashtape_response_headers = Server")
    assert "not kept: response header date; a test that reads it" in convert(".", "--delete").output
    assert project.hits("--block-network", passed=1) == 0


def test_a_directory_of_the_projects_own_for_cassettes(project):
    project.write(
        """
        @pytest.fixture(scope="module")
        def vcr_cassette_dir(request): return str(request.path.parent / "tapes")

        @pytest.mark.vcr
        def test_chat(): ask('hi')
        """
    )
    project.run("-pno:hashtape", "--record-mode=once").assert_outcomes(passed=1)
    assert convert("tapes", "--delete").exit_code == 0
    (path,) = (project.path / "tapes/test_chat").iterdir()
    assert json.loads(path.read_text())["test_id"] == "test_chat.py::test_chat"
    assert project.hits(passed=1) == 0


def test_a_file_that_cannot_be_imported_is_named_and_the_others_are_placed(project):
    project.write("@pytest.mark.vcr\ndef test_chat(): ask('hi')\n")
    project.run("-pno:hashtape", "--record-mode=once").assert_outcomes(passed=1)
    project.write("import not_installed\n", "test_broken.py")
    result = convert(".")
    assert "test_broken.py: pytest cannot import it" in result.stderr
    assert project.recordings()[0]["test_id"] == "test_chat.py::test_chat"


def test_tests_that_cannot_be_collected_at_all_are_an_error(project):
    project.write("@pytest.mark.vcr\ndef test_chat(): ask('hi')\n")
    project.run("-pno:hashtape", "--record-mode=once").assert_outcomes(passed=1)
    project.ini("addopts = --no-such-option")
    result = convert(".")
    assert result.exit_code == 2
    assert "pytest cannot collect the tests" in result.stderr
    assert "--no-collect" in result.stderr
    assert convert(".", "--no-collect").exit_code == 0
