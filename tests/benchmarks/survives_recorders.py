"""The two recorders that are compared, behind the same few calls, and a process of its own for a measure."""

from __future__ import annotations

import json
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import vcr
from vcr.persisters.filesystem import CassetteNotFoundError, FilesystemPersister
from vcr.serializers import yamlserializer

import hashtape
from hashtape.recording_dir import RecordingDir

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

_METHODS = multiprocessing.get_all_start_methods()
FRESH = multiprocessing.get_context("forkserver" if "forkserver" in _METHODS else "spawn")
"""Starts processes that have nothing of this one: no threads, no patches, no open cassettes."""
# What takes long to import is there already when they start.
FRESH.set_forkserver_preload(["aiohttp", "hashtape.vcr_adapter", "httpx", "openai", "pytest", "requests"])


@dataclass(frozen=True)
class Stored:
    """One answer on the disk.

    Args:
        url: What was asked.
        text: What was answered, as text.
        chunks: How many chunks of a stream it has.
        is_cut: Whether it is marked as one that broke off.
    """

    url: str
    text: str
    chunks: int = 0
    is_cut: bool = False


@dataclass(frozen=True)
class Contents:
    """What a cassette has on the disk.

    Args:
        answers: The answers that can be read.
        files: How many files there are.
        unreadable: How many of them are no recordings.
    """

    answers: list[Stored]
    files: int
    unreadable: int = 0


@dataclass(frozen=True)
class Recorder:
    """A way to record and replay; it can be sent to another process.

    Args:
        name: What the table calls it.
        open: Opens the cassette of a path, in a record mode.
        contents: Reads what such a cassette has on the disk.
    """

    name: str
    open: Callable[[Path, str], AbstractContextManager]
    contents: Callable[[Path], Contents]


def _open_hashtape(path, record_mode="once"):
    return hashtape.use_cassette(path, record_mode=record_mode)


def _hashtape_contents(path):
    directory = RecordingDir(path)
    files = list(path.iterdir()) if path.exists() else []
    answers, unreadable = [], len(set(files) - set(directory.files()))
    for file in directory.files():
        try:
            recording = directory.read(file)
        except hashtape.RecordingFileError:
            unreadable += 1
            continue
        for answer in recording.answers:
            chunks = len(answer.body) if answer.is_streaming else 0
            text = json.dumps(answer.body)
            answers.append(Stored(recording.request.url, text, chunks, answer.is_exception))
    return Contents(answers, len(files), unreadable)


def _stock_path(path):
    return path.with_name(f"{path.name}.yaml")


def _open_stock(path, record_mode="once"):
    return vcr.VCR().use_cassette(str(_stock_path(path)), record_mode=record_mode)


def _stock_contents(path):
    file = _stock_path(path)
    try:
        requests, responses, *_ = FilesystemPersister.load_cassette(file, yamlserializer)
    except CassetteNotFoundError:
        return Contents([], int(file.exists()), int(file.exists()))
    except Exception:  # noqa: BLE001  (whatever makes of a broken file: it is not readable)
        return Contents([], 1, 1)
    answers = []
    for request, response in zip(requests, responses, strict=True):
        text = (response["body"].get("string") or b"").decode()
        answers.append(Stored(request.uri, text, text.count("data: {")))
    return Contents(answers, 1)


HASHTAPE = Recorder("hashtape", _open_hashtape, _hashtape_contents)
STOCK = Recorder(f"vcrpy {vcr.__version__}", _open_stock, _stock_contents)


def in_own_process(measure, *arguments):
    """Call a function in a new process and return what it returns.

    Patches of clients that a recorder leaves behind, as vcrpy's do after threads, then meet nobody else.
    """
    with ProcessPoolExecutor(1, mp_context=FRESH) as pool:
        return pool.submit(measure, *arguments).result()
