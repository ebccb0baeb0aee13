"""vcrpy matchers that compare what a request says, not how it is spelled.

For people who stay on YAML: `match_on=["request_id"]`, or `match_on=["method", "uri", "json_body"]`.
"""

from __future__ import annotations

import json
from typing import Any

from hashtape.codecs import NotJsonError, parse
from hashtape.normalise import normalise_body
from hashtape.request_id import id_of, recorded_form
from hashtape.vcr_adapter.vcr_requests import wire_request

__all__ = ["json_body", "request_id"]


def request_id(incoming: Any, stored: Any) -> None:
    """Match requests that have the same request id (spec §2), so that one recording serves both.

    Args:
        incoming: vcrpy's request that is made.
        stored: vcrpy's request of the cassette.

    Raises:
        AssertionError: They differ.
    """
    ids = [id_of(recorded_form(wire_request(request)), None) for request in (incoming, stored)]
    if ids[0] != ids[1]:
        raise AssertionError(f"request ids differ: {ids[0][:12]} now, {ids[1][:12]} recorded")


def json_body(incoming: Any, stored: Any) -> None:
    """Match requests whose JSON bodies are equal once normalised (spec §2); other bodies as bytes.

    Key order, white space and escapes do not count, nor do digits after the fifth decimal.

    Args:
        incoming: vcrpy's request that is made.
        stored: vcrpy's request of the cassette.

    Raises:
        AssertionError: They differ.
    """
    bodies = [wire_request(request).body for request in (incoming, stored)]
    try:
        same = _normalised(bodies[0]) == _normalised(bodies[1])
    except NotJsonError:
        same = bodies[0] == bodies[1]
    if not same:
        raise AssertionError("JSON bodies differ")


def _normalised(body: bytes) -> str:
    # As text, because Python takes 1, 1.0 and True for the same.
    return json.dumps(normalise_body(parse(body)), sort_keys=True)
