"""Cassettes of vcrpy's own into recordings, and back.

What a test saw before, it sees after: answers keep their ids and times, which a new recording would make the
same each time (spec §4). Only secrets are taken out on the way.
"""

from __future__ import annotations

import copy
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from vcr.record_mode import RecordMode
from vcr.serialize import serialize
from vcr.serializers import yamlserializer

from hashtape.errors import RecordingFileError
from hashtape.model_list import union_of
from hashtape.payload import is_description
from hashtape.recording import HttpRequest, OtherRequest, Recording
from hashtape.recording_dir import RecordingDir
from hashtape.redaction import KnownSecrets, Redactor
from hashtape.vcr_adapter.as_sent import note_as_sent, spell_as_sent
from hashtape.vcr_adapter.cassette import RecordingCassette
from hashtape.vcr_adapter.entry import host_of, url_of
from hashtape.vcr_adapter.miss_error import MissError
from hashtape.vcr_adapter.not_kept import not_kept
from hashtape.vcr_adapter.setup import CassetteSetup
from hashtape.vcr_adapter.vcr_requests import (
    freeze_body,
    header_pairs,
    identified,
    sent_request,
    vcr_request_of,
)
from hashtape.vcr_adapter.vcr_responses import answer_of, decompressed, response_of
from hashtape.wire_form import wire_forms

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from hashtape.recording import Answer, InferenceRequest
    from hashtape.redaction import Finding
    from hashtape.request_id import WireRequest
    from hashtape.vcr_adapter.asked import Asked
    from hashtape.vcr_adapter.vcr_responses import VcrResponse
    from hashtape.vcr_adapter.yaml_cassettes import Interactions

__all__ = ["Conversion", "Converter", "YamlText", "yaml_of"]


@dataclass(slots=True)
class Conversion:
    """What became of one cassette.

    Args:
        recordings: How many recordings stand for it.
        size: Their bytes.
        written: The files that are new.
        findings: The secrets that were taken out.
        differences: What a replay answers otherwise than vcrpy does; then nothing was written.
        not_kept: The names of the response headers that the cassette has and the recordings do not.
    """

    recordings: int = 0
    size: int = 0
    written: list[Path] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)
    not_kept: frozenset[str] = frozenset()


