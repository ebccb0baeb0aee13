"""Readable recordings of LLM calls for vcrpy and pytest-recording.

One JSON file per request, named by a hash of the request, with streams decoded to readable chunks.

`use_cassette` records and replays outside pytest, `configure` equips a `vcr.VCR` of one's own, `request_id`
computes the name of a recording. In pytest nothing needs to be called: the plugin is an entry point.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from hashtape.errors import (
    AmbiguousCassetteError,
    CassetteDirectoryError,
    CutRecordingError,
    HashtapeError,
    HashtapeWarning,
    RecordingFileError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from hashtape.request_id import request_id
    from hashtape.vcr_adapter import MissError, configure, use_cassette

__version__ = "0.1.0"

__all__ = [
    "AmbiguousCassetteError",
    "CassetteDirectoryError",
    "CutRecordingError",
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


class _Package(ModuleType):
    """The package, on which `request_id` is the function, loaded when somebody asks for it.

    A property, because importing the submodule of that name would else put itself in the function's place.
    """

    @property
    def request_id(self) -> Callable[..., str]:
        from hashtape.request_id import request_id as function

        return function

    @request_id.setter
    def request_id(self, module: ModuleType) -> None:
        """What the import system does with a submodule; it is in `sys.modules` all the same."""


sys.modules[__name__].__class__ = _Package
