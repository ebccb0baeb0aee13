"""The cassette: a directory of recordings in the place of vcrpy's list of interactions.

Everything that vcrpy's stubs and users call on a cassette works on it.
"""

from __future__ import annotations

import os
import shlex
from dataclasses import replace
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

from vcr.cassette import Cassette, _run_hooks
from vcr.errors import UnhandledHTTPRequestError
from vcr.record_mode import RecordMode

from hashtape.errors import CassetteDirectoryError, RecordingFileError
from hashtape.miss import request_line
from hashtape.recording import OtherRequest
from hashtape.recording_dir import RecordingDir
from hashtape.telemetry import is_telemetry
from hashtape.vcr_adapter.answers import Answers, Slot
from hashtape.vcr_adapter.asked import Asked
from hashtape.vcr_adapter.asking import Asking
from hashtape.vcr_adapter.misses import Misses
from hashtape.vcr_adapter.offline import refused_telemetry
from hashtape.vcr_adapter.paths import is_vcrpys, locate
from hashtape.vcr_adapter.recorder import Recorder
from hashtape.vcr_adapter.stubs import FAMILIES, left_alone
from hashtape.vcr_adapter.vcr_requests import sent_request, vcr_request_of
from hashtape.vcr_adapter.vcr_responses import response_of
from hashtape.vcr_adapter.yaml_fallback import YamlCassette, YamlFallback, serializer_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hashtape.miss import MissLog
    from hashtape.recording import Answer
    from hashtape.request_id import WireRequest
    from hashtape.vcr_adapter.live import LiveStream
    from hashtape.vcr_adapter.miss_error import MissError
    from hashtape.vcr_adapter.setup import CassetteSetup
    from hashtape.vcr_adapter.vcr_responses import VcrResponse

__all__ = ["RecordingCassette"]


