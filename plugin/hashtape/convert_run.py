"""`--hashtape-convert`: converts cassettes by running the tests on them.

The suite plays on its YAML cassettes with vcrpy's own matching, and each answer is stored under the request
that the test sends today, with its true node id. So the suite is green afterwards without the YAML, also
where a cassette had drifted from its test; those tests are named.
"""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING, Any

import pytest

from hashtape.yaml_run import YamlRun

if TYPE_CHECKING:
    from collections.abc import Generator

    from hashtape.vcr_adapter.usage import Drift
    from hashtape.vcr_adapter.yaml_source import YamlSource

__all__ = ["ConvertRun"]

_SOURCE = "hashtape_yaml_source"
"""The attribute of a test's last report that says which YAML cassette it played."""
_LONGEST_COMMAND = 10
"""How many files to delete are named without -v."""

_source: pytest.StashKey[YamlSource] = pytest.StashKey()


class ConvertRun(YamlRun):
    """The plugin that says what was converted, and fails the run if something could not be.

    Args:
        config: pytest's configuration; the option is set.

    Raises:
        pytest.UsageError: A record mode was asked for too.
    """

    option = "--hashtape-convert"
    explanation = (
        "Play the YAML cassettes with vcrpy's own matching, and store each answer as a recording of the "
        "request that the test sends today. Nothing is sent; a test that fails converts nothing."
    )

    def __init__(self, config: pytest.Config) -> None:
        super().__init__(config)
        self._invocation_dir = config.invocation_params.dir
        self._has_played = False
        self._converted: dict[str, int] = {}
        self._converted_before: set[str] = set()
        self._problems: dict[str, list[str]] = {}
        self._not_passed: set[str] = set()
        self._yaml_of: dict[str, str] = {}
        self._not_kept: dict[str, list[str]] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
    ) -> Generator[None, object, object]:
        """Note also which YAML cassette a test plays, and what stands for it already."""
        value = yield from super().pytest_fixture_setup(fixturedef, request)
        if fixturedef.argname == "vcr" and value is not None:
            from hashtape.vcr_adapter.yaml_source import source_of

            if (source := source_of(value)) is not None:
                request.node.stash[_source] = source
        return value

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Hand on also that, and whether there are recordings now that were not there before."""
        report = yield from super().pytest_runtest_makereport(item)
        if report.when == "teardown" and (source := item.stash.get(_source, None)) is not None:
            told = {
                "path": os.path.abspath(source.path),  # noqa: PTH100  (a link keeps its name)
                "is_new": source.has_new_recordings(),
                "not_kept": sorted(source.not_kept),
            }
            setattr(report, _SOURCE, told)
            del item.stash[_source]  # a test that is run again begins anew
        return report

    def take(self, use: dict[str, Any], report: pytest.TestReport) -> None:
        """See `YamlRun`."""
        self._has_played |= bool(use["audited"])
        source: dict[str, Any] | None = getattr(report, _SOURCE, None)
        if source is None:
            return
        test_id = use["test_id"]
        self._yaml_of[test_id] = source["path"]
        self._not_passed.discard(test_id)
        if use["unconverted"]:
            self._problems[test_id] = use["unconverted"]
        elif not use["converted"]:
            if not use["has_passed"]:
                self._not_passed.add(test_id)
        else:
            self._not_kept[test_id] = source["not_kept"]
            if not source["is_new"]:
                self._converted_before.add(test_id)
                return
            self._converted[test_id] = use["converted"]
            if use["drifts"]:
                self.drifts[test_id] = use["drifts"]

    def is_wrong(self) -> bool:
        """See `YamlRun`."""
        return bool(self._problems)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """List the tests that had drifted, and those that keep their YAML; say how to go on."""
        title = "hashtape: had drifted, converted to what the tests send today"
        self.write(terminalreporter, title, self.drifts)
        kept: dict[str, list[Drift]] = {
            test_id: [("the test did not pass", [])] for test_id in self._not_passed
        }
        kept |= {test_id: [(line, []) for line in lines] for test_id, lines in self._problems.items()}
        self.write(terminalreporter, "hashtape: not converted", kept)
        self.write_result(terminalreporter, self._result(len(kept)))
        from hashtape.vcr_adapter.not_kept import not_kept_line

        if lost := not_kept_line(self._not_kept.values()):
            terminalreporter.write_line(lost)
        if files := self._to_delete(kept):
            self._write_command(terminalreporter, files)

    def _result(self, kept: int) -> str:
        if not self._has_played:
            line = "no test played a YAML cassette"
        elif self._converted or not self._converted_before:
            recordings = sum(self._converted.values())
            line = f"{len(self._converted)} tests converted to {recordings} recordings"
            if self._converted_before:
                line += f", {len(self._converted_before)} had been converted before"
        else:
            line = f"{len(self._converted_before)} tests had been converted before"
        if self.drifts:
            line += f", {len(self.drifts)} had drifted"
        if kept:
            line += f", {kept} not converted"
        return f"hashtape convert: {line}"

    def _to_delete(self, kept: dict[str, list[Drift]]) -> list[str]:
        """The cassettes that recordings stand for, without those that another test still needs."""
        converted = {self._yaml_of[test_id] for test_id in self._not_kept}
        needed = {self._yaml_of[test_id] for test_id in kept}
        return sorted(os.path.relpath(path, self._invocation_dir) for path in converted - needed)

    @staticmethod
    def _write_command(reporter: pytest.TerminalReporter, files: list[str]) -> None:
        is_shown = len(files) <= _LONGEST_COMMAND or reporter.verbosity > 0
        cassettes = "1 YAML cassette" if len(files) == 1 else f"{len(files)} YAML cassettes"
        hint = "" if is_shown else " (-v prints the command)"
        reporter.write_line(f"Delete their {cassettes}{hint}, run pytest again, and commit the recordings.")
        if is_shown:
            reporter.write_line(f"  rm {shlex.join(files)}")
