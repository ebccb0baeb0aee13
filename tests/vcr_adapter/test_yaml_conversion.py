"""One cassette of vcrpy into recordings and back: what is read, what is kept, what is compared."""

from __future__ import annotations

import gzip
import json

import httpx
import pytest
import vcr
import yaml

import hashtape
from hashtape.errors import RecordingFileError
from hashtape.vcr_adapter.yaml_cassettes import CassetteFileError, is_vcr_cassette, read_cassette
from hashtape.vcr_adapter.yaml_conversion import Converter, yaml_of

CHAT = "https://api.example.com/v1/chat/completions"
GET = '{method: GET, uri: "https://x.example", body: null, headers: {}}'
TEST = "tests/test_a.py::test_b"


def asked(content="hi", url=CHAT, **options):
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": content}], **options})
    return {"method": "POST", "uri": url, "body": body, "headers": {"Content-Type": ["application/json"]}}


def answered(body, status=200, **headers):
    headers = {"content-type": "application/json", **headers}
    return {
        "status": {"code": status, "message": "OK"},
        "headers": {name.replace("_", "-"): [value] for name, value in headers.items()},
        "body": {"string": body if isinstance(body, (bytes, str)) else json.dumps(body)},
    }


def completion(number, content="hello"):
    choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
    whole = {"id": f"chatcmpl-{number}", "object": "chat.completion", "created": 1700000000 + number}
    return {**whole, "model": "m", "choices": [choice]}


@pytest.fixture
def cassette_file(tmp_path):
    def write(*interactions, name="c.yaml", version=1):
        path = tmp_path / name
        data = {"interactions": [{"request": q, "response": a} for q, a in interactions], "version": version}
        path.write_text(json.dumps(data) if path.suffix == ".json" else yaml.safe_dump(data))
        return path

    return write


@pytest.fixture
def converted(cassette_file, tmp_path):
    """Write a cassette, convert it, and return the result; the recordings are in `tmp_path / "d"`."""

    def convert(*interactions, test_id=TEST, **options):
        path = cassette_file(*interactions)
        return Converter(**options).convert(read_cassette(path), tmp_path / "d", test_id)

    return convert


@pytest.fixture
def play(tmp_path):
    def call(*requests, test_id=TEST):
        responses = []
        with (
            hashtape.use_cassette(tmp_path / "d", record_mode="none", test_id=test_id),
            httpx.Client() as client,
        ):
            for request in requests:
                headers = {name: values[0] for name, values in request["headers"].items()}
                body = request["body"]
                responses.append(
                    client.request(request["method"], request["uri"], content=body, headers=headers)
                )
        return responses

    return call


def test_ids_and_times_are_those_that_the_test_saw_before(converted, play):
    assert converted((asked(), answered(completion(7)))).differences == []
    (response,) = play(asked())
    assert response.json() == completion(7)


def test_the_same_request_again_gets_its_answers_in_order(converted, play):
    result = converted(
        (asked(), answered({"error": "slow down"}, 429, retry_after="20")),
        (asked("other"), answered(completion(1))),
        (asked(), answered(completion(2))),
    )
    assert (result.recordings, result.differences) == (2, [])
    first, second, other = play(asked(), asked(), asked("other"))
    assert (first.status_code, second.json()["id"], other.json()["id"]) == (429, "chatcmpl-2", "chatcmpl-1")


def test_another_host_gives_its_own_answer(converted, play):
    elsewhere = CHAT.replace("api.", "backup.")
    converted((asked(), answered(completion(1))), (asked(url=elsewhere), answered(completion(2))))
    backup, first = play(asked(url=elsewhere), asked())
    assert (backup.json()["id"], first.json()["id"]) == ("chatcmpl-2", "chatcmpl-1")


def test_a_stream_becomes_chunks_and_comes_back_byte_for_byte(converted, play, tmp_path):
    chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 5, "model": "m", "choices": []}
    stream = f"data: {json.dumps(chunk, separators=(',', ':'))}\n\ndata: [DONE]\n\n"
    converted((asked(stream=True), answered(stream, content_type="text/event-stream")))
    (path,) = (tmp_path / "d").iterdir()
    assert json.loads(path.read_text())["response"]["body"][0]["__data__"] == chunk
    assert play(asked(stream=True))[0].text == stream


