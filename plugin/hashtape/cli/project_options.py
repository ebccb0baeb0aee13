"""What the project's pytest configuration says of secrets, without running or collecting any of its tests.

pytest itself is asked, in a process of its own: which file counts and how it is spelled is for pytest to say.
This module is the plugin that answers there.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

__all__ = ["ProjectOptionsError", "SecretOptions", "secret_options"]

_OUTPUT = "HASHTAPE_PROJECT_OPTIONS"
"""The environment variable with the name of the file to write."""
_FILES = (
    *("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini"),
    *("pyproject.toml", "tox.ini", "setup.cfg"),
)
_SECRET_NAMES, _NOT_SECRET = "hashtape_secret_names", "hashtape_not_secret"


class ProjectOptionsError(click.ClickException):
    """pytest does not say what the project's options are. That is no answer, so its exit code is not 1."""

    exit_code = 2


class SecretOptions(NamedTuple):
    """The options of a project that say what is secret.

    Args:
        secret_names: Further names of fields that hold secrets.
        not_secret: What is no secret after all.
    """

    secret_names: tuple[str, ...] = ()
    not_secret: tuple[str, ...] = ()


def secret_options(paths: Sequence[Path]) -> SecretOptions:
    """The options of the project that some recordings are in.

    Nothing of the project is imported, and pytest is asked only if one of its configuration files has a word
    of these options.

    Args:
        paths: Where the recordings are; none: below the current directory.

    Raises:
        ProjectOptionsError: pytest refuses the configuration.
    """
    places = [path if path.is_dir() else path.parent for path in paths] or [Path()]
    places = [place.absolute() for place in places]
    if not any(_are_mentioned(place) for place in dict.fromkeys(places)):
        return SecretOptions()
    with tempfile.TemporaryDirectory() as scratch:
        output = Path(scratch) / "options.json"
        # Neither conftest files nor what the project's own options need is wanted.
        command = [sys.executable, "-m", "pytest", "--noconftest", "-o", "addopts=", "-W", "ignore"]
        command += ["-p", __name__, *map(str, places)]
        environ = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
        done = subprocess.run(  # noqa: S603  (pytest of this Python, which runs no test)
            command,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            env={**environ, _OUTPUT: str(output)},
            check=False,
        )
        if not output.exists():
            said = (done.stderr.strip() or done.stdout.strip() or "nothing").splitlines()[-1]
            raise ProjectOptionsError(
                f"pytest does not say what the project has for {_NOT_SECRET} and {_SECRET_NAMES}. It said: "
                f"{said}. Name both here, and it is not asked: --not-secret TEXT --secret-name NAME"
            )
        found = json.loads(output.read_text(encoding="utf-8"))
    return SecretOptions(tuple(found[_SECRET_NAMES]), tuple(found[_NOT_SECRET]))


def _are_mentioned(directory: Path) -> bool:
    """Whether a configuration file here or above has such an option, be it only in a comment."""
    for parent in (directory, *directory.parents):
        for name in _FILES:
            with suppress(OSError):
                text = (parent / name).read_text(encoding="utf-8", errors="replace")
                if _SECRET_NAMES in text or _NOT_SECRET in text:
                    return True
    return False


# --- In pytest -------------------------------------------------------------------------------------------


def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """Write the options down in the place of a run."""
    output = os.environ.get(_OUTPUT)
    if output is None:
        return None
    options = {name: config.getini(name) for name in (_SECRET_NAMES, _NOT_SECRET)}
    Path(output).write_text(json.dumps(options), encoding="utf-8")
    return 0
