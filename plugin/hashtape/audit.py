"""`--hashtape-audit`: which tests send another request today than their YAML cassette has recorded.

vcrpy matches by method and URL unless it is told otherwise, so that such a test is green. Nothing is written
and nothing is sent: each answer comes from the cassette.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hashtape.yaml_run import YamlRun

if TYPE_CHECKING:
    import pytest

__all__ = ["Audit"]


class Audit(YamlRun):
    """The plugin that lists the drifted tests, and fails the run if there are any.

    Args:
        config: pytest's configuration; the option is set.

    Raises:
        pytest.UsageError: A record mode was asked for too.
    """

    option = "--hashtape-audit"
    explanation = (
        "Play the YAML cassettes with vcrpy's own matching, list the tests that send another request "
        "than was recorded, and fail if there are any. Nothing is recorded."
    )

    def __init__(self, config: pytest.Config) -> None:
        super().__init__(config)
        self._audited: set[str] = set()

    def take(self, use: dict[str, Any], report: pytest.TestReport) -> None:  # noqa: ARG002
        """See `YamlRun`."""
        if use["audited"]:
            self._audited.add(use["test_id"])
            if use["drifts"]:
                self.drifts[use["test_id"]] = use["drifts"]

    def is_wrong(self) -> bool:
        """See `YamlRun`."""
        return bool(self.drifts)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """List the drifted tests, each with what differs."""
        self.write(terminalreporter, "hashtape: drifted from their YAML cassettes", self.drifts)
        line = f"{len(self.drifts)} drifted of {len(self._audited)} tests on YAML cassettes"
        self.write_result(
            terminalreporter, f"hashtape audit: {line if self._audited else 'no test played a YAML cassette'}"
        )
