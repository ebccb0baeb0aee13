"""Where a test's recordings are."""

from __future__ import annotations

import pytest

CHAT = "ask('hi')"


def test_a_directory_per_test_named_as_pytest_recording_names_its_files(project):
    project.write(
        """
        @pytest.mark.vcr
        @pytest.mark.parametrize("name", ["plain", "a/b:c", "gpt-4.1"])
        def test_chat(name): ask(name)

        class TestGroup:
            @pytest.mark.vcr
            def test_chat(self): ask()
        """
    )
    project.hits("--record-mode=once", passed=4)
    directories = {path.name for path in (project.path / "cassettes" / "test_chat").iterdir()}
    assert directories == {
        "test_chat[plain]",
        "test_chat[a-b-c]",
        "test_chat[gpt-4.1]",
        "TestGroup.test_chat",
    }
    assert project.hits(passed=4) == 0


def test_the_test_id_is_the_node_id_and_the_name_is_the_request_id(project):
    import hashtape

    project.write(f"@pytest.mark.vcr\ndef test_chat(): {CHAT}", "deep/er/test_chat.py")
    project.hits("--record-mode=once", passed=1)
    (path,) = (project.path / "deep/er/cassettes/test_chat/test_chat").iterdir()
    recording = hashtape_json(path)
    assert recording["test_id"] == "deep/er/test_chat.py::test_chat"
    request = recording["request"]
    expected = hashtape.request_id(request["method"], request["url"], request["body"], recording["test_id"])
    assert path.stem == expected
    assert request["url"] == f"{project.server.base_url}/v1/chat/completions"


def hashtape_json(path):
    import json

    return json.loads(path.read_text())


@pytest.mark.parametrize("char", ["x", "é"], ids=["ascii", "two-byte"])
def test_names_longer_than_255_bytes(project, char):
    project.ini("disable_test_id_escaping_and_forfeit_all_rights_to_community_support = true")
    project.write(
        f"""
        @pytest.mark.vcr
        @pytest.mark.parametrize("value", ["{char}" * 300 + "1", "{char}" * 300 + "2"])
        def test_chat(value): ask(value)
        """
    )
    project.hits("--record-mode=once", passed=2)
    names = [path.name for path in (project.path / "cassettes" / "test_chat").iterdir()]
    assert len(names) == 2
    assert all(len(name.encode()) <= 255 for name in names)
    assert project.hits(passed=2) == 0


def test_tests_whose_names_make_one_directory_keep_apart(project):
    project.write(
        """
        @pytest.mark.vcr
        @pytest.mark.parametrize("value", ["a/b", "a:b", "a|b"])
        def test_chat(value): assert ask("same") == os.environ.get(value, ask.__name__) or True
        """
    )
    assert project.hits("--record-mode=once", passed=3) == 3
    assert len(project.recordings("test_chat[a-b]")) == 3
    assert project.hits(passed=3) == 0


def test_vcr_cassette_dir_and_default_cassette_are_honoured(project):
    project.write(
        f"""
        @pytest.fixture(scope="module")
        def vcr_cassette_dir(request): return str(request.path.parent / "tapes")

        @pytest.mark.vcr
        @pytest.mark.default_cassette("named")
        def test_one(): {CHAT}

        @pytest.mark.vcr
        @pytest.mark.default_cassette("named.yaml")
        def test_two(): {CHAT}

        @pytest.mark.vcr
        def test_three(): {CHAT}
        """
    )
    project.hits("--record-mode=once", passed=3)
    files = project.files(project.path / "tapes")
    assert sorted(path.rpartition("/")[0] for path in files) == ["named", "named", "test_three"]
    assert project.hits(passed=3) == 0


def test_default_cassette_name_fixture_is_honoured(project):
    project.write(
        f"""
        @pytest.fixture
        def default_cassette_name(request): return "mine-" + request.node.name

        @pytest.mark.vcr
        def test_chat(): {CHAT}
        """
    )
    project.hits("--record-mode=once", passed=1)
    assert len(project.recordings("mine-test_chat")) == 1


def test_layout_recordings_is_one_directory_beside_the_test_file(project):
    project.ini("hashtape_layout = recordings")
    project.write(
        """
        @pytest.mark.vcr
        @pytest.mark.parametrize("n", [1, 2])
        def test_chat(n): assert ask("same").endswith("to same")
        """,
        "sub/test_chat.py",
    )
    assert project.hits("--record-mode=once", passed=2) == 2
    assert not (project.path / "sub/cassettes").exists()
    assert len(list((project.path / "sub/recordings").glob("*.json"))) == 2
    assert project.hits(passed=2) == 0


def test_in_a_shared_directory_once_records_for_a_test_that_has_nothing_there(project):
    project.ini("hashtape_layout = recordings")
    project.write("@pytest.mark.vcr\ndef test_one(): ask('1')")
    project.hits("--record-mode=once", passed=1)
    path = project.write(
        """
        @pytest.mark.vcr
        def test_one(): ask('1')

        @pytest.mark.vcr
        def test_two(): ask('2')
        """
    )
    assert project.hits("--record-mode=once", passed=2) == 1
    project.edit(path, "ask('2')", "ask('changed')")
    assert project.hits("--record-mode=once", passed=1, failed=1) == 0


def test_rewrite_in_a_shared_directory_touches_only_the_tests_own_files(project):
    project.ini("hashtape_layout = recordings")
    path = project.write(
        """
        @pytest.mark.vcr
        def test_one(): ask('1'); ask('2')

        @pytest.mark.vcr
        def test_two(): ask('1'); ask('2')
        """
    )
    project.hits("--record-mode=once", passed=2)
    directory = project.path / "recordings"
    theirs = directory / ("0" * 12 + ".json")
    old = hashtape_json(next(directory.iterdir()))
    del old["test_id"]
    import json

    theirs.write_text(json.dumps(old))
    project.edit(path, "def test_one(): ask('1'); ask('2')", "def test_one(): ask('1')")
    project.hits("--record-mode=rewrite", "-k", "test_one", passed=1)
    left = [hashtape_json(file).get("test_id") for file in directory.iterdir()]
    assert sorted(left, key=str) == [
        None,
        "test_chat.py::test_one",
        "test_chat.py::test_two",
        "test_chat.py::test_two",
    ]


def test_an_unknown_layout_is_a_usage_error(project):
    project.ini("hashtape_layout = tapes")
    project.write("def test_nothing(): pass")
    result = project.run()
    result.stderr.fnmatch_lines(["*hashtape_layout: expected cassettes or recordings, got 'tapes'*"])
    assert result.ret == 4


@pytest.mark.parametrize(
    "name", ["hashtape_allowed_hosts", "hashtape_response_headers", "hashtape_secret_names"]
)
def test_an_option_that_is_no_list_of_names_is_a_usage_error(project, name):
    project.ini(f'{name} = "unclosed')
    project.write("def test_nothing(): pass")
    result = project.run()
    result.stderr.fnmatch_lines([f"*{name}: expected names separated by white space*No closing quotation*"])
    assert result.ret == 4


def test_the_group_of_xdist_is_no_part_of_the_test_id(project):
    project.write(
        """
        @pytest.mark.vcr
        @pytest.mark.xdist_group("g")
        def test_chat(): ask("hi")
        """
    )
    project.hits("--record-mode=once", passed=1)
    before = project.files()
    result = project.run_apart("-n2", "--dist=loadgroup")
    result.assert_outcomes(passed=1)
    assert project.files() == before
