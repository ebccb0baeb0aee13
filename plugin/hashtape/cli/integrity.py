"""What is wrong with a recording: its name, its codec, its secrets. It reads nothing and changes nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias
from urllib.parse import urlsplit

from hashtape.codecs import Context, decode, encode
from hashtape.model_list import is_digest_of, stored_ids
from hashtape.recording import NAMED_WITH_VALUES, HttpRequest, InferenceRequest, Unset
from hashtape.recording_dir import RecordingDir
from hashtape.redaction import Redactor
from hashtape.redaction.known import KnownSecrets
from hashtape.request_id import id_of, old_ids_of, operation_of
from hashtape.wire_form import wire_request_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from hashtape.codecs import Json
    from hashtape.recording import Answer, Recording

__all__ = ["Flaw", "Flaws", "name_for"]

_OLD_NAME = re.compile(r"[0-9a-f]{12}")
_MODEL_LIST_NAME = re.compile(r"models-([0-9a-f]{64}|[0-9a-f]{12})-([0-9a-f]{8})")
_KNOWN_LABELS = ("openai.types.", "anthropic.types.", "ollama._types.", "google.genai.types.", "sse.")
_CUT = "transport"

Kind: TypeAlias = Literal["broken", "name", "codec", "secret", "old name", "label", "not http", "older form"]


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something about a file.

    Args:
        kind: What about it.
        message: The sentence. It never holds a secret.
        is_wrong: Whether it is to be mended; else it is good to know.
    """

    kind: Kind
    message: str
    is_wrong: bool = True


class Flaws:
    """Looks recordings over by rules that the user may widen.

    Args:
        secret_names: Further names of fields that hold secrets.
        not_secret: What is no secret after all.
    """

    def __init__(self, *, secret_names: Iterable[str] = (), not_secret: Iterable[str] = ()) -> None:
        self._secret_names = list(secret_names)
        self._not_secret = list(not_secret)

    def of(self, path: Path, recording: Recording) -> list[Flaw]:
        """All that is worth a word about a recording.

        Args:
            path: Its file, whose name is compared.
            recording: What is in there.
        """
        return [
            *_of_name(path, recording),
            *_of_answers(recording),
            *self._secrets(recording),
            *_of_labels(recording),
        ]

    def _secrets(self, recording: Recording) -> Iterator[Flaw]:
        # Neither this machine's environment nor another file decides what is secret in this one.
        redactor = Redactor(
            secret_names=self._secret_names, not_secret=self._not_secret, known=KnownSecrets(), environ={}
        )
        seen: set[str] = set()
        for finding in redactor.recording(recording)[1]:
            if finding.where not in seen:
                seen.add(finding.where)
                yield Flaw("secret", f"{finding.where} holds a secret ({finding.what})")


# --- Names (spec §1, §2, §6) -----------------------------------------------------------------------------


def _test_id(recording: Recording) -> str | None:
    if not isinstance(recording.test_id, Unset):
        return recording.test_id
    # The http variant has it in its request too.
    return recording.request.test_id if isinstance(recording.request, HttpRequest) else None


def name_for(path: Path, recording: Recording) -> Path | None:
    """The file that a recording belongs in; None if only who made it can tell (spec §6)."""
    request = recording.request
    if not isinstance(request, (InferenceRequest, HttpRequest)):
        return None
    try:
        request_id = id_of(request, _test_id(recording))
    except (ValueError, RecursionError):
        return None
    return RecordingDir(path.parent).file_for(request_id, recording)


