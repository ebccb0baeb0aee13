"""A request that the cassette is asked for, in the forms that it has on its way."""

from __future__ import annotations

import copy
from functools import cached_property
from typing import TYPE_CHECKING, Any

from vcr.filters import sensitive_data_hooks

from hashtape.recording import InferenceRequest
from hashtape.request_id import (
    SHARED_MODEL_LISTS,
    candidate_ids,
    old_ids_of,
    operation_of,
    recorded_form,
    wants_base64,
)
from hashtape.wire_form import forms_asked_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from hashtape.recording import HttpRequest
    from hashtape.redaction import Finding
    from hashtape.request_id import WireRequest
    from hashtape.vcr_adapter.vcr_responses import VcrResponse

__all__ = ["Asked", "hiding"]

_NO_RESPONSE: VcrResponse = {"status": {"code": 200, "message": ""}, "headers": {}, "body": {"string": b""}}


class Asked:
    """A request on its way through the cassette, after the user's filters.

    Args:
        build: Makes vcrpy's request, filtered; it is made only when something needs it.
        wire: The same without secrets.
        recorded: Its recorded form.
        request_id: Its id.
        hashed: What the id was computed of, where values of this process's own were taken out of the recorded
            form as well.
        findings: What was taken out of it.
        sent: The same on the wire with what was taken out, which other recorders store; None if nothing was.
        original: vcrpy's request before the filters, if there are any.
        hidden: The same after them and without what the user calls sensitive, as it is stored.
        is_in_process: Whether the client calls an application in this process: that is no network.
    """

    def __init__(
        self,
        build: Callable[[], Any],
        wire: WireRequest,
        recorded: InferenceRequest | HttpRequest,
        request_id: str,
        *,
        hashed: InferenceRequest | HttpRequest | None = None,
        findings: Sequence[Finding] = (),
        sent: WireRequest | None = None,
        original: Any = None,
        hidden: Any = None,
        is_in_process: bool = False,
    ) -> None:
        self._build = build
        self._original = original
        self._hidden = hidden
        self.wire = wire
        self.recorded = recorded
        self.request_id = request_id
        self.hashed = recorded if hashed is None else hashed
        self.findings = findings
        self.sent = sent
        self.is_in_process = is_in_process
        self.turn = 0
        """Which of the same requests it was that this cassette sent, counted from 1; 0 if that is unknown."""

    @cached_property
    def request(self) -> Any:
        """The request of vcrpy, filtered."""
        return self._build()

    @property
    def is_model_list(self) -> bool:
        """Whether it asks for a list of models that tests share (spec §2)."""
        return operation_of(self.recorded) in SHARED_MODEL_LISTS

    def ids(self, test_id: str | None) -> Iterator[str]:
        """The ids that its recording may have, the likeliest first.

        Args:
            test_id: The pytest node id.
        """
        base64 = wants_base64(self.wire)
        yield from candidate_ids(self.hashed, test_id, base64=base64)
        if self.is_model_list and isinstance(self.hashed, InferenceRequest):
            yield from sorted(old_ids_of(self.hashed))
        if self.sent is not None:
            yield from candidate_ids(recorded_form(self.sent, test_id), test_id, base64=base64)

    def forms(self, test_id: str | None) -> set[tuple[str, str, str]]:
        """What its recording may stand for (see `forms_asked_for`).

        Args:
            test_id: The pytest node id.
        """
        forms = forms_asked_for(self.recorded)
        return forms if self.sent is None else forms | forms_asked_for(recorded_form(self.sent, test_id))

    @property
    def original(self) -> Any:
        """The request of vcrpy before the filters."""
        return self.request if self._original is None else self._original

    @property
    def hidden(self) -> Any:
        """The request of vcrpy as it is stored."""
        return self.request if self._hidden is None else self._hidden


def hiding(sensitive: Any) -> Callable[[Any], Any]:
    """What vcrpy's `filter_sensitive_data` does to a request before it is saved, for its id.

    A value that the user computes from the response is not known when a request is looked up.
    """
    if not sensitive:
        return lambda request: request

    def tolerant(value: Any) -> Any:
        if not callable(value):
            return value

        def compute(request: Any, response: VcrResponse) -> Any:
            try:
                return value(request, response)
            except Exception:  # noqa: BLE001  (the user's function, given a response that is not there)
                return None

        return compute

    pairs = sensitive.items() if isinstance(sensitive, dict) else sensitive
    hide, _ = sensitive_data_hooks([(name, tolerant(value)) for name, value in pairs])
    return lambda request: hide(request, copy.deepcopy(_NO_RESPONSE))[0]
