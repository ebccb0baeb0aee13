"""Recordings that somebody damaged, by the thousand: reading one gives a recording or an error that says so.

    python tests/fuzzing/damaged_recordings.py [--inputs 100000] [--seed 0] [DIRECTORY …]

Each input is a recording with some of its bytes or JSON values changed; the recordings are those of the
project, some of every other kind, and those of the directories. It is read, written again, looked for by what
it asks, and played: an exception that is not hashtape's own, or a second without an end, is a failure.
"""

from __future__ import annotations

import argparse
import copy
import json
import random
import shutil
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

from hashtape import HashtapeError, RecordingFileError, use_cassette
from hashtape.recording import Recording
from hashtape.recording_dir import RecordingDir
from hashtape.redaction import Redactor
from hashtape.request_id import WireRequest
from hashtape.wire_form import wire_forms, wire_request_of

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 10.0
REDACTOR = Redactor(environ={})


def _chunk(label, data):
    return {"__type__": label, "__data__": data}


def _http(body, *, stream=False, **response):
    request = {"test_id": None, "url": "https://api.example/x?y=1", "method": "POST", "payload": {"a": [1.5]}}
    answer = {"status": 200, "body": body, "is_streaming": stream, **response}
    return {"test_id": None, "request": request, "response": answer, "id_normalization_mapping": {}}


def _chat(body, *, stream=False, path="/v1/chat/completions", **more):
    request = {
        "method": "POST",
        "url": f"https://api.example{path}",
        "headers": {},
        "body": {"model": "m", "messages": [{"role": "user", "content": "hi 1.23456789"}]},
        "endpoint": path,
        "model": "m",
    }
    return {
        "test_id": "t.py::t",
        "request": request,
        "response": {"body": body, "is_streaming": stream},
        **more,
    }


KINDS = [
    _http({"a": 1}),
    _http("text"),
    _http({"__encoding__": "base64", "data": "AAEC"}),
    _http([": comment", 'data: {"a": 1}', "", "data: [DONE]"], stream=True),
    _http(
        [_chunk("anthropic.types.raw_message_start_event.RawMessageStartEvent", {"type": "ping"})],
        stream=True,
    ),
    _http([_chunk("google.genai.types.GenerateContentResponse", {"candidates": []})], stream=True),
    _http([_chunk("contentBlockDelta", {"delta": {"text": "x"}}), {"n": 1}], stream=True),
    _http(
        [{"n": 1}, {"n": 2}], stream=True, framing={"event": "data:{data}\r\n\r\n", "between": [], "end": ""}
    ),
    _http({"error": "x"}, is_exception=True, exception_data={"category": "transport", "type": "ReadError"}),
    _chat(_chunk("openai.types.chat.chat_completion.ChatCompletion", {"id": "x", "choices": []})),
    _chat(
        [_chunk("openai.types.chat.chat_completion_chunk.ChatCompletionChunk", {"id": "x"})] * 3, stream=True
    ),
    _chat({"data": [{"embedding": [0.5, 1e300], "index": 0}]}, path="/v1/embeddings"),
    _chat([_chunk("ollama._types.ChatResponse", {"done": True})], stream=True, path="/api/chat"),
    _chat(None, later_responses=[{"body": "x", "is_streaming": False, "url": "https://other.example/"}]),
    _chat("x", id_normalization_mapping={"rec-1": "chatcmpl-1", "": "x", "b": 3}),
    {
        "request": {"provider": "p", "tool_name": "t", "kwargs": {}},
        "response": {"body": {}, "is_streaming": False},
    },
]
WORDS = [
    b"\x00",
    b"\xff",
    b"\xed\xa0\x80",
    b"\\ud83d",
    b"null",
    b"true",
    b"-0.0",
    b"1e999",
    b"NaN",
    b"1" * 5000,
    b"[" * 3000,
    b'{"a":' * 3000,
    b"]" * 50,
    b"{}",
    b"[]",
    b'""',
    b'"__type__"',
    b'"__data__"',
    b'"os.system"',
    b'"../../../etc/passwd"',
    b'"/etc/passwd"',
    b'"file:///etc/passwd"',
    b'"framing"',
    b'{"data": {"data": "{data}"}}',
    b'"__encoding__"',
    b'"base64"',
    b'"form"',
    b'"parts"',
    b"data: ",
    b"\r\n",
    b"{data}{id}",
    b"99999999999999999999",
]
VALUES = [
    None,
    True,
    0,
    -1,
    10**400,
    1.5,
    "",
    "x",
    "\ud83d",
    "../x",
    "http://[",
    "a" * 70000,
    [],
    [[]],
    {},
    {"": None},
    {"__type__": "subprocess.Popen", "__data__": {"args": "true"}},
    {"__encoding__": "base64", "data": "*"},
    {"__encoding__": "form", "parts": [1, {"name": 2}]},
    {"category": "transport", "type": 5, "rest": []},
]


