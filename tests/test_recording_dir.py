import errno
import hashlib
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from hashtape.errors import CassetteDirectoryError, HashtapeError, RecordingFileError
from hashtape.model_list import digest_of, stored_ids
from hashtape.recording import Answer, HttpRequest, InferenceRequest, Recording, Unset
from hashtape.recording_dir import RecordingDir
from hashtape.request_id import WireRequest, id_of, recorded_form
from hashtape.wire_form import wire_forms

SEED_ID = "26e569a66dd1b1669a26851179956ffca286bd5f6874f975f6b369bf6bbcc521"
CASSETTES = RecordingDir(Path(__file__).parent.parent / "cassettes")
TEST_ID = "tests/test_chat.py::test_hello"
CHAT = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}
CHAT_URL = "https://api.openai.com/v1/v1/chat/completions"
WIRE = WireRequest("POST", "https://api.openai.com/v1/chat/completions", json.dumps(CHAT).encode())
FORMS = wire_forms(recorded_form(WIRE, TEST_ID))
AS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0

needs_permissions = pytest.mark.skipif(AS_ROOT, reason="root may do everything")


@contextmanager
def forbidden(path, mode=0):
    before = path.stat().st_mode
    path.chmod(mode)
    try:
        yield
    finally:
        path.chmod(before)


@pytest.fixture
def directory(tmp_path):
    return RecordingDir(tmp_path)


def chat(answer="hello", body=CHAT, test_id=TEST_ID, url=CHAT_URL):
    request = InferenceRequest("POST", url, body, "/v1/chat/completions", "gpt-4o")
    return Recording(test_id, request, Answer(answer))


def model_list(*models, url="http://localhost:8080/v1/models"):
    entries = [{"__type__": "openai.types.model.Model", "__data__": {"id": m}} for m in models]
    return Recording(None, InferenceRequest("POST", url, {}, "/v1/models"), Answer(entries))


def equal_files(directory, test_ids, broken):
    index = directory.index(test_ids, broken)
    return sorted({path for form in FORMS for path in index.get(form, [])})


def names(directory):
    return sorted(path.name for path in directory.path.iterdir())


def put(directory, name, recording):
    path = directory.path / name
    path.write_text(recording.to_text(), encoding="utf-8")
    return path


# --- Finding by id --------------------------------------------------------------------------------------


def test_the_seed_is_found_by_the_id_of_its_request():
    found = CASSETTES.find([SEED_ID])
    assert found.paths == [CASSETTES.path / f"{SEED_ID}.json"]
    assert id_of(found.recording.request, found.recording.test_id) == SEED_ID


def test_the_first_id_that_there_is_counts_and_no_more_are_asked_for(directory):
    put(directory, "b.json", chat("b"))
    put(directory, "c.json", chat("c"))

    def ids():
        yield from "ab"
        pytest.fail("one id more than needed")

    assert directory.find(ids()).recording.response.body == "b"


def test_finding_by_id_reads_no_other_file(directory):
    put(directory, "a.json", chat("a"))
    (directory.path / "b.json").write_text("no recording")
    assert directory.find(["a"]).recording.response.body == "a"


@pytest.mark.parametrize("is_there", [True, False], ids=["empty", "no-directory"])
def test_nothing_is_found_where_nothing_is(tmp_path, is_there):
    directory = RecordingDir(tmp_path if is_there else tmp_path / "missing")
    assert directory.find(["a"], is_model_list=True) is None
    assert directory.files() == []
    assert directory.is_empty()
    assert list(directory.scan(None, {})) == []
    directory.check()


def test_a_path_may_be_given_as_text(tmp_path):
    assert RecordingDir(str(tmp_path)).path == tmp_path


# --- Model lists ----------------------------------------------------------------------------------------


def test_a_model_list_is_named_by_its_id_and_a_digest_of_its_models(directory):
    digest = hashlib.sha256(b"a|b").hexdigest()[:8]
    assert digest_of(["b", "a", "b"]) == digest
    assert directory.file_for("id", model_list("b", "a")).name == f"models-id-{digest}.json"