class RecordingCassette(Cassette):  # type: ignore[misc]  # vcrpy is untyped
    """vcrpy's cassette over a directory of recordings.

    Args:
        setup: What hashtape needs to know.
        options: vcrpy's own arguments.
    """

    compares_objects = False

    def __init__(self, *, path: str, setup: CassetteSetup, **options: Any) -> None:
        self._setup = setup
        self._lock = RLock()
        self._fallbacks: list[YamlFallback] = []
        self._options = options
        super().__init__(path=path, **options)
        setup.use.directories.add(Path(path))
        self._answers = Answers(
            Path(path),
            setup,
            asks_again=self.record_mode == RecordMode.ALL,
            repeats=self.allow_playback_repeats,
            drops_unused=self.drop_unused_requests,
        )
        self._misses = Misses(setup, self._answers)
        self._asking = Asking(self, setup, self._before_record_request, options)
        self._recorder = Recorder(
            self,
            setup,
            self._answers,
            self._lock,
            before_response=options.get("before_record_response"),
            before_save=self._before_save_interaction,
        )
        skipped = tuple(options.get("skip_patchers") or ())
        self.left_alone = left_alone(skipped)
        self.skip_patchers = (*skipped, *FAMILIES)

    @classmethod
    def load(cls, *, path: str, setup: CassetteSetup, **options: Any) -> Any:
        """Open the cassette; where there is a YAML cassette and nothing to record, that of vcrpy.

        Raises:
            CassetteDirectoryError: There is a file where the directory should be.
        """
        directory, yaml_path = locate(path, is_directory=setup.path_is_directory)
        directory = setup.directory or directory
        setup = replace(setup, directory=directory, yaml_path=yaml_path)
        recordings = RecordingDir(directory)
        if setup.path_is_directory and is_vcrpys(directory):
            raise CassetteDirectoryError(
                f"{directory}: expected a directory of recordings, got a cassette of vcrpy. To play it, "
                f"leave the suffix out: use_cassette({os.fspath(directory.with_suffix(''))!r})"
            )
        recordings.check()
        if setup.is_audit and yaml_path is not None:
            options["record_mode"] = RecordMode.NONE
        reads_only = options.get("record_mode") in (RecordMode.NONE, RecordMode.ONCE)
        if yaml_path is not None and reads_only and (setup.is_audit or not setup.has_recordings(recordings)):
            stock = {
                **options,
                "path": str(yaml_path),
                "serializer": serializer_for(yaml_path),
                "persister": setup.stock_persister,
            }
            vcr_cassette = YamlCassette.load(setup=setup, **stock)
            if vcr_cassette.rewound or options.get("record_mode") == RecordMode.NONE:
                return vcr_cassette
            setup = replace(setup, yaml_path=None)  # an empty file is no cassette
        cassette = cls(path=str(directory), setup=setup, **options)
        cassette._load()
        return cassette

    # --- What the stubs of hashtape call -----------------------------------------------------------------

    @property
    def name(self) -> str:
        """How the user knows it: the directory."""
        return str(self._path)

    @property
    def misses(self) -> MissLog:
        """The requests of this test that had no recording."""
        return self._setup.misses

    def ask(self, request: Any, *, is_in_process: bool = False) -> Asked | None:
        """Take a request through the user's filters and compute its id.

        Args:
            request: vcrpy's request.
            is_in_process: Whether the client calls an application in this process: that is no network.

        Returns:
            None when a filter says that the request is not the cassette's. It is sent then.

        Raises:
            MissError: A filter says so, and the record mode is `none`: then nothing is sent.
        """
        return self._asking.ask(request, is_in_process=is_in_process)

    def ask_wire(
        self, wire: WireRequest, headers: Mapping[str, str], *, is_in_process: bool = False
    ) -> Asked | None:
        """The same for a request that a stub has in pieces: vcrpy's is made only if something needs it.

        Args:
            wire: The request; its URL and body may hold secrets.
            headers: Its headers.
            is_in_process: As for `ask`.
        """
        return self._asking.ask_wire(wire, headers, is_in_process=is_in_process)

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
            self._answers.prepare(asked)
            if not asked.is_in_process:
                self._note_sent(asked)
            return None

    def record(self, asked: Asked, response: VcrResponse) -> VcrResponse | None:
        """Store a response.

        Args:
            asked: The request that it answers.
            response: The response as it came; it is not changed.

        Returns:
            The response as a replay will give it; None when a filter of the user dropped it.
        """
        stored = self._recorder.record(asked, response)
        return None if stored is None else self._response(asked, stored.slot, live=stored.answer)

    def live(self, asked: Asked, response: VcrResponse) -> LiveStream | None:
        """A way for a stream to reach the client as it comes.

        Args:
            asked: The request that it answers.
            response: The response without its body.

        Returns:
            None when the response has to be read as a whole: it is JSON of which something may be normalised,
            or the user has a filter or a hook for whole responses.
        """
        return None if self._after_load_interaction else self._recorder.live(asked, response)

    # --- What vcrpy's stubs and users call ---------------------------------------------------------------

    def append(self, request: Any, response: VcrResponse) -> None:
        """Record a response that one of vcrpy's own stubs received."""
        asked = self.ask(request)
        if asked is not None:
            self._note_sent(asked)
            self.record(asked, response)

    def can_play_response_for(self, request: Any) -> bool:
        """Whether a request will be played; one that will be recorded has its directory made here."""
        asked = self._asking.look(request)
        if asked is None:
            return False
        with self._lock:
            if self._answers.next_slot(asked) is not None or any(
                f.can_play(request) for f in self._fallbacks
            ):
                return True
            if not self.write_protected:
                self._answers.prepare(asked)
            return False

    def play_response(self, request: Any) -> VcrResponse:
        """The response to a request that `can_play_response_for` said yes to.

        Raises:
            UnhandledHTTPRequestError: There is none.
        """
        asked = self._asking.look(request)
        with self._lock:
            response = self._play(asked) if asked is not None else None
        if response is None:
            raise UnhandledHTTPRequestError(f"{self._path} has no recording of {request!r} to play")
        return response

    def filter_request(self, request: Any) -> Any:
        """The request through the user's filters; vcrpy's stubs ask for it when they are about to give up.

        Raises:
            MissError: The request may not be recorded, and there is nothing to play.
        """
        asked = self._asking.look(request)
        with self._lock:
            if asked is not None and self.write_protected and self._answers.next_slot(asked) is None:
                raise self._miss(asked)
        return None if asked is None else asked.request

    def responses_of(self, request: Any) -> list[VcrResponse]:
        """All recorded responses to a request, played or not.

        Raises:
            UnhandledHTTPRequestError: There is none.
        """
        asked = self._asking.look(request)
        with self._lock:
            entries = self._answers.with_content(asked) if asked is not None else []
            if asked is None or not entries:
                raise UnhandledHTTPRequestError(f"{self._path} has no recording of {request!r}")
            found = [self._response(asked, slot) for entry in entries for slot in entry.slots]
        return [response for response in found if response is not None]

    @property
    def write_protected(self) -> bool:
        """Whether the record mode forbids to record now."""
        if self.record_mode == RecordMode.ONCE:
            return self._answers.existed
        return bool(self.record_mode == RecordMode.NONE)

    @property
    def data(self) -> list[tuple[Any, VcrResponse]]:
        """Requests and responses: those used so far in their order, then the others by name."""
        with self._lock:
            pairs = [pair for slot in self._answers.all_slots() if (pair := self._pair(slot)) is not None]
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
            played = [slot.number in slot.entry.plays for slot in self._answers.all_slots()]
            return all(played) and all(fallback.all_played for fallback in self._fallbacks)

    def rewind(self) -> None:
        """Play everything again from the start."""
        with self._lock:
            self.play_counts.clear()
            self._answers.rewind()
            for fallback in self._fallbacks:
                fallback.rewind()

    def find_requests_with_most_matches(self, request: Any) -> list[Any]:  # noqa: ARG002  (vcrpy's signature)
        """Nothing: vcrpy asks for this to explain a miss, by comparing everything with everything."""
        return []

    def __contains__(self, request: object) -> bool:
        asked = self._asking.look(request)
        with self._lock:
            return asked is not None and self._answers.next_slot(asked) is not None

    # --- Opening and closing -----------------------------------------------------------------------------

    def _load(self) -> None:
        setup = self._setup
        self.rewound = setup.yaml_path is not None or self._answers.directory.path.is_dir()
        if self.record_mode == RecordMode.ALL:
            return
        if setup.yaml_path is not None:
            by_id = setup.has_recordings(self._answers.directory)
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
                self._recorder.close()
                self._answers.put_in_order()
                if not failed:
                    self._answers.save()
                is_done = not failed and self._setup.has_passed()
                if is_done and (self._setup.is_rewrite or self.drop_unused_requests):
                    self._answers.remove_unused()
                if is_done and self._setup.is_rewrite and self._setup.yaml_path is not None:
                    self._answers.directory.delete(self._setup.yaml_path)
            finally:
                self._setup.use.files.update(path for slot in self._answers.used for path in slot.entry.paths)
                self._answers.close()

    # --- How it is done ----------------------------------------------------------------------------------

    def _play(self, asked: Asked) -> VcrResponse | None:
        while (slot := self._answers.next_slot(asked)) is not None:
            was_played = slot.number in slot.entry.plays
            response = self._response(asked, slot)
            self._answers.mark_played(slot)
            if response is not None:
                self.play_counts[slot] += 1
                self._setup.use.played += 1
                return response
            if was_played:
                break  # the user's load hook drops the only answer that is left
        for fallback in self._fallbacks:
            response = fallback.play(asked.original)
            if response is not None:
                self._setup.use.played += 1
                return response
        return None

    def _note_sent(self, asked: Asked) -> None:
        self._setup.use.note_sent(request_line(asked.recorded, asked.wire.url))

    def _response(self, asked: Asked, slot: Slot, live: Answer | None = None) -> VcrResponse | None:
        """The response for an answer: a replay, or what came just now, of which no secret is taken out."""
        answer = slot.answer if live is None else live
        try:
            response = response_of(asked.recorded, asked.wire, answer, is_replay=live is None)
        except (ValueError, RecursionError) as error:
            path = slot.entry.paths[0]
            raise RecordingFileError(path, "an answer that can be replayed", str(error)) from None
        if "cut" in response:
            response["cut"] = {**response["cut"], "mend": self._rewrite_command()}
        if not self._after_load_interaction:
            return response
        stored = vcr_request_of(slot.entry.recording.request) or asked.request
        interaction = _run_hooks(self._after_load_interaction, stored, response, self)
        return None if interaction is None else interaction[1]

    def _rewrite_command(self) -> str:
        """What records this test's answers anew."""
        test_id = self._setup.test_id
        if test_id is None:
            return f'use_cassette({self.name!r}, record_mode="rewrite")'
        return f"pytest {shlex.quote(test_id)} --record-mode=rewrite"

    def _pair(self, slot: Slot) -> tuple[Any, VcrResponse] | None:
        """A recorded request and its response, for those who look at the whole cassette."""
        request = slot.entry.recording.request
        vcr_request = vcr_request_of(request)
        if vcr_request is None or isinstance(request, OtherRequest):
            return None
        asked = Asked(lambda: vcr_request, sent_request(vcr_request), request, "")
        response = self._response(asked, slot, live=slot.answer)
        return None if response is None else (vcr_request, response)

    def _miss(self, asked: Asked) -> MissError:
        if is_telemetry(asked.wire.url):
            return refused_telemetry(self, asked.request)
        self._setup.use.missed.add(asked.request_id)
        return self._misses.error(asked, self)
