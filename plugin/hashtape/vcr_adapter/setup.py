"""What a cassette of recordings needs to know beside vcrpy's options."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hashtape.miss import MissLog
from hashtape.redaction import Redactor
from hashtape.vcr_adapter.usage import CassetteUse

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hashtape.recording_dir import RecordingDir
    from hashtape.vcr_adapter.yaml_conversion import Conversion

__all__ = ["CassetteSetup"]


@dataclass(frozen=True, slots=True)
class CassetteSetup:
    """What a cassette of recordings needs to know beside vcrpy's options.

    Args:
        test_id: The pytest node id, None outside a test.
        directory: Where its recordings are; None for the directory that vcrpy's path names.
        path_is_directory: Whether that path is the directory itself, whatever its suffix.
        yaml_path: The cassette of vcrpy that this test may still have.
        is_shared: Whether other tests keep their recordings in the same directory by design.
        extra_paths: Further cassettes to play from, directories and files, as pytest-recording resolved them.
        stock_persister: What vcrpy would load its own cassettes with.
        own_match_on: Whether the user chose `match_on`: then it decides, among the test's recordings.
        own_matchers: vcrpy's matchers that the user chose.
        is_rewrite: Whether to remove what the test did not use, after it passed.
        saves_on_exception: vcrpy's `record_on_exception`.
        response_headers: Lower-case names of further response headers to store.
        redactor: What never reaches a file.
        allowed_hosts: Hosts that a request which a filter leaves out may go to also under `none`.
        has_passed: Whether the test passed so far; asked at the end.
        use: Takes what is played, recorded, missed and sent.
        misses: Takes the misses with their explanations.
        is_audit: Whether a YAML cassette is played whatever else there is, and each request compared.
        convert: Stores what a YAML cassette played for a test that passed: `Converter.convert`.
    """

    test_id: str | None = None
    directory: Path | None = None
    path_is_directory: bool = False
    yaml_path: Path | None = None
    is_shared: bool = False
    extra_paths: tuple[Path, ...] = ()
    stock_persister: Any = None
    own_match_on: bool = False
    own_matchers: tuple[Any, ...] = ()
    is_rewrite: bool = False
    saves_on_exception: bool = True
    response_headers: frozenset[str] = frozenset()
    redactor: Redactor = field(default_factory=Redactor)
    allowed_hosts: frozenset[str] = frozenset()
    has_passed: Callable[[], bool] = field(default=lambda: True)
    use: CassetteUse = field(default_factory=CassetteUse)
    misses: MissLog = field(default_factory=MissLog)
    is_audit: bool = False
    convert: Callable[..., Conversion] | None = None

    @property
    def test_ids(self) -> set[str | None]:
        """The test ids of recordings that are this test's. In a directory of its own, those of none too."""
        return {self.test_id} if self.is_shared else {self.test_id, None}

    def note_passed_on(self, request: Any) -> None:
        """Note a request of vcrpy's that is sent although it is not the cassette's."""
        self.use.note_sent(f"{request.method} {self.redactor.url(request.uri)}")

    def has_recordings(self, directory: RecordingDir) -> bool:
        """Whether a directory has recordings of this test."""
        return any(directory.belongs(path, self.test_ids) for path in directory.files())
