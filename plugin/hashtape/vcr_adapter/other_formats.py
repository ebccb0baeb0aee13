"""Files that stand where cassettes of vcrpy do and are none: of other tools, or of a suite's own persister.

They are recognised by what they say, so that nobody is told to restore a file that is whole.
"""

from __future__ import annotations

import gzip
import re
import shlex
import zlib
from typing import TYPE_CHECKING, Any

from hashtape.errors import HashtapeError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "OtherFormatError",
    "is_packed_cassette",
    "refuse_other_data",
    "refuse_other_text",
    "refuse_packed",
]

_GZIP = b"\x1f\x8b"
_HEAD = 1 << 16
_LONGEST_VALUE = 40
_RUBY = re.compile(r'^(?:http_interactions:|\{\s*"http_interactions")', re.MULTILINE)
_VCRPYS = re.compile(rb"^interactions:", re.MULTILINE)
_PACKED = re.compile(rb"^(?:interactions|requests):", re.MULTILINE)
"""How cassettes begin: vcrpy serializes interactions, but hands a persister requests and responses."""


class OtherFormatError(HashtapeError):
    """A file is in another format than vcrpy's, and may be as whole as can be.

    Args:
        path: The file.
        got: What it is.
        mend: What to do about it, if there is something.
    """

    def __init__(self, path: Path, got: str, mend: str = "") -> None:
        self.got = got
        text = f"{path}: expected a cassette of vcrpy (version 1), got {got}"
        super().__init__(f"{text}. {mend}" if mend else text)


def is_packed_cassette(path: Path) -> bool:
    """Whether a file looks like a YAML cassette that a persister has compressed with gzip."""
    return path.name.endswith((".yaml.gz", ".yml.gz")) and _PACKED.search(_unpacked_head(path)) is not None


def refuse_packed(path: Path) -> None:
    """Refuse a file that is compressed.

    Raises:
        OtherFormatError: It is.
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        if file.read(len(_GZIP)) != _GZIP:
            return
    if _VCRPYS.search(_unpacked_head(path)):
        mend = f"Unpack it: gunzip {shlex.quote(str(path))}"
    else:
        mend = (
            "The persister that wrote it plays it as before; to have recordings instead, take the serializer "
            "and the persister out of the tests' configuration, and record the tests again"
        )
    raise OtherFormatError(path, "a compressed file", mend)


def _unpacked_head(path: Path) -> bytes:
    """The beginning of what a file of gzip's holds; nothing if it is none."""
    try:
        with gzip.open(path) as file:
            return file.read(_HEAD)
    except (OSError, EOFError, zlib.error):
        return b""


def refuse_other_text(path: Path, text: str) -> None:
    """Refuse what has tags of its own, which no loader of Python's knows.

    Raises:
        OtherFormatError: The text is a cassette of Ruby's VCR, or of betamax, which has the same format.
    """
    if _RUBY.search(text):
        raise OtherFormatError(path, "a cassette of Ruby's VCR (http_interactions)")


def refuse_other_data(path: Path, data: Any) -> None:
    """Refuse what vcrpy never wrote, as opposed to what is left of something that it did.

    Args:
        path: The file.
        data: The YAML or JSON that is in it.

    Raises:
        OtherFormatError: There are no interactions, or no requests in them, or their answers are of another
            form.
    """
    if isinstance(data, list) and data and isinstance(data[0], dict) and "request" in data[0]:
        return  # vcrpy's own of before version 1.0
    if not isinstance(data, dict) or "interactions" not in data:
        raise OtherFormatError(path, "a file without interactions")
    interactions = data["interactions"]
    for entry in interactions if isinstance(interactions, list) else ():
        if not isinstance(entry, dict):
            continue
        if "kind" in entry and "request" not in entry:
            raise OtherFormatError(path, f"entries that are no requests (kind: {_shown(entry['kind'])})")
        response = entry.get("response")
        if isinstance(response, dict) and isinstance(response.get("status"), (int, str)):
            status = _shown(response["status"])
            got = f"responses whose status is {status}, where vcrpy has a code and a message"
            raise OtherFormatError(path, got)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"
