"""A cassette of vcrpy's own beside a directory of recordings: it goes on playing and is never written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vcr.cassette import Cassette
from vcr.persisters.filesystem import FilesystemPersister
from vcr.record_mode import RecordMode
from vcr.serializers import jsonserializer, yamlserializer

from hashtape.vcr_adapter import matchers

if TYPE_CHECKING:
    from pathlib import Path

    from hashtape.vcr_adapter.conversion import VcrResponse

__all__ = ["YamlFallback", "serializer_for"]

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
