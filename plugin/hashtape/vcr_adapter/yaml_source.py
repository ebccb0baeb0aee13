"""The cassette of vcrpy that a test plays while it is converted, and the recordings that stand for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hashtape.recording_dir import RecordingDir
from hashtape.vcr_adapter.not_kept import not_kept
from hashtape.vcr_adapter.paths import cassette_directory
from hashtape.vcr_adapter.yaml_fallback import YamlCassette

__all__ = ["YamlSource", "source_of"]


@dataclass(frozen=True, slots=True)
class YamlSource:
    """What a test plays.

    Args:
        path: The cassette.
        directory: Where its recordings are to be.
        test_ids: Whose recordings there count.
        not_kept: The names of the response headers that the recordings will not have.
        before: The files that are there before the test.
    """

    path: Path
    directory: Path
    test_ids: frozenset[str | None]
    not_kept: frozenset[str]
    before: frozenset[Path]

    def has_new_recordings(self) -> bool:
        """Whether recordings of the test have been written since.

        Other tests may write to the same directory at the same time; only what is new is opened.
        """
        directory, test_ids = RecordingDir(self.directory), set(self.test_ids)
        return any(directory.belongs(path, test_ids) for path in set(directory.files()) - self.before)


def source_of(cassette: object) -> YamlSource | None:
    """What a test plays, if that is a cassette of vcrpy's own.

    Args:
        cassette: What pytest-recording's fixture `vcr` gives the test.
    """
    if not isinstance(cassette, YamlCassette):
        return None
    setup = cassette._setup
    directory = setup.directory or cassette_directory(cassette.name)
    return YamlSource(
        Path(cassette.name),
        directory,
        frozenset(setup.test_ids),
        not_kept(cassette.responses, setup.response_headers),
        frozenset(RecordingDir(directory).files()),
    )