def test_compressed_answers_are_stored_decompressed(converted, play, tmp_path):
    packed = gzip.compress(json.dumps(completion(3)).encode())
    converted((asked(), answered(packed, content_encoding="gzip")))
    (path,) = (tmp_path / "d").iterdir()
    assert json.loads(path.read_text())["response"]["body"]["__data__"]["id"] == "chatcmpl-3"
    assert play(asked())[0].json() == completion(3)


def test_without_a_test_id_the_recordings_play_in_the_tests_own_directory(converted, play):
    converted((asked(), answered(completion(1))), test_id=None)
    assert play(asked())[0].json()["id"] == "chatcmpl-1"


def test_secrets_are_taken_out_and_named(converted, tmp_path):
    key = "sk-proj-" + "aB3dE5gH7jK9mN1pQ3sT5vX7zA9bC1dE"
    request = asked(f"my key is {key}")
    request["headers"]["Authorization"] = [f"Bearer {key}"]
    result = converted((request, answered(completion(1, f"you said {key}"))))
    assert result.differences == []
    assert {finding.where.partition(".")[0] for finding in result.findings} == {"request", "response"}
    assert key not in "".join(path.read_text() for path in (tmp_path / "d").iterdir())


def test_again_writes_nothing_also_for_another_test_id(converted, tmp_path):
    interactions = [(asked(), answered(completion(1))), (asked("two"), answered(completion(2)))]
    assert len(converted(*interactions).written) == 2

    def files():
        statuses = ((path, path.stat()) for path in (tmp_path / "d").iterdir())
        return {path: (status.st_ino, status.st_mtime_ns) for path, status in statuses}

    before = files()
    for test_id in (TEST, None, "tests/test_a.py::test_renamed"):
        result = converted(*interactions, test_id=test_id)
        assert (result.written, result.differences, result.recordings) == ([], [], 2)
    assert files() == before


def test_a_recording_that_is_there_is_not_replaced_and_the_difference_is_told(converted, tmp_path):
    converted((asked(), answered(completion(1))))
    (path,) = (tmp_path / "d").iterdir()
    path.write_text(path.read_text().replace("hello", "recorded since"))
    before = path.read_text()
    result = converted((asked("new"), answered(completion(2))), (asked(), answered(completion(1))))
    assert result.differences == [f"POST {CHAT}: the recording has another body"]
    assert [path.read_text() for path in (tmp_path / "d").iterdir()] == [before]  # nothing by halves


def test_in_a_shared_directory_each_test_gets_recordings_of_its_own(cassette_file, play, tmp_path):
    interactions = read_cassette(cassette_file((asked(), answered(completion(1)))))
    tests = ["test_a.py::test_one", "test_a.py::test_two"]
    for test_id in [*tests, *tests]:
        result = Converter().convert(interactions, tmp_path / "d", test_id, is_shared=True)
        assert result.differences == []
    assert len(list((tmp_path / "d").iterdir())) == 2
    assert all(play(asked(), test_id=test_id)[0].json() == completion(1) for test_id in tests)


@pytest.mark.parametrize("name", ["c.yaml", "c.yml", "c.json"])
def test_every_suffix_of_vcrpy(cassette_file, name):
    path = cassette_file((asked(), answered(completion(1))), name=name)
    assert is_vcr_cassette(path)
    ((request, response),) = read_cassette(path)
    assert (request.uri, response["status"]["code"]) == (CHAT, 200)


def test_bodies_that_stand_as_a_tree(cassette_file):
    request, response = asked(), answered(completion(1))
    request["parsed_body"] = json.loads(request.pop("body"))
    response["parsed_body"] = json.loads(response.pop("body")["string"])
    ((vcr_request, played),) = read_cassette(cassette_file((request, response)))
    assert json.loads(vcr_request.body) == request["parsed_body"]
    assert json.loads(played["body"]["string"]) == completion(1)


def test_what_the_first_stub_for_httpx_recorded(converted, play):
    response = {
        "http_version": "HTTP/1.1",
        "status_code": 201,
        "headers": {"content-type": "application/json"},
        "content": json.dumps(completion(4)),
    }
    assert converted((asked(), response)).differences == []
    assert (play(asked())[0].status_code, play(asked())[0].json()) == (201, completion(4))


