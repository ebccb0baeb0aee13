"""Cassettes of vcrpy's own, alone or beside recordings: they go on playing, and are never written."""

from __future__ import annotations

import copy
import shlex
from threading import RLock
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from vcr.cassette import Cassette
from vcr.errors import CannotOverwriteExistingCassetteException
from vcr.persisters.filesystem import FilesystemPersister
from vcr.record_mode import RecordMode
from vcr.request import Request
from vcr.serializers import jsonserializer, yamlserializer

from hashtape.errors import HashtapeError
from hashtape.vcr_adapter import matchers
from hashtape.vcr_adapter.asked import hiding
from hashtape.vcr_adapter.drift import drift_of
from hashtape.vcr_adapter.offline import LOOPBACK, refuse_under_none
from hashtape.vcr_adapter.stubs import FAMILIES, left_alone

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hashtape.request_id import WireRequest
    from hashtape.vcr_adapter.setup import CassetteSetup
    from hashtape.vcr_adapter.vcr_responses import VcrResponse
    from hashtape.vcr_adapter.yaml_cassettes import Interactions

__all__ = ["YamlCassette", "YamlFallback", "serializer_for"]

_PASSED_ON = (
    "after_load_interaction",
    "allow_playback_repeats",
    "before_record_request",
    "before_record_response",
    "filter_sensitive_data",
    "match_on",
)


def serializer_for(path: Path) -> Any:
    """Vcrpy's serializer of a cassette file, by its suffix."""
    return jsonserializer if path.suffix == ".json" else yamlserializer


class YamlCassette(Cassette):  # type: ignore[misc]  # vcrpy is untyped
    """vcrpy's own cassette, played by vcrpy's own rules through the stubs of hashtape.

    Those stay on in all threads, and nothing gets past them under `none`.

    Args:
        setup: What hashtape needs to know.
        options: vcrpy's own arguments.
    """

    compares_objects = True

    def __init__(self, *, setup: CassetteSetup, **options: Any) -> None:
        super().__init__(**options)
        self._setup = setup
        self._hide = hiding(options.get("filter_sensitive_data"))
        self._played: Interactions = []
        self._lock = RLock()
        skipped = tuple(options.get("skip_patchers") or ())
        self.left_alone = left_alone(skipped)
        self.skip_patchers = (*skipped, *FAMILIES)

    @property
    def name(self) -> str:
        """How the user knows it: the file."""
        return str(self._path)

    def ask(self, request: Any, *, is_in_process: bool = False) -> Any:
        """The request itself; None when a filter says that it is not the cassette's.

        Args:
            request: vcrpy's request.
            is_in_process: Whether the client calls an application in this process: that is no network.

        Raises:
            MissError: A filter says so, and the record mode is `none`: then nothing leaves this machine.
        """
        if self._before_record_request(request):
            return request
        if not is_in_process:
            # A suite that has not moved goes on as it was: with servers of its own on this machine, say.
            if urlsplit(request.uri).hostname not in LOOPBACK:
                refuse_under_none(self, request, self._setup)
            self._setup.note_passed_on(request)
        return None

    def ask_wire(self, wire: WireRequest, headers: Mapping[str, str], *, is_in_process: bool = False) -> Any:
        """The same for a request that a stub has in pieces."""
        request = Request(wire.method, wire.url, wire.body, headers)
        return self.ask(request, is_in_process=is_in_process)

    def play(self, request: Any) -> VcrResponse:
        """The next response to a request.

        Raises:
            CannotOverwriteExistingCassetteException: There is none, and this cassette is never recorded to.
        """
        with self._lock:
            if not self.can_play_response_for(request) and not request.body:
                request.body = None  # clients differ in what no body is
            if self.can_play_response_for(request):
                response: VcrResponse = (
                    self._play_audited(request) if self._setup.is_audit else self.play_response(request)
                )
                self._setup.use.played += 1
                return response
            self._setup.use.missed.add((request.method, request.uri, repr(request.body)))
        miss = CannotOverwriteExistingCassetteException(cassette=self, failed_request=request)
        test_id = self._setup.test_id
        if test_id is not None:
            miss.add_note(
                f"{self._path} is vcrpy's, and plays by vcrpy's rules. To have recordings of what the test "
                f"asks today instead: pytest {shlex.quote(test_id)} --record-mode=rewrite"
            )
        raise miss

    def _play_audited(self, request: Any) -> Any:
        """The next response; its recorded request is compared with the one that it answers."""
        counts = self.play_counts.copy()
        response = self.play_response(request)
        (number,) = self.play_counts - counts
        recorded, _ = self.data[number]
        now = self._hide(self._before_record_request(request))
        if self._setup.convert is not None:
            self._played.append((now, copy.deepcopy(response)))
        drift = drift_of(recorded, now, self._setup.redactor)
        self._setup.use.audited += 1
        if drift is not None:
            self._setup.use.drifts.append(drift)
        return response

    def live(self, request: Any, response: VcrResponse) -> None:
        """Nothing is recorded."""

    def record(self, request: Any, response: VcrResponse) -> None:
        """Nothing is recorded."""

    def finish(self, *, failed: bool) -> None:
        """Close the cassette; under `--hashtape-convert`, store what it played.

        Args:
            failed: Whether an exception ended it.
        """
        setup = self._setup
        if setup.convert is None or setup.directory is None or not self._played:
            return
        if failed or not setup.has_passed():
            return
        try:
            conversion = setup.convert(
                self._played, setup.directory, setup.test_id, is_shared=setup.is_shared
            )
        except HashtapeError as error:
            setup.use.unconverted.append(str(error))
            return
        setup.use.converted += conversion.recordings
        setup.use.unconverted += conversion.differences


class YamlFallback:
    """Plays what vcrpy recorded.

    Args:
        path: The YAML or JSON file.
        options: vcrpy's options of the cassette that it stands beside.
        by_request_id: Whether only requests with the same id match. So it is once the test has recordings:
            vcrpy's own matching would answer a request that changed from the old cassette.
    """

    def __init__(self, path: Path, options: dict[str, Any], *, by_request_id: bool) -> None:
        passed_on = {name: options[name] for name in _PASSED_ON if name in options}
        if by_request_id:
            passed_on["match_on"] = (matchers.request_id,)
        self._cassette = Cassette.load(
            path=str(path),
            serializer=serializer_for(path),
            persister=FilesystemPersister,
            record_mode=RecordMode.NONE,
            **passed_on,
        )

    def can_play(self, request: Any) -> bool:
        """Whether it has an answer to a request."""
        return bool(self._cassette.can_play_response_for(request))

    def play(self, request: Any) -> VcrResponse | None:
        """Its next answer to a request; None if it has none."""
        if not self.can_play(request):
            return None
        response: VcrResponse = self._cassette.play_response(request)
        return response

    @property
    def data(self) -> list[tuple[Any, VcrResponse]]:
        """Its requests and responses."""
        return list(self._cassette.data)

    @property
    def play_count(self) -> int:
        """How many of its responses have been played."""
        return int(self._cassette.play_count)

    @property
    def all_played(self) -> bool:
        """Whether all of its responses have been played."""
        return bool(self._cassette.all_played)

    def rewind(self) -> None:
        """Play everything again from the start."""
        self._cassette.rewind()
