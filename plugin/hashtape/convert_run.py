"""`--hashtape-convert`: converts cassettes by running the tests on them.

The suite plays on its YAML cassettes with vcrpy's own matching, and each answer is stored under the request
that the test sends today, with its true node id. So the suite is green afterwards without the YAML, also
where a cassette had drifted from its test; those tests are named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hashtape.yaml_run import YamlRun

if TYPE_CHECKING:
    import pytest

    from hashtape.vcr_adapter.usage import Drift

__all__ = ["ConvertRun"]


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
        self._has_played = False
        self._tests = self._recordings = 0
        self._problems: dict[str, list[str]] = {}

    def take(self, use: dict[str, Any]) -> None:
        """See `YamlRun`."""
        self._has_played |= bool(use["audited"])
        if use["unconverted"]:
            self._problems[use["test_id"]] = use["unconverted"]
        elif use["converted"]:
            self._tests += 1
            self._recordings += use["converted"]
            if use["drifts"]:
                self.drifts[use["test_id"]] = use["drifts"]

    def is_wrong(self) -> bool:
        """See `YamlRun`."""
        return bool(self._problems)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """List the tests that had drifted, and those that keep their YAML."""
        title = "hashtape: had drifted, converted to what the tests send today"
        self.write(terminalreporter, title, self.drifts)
        problems: dict[str, list[Drift]] = {
            test_id: [(line, []) for line in lines] for test_id, lines in self._problems.items()
        }
        self.write(terminalreporter, "hashtape: not converted", problems)
        line = "hashtape convert: no test played a YAML cassette"
        if self._has_played:
            line = f"hashtape convert: {self._tests} tests converted to {self._recordings} recordings"
        if self.drifts:
            line += f", {len(self.drifts)} had drifted"
        if self._problems:
            line += f", {len(self._problems)} not converted"
        self.write_result(terminalreporter, line)
        if self._tests:
            terminalreporter.write_line(
                "Delete their YAML cassettes, run pytest again, and commit the recordings."
            )
