"""A pytest plugin for a run with `--collect-only`: writes down what decides where each test's cassette is."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

__all__ = ["OUTPUT"]

OUTPUT = "HASHTAPE_COLLECTED_TESTS"
"""The environment variable with the name of the file to write."""

_INI = ("hashtape_layout", "hashtape_not_secret", "hashtape_response_headers", "hashtape_secret_names")

_deselected: list[pytest.Item] = []
_errors: list[str] = []


def pytest_deselected(items: list[pytest.Item]) -> None:
    """Keep what the options of the project leave out: it has cassettes too."""
    _deselected.extend(items)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Note what cannot be imported."""
    if report.failed:
        _errors.append(report.nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write everything down."""
    items = [*getattr(session, "items", ()), *_deselected]
    ini = {name: session.config.getini(name) for name in _INI if _has(session.config, name)}
    tests = [_described(item) for item in items if item.get_closest_marker("vcr")]
    text = json.dumps({"tests": tests, "ini": ini, "errors": _errors})
    Path(os.environ[OUTPUT]).write_text(text, encoding="utf-8")


def _has(config: pytest.Config, name: str) -> bool:
    try:
        config.getini(name)
    except (KeyError, ValueError):
        return False
    return True


def _described(item: pytest.Item) -> dict[str, Any]:
    marker = item.get_closest_marker("default_cassette")
    owner = getattr(item, "cls", None)
    return {
        "node_id": item.nodeid,
        "file": str(item.path),
        "class_name": owner and owner.__name__,
        "name": item.name,
        "chosen": marker.args[0] if marker is not None and marker.args else None,
        "has_own_directory": _is_overridden(item, "vcr_cassette_dir"),
        "has_own_name": _is_overridden(item, "default_cassette_name"),
    }


def _is_overridden(item: pytest.Item, fixture: str) -> bool:
    """Whether the project has a fixture of its own in the place of one of pytest-recording's."""
    info = getattr(item, "_fixtureinfo", None)
    definitions = info.name2fixturedefs.get(fixture) if info is not None else None
    if not definitions:
        return False
    return bool(definitions[-1].func.__module__ != "pytest_recording.plugin")
