"""Readable recordings of LLM calls for vcrpy and pytest-recording.

One JSON file per request, named by a hash of the request, with streams decoded to readable chunks.

`use_cassette` records and replays outside pytest, `configure` equips a `vcr.VCR` of one's own, `request_id`
computes the name of a recording. In pytest nothing needs to be called: the plugin is an entry point.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hashtape.errors import CassetteDirectoryError, HashtapeError, HashtapeWarning, RecordingFileError

# Imported here and not on demand: the submodule of the same name would otherwise take the attribute.
from hashtape.request_id import request_id

if TYPE_CHECKING:
    from hashtape.vcr_adapter import MissError, configure, use_cassette

__version__ = "0.1.0"

__all__ = [
    "CassetteDirectoryError",
    "HashtapeError",
    "HashtapeWarning",
    "MissError",
    "RecordingFileError",
    "__version__",
    "configure",
    "request_id",
    "use_cassette",
]


def __getattr__(name: str) -> Any:
    # pytest imports this package at start-up: vcrpy and whatever it imports wait until somebody asks.
    if name in {"MissError", "configure", "use_cassette"}:
        import hashtape.vcr_adapter

        return getattr(hashtape.vcr_adapter, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
