"""What a test's report says of its misses: each once, also those that the program swallowed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hashtape.miss import MissLog

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pytest

    from hashtape.miss import Miss

__all__ = ["MissReport"]

_TITLE = "hashtape"
_MOST = 5
"""How many misses are explained in one report."""


class MissReport:
    """What is still to be said of the misses of one test.

    A refusal, of a request that a filter leaves out of the cassette, explains a failure like a miss, and is
    none: to swallow it is no fault.
    """

    def __init__(self) -> None:
        self.log = MissLog()
        """Where the test's cassettes note their misses."""
        self._shown: set[Miss] = set()
        self._judged: set[Miss] = set()

    def section(self) -> str:
        """The section for the report of a failure: all that was noted since the last one; empty if nothing.

        What is in it has had its consequence: a test fails once for it.
        """
        new = [miss for miss in self.log if miss not in self._shown]
        self._shown.update(new)
        self._judged.update(new)
        return _explained(new)

    def put_into(self, report: pytest.TestReport, *, shows_sections: bool) -> None:
        """Give the report of a failure its section, if there is anything to say.

        Args:
            report: The report.
            shows_sections: Whether pytest prints the sections of reports; else the section goes with the
                traceback.
        """
        section = self.section()
        if not section:
            return
        if shows_sections:
            report.sections.append((_TITLE, section))
        elif isinstance(report.longrepr, str):
            report.longrepr = f"{report.longrepr}\n\n{section}"
        elif (add := getattr(report.longrepr, "addsection", None)) is not None:
            add(_TITLE, section)

    def excuse(self) -> None:
        """Count what was noted so far as dealt with: the test was expected to fail, and did."""
        self._judged.update(self.log)

    def swallowed(self) -> list[Miss]:
        """The misses that no exception told the test of; each is given once."""
        new = [miss for miss in self.log if miss not in self._judged and not miss.is_refusal]
        self._judged.update(new)
        return new

    @staticmethod
    def verdict(swallowed: list[Miss]) -> str:
        """What is wrong with a test whose program swallowed misses, in a sentence.

        Args:
            swallowed: The misses, one at least.
        """
        more = f" and {len(swallowed) - 1} more" if len(swallowed) > 1 else ""
        return (
            f"The test went on without an answer that has no recording: {swallowed[0].line}{more}. "
            "The program swallowed the error. Record it; or, if that is meant to be, set "
            "hashtape_swallowed_miss = ignore, or call vcr.misses.clear() at the end of this test"
        )

    @classmethod
    def warning(cls, swallowed: list[Miss]) -> str:
        """The same with the explanations, where there is no report of a failure to put them in.

        Args:
            swallowed: The misses, one at least.
        """
        return f"{cls.verdict(swallowed)}\n{_explained(swallowed)}"


def _explained(misses: list[Miss]) -> str:
    texts = [_with_tries(miss) for miss in misses[:_MOST]]
    if len(misses) > _MOST:
        lines = _lines_of(misses[_MOST:])
        texts.append(f"No recording for {len(misses) - _MOST} more:\n{lines}")
    return "\n\n".join(texts)


def _lines_of(misses: Iterable[Miss]) -> str:
    return "\n".join(f"  {miss.line}" for miss in misses)


def _with_tries(miss: Miss) -> str:
    return f"{miss.text}\n  asked for {miss.tries} times" if miss.tries > 1 else miss.text