@pytest.mark.parametrize(
    ("text", "got"),
    [
        ("interactions: [", "YAML that cannot be loaded"),
        ("interactions:\n- request: {method: GET}\n", "another file"),
        (
            "interactions:\n- request: {method: 1, uri: 2, body: 3, headers: {}}\n  response: {}\n",
            "another file",
        ),
        (
            f"interactions:\n- request: {GET}\n  response: {{body: {{string: [1]}}, status: {{}}}}\n",
            "AttributeError",
        ),
        (f"interactions:\n- request: {GET}\n  response: {{body: x, status: null}}\n", "TypeError"),
        ("- request: {method: GET}\n  response: {}\n", "before version 1.0"),
        ("interactions: !!python/object:os.system {}\n", "There was a problem loading the cassette"),
    ],
    ids=["no YAML", "half", "no request", "no body", "no status", "of 2013", "a Python object"],
)
def test_a_file_that_vcrpy_cannot_load_is_one_sentence(tmp_path, text, got):
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(CassetteFileError, match="expected a cassette that vcrpy loads, got") as caught:
        read_cassette(path)
    assert got in str(caught.value)


def test_recordings_and_other_files_are_no_cassettes(tmp_path, seed_path):
    (tmp_path / "docker-compose.yaml").write_text("services: {}\n")
    (tmp_path / "package.json").write_text('{"name": "interactions"}')
    assert not is_vcr_cassette(seed_path)
    assert not any(map(is_vcr_cassette, tmp_path.iterdir()))


def test_back_to_yaml_keeps_the_order_of_requests_to_one_address(converted, tmp_path):
    questions = [f"question {number}" for number in range(6)]
    converted(*((asked(q), answered(completion(n, q))) for n, q in enumerate(questions)))
    made = yaml_of(tmp_path / "d")
    assert (made.interactions, made.left_out, made.is_unordered) == (6, 0, False)
    path = tmp_path / "back.yaml"
    path.write_text(made.text)
    with vcr.use_cassette(str(path), record_mode="none"), httpx.Client() as client:
        got = [client.post(CHAT, json={}).json()["id"] for _ in questions]
    assert got == [f"chatcmpl-{number}" for number in range(6)]


def test_back_to_yaml_says_when_only_the_body_tells_requests_apart(tmp_path, server, ask):
    with hashtape.use_cassette(tmp_path / "d"):
        ask("one")
        ask("two")
    assert yaml_of(tmp_path / "d").is_unordered


def test_there_and_back_and_there_again_gives_the_same_files(converted, cassette_file, tmp_path):
    converted(
        (asked(), answered({"error": "busy"}, 503, retry_after="7")),
        (asked(), answered(completion(1))),
        (
            {**asked(url="https://files.example.com/x?y=z"), "method": "GET", "body": None},
            answered(b"\xff\0"),
        ),
    )
    (tmp_path / "back.yaml").write_text(yaml_of(tmp_path / "d").text)
    Converter().convert(read_cassette(tmp_path / "back.yaml"), tmp_path / "again", TEST)
    files = [{path.name: path.read_text() for path in (tmp_path / name).iterdir()} for name in ("d", "again")]
    assert files[0] == files[1]
    assert len(files[0]) == 2


# --- What stock vcrpy compares ---------------------------------------------------------------------------


@pytest.fixture
def there_and_back(converted, tmp_path):
    """Convert a cassette to recordings and back to YAML: what `yaml_of` made, and where its text is."""

    def convert(*interactions):
        assert converted(*interactions).differences == []
        made = yaml_of(tmp_path / "d")
        path = tmp_path / "back.yaml"
        path.write_text(made.text)
        return made, path

    return convert


def upload(body, content_type):
    headers = {"Content-Type": [content_type]}
    return {"method": "POST", "uri": "https://api.example.com/v1/files", "body": body, "headers": headers}


MULTIPART = b'--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n--b--\r\n'
NOT_STORED = {
    "multipart": upload(MULTIPART, "multipart/form-data; boundary=b"),
    "binary": upload(b"\xff\xd8\0", "image/jpeg"),
    "compressed": upload(gzip.compress(b"{}", mtime=0), "application/json"),
}


