"""A suite that has cassettes of vcrpy's own goes on as before, and grows readable recordings beside them."""

from __future__ import annotations

import json

import pytest
from test_record_modes import ONE, TWO

LOOSE = """
@pytest.mark.vcr
def test_chat():
    assert ask("%s").startswith("answer")
"""


@pytest.fixture
def with_yaml(project):
    """A project whose one test was recorded without hashtape."""
    project.write(ONE)
    result = project.run("-pno:hashtape", "--record-mode=once")
    result.assert_outcomes(passed=1)
    assert list(project.files()) == ["test_chat/test_chat.yaml"]
    return project


@pytest.fixture
def yaml_file(with_yaml):
    return with_yaml.cassette().with_name("test_chat.yaml")


@pytest.mark.parametrize("mode", ["none", "once", "new_episodes"])
def test_it_plays_and_stays_untouched(with_yaml, mode):
    before = with_yaml.files()
    assert with_yaml.hits(f"--record-mode={mode}", passed=1) == 0
    assert with_yaml.files() == before


def test_it_plays_with_stock_matching(with_yaml):
    with_yaml.write(LOOSE % "a prompt that changed")
    assert with_yaml.hits(passed=1) == 0


def test_json_cassettes_of_vcrpy_play_too(project):
    config = "@pytest.fixture\ndef vcr_config(): return {'serializer': 'json'}\n"
    project.write(config + ONE)
    project.run("-pno:hashtape", "--record-mode=once").assert_outcomes(passed=1)
    assert list(project.files()) == ["test_chat/test_chat.json"]
    project.write(ONE)
    assert project.hits(passed=1) == 0


def test_once_does_not_add_to_it(with_yaml):
    with_yaml.write(TWO)
    assert with_yaml.hits("--record-mode=once", failed=1) == 0


def test_a_miss_says_how_to_get_recordings_instead(with_yaml):
    with_yaml.write(
        """
        @pytest.mark.vcr
        def test_chat():
            httpx.get("http://127.0.0.1:9/other")
        """
    )
    shown = with_yaml.run()
    shown.assert_outcomes(failed=1)
    shown.stdout.fnmatch_lines(
        [
            "E*CannotOverwriteExistingCassetteException*",
            "*pytest test_chat.py::test_chat --record-mode=rewrite*",
        ]
    )


def test_new_episodes_go_into_the_directory_and_both_play_afterwards(with_yaml, yaml_file):
    before = yaml_file.read_bytes()
    with_yaml.write(
        """
        @pytest.mark.vcr
        def test_chat(vcr):
            assert ask("one") == "answer 1 to one"
            assert ask("two") == "answer 2 to two"
            assert vcr.play_count in (1, 2)
        """
    )
    assert with_yaml.hits("--record-mode=new_episodes", passed=1) == 1
    (recording,) = with_yaml.recordings()
    assert recording["request"]["body"]["messages"][0]["content"] == "two"
    assert yaml_file.read_bytes() == before
    assert with_yaml.hits(passed=1) == 0


def test_beside_recordings_it_does_not_answer_a_request_that_changed(with_yaml):
    with_yaml.write(TWO)
    with_yaml.hits("--record-mode=new_episodes", passed=1)
    with_yaml.write(LOOSE % "neither one nor two")
    assert with_yaml.hits(failed=1) == 0


def test_all_records_into_the_directory_and_leaves_it(with_yaml, yaml_file):
    before = yaml_file.read_bytes()
    assert with_yaml.hits("--record-mode=all", passed=1) == 1
    assert len(with_yaml.recordings()) == 1
    assert yaml_file.read_bytes() == before
    assert with_yaml.hits(passed=1) == 0


def test_rewrite_replaces_it_when_the_test_passed(with_yaml, yaml_file):
    assert with_yaml.hits("--record-mode=rewrite", passed=1) == 1
    assert not yaml_file.exists()
    assert len(with_yaml.recordings()) == 1


def test_rewrite_leaves_it_when_the_test_failed(with_yaml, yaml_file):
    before = yaml_file.read_bytes()
    with_yaml.write(ONE + "    assert False\n")
    with_yaml.hits("--record-mode=rewrite", failed=1)
    assert yaml_file.read_bytes() == before


