"""`--hashtape-audit`: which tests send another request today than their YAML cassette has recorded.

vcrpy matches by method and URL unless it is told otherwise, so that such a test is green. Nothing is written
and nothing is sent: each answer comes from the cassette.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hashtape.run_summary import USE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hashtape.vcr_adapter.usage import Drift

__all__ = ["Audit", "add_options", "write_drifts"]

_OPTION = "--hashtape-audit"


def add_options(parser: pytest.Parser) -> None:
    """Add the command-line option of this module."""
    parser.getgroup("hashtape").addoption(
        _OPTION,
        action="store_true",
        help="Play the YAML cassettes with vcrpy's own matching, list the tests that send another request "
        "than was recorded, and fail if there are any. Nothing is recorded.",
    )


def write_drifts(reporter: pytest.TerminalReporter, title: str, drifts: Mapping[str, list[Drift]]) -> None:
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


class Audit:
    """The plugin that lists the drifted tests, and fails the run if there are any.

    Args:
        config: pytest's configuration; the option is set.

    Raises:
        pytest.UsageError: A record mode was asked for too.
    """

    def __init__(self, config: pytest.Config) -> None:
        if config.getoption("--record-mode", None) not in (None, "none"):
            raise pytest.UsageError(f"{_OPTION} records nothing: leave --record-mode out")
        self._config = config
        self._audited: set[str] = set()
        self._drifts: dict[str, list[Drift]] = {}

    @classmethod
    def is_asked_for(cls, config: pytest.Config) -> bool:
        """Whether the option is set."""
        return bool(config.getoption(_OPTION))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take what a test's cassettes noted; under xdist the workers' reports come by here too."""
        use: dict[str, Any] = getattr(report, USE, None) or {}
        if use.get("audited"):
            self._audited.add(use["test_id"])
            if use["drifts"]:
                self._drifts[use["test_id"]] = use["drifts"]

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Fail the run if a test drifted."""
        if self._drifts and exitstatus == pytest.ExitCode.OK and not hasattr(self._config, "workeroutput"):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """List the drifted tests, each with what differs."""
        write = terminalreporter.write_line
        write_drifts(terminalreporter, "hashtape: drifted from their YAML cassettes", self._drifts)
        if not self._audited:
            write("hashtape audit: no test played a YAML cassette")
            return
        write(f"hashtape audit: {len(self._drifts)} drifted of {len(self._audited)} tests on YAML cassettes")
