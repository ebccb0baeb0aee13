"""What a suite sees of the plugin beside its cassettes."""

from __future__ import annotations

import json
import os
import sys

import pytest

from loopback import Reply


def test_the_vcr_fixture_keeps_its_attributes(project):
    project.write(
        """
        @pytest.mark.vcr
        def test_chat(vcr):
            texts = [ask("one"), ask("two")]
            assert len(vcr) == 2
            assert [json.loads(r.body)["messages"][0]["content"] for r in vcr.requests] == ["one", "two"]
            bodies = [r["body"]["string"] for r in vcr.responses]
            assert [json.loads(b)["choices"][0]["message"]["content"] for b in bodies] == texts
            assert vcr.responses[0]["status"]["code"] == 200
            if os.environ.get("REPLAY"):
                assert vcr.play_count == 2
                assert vcr.all_played
            else:
                assert vcr.play_count == 0
                assert not vcr.all_played
        """.replace("@pytest", "import json\n        @pytest", 1)
    )
    project.hits("--record-mode=once", passed=1)
    os.environ["REPLAY"] = "1"
    try:
        assert project.hits(passed=1) == 0
    finally:
        del os.environ["REPLAY"]


def test_unmarked_tests_are_left_alone(project):
    project.write("def test_chat(): assert ask('hi')")
    assert project.hits(passed=1) == 1
    assert not (project.path / "cassettes").exists()


def test_the_same_request_twice_gets_two_answers_in_order(project):
    project.write(
        """
        @pytest.mark.vcr
        def test_chat():
            assert [ask("hi") for _ in range(3)] == [f"answer {n} to hi" for n in (1, 2, 3)]
        """
    )
    assert project.hits("--record-mode=once", passed=1) == 3
    (recording,) = project.recordings()
    assert len(recording["later_responses"]) == 2
    assert project.hits(passed=1) == 0


def test_a_fourth_time_is_a_miss_that_says_so(project):
    path = project.write("@pytest.mark.vcr\ndef test_chat(): [ask('hi') for _ in range(3)]")
    project.hits("--record-mode=once", passed=1)
    project.edit(path, "range(3)", "range(4)")
    result = project.run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*it was recorded 3 times, and each answer has been played already*"])


def test_class_module_and_async_tests(project):
    project.write(
        """
        import asyncio
        pytestmark = pytest.mark.vcr

        async def ask_async(content):
            import openai
            async with openai.AsyncOpenAI(base_url=os.environ["LOOPBACK"], api_key="k") as client:
                messages = [{"role": "user", "content": content}]
                stream = await client.chat.completions.create(model="m", messages=messages, stream=True)
                return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

        class TestGroup:
            def test_async(self):
                async def both(): return await asyncio.gather(ask_async("a"), ask_async("b"))
                assert sorted(text.split(" to ")[1] for text in asyncio.run(both())) == ["a", "b"]

        def test_stream(): assert ask("s", stream=True).endswith("to s")
        """
    )
    assert project.hits("--record-mode=once", passed=2) == 3
    assert project.hits(passed=2) == 0


@pytest.mark.parametrize("layout", ["cassettes", "recordings"])
def test_under_xdist_in_either_layout(project, layout):
    project.ini(f"hashtape_layout = {layout}")
    project.write(
        """
        @pytest.mark.vcr
        @pytest.mark.parametrize("n", range(12))
        def test_chat(n): assert ask("same", stream=n % 2 == 0).endswith("to same")
        """
    )
    project.run_apart("-n2", "--record-mode=once").assert_outcomes(passed=12)
    assert project.server.hits == 12
    assert len(list(project.path.rglob("*.json"))) == 12
    project.run().assert_outcomes(passed=12)
    assert project.server.hits == 12


def test_recording_the_seeds_exchange_gives_the_seeds_file(project, seed_path, seed_text):
    """The seed's request, sent by the real client under the seed's test id, makes the seed byte for byte."""
    from loopback import sse

    seed = json.loads(seed_text)
    chunks = sse(
        *(chunk["__data__"] | {"id": "chatcmpl-x", "created": 7} for chunk in seed["response"]["body"])
    )
    headers = {"content-type": "text/event-stream; charset=utf-8"}
    project.server.script(Reply(chunks=chunks, headers=headers))
    path, _, name = seed["test_id"].partition("::")
    function, _, parameter = name.partition("[")
    (project.path / "body.json").write_text(json.dumps(seed["request"]["body"]))
    project.write(
        f"""
        import httpx, json, pathlib
        body = json.loads(pathlib.Path("body.json").read_text())

        @pytest.mark.vcr
        @pytest.mark.parametrize("_", [0], ids=[{parameter.removesuffix("]")!r}])
        def {function}(_):
            import openai
            with openai.OpenAI(base_url=os.environ["LOOPBACK"], api_key="k", max_retries=0) as client:
                list(client.chat.completions.create(**body))
        """,
        path,
    )
    project.ini()
    project.hits("--record-mode=once", passed=1)
    (file,) = [p for p in project.path.rglob("*.json") if p.name != "body.json"]
    assert file.name == seed_path.name
    written = file.read_text(encoding="utf-8")
    assert written.replace(project.server.base_url, "https://api.openai.com/v1") == seed_text