@pytest.mark.parametrize("request_", NOT_STORED.values(), ids=NOT_STORED)
def test_a_body_that_only_its_description_is_stored_of_is_none_in_yaml(there_and_back, request_):
    made, path = there_and_back((request_, answered({"id": "file-1"})), (asked(), answered(completion(1))))
    (lost, _), (kept, _) = sorted(read_cassette(path), key=lambda pair: pair[0].uri, reverse=True)
    assert (lost.method, lost.uri, lost.body, lost.headers) == ("POST", request_["uri"], None, {})
    assert json.loads(kept.body) == json.loads(asked()["body"])
    assert made.without_body == 1
    with vcr.use_cassette(str(path), record_mode="none"), httpx.Client() as client:
        assert client.post(lost.uri, content=request_["body"]).json() == {"id": "file-1"}


def test_a_form_is_rebuilt(there_and_back):
    form = upload(b"name=caf%C3%A9&size=2+MB", "application/x-www-form-urlencoded")
    made, path = there_and_back((form, answered({"id": "file-1"})))
    ((request, _),) = read_cassette(path)
    assert (request.body, request.headers) == (
        form["body"],
        {"content-type": form["headers"]["Content-Type"][0]},
    )
    assert made.without_body == 0


def test_the_body_does_not_tell_requests_apart_that_have_lost_theirs(converted, tmp_path):
    first, second = upload(b"\xff\0", "image/png"), upload(b"\xfe\0", "image/png")
    converted((first, answered({"id": 1})), (second, answered({"id": 2})))
    for path in (tmp_path / "d").iterdir():
        recording = json.loads(path.read_text())
        del recording["position"]  # as one that was recorded, not converted
        path.write_text(json.dumps(recording))
    made = yaml_of(tmp_path / "d")
    assert (made.without_body, made.is_unordered) == (2, True)


@pytest.mark.parametrize(("body", "content"), [("", b""), (None, None)], ids=["empty", "none"])
def test_an_empty_body_and_none_stay_two_things(there_and_back, body, content):
    # httpx sends b"" with a GET, requests sends nothing; for vcrpy's matcher these differ.
    request = {
        "method": "GET",
        "uri": "https://api.example.com/v1/predictions/7",
        "body": body,
        "headers": {},
    }
    _, path = there_and_back((request, answered({"status": "done"})))
    ((read, _),) = read_cassette(path)
    assert read.body == content


def test_a_get_of_httpx_plays_from_the_yaml_when_matched_on_its_body(there_and_back):
    url = "https://api.example.com/v1/models"  # stored as a POST (spec §3)
    request = {"method": "GET", "uri": url, "body": "", "headers": {}}
    _, path = there_and_back((request, answered({"object": "list", "data": []})))
    with (
        vcr.use_cassette(str(path), record_mode="none", match_on=["method", "uri", "body"]),
        httpx.Client() as client,
    ):
        assert client.get(url).json()["data"] == []


def test_a_method_is_spelled_as_it_was_sent(there_and_back, play, tmp_path):
    request = {**asked(), "method": "post"}
    _, path = there_and_back((request, answered(completion(1))), (asked("two"), answered(completion(2))))
    assert [read.method for read, _ in read_cassette(path)] == ["post", "POST"]
    assert play(asked())[0].json() == completion(1)
    texts = [json.loads(path.read_text())["request"] for path in (tmp_path / "d").iterdir()]
    assert sorted(text.get("method_as_sent", "") for text in texts) == ["", "post"]
    assert {text["method"] for text in texts} == {"POST"}


@pytest.mark.parametrize("junk", [7, None, "delete", ["post"]])
def test_a_spelling_of_another_method_is_not_believed(converted, tmp_path, junk):
    converted((asked(), answered(completion(1))))
    (path,) = (tmp_path / "d").iterdir()
    recording = json.loads(path.read_text())
    recording["request"]["method_as_sent"] = junk
    path.write_text(json.dumps(recording))
    assert "method: POST" in yaml_of(tmp_path / "d").text


def test_an_answer_from_no_http_address_is_named_with_its_file(converted, tmp_path):
    converted((asked(), answered(completion(1))), (asked(), answered(completion(2))))
    (path,) = (tmp_path / "d").iterdir()
    recording = json.loads(path.read_text())
    recording["later_responses"][0]["url"] = "vertexai://project/v1/chat/completions"
    path.write_text(json.dumps(recording))
    with pytest.raises(RecordingFileError, match=rf"{path.name}.* got one from 'vertexai://"):
        yaml_of(tmp_path / "d")