class Converter:
    """Turns cassettes of vcrpy into recordings, by the rules that a project has for its own.

    Args:
        secret_names: Names of fields whose values are secret, beside those that are known.
        not_secret: What is not secret after all.
        response_headers: Names of response headers to store beside those that clients act on.
        knows_tests: Whether each cassette is what a test has just played: then recordings of another test do
            not stand for it, although they say the same.
    """

    def __init__(
        self,
        *,
        secret_names: Iterable[str] = (),
        not_secret: Iterable[str] = (),
        response_headers: Iterable[str] = (),
        knows_tests: bool = False,
    ) -> None:
        self._secret_names = tuple(secret_names)
        self._not_secret = tuple(not_secret)
        self._response_headers = frozenset(name.lower() for name in response_headers)
        self._knows_tests = knows_tests

    def convert(
        self,
        interactions: Interactions,
        directory: Path,
        test_id: str | None = None,
        *,
        is_shared: bool = False,
    ) -> Conversion:
        """Write the recordings of a cassette, play them, and compare that with what vcrpy would play.

        Nothing is replaced: what is there with the same answers stays as it is, whatever its name.

        Args:
            interactions: What `read_cassette` returned.
            directory: The directory of the recordings.
            test_id: The pytest node id, None if it is not known or there are several.
            is_shared: Whether other tests keep their recordings in the same directory by design.

        Raises:
            RecordingFileError: There is a file in the directory that is no recording.
            CassetteDirectoryError: The directory cannot be made or written to.
        """
        redactor = self._new_redactor()
        test_id = test_id and redactor.text(test_id)
        recordings, findings = self._recordings(interactions, test_id, redactor)
        result = Conversion(len(recordings), findings=list(dict.fromkeys(findings)))
        responses = (response for _, response in interactions)
        result.not_kept = not_kept(responses, self._response_headers)
        target = RecordingDir(directory)
        is_new = bool(recordings) and not directory.is_dir() and target.make()
        try:
            test_ids = {test_id, None} if self._knows_tests else None
            present = _Present(target, test_ids, is_shared=is_shared)
            owner = self._write(recordings, target, present, result)
            setup = CassetteSetup(
                # What an earlier run has placed, and this one cannot, is played as that test's.
                test_id=owner or test_id,
                directory=directory,
                path_is_directory=True,
                is_shared=is_shared,
                response_headers=self._response_headers,
                redactor=self._new_redactor(),
            )
            result.differences = self._differences(interactions, directory, setup)
        except BaseException:
            _take_back(target, result, is_new=is_new)
            raise
        if result.differences:
            _take_back(target, result, is_new=is_new)
        return result

    @staticmethod
    def _write(
        recordings: dict[str, Recording], target: RecordingDir, present: _Present, result: Conversion
    ) -> str | None:
        """Write what is not there yet; returns the one test whose recordings are, if there is one."""
        owners: set[str] = set()
        for request_id, recording in recordings.items():
            path = target.file_for(request_id, recording)
            found = present.equal(path, recording)
            if found is not None:
                path, there = found
                owners |= {there.test_id} if isinstance(there.test_id, str) else set()
            elif not path.exists():
                target.write(path, recording)
                result.written.append(path)
            result.size += path.stat().st_size
        return owners.pop() if len(owners) == 1 else None

    def _new_redactor(self) -> Redactor:
        """A redactor that knows the secrets of no other cassette: the order of the files must not matter."""
        return Redactor(secret_names=self._secret_names, not_secret=self._not_secret, known=KnownSecrets())

    def _recordings(
        self, interactions: Interactions, test_id: str | None, redactor: Redactor
    ) -> tuple[dict[str, Recording], list[Finding]]:
        """The recordings by request id, in the order in which the first request of each came."""
        recordings: dict[str, Recording] = {}
        findings: list[Finding] = []
        for request, response in interactions:
            freeze_body(request)
            redactor.known.learn_headers(header_pairs(request.headers))
            wire, recorded, _, request_id, found = identified(sent_request(request), test_id, redactor)
            answer, more = redactor.answer(self._answer(recorded, wire, request_id, response))
            findings += [*found, *more]
            recording = recordings.get(request_id)
            if recording is None:
                note_as_sent(request, recorded)
                recordings[request_id] = Recording(test_id, recorded, answer)
                continue
            if host_of(recorded.url) != host_of(url_of(recording)):
                answer.url = recorded.url  # spec §7
            recording.later_responses.append(answer)
        for recording in recordings.values():
            # Once more: an answer may hold what only a later one has shown to be a secret.
            answers = [redactor.answer(answer) for answer in recording.answers]
            (recording.response, *recording.later_responses) = [answer for answer, _ in answers]
            findings += [finding for _, found in answers for finding in found]
        _number(recordings.values())
        return recordings, findings

    def _answer(
        self,
        recorded: InferenceRequest | HttpRequest,
        wire: WireRequest,
        request_id: str,
        response: VcrResponse,
    ) -> Answer:
        return answer_of(
            recorded, wire, request_id, decompressed(response), self._response_headers, keeps_ids=True
        )

    def _differences(self, interactions: Interactions, directory: Path, setup: CassetteSetup) -> list[str]:
        """What a replay of the recordings alone answers otherwise than vcrpy's own of the cassette."""
        redactor = setup.redactor
        cassette = RecordingCassette(path=str(directory), setup=setup, record_mode=RecordMode.NONE)
        played: list[tuple[Asked, Answer, VcrResponse]] = []
        differences: list[str] = []
        for request, response in interactions:
            asked = cassette.ask(copy.copy(request))
            if asked is None:  # pragma: no cover  (there are no filters)
                continue
            expected = self._answer(asked.recorded, asked.wire, asked.request_id, response)
            redactor.answer(expected)  # so that it learns what the conversion learned
            try:
                replayed = cassette.play(asked)
            except MissError:
                differences.append(f"{_line(asked)}: no recording answers it")
                continue
            except RecordingFileError as error:
                differences.append(f"{_line(asked)}: {error}")
                continue
            if replayed is not None:
                played.append((asked, expected, replayed))
        for asked, expected, replayed in played:
            safe, _ = redactor.answer(expected)
            # The same bytes but for JSON spelling: each codec has compared that when it took the answer.
            fresh = response_of(asked.recorded, asked.wire, safe)
            if what := [part for part in ("status", "headers", "body") if fresh[part] != replayed[part]]:
                differences.append(f"{_line(asked)}: the recording has another {' and '.join(what)}")
        return differences


def _take_back(directory: RecordingDir, result: Conversion, *, is_new: bool) -> None:
    """Leave everything as it was: half a cassette would stand in the way of the whole one."""
    for path in result.written:
        directory.delete(path)
    result.written = []
    if is_new:
        directory.remove_if_empty()


