"""How a request becomes one that a cassette is asked for: through the user's filters, and with an id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vcr.request import Request

from hashtape.telemetry import is_telemetry
from hashtape.vcr_adapter.asked import Asked, hiding
from hashtape.vcr_adapter.offline import refuse_under_none
from hashtape.vcr_adapter.vcr_requests import freeze_body, header_pairs, identified, sent_request

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hashtape.request_id import WireRequest
    from hashtape.vcr_adapter.setup import CassetteSetup

__all__ = ["Asking"]


class Asking:
    """Takes the requests of one cassette.

    Args:
        cassette: The cassette.
        setup: What else is known of it.
        before_request: vcrpy's chain of the user's filters: a request → the request, or None to leave it out.
        options: vcrpy's options, which say whether there are any, and what is sensitive.
    """

    def __init__(
        self,
        cassette: Any,
        setup: CassetteSetup,
        before_request: Callable[[Any], Any],
        options: dict[str, Any],
    ) -> None:
        self._cassette = cassette
        self._setup = setup
        self._before_request = before_request
        self._hide = hiding(options.get("filter_sensitive_data"))
        self._has_filters = bool(options.get("before_record_request") or options.get("filter_sensitive_data"))

    def ask(self, request: Any, *, is_in_process: bool = False) -> Asked | None:
        """See `RecordingCassette.ask`."""
        if not is_in_process and self._is_left_out(request.uri):
            self._setup.note_passed_on(request)
            return None
        asked = self.look(request, is_in_process=is_in_process)
        if asked is None and not is_in_process:
            self._setup.note_passed_on(request)
        return asked

    def look(self, request: Any, *, is_in_process: bool = False) -> Asked | None:
        """The same for who only looks, and sends nothing himself."""
        freeze_body(request)
        self._setup.redactor.known.learn_headers(header_pairs(request.headers))
        filtered = self._before_request(request)
        if not filtered:
            if not is_in_process:
                refuse_under_none(self._cassette, request, self._setup)
            return None
        hidden = self._hide(filtered)
        return self._asked(
            lambda: filtered,
            sent_request(hidden),
            original=request,
            hidden=hidden,
            is_in_process=is_in_process,
        )

    def ask_wire(
        self, wire: WireRequest, headers: Mapping[str, str], *, is_in_process: bool = False
    ) -> Asked | None:
        """See `RecordingCassette.ask_wire`."""

        def build() -> Any:
            return Request(wire.method, wire.url, wire.body, headers)

        if self._has_filters or self._is_left_out(wire.url):
            return self.ask(build(), is_in_process=is_in_process)
        self._setup.redactor.known.learn_headers(headers.items())
        return self._asked(build, wire, is_in_process=is_in_process)

    def _is_left_out(self, url: str) -> bool:
        """Whether a request is telemetry that would be recorded: it is sent, and that is all."""
        return is_telemetry(url) and not self._cassette.write_protected

    def _asked(self, build: Callable[[], Any], wire: WireRequest, **forms: Any) -> Asked:
        found = identified(wire, self._setup.test_id, self._setup.redactor)
        return Asked(
            build,
            found.wire,
            found.recorded,
            found.request_id,
            hashed=found.hashed,
            findings=found.findings,
            sent=wire if found.findings else None,
            **forms,
        )
