"""Tests whose cassettes hashtape leaves alone, as the suite has a serializer or persister of its own."""

from __future__ import annotations

from vcr.cassette import Cassette

from hashtape.vcr_adapter.cassette import RecordingCassette
from hashtape.vcr_adapter.yaml_fallback import YamlCassette

__all__ = ["is_left_alone"]


def is_left_alone(cassette: object) -> bool:
    """Whether what pytest-recording's fixture `vcr` gives a test is a cassette that vcrpy alone plays."""
    return isinstance(cassette, Cassette) and not isinstance(cassette, (RecordingCassette, YamlCassette))
