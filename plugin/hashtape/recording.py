"""One recording: the dataclasses of one JSON file, to and from text (spec §1, §3, §7).

Keys that this module does not know are carried along in `extra` and written back where they were found.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

from hashtape.codecs import MAX_DEPTH, Decoded, Json, indented, is_deeper_than
from hashtape.codecs.long_json import PACKED, Shape, parse_long
from hashtape.errors import HashtapeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = [
    "NAMED_WITH_VALUES",
    "Answer",
    "HttpRequest",
    "InferenceRequest",
    "InvalidRecordingError",
    "OtherRequest",
    "RecordedRequest",
    "Recording",
    "Unset",
    "request_from_json",
    "text_of",
]


NAMED_WITH_VALUES: Final = "is_named_with_values"
"""A key of `request`, where values of the process were taken out of the body after its id was computed: with
them it has the name of its file, without them it has another."""


class InvalidRecordingError(HashtapeError):
    """A text is not a recording: what was expected, and what was there.

    It names no file, as none is known here; `RecordingDir` adds that.
    """

    def __init__(self, expected: str, got: str) -> None:
        self.expected = expected
        self.got = got
        super().__init__(f"expected {expected}, got {got}")


_LEVELS_ABOVE_A_CHUNK = 4
"""later_responses, an answer, its body, a chunk."""
_DEPTH_OF_A_BODY = 8
"""At most so many levels of a file are around a body: later_responses, body, the entry, its data."""


_CHUNKS: Shape = {"response": {"body": PACKED}, "later_responses": [{"body": PACKED}]}
"""Where in a file the chunks of streams are."""


class Unset:
    """The type of a key that is not in the file, where null means something else."""


UNSET: Final = Unset()


def _kind(value: Json) -> str:
    if value is None:
        return "null"
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean"}
    return names.get(type(value), "a number")


def _take(data: dict[str, Json], key: str, where: str, kinds: tuple[type, ...], expected: str) -> Json:
    if key not in data:
        raise InvalidRecordingError(f"{expected} under '{where}{key}'", "no such key")
    value = data.pop(key)
    if not isinstance(value, kinds) or (bool not in kinds and isinstance(value, bool)):
        raise InvalidRecordingError(f"{expected} under '{where}{key}'", _kind(value))
    return value


def _take_text(data: dict[str, Json], key: str, where: str) -> str:
    value = _take(data, key, where, (str,), "a string")
    return value if isinstance(value, str) else ""


@dataclass(slots=True)
class InferenceRequest:
    """The request of a known inference operation in recorded form (spec §1).

    Args:
        method: Upper case; POST for all that hashtape writes.
        url: The recorded URL (spec §3), which is not the one on the wire.
        body: The JSON body.
        endpoint: The operation, for people and tools; the hash does not use it.
        model: The model, likewise; empty when the body names none.
        headers: Always empty in new recordings: request headers are never stored.
        extra: Unknown keys.
    """

    method: str
    url: str
    body: Json
    endpoint: str = ""
    model: str = ""
    headers: Json = field(default_factory=dict)
    extra: dict[str, Json] = field(default_factory=dict)

    def to_json(self) -> dict[str, Json]:
        """The value of the file's `request`."""
        return {
            "method": self.method,
            "url": self.url,
            "headers": self.headers,
            "body": self.body,
            "endpoint": self.endpoint,
            "model": self.model,
            **self.extra,
        }


@dataclass(slots=True)
class HttpRequest:
    """Any other request: the http variant (spec §3).

    Args:
        method: Upper case.
        url: The whole URL, query included, without secrets.
        payload: The JSON body, or a description of any other.
        test_id: The node id of the test, once more: the format has it here too.
        extra: Unknown keys.
    """

    method: str
    url: str
    payload: Json
    test_id: str | None = None
    extra: dict[str, Json] = field(default_factory=dict)

    def to_json(self) -> dict[str, Json]:
        """The value of the file's `request`."""
        return {
            "test_id": self.test_id,
            "url": self.url,
            "method": self.method,
            "payload": self.payload,
            **self.extra,
        }


@dataclass(slots=True)
class OtherRequest:
    """A call that never was HTTP, such as that of a tool (spec §6): kept and shown, not replayed."""

    data: dict[str, Json]

    def to_json(self) -> dict[str, Json]:
        """The value of the file's `request`."""
        return dict(self.data)


RecordedRequest: TypeAlias = InferenceRequest | HttpRequest | OtherRequest


def text_of(data: bytes) -> str:
    """The text of a file.

    Raises:
        InvalidRecordingError: It is none.
    """
    try:
        return data.decode(json.detect_encoding(data), "surrogatepass")
    except UnicodeDecodeError as error:
        raise InvalidRecordingError("a recording: JSON in UTF-8", f"other bytes ({error})") from None


