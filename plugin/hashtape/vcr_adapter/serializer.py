"""A vcrpy serializer and a persister, usable alone on any `vcr.VCR` with vcrpy's own cassettes.

The serializer keeps one file per cassette, with the recordings in a list; the persister makes it a directory.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from vcr.persisters.filesystem import CassetteNotFoundError
from vcr.request import Request

from hashtape.codecs import Json, indented
from hashtape.errors import HashtapeError
from hashtape.recording import HttpRequest, InferenceRequest, Recording
from hashtape.recording_dir import RecordingDir
from hashtape.redaction import Redactor
from hashtape.vcr_adapter.as_sent import note_as_sent, spell_as_sent
from hashtape.vcr_adapter.vcr_requests import identified, sent_request, vcr_request_of, wire_request
from hashtape.vcr_adapter.vcr_responses import answer_of, decompressed, response_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hashtape.vcr_adapter.vcr_responses import VcrResponse

__all__ = ["RecordingPersister", "RecordingSerializer"]

_REDACTOR = Redactor()


def _recordings(interactions: Iterable[tuple[Any, VcrResponse]], test_id: str | None) -> dict[str, Recording]:
    """Requests and responses as recordings, by request id, in the order in which the first of each came."""
    recordings: dict[str, Recording] = {}
    for request, response in interactions:
        wire, recorded, _, request_id, _ = identified(sent_request(request), test_id, _REDACTOR)
        note_as_sent(request, recorded)
        answer, _ = _REDACTOR.answer(answer_of(recorded, wire, request_id, decompressed(response)))
        if request_id in recordings:
            recordings[request_id].later_responses.append(answer)
        else:
            recordings[request_id] = Recording(test_id, recorded, answer)
    return recordings


def _interactions(recordings: Iterable[Recording]) -> Iterator[tuple[Any, VcrResponse]]:
    for recording in recordings:
        request = recording.request
        vcr_request = vcr_request_of(request)
        if vcr_request is None or not isinstance(request, (InferenceRequest, HttpRequest)):
            continue
        spell_as_sent(vcr_request, request)
        for answer in recording.answers:
            yield vcr_request, response_of(request, wire_request(vcr_request), answer)


class RecordingSerializer:
    """vcrpy's serializer interface: a whole cassette as one readable JSON text.

    Args:
        test_id: The pytest node id for the request ids, None outside a test.
    """

    def __init__(self, test_id: str | None = None) -> None:
        self._test_id = test_id

    def serialize(self, cassette_dict: dict[str, Any]) -> str:
        """Write `{"version": 1, "recordings": […]}`; each recording is as in a file of its own.

        Args:
            cassette_dict: vcrpy's `{"version", "interactions": [{"request", "response"}]}`.
        """
        interactions = (
            (Request._from_dict(interaction["request"]), interaction["response"])
            for interaction in cassette_dict["interactions"]
        )
        recordings = _recordings(interactions, self._test_id).values()
        data: dict[str, Json] = {"version": 1, "recordings": [r.to_json() for r in recordings]}
        if cassette_dict.get("metadata"):
            data["metadata"] = cassette_dict["metadata"]
        return "".join(indented(data)) + "\n"

    def deserialize(self, cassette_string: str) -> dict[str, Any]:
        """Read what `serialize` wrote.

        Raises:
            HashtapeError: It is something else.
        """
        try:
            data = json.loads(cassette_string)
            recordings = [Recording.from_json(entry) for entry in data["recordings"]]
        except (ValueError, KeyError, TypeError) as error:
            raise HashtapeError(
                f'expected a cassette of the hashtape serializer: {{"version": 1, "recordings": […]}}, got a '
                f"text that is not ({error!r}). Delete the cassette and record it again"
            ) from None
        interactions = [
            {"request": request._to_dict(), "response": response}
            for request, response in _interactions(recordings)
        ]
        return {"version": 1, "interactions": interactions, "metadata": data.get("metadata")}


class RecordingPersister:
    """vcrpy's persister interface: a cassette is a directory with one recording a request.

    For vcrpy's own cassette class, which reads everything when it opens and writes when it closes. Recordings
    are added and replaced, never removed: vcrpy does not say what it dropped.

    Args:
        test_id: The pytest node id for the request ids, None outside a test.
    """

    def __init__(self, test_id: str | None = None) -> None:
        self._test_id = test_id

    def load_cassette(self, cassette_path: Any, serializer: Any) -> tuple[list[Any], list[VcrResponse]]:  # noqa: ARG002
        """All requests and responses of a directory.

        Args:
            cassette_path: The directory.
            serializer: Not used: the format of the files is fixed.

        Raises:
            CassetteNotFoundError: It has no recordings.
            RecordingFileError: A file in it is none.
        """
        directory = RecordingDir(cassette_path)
        directory.check()
        pairs = list(_interactions(directory.read(path) for path in directory.files()))
        if not pairs:
            raise CassetteNotFoundError(f"{cassette_path} has no recordings")
        return [request for request, _ in pairs], [response for _, response in pairs]

    def save_cassette(self, cassette_path: Any, cassette_dict: dict[str, Any], serializer: Any) -> None:  # noqa: ARG002
        """Write each interaction to its recording.

        Args:
            cassette_path: The directory; it is made if need be.
            cassette_dict: vcrpy's `{"requests", "responses"}`.
            serializer: Not used: the format of the files is fixed.
        """
        directory = RecordingDir(cassette_path)
        directory.make()
        pairs = zip(cassette_dict["requests"], cassette_dict["responses"], strict=True)
        for request_id, recording in _recordings(pairs, self._test_id).items():
            directory.write(directory.file_for(request_id, recording), recording)