def recordings(directories):
    """The texts to damage."""
    texts = [path.read_bytes() for path in sorted((ROOT / "cassettes").rglob("*.json"))]
    texts += [json.dumps(kind, indent=2).encode() for kind in KINDS]
    for directory in directories:
        texts += [path.read_bytes() for path in sorted(Path(directory).rglob("*.json"))]
    return [text for text in texts if len(text) < 50_000]


def damaged(random, texts):
    """A text with a few things changed, as bytes or as JSON."""
    text = random.choice(texts)
    if random.random() < 0.5:
        data = json.loads(text)
        for _ in range(random.randint(1, 3)):
            data = _changed_value(random, data)
        return json.dumps(data).encode("utf-8", "surrogatepass")
    for _ in range(random.randint(1, 4)):
        at, end = sorted(random.randrange(len(text) + 1) for _ in range(2))
        end = min(end, at + random.choice([0, 1, 8, 200]))
        middle = random.choice(
            [
                b"",
                random.choice(WORDS),
                random.randbytes(random.randint(1, 6)),
                text[at:end] * 2,
                random.choice(texts),
            ]
        )
        text = text[:at] + middle[:100_000] + text[end:]
    return text


def _changed_value(random, data):
    data = copy.deepcopy(data)
    places = []

    def visit(value):
        items = (
            value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        )
        for key, item in items:
            places.append((value, key))
            visit(item)

    visit(data)
    if not places:
        return random.choice(VALUES)
    container, key = random.choice(places)
    how = random.random()
    if how < 0.6:
        container[key] = copy.deepcopy(random.choice(VALUES))
    elif how < 0.8:
        del container[key]
    elif isinstance(container, dict):
        container[random.choice(["__type__", "framing", "headers", "status", "x"])] = random.choice(VALUES)
    else:
        container.insert(key, copy.deepcopy(random.choice(container)))
    return data


@contextmanager
def _at_most(seconds):
    def fail(*_):
        raise TimeoutError(f"no end after {seconds} s")

    before = signal.signal(signal.SIGALRM, fail)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def use(directory, text):
    """Do with a file what hashtape ever does with one; the name of what came of it."""
    path = directory / f"{'0' * 64}.json"
    path.write_bytes(text)
    try:
        recording = RecordingDir(directory).read(path)
    except RecordingFileError as error:
        if error.path != path:
            raise AssertionError(f"the error names {error.path}") from error
        return "error"
    again = Recording.from_text(recording.to_text())
    assert again.to_text() == recording.to_text()
    REDACTOR.recording(recording)
    wire = None
    try:
        wire_forms(recording.request)
        wire = wire_request_of(recording.request)
    except (ValueError, RecursionError):
        pass  # what the caller makes an error of the file of; the cassette below is one
    with use_cassette(directory, test_id=_text(recording.test_id), record_mode="none") as cassette:
        try:
            asked = cassette.ask_wire(wire or WireRequest("GET", "https://api.example/"), {})
            cassette.play(asked)
        except HashtapeError:
            return "refused"
        except ValueError:
            if wire is not None and "://" in wire.url:
                cassette.ask_wire(WireRequest("GET", "https://api.example/"), {})
            return "no such URL"
    return "played"


def _text(test_id):
    return test_id if isinstance(test_id, str) else None


def run(inputs, seed, directories=()):
    """Try so many inputs; how many of them came to what."""
    texts = recordings(directories)
    rng = random.Random(seed)
    outcomes = Counter()
    place = Path(tempfile.mkdtemp())
    try:
        for number in range(inputs):
            text = damaged(rng, texts)
            try:
                with _at_most(SECONDS), warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    outcomes[use(place, text)] += 1
            except BaseException:
                failed = Path(tempfile.gettempdir()) / f"hashtape-fuzz-{seed}-{number}.json"
                failed.write_bytes(text)
                print(f"input {number} of seed {seed} failed: {failed}", file=sys.stderr)
                raise
            assert [path.stem for path in place.iterdir()] == ["0" * 64], "something else was written"
    finally:
        shutil.rmtree(place)
    return outcomes


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("directories", nargs="*", metavar="DIRECTORY")
    options = parser.parse_args()
    begin = time.monotonic()
    outcomes = run(options.inputs, options.seed, options.directories)
    print(f"{options.inputs} inputs in {time.monotonic() - begin:.0f} s: {dict(outcomes)}")


if __name__ == "__main__":
    main()
