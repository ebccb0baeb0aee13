"""Whose cassette a file is: by what pytest collects, without running anything."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from hashtape.cli.cassette_names import cassette_name, directory_of
from hashtape.cli.collected_tests import OUTPUT
from hashtape.vcr_adapter.paths import cassette_directory

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["CollectionError", "Place", "Suite", "collect"]

_NO_TESTS = 5
_INTERRUPTED = 2
"""pytest's exit code when some of the files could not be imported."""


class CollectionError(click.ClickException):
    """pytest cannot collect the tests at all."""

    exit_code = 2


class Place(NamedTuple):
    """Where the recordings of a cassette go.

    Args:
        directory: The directory; None if no test would look for them anywhere.
        test_id: The node id of the test that they are for, None if it is unknown or there are several.
    """

    directory: Path | None
    test_id: str | None


@dataclass(frozen=True, slots=True)
class _Test:
    node_id: str
    file: Path
    name: str
    has_own_directory: bool


@dataclass(slots=True)
class Suite:
    """The tests that may have cassettes, and what their project says of its recordings.

    Args:
        is_shared: Whether all tests of a file keep their recordings in one directory beside it.
        options: The project's options for `Converter`.
        errors: The files that pytest could not import.
    """

    is_shared: bool = False
    options: dict[str, list[str]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    _by_directory: dict[str, list[_Test]] = field(default_factory=lambda: defaultdict(list))
    _by_name: dict[str, list[_Test]] = field(default_factory=lambda: defaultdict(list))

    def add(self, described: dict[str, Any]) -> None:
        """Add a test as `collected_tests` describes it."""
        if described["has_own_name"] and described["chosen"] is None:
            return  # only running its fixture would tell
        name = cassette_name(described["class_name"], described["name"], chosen=described["chosen"])
        file = Path(described["file"])
        test = _Test(described["node_id"], file, name, described["has_own_directory"])
        if test.has_own_directory:
            self._by_name[name].append(test)
        else:
            self._by_directory[os.path.realpath(directory_of(file, name))].append(test)

    def place(self, cassette: Path) -> Place:
        """The place of the recordings of a cassette of vcrpy."""
        directory = cassette_directory(cassette)
        found = self._by_directory.get(os.path.realpath(directory))
        if not found:
            # The project has a directory of its own for cassettes; their names are still those of the tests.
            found = self._by_name.get(directory.name, [])
            of_module = [test for test in found if test.file.stem in cassette.parts]
            found = of_module or found
        if len(found) != 1:
            return Place(None if self.is_shared else directory, None)
        (test,) = found
        return Place(test.file.parent / "recordings" if self.is_shared else directory, test.node_id)


def collect(cassettes: Iterable[Path]) -> Suite:
    """Let pytest collect the tests that some cassettes may belong to.

    Args:
        cassettes: The files.

    Raises:
        CollectionError: pytest could not begin.
    """
    with tempfile.TemporaryDirectory() as scratch:
        output = Path(scratch) / "tests.json"
        command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-W", "ignore"]
        command += ["-p", "hashtape.cli.collected_tests", *_test_directories(cassettes)]
        environ = {**os.environ, OUTPUT: str(output)}
        done = subprocess.run(  # noqa: S603  (pytest of this Python, on directories that the user named)
            command,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            env=environ,
            check=False,
        )
        if done.returncode not in {0, _INTERRUPTED, _NO_TESTS} or not output.exists():
            said = (done.stderr.strip() or done.stdout.strip() or "nothing").splitlines()[-1]
            raise CollectionError(
                f"pytest cannot collect the tests, and only they say whose a cassette is. It said: {said}. "
                "See: pytest --collect-only; or convert without: --no-collect"
            )
        collected = json.loads(output.read_text(encoding="utf-8"))
    ini = collected["ini"]
    names = ("secret_names", "not_secret", "response_headers")
    suite = Suite(
        is_shared=ini.get("hashtape_layout") == "recordings",
        options={name: ini.get(f"hashtape_{name}", []) for name in names},
        errors=collected["errors"],
    )
    for described in collected["tests"]:
        suite.add(described)
    return suite


def _test_directories(cassettes: Iterable[Path]) -> list[str]:
    """The directories of the tests; none, which is the project's own choice, if the paths do not say."""
    found: set[Path] = set()
    for cassette in cassettes:
        path = Path(os.path.abspath(cassette))  # noqa: PTH100  (links are not to be followed here)
        if "cassettes" not in path.parent.parts:
            return []
        parts = path.parts
        last = max(n for n, part in enumerate(parts[:-1]) if part == "cassettes")
        found.add(Path(*parts[:last]))
    return [str(path) for path in sorted(found) if not found.intersection(path.parents)]
