"""The beginning of a recording file, read without its answers."""

from __future__ import annotations

import pytest

from hashtape.recording import UNSET, Answer, HttpRequest, Recording
from hashtape.recording_dir import RecordingDir
from hashtape.recording_head import read_head

REQUEST = HttpRequest("GET", 'https://h/"}, "response": {é', {"a": [1]}, "t")


def text(test_id="t::a", **options):
    return Recording(test_id, REQUEST, Answer("x" * 50_000), **options).to_text().encode()


@pytest.mark.parametrize("test_id", ["t::a", None, UNSET, 'odd "\\ ] é'])
def test_it_says_whose_the_recording_is_and_what_was_asked(test_id):
    assert read_head(text(test_id)) == (test_id, REQUEST)


def test_what_is_behind_the_request_need_not_be_there():
    data = text()
    end = data.index(b'"response": {\n')
    assert read_head(data[:end]) == ("t::a", REQUEST)
    assert read_head(data[: end - 20]) is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"garbage",
        b'{"request": 1}',
        b'{"request": {"method": 1, "url": 2}}',
        b'{"request": {' + b"[" * 9,
    ],
    ids=["empty", "object", "garbage", "no request", "wrong kinds", "cut"],
)
def test_anything_else_has_none(data):
    assert read_head(data) is None


def test_of_a_directory_each_recording_has_one_in_whatever_order_its_keys_are(tmp_path):
    (tmp_path / "a.json").write_bytes(text())
    (tmp_path / "b.json").write_text('{"response": {"body": 1}, "request": {"method": "GET", "url": "u"}}')
    (tmp_path / "c.json").write_text("garbage")
    (tmp_path / "d.json").write_bytes(
        Recording(None, HttpRequest("PUT", "u", "y" * 50_000), Answer(1)).to_text().encode()
    )
    found = {
        path.stem: (head.test_id, head.request.to_json()["method"])
        for path, head in RecordingDir(tmp_path).heads()
    }
    assert found == {"a": ("t::a", "GET"), "b": (UNSET, "GET"), "d": (None, "PUT")}