def test_a_user_who_names_a_serializer_keeps_it(project):
    project.write("@pytest.fixture\ndef vcr_config(): return {'serializer': 'yaml'}\n" + ONE)
    project.hits("--record-mode=once", passed=1)
    assert list(project.files()) == ["test_chat/test_chat.yaml"]
    assert project.hits(passed=1) == 0


@pytest.mark.parametrize(
    "hook",
    [
        "vcr.register_persister(Mine)",
        "vcr.register_serializer('mine', Mine); vcr.serializer = 'mine'",
    ],
    ids=["persister", "serializer"],
)
def test_a_user_who_registers_a_persister_or_serializer_keeps_it(project, hook):
    (project.path / "conftest.py").write_text(
        f"""
import pathlib
from vcr.persisters.filesystem import FilesystemPersister
class Mine(FilesystemPersister):
    @staticmethod
    def save_cassette(cassette_path, cassette_dict, serializer):
        pathlib.Path("mine.txt").write_text("saved")
        FilesystemPersister.save_cassette(cassette_path, cassette_dict, serializer)
    @staticmethod
    def serialize(cassette_dict):
        pathlib.Path("mine.txt").write_text("saved")
        return repr(cassette_dict)
    @staticmethod
    def deserialize(text): return eval(text)
def pytest_recording_configure(config, vcr):
    {hook}
"""
    )
    project.write(ONE)
    project.hits("--record-mode=once", passed=1)
    assert (project.path / "mine.txt").read_text() == "saved"
    assert list(project.files()) == ["test_chat/test_chat.yaml"]
    assert project.hits(passed=1) == 0


def test_the_serializer_named_hashtape_is_the_default(project):
    project.write("@pytest.fixture\ndef vcr_config(): return {'serializer': 'hashtape'}\n" + ONE)
    project.hits("--record-mode=once", passed=1)
    assert len(project.recordings()) == 1
    assert project.hits(passed=1) == 0


def test_an_extra_cassette_of_vcrpy_plays(with_yaml):
    with_yaml.write(
        """
        @pytest.mark.vcr("test_chat.yaml")
        def test_other():
            assert ask("one") == "answer 1 to one"
            assert ask("own") == "answer 2 to own"
        """
    )
    assert with_yaml.hits("--record-mode=new_episodes", passed=1) == 1
    assert len(with_yaml.recordings("test_other")) == 1
    assert with_yaml.hits(passed=1) == 0


def test_an_extra_cassette_of_recordings_plays_for_another_test(project):
    project.write(ONE)
    project.hits("--record-mode=once", passed=1)
    project.write(
        """
        @pytest.mark.vcr("test_chat")
        def test_other(): assert ask("one") == "answer 1 to one"

        @pytest.mark.vcr("test_chat.yaml")
        def test_former_yaml(): assert ask("one") == "answer 1 to one"

        @pytest.mark.vcr("test_chat")
        def test_drifted(): ask("something else")
        """
    )
    before = project.files()
    assert project.hits(passed=2, failed=1) == 0
    assert project.files() == before


def test_own_match_on_is_honoured_among_the_recordings(project):
    project.write(
        """
        @pytest.mark.vcr(match_on=["method", "path"])
        def test_chat():
            stamp = os.environ["STAMP"]
            assert ask("first at " + stamp).startswith("answer 1")
            assert ask("second at " + stamp).startswith("answer 2")
        """
    )
    import os

    os.environ["STAMP"] = "noon"
    try:
        assert project.hits("--record-mode=once", passed=1) == 2
        os.environ["STAMP"] = "midnight"
        assert project.hits(passed=1) == 0
        os.environ["STAMP"] = "noon"
        assert project.hits(passed=1) == 0
    finally:
        del os.environ["STAMP"]


def test_json_dumps_of_a_recording_is_its_file(project):
    project.write(ONE)
    project.hits("--record-mode=once", passed=1)
    (path,) = project.cassette().iterdir()
    text = path.read_text(encoding="utf-8")
    assert json.dumps(json.loads(text), indent=2, ensure_ascii=False) + "\n" == text
