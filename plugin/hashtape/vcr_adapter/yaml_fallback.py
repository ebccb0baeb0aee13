"""Cassettes of vcrpy's own, alone or beside recordings: they go on playing, and are never written."""

from __future__ import annotations

from threading import RLock
from typing import TYPE_CHECKING, Any

from vcr.cassette import Cassette
from vcr.errors import CannotOverwriteExistingCassetteException
from vcr.persisters.filesystem import FilesystemPersister
from vcr.record_mode import RecordMode
from vcr.request import Request
from vcr.serializers import jsonserializer, yamlserializer

from hashtape.vcr_adapter import matchers
from hashtape.vcr_adapter.offline import refuse_under_none
from hashtape.vcr_adapter.stubs import FAMILIES, left_alone

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hashtape.request_id import WireRequest
    from hashtape.vcr_adapter.conversion import VcrResponse
    from hashtape.vcr_adapter.setup import CassetteSetup

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
            MissError: A filter says so, and the record mode is `none`: then nothing is sent.
        """
        if self._before_record_request(request):
            return request
        if not is_in_process:
            refuse_under_none(self, request, self._setup)
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
                response: VcrResponse = self.play_response(request)
                return response
        raise CannotOverwriteExistingCassetteException(cassette=self, failed_request=request)

    def live(self, request: Any, response: VcrResponse) -> None:
        """Nothing is recorded."""

    def record(self, request: Any, response: VcrResponse) -> None:
        """Nothing is recorded."""


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
