"""The only room that knows vcrpy: serializer, matchers, persister, cassette and stubs."""

from hashtape.vcr_adapter.context import configure, equip, use_cassette
from hashtape.vcr_adapter.miss_error import MissError
from hashtape.vcr_adapter.paths import extra_cassettes
from hashtape.vcr_adapter.serializer import RecordingPersister, RecordingSerializer
from hashtape.vcr_adapter.setup import CassetteSetup
from hashtape.vcr_adapter.usage import CassetteUse

__all__ = [
    "CassetteSetup",
    "CassetteUse",
    "MissError",
    "RecordingPersister",
    "RecordingSerializer",
    "configure",
    "equip",
    "extra_cassettes",
    "use_cassette",
]