class _Present:
    """The recordings that are in a directory already, by what they say.

    Args:
        directory: The directory.
        test_ids: The tests whose recordings count; None: all.
        is_shared: Whether the directory is that of many tests: then only the name of a file counts.
    """

    def __init__(self, directory: RecordingDir, test_ids: set[str | None] | None, *, is_shared: bool) -> None:
        self._directory = directory
        self._index: dict[tuple[str, str, str], list[Path]] = {}
        if is_shared:
            return
        broken: dict[Path, RecordingFileError] = {}
        self._index = directory.index(test_ids, broken)
        for error in broken.values():
            raise error

    def equal(self, path: Path, recording: Recording) -> tuple[Path, Recording] | None:
        """A recording of the same request with the same answers; the file that it belongs in comes first."""
        others = (other for form in wire_forms(recording.request) for other in self._index.get(form, ()))
        for candidate in dict.fromkeys([path, *others]):
            with suppress(FileNotFoundError):
                found = self._directory.read(candidate)
                if found.answers == recording.answers:
                    return candidate, found
        return None


def _number(recordings: Iterable[Recording]) -> None:
    """Note the order where it may decide: `match_on` may not tell requests apart by their bodies."""
    numbered = list(enumerate(recordings))
    asked = Counter(_endpoint(recording) for _, recording in numbered)
    for number, recording in numbered:
        if asked[_endpoint(recording)] > 1:
            recording.extra["position"] = number


def _endpoint(recording: Recording) -> tuple[str, str]:
    request = recording.request
    return ("", "") if isinstance(request, OtherRequest) else (request.method, request.url)


def _line(asked: Asked) -> str:
    return f"{asked.wire.method} {asked.wire.url}"


# --- And back --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class YamlText:
    """A directory of recordings as one cassette of vcrpy.

    Args:
        text: The YAML.
        interactions: How many there are.
        left_out: How many recordings never were HTTP.
        without_body: How many of its requests have none because only a description of it is stored.
        is_unordered: Whether only their bodies tell some of its requests apart, as nothing says in which
            order they came.
    """

    text: str
    interactions: int
    left_out: int
    without_body: int
    is_unordered: bool


def yaml_of(directory: Path) -> YamlText:
    """A directory of recordings as the text of a cassette that stock vcrpy plays.

    Args:
        directory: The directory.

    Raises:
        RecordingFileError: A file in it is no recording, or has an answer that cannot be replayed.
    """
    recordings = sorted(_recordings_in(RecordingDir(directory)), key=lambda pair: _order(pair[1]))
    requests: list[Any] = []
    responses: list[VcrResponse] = []
    left_out = without_body = 0
    for path, recording in recordings:
        if isinstance(recording.request, OtherRequest) or vcr_request_of(recording.request) is None:
            left_out += 1
            continue
        for answer in recording.answers:
            request = replace(recording.request, url=answer.url or recording.request.url)
            vcr_request = vcr_request_of(request)
            if vcr_request is None:
                raise RecordingFileError(path, "answers that came by HTTP", f"one from {request.url!r}")
            try:
                response = response_of(request, sent_request(vcr_request), answer, is_replay=False)
            except (ValueError, RecursionError) as error:
                raise RecordingFileError(path, "an answer that can be replayed", str(error)) from None
            response.pop("cut", None)  # vcrpy knows no stream that broke off
            spell_as_sent(vcr_request, request)
            if isinstance(request, HttpRequest) and is_description(request.payload):
                # Nobody ever sent the description: in the body's place it would match nothing.
                vcr_request.body, vcr_request.headers = None, {}
                without_body += 1
            requests.append(vcr_request)
            responses.append(response)
    text = serialize({"requests": requests, "responses": responses}, yamlserializer)
    asked = Counter(_endpoint(recording) for _, recording in recordings)
    is_unordered = any(
        asked[_endpoint(recording)] > 1 and ("position" not in recording.extra or recording.later_responses)
        for _, recording in recordings
        if not isinstance(recording.request, OtherRequest)
    )
    return YamlText(text, len(requests), left_out, without_body, is_unordered)


def _recordings_in(directory: RecordingDir) -> Iterator[tuple[Path, Recording]]:
    """Every recording; the lists that a provider's models are spread over as one (spec §6)."""
    lists: dict[str, list[tuple[Path, Recording]]] = {}
    for path in directory.files():
        recording = directory.read(path)
        if path.stem.startswith("models-"):
            lists.setdefault(path.stem.rpartition("-")[0], []).append((path, recording))
        else:
            yield path, recording
    for found in lists.values():
        yield found[0][0], union_of([recording for _, recording in found])


def _order(recording: Recording) -> int:
    position = recording.extra.get("position")
    return position if isinstance(position, int) else 1 << 62