def _of_name(path: Path, recording: Recording) -> Iterator[Flaw]:
    request = recording.request
    if not isinstance(request, (InferenceRequest, HttpRequest)):
        yield Flaw("not http", "a call above HTTP: it is kept and shown, not replayed", is_wrong=False)
        return
    try:
        ids = {id_of(request, _test_id(recording), revision) for revision in (1, 2)}
    except (ValueError, RecursionError) as error:
        yield Flaw("name", f"expected a request that can be hashed, got none ({error})")
        return
    name = path.stem
    if path.suffix == ".json" and name in ids:
        return
    models = stored_ids(recording.response.body)
    if (match := _MODEL_LIST_NAME.fullmatch(name)) and models is not None and is_digest_of(match[2], models):
        if match[1] in ids:
            return
        name = match[1]
    if _is_old_name(name, request, ids):
        yield Flaw("old name", "named by 12 digits, as files once were: it plays", is_wrong=False)
        return
    if request.extra.get(NAMED_WITH_VALUES) is True:
        yield Flaw("name", "named by its request with the values that were taken out of it", is_wrong=False)
        return
    expected = name_for(path, recording)
    yield Flaw("name", f"expected the name of its own hash, {expected.name if expected else '?'}")


def _is_old_name(name: str, request: InferenceRequest | HttpRequest, ids: set[str]) -> bool:
    """Whether a name is one of 12 digits, whose hash had no number rule and no test id (spec §2)."""
    if not _OLD_NAME.fullmatch(name) or not isinstance(request, InferenceRequest):
        return False
    return name in old_ids_of(request) or any(request_id.startswith(name) for request_id in ids)


# --- Answers ---------------------------------------------------------------------------------------------


def _of_answers(recording: Recording) -> Iterator[Flaw]:
    request = recording.request
    try:
        wire = wire_request_of(request)
        path = "" if wire is None else urlsplit(wire.url).path
    except (ValueError, RecursionError) as error:
        yield Flaw("codec", f"expected a request that can be sent, got none ({error})")
        return
    if wire is None:
        return
    for number, answer in enumerate(recording.answers):
        where = f"later_responses[{number - 1}]" if number else "response"
        category = (answer.exception_data or {}).get("category")
        if answer.is_exception and category != _CUT:
            continue  # it has no body: its error is answered
        context = Context(
            operation_of(request),
            answer.headers.get("content-type", ""),
            200 if answer.status is None else answer.status,
            is_cut=answer.is_exception,
            path=path,
        )
        yield from _of_answer(answer, where, context)


def _of_answer(answer: Answer, where: str, context: Context) -> Iterator[Flaw]:
    entries = answer.body if isinstance(answer.body, list) else [answer.body]
    for number, entry in enumerate(entries):
        # It would play, as JSON of another kind.
        if isinstance(entry, dict) and "__type__" in entry and "__data__" not in entry:
            place = f"{where}.body[{number}]" if entries is answer.body else f"{where}.body"
            yield Flaw("codec", f"{place} has a __type__ and no __data__")
            return
    try:
        body, usual = encode(answer.decoded, context)
        again = Context(
            context.operation,
            context.content_type or usual,
            context.status,
            is_cut=context.is_cut,
            path=context.path,
        )
        decoded, _ = decode(body, again)
        returned, _ = encode(decoded, again)
    except (ValueError, RecursionError) as error:
        yield Flaw("codec", f"{where}.body cannot be encoded: {error}")
        return
    if returned != body and decode(returned, again)[0] != decoded:
        yield Flaw("codec", f"{where}.body encodes to bytes that do not come back when they are decoded")
    elif decoded != answer.decoded:
        message = f"{where}.body plays, and would be stored in another form today"
        yield Flaw("older form", message, is_wrong=False)


def _of_labels(recording: Recording) -> Iterator[Flaw]:
    unknown: dict[str, None] = {}
    for answer in recording.answers:
        for entry in answer.body if isinstance(answer.body, list) else [answer.body]:
            label = _label(entry)
            # Events of AWS are labelled with their plain names.
            if "." in label and not label.startswith(_KNOWN_LABELS):
                unknown[label] = None
    for label in unknown:
        yield Flaw("label", f"a label that no codec knows: {label}", is_wrong=False)


def _label(entry: Json) -> str:
    label = entry.get("__type__") if isinstance(entry, dict) else None
    return label if isinstance(label, str) else ""
