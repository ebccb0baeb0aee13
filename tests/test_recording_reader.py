"""A long file is read piece by piece, and is what it would be if it were read at once."""

from __future__ import annotations

import pytest

from hashtape.codecs.packed import PackedList
from hashtape.errors import RecordingFileError
from hashtape.recording import Answer, HttpRequest, Recording
from hashtape.recording_reader import read_recording

CHUNK = {"__type__": "a.Chunk", "__data__": {"text": "wörd 😀 " * 60, "n": 1.5}}


@pytest.fixture(scope="module")
def recording():
    answers = [
        Answer([{**CHUNK, "number": n} for n in range(first, first + 4_000)], True) for first in (0, 9)
    ]
    return Recording("test_it", HttpRequest("POST", "https://cars.example/", {}), answers[0], answers[1:])


@pytest.fixture(scope="module")
def text(recording):
    return recording.to_text()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.json"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_long_file_is_what_it_would_be_if_it_were_read_at_once(path, recording, text, encoding):
    path.write_text(text, encoding=encoding)
    read, stamp = read_recording(path)
    assert read == recording
    assert stamp.size == path.stat().st_size > 4_000_000
    assert read.to_text() == text
    assert all(isinstance(answer.body, PackedList) for answer in read.answers) is (encoding == "utf-8")


def test_ids_are_normalised_in_a_long_file_too(path, text):
    empty, full = '"id_normalization_mapping": {}', '"id_normalization_mapping": {"rec-1": "wörd"}'
    path.write_text(text.replace(empty, full), encoding="utf-8")
    read, _ = read_recording(path)
    assert read.response.body[0]["__data__"]["text"].startswith("rec-1 😀")


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('"id_normalization_mapping": {}\n}', '"id_normalization_mapping": {}', "a text that is not"),
        ('"is_streaming": true\n', '"is_streaming": true,\n', "a text that is not"),
        ('"is_streaming": true', '"is_streaming": 1', "expected a boolean under 'response.is_streaming'"),
        ('"test_id": "test_it"', '"test_id": ' + "[" * 500 + "]" * 500, "JSON nested too deeply"),
    ],
    ids=["cut", "damaged", "wrong", "deep"],
)
def test_what_is_wrong_with_a_long_file_is_said_as_of_a_short_one(path, text, old, new, problem):
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(RecordingFileError, match=problem):
        read_recording(path)
