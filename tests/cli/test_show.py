from __future__ import annotations

import json
import shlex

import pytest
from click.testing import CliRunner
from exchanges import CHAT_URL, STREAMS, chat, completion, store

import providers
from hashtape.cli import cli
from hashtape.recording import Answer, Recording
from hashtape.recording_dir import RecordingDir
from loopback import Reply


def text(content, status=200):
    return Reply(status, content.encode(), {"content-type": "text/plain; charset=utf-8"})


@pytest.fixture
def show(tmp_path, monkeypatch):
    """Run `hashtape show` in a project whose recordings are in ./cassettes."""
    monkeypatch.chdir(tmp_path)

    def run(*args, code=0):
        result = CliRunner().invoke(cli, ["show", *map(str, args)])
        assert result.exit_code == code, result.output
        return result.output

    return run


@pytest.mark.parametrize("provider", STREAMS)
def test_a_stream_reads_as_what_was_said(show, tmp_path, provider):
    url, body, reply = STREAMS[provider]
    path = store(tmp_path / "cassettes", reply, url=url, body=body)
    shown = show(path.stem[:8])
    asked, answer = shown.split("── answer")
    assert "── user ──\nSalut\n" in asked
    assert "\nBonjour\n" in answer
    assert '→ weather({"city": "Paris"})' in answer
    assert "tokens: 11 in, 7 out" in answer


def test_a_conversation_shows_roles_calls_results_and_pictures(show, tmp_path):
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"at":"sky"}'}}
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 4000}}
    body = {
        "model": "gpt-4o",
        "temperature": 0,
        "tools": [{"type": "function", "function": {"name": "look", "parameters": {}}}],
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "What is it?"}, picture]},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c1", "content": "blue"},
        ],
    }
    shown = show(store(tmp_path / "cassettes", completion("The sky."), body=body))
    assert "settings: temperature=0\ntools: look\n" in shown
    assert "── system ──\nBe brief.\n" in shown
    assert "── user ──\nWhat is it?\n[image, image/png, 3.0 kB]\n" in shown
    assert '── assistant ──\n→ look({"at":"sky"})  [c1]\n' in shown
    assert "── tool ──\n← result  [c1]: blue\n" in shown
    assert shown.endswith("── answer ──\nThe sky.\n\ntokens: 3 in, 4 out; finish: stop\n")


def test_every_answer_to_a_request_is_shown(show, tmp_path):
    limit = providers.whole({"error": {"type": "rate_limit", "message": "slow down"}}, 429)
    shown = show(store(tmp_path / "cassettes", limit, completion("Hello")))
    assert "── answer 1 of 2, status 429 ──\nerror: rate_limit: slow down\n" in shown
    assert "── answer 2 of 2 ──\nHello\n" in shown


def test_a_stream_that_broke_off_says_so(show, tmp_path):
    path = store(tmp_path / "cassettes", STREAMS["openai-chat"][2])
    place = RecordingDir(path.parent)
    whole = place.read(path)
    failure = {"category": "transport", "type": "ReadError", "message": "connection reset"}
    cut = Answer(whole.response.body[:2], is_streaming=True, is_exception=True, exception_data=failure)
    place.write(path, Recording(whole.test_id, whole.request, cut))
    answer = show(path).split("── answer")[1]
    assert answer.startswith(", 2 chunks ──\nBon\nerror: the stream broke off: connection reset\n")


def test_what_is_no_conversation_is_shown_as_json(show, tmp_path):
    url, reply = "https://cars.example/api/search", providers.whole({"cars": ["2CV"]})
    shown = show(store(tmp_path / "cassettes", reply, url=url, body={"brand": "Citroën"}))
    assert shown.startswith(f"POST {url}\n")
    assert '"brand": "Citroën"' in shown
    assert '"cars": [\n    "2CV"\n  ]' in shown