@pytest.mark.parametrize(
    "recording",
    [
        chat(),
        Recording(None, HttpRequest("GET", "http://h/models?a=1", None), model_list("a").response),
        Recording(None, model_list().request, Answer({"error": {}}, status=500)),
        Recording(None, model_list().request, Answer([{"id": "a"}])),
        Recording(None, chat().request, model_list("a").response),
    ],
    ids=["chat", "http", "error", "other-list", "models-from-elsewhere"],
)
def test_every_other_recording_is_named_by_its_id(directory, recording):
    assert directory.file_for("id", recording).name == "id.json"


def test_several_lists_for_one_id_are_played_as_their_union_by_model(directory):
    for recording in (model_list("c", "a"), model_list("b", "a")):
        directory.write(directory.file_for("id", recording), recording)
    directory.write(directory.file_for("other", model_list("z")), model_list("z"))
    found = directory.find(["id"], is_model_list=True)
    assert stored_ids(found.recording.response.body) == ["a", "b", "c"]
    assert sorted(found.paths) == [path for path in directory.files() if "-id-" in path.name]


def test_what_is_no_model_list_has_no_part_in_the_union(directory):
    directory.write(directory.path / "models-id-1.json", model_list("b"))
    directory.write(directory.path / "models-id-2.json", chat("no list"))
    directory.write(directory.path / "models-id-3.json", model_list("a"))
    assert stored_ids(directory.find(["id"], is_model_list=True).recording.response.body) == ["a", "b"]


def test_one_list_for_an_id_is_played_as_it_is(directory):
    recording = model_list("c", "a", "b")
    directory.write(directory.file_for("id", recording), recording)
    assert directory.find(["x", "id"], is_model_list=True).recording == recording
    assert directory.find(["id"]) is None


# --- Finding by content ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "recording"),
    [
        ("0123456789ab.json", chat(test_id=TEST_ID)),
        (f"{'0' * 64}.json", chat()),
        ("extra.json", chat(body={"model": "gpt-4o", "extra_body": {"messages": CHAT["messages"]}})),
        ("chat-as-completions.json", chat(url="https://api.openai.com/v1/v1/completions")),
    ],
    ids=["twelve-digits", "stale", "extra_body", "old-operation"],
)
def test_a_recording_of_the_same_call_is_found_under_any_name(directory, name, recording):
    put(directory, "other.json", chat(body=CHAT | {"seed": 1}))
    path = put(directory, name, recording)
    broken = {}
    assert equal_files(directory, {TEST_ID}, broken) == [path]
    assert broken == {}


def test_an_old_file_without_a_test_id_is_anybodys(directory):
    data = chat().to_json()
    del data["test_id"]
    path = put(directory, "0123456789ab.json", Recording.from_json(data))
    assert isinstance(directory.test_id_of(path), Unset)
    assert directory.belongs(path, {"any"})
    assert equal_files(directory, {"any"}, {}) == [path]


def test_a_recording_of_another_test_is_not_found_unless_all_tests_count(directory):
    put(directory, "a.json", chat(test_id="other"))
    put(directory, "b.json", chat(test_id=None))
    assert equal_files(directory, {TEST_ID}, {}) == []
    assert equal_files(directory, {TEST_ID, None}, {}) == [directory.path / "b.json"]
    assert equal_files(directory, None, {}) == directory.files()


@pytest.mark.parametrize(
    "test_id", [TEST_ID, None, 'q"\\\n[é🙂]', "x" * 10_000, "half \ud83d", ""], ids=lambda v: repr(v)[:12]
)
def test_the_test_id_of_a_file_is_known(directory, test_id):
    path = put(directory, "a.json", chat(test_id=test_id))
    assert directory.test_id_of(path) == test_id
    assert directory.belongs(path, {test_id})
    assert not directory.belongs(path, {"other"})


def test_the_test_id_is_known_wherever_it_stands(directory):
    data = chat().to_json()
    (directory.path / "a.json").write_text(json.dumps(dict(reversed(data.items()))))
    assert directory.test_id_of(directory.path / "a.json") == TEST_ID


