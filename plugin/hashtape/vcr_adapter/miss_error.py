"""The exception of a miss."""

from __future__ import annotations

from typing import Any

from vcr.errors import CannotOverwriteExistingCassetteException

from hashtape.errors import HashtapeError

__all__ = ["MissError"]


class MissError(HashtapeError, CannotOverwriteExistingCassetteException):  # type: ignore[misc]  # vcrpy: untyped
    """A request has no recording, and the record mode does not allow to make one.

    It is vcrpy's exception too, so that code which catches that goes on working.

    Args:
        message: Which request, what was expected, and the command that records it.
        cassette: The cassette.
        failed_request: vcrpy's request.
        request_id: The id that a recording would have.
        reason: vcrpy's word for it: `cassette_not_found`, `already_played` or `no_match`.
    """

    def __init__(
        self, message: str, *, cassette: Any, failed_request: Any, request_id: str, reason: str
    ) -> None:
        # vcrpy's own constructor compares the request with every interaction of the cassette.
        Exception.__init__(self, message)
        self.cassette = cassette
        self.failed_request = failed_request
        self.request_id = request_id
        self.reason = reason
        self.similar_requests: list[Any] = []
