"""What a codec is: the decoder and encoder of one body format. No I/O, and no knowledge of vcrpy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from hashtape.codecs.json_text import compact, compact_ascii

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from hashtape.codecs.json_text import Json

__all__ = [
    "Codec",
    "Context",
    "Decoded",
    "Piece",
    "StreamDecoder",
    "chunk",
    "chunk_data",
    "is_chunk",
    "is_usual",
    "label_of",
    "media_type",
    "value_of",
]


def media_type(content_type: str) -> str:
    """A content type in lower case, without the parameter that JSON and event streams need not name.

    >>> media_type("Application/JSON; charset=UTF-8")
    'application/json'
    >>> media_type("text/html; charset=latin-1")
    'text/html; charset=latin-1'
    """
    parts = [part.strip().lower() for part in content_type.split(";")]
    return "; ".join(part for part in parts if part and part not in {"charset=utf-8", 'charset="utf-8"'})


def is_usual(content_type: str, usual: str) -> bool:
    """Whether a content type goes without saying for a body that a codec writes.

    JSON and event streams are UTF-8, whether their servers say so or not. Text is what it says: without a
    charset, some clients take it for Latin-1.

    >>> is_usual("application/json; charset=utf-8", "application/json")
    True
    >>> is_usual("text/plain", "text/plain; charset=utf-8")
    False
    """
    spelled = [part.strip().lower().replace('"', "") for part in content_type.split(";")]
    if "; ".join(part for part in spelled if part) == usual:
        return True
    return media_type(content_type) == media_type(usual) and not usual.startswith("text/plain")


@dataclass(frozen=True, slots=True)
class Context:
    """What a codec may know of an exchange beside the bytes of the answer.

    Args:
        operation: The inference operation of the request (`/v1/chat/completions`, `/v1/models`, …), empty
            for a request of the http variant (spec §3).
        content_type: The answer's content type as the server sent it, empty if there was none.
        status: The answer's HTTP status.
        wants_base64: Whether the request on the wire asks for embeddings in base64.
        is_cut: Whether the stream broke off: then nothing that closes one is written.
        path: The path of the URL that was asked, empty if unknown: it tells apart what content types do not.
    """

    operation: str = ""
    content_type: str = ""
    status: int = 200
    wants_base64: bool = False
    is_cut: bool = False
    path: str = ""

    @property
    def media_type(self) -> str:
        """The content type, normalised."""
        return media_type(self.content_type)

    @property
    def spell(self) -> Callable[[Json], bytes]:
        """How JSON is spelled: readable where the content type says UTF-8, or goes without saying so.

        Text of another charset is read in that, and text of none in Latin-1 by some clients: ASCII is what
        these have in common.
        """
        content_type = self.content_type.lower()
        if "charset=" in content_type:
            return compact if "utf" in content_type else compact_ascii
        is_text = content_type.startswith("text/") and not content_type.startswith("text/event-stream")
        return compact_ascii if is_text else compact

    @property
    def is_success(self) -> bool:
        """Whether the status is a 2xx."""
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Decoded:
    """A body as a recording stores it.

    Args:
        body: What goes into `response.body`.
        is_streaming: Whether `body` is a list of chunks of a stream.
        framing: What goes into `response.framing`: how the stream was framed, where that is not the usual
            way of its format (see `hashtape.codecs.framing`); None if it is.
    """

    body: Json
    is_streaming: bool = False
    framing: Json = None


class Codec(Protocol):
    """One body format.

    `decode` and `encode` return None for what is not theirs. `encode(decode(body))` gives the body back but
    for JSON spelling: `hashtape.codecs.decode` checks that each time and asks the next codec if it does not.
    """

    name: str
    content_type: str
    """The content type of an encoded body whose recording names none."""
    proves_itself: bool
    """Whether `decode` has compared each byte already when it returns something."""

    def decode(self, body: bytes, context: Context) -> Decoded | None:
        """Turn the bytes of an answer, already decompressed, into what is stored."""
        ...

    def encode(self, decoded: Decoded, context: Context) -> Iterable[bytes] | None:
        """Turn what is stored into the bytes of an answer, part by part: they need not all exist at once.

        Raises:
            ValueError: It is this format, but damaged: nothing can be made of it. That may show only after
                some parts.
        """
        ...

    def respelled(self, body: bytes, context: Context) -> bytes:
        """A body that `decode` took, with its JSON spelled as `encode` spells it and all else as it was."""
        ...


@dataclass(slots=True)
class Piece:
    """What came off a stream: one chunk, or bytes between chunks.

    Args:
        entry: What is stored of a chunk: labelled, or the bare value of a JSON line. Who normalises chunks
            may change it before it is encoded.
        is_chunk: Whether it is one; else only `raw` counts.
        raw: The bytes as they came, with all their framing.
    """

    entry: Json
    is_chunk: bool
    raw: bytes


class StreamDecoder(Protocol):
    """The decoder of one stream, fed as the bytes arrive.

    What `raw` of all pieces and then `rest` hold is what was fed, byte for byte, at any time.
    """

    content_type: str
    """The usual content type of the format."""

    def feed(self, data: bytes) -> list[Piece]:
        """Take more bytes, cut anywhere; return the pieces that are now complete, in order."""
        ...

    def encode(self, piece: Piece) -> bytes:
        """The bytes of a piece for the client: its framing as it came, its JSON as the entry has it now."""
        ...

    @property
    def rest(self) -> bytes:
        """The bytes that are in no piece yet."""
        ...

    def end(self) -> list[Piece]:
        """The server has ended the stream: what `rest` held, as pieces. Nothing is fed after that.

        Unless this was called, the stream is cut for `decoded`: see `Context.is_cut`.
        """
        ...

    @property
    def has_ended(self) -> bool:
        """Whether the event came at which clients stop reading: what they leave unread is nothing."""
        ...

    def decoded(self, entries: list[Json]) -> Decoded | None:
        """What is stored of all pieces so far.

        Args:
            entries: The entries of the pieces that are chunks, all of them, normalised or not.

        Returns:
            None if the stream would not come back from it, or is not of this format: it is to be stored as
            it is (spec §7).
        """
        ...


def chunk(type_label: str, data: Json) -> Json:
    """One stream entry or typed answer (spec §1): a label that is never imported, and its JSON."""
    return {"__type__": type_label, "__data__": data}


def is_chunk(entry: Json, prefix: str = "") -> bool:
    """Whether an entry is labelled, with a label that starts with `prefix`."""
    label = label_of(entry)
    return label is not None and label.startswith(prefix)


def label_of(entry: Json) -> str | None:
    """The label of an entry, None if it has none or labels nothing."""
    if not isinstance(entry, dict) or "__data__" not in entry:
        return None
    label = entry.get("__type__")
    return label if isinstance(label, str) else None


def chunk_data(entry: Json) -> Json:
    """The JSON of an entry that `is_chunk` accepts."""
    return entry["__data__"] if isinstance(entry, dict) else None


def value_of(entry: Json) -> Json:
    """The value that an entry stands for, labelled or not."""
    return chunk_data(entry) if is_chunk(entry) else entry