def request_from_json(data: Json) -> RecordedRequest:
    """The request that a file holds under `request`.

    Raises:
        InvalidRecordingError: It is none.
    """
    if not isinstance(data, dict):
        raise InvalidRecordingError("an object under 'request'", _kind(data))
    data = dict(data)
    where = "request."
    if "url" not in data or "method" not in data:
        return OtherRequest(data)
    method, url = _take_text(data, "method", where), _take_text(data, "url", where)
    if "payload" in data:
        test_id = data.pop("test_id", None)
        if test_id is not None and not isinstance(test_id, str):
            raise InvalidRecordingError("a string or null under 'request.test_id'", _kind(test_id))
        return HttpRequest(method, url, data.pop("payload"), test_id, data)
    if "body" not in data:
        return OtherRequest({"method": method, "url": url, **data})
    body, headers = data.pop("body"), data.pop("headers", {})
    endpoint = _take_text(data, "endpoint", where) if "endpoint" in data else ""
    model = data.pop("model", "")
    return InferenceRequest(
        method, url, body, endpoint, model if isinstance(model, str) else "", headers, data
    )


@dataclass(slots=True)
class Answer:
    """One answer to the request: `response`, or an entry of `later_responses` (spec §1, §7).

    Args:
        body: The body as stored; a list of chunks for a stream.
        is_streaming: Whether it is a stream.
        status: The HTTP status; None when the file names none, which means 200.
        headers: The few headers that a client acts on, lower-case names.
        url: The recorded URL that was asked, if it is another than the request's.
        is_exception: Whether the call failed (spec §6, §7).
        exception_data: How it failed.
        extra: Unknown keys.
        framing: How a stream was framed, where that is not the usual way of its format; None if it is. The
            codecs check it when they need it.
    """

    body: Json
    is_streaming: bool = False
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    url: str | None = None
    is_exception: bool = False
    exception_data: dict[str, Json] | None = None
    extra: dict[str, Json] = field(default_factory=dict)
    framing: Json = None

    @property
    def decoded(self) -> Decoded:
        """The body as the codecs take it."""
        return Decoded(self.body, self.is_streaming, self.framing)

    def to_json(self) -> dict[str, Json]:
        """The value of the file's `response`."""
        data: dict[str, Json] = {}
        if self.url is not None:
            data["url"] = self.url
        if self.status is not None:
            data["status"] = self.status
        if self.headers:
            data["headers"] = dict(self.headers)
        data |= {"body": self.body, "is_streaming": self.is_streaming}
        if self.framing is not None:
            data["framing"] = self.framing
        if self.is_exception:
            data["is_exception"] = True
        if self.exception_data is not None:
            data["exception_data"] = self.exception_data
        return data | self.extra

    @classmethod
    def from_json(cls, data: Json, key: str = "response") -> Answer:
        """The answer that a file holds under `key`.

        Raises:
            InvalidRecordingError: It is no answer.
        """
        if not isinstance(data, dict):
            raise InvalidRecordingError(f"an object under {key!r}", _kind(data))
        data = dict(data)
        where = f"{key}."
        if "body" not in data:
            raise InvalidRecordingError(f"a body under '{where}body'", "no such key")
        body = data.pop("body")
        answer = cls(body)
        if "is_streaming" in data:
            answer.is_streaming = _take(data, "is_streaming", where, (bool,), "a boolean") is True
        is_failure = body is None and data.get("is_exception") is True
        if answer.is_streaming and not isinstance(body, list) and not is_failure:
            raise InvalidRecordingError(f"a list of chunks under '{where}body'", _kind(body))
        if "url" in data:
            answer.url = _take_text(data, "url", where)
        if "status" in data:
            status = _take(data, "status", where, (int,), "an HTTP status")
            if not isinstance(status, int) or not 100 <= status <= 999:
                raise InvalidRecordingError(f"an HTTP status under '{where}status'", repr(status))
            answer.status = status
        if "headers" in data:
            headers = _take(data, "headers", where, (dict,), "an object of strings")
            assert isinstance(headers, dict)  # noqa: S101  (what _take has just checked)
            for name, value in headers.items():
                if not isinstance(value, str):
                    raise InvalidRecordingError(f"a string under '{where}headers.{name}'", _kind(value))
                answer.headers[name] = value
        if data.get("framing") is not None:
            answer.framing = data.pop("framing")
        if data.get("is_exception") is True:
            answer.is_exception = data.pop("is_exception") is True
            if isinstance(details := data.get("exception_data"), dict):
                answer.exception_data = details
                del data["exception_data"]
        answer.extra = data
        return answer


