"""Cassettes of vcrpy's own, read from their files: YAML and JSON, of every version that vcrpy loads.

Also in the form of pydantic-ai's serializer, which keeps JSON bodies as a tree under `parsed_body`; and with
names of headers that stand as objects, as old versions recorded them from aiohttp: vcrpy refuses those.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, TypeAlias

import yaml
from vcr.serialize import deserialize
from vcr.serializers import jsonserializer, yamlserializer

from hashtape.errors import HashtapeError
from hashtape.vcr_adapter.other_formats import (
    OtherFormatError,
    refuse_other_data,
    refuse_other_text,
    refuse_packed,
)

if TYPE_CHECKING:
    from pathlib import Path

    from hashtape.vcr_adapter.vcr_responses import VcrResponse

__all__ = ["CassetteFileError", "Interactions", "is_vcr_cassette", "read_cassette"]

Interactions: TypeAlias = "list[tuple[Any, VcrResponse]]"
"""vcrpy's requests and their responses, in the order in which they were recorded."""

_HEAD = 1 << 16
_START = {
    ".yaml": re.compile(rb"^(?:interactions:|- request:)", re.MULTILINE),
    ".json": re.compile(rb'\A\s*(?:\{\s*(?:"version"\s*:\s*\d+\s*,\s*)?"interactions"|\[\s*\{\s*"request")'),
}
_START[".yml"] = _START[".yaml"]
_ISTR_CLASSES = ("_multidict.istr", "_multidict_py.istr", "_istr.istr")
"""Where multidict's class of texts that ignore case has been; aiohttp's header names are such texts."""


class CassetteFileError(HashtapeError):
    """A file cannot be read as a cassette of vcrpy.

    Args:
        path: The file.
        got: What is wrong with it.
    """

    def __init__(self, path: Path, got: str) -> None:
        super().__init__(
            f"{path}: expected a cassette that vcrpy loads, got {got}. Restore it, or record the test again"
        )


def _istr(loader: Any, node: yaml.Node) -> str:
    """The text of a header name that was pickled as an object; nothing is imported to read it.

    Raises:
        yaml.constructor.ConstructorError: It is something else.
    """
    if isinstance(node, yaml.MappingNode):
        args = loader.construct_mapping(node, deep=True).get("args")
    else:
        args = loader.construct_sequence(node, deep=True)
    match args:
        case [str() as text]:
            return text
    raise yaml.constructor.ConstructorError(problem="expected one text", problem_mark=node.start_mark)


_YAML = yamlserializer.with_custom_tags(
    {
        f"tag:yaml.org,2002:python/object/{how}:multidict.{name}": _istr
        for how in ("apply", "new")
        for name in _ISTR_CLASSES
    }
)
"""vcrpy's own serializer, which reads the texts of Python 2 too and imports nothing, and those texts."""


def is_vcr_cassette(path: Path) -> bool:
    """Whether a file looks like a cassette of vcrpy; recordings and other YAML and JSON files do not."""
    start = _START.get(path.suffix)
    if start is None:
        return False
    try:
        if not path.is_file():
            return False  # a named pipe, say, which would be waited for
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return False
    return start.search(head) is not None


def read_cassette(path: Path) -> Interactions:
    """Read a cassette as vcrpy does.

    Args:
        path: A YAML or JSON file.

    Raises:
        CassetteFileError: vcrpy could not load it either.
        OtherFormatError: It never was a cassette of vcrpy's.
    """
    # What is neither named like a cassette nor reads like one is no broken cassette.
    refused = CassetteFileError if path.suffix in _START else OtherFormatError
    try:
        refuse_packed(path)
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise CassetteFileError(path, f"a file that cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise refused(path, "a file that is not UTF-8") from None
    if not text.strip():
        return []
    refuse_other_text(path, text)
    try:
        # Some versions of vcrpy add what they call metadata.
        requests, responses, *_ = deserialize(text, _AnyBody(path))
        return list(zip(map(_checked, requests), map(_of_today, responses), strict=True))
    except yaml.YAMLError as error:
        got = f"YAML that cannot be loaded ({str(error).splitlines()[0]})"
    except (AttributeError, KeyError, LookupError, TypeError, ValueError, RecursionError) as error:
        got = f"another file, or one of before version 1.0 ({type(error).__name__}: {error})"
    raise refused(path, got)


class _AnyBody:
    """A serializer of vcrpy's that also reads `parsed_body`, in which JSON bodies stand as they are."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._serializer = jsonserializer if path.suffix == ".json" else _YAML

    def deserialize(self, text: str) -> Any:
        data = self._serializer.deserialize(text)
        refuse_other_data(self._path, data)
        if isinstance(data, dict):
            for interaction in data["interactions"] or ():
                request, response = interaction["request"], interaction["response"]
                if "parsed_body" in request:
                    request["body"] = json.dumps(request.pop("parsed_body"))
                if "parsed_body" in response:
                    response["body"] = {"string": json.dumps(response.pop("parsed_body"))}
                request.setdefault("body", None)
            data["interactions"] = data["interactions"] or []
        return data


def _checked(request: Any) -> Any:
    """A request that vcrpy took as it was.

    Raises:
        TypeError: It is none.
    """
    if not isinstance(request.method, str) or not isinstance(request.uri, str):
        raise TypeError("a request without a method or a URI")
    return request


def _of_today(response: dict[str, Any]) -> VcrResponse:
    """A response as vcrpy records it now: its first stub for httpx had other names for the same.

    Raises:
        TypeError: It is none.
    """
    if "status_code" in response:
        content = response.get("content") or b""
        body: Any = {"string": content.encode("utf-8") if isinstance(content, str) else content}
        status = {"code": response["status_code"], "message": ""}
    else:
        body, status = response["body"], response["status"]
    if not isinstance(body, dict):
        body = {"string": body}
    headers, content = response.get("headers") or {}, body.get("string")
    if not isinstance(headers, dict) or not isinstance(content, (str, bytes, type(None))):
        raise TypeError("a response without headers or a body")
    return {"status": {**status, "code": int(status["code"])}, "headers": headers, "body": body}
