"""What hashtape costs, as ratios against something else measured in the same run.

    python tests/benchmarks/ratios.py [--quick] [--json] [--only NAME]

A machine that is slow or busy is so for both sides: their calls take turns, who comes first alternates, and
the median of the ratios of such pairs is what counts. Garbage is collected between the calls and not in them.
Nothing but the calls is in the times: a cassette is opened once for many of them, outside.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import importlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import asdict, dataclass, field
from pathlib import Path

import openai
import vcr
from apart import Apart
from chats import BASE_URL, CHUNKS, HEADERS, TEST_ID, answer_body, question, write_recordings
from wires import wire_streams

import hashtape
from hashtape.codecs import decode, encode
from hashtape.miss import find_closest
from hashtape.recording_dir import RecordingDir
from hashtape.request_id import WireRequest, recorded_form

HEAVY = ("openai", "vcr", "yaml", "pydantic", "httpx", "httpx2")
"""What a pytest run without vcr tests must not pay for."""
STOCK_MATCH_ON = ("method", "scheme", "host", "port", "path", "query", "body")


@dataclass
class Row:
    """One line of the table.

    Args:
        what: What was measured, against what.
        limit: The ratio that is promised; None where nothing is.
        ratio: The median of the ratios of pairs: two calls that follow each other meet the same noise.
        quartiles: The middle half of these ratios: how noisy the run was.
        ours: The median of what is judged, in seconds.
        other: The median of what it is compared with.
    """

    what: str
    limit: float | None
    ratio: float
    quartiles: tuple[float, float]
    ours: float
    other: float


@dataclass
class Result:
    """The rows of one benchmark, and what it counted, which is the same on any machine."""

    rows: list[Row] = field(default_factory=list)
    counted: dict = field(default_factory=dict)


# --- Measuring -------------------------------------------------------------------------------------------


@contextlib.contextmanager
def without_gc():
    """No collection inside; what lives already is left out of those that `collect` makes."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


