"""`hashtape convert` and what it cannot take: other tools' formats, other names, nothing in it."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import httpx
import pytest
import vcr
import yaml
from click.testing import CliRunner

import hashtape
from hashtape.cli import cli

URL = "https://api.example.com/v1/things"

RUBY = """\
---
http_interactions:
- request:
    method: get
    uri: http://example.com/
    body: {encoding: US-ASCII, string: !binary ''}
    headers: {}
  response:
    status: {code: 200, message: OK}
    headers: {}
    body: {encoding: UTF-8, string: hi}
  recorded_at: Tue, 01 Nov 2011 04:58:44 GMT
recorded_with: VCR 2.0.0
"""
TYPED = f"""\
version: 1
interactions:
- request: {{method: POST, uri: {URL}, headers: {{}}, body: {{type: none}}}}
  response:
    status: 404
    headers: {{}}
    body: {{type: json, content: {{error: gone}}}}
"""
GO = f"""\
version: 1
interactions:
- request: {{body: "", form: {{}}, headers: {{}}, url: {URL}, method: GET}}
  response: {{body: hi, headers: {{}}, status: 200 OK, code: 200, duration: ""}}
"""
FRAMES = """\
version: 1
interactions:
- kind: message
  direction: received
  data: {type: server.event}
"""
LOG = f"log:\n- request: {{method: GET, url: {URL}}}\n  response: {{status: 200}}\n"
LANGCHAIN = f"requests:\n- {{method: GET, uri: {URL}, body: null, headers: {{}}}}\nresponses: []\n"

OTHER_TOOLS = {
    "ruby.yml": (RUBY, "a cassette of Ruby's VCR (http_interactions)"),
    "betamax.json": ('{"http_interactions": []}', "a cassette of Ruby's VCR (http_interactions)"),
    "typed.yaml": (TYPED, "responses whose status is 404, where vcrpy has a code and a message"),
    "go.yaml": (GO, "responses whose status is '200 OK', where vcrpy has a code and a message"),
    "frames.yaml": (FRAMES, "entries that are no requests (kind: 'message')"),
    "log.yaml": (LOG, "a file without interactions"),
    "list.json": ("[1]", "a file without interactions"),
}


def interaction(path="/one", **headers):
    request = {"method": "GET", "uri": URL + path, "body": None, "headers": headers}
    headers = {"content-type": ["text/plain"]}
    response = {"status": {"code": 200, "message": "OK"}, "headers": headers, "body": {"string": "hello"}}
    return {"request": request, "response": response}


def text(*interactions):
    return yaml.safe_dump({"version": 1, "interactions": list(interactions)})


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def convert(*args):
    return CliRunner().invoke(cli, ["convert", "--no-collect", *map(str, args)])


def play(path):
    with hashtape.use_cassette(path, record_mode="none"), httpx.Client() as client:
        return client.get(f"{URL}/one").text


# --- Other tools -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", OTHER_TOOLS)
def test_another_tools_file_is_named_for_what_it_is_and_nothing_is_to_be_restored(here, name):
    content, what = OTHER_TOOLS[name]
    Path(name).write_text(content)
    result = convert(name, "--delete")
    assert result.exit_code == 1
    line, _ = result.output.splitlines()
    assert line == f"not converted: {name}: expected a cassette of vcrpy (version 1), got {what}"
    assert Path(name).read_text() == content


def test_a_walk_skips_what_other_tools_wrote_and_says_so_in_one_line(here):
    Path("good.yaml").write_text(text(interaction()))
    others = ["frames.yaml", "go.yaml", "log.yaml", "ruby.yml", "typed.yaml"]
    for name in others:
        Path(name).write_text(OTHER_TOOLS[name][0])
    result = convert(".", "--delete")
    assert result.exit_code == 0
    skipped, converted, *_ = result.output.splitlines()
    assert skipped == f"skipped: 5 files in other formats than vcrpy's: {', '.join(others)}"
    assert converted.startswith("Converted 1 cassette of 1 interaction")
    assert not Path("good.yaml").exists()
    assert all(Path(name).exists() for name in others)


def test_a_walk_names_what_is_no_cassette_among_cassettes(here):
    cassettes = Path("tests/cassettes")
    cassettes.mkdir(parents=True)
    for name, content in {"cut.yaml": "inter", "empty.YML": "", "good.yaml": text(interaction())}.items():
        Path(cassettes, name).write_text(content)
    Path("tests/compose.yaml").write_text("services: {}\n")
    strange, converted, *_ = convert(".").output.splitlines()
    names = "tests/cassettes/cut.yaml, tests/cassettes/empty.YML"
    assert strange == f"no cassette: 2 files without interactions: {names}"
    assert converted.startswith("Converted 1 cassette")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_walk_does_not_wait_for_a_named_pipe(here):
    os.mkfifo("a.yaml")
    assert convert(".").output.startswith("Nothing to convert")


def test_of_many_files_that_are_skipped_some_are_named_and_json_names_all(here):
    for number in range(8):
        Path(f"{number}.yaml").write_text(FRAMES)
    assert convert(".").output.splitlines() == [
        "skipped: 8 files in other formats than vcrpy's: 0.yaml, 1.yaml, 2.yaml, 3.yaml, 4.yaml and 3 more",
        "Nothing to convert: no cassette of vcrpy there, which is a .yaml, .yml or .json file.",
    ]
    told = json.loads(convert(".", "--json").output)["cassettes"]
    assert {cassette["state"] for cassette in told} == {"skipped"}
    assert told[0]["notes"] == ["entries that are no requests (kind: 'message')"]


def test_a_file_of_vcrpys_that_is_broken_is_to_be_restored_and_fails_the_walk(here):
    Path("broken.yaml").write_text(f"interactions:\n- request: {{method: GET, uri: {URL}}}\n")
    result = convert(".")
    assert result.exit_code == 1
    assert "Restore it, or record the test again" in result.output


def test_words_of_other_formats_in_a_body_do_not_count(here):
    one = interaction()
    one["response"]["body"]["string"] = "kind: message\nstatus: 404\n http_interactions:\nrequests:\n"
    Path("a.yaml").write_text(yaml.dump({"interactions": [one]}, default_style="|"))
    assert convert("a.yaml").exit_code == 0
    assert play("a").startswith("kind: message")


# --- Compressed ------------------------------------------------------------------------------------------


def test_what_a_persister_of_its_own_has_compressed_is_not_called_broken(here):
    Path("test_x.yaml.gz").write_bytes(gzip.compress(LANGCHAIN.encode()))
    result = convert("test_x.yaml.gz")
    assert result.exit_code == 1
    assert result.output.splitlines()[0] == (
        "not converted: test_x.yaml.gz: expected a cassette of vcrpy (version 1), got a compressed file. "
        "The persister that wrote it plays it as before; to have recordings instead, take the serializer and "
        "the persister out of the tests' configuration, and record the tests again"
    )


def test_what_is_vcrpys_but_for_the_compression_is_to_be_unpacked(here):
    path = Path("a b.yaml.gz")
    path.write_bytes(gzip.compress(text(interaction()).encode()))
    assert "got a compressed file. Unpack it: gunzip 'a b.yaml.gz'" in convert(path).output
    Path("a b.yaml").write_bytes(gzip.decompress(path.read_bytes()))
    assert convert("a b.yaml").exit_code == 0
    assert play("a b") == "hello"


def test_a_walk_names_compressed_cassettes_and_no_other_compressed_files(here):
    Path("test_x.yaml.gz").write_bytes(gzip.compress(LANGCHAIN.encode()))
    Path("data.json.gz").write_bytes(gzip.compress(b'{"rows": []}'))
    Path("cut.yaml.gz").write_bytes(gzip.compress(LANGCHAIN.encode())[:12])
    Path("no.yaml.gz").write_bytes(b"interactions:\n")
    result = convert(".")
    assert result.exit_code == 0
    assert result.output.splitlines() == [
        "skipped: 1 file in another format than vcrpy's: test_x.yaml.gz",
        "Nothing to convert: no cassette of vcrpy there, which is a .yaml, .yml or .json file.",
    ]


# --- Names -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["synopsis", "claude-3.5", "two words"])
def test_a_cassette_without_a_suffix_is_to_be_renamed(here, name):
    path = Path("cassettes", name)
    path.parent.mkdir()
    path.write_text(text(interaction()))
    result = convert(path, "--delete")
    assert result.exit_code == 1
    quoted = f"'{path}'" if " " in name else str(path)
    renamed = f"'{path}.yaml'" if " " in name else f"{path}.yaml"
    assert result.output.splitlines()[0] == (
        f"not converted: {path}: expected a cassette with the suffix .yaml, .yml or .json, got none of "
        "these, and its recordings need that name for their directory. "
        f"Rename it, also where a program names it for vcrpy: mv {quoted} {renamed}"
    )
    path.rename(f"{path}.yaml")
    assert convert(f"{path}.yaml", "--delete").exit_code == 0
    assert play(path) == "hello"


def test_a_cassette_without_a_suffix_that_is_json_gets_that_suffix(here):
    Path("tape").write_text(json.dumps({"version": 1, "interactions": [interaction()]}))
    assert "for vcrpy: mv tape tape.json\n" in convert("tape").output


def test_a_file_of_any_other_name_that_is_no_cassette_is_not_to_be_restored(here):
    Path("notes.txt").write_text("one: [\n")
    Path("photo").write_bytes(b"\xff\xd8\xff")
    result = convert("notes.txt", "photo")
    assert "Restore" not in result.output
    assert result.output.count("expected a cassette of vcrpy (version 1), got ") == 2


# --- Nothing in it ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", ["interactions: []\nversion: 1\n", "interactions:\n", ""])
def test_a_cassette_with_nothing_in_it_stays(here, content):
    Path("empty.yaml").write_text(content)
    result = convert("empty.yaml", "--delete")
    assert result.exit_code == 0
    assert result.output == "1 cassette with nothing in it, which stays: empty.yaml\n"
    assert Path("empty.yaml").read_text() == content
    assert not Path("empty").exists()


def test_several_of_them_are_counted_beside_what_is_converted(here):
    Path("full.yaml").write_text(text(interaction()))
    for name in ("one.yaml", "two.yaml"):
        Path(name).write_text(text())
    result = convert(".", "--delete")
    assert result.output.startswith(
        "2 cassettes with nothing in them, which stay: one.yaml, two.yaml\nConverted 1"
    )
    assert sorted(path.name for path in here.iterdir()) == ["full", "one.yaml", "two.yaml"]


# --- Header names that are objects -----------------------------------------------------------------------

ISTR = [
    "!!python/object/apply:multidict._multidict.istr [X-Name]",
    "!!python/object/new:multidict._multidict_py.istr [X-Name]",
    "!!python/object/new:multidict._multidict_py.istr {args: [X-Name], state: {__istr_identity__: x-name}}",
    "!!python/object/new:multidict._istr.istr [X-Name]",
    "!!python/unicode X-Name",
    "!!python/str X-Name",
]
REFUSED = [
    "!!python/object/apply:os.getcwd []",
    "!!python/name:os.getcwd",
    "!!python/module:os",
    "!!python/object/new:multidict._multidict.CIMultiDict [X-Name]",
    "!!python/object/apply:multidict._multidict.istr [[X-Name]]",
    "!!python/object/apply:multidict._multidict.istr {args: [X, Y]}",
    "!!python/object/apply:multidict._multidict.istr X-Name",
]


def with_header_name(tagged):
    plain = text(interaction(**{"X-Name": ["first"]}))
    assert plain.count("X-Name:") == 1
    return plain.replace("X-Name:", f"? {tagged}\n      :")


@pytest.mark.parametrize("tagged", ISTR)
def test_header_names_that_aiohttp_put_there_as_objects_are_read_as_text(here, tagged):
    Path("a.yaml").write_text(with_header_name(tagged))
    result = convert("a.yaml", "--delete")
    assert result.exit_code == 0, result.output
    assert play("a") == "hello"


@pytest.mark.parametrize("tagged", REFUSED)
def test_every_other_object_is_refused(here, tagged):
    Path("a.yaml").write_text(with_header_name(tagged))
    result = convert("a.yaml")
    assert result.exit_code == 1
    assert "a.yaml: expected a cassette that vcrpy loads, got" in result.output
    assert not Path("a").exists()


def test_vcrpy_itself_goes_on_refusing_them(here):
    Path("a.yaml").write_text(with_header_name(ISTR[0]))
    with (
        pytest.raises(ValueError, match="There was a problem loading the cassette"),
        vcr.use_cassette("a.yaml"),
    ):
        pass