def test_the_secret_of_the_client_is_nowhere_on_the_disk(project):
    project.write("@pytest.mark.vcr\ndef test_chat(): ask('hi')")
    project.hits("--record-mode=once", passed=1)
    assert all(b"test-key" not in content for content in project.files().values())


def test_a_run_without_a_vcr_test_imports_nothing_heavy(project):
    project.write("")
    (project.path / "test_chat.py").write_text(
        "import sys\n"
        "def test_imports():\n"
        "    heavy = {'openai', 'vcr', 'yaml', 'pydantic', 'httpx', 'httpx2'}\n"
        "    assert not heavy & set(sys.modules)\n"
        "    assert 'hashtape.pytest_plugin' in sys.modules\n"
    )
    project.run_apart("-pno:anyio", "-pno:xdist").assert_outcomes(passed=1)


def test_without_pytest_recording_the_plugin_does_no_harm(project):
    project.write("def test_nothing(): pass")
    project.run("-pno:recording").assert_outcomes(passed=1)


def test_response_headers_can_be_asked_for(project):
    project.ini("hashtape_response_headers = X-Request-Id X-Other")
    project.server.script(
        Reply(
            body=b"{}", headers={"content-type": "application/json", "X-Request-ID": "req_1", "date": "now"}
        )
    )
    project.write(
        """
        import httpx
        @pytest.mark.vcr
        def test_chat():
            response = httpx.get(os.environ["LOOPBACK"] + "/thing")
            assert response.headers["x-request-id"] == "req_1"
        """
    )
    project.hits("--record-mode=once", passed=1)
    assert project.recordings()[0]["response"]["headers"] == {"x-request-id": "req_1"}
    assert project.hits(passed=1) == 0


def test_a_rerun_of_a_failed_test_in_one_session_plays_what_was_recorded(project):
    project.write("@pytest.mark.vcr\ndef test_chat(): assert ask('hi') == 'answer 1 to hi'")
    assert project.hits("--record-mode=once", passed=1) == 1
    assert project.hits("--record-mode=once", passed=1) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="the root user has no such limits either")
def test_a_cassette_path_that_is_a_file_is_an_error_that_names_it(project):
    project.write("@pytest.mark.vcr\ndef test_chat(): ask('hi')")
    project.cassette().parent.mkdir(parents=True)
    project.cassette().write_text("in the way")
    result = project.run("--record-mode=once")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["*CassetteDirectoryError: *test_chat*expected a directory of recordings, got a file*"]
    )
    assert project.server.hits == 0


def test_a_cookie_is_not_stored_even_if_asked_for(project):
    project.ini("hashtape_response_headers = set-cookie")
    headers = {"content-type": "application/json", "Set-Cookie": "session=very-secret"}
    project.server.script(Reply(body=b"{}", headers=headers))
    project.write(
        """
        import httpx
        @pytest.mark.vcr
        def test_chat():
            with httpx.Client() as client:
                client.get(os.environ["LOOPBACK"] + "/thing")
                assert client.cookies.get("session") == (None if os.environ.get("REPLAY") else "very-secret")
        """
    )
    project.hits("--record-mode=once", passed=1)
    assert all(b"very-secret" not in content for content in project.files().values())


def test_a_renamed_test_is_told_whose_recordings_are_there(project):
    path = project.write("@pytest.mark.vcr\ndef test_chat(): ask('hi')")
    project.hits("--record-mode=once", passed=1)
    project.edit(path, "def test_chat", "def test_talk")
    project.cassette("test_chat").rename(project.cassette("test_talk"))
    result = project.run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*if it was renamed to this one: hashtape mv test_chat.py::test_chat test_chat.py::test_talk*"]
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only for root")
def test_a_read_only_directory_fails_before_the_request_is_sent(project):
    project.write("@pytest.mark.vcr\ndef test_chat(): ask('hi')")
    project.cassette().mkdir(parents=True)
    project.cassette().chmod(0o500)
    assert project.hits("--record-mode=once", failed=1) == 0


def test_a_file_in_the_way_of_the_directory_is_named(project):
    project.write("@pytest.mark.vcr\ndef test_chat(): ask('hi')")
    (project.path / "cassettes").write_text("in the way")
    result = project.run("--record-mode=once")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["*CassetteDirectoryError: *got a file (at *cassettes). Move it out of the way: mv *"]
    )
