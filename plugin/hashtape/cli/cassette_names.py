"""Where pytest-recording looks for the cassette of a test, and so where its recordings are."""

from __future__ import annotations

import hashlib
from pathlib import Path, PurePath
from types import SimpleNamespace
from typing import NamedTuple

from hashtape.vcr_adapter.paths import cassette_directory

__all__ = ["NodeId", "cassette_name", "directory_of"]

_SUFFIX = ".yaml"


class NodeId(NamedTuple):
    """The parts of a pytest node id.

    Args:
        file: The test file, relative to pytest's root directory.
        classes: The classes, the outermost first.
        name: The test with its parameters; empty if the id names a file or a class.
    """

    file: PurePath
    classes: tuple[str, ...]
    name: str

    @classmethod
    def parse(cls, text: str) -> NodeId:
        """The parts of the id of a test; parameters may hold any characters.

        >>> NodeId.parse("tests/test_a.py::TestB::test_c[x::y]")
        NodeId(file=PurePosixPath('tests/test_a.py'), classes=('TestB',), name='test_c[x::y]')
        """
        head, bracket, parameters = text.partition("[")
        file, *names = head.split("::")
        *classes, name = names or [""]
        return cls(PurePath(file), tuple(classes), name + bracket + parameters)


def cassette_name(class_name: str | None, test_name: str, *, chosen: str | None = None) -> str:
    """The name of a test's directory of recordings.

    Args:
        class_name: Its innermost class, None if it is a function.
        test_name: Its name, parameters included.
        chosen: What a `default_cassette` marker says instead.
    """
    from pytest_recording._vcr import MAX_FILENAME_LEN
    from pytest_recording.plugin import get_default_cassette_name

    name = chosen
    if name is None:
        name = get_default_cassette_name(class_name and SimpleNamespace(__name__=class_name), test_name)
    if len(name) + len(_SUFFIX) > MAX_FILENAME_LEN:
        digest = hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()
        name = f"{name[: MAX_FILENAME_LEN - len(_SUFFIX) - len(digest) - 3]}...{digest}"
    path = name if name.endswith(_SUFFIX) else name + _SUFFIX
    return str(cassette_directory(path))


def directory_of(test_file: Path, name: str) -> Path:
    """The directory of recordings of a test, unless the project has a place of its own for cassettes.

    Args:
        test_file: The file of the test.
        name: Its `cassette_name`.
    """
    return test_file.parent / "cassettes" / test_file.stem / name