@pytest.mark.parametrize("url", ["https://files.example/v1/files/file-1/content", CHAT_URL])
def test_an_answer_that_is_text_is_shown_as_text(show, tmp_path, url):
    path = store(tmp_path / "cassettes", text("block 0\nblock 1\n"), url=url)
    assert show(path).endswith("── answer ──\nblock 0\nblock 1\n")
    (answer,) = json.loads(show("--json", path))["answers"]
    parts = [{"kind": "text", "text": "block 0\nblock 1\n"}]
    assert (answer["turns"], answer["error"]) == ([{"role": "assistant", "parts": parts}], None)


def test_an_error_that_is_text_is_shown_as_the_error(show, tmp_path):
    path = store(tmp_path / "cassettes", text("<html>Gateway Time-out</html>\n", 504))
    assert show(path).endswith("── answer, status 504 ──\nerror: <html>Gateway Time-out</html>\n")
    (answer,) = json.loads(show("--json", path))["answers"]
    assert (answer["turns"], answer["error"]) == ([], "<html>Gateway Time-out</html>")


@pytest.mark.parametrize("status", [200, 502])
def test_of_a_long_text_the_beginning_is_shown(show, tmp_path, status):
    lines = "\n".join(f"line {number}" for number in range(1000))
    shown = show(store(tmp_path / "cassettes", text(lines, status)))
    assert "line 59\n[… 940 more lines: --raw shows all]\n" in shown
    assert "line 60" not in shown


@pytest.mark.parametrize(
    ("reply", "shown"),
    [
        (text("", 204), "── answer, status 204 ──\n[empty]\n"),
        (text("", 500), "── answer, status 500 ──\n[empty]\n"),
        (providers.whole(["2CV", "DS"]), '── answer ──\n[\n  "2CV",\n  "DS"\n]\n'),
        (providers.whole({"choices": []}), '"choices": []\n  }\n}\n'),
    ],
    ids=["no content", "an error without a word", "a list of texts", "a chat without a choice"],
)
def test_no_answer_is_shown_as_nothing_at_all(show, tmp_path, reply, shown):
    assert show(store(tmp_path / "cassettes", reply)).endswith(shown)


def test_of_a_picture_the_size_is_shown(show, tmp_path):
    picture = Reply(body=b"\x89PNG\xff" * 300, headers={"content-type": "image/png"})
    assert show(store(tmp_path / "cassettes", picture)).endswith(
        "── answer ──\n[1.5 kB that are no text: --raw shows them in base64]\n"
    )


def test_raw_is_the_file(show, tmp_path):
    path = store(tmp_path / "cassettes", completion("Hello"))
    assert show("--raw", path) == path.read_text(encoding="utf-8")


def test_json_has_the_same_for_machines(show, tmp_path):
    url, body, reply = STREAMS["anthropic"]
    found = json.loads(show("--json", store(tmp_path / "cassettes", reply, url=url, body=body)))
    assert found["turns"] == [{"role": "user", "parts": [{"kind": "text", "text": "Salut"}]}]
    (answer,) = found["answers"]
    assert answer["usage"] == {"input": 11, "output": 7}
    assert answer["turns"][0]["parts"][1] == {
        "kind": "tool call",
        "text": '{"city": "Paris"}',
        "name": "weather",
        "call_id": "c1",
    }


# --- curl ------------------------------------------------------------------------------------------------


def test_curl_sends_the_recorded_request_to_where_it_went(show, tmp_path):
    body = chat("It's $HOME", stream=True)
    path = store(tmp_path / "cassettes", STREAMS["openai-chat"][2], body=body)
    words = shlex.split(show("--curl", path))
    assert words[:3] == ["curl", "-N", CHAT_URL]
    assert words[words.index("-H") + 1] == "Authorization: Bearer $OPENAI_API_KEY"
    assert json.loads(words[words.index("--data-raw") + 1]) == body


