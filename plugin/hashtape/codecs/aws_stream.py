"""AWS event streams: Bedrock's `converse-stream` and `invoke-with-response-stream` (spec §5).

A chunk is labelled with its event's name: clients have no class for it. Its data is the JSON of the payload.
The `bytes` of an invoked model are JSON in base64: they are stored decoded too.
"""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING

from hashtape.codecs.aws_messages import (
    Message,
    MessageSplitter,
    header_block,
    read_message,
    write_message,
)
from hashtape.codecs.base import Piece, chunk, chunk_data, label_of
from hashtape.codecs.framing import Framing
from hashtape.codecs.json_text import NotJsonError, compact, parse
from hashtape.codecs.streams import SplitDecoder, decode_whole, respell_whole
from hashtape.codecs.templates import template

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hashtape.codecs.base import Context, Decoded
    from hashtape.codecs.json_text import Json
    from hashtape.codecs.templates import Template

__all__ = [
    "AwsStreamCodec",
    "AwsStreamDecoder",
    "is_model",
    "packed",
    "unpacked",
    "usual_block",
    "usual_label",
]

_CONTENT_TYPE = "application/vnd.amazon.eventstream"
_JSON = "application/json"
_FORM = "aws-event-stream"
_CONVERSE = frozenset(
    {
        "messageStart",
        "contentBlockStart",
        "contentBlockDelta",
        "contentBlockStop",
        "messageStop",
        "metadata",
    }
)
_INVOKE = "chunk"
_EXCEPTIONS = frozenset(
    {
        "internalServerException",
        "modelStreamErrorException",
        "modelTimeoutException",
        "serviceUnavailableException",
        "throttlingException",
        "validationException",
    }
)
_KNOWN = _CONVERSE | _EXCEPTIONS | {_INVOKE}
"""The labels of Bedrock's events. Those of other services have framing that says their form."""
_PAYLOAD = "\n\n{data}"
"""What ends a template: the lines before it are the headers."""
_METRICS = "amazon-bedrock-invocationMetrics"


def _usual(label: str) -> str:
    kind = "exception" if label.endswith("Exception") else "event"
    return f":{kind}-type: {label}\n:content-type: application/json\n:message-type: {kind}{_PAYLOAD}"


@lru_cache(maxsize=64)
def usual_block(label: str) -> bytes | None:
    """The headers of an event of Bedrock's with this label, as bytes; None if it is none of those."""
    return header_block(_usual(label).removesuffix(_PAYLOAD)) if label in _KNOWN else None


@lru_cache(maxsize=64)
def usual_label(block: bytes) -> str | None:
    """The label of an event of Bedrock's that has these headers, None if there is none."""
    return next((label for label in sorted(_KNOWN) if usual_block(label) == block), None)


class AwsStreamDecoder(SplitDecoder):
    """Decode such a stream as it arrives. See `StreamDecoder`.

    A conversation ends with its metadata, an invocation with its metrics. What is damaged is no chunk.
    """

    content_type = _CONTENT_TYPE

    def __init__(self, context: Context) -> None:
        super().__init__(MessageSplitter())
        self._is_model = is_model(context)
        self._message_stopped = False

    def encode(self, piece: Piece) -> bytes:
        """See `StreamDecoder`."""
        message = read_message(piece.raw) if piece.is_chunk else None
        if message is None:
            return piece.raw
        return write_message(Message(message.headers, packed(chunk_data(piece.entry))))

    def _piece(self, raw: bytes) -> Piece:
        message = read_message(raw)
        if message is None:
            return self._other(raw)
        label = message.header(":event-type") or message.header(":exception-type") or "message"
        written = message.headers + _PAYLOAD
        try:
            if template(written).places != {"data"}:
                return self._other(raw)
        except ValueError:
            return self._other(raw)
        self._log.add_chunk(written, _usual(label))
        if label not in _KNOWN:
            self._form = _FORM
        if (message.header(":content-type") or _JSON).startswith(_JSON):
            data = unpacked(message.payload, is_model=self._is_model)
        else:
            data = _as_it_is(message.payload)
        self._note_end(label, data)
        return Piece(chunk(label, data), is_chunk=True, raw=raw)

    def _note_end(self, label: str, data: Json) -> None:
        inner = data.get("bytes") if isinstance(data, dict) else None
        if label in _CONVERSE:
            self._message_stopped = self._message_stopped or label == "messageStop"
            self._end_came = self._end_came or (label == "metadata" and self._message_stopped)
        elif label == _INVOKE and isinstance(inner, dict):
            self._end_came = self._end_came or _METRICS in inner or inner.get("type") == "message_stop"
        elif label in _EXCEPTIONS:
            self._end_came = True


