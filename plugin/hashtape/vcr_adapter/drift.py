"""What a test sends today beside what its YAML cassette has recorded: vcrpy compares only a part of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hashtape.miss import changes_of, request_line, shown_change
from hashtape.request_id import recorded_form
from hashtape.vcr_adapter.vcr_requests import wire_request

if TYPE_CHECKING:
    from hashtape.redaction import Redactor
    from hashtape.vcr_adapter.usage import Drift

__all__ = ["drift_of"]

_MOST = 10
"""How many differences of one request are told."""


def drift_of(recorded: Any, now: Any, redactor: Redactor) -> Drift | None:
    """What differs between a recorded request and the one that it answers, as far as it counts in ids.

    Args:
        recorded: vcrpy's request of the cassette.
        now: vcrpy's request of the test, after the user's filters.
        redactor: What is not to be told.

    Returns:
        None if nothing differs.
    """
    wire = wire_request(now, redactor)
    form = recorded_form(wire, None)
    found = changes_of(recorded_form(wire_request(recorded, redactor), None), form)
    if not found:
        return None
    lines = [shown_change(change) for change in found[:_MOST]]
    if len(found) > _MOST:
        lines.append(f"and {len(found) - _MOST} more")
    return request_line(form, wire.url), lines