@pytest.mark.parametrize(
    ("provider", "header"),
    [("anthropic", "x-api-key: $ANTHROPIC_API_KEY"), ("gemini", "x-goog-api-key: $GEMINI_API_KEY")],
)
def test_curl_names_the_key_of_each_provider_and_never_has_one(show, tmp_path, monkeypatch, provider, header):
    monkeypatch.setenv(header.partition("$")[2], "planted-secret-9d8f7a6b5c4d")
    url, body, reply = STREAMS[provider]
    command = show("--curl", store(tmp_path / "cassettes", reply, url=url, body=body))
    assert f'-H "{header}"' in command
    assert "planted-secret" not in command


def test_curl_needs_no_key_on_this_machine(show, tmp_path):
    url, body, reply = STREAMS["ollama"]
    command = show("--curl", store(tmp_path / "cassettes", reply, url=url, body=body))
    assert command.startswith(f"curl -N {url} \\\n")
    assert "$" not in command


# --- Finding one -----------------------------------------------------------------------------------------


def test_an_id_that_fits_two_recordings_names_both(show, tmp_path):
    first = store(tmp_path / "a" / "cassettes", completion("Hello"))
    second = store(tmp_path / "b" / "cassettes", completion("Hello"))
    said = show(first.stem[:8], code=2)
    assert "expected one recording, got 2" in said
    assert str(first.relative_to(tmp_path)) in said
    assert str(second.relative_to(tmp_path)) in said
    assert "Hello" in show(first.stem[:8], "--dir", "a")


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("0123abcd", "expected a recording with this id below the current directory, got none"),
        ("0123abc", "expected a file, or at least 8 digits of an id"),
        ("broken.json", "broken.json: expected a recording"),
    ],
    ids=["unknown", "too short", "broken"],
)
def test_what_cannot_be_shown_is_one_sentence(show, tmp_path, reference, message):
    (tmp_path / "cassettes").mkdir()
    (tmp_path / "broken.json").write_text("{")
    said = show(reference, code=2)
    assert message in said
    assert said.count("\n") == 1


def test_what_a_stranger_recorded_does_not_reach_the_terminal_as_commands(show, tmp_path):
    path = store(tmp_path / "cassettes", completion("\x1b]0;owned\x07 café \u202e half"))
    path.write_text(path.read_text().replace("half", "\\ud83d"))
    shown = show(path)
    assert "\\x1b]0;owned\\x07 café \\u202e \\ud83d\n" in shown
    assert "\x1b" not in shown


@pytest.mark.parametrize("name", ["x.json", "x.yaml"])
def test_a_cassette_of_vcrpy_is_called_that(show, tmp_path, name):
    (tmp_path / name).write_text(
        '{"version": 1, "interactions": []}' if name == "x.json" else "interactions: []\nversion: 1\n"
    )
    shown = show(name, code=2)
    assert shown == (
        f"Error: {name}: expected a recording, got a cassette of vcrpy. Convert it: hashtape convert {name}\n"
    )


@pytest.mark.parametrize(
    ("name", "content", "got"),
    [
        ("notes.txt", "dear diary", "a text that is not"),
        ("package.json", '{"name": "x"}', "got"),
        ("list.json", "[1, 2]", "got"),
        ("26e569a66dd1b1669a268511.json", '{"name": "x"}', "got"),
    ],
)
def test_what_never_was_a_recording_is_not_to_be_deleted(show, tmp_path, name, content, got):
    (tmp_path / name).write_text(content)
    shown = show(name, code=2)
    assert shown.startswith(f"Error: {name}: expected a recording")
    assert got in shown
    assert "delete" not in shown
    assert "record-mode" not in shown


def test_a_recording_that_was_cut_off_is_to_be_restored(show, tmp_path):
    path = store(tmp_path / "cassettes", completion("Hello"))
    path.write_text(path.read_text()[:-40])
    assert "Restore it from version control" in show(path, code=2)
