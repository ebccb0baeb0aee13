"""The cassette: a directory of recordings in the place of vcrpy's list of interactions.

Looks a request up by its id, one file name and no scan, and writes each recording as soon as its answer is
there. Everything that vcrpy's stubs and users call on a cassette works on it.
"""

from __future__ import annotations

import copy
import warnings
from dataclasses import dataclass, field, replace
from threading import RLock
from typing import TYPE_CHECKING, Any

from vcr.cassette import Cassette, _run_hooks
from vcr.errors import UnhandledHTTPRequestError
from vcr.filters import sensitive_data_hooks
from vcr.record_mode import RecordMode

from hashtape.errors import HashtapeWarning, RecordingFileError
from hashtape.miss import describe_miss, request_line
from hashtape.recording import Answer, HttpRequest, InferenceRequest, OtherRequest, Recording, Unset
from hashtape.recording_dir import FoundRecording, RecordingDir
from hashtape.request_id import (
    SHARED_MODEL_LISTS,
    WireRequest,
    candidate_ids,
    id_of,
    operation_of,
    recorded_form,
    wants_base64,
    wire_forms,
)
from hashtape.vcr_adapter.conversion import answer_of, response_of, vcr_request_of, wire_request
from hashtape.vcr_adapter.miss_error import MissError
from hashtape.vcr_adapter.paths import locate
from hashtape.vcr_adapter.stubs import httpx_patches
from hashtape.vcr_adapter.yaml_fallback import YamlFallback, serializer_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hashtape.vcr_adapter.conversion import VcrResponse

__all__ = ["Asked", "CassetteSetup", "RecordingCassette"]

_NO_RESPONSE: VcrResponse = {"status": {"code": 200, "message": ""}, "headers": {}, "body": {"string": b""}}