def seconds(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def interleaved(ours, other, rounds, *, warm_up):
    """The seconds of two calls that take turns; which of them comes first alternates."""
    for _ in range(warm_up):
        ours()
        other()
    times = ([], [])
    with without_gc():
        for number in range(rounds):
            for side in (0, 1) if number % 2 else (1, 0):
                gc.collect()
                times[side].append(seconds((ours, other)[side]))
    return times


def row(what, limit, ours, other):
    pairs = sorted(a / b for a, b in zip(ours, other, strict=True))
    quartiles = (pairs[len(pairs) // 4], pairs[-1 - len(pairs) // 4])
    return Row(
        what, limit, statistics.median(pairs), quartiles, statistics.median(ours), statistics.median(other)
    )


# --- Clients ---------------------------------------------------------------------------------------------


def http_library():
    """The library that this version of the OpenAI client is built on."""
    return importlib.import_module("httpx2" if int(openai.__version__.split(".")[0]) >= 3 else "httpx")


def bypassing(transport_class):
    """A transport that an open cassette does not reach: its method is its own, taken before any patch."""
    return type("Bypassing", (transport_class,), {"handle_request": transport_class.handle_request})


class Wire:
    """The far end of an in-memory transport, which counts what reaches it."""

    def __init__(self, *, stream):
        self._body, self._headers = answer_body(stream=stream), HEADERS[stream]
        self._http = http_library()
        self.reached = 0

    def __call__(self, request):
        self.reached += 1
        stream = self._http.ByteStream(self._body)
        return self._http.Response(200, headers=self._headers, stream=stream)


@contextlib.contextmanager
def client_over(transport, base_url=BASE_URL):
    http_client = http_library().Client(transport=transport)
    with openai.OpenAI(
        base_url=base_url, api_key="test-key", max_retries=0, http_client=http_client
    ) as client:
        yield client


class Asking:
    """Calls that ask one question after the other and count the chunks that came.

    Args:
        client: The OpenAI client.
        stream: Whether to stream.
        numbers: The questions, each another request.
    """

    def __init__(self, client, *, stream, numbers):
        self._create = client.chat.completions.create
        self._questions = iter([question(number, stream=stream) for number in numbers])
        self._stream = stream
        self.calls = self.chunks = 0

    def __call__(self):
        answer = self._create(**next(self._questions))
        self.calls += 1
        self.chunks += sum(1 for _ in answer) if self._stream else 1


def open_cassette(directory, record_mode="none"):
    return hashtape.use_cassette(directory, record_mode=record_mode, test_id=TEST_ID)


# --- What is measured ------------------------------------------------------------------------------------


def replay(quick, root):
    """Replaying a chat in an open cassette, against the client alone over the same bytes in memory.

    Each call replays another recording, which it has to read first.
    """
    result = Result()
    rounds, warm_up = (3, 1) if quick else (150, 10)
    http = http_library()
    for stream, limit in ((True, 1.25), (False, None)):
        directory = root / f"replay-{stream}"
        write_recordings(directory, range(rounds + warm_up), stream=stream)
        alone, unreached = Wire(stream=stream), Wire(stream=stream)
        with (
            client_over(bypassing(http.MockTransport)(alone)) as plain,
            client_over(http.MockTransport(unreached)) as replaying,
            open_cassette(directory) as cassette,
        ):
            ours = Asking(replaying, stream=stream, numbers=range(rounds + warm_up))
            other = Asking(plain, stream=stream, numbers=range(rounds + warm_up))
            times = interleaved(ours, other, rounds, warm_up=warm_up)
            kind = f"a stream of {CHUNKS} chunks" if stream else "a whole chat"
            result.rows.append(row(f"replay {kind} / the client alone", limit, *times))
            result.counted[kind] = {
                "calls": ours.calls,
                "played": cassette.play_count,
                "reached": unreached.reached,
                "chunks": (ours.chunks, other.chunks),
            }
    return result


def crowd(quick, root):
    """Replaying in a cassette of many recordings, against one of 20.

    The first recordings of each directory are streams, half of them at most, and all others whole chats. The
    cassettes are opened in turn, as two that are open at once get in each other's way, for ten calls of each
    kind; each opening of a large one replays other recordings.
    """
    sizes, rounds = ((20, 60), 1) if quick else ((20, 1_000, 10_000), 40)
    at_once = 10
    streams = {}
    for size in sizes:
        streams[size] = min(size // 2, rounds * at_once)
        write_recordings(root / f"{size}", range(streams[size]), stream=True)
        write_recordings(root / f"{size}", range(streams[size], size), stream=False)
    times = defaultdict(list)
    result = Result()
    wire = Wire(stream=True)
    with client_over(http_library().MockTransport(wire)) as client, without_gc():
        for number in range(-1, rounds):  # the first one warms up
            for turn in range(len(sizes)):
                size = sizes[(number + turn) % len(sizes)]
                with open_cassette(root / f"{size}"):
                    for stream in (True, False):
                        first, end = (0, streams[size]) if stream else (streams[size], size)
                        # Steps of a prime, so that the files are not asked for in the order of writing.
                        numbers = [
                            first + (number * at_once + n) * 7919 % (end - first) for n in range(at_once)
                        ]
                        asking = Asking(client, stream=stream, numbers=numbers)
                        gc.collect()
                        taken = [seconds(asking) for _ in range(at_once)]
                        if number >= 0:
                            times[size, stream] += taken
    for stream in (True, False):
        for size in sizes[1:]:
            kind = "a stream" if stream else "a whole chat"
            what = f"replay {kind}, {size:,} recordings / {sizes[0]}"
            result.rows.append(row(what, 1.1, times[size, stream], times[sizes[0], stream]))
    result.counted["reached"] = wire.reached
    result.counted["calls"] = sum(len(taken) for taken in times.values())
    result.counted["files"] = {size: len(list((root / f"{size}").iterdir())) for size in sizes}
    return result


def recording(quick, root):
    """Recording over real sockets, against the same calls without a recorder.

    The server is a process of its own. Both sides keep their connection; each call that is recorded makes a
    file of its own. No model answers as fast as this server: the rows with a delay show what is felt.
    """
    result = Result()
    http = http_library()
    for kind, stream, delay, usual_rounds in (
        (f"a stream of {CHUNKS} chunks", True, 0.0, 200),
        (f"a stream of {CHUNKS} chunks, 2 ms apart", True, 0.002, 60),
        ("a whole chat", False, 0.0, 300),
        ("a whole chat that takes 20 ms", False, 0.02, 100),
    ):
        rounds, warm_up = (2, 1) if quick else (usual_rounds, 5)
        directory = root / kind.replace(" ", "-")
        server = Apart(stream=stream, delay=delay)
        with (
            server,
            client_over(bypassing(http.HTTPTransport)(), server.base_url) as plain,
            client_over(http.HTTPTransport(), server.base_url) as recorded,
            open_cassette(directory, record_mode="once"),
        ):
            ours = Asking(recorded, stream=stream, numbers=range(rounds + warm_up))
            other = Asking(plain, stream=stream, numbers=range(rounds + warm_up))
            times = interleaved(ours, other, rounds, warm_up=warm_up)
        result.rows.append(row(f"record {kind} / no recorder", 1.15, *times))
        result.counted[kind] = {
            "calls": ours.calls,
            "hits": server.hits,
            "files": len(list(directory.iterdir())),
            "chunks": (ours.chunks, other.chunks),
        }
    return result


def _pytest(directory, *arguments, **environment):
    """Run pytest in a directory and return its exit status."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    done = subprocess.run(
        command, cwd=directory, env={**inherited, **environment}, capture_output=True, check=False
    )
    return done.returncode


def start_up(quick, root):
    """Starting pytest with the plugin and without; and what a run without vcr tests imports.

    Once with all plugins that are installed here, against `-p no:hashtape`; and once with pytest-recording
    and hashtape only, against pytest-recording only: the less there is, the more each plugin weighs.
    """
    rounds, warm_up = (1, 0) if quick else (30, 1)
    # Byte code is kept, as it is for most people, whatever this environment says.
    kept = {"PYTHONPYCACHEPREFIX": str(root / "pycache"), "PYTHONDONTWRITEBYTECODE": ""}
    (root / "pytest.ini").write_text("[pytest]\n")
    (root / "test_empty.py").write_text("")
    statuses = set()

    def starting(*arguments, **environment):
        def start():
            statuses.add(_pytest(root, "--collect-only", *arguments, "test_empty.py", **kept, **environment))

        return start

    bare = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    recording_only = ("-p", "pytest_recording.plugin")
    times = interleaved(starting(), starting("-p", "no:hashtape"), rounds, warm_up=warm_up)
    result = Result([row("start pytest with all plugins / -p no:hashtape", 1.05, *times)])
    times = interleaved(
        starting(*recording_only, "-p", "hashtape.pytest_plugin", **bare),
        starting(*recording_only, **bare),
        rounds,
        warm_up=warm_up,
    )
    result.rows.append(
        row("start pytest with pytest-recording and hashtape / without hashtape", 1.05, *times)
    )
    result.counted["exit statuses"] = sorted(statuses)

    (root / "test_plain.py").write_text("def test_plain():\n    assert True\n")
    (root / "conftest.py").write_text(
        "import json, pathlib, sys\n\n"
        "def pytest_unconfigure():\n"
        "    here = pathlib.Path(__file__).parent\n"
        "    (here / 'modules.json').write_text(json.dumps(sorted(sys.modules)))\n"
    )
    result.counted["plain test"] = _pytest(root, "test_plain.py", **kept)
    modules = set(json.loads((root / "modules.json").read_text()))
    result.counted["plugin"] = "hashtape.pytest_plugin" in modules
    result.counted["imported"] = [name for name in HEAVY if name in modules]
    return result


def beside_stock(quick, root):
    """Replaying N chats with vcrpy's own YAML cassette that compares bodies, and with hashtape.

    What counts is the time of a request as N grows. Opening either cassette, and so reading the YAML, is not
    in it.
    """
    sizes, rounds = ((2, 4), 1) if quick else ((50, 100, 200), 5)
    wire = Wire(stream=False)
    played = 0
    times = defaultdict(list)
    with client_over(http_library().MockTransport(wire)) as client:

        def ask_all(size, cassette):
            nonlocal played
            asking = Asking(client, stream=False, numbers=range(size))
            with cassette as opened, without_gc():
                taken = seconds(lambda: [asking() for _ in range(size)])
                played += opened.play_count
            return taken / size

        def stock(size, record_mode):
            path = str(root / f"stock-{size}.yaml")
            return vcr.VCR().use_cassette(path, record_mode=record_mode, match_on=STOCK_MATCH_ON)

        for size in sizes:
            write_recordings(root / f"ours-{size}", range(size), stream=False)
            ask_all(size, stock(size, "all"))
        reached, played = wire.reached, 0
        ask_all(sizes[0], open_cassette(root / f"ours-{sizes[0]}"))  # warms up
        for _ in range(rounds):
            for size in sizes:
                times["stock vcrpy", size].append(ask_all(size, stock(size, "none")))
                times["hashtape", size].append(ask_all(size, open_cassette(root / f"ours-{size}")))
    rows = [
        row(f"a request of {size} / of {sizes[0]}, {name}", None, times[name, size], times[name, sizes[0]])
        for name in ("hashtape", "stock vcrpy")
        for size in sizes[1:]
    ]
    rows += [
        row(f"a request of {n}, hashtape / stock vcrpy", None, times["hashtape", n], times["stock vcrpy", n])
        for n in sizes
    ]
    expected = sizes[0] + 2 * rounds * sum(sizes)
    return Result(rows, {"played": played, "expected": expected, "reached": wire.reached - reached})


_watching: list[list[str]] = []


def _note_opening(event, args):
    if event == "open" and _watching:
        _watching[-1].append(str(args[0]))


@contextlib.contextmanager
def opened_files():
    """The paths that are opened meanwhile. The hook stays, as none can be taken off, but notes no more."""
    if not hasattr(opened_files, "is_hooked"):
        sys.addaudithook(_note_opening)
        opened_files.is_hooked = True
    _watching.append([])
    try:
        yield _watching[-1]
    finally:
        _watching.pop()


def reading(quick, root):
    """Which files of a cassette are opened, from opening it until one request has been replayed."""
    size = 100 if quick else 10_000
    write_recordings(root, range(size), stream=False)
    wire = Wire(stream=False)
    with client_over(http_library().MockTransport(wire)) as client:
        asking = Asking(client, stream=False, numbers=[size // 2])
        with opened_files() as opened, open_cassette(root) as cassette:
            asking()
    below = [path for path in opened if path.startswith(str(root))]
    counted = {"files": size, "opened": len(below), "played": cassette.play_count, "reached": wire.reached}
    return Result(counted=counted)


def decoding(quick, root):
    """Decoding a stream and encoding it again, against reading and writing the JSON of its chunks."""
    result = Result()
    rounds, warm_up, at_once = (1, 0, 1) if quick else (100, 10, 10)
    for kind, (context, body) in wire_streams().items():
        decoded, _ = decode(body, context)
        texts = [json.dumps(chunk) for chunk in decoded.body]

        def ours(body=body, context=context):
            for _ in range(at_once):
                encode(decode(body, context)[0], context)

        def other(texts=texts):
            for _ in range(at_once):
                for text in texts:
                    json.dumps(json.loads(text))

        times = interleaved(ours, other, rounds, warm_up=warm_up)
        result.rows.append(row(f"decode and encode {kind} / json of its chunks", 2.0, *times))
        again, _ = encode(decoded, context)
        result.counted[kind] = {
            "chunks": len(decoded.body),
            "streaming": decoded.is_streaming,
            "stable": encode(decode(again, context)[0], context)[0] == again,
        }
    return result


def closest(quick, root):
    """Finding the closest of many recordings for a miss, against reading the JSON of all of them."""
    size, rounds = (20, 1) if quick else (1_000, 20)
    write_recordings(root, range(size), stream=False)
    asked = {**question(size // 2, stream=False), "temperature": 0.5}
    now = recorded_form(
        WireRequest("POST", f"{BASE_URL}/chat/completions", json.dumps(asked).encode()), TEST_ID
    )
    found = set()

    def ours():
        found.add(find_closest(now, ((path, head.request) for path, head in RecordingDir(root).heads())))

    def other():
        for path in root.iterdir():
            json.loads(path.read_bytes())

    times = interleaved(ours, other, rounds, warm_up=1)
    result = Result([row(f"the closest of {size:,} recordings / reading them all", None, *times)])
    prompts = [json.loads(path.read_bytes())["request"]["body"]["messages"] for path in found]
    result.counted["found"] = prompts == [asked["messages"]]
    return result


BENCHMARKS = {
    "closest": closest,
    "replay": replay,
    "decoding": decoding,
    "crowd": crowd,
    "recording": recording,
    "start_up": start_up,
    "beside_stock": beside_stock,
    "reading": reading,  # last: it leaves an audit hook behind
}


def run(name, *, quick):
    """Run one benchmark in a directory of its own."""
    with tempfile.TemporaryDirectory(prefix="hashtape-benchmark-") as directory:
        return BENCHMARKS[name](quick, Path(directory))


# --- Showing ---------------------------------------------------------------------------------------------


def table(results, *, judged):
    lines = [("what", "limit", "ratio", "middle half", "ms", "ms of the other", "")]
    for result in results.values():
        for entry in result.rows:
            limit = "" if entry.limit is None else f"{entry.limit:.2f}"
            verdict = (
                "" if not judged or entry.limit is None else "ok" if entry.ratio <= entry.limit else "OVER"
            )
            half = "{:.3f} - {:.3f}".format(*entry.quartiles)
            times = f"{entry.ours * 1000:.3f}", f"{entry.other * 1000:.3f}"
            lines.append((entry.what, limit, f"{entry.ratio:.3f}", half, *times, verdict))
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join(
        "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]).rstrip()
        for line in lines
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few rounds: shows that it runs, no more")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--only", choices=BENCHMARKS, action="append", help="run this one")
    arguments = parser.parse_args()
    results = {name: run(name, quick=arguments.quick) for name in arguments.only or BENCHMARKS}
    if arguments.json:
        shown = {
            name: {"rows": [asdict(entry) for entry in result.rows], "counted": result.counted}
            for name, result in results.items()
        }
        print(json.dumps(shown, indent=2))
        return
    print(table(results, judged=not arguments.quick))
    print()
    for name, result in results.items():
        print(f"{name}: {result.counted}")


if __name__ == "__main__":
    main()
