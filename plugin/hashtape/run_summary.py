"""What a test run played, recorded, missed, left unused and sent: for the end of pytest's output.

Each test's report carries what its cassettes did. So reports of xdist's workers, and of tests that are run
again, add up by themselves.
"""

from __future__ import annotations

import os
import time
from collections import Counter, defaultdict
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from hashtape.unused import FullRun, UnusedRecording

__all__ = ["CACHE_KEY", "USE", "RunSummary", "add_options"]

CACHE_KEY = "hashtape/used"
"""Where pytest's cache keeps what the last full run used."""
USE = "hashtape_use"
"""The attribute of a test's last report that carries what its cassettes did."""

_COLLECTED = "hashtape_collected"
_LONGEST_LIST = 20


def add_options(parser: pytest.Parser) -> None:
    """Add the command-line options of this module."""
    parser.getgroup("hashtape").addoption(
        "--hashtape-unused",
        choices=("report", "fail"),
        help="List the recordings of the tests that ran and passed which nothing played; with fail, such a "
        "recording fails the run.",
    )


class RunSummary:
    """The plugin that adds up what the tests of a run did, and says so at its end.

    Args:
        config: pytest's configuration.
        test_id_of: Gives the test id of an item.
    """

    def __init__(self, config: pytest.Config, test_id_of: Callable[[pytest.Item], str]) -> None:
        self._config = config
        self._test_id_of = test_id_of
        self._started = time.time()
        self._counts: Counter[str] = Counter()
        self._sent: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._recorded_in: set[str] = set()
        self._used: set[str] = set()
        self._directories: dict[str, set[str]] = {}
        self._has_passed: dict[str, bool] = {}
        self._all_passed = True
        self._collected: set[str] = set()
        self._unused: list[UnusedRecording] = []
        self._is_failed_by_unused = False

    # --- During the run ----------------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Note all tests there are, before any are deselected."""
        self._collected.update(map(self._test_id_of, items))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add up what a test did; under xdist the workers' reports come by here too."""
        if not report.passed:
            self._all_passed = False
        use: dict[str, Any] | None = getattr(report, USE, None)
        if use is None:
            return
        test_id = use["test_id"]
        self._counts.update({name: use[name] for name in ("played", "recorded", "missed")})
        if use["recorded"]:
            self._recorded_in.update(use["directories"])
        if use["sent"]:
            self._sent[test_id].update(use["sent"])
        self._used.update(use["files"])
        self._directories.setdefault(test_id, set()).update(use["directories"])
        self._has_passed[test_id] = use["has_passed"] and not use["missed"]

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take over which tests a worker of xdist has collected: the controller collects none."""
        self._collected.update(getattr(node, "workeroutput", {}).get(_COLLECTED, ()))

    # --- At its end --------------------------------------------------------------------------------------

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Find the unused recordings; keep what a full run used; fail the run if that was asked for."""
        workeroutput: dict[str, Any] | None = getattr(self._config, "workeroutput", None)
        if workeroutput is not None:
            workeroutput[_COLLECTED] = sorted(self._collected)
            return
        if not self._directories:
            return
        from hashtape.unused import unused_recordings

        is_full = exitstatus == pytest.ExitCode.OK and _is_whole_suite(self._config)
        run = self._as_full_run()
        self._unused = list(
            unused_recordings(run.directories, run.passed, run.used, with_nobodys=is_full and run.all_passed)
        )
        cache = getattr(self._config, "cache", None)
        if is_full and cache is not None:
            cache.set(CACHE_KEY, run.to_json())
        if self._unused and self._fails_on_unused and exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
            self._is_failed_by_unused = True

    def _as_full_run(self) -> FullRun:
        from hashtape.unused import FullRun

        passed = frozenset(test_id for test_id, has_passed in self._has_passed.items() if has_passed)
        return FullRun(
            started=self._started,
            rootdir=str(self._config.rootpath),
            passed=passed,
            collected=frozenset(self._collected),
            all_passed=self._all_passed,
            directories=frozenset().union(*(self._directories[test_id] for test_id in passed)),
            used=frozenset(self._used),
        )

    @property
    def _fails_on_unused(self) -> bool:
        return bool(self._config.getoption("--hashtape-unused") == "fail")

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what happened, if anything of hashtape's did."""
        if not (self._counts.total() or self._sent or self._unused):
            return
        if self._unused and self._config.getoption("--hashtape-unused"):
            title = "hashtape: recordings that nothing played"
            terminalreporter.write_sep("=", title, red=self._fails_on_unused)
            for line in self._unused_lines():
                terminalreporter.write_line(line)
        is_quiet = terminalreporter.verbosity < 0
        markup = {"yellow": True} if self._sent else {}
        terminalreporter.write_line(self._line(is_quiet=is_quiet), **markup)
        if not is_quiet:
            if self._recorded_in:
                place = os.path.relpath(os.path.commonpath(self._recorded_in), self._config.rootpath)
                terminalreporter.write_line(f"  recorded in {place}")
            for line in _cut(self._sent_lines(), terminalreporter.verbosity):
                terminalreporter.write_line(line)
        if self._is_failed_by_unused:  # all tests passed, and so pytest's own last line does not say it
            number = len(self._unused)
            recordings = "recording fails" if number == 1 else "recordings fail"
            terminalreporter.write_line(
                f"hashtape: {number} unused {recordings} this run (--hashtape-unused=fail)", red=True
            )

    def _line(self, *, is_quiet: bool) -> str:
        counts = {**self._counts, "unused": len(self._unused), "sent to the network": self._times_sent}
        shown = [f"{count} {what}" for what, count in counts.items() if count or not is_quiet]
        return f"hashtape: {', '.join(shown) or 'no request'}"

    @property
    def _times_sent(self) -> int:
        return sum(sent.total() for sent in self._sent.values())

    def _sent_lines(self) -> Iterator[str]:
        for test_id, sent in sorted(self._sent.items()):
            for line, times in sent.items():
                yield f"  {test_id} sent {line}" + (f", {times} times" if times > 1 else "")

    def _unused_lines(self) -> Iterator[str]:
        by_test: defaultdict[str, list[str]] = defaultdict(list)
        for path, test_id, _ in self._unused:
            by_test[test_id or "no test"].append(os.path.relpath(path, self._config.rootpath))
        for test_id, paths in sorted(by_test.items()):
            yield test_id
            yield from (f"  {path}" for path in sorted(paths))
        yield "Remove them: run all tests, then hashtape prune"


def _cut(lines: Iterable[str], verbosity: int) -> Iterator[str]:
    """The first lines, and how many more there are; with -v all."""
    every = list(lines)
    shown = len(every) if verbosity > 0 or len(every) <= _LONGEST_LIST else _LONGEST_LIST
    yield from every[:shown]
    if shown < len(every):
        yield f"  and {len(every) - shown} more: -v lists them"


def _is_whole_suite(config: pytest.Config) -> bool:
    """Whether nothing but the project's own configuration chose which tests to run."""
    option = config.option
    if any(getattr(option, name, None) for name in ("lf", "stepwise", "deselect", "collectonly")):
        return False
    always: list[str] = config.getini("addopts")
    chosen = [option.keyword, option.markexpr, *(option.ignore or ()), *(option.ignore_glob or ())]
    if any(value and not any(value in arg for arg in always) for value in chosen):
        return False
    here = config.invocation_params.dir
    args = {(here / arg).resolve() for arg in config.args}
    testpaths = {
        Path(path).resolve()
        for pattern in config.getini("testpaths")
        for path in glob(str(config.rootpath / pattern), recursive=True)  # noqa: PTH207  (as pytest does)
    }
    return config.rootpath.resolve() in args or bool(testpaths and testpaths <= args)
