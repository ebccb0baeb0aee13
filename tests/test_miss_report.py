"""What a test's report says of its misses: each once."""

from __future__ import annotations

import pytest

from hashtape.miss_report import MissReport


@pytest.fixture
def report():
    return MissReport()


def note(report, name, **options):
    report.log.note(name, f"GET {name}", f"No recording for GET {name}", **options)


def test_the_section_has_each_request_once_and_how_often_it_was_tried(report):
    for name in "abaa":
        note(report, name)
    assert report.section() == ("No recording for GET a\n  asked for 3 times\n\nNo recording for GET b")
    assert report.section() == ""


def test_of_many_misses_the_first_are_explained(report):
    for number in range(8):
        note(report, number)
    *_, last = report.section().split("\n\n")
    assert last == "No recording for 3 more:\n  GET 5\n  GET 6\n  GET 7"


def test_a_miss_is_swallowed_once(report):
    note(report, "a")
    assert [miss.line for miss in report.swallowed()] == ["GET a"]
    assert report.swallowed() == []
    note(report, "b")
    assert [miss.line for miss in report.swallowed()] == ["GET b"]


@pytest.mark.parametrize("deal", [MissReport.section, MissReport.excuse, lambda report: report.log.clear()])
def test_what_had_its_consequence_was_not_swallowed(report, deal):
    note(report, "a")
    deal(report)
    assert report.swallowed() == []


def test_a_refusal_explains_a_failure_and_is_never_swallowed(report):
    note(report, "a", is_refusal=True)
    assert report.swallowed() == []
    assert report.section() == "No recording for GET a"


def test_the_verdict_names_the_first_and_how_many_there_are(report):
    note(report, "a")
    note(report, "b")
    swallowed = report.swallowed()
    assert "has no recording: GET a and 1 more. The program" in report.verdict(swallowed)
    assert report.warning(swallowed).endswith("\nNo recording for GET a\n\nNo recording for GET b")