def test_the_test_id_is_known_without_reading_the_file_to_its_end(directory):
    (directory.path / "a.json").write_text(chat(answer="x" * 10_000).to_text()[:6000])
    assert directory.test_id_of(directory.path / "a.json") == TEST_ID


def test_a_file_that_is_gone_belongs_to_nobody(directory):
    assert not directory.belongs(directory.path / "gone.json", {TEST_ID})


def test_only_visible_json_files_are_recordings(directory):
    for name in ("b.json", "a.json", ".a.json.1.tmp", ".hidden.json", "notes.txt", "a.json.bak"):
        (directory.path / name).touch()
    assert [path.name for path in directory.files()] == ["a.json", "b.json"]
    assert not directory.is_empty()


def test_a_directory_without_recordings_is_empty_whatever_else_is_in_it(directory):
    for name in (".a.json.1.tmp", ".hidden.json", "notes.txt"):
        (directory.path / name).touch()
    assert directory.is_empty()


# --- Broken files ---------------------------------------------------------------------------------------

HEAD = b'{"test_id": "' + TEST_ID.encode() + b'", "request": '
NESTED = chat(body=CHAT | {"x": 0}).to_text().replace('"x": 0', '"x": ' + "[" * 600 + "]" * 600).encode()
BROKEN = {
    "empty": b"",
    "cut-off": chat().to_text().encode()[:-30],
    "list": b"[]",
    "merge-conflict": b"<<<<<<< HEAD\n" + chat().to_text().encode(),
    "binary": bytes(range(256)),
    "request-missing": b'{"test_id": "' + TEST_ID.encode() + b'"}',
    "request-broken": HEAD + b'[], "response": {"body": ""}}',
    "escape-in-the-test-id": b'{"test_id": "a\\qb", "request": {}}',
    "line-break-in-the-test-id": b'{"test_id": "a\nb", "request": {}}',
    "test-id-in-latin-1": b'{"test_id": "\xe9", "request": {}}',
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_an_error_that_names_it(directory, content):
    path = directory.path / "a.json"
    path.write_bytes(content)
    for use in (directory.read, lambda _: directory.find(["a"])):
        with pytest.raises(RecordingFileError) as caught:
            use(path)
        error = caught.value
        assert isinstance(error, HashtapeError)
        assert error.path == path
        assert str(error) == f"{path}: expected {error.expected}, got {error.got}. {error.mend}"
        assert error.expected.startswith(("a recording", "an object under 'request'"))
        assert "pytest --record-mode=new_episodes" in error.mend


def test_an_error_may_bring_its_own_mend():
    error = RecordingFileError(Path("a.json"), "a recording", "a list", "Run x.")
    assert str(error) == f"{Path('a.json')}: expected a recording, got a list. Run x."


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_broken_file_belongs_to_somebody_and_does_not_stop_the_others(directory, content):
    broken_path, path = directory.path / "a.json", put(directory, "b.json", chat())
    broken_path.write_bytes(content)
    assert directory.belongs(broken_path, {TEST_ID})
    broken = {}
    assert equal_files(directory, {TEST_ID}, broken) == [path]
    assert list(broken) == [broken_path]
    assert isinstance(broken[broken_path], RecordingFileError)


@pytest.mark.parametrize(
    "content",
    [
        NESTED,
        NESTED.replace(b'"id_normalization_mapping": {}', b'"id_normalization_mapping": {"a": "b"}'),
        chat(url="http://[/v1/chat/completions").to_text().encode(),
    ],
    ids=["nested-deeply", "nested-deeply-with-a-mapping", "url-that-is-none"],
)
def test_an_odd_file_does_not_stop_the_others(directory, content):
    (directory.path / "a.json").write_bytes(content)
    path = put(directory, "b.json", chat())
    assert path in equal_files(directory, {TEST_ID}, {})


def test_a_broken_file_of_another_test_is_nobodys_concern(directory):
    (directory.path / "a.json").write_bytes(HEAD.replace(TEST_ID.encode(), b"other"))
    broken = {}
    assert list(directory.scan({TEST_ID}, broken)) == []
    assert broken == {}


def test_a_broken_model_list_is_an_error_that_names_it(directory):
    path = directory.path / "models-id-01234567.json"
    path.write_text("[]")
    with pytest.raises(RecordingFileError, match=path.name):
        directory.find(["id"], is_model_list=True)


def test_a_directory_in_the_place_of_a_file_is_an_error_that_names_it(directory):
    (directory.path / "a.json").mkdir()
    with pytest.raises(RecordingFileError, match="cannot be read") as caught:
        directory.find(["a"])
    assert caught.value.path == directory.path / "a.json"
    broken = {}
    assert list(directory.scan({TEST_ID}, broken)) == []
    assert list(broken) == [directory.path / "a.json"]


@needs_permissions
def test_a_file_that_may_not_be_read_is_an_error_that_names_it(directory):
    path = put(directory, "a.json", chat())
    for use in (directory.read, directory.test_id_of, lambda _: directory.find(["a"])):
        with forbidden(path), pytest.raises(RecordingFileError, match=os.strerror(errno.EACCES)) as caught:
            use(path)
        assert caught.value.path == path


def test_a_missing_file_is_missing_and_not_broken(directory):
    with pytest.raises(FileNotFoundError):
        directory.read(directory.path / "a.json")
    with pytest.raises(FileNotFoundError):
        directory.test_id_of(directory.path / "a.json")


@pytest.mark.parametrize("use", ["check", "files", "is_empty", "make", "find"])
def test_a_file_in_the_place_of_the_directory_is_an_error_that_names_it(tmp_path, use):
    path = tmp_path / "cassette"
    path.write_text("")
    directory = RecordingDir(path)
    arguments = [["a"]] if use == "find" else []
    with pytest.raises(CassetteDirectoryError, match=str(path)):
        getattr(directory, use)(*arguments)


@needs_permissions
def test_a_directory_that_may_not_be_listed_is_an_error_that_names_it(tmp_path):
    directory = RecordingDir(tmp_path / "cassette")
    directory.make()
    with forbidden(directory.path), pytest.raises(CassetteDirectoryError, match="cannot be listed"):
        directory.files()


# --- Writing --------------------------------------------------------------------------------------------


def test_what_is_written_is_found_again(directory):
    recording = chat(answer="naïve \ud83d")
    path = directory.file_for("id", recording)
    directory.write(path, recording)
    assert path.read_text(encoding="utf-8") == recording.to_text()
    assert directory.find(["id"]).recording == recording
    assert names(directory) == ["id.json"]


def test_a_file_with_the_same_text_is_not_touched(directory):
    path = put(directory, "a.json", chat())
    os.utime(path, ns=(10**18, 10**18))
    before = path.stat()
    directory.write(path, chat())
    assert path.stat().st_mtime_ns == 10**18
    assert path.stat().st_ino == before.st_ino


def test_a_file_with_another_text_is_replaced(directory):
    path = put(directory, "a.json", chat("old, and longer than the new one"))
    directory.write(path, chat("new"))
    assert directory.read(path) == chat("new")
    assert names(directory) == ["a.json"]


@pytest.mark.parametrize("name", ["a.json", f"{'models-' + '0' * 64}-01234567.json"])
def test_a_write_that_fails_names_the_file_and_leaves_nothing_behind(directory, name):
    (directory.path / name / "kept").mkdir(parents=True)
    with pytest.raises(CassetteDirectoryError, match=name):
        directory.write(directory.path / name, chat())
    assert names(directory) == [name]
    assert (directory.path / name / "kept").is_dir()


def test_a_reader_never_sees_half_a_file(directory):
    path = put(directory, "a.json", chat("0" * 100_000))

    def write(digit):
        for _ in range(10):
            directory.write(path, chat(digit * 100_000))

    with ThreadPoolExecutor(3) as pool:
        writers = [pool.submit(write, digit) for digit in "123"]
        while not all(writer.done() for writer in writers):
            assert len(set(directory.read(path).response.body)) == 1
            time.sleep(0.0005)  # a thread that only reads can keep the others from running at all
    for writer in writers:
        writer.result()
    assert names(directory) == ["a.json"]


def test_writing_where_no_directory_is_makes_it(tmp_path):
    directory = RecordingDir(tmp_path / "missing" / "calls")
    directory.write(directory.path / "a.json", chat())
    assert directory.read(directory.path / "a.json") == chat()


@needs_permissions
def test_writing_where_it_is_not_allowed_is_an_error_that_names_the_file(directory):
    denied = pytest.raises(CassetteDirectoryError, match=os.strerror(errno.EACCES))
    with forbidden(directory.path, 0o500), denied:
        directory.write(directory.path / "a.json", chat())
    assert names(directory) == []


def test_the_directory_is_made_when_it_is_not_there_and_taken_back_when_empty(tmp_path):
    directory = RecordingDir(tmp_path / "a" / "b")
    assert directory.make() is True
    assert directory.make() is False
    assert directory.path.is_dir()
    directory.remove_if_empty()
    assert not directory.path.exists()
    directory.remove_if_empty()


def test_a_directory_with_a_recording_is_not_taken_back(directory):
    put(directory, "a.json", chat())
    directory.remove_if_empty()
    assert names(directory) == ["a.json"]


def test_a_directory_that_cannot_be_made_is_an_error_that_names_it(tmp_path):
    (tmp_path / "file").write_text("")
    directory = RecordingDir(tmp_path / "file" / "cassette")
    with pytest.raises(CassetteDirectoryError, match=str(directory.path)):
        directory.make()


def test_a_deleted_recording_is_gone_and_may_be_deleted_again(directory):
    path = put(directory, "a.json", chat())
    directory.delete(path)
    directory.delete(path)
    assert names(directory) == []


def test_what_cannot_be_deleted_is_an_error_that_names_it(directory):
    (directory.path / "a.json").mkdir()
    with pytest.raises(CassetteDirectoryError, match=r"a\.json.*delete"):
        directory.delete(directory.path / "a.json")


# --- Two writers ----------------------------------------------------------------------------------------


def never(theirs):
    pytest.fail("nobody else was there")


def test_a_file_that_is_as_it_was_known_is_replaced(directory):
    path = directory.path / "a.json"
    first = directory.update(path, chat("first"), None, never)
    second = directory.update(path, chat("second"), first, never)
    assert directory.read(path) == chat("second")
    assert directory.update(path, None, second, never) is None
    assert names(directory) == []


@pytest.mark.parametrize("is_known", [True, False], ids=["changed", "new"])
def test_what_another_writer_left_is_changed_and_not_replaced(directory, is_known):
    path = directory.path / "a.json"
    known = directory.update(path, chat("known"), None, never) if is_known else None
    RecordingDir(directory.path).write(path, chat("theirs"))

    def add(theirs):
        theirs.later_responses.append(Answer("ours"))
        return theirs

    assert directory.update(path, chat("ours"), known, add) is None
    assert [answer.body for answer in directory.read(path).answers] == ["theirs", "ours"]
    assert directory.update(path, None, known, lambda _: None) is None
    assert names(directory) == []


def test_what_another_writer_left_is_not_touched_when_it_is_no_recording(directory):
    path = directory.path / "a.json"
    path.write_text("<<<<<<< HEAD")
    with pytest.raises(RecordingFileError):
        directory.update(path, chat("ours"), None, never)
    assert path.read_text() == "<<<<<<< HEAD"


def test_a_file_that_is_gone_is_written_again(directory):
    path = directory.path / "a.json"
    known = directory.update(path, chat("known"), None, never)
    path.unlink()
    assert directory.update(path, chat("ours"), known, never) is not None
    assert directory.read(path) == chat("ours")


def test_the_stamps_say_which_files_were_written_since(directory):
    for name in ("a.json", "b.json"):
        directory.write(directory.path / name, chat())
    before = directory.stamps()
    assert before == {
        path.name: stamp for found in directory.scan(None, {}) for path, stamp in found.stamps.items()
    }
    directory.write(directory.path / "b.json", chat("another"))
    directory.write(directory.path / "c.json", chat())
    after = directory.stamps()
    assert {name for name in after if after[name] != before.get(name)} == {"b.json", "c.json"}
