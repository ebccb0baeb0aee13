"""What a test did with its cassettes, noted as it happens: for the summary at the end of the run."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Hashable
    from pathlib import Path

__all__ = ["CassetteUse", "Drift"]

Drift: TypeAlias = tuple[str, list[str]]
"""A request in one line, and what differs from the recorded one, a line each."""


@dataclass(slots=True)
class CassetteUse:
    """What a test did with its cassettes.

    Args:
        test_id: The test id as its recordings have it.
        directories: Where its own recordings are.
        files: The recordings that it played or made, also those of extra cassettes.
        played: How many responses came from a cassette.
        recorded: How many were stored.
        missed: The requests that found no recording; a request that is tried again is the same one.
        sent: The requests that were sent to the network, in one line each, and how often.
        audited: How many requests were compared with those that a YAML cassette has recorded.
        drifts: Those that differ.
        converted: How many recordings now stand for its YAML cassettes.
        unconverted: Why they could not be converted.
    """

    test_id: str | None = None
    directories: set[Path] = field(default_factory=set)
    files: set[Path] = field(default_factory=set)
    played: int = 0
    recorded: int = 0
    missed: set[Hashable] = field(default_factory=set)
    sent: Counter[str] = field(default_factory=Counter)
    audited: int = 0
    drifts: list[Drift] = field(default_factory=list)
    converted: int = 0
    unconverted: list[str] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def note_sent(self, request_line: str) -> None:
        """Count a request that is about to be sent to the network.

        Args:
            request_line: Method, URL and what else says what it is, without secrets.
        """
        with self._lock:
            self.sent[request_line] += 1

    def to_json(self) -> dict[str, Any]:
        """The same in plain values, as they go from an xdist worker to its controller."""
        return {
            "test_id": self.test_id,
            "directories": sorted(map(os.path.abspath, self.directories)),
            "files": sorted(map(os.path.abspath, self.files)),
            "played": self.played,
            "recorded": self.recorded,
            "missed": len(self.missed),
            "sent": dict(self.sent),
            "audited": self.audited,
            "drifts": self.drifts,
            "converted": self.converted,
            "unconverted": self.unconverted,
        }
