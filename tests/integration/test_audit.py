"""`--hashtape-audit`: the tests that send another request today than their YAML cassettes have recorded."""

from __future__ import annotations

import re

import pytest

SUITE = """
@pytest.mark.vcr
def test_same(): ask("same")

@pytest.mark.vcr
def test_drifted(): [ask(what) for what in ("one", "two")]
"""


def stock(project, **outcomes) -> None:
    """Record as a suite does that has not heard of hashtape."""
    project.run("-pno:hashtape", "--record-mode=once").assert_outcomes(**outcomes)


def audit(result) -> list[str]:
    """What the audit says."""
    lines = result.stdout.lines
    start = next((n for n, line in enumerate(lines) if "hashtape: drifted from" in line), None)
    end = next(n for n, line in enumerate(lines) if line.startswith("hashtape audit:"))
    return lines[end if start is None else start + 1 : end + 1]


@pytest.fixture
def suite(project):
    path = project.write(SUITE)
    stock(project, passed=2)
    return path


def test_a_suite_that_asks_what_it_recorded_passes(project, suite):
    result = project.run("--hashtape-audit")
    result.assert_outcomes(passed=2)
    assert result.ret == 0
    assert audit(result) == ["hashtape audit: 0 drifted of 2 tests on YAML cassettes"]


def test_a_drifted_test_is_named_with_the_difference(project, suite, server):
    project.edit(suite, '"two"', '"three"')
    before, hits = project.files(), server.hits
    assert project.run("--record-mode=none").ret == 0  # which is why nobody noticed
    result = project.run("--hashtape-audit")
    result.assert_outcomes(passed=2)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert audit(result) == [
        "test_chat.py::test_drifted",
        f"  POST {server.base_url}/chat/completions (demo)",
        "    messages[0].content: recorded 'two', now 'three'",
        "hashtape audit: 1 drifted of 2 tests on YAML cassettes",
    ]
    assert (project.files(), server.hits) == (before, hits)


def test_what_is_spelled_otherwise_has_not_drifted(project, suite):
    for path in project.cassette().parent.glob("*.yaml"):
        text, count = re.subn('"model": ?"demo"', r'"model" : "\\u0064emo"', path.read_text())
        assert count
        path.write_text(text)
    assert project.run("--hashtape-audit").ret == 0


def test_what_the_filters_take_out_is_no_drift(project):
    path = project.write(
        """
        @pytest.fixture
        def vcr_config():
            return {"filter_query_parameters": [("day", "some")], "match_on": ["method", "path"]}

        @pytest.mark.vcr
        def test_chat():
            with httpx.Client() as client:
                client.get(os.environ["LOOPBACK"], params={"day": "1", "a": 1})
        """
    )
    stock(project, passed=1)
    project.edit(path, '"day": "1"', '"day": "2"')
    assert project.run("--hashtape-audit").ret == 0
    project.edit(path, '"a": 1', '"a": 2')
    result = project.run("--hashtape-audit")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert "    url: recorded " in "\n".join(audit(result))


def test_the_yaml_is_audited_also_beside_recordings(project, suite):
    yaml = {path: path.read_bytes() for path in project.cassette().parent.glob("*.yaml")}
    project.edit(suite, '"two"', '"three"')
    for path in yaml:
        path.unlink()
    project.hits("--record-mode=once", passed=2)
    for path, content in yaml.items():
        path.write_bytes(content)
    assert project.run().ret == 0
    assert audit(project.run("--hashtape-audit"))[0] == "test_chat.py::test_drifted"


def test_under_xdist(project, suite):
    project.edit(suite, '"two"', '"three"')
    result = project.run_apart("-pxdist", "-n2", "--hashtape-audit")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert audit(result)[0] == "test_chat.py::test_drifted"
    assert audit(result)[-1] == "hashtape audit: 1 drifted of 2 tests on YAML cassettes"


def test_without_yaml_there_is_nothing_to_audit(project):
    project.write("def test_chat(): pass")
    result = project.run("--hashtape-audit")
    assert result.ret == 0
    assert audit(result) == ["hashtape audit: no test played a YAML cassette"]


def test_an_audit_does_not_record(project, suite):
    result = project.run("--hashtape-audit", "--record-mode=all")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--hashtape-audit sends nothing: leave --record-mode out"])


OWN_SERIALIZER = """
@pytest.fixture
def vcr_config(): return {"serializer": "json"}
"""
OWN_PERSISTER = """
from vcr.persisters.filesystem import FilesystemPersister

class OwnPersister(FilesystemPersister): pass

def pytest_recording_configure(config, vcr): vcr.register_persister(OwnPersister)
"""


@pytest.mark.parametrize("conftest", [OWN_SERIALIZER, OWN_PERSISTER], ids=["serializer", "persister"])
def test_tests_with_storage_of_their_own_are_counted_as_not_looked_at(project, conftest):
    project.write(conftest, "conftest.py")
    path = project.write(SUITE)
    stock(project, passed=2)
    project.edit(path, '"two"', '"three"')
    result = project.run("--hashtape-audit")
    result.assert_outcomes(passed=2)
    assert result.ret == 0
    (line,) = audit(result)
    assert line == (
        "hashtape audit: no test played a YAML cassette; "
        "not looked at: 2 tests with a serializer or persister of their own (-v names them)"
    )


def test_they_are_named_beside_the_others_with_v(project):
    project.write(SUITE)
    project.write(OWN_SERIALIZER + '\n@pytest.mark.vcr\ndef test_own(): ask("own")', "test_own.py")
    stock(project, passed=3)
    for options in ((), ("-pxdist", "-n2")):
        run = project.run_apart if options else project.run
        result = run("--hashtape-audit", "-v", *options)
        result.stdout.fnmatch_lines(
            [
                "*= hashtape: not looked at *",
                "test_own.py::test_own",
                "*: 0 drifted of 2 tests *; not looked at: 1 test with a serializer or persister of its own",
            ]
        )
