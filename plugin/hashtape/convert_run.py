"""`--hashtape-convert`: converts cassettes by running the tests on them.

The suite plays on its YAML cassettes with vcrpy's own matching, and each answer is stored under the request
that the test sends today, with its true node id. So the suite is green afterwards without the YAML, also
where a cassette had drifted from its test; those tests are named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from hashtape.audit import write_drifts
from hashtape.run_summary import USE

if TYPE_CHECKING:
    from hashtape.vcr_adapter.usage import Drift

__all__ = ["ConvertRun", "add_options"]

_OPTION = "--hashtape-convert"


def add_options(parser: pytest.Parser) -> None:
    """Add the command-line option of this module."""
    parser.getgroup("hashtape").addoption(
        _OPTION,
        action="store_true",
        help="Play the YAML cassettes with vcrpy's own matching, and store each answer as a recording of the "
        "request that the test sends today. Nothing is sent; a test that fails converts nothing.",
    )


class ConvertRun:
    """The plugin that says what was converted, and fails the run if something could not be.

    Args:
        config: pytest's configuration; the option is set.

    Raises:
        pytest.UsageError: A record mode was asked for too.
    """

    def __init__(self, config: pytest.Config) -> None:
        if config.getoption("--record-mode", None) not in (None, "none"):
            raise pytest.UsageError(f"{_OPTION} sends nothing: leave --record-mode out")
        self._config = config
        self._tests = self._recordings = 0
        self._drifts: dict[str, list[Drift]] = {}
        self._problems: dict[str, list[str]] = {}

    @classmethod
    def is_asked_for(cls, config: pytest.Config) -> bool:
        """Whether the option is set."""
        return bool(config.getoption(_OPTION))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take what became of a test's cassettes; under xdist the workers' reports come by here too."""
        use: dict[str, Any] = getattr(report, USE, None) or {}
        if use.get("unconverted"):
            self._problems[use["test_id"]] = use["unconverted"]
        elif use.get("converted"):
            self._tests += 1
            self._recordings += use["converted"]
            if use["drifts"]:
                self._drifts[use["test_id"]] = use["drifts"]

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Fail the run if a test could not be converted."""
        if self._problems and exitstatus == pytest.ExitCode.OK and not hasattr(self._config, "workeroutput"):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """List the tests that had drifted, and those that keep their YAML."""
        write_drifts(
            terminalreporter, "hashtape: had drifted, converted to what the tests send today", self._drifts
        )
        write_drifts(
            terminalreporter,
            "hashtape: not converted",
            {test_id: [(line, []) for line in lines] for test_id, lines in self._problems.items()},
        )
        line = f"hashtape convert: {self._tests} tests converted to {self._recordings} recordings"
        details = [
            f"{len(tests)} {what}"
            for tests, what in ((self._drifts, "had drifted"), (self._problems, "not converted"))
            if tests
        ]
        terminalreporter.write_line(", ".join([line, *details]))
        if self._tests:
            terminalreporter.write_line(
                "Delete their YAML cassettes, run pytest again, and commit the recordings."
            )