def is_model(context: Context) -> bool:
    """Whether a model is invoked, or nobody knows: the `bytes` of its events are JSON then, not any text."""
    return not context.path or context.path.endswith("/invoke-with-response-stream")


def _base64(raw: bytes) -> bytes:
    return b2a_base64(raw, newline=False)


def _as_bytes(raw: bytes) -> Json:
    return {"__encoding__": "base64", "data": _base64(raw).decode()}


def _as_it_is(raw: bytes) -> Json:
    """What is stored of a payload that is not said to be JSON: each of its bytes counts."""
    with suppress(ValueError):
        data = parse(raw)
        if isinstance(data, (dict, list)) and packed(data) == raw:
            return data
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return _as_bytes(raw)
    return _as_bytes(raw) if "\0" in text else {"__encoding__": "utf-8", "data": text}


def _json_in(text: Json, *, is_model: bool) -> Json:
    """The JSON object or list in a base64 text; None if it is none, or would not give the text back."""
    if not isinstance(text, str):
        return None
    try:
        raw = a2b_base64(text)
        inner = parse(raw)
    except ValueError:
        return None
    if not isinstance(inner, (dict, list)) or _base64(raw) != text.encode():
        return None
    return inner if is_model or compact(inner) == raw else None


def unpacked(payload: bytes, *, is_model: bool) -> Json:
    """What is stored of a payload. What `packed` would take for something else is stored as its bytes.

    Args:
        payload: The payload.
        is_model: Whether its `bytes`, if there are any, are JSON whose spelling does not count.
    """
    try:
        data = parse(payload)
    except NotJsonError:
        return _as_bytes(payload)
    if not isinstance(data, dict):
        return data
    text = data.get("bytes")
    if "__encoding__" in data or isinstance(text, (dict, list)):
        return _as_bytes(payload)
    inner = _json_in(text, is_model=is_model)
    if inner is not None:
        data["bytes"] = inner
    return data


def packed(data: Json) -> bytes:
    """The payload that is stored as this.

    Raises:
        ValueError: It is in an encoding that is neither base64 nor UTF-8, or not in the one that it says.
    """
    if not isinstance(data, dict):
        return compact(data)
    if "__encoding__" in data:
        text = data.get("data")
        if data["__encoding__"] not in ("base64", "utf-8") or not isinstance(text, str):
            raise ValueError("a payload in an unknown encoding")
        if data["__encoding__"] == "utf-8":
            return text.encode("utf-8")
        return a2b_base64(text, strict_mode=True)
    inner = data.get("bytes")
    if not isinstance(inner, (dict, list)):
        return compact(data)
    payload = b""
    for key, value in data.items():
        spelled = b'"' + _base64(compact(inner)) + b'"' if key == "bytes" else _spelled(value)
        payload += (b"," if payload else b"{") + _key(key) + spelled
    return payload + b"}"


@lru_cache(maxsize=64)
def _key(key: str) -> bytes:
    return compact(key) + b":"


def _spelled(value: Json) -> bytes:
    """As `compact` does; the padding of an event takes no time."""
    if isinstance(value, str) and value.isalnum() and value.isascii():
        return b'"' + value.encode() + b'"'
    return compact(value)


class AwsStreamCodec:
    """Bytes of an AWS event stream ↔ a list of its events."""

    name = "aws-event-stream"
    proves_itself = False
    content_type = _CONTENT_TYPE

    def decoder(self, context: Context) -> AwsStreamDecoder | None:
        """See `StreamCodec`."""
        return AwsStreamDecoder(context) if context.media_type == _CONTENT_TYPE else None

    def decode(self, body: bytes, context: Context) -> Decoded | None:
        """See `Codec`."""
        decoder = self.decoder(context)
        return None if decoder is None else decode_whole(decoder, body)

    def encode(self, decoded: Decoded, context: Context) -> Iterable[bytes] | None:  # noqa: ARG002  (protocol)
        """See `Codec`. The labels decide, or the framing."""
        body = decoded.body
        if not decoded.is_streaming or not isinstance(body, list) or not body:
            return None
        labels = [label for entry in body if (label := label_of(entry)) is not None]
        framing = Framing(decoded.framing, len(body))
        is_known = framing.form == _FORM or (not framing.form and _KNOWN.issuperset(labels))
        if len(labels) != len(body) or not is_known:
            return None

        def write(index: int, written: Template, event_id: str) -> bytes:  # noqa: ARG001  (there are none)
            headers, end, rest = written.text.partition(_PAYLOAD)
            if not end or rest:
                raise ValueError(f"a template that is not that of a message: {written.text!r}")
            return write_message(Message(headers, packed(chunk_data(body[index]))))

        return framing.join(lambda index: _usual(labels[index]), write, "")

    def respelled(self, body: bytes, context: Context) -> bytes:
        """See `Codec`."""
        return respell_whole(AwsStreamDecoder(context), body)
