"""What `--hashtape-audit` and `--hashtape-convert` share: a run on YAML cassettes that sends nothing.

A test with a serializer or a persister of its own stays as it was: such a run counts it, and says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from hashtape.run_summary import USE

if TYPE_CHECKING:
    from collections.abc import Generator

    from hashtape.vcr_adapter.usage import Drift

__all__ = ["YamlRun"]

_LEFT_ALONE = "hashtape_left_alone"
"""The attribute of a report which says that its test has a cassette that hashtape does not look at."""

_is_left_alone = pytest.StashKey[bool]()


class YamlRun:
    """A plugin for such a run: it takes what the tests noted, and fails the run if something is wrong.

    Args:
        config: pytest's configuration; the option is set.

    Raises:
        pytest.UsageError: A record mode was asked for too.
    """

    option: ClassVar[str]
    """The command-line option that asks for the run."""
    explanation: ClassVar[str]
    """What `pytest --help` says of it."""

    def __init__(self, config: pytest.Config) -> None:
        if config.getoption("--record-mode", None) not in (None, "none"):
            raise pytest.UsageError(f"{self.option} sends nothing: leave --record-mode out")
        self._is_worker = hasattr(config, "workeroutput")
        self.drifts: dict[str, list[Drift]] = {}
        """The requests that differ from the recorded ones, by test id."""
        self._left_alone: set[str] = set()

    @classmethod
    def add_option(cls, parser: pytest.Parser) -> None:
        """Add the option."""
        parser.getgroup("hashtape").addoption(cls.option, action="store_true", help=cls.explanation)

    @classmethod
    def is_asked_for(cls, config: pytest.Config) -> bool:
        """Whether the option is set."""
        return bool(config.getoption(cls.option))

    def take(self, use: dict[str, Any], report: pytest.TestReport) -> None:
        """Take what a test did with its cassettes.

        Args:
            use: What the cassettes noted.
            report: The test's last report, which carries it.
        """
        raise NotImplementedError

    def is_wrong(self) -> bool:
        """Whether the run is to fail although its tests passed."""
        raise NotImplementedError

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
    ) -> Generator[None, object, object]:
        """Note whether a test's cassette is one that hashtape leaves alone."""
        value = yield
        if fixturedef.argname == "vcr" and value is not None:
            from hashtape.vcr_adapter.own_storage import is_left_alone

            request.node.stash[_is_left_alone] = is_left_alone(value)
        return value

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Hand that on."""
        report = yield
        if item.stash.get(_is_left_alone, False):
            setattr(report, _LEFT_ALONE, True)
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take what a test's cassettes noted; under xdist the workers' reports come by here too."""
        if getattr(report, _LEFT_ALONE, False):
            self._left_alone.add(report.nodeid)
        use: dict[str, Any] | None = getattr(report, USE, None)
        if use is not None:
            self.take(use, report)

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Fail the run if something is wrong."""
        if not self._is_worker and exitstatus == pytest.ExitCode.OK and self.is_wrong():
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def write_result(self, reporter: pytest.TerminalReporter, line: str) -> None:
        """Write how the run went, and how many tests it did not look at; with -v which.

        Args:
            reporter: The terminal.
            line: How it went.
        """
        if number := len(self._left_alone):
            tests = "1 test with a serializer or persister of its own"
            if number > 1:
                tests = f"{number} tests with a serializer or persister of their own"
            line += f"; not looked at: {tests}"
            if reporter.verbosity > 0:
                reporter.write_sep("=", "hashtape: not looked at")
                for test_id in sorted(self._left_alone):
                    reporter.write_line(test_id)
            else:
                line += f" (-v names {'it' if number == 1 else 'them'})"
        reporter.write_line(line)

    @staticmethod
    def write(reporter: pytest.TerminalReporter, title: str, drifts: dict[str, list[Drift]]) -> None:
        """Write a section with what differs, by test; nothing if nothing does.

        Args:
            reporter: The terminal.
            title: What is said of the tests.
            drifts: The requests that differ, by test id.
        """
        if drifts:
            reporter.write_sep("=", title, red=True)
        for test_id, requests in sorted(drifts.items()):
            reporter.write_line(test_id)
            for request, lines in requests:
                reporter.write_line(f"  {request}")
                for line in lines:
                    reporter.write_line(f"    {line}")