@dataclass(frozen=True, slots=True)
class CassetteSetup:
    """What a cassette of recordings needs to know beside vcrpy's options.

    Args:
        test_id: The pytest node id, None outside a test.
        directory: Where its recordings are; None for the directory that vcrpy's path names.
        yaml_path: The cassette of vcrpy that this test may still have.
        is_shared: Whether other tests keep their recordings in the same directory by design.
        extra_paths: Further cassettes to play from, directories and files, as pytest-recording resolved them.
        stock_persister: What vcrpy would load its own cassettes with.
        own_match_on: Whether the user chose `match_on`: then it decides, among the test's recordings.
        own_matchers: vcrpy's matchers that the user chose.
        is_rewrite: Whether to remove what the test did not use, after it passed.
        saves_on_exception: vcrpy's `record_on_exception`.
        response_headers: Lower-case names of further response headers to store.
        has_passed: Whether the test passed so far; asked at the end.
    """

    test_id: str | None = None
    directory: Path | None = None
    yaml_path: Path | None = None
    is_shared: bool = False
    extra_paths: tuple[Path, ...] = ()
    stock_persister: Any = None
    own_match_on: bool = False
    own_matchers: tuple[Any, ...] = ()
    is_rewrite: bool = False
    saves_on_exception: bool = True
    response_headers: frozenset[str] = frozenset()
    has_passed: Callable[[], bool] = field(default=lambda: True)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request on its way through the cassette, after the user's filters.

    Args:
        original: vcrpy's request as the stub made it.
        request: The same, filtered.
        wire: The same, without secrets.
        recorded: Its recorded form.
        request_id: Its id.
    """

    original: Any
    request: Any
    wire: WireRequest
    recorded: InferenceRequest | HttpRequest
    request_id: str


@dataclass(slots=True, eq=False)
class _Entry:
    """A recording in use: which of its answers were played, and which were recorded just now."""

    recording: Recording
    paths: list[Path]
    is_foreign: bool = False
    plays: dict[int, int] = field(default_factory=dict)
    fresh: set[int] = field(default_factory=set)

    def host_of(self, index: int) -> str:
        """The URL that gave an answer."""
        answer = self.recording.answers[index]
        request = self.recording.request
        url = request.url if isinstance(request, (InferenceRequest, HttpRequest)) else ""
        return _host(answer.url or url)


def _host(url: str) -> str:
    return url.partition("://")[2].partition("/")[0]


class RecordingCassette(Cassette):  # type: ignore[misc]  # vcrpy is untyped
    """vcrpy's cassette over a directory of recordings.

    Args:
        setup: What hashtape needs to know.
        options: vcrpy's own arguments.
    """

    def __init__(self, *, path: str, setup: CassetteSetup, **options: Any) -> None:
        self._setup = setup
        self._lock = RLock()
        self._dir = RecordingDir(path)
        self._extra_dirs = [RecordingDir(path) for path in setup.extra_paths if path.is_dir()]
        self._fallbacks: list[YamlFallback] = []
        self._entries: dict[str, list[_Entry]] = {}  # by request id
        self._by_path: dict[Path, _Entry] = {}
        self._used: dict[tuple[_Entry, int], None] = {}  # in the order of use
        self._scanned: set[str] = set()  # the request ids that everything was looked through for
        self._existed: bool | None = None
        self._unsaved: list[tuple[_Entry, str]] = []
        self._made_directory = False
        self._broken: list[RecordingFileError] = []
        self._options = options
        super().__init__(path=path, **options)
        self._hide = self._build_hide(options.get("filter_sensitive_data") or ())
        skipped = tuple(options.get("skip_patchers") or ())
        self.skip_patchers = (*skipped, "httpx", "httpx2")
        self.custom_patches = (*options.get("custom_patches", ()), *httpx_patches(self, skipped))

    @classmethod
    def load(cls, *, path: str, setup: CassetteSetup, **options: Any) -> Any:
        """Open the cassette; where there is a YAML cassette and nothing to record, that of vcrpy.

        Raises:
            CassetteDirectoryError: There is a file where the directory should be.
        """
        directory, yaml_path = locate(path)
        directory = setup.directory or directory
        setup = replace(setup, directory=directory, yaml_path=yaml_path)
        recordings = RecordingDir(directory)
        recordings.check()
        reads_only = options.get("record_mode") in (RecordMode.NONE, RecordMode.ONCE)
        if yaml_path is not None and reads_only and not _has_recordings(recordings, setup):
            stock = {
                **options,
                "path": str(yaml_path),
                "serializer": serializer_for(yaml_path),
                "persister": setup.stock_persister,
            }
            return Cassette.load(**stock)
        cassette = cls(path=str(directory), setup=setup, **options)
        cassette._load()
        return cassette

    # --- What the stubs of hashtape call -----------------------------------------------------------------

    def ask(self, request: Any) -> Asked | None:
        """Take a request through the user's filters and compute its id.

        Returns:
            None when a filter says that the request is not the cassette's.
        """
        filtered = self._before_record_request(request)
        if not filtered:
            return None
        filtered = self._hide(filtered)
        wire = wire_request(filtered)
        recorded = recorded_form(wire, self._setup.test_id)
        return Asked(request, filtered, wire, recorded, id_of(recorded, self._setup.test_id))

    def play(self, asked: Asked) -> VcrResponse | None:
        """The recorded response to a request, which counts as played from now on.

        Returns:
            None when the request is to be sent and recorded.

        Raises:
            MissError: There is none, and the record mode does not allow to record.
            RecordingFileError: The file that should hold it does not.
            CassetteDirectoryError: There is no place for a new recording.
        """
        with self._lock:
            response = self._play(asked)
            if response is not None:
                return response
            if self.write_protected:
                raise self._miss(asked)
            self._prepare_to_record()
            return None

    def record(self, asked: Asked, response: VcrResponse) -> VcrResponse | None:
        """Store a response.

        Args:
            asked: The request that it answers.
            response: The response as it came; it is not changed.

        Returns:
            The response as a replay will give it; None when a filter of the user dropped it.
        """
        filtered = self._before_record_response(copy.deepcopy(response))
        if filtered is None:
            return None
        interaction = (asked.request, filtered)
        if self._before_save_interaction:
            interaction = _run_hooks(
                self._before_save_interaction, copy.deepcopy(asked.request), copy.deepcopy(filtered), self
            )
            if interaction is None:
                return None
        stored_request, stored_response = interaction
        wire = asked.wire if stored_request is asked.request else wire_request(stored_request)
        recorded = asked.recorded if wire == asked.wire else recorded_form(wire, self._setup.test_id)
        answer = answer_of(recorded, wire, asked.request_id, stored_response, self._setup.response_headers)
        with self._lock:
            entry, index = self._store(asked, recorded, answer)
            return self._response(asked, entry, index, is_replay=False)

    # --- What vcrpy's stubs and users call ---------------------------------------------------------------

    def append(self, request: Any, response: VcrResponse) -> None:
        """Record a response that one of vcrpy's own stubs received."""
        asked = self.ask(request)
        if asked is not None:
            self.record(asked, response)

    def can_play_response_for(self, request: Any) -> bool:
        """Whether a request will be played; one that will be recorded has its directory made here."""
        asked = self.ask(request)
        if asked is None:
            return False
        with self._lock:
            if self._candidate(asked) is not None or any(f.can_play(request) for f in self._fallbacks):
                return True
            if not self.write_protected:
                self._prepare_to_record()
            return False

    def play_response(self, request: Any) -> VcrResponse:
        """The response to a request that `can_play_response_for` said yes to.

        Raises:
            UnhandledHTTPRequestError: There is none.
        """
        asked = self.ask(request)
        with self._lock:
            response = self._play(asked) if asked is not None else None
        if response is None:
            raise UnhandledHTTPRequestError(f"{self._path} has no recording of {request!r} to play")
        return response

    def responses_of(self, request: Any) -> list[VcrResponse]:
        """All recorded responses to a request, played or not.

        Raises:
            UnhandledHTTPRequestError: There is none.
        """
        asked = self.ask(request)
        with self._lock:
            entries = self._found_by_content(asked) if asked is not None else []
            if asked is None or not entries:
                raise UnhandledHTTPRequestError(f"{self._path} has no recording of {request!r}")
            found = [
                self._response(asked, entry, index)
                for entry in entries
                for index in range(len(entry.recording.answers))
            ]
        return [response for response in found if response is not None]

    @property
    def write_protected(self) -> bool:
        """Whether the record mode forbids to record now."""
        if self.record_mode == RecordMode.ONCE:
            return self._exists()
        return bool(self.record_mode == RecordMode.NONE)

    @property
    def data(self) -> list[tuple[Any, VcrResponse]]:
        """Requests and responses: those used so far in their order, then the others by name."""
        with self._lock:
            slots = list(self._used)
            for entry in self._own_entries():
                slots += [
                    (entry, n) for n in range(len(entry.recording.answers)) if (entry, n) not in self._used
                ]
            pairs = [pair for entry, index in slots if (pair := self._pair(entry, index)) is not None]
            return pairs + [pair for fallback in self._fallbacks for pair in fallback.data]

    @data.setter
    def data(self, value: object) -> None:
        """Vcrpy's constructor starts with an empty list."""

    @property
    def play_count(self) -> int:
        """How many responses have been played."""
        own: int = sum(self.play_counts.values())
        return own + sum(fallback.play_count for fallback in self._fallbacks)

    @property
    def all_played(self) -> bool:
        """Whether every response of this test's cassette has been played."""
        with self._lock:
            entries = self._own_entries()
            return all(
                entry.plays.get(index) for entry in entries for index in range(len(entry.recording.answers))
            ) and all(fallback.all_played for fallback in self._fallbacks)

    def rewind(self) -> None:
        """Play everything again from the start."""
        with self._lock:
            self.play_counts.clear()
            for entry in self._by_path.values():
                entry.plays.clear()
                entry.fresh.clear()
            for fallback in self._fallbacks:
                fallback.rewind()

    def find_requests_with_most_matches(self, request: Any) -> list[Any]:  # noqa: ARG002  (vcrpy's signature)
        """Nothing: vcrpy asks for this to explain a miss, by comparing everything with everything."""
        return []

    def __contains__(self, request: object) -> bool:
        asked = self.ask(request)
        with self._lock:
            return asked is not None and self._candidate(asked) is not None

    # --- Opening and closing -----------------------------------------------------------------------------

    def _load(self) -> None:
        setup = self._setup
        self.rewound = setup.yaml_path is not None or self._dir.path.is_dir()
        if self.record_mode == RecordMode.ALL:
            return
        if setup.yaml_path is not None:
            by_id = _has_recordings(self._dir, setup)
            self._fallbacks.append(YamlFallback(setup.yaml_path, self._options, by_request_id=by_id))
        for path in setup.extra_paths:
            if path.is_file():
                self._fallbacks.append(YamlFallback(path, self._options, by_request_id=False))

    def _save(self, force: bool = False) -> None:  # noqa: FBT001, FBT002  (vcrpy's signature)
        """Nothing: each recording is on the disk already, and `finish` does the rest."""

    def finish(self, *, failed: bool) -> None:
        """Close the cassette, after its patches have been taken off.

        Args:
            failed: Whether an exception ended it.
        """
        with self._lock:
            try:
                if not failed:
                    for entry, request_id in self._unsaved:
                        self._write(entry, request_id)
                is_done = not failed and self._setup.has_passed()
                if is_done and (self._setup.is_rewrite or self.drop_unused_requests):
                    self._remove_unused()
            finally:
                self._unsaved.clear()
                if self._made_directory:
                    self._dir.remove_if_empty()

    def _remove_unused(self) -> None:
        for entry in self._own_entries():
            recording = entry.recording
            if isinstance(recording.request, OtherRequest):
                continue  # never was HTTP, so that it was not used says nothing
            if self._setup.is_shared and isinstance(recording.test_id, Unset):
                continue  # may be another test's
            used = [answer for n, answer in enumerate(recording.answers) if (entry, n) in self._used]
            if not used:
                for path in entry.paths:
                    self._dir.delete(path)
            elif len(used) < len(recording.answers):
                recording.response, recording.later_responses = used[0], used[1:]
                self._dir.write(entry.paths[0], recording)
        if self._setup.is_rewrite and self._setup.yaml_path is not None:
            self._dir.delete(self._setup.yaml_path)

    # --- Finding -----------------------------------------------------------------------------------------

    def _exists(self) -> bool:
        """Whether this test had a cassette when it was opened; looked up when it first matters."""
        if self._existed is None:
            self._existed = self._setup.yaml_path is not None or _has_recordings(self._dir, self._setup)
        return self._existed

    def _keep(self, found: FoundRecording, *, is_foreign: bool = False) -> _Entry:
        entry = self._by_path.get(found.paths[0])
        if entry is None:
            entry = _Entry(found.recording, found.paths, is_foreign)
            for path in found.paths:
                self._by_path[path] = entry
        return entry

    def _found_by_id(self, asked: Asked) -> list[_Entry]:
        """The recordings of a request that are known; the first look-up is by file name (spec §3)."""
        entries = self._entries.get(asked.request_id)
        if entries is None:
            entries = self._entries[asked.request_id] = []
            for directory in (self._dir, *self._extra_dirs):
                ids = candidate_ids(asked.recorded, self._setup.test_id, base64=wants_base64(asked.wire))
                found = directory.find(ids, is_model_list=_is_model_list(asked))
                if found is not None:
                    entries.append(self._keep(found, is_foreign=directory is not self._dir))
                    break
        return entries

    def _found_by_content(self, asked: Asked) -> list[_Entry]:
        """The recordings of a request under whatever name, which means to read them (spec §3)."""
        entries = self._found_by_id(asked)
        if asked.request_id not in self._scanned:
            self._scanned.add(asked.request_id)
            forms, host = wire_forms(asked.recorded), _host(asked.wire.url)
            for directory in (self._dir, *self._extra_dirs):
                is_foreign = directory is not self._dir
                test_ids = None if is_foreign else _test_ids(self._setup)
                equal = [
                    self._keep(found, is_foreign=is_foreign)
                    for found in directory.find_equal(forms, test_ids, self._broken)
                ]
                new = [entry for entry in dict.fromkeys(equal) if entry not in entries]
                entries += sorted(new, key=lambda entry: entry.host_of(0) != host)
        return entries

    def _own_entries(self) -> list[_Entry]:
        """Every recording of this test: in the order of their positions where they have one, else by name."""
        for found in self._dir.scan(_test_ids(self._setup), self._broken):
            self._keep(found)
        entries = {id(entry): entry for entry in self._by_path.values() if not entry.is_foreign}
        return sorted(entries.values(), key=lambda entry: (_position(entry.recording), entry.paths[0].name))

    def _candidate(self, asked: Asked) -> tuple[_Entry, int] | None:
        """The answer to play next for a request."""
        if self.record_mode == RecordMode.ALL:
            return None
        for entries in (self._found_by_id, self._found_by_content, self._found_by_matchers):
            for entry in entries(asked):
                index = self._next_answer(asked, entry)
                if index is not None and self._accepts(asked, entry):
                    return entry, index
        if self.allow_playback_repeats:
            for entry in reversed(self._found_by_matchers(asked) or self._found_by_content(asked)):
                if self._accepts(asked, entry):
                    return entry, len(entry.recording.answers) - 1
        return None

    def _found_by_matchers(self, asked: Asked) -> list[_Entry]:
        """All recordings of the test, where the user's own `match_on` says which of them fit."""
        if not self._setup.own_match_on:
            return []
        known = self._found_by_content(asked)
        return [entry for entry in self._own_entries() if entry not in known] + known

    def _accepts(self, asked: Asked, entry: _Entry) -> bool:
        """Whether the user's own matchers, if any, take this recording for the request."""
        if not self._setup.own_matchers:
            return True
        is_equal = entry in self._found_by_id(asked)
        stored = vcr_request_of(entry.recording.request, base64=wants_base64(asked.wire))
        if stored is None:
            return False
        for matcher in self._setup.own_matchers:
            # Headers are never stored; and bodies that have the same id are equal, however they are spelled.
            name = getattr(matcher, "__name__", "")
            if name == "headers" or (is_equal and name in {"body", "raw_body", "json_body", "request_id"}):
                continue
            try:
                if matcher(asked.request, stored) is False:
                    return False
            except AssertionError:
                return False
        return True

    def _next_answer(self, asked: Asked, entry: _Entry) -> int | None:
        """The first answer not played yet, of the host that is asked if there is one (spec §7)."""
        left = [
            index
            for index in range(len(entry.recording.answers))
            if not entry.plays.get(index) and (index not in entry.fresh or self.allow_playback_repeats)
        ]
        host = _host(asked.wire.url)
        return next((index for index in left if entry.host_of(index) == host), left[0] if left else None)

    def _play(self, asked: Asked) -> VcrResponse | None:
        candidate = self._candidate(asked)
        while candidate is not None:
            entry, index = candidate
            response = self._response(asked, entry, index)
            entry.plays[index] = entry.plays.get(index, 0) + 1
            if response is not None:
                self.play_counts[entry.paths[0], index] += 1
                self._used[entry, index] = None
                return response
            if entry.plays[index] > 1:
                break
            candidate = self._candidate(asked)  # the user's load hook dropped that one
        for fallback in self._fallbacks:
            response = fallback.play(asked.original)
            if response is not None:
                return response
        return None

    def _response(
        self, asked: Asked, entry: _Entry, index: int, *, is_replay: bool = True
    ) -> VcrResponse | None:
        try:
            response = response_of(
                asked.recorded, asked.wire, entry.recording.answers[index], is_replay=is_replay
            )
        except ValueError as error:
            raise RecordingFileError(entry.paths[0], "an answer that can be replayed", str(error)) from None
        if not self._after_load_interaction:
            return response
        stored = vcr_request_of(entry.recording.request) or asked.request
        interaction = _run_hooks(self._after_load_interaction, stored, response, self)
        return None if interaction is None else interaction[1]

    def _pair(self, entry: _Entry, index: int) -> tuple[Any, VcrResponse] | None:
        """A recorded request and its response, for those who look at the whole cassette."""
        request = entry.recording.request
        vcr_request = vcr_request_of(request)
        if vcr_request is None or not isinstance(request, (InferenceRequest, HttpRequest)):
            return None
        asked = Asked(vcr_request, vcr_request, wire_request(vcr_request), request, "")
        response = self._response(asked, entry, index, is_replay=False)
        return None if response is None else (vcr_request, response)

    def _miss(self, asked: Asked) -> MissError:
        played = sum(len(entry.recording.answers) for entry in self._found_by_id(asked))
        recorded = self._exists()
        message = describe_miss(
            request_line(asked.recorded, asked.wire.url),
            request_id=asked.request_id,
            directory=self._dir.path,
            record_mode=self.record_mode.value,
            test_id=self._setup.test_id,
            played=played,
            recorded=recorded,
            broken=self._broken,
        )
        reason = "already_played" if played else "no_match" if recorded else "cassette_not_found"
        return MissError(
            message,
            cassette=self,
            failed_request=asked.request,
            request_id=asked.request_id,
            reason=reason,
        )

    # --- Recording ---------------------------------------------------------------------------------------

    def _prepare_to_record(self) -> None:
        if self._dir.make():
            self._made_directory = True

    def _existing(self, asked: Asked) -> _Entry | None:
        """The recording of this very request that a new answer goes into."""
        for entry in self._entries.get(asked.request_id, ()):
            if not entry.is_foreign:
                return entry
        try:
            found = self._dir.find([asked.request_id], is_model_list=_is_model_list(asked))
        except RecordingFileError as error:
            if self.record_mode != RecordMode.ALL:
                raise
            warnings.warn(
                f"Recorded again, over a file that was none. {error}", HashtapeWarning, stacklevel=2
            )
            return None
        return self._keep(found) if found is not None else None

    def _store(
        self, asked: Asked, recorded: InferenceRequest | HttpRequest, answer: Answer
    ) -> tuple[_Entry, int]:
        """Put an answer into its recording and the recording onto the disk."""
        entry = self._existing(asked)
        if entry is None:
            recording = Recording(self._setup.test_id, recorded, answer)
            if self._setup.own_match_on:
                # Matchers may leave the body out: then only the order tells one answer from another.
                recording.extra["position"] = len(self._own_entries())
            entry, index = _Entry(recording, [self._dir.file_for(asked.request_id, recording)]), 0
            self._by_path[entry.paths[0]] = entry
        else:
            index = self._put(entry, recorded, answer)
        entry.fresh.add(index)
        entries = self._entries.setdefault(asked.request_id, [])
        if entry not in entries:
            entries.append(entry)
        self._used[entry, index] = None
        if self._setup.saves_on_exception:
            self._write(entry, asked.request_id)
        else:
            self._unsaved.append((entry, asked.request_id))
        return entry, index

    def _put(self, entry: _Entry, recorded: InferenceRequest | HttpRequest, answer: Answer) -> int:
        """Add an answer to a recording: in the old one's place when everything is asked again."""
        recording = entry.recording
        answers = recording.answers
        index = len(answers)
        if self.record_mode == RecordMode.ALL:
            index = next((n for n in range(len(answers)) if n not in entry.fresh), index)
        if index == 0:
            if isinstance(recording.request, (InferenceRequest, HttpRequest)):
                recorded.extra = recording.request.extra  # provider_metadata, say
            recording.request = recorded
            recording.response = answer
            return 0
        first = (
            recording.request.url if isinstance(recording.request, (InferenceRequest, HttpRequest)) else ""
        )
        if _host(recorded.url) != _host(first):
            answer.url = recorded.url
        answers[index:] = [answer, *answers[index + 1 :]]
        recording.later_responses = answers[1:]
        return index

    def _write(self, entry: _Entry, request_id: str) -> None:
        path = self._dir.file_for(request_id, entry.recording)
        self._dir.make()
        self._dir.write(path, entry.recording)
        for old in entry.paths:
            if old != path:
                self._dir.delete(old)
        entry.paths = [path]
        self._by_path[path] = entry

    # --- Secrets that the user named ---------------------------------------------------------------------

    @staticmethod
    def _build_hide(sensitive: Any) -> Callable[[Any], Any]:
        """What vcrpy's `filter_sensitive_data` does to a request before it is saved, for its id.

        A value that the user computes from the response is not known when a request is looked up.
        """
        if not sensitive:
            return lambda request: request

        def tolerant(value: Any) -> Any:
            if not callable(value):
                return value

            def compute(request: Any, response: VcrResponse) -> Any:
                try:
                    return value(request, response)
                except Exception:  # noqa: BLE001  (the user's function, given a response that is not there)
                    return None

            return compute

        pairs = sensitive.items() if isinstance(sensitive, dict) else sensitive
        hide, _ = sensitive_data_hooks([(name, tolerant(value)) for name, value in pairs])
        return lambda request: hide(request, copy.deepcopy(_NO_RESPONSE))[0]


def _test_ids(setup: CassetteSetup) -> set[str | None]:
    """The test ids of recordings that are this test's. In a directory of its own, those of none too."""
    return {setup.test_id} if setup.is_shared else {setup.test_id, None}


def _has_recordings(directory: RecordingDir, setup: CassetteSetup) -> bool:
    """Whether a directory has recordings of this test."""
    test_ids = _test_ids(setup)
    return any(directory.belongs(path, test_ids) for path in directory.files())


def _is_model_list(asked: Asked) -> bool:
    return operation_of(asked.recorded) in SHARED_MODEL_LISTS


def _position(recording: Recording) -> int:
    position = recording.extra.get("position")
    return position if isinstance(position, int) else 1 << 62