@dataclass(slots=True)
class Recording:
    """One file: a request, and its answers in the order in which they came.

    Args:
        test_id: The pytest node id, None outside a test; `UNSET` for old files, which have no such key.
        request: What was asked.
        response: The first answer.
        later_responses: The answers to the same request, sent again in the same test.
        id_normalization_mapping: Normalised id → original (spec §4); None when the file has no such key.
        extra: Unknown keys.
    """

    test_id: str | Unset | None
    request: RecordedRequest
    response: Answer
    later_responses: list[Answer] = field(default_factory=list)
    id_normalization_mapping: dict[str, Json] | None = field(default_factory=dict)
    extra: dict[str, Json] = field(default_factory=dict)

    @property
    def answers(self) -> list[Answer]:
        """All answers, the first one first."""
        return [self.response, *self.later_responses]

    def to_json(self) -> dict[str, Json]:
        """The file as a JSON value."""
        data: dict[str, Json] = {}
        if not isinstance(self.test_id, Unset):
            data["test_id"] = self.test_id
        data["request"] = self.request.to_json()
        data["response"] = self.response.to_json()
        if self.later_responses:
            data["later_responses"] = [answer.to_json() for answer in self.later_responses]
        if self.id_normalization_mapping is not None:
            data["id_normalization_mapping"] = self.id_normalization_mapping
        return data | self.extra

    def to_text(self) -> str:
        """The file's text: keys in the order of spec §1, indent 2, readable UTF-8, a newline at the end."""
        return "".join(self.to_parts())

    def to_parts(self) -> Iterator[str]:
        """The file's text, part by part: of a long stream, no more than a chunk at once."""
        yield from indented(self.to_json(), levels=_LEVELS_ABOVE_A_CHUNK)
        yield "\n"

    @classmethod
    def from_json(cls, data: Json) -> Recording:
        """The recording that a JSON value holds.

        Raises:
            InvalidRecordingError: It is no recording.
        """
        if not isinstance(data, dict):
            raise InvalidRecordingError("a recording: a JSON object", _kind(data))
        data = dict(data)
        for key in ("request", "response"):
            if key not in data:
                raise InvalidRecordingError(f"a recording with {key!r}", "no such key")
        test_id = data.pop("test_id", UNSET)
        if not isinstance(test_id, (str, Unset)) and test_id is not None:
            raise InvalidRecordingError("a string or null under 'test_id'", _kind(test_id))
        request, response = request_from_json(data.pop("request")), Answer.from_json(data.pop("response"))
        later = data.pop("later_responses", [])
        if not isinstance(later, list):
            raise InvalidRecordingError("a list under 'later_responses'", _kind(later))
        mapping = data.pop("id_normalization_mapping", None)
        if mapping is not None and not isinstance(mapping, dict):
            raise InvalidRecordingError("an object under 'id_normalization_mapping'", _kind(mapping))
        answers = [Answer.from_json(entry, f"later_responses[{n}]") for n, entry in enumerate(later)]
        return cls(test_id, request, response, answers, mapping, data)

    @classmethod
    def from_text(cls, text: str | bytes) -> Recording:
        """Read a file's text.

        Raises:
            InvalidRecordingError: It is not JSON, or not a recording.
        """
        try:
            data: Json = json.loads(text_of(text) if isinstance(text, bytes) else text)
        except RecursionError:
            raise InvalidRecordingError("a recording", "JSON nested too deeply") from None
        except ValueError as error:
            raise InvalidRecordingError("a recording: JSON", f"a text that is not ({error})") from None
        if is_deeper_than(MAX_DEPTH + _DEPTH_OF_A_BODY, data):
            raise InvalidRecordingError("a recording", "JSON nested too deeply")
        return _with_normalised_ids(cls.from_json(data))

    @classmethod
    def from_pieces(cls, pieces: Iterable[str]) -> Recording:
        """Read a long file's text piece by piece; the chunks of its streams are packed.

        Raises:
            InvalidRecordingError: It is not a recording.
            ValueError: It is not JSON, or JSON that only `from_text` can tell more of.
            RecursionError: Likewise.
        """
        return _with_normalised_ids(cls.from_json(parse_long(pieces, _CHUNKS)))


def _with_normalised_ids(recording: Recording) -> Recording:
    """Replace each original id by its normalised form in all strings of the file (spec §4)."""
    mapping = recording.id_normalization_mapping or {}
    normalised = {
        original: name for name, original in mapping.items() if isinstance(original, str) and original
    }
    if not normalised:
        return recording
    # The longest first: an id may begin like another one.
    originals = re.compile("|".join(map(re.escape, sorted(normalised, key=len, reverse=True))))

    def rename(value: Json) -> Json:
        if isinstance(value, str):
            return originals.sub(lambda match: normalised[match.group()], value)
        if isinstance(value, dict):
            return {str(rename(key)): rename(item) for key, item in value.items()}
        return [rename(item) for item in value] if isinstance(value, list) else value

    renamed = Recording.from_json(rename(recording.to_json()))
    renamed.id_normalization_mapping = {}
    return renamed
