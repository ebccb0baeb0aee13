"""The cassette: a directory of recordings in the place of vcrpy's list of interactions.

Everything that vcrpy's stubs and users call on a cassette works on it.
"""

from __future__ import annotations

import copy
import os
import shlex
from dataclasses import replace
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

from vcr.cassette import Cassette, _run_hooks
from vcr.errors import UnhandledHTTPRequestError
from vcr.record_mode import RecordMode
from vcr.request import Request

from hashtape.codecs import stream_decoder
from hashtape.errors import CassetteDirectoryError, RecordingFileError
from hashtape.miss import request_line
from hashtape.recording import OtherRequest
from hashtape.recording_dir import RecordingDir
from hashtape.request_id import WireRequest, recorded_form
from hashtape.vcr_adapter.answers import Answers, Slot
from hashtape.vcr_adapter.asked import Asked, hiding
from hashtape.vcr_adapter.conversion import (
    answer_of,
    decompressed,
    freeze_body,
    head_of,
    header_pairs,
    identified,
    passing_through,
    response_of,
    sent_request,
    vcr_request_of,
    wire_request,
    without_encoding,
)
from hashtape.vcr_adapter.live import LiveStream
from hashtape.vcr_adapter.misses import Misses
from hashtape.vcr_adapter.offline import refuse_under_none
from hashtape.vcr_adapter.paths import is_vcrpys, locate
from hashtape.vcr_adapter.secret_warning import warn_of_secrets
from hashtape.vcr_adapter.stubs import FAMILIES, left_alone
from hashtape.vcr_adapter.yaml_fallback import YamlCassette, YamlFallback, serializer_for

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hashtape.miss import MissLog
    from hashtape.recording import Answer, HttpRequest, InferenceRequest
    from hashtape.vcr_adapter.conversion import VcrResponse
    from hashtape.vcr_adapter.miss_error import MissError
    from hashtape.vcr_adapter.setup import CassetteSetup

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
        self._live_streams: list[LiveStream] = []
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
        self._hide = hiding(options.get("filter_sensitive_data"))
        self._filters_requests = bool(
            options.get("before_record_request") or options.get("filter_sensitive_data")
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
        asked = self._look(request, is_in_process=is_in_process)
        if asked is None and not is_in_process:
            self._setup.note_passed_on(request)
        return asked

    def _look(self, request: Any, *, is_in_process: bool = False) -> Asked | None:
        """The same for who only looks, and sends nothing himself."""
        freeze_body(request)
        self._setup.redactor.known.learn_headers(header_pairs(request.headers))
        filtered = self._before_record_request(request)
        if not filtered:
            if not is_in_process:
                refuse_under_none(self, request, self._setup)
            return None
        hidden = self._hide(filtered)
        return self._asked(
            lambda: filtered,
            sent_request(hidden),
            original=request,
            hidden=hidden,
            is_in_process=is_in_process,
        )

    def ask_wire(
        self, wire: WireRequest, headers: Mapping[str, str], *, is_in_process: bool = False
    ) -> Asked | None:
        """The same for a request that a stub has in pieces: vcrpy's is made only if something needs it.

        Args:
            wire: The request; its URL and body may hold secrets.
            headers: Its headers.
            is_in_process: As for `ask`.
        """

        def build() -> Any:
            return Request(wire.method, wire.url, wire.body, headers)

        if self._filters_requests:
            return self.ask(build(), is_in_process=is_in_process)
        self._setup.redactor.known.learn_headers(headers.items())
        return self._asked(build, wire, is_in_process=is_in_process)

    def _asked(self, build: Callable[[], Any], wire: WireRequest, **forms: Any) -> Asked:
        found = identified(wire, self._setup.test_id, self._setup.redactor)
        return Asked(
            build,
            found.wire,
            found.recorded,
            found.request_id,
            hashed=found.hashed,
            findings=found.findings,
            **forms,
        )

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
        filtered: Any = response
        if self._options.get("before_record_response"):
            filtered = self._before_record_response(copy.deepcopy(response))
        if filtered is None:
            return None
        filtered = decompressed(filtered)
        self._learn_cookies(response)
        wire, recorded = asked.wire, asked.recorded
        if self._before_save_interaction:
            interaction = _run_hooks(
                self._before_save_interaction, copy.deepcopy(asked.request), copy.deepcopy(filtered), self
            )
            if interaction is None:
                return None
            request, filtered = interaction
            wire = wire_request(request, self._setup.redactor)
            recorded = recorded_form(wire, self._setup.test_id)
        answer = answer_of(recorded, wire, asked.request_id, filtered, self._setup.response_headers)
        slot = self._store(asked, recorded, answer)
        return self._response(asked, slot, live=answer)

    def _learn_cookies(self, response: VcrResponse) -> None:
        """The cookies that a response hands out are credentials from now on."""
        self._setup.redactor.known.learn_headers(
            ("set-cookie", str(value))
            for name, values in (response.get("headers") or {}).items()
            if name.lower() == "set-cookie"
            for value in ([values] if isinstance(values, str) else values)
        )

    def _store(self, asked: Asked, recorded: InferenceRequest | HttpRequest, answer: Answer) -> Slot:
        """Store an answer without what is secret in it, and then say what that was."""
        safe, findings = self._setup.redactor.answer(answer)
        with self._lock:
            slot = self._answers.store(asked, recorded, safe)
            self._setup.use.recorded += 1
        warn_of_secrets(slot.entry.paths[0], [*asked.findings, *findings])
        return slot

    def _store_cut(self, asked: Asked, answer: Answer) -> None:
        """Store what came of a stream that broke off, unless that would take a whole answer's place."""
        with self._lock:
            if not self._answers.would_replace(asked):
                self._store(asked, asked.recorded, answer)

    def live(self, asked: Asked, response: VcrResponse) -> LiveStream | None:
        """A way for a stream to reach the client as it comes.

        Args:
            asked: The request that it answers.
            response: The response without its body.

        Returns:
            None when the response has to be read as a whole: it is JSON of which something may be normalised,
            or the user has a filter or a hook for whole responses.
        """
        if self._before_save_interaction or self._after_load_interaction:
            return None
        if self._options.get("before_record_response"):
            return None

        self._learn_cookies(response)
        plain, decompress = without_encoding(response)
        head = head_of(asked.recorded, asked.wire, plain, self._setup.response_headers)
        decoder = stream_decoder(head.context) or passing_through(head, response)
        if decoder is None or "content-encoding" in head.headers:
            return None
        stream = LiveStream(
            asked,
            head,
            decoder,
            store=lambda answer: self._store(asked, asked.recorded, answer),
            store_cut=lambda answer: self._store_cut(asked, answer),
            store_as_it_is=lambda body: self.record(asked, {**plain, "body": {"string": body}}),
            decompress=decompress,
        )
        with self._lock:
            self._live_streams = [*(live for live in self._live_streams if not live.is_over), stream]
        return stream

    # --- What vcrpy's stubs and users call ---------------------------------------------------------------

    def append(self, request: Any, response: VcrResponse) -> None:
        """Record a response that one of vcrpy's own stubs received."""
        asked = self.ask(request)
        if asked is not None:
            self._note_sent(asked)
            self.record(asked, response)

    def can_play_response_for(self, request: Any) -> bool:
        """Whether a request will be played; one that will be recorded has its directory made here."""
        asked = self._look(request)
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
        asked = self._look(request)
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
        asked = self._look(request)
        with self._lock:
            if asked is not None and self.write_protected and self._answers.next_slot(asked) is None:
                raise self._miss(asked)
        return None if asked is None else asked.request

    def responses_of(self, request: Any) -> list[VcrResponse]:
        """All recorded responses to a request, played or not.

        Raises:
            UnhandledHTTPRequestError: There is none.
        """
        asked = self._look(request)
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
        asked = self._look(request)
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
                for stream in self._live_streams:
                    stream.close()  # what nobody read to its end, and nobody closed
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
        self._setup.use.missed.add(asked.request_id)
        return self._misses.error(asked, self)
