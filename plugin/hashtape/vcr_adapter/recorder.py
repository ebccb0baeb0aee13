"""What a server sent on its way into a recording: whole answers, and streams as the client gets them."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, NamedTuple

from vcr.cassette import _run_hooks

from hashtape.codecs import stream_decoder
from hashtape.request_id import recorded_form
from hashtape.vcr_adapter.live import LiveStream
from hashtape.vcr_adapter.secret_warning import warn_of_secrets
from hashtape.vcr_adapter.vcr_requests import wire_request
from hashtape.vcr_adapter.vcr_responses import (
    answer_of,
    decompressed,
    head_of,
    passing_through,
    without_encoding,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from threading import RLock

    from hashtape.recording import Answer, HttpRequest, InferenceRequest
    from hashtape.vcr_adapter.answers import Answers, Slot
    from hashtape.vcr_adapter.asked import Asked
    from hashtape.vcr_adapter.setup import CassetteSetup
    from hashtape.vcr_adapter.vcr_responses import VcrResponse

__all__ = ["Recorder", "Stored"]


class Stored(NamedTuple):
    """What was stored.

    Args:
        slot: Where it is, without what is secret in it.
        answer: The answer with it, as the client gets it now.
    """

    slot: Slot
    answer: Answer


class Recorder:
    """Records the answers of one cassette.

    Args:
        cassette: The cassette, for the user's hooks.
        setup: What else is known of it.
        answers: Its answers, which are changed under `lock` only.
        lock: The lock.
        before_response: vcrpy's chain of the user's filters for responses, None if there are none.
        before_save: The user's hooks for what is saved.
    """

    def __init__(
        self,
        cassette: Any,
        setup: CassetteSetup,
        answers: Answers,
        lock: RLock,
        *,
        before_response: Callable[[VcrResponse], VcrResponse | None] | None,
        before_save: Sequence[Callable[..., Any]],
    ) -> None:
        self._cassette = cassette
        self._setup = setup
        self._answers = answers
        self._lock = lock
        self._before_response = before_response
        self._before_save = before_save
        self._live_streams: list[LiveStream] = []

    def record(self, asked: Asked, response: VcrResponse, *, is_exact: bool = False) -> Stored | None:
        """Store a response.

        Args:
            asked: The request that it answers.
            response: The response as it came; it is not changed.
            is_exact: Whether it must come back as it came, each byte: the client has been given it already.

        Returns:
            None when a filter or a hook of the user dropped it.
        """
        filtered: Any = response
        if self._before_response:
            filtered = self._before_response(copy.deepcopy(response))
        if filtered is None:
            return None
        filtered = decompressed(filtered)
        self._learn_cookies(response)
        wire, recorded = asked.wire, asked.recorded
        if self._before_save:
            interaction = _run_hooks(
                self._before_save, copy.deepcopy(asked.request), copy.deepcopy(filtered), self._cassette
            )
            if interaction is None:
                return None
            request, filtered = interaction
            wire = wire_request(request, self._setup.redactor)
            recorded = recorded_form(wire, self._setup.test_id)
        answer = answer_of(
            recorded,
            wire,
            asked.request_id,
            filtered,
            self._setup.response_headers,
            keeps_ids=is_exact,
            is_exact=is_exact,
        )
        return Stored(self._store(asked, recorded, answer), answer)

    def live(self, asked: Asked, response: VcrResponse) -> LiveStream | None:
        """See `RecordingCassette.live`."""
        if self._before_save or self._before_response:
            return None
        self._learn_cookies(response)
        plain, decompress = without_encoding(response)
        head = head_of(asked.recorded, asked.wire, plain, self._setup.response_headers)
        decoder = stream_decoder(head.context) or passing_through(head, response)
        if decoder is None or "content-encoding" in head.headers:
            return None
        stream = LiveStream(
            asked,
            head,
            decoder,
            store=lambda answer: self._store(asked, asked.recorded, answer),
            store_cut=lambda answer: self._store_cut(asked, answer),
            store_as_it_is=lambda body: self.record(
                asked, {**plain, "body": {"string": body}}, is_exact=True
            ),
            decompress=decompress,
        )
        with self._lock:
            self._live_streams = [*(live for live in self._live_streams if not live.is_over), stream]
        return stream

    def close(self) -> None:
        """Store the streams that nobody read to their end, and nobody closed."""
        for stream in self._live_streams:
            stream.close()

    def _store(self, asked: Asked, recorded: InferenceRequest | HttpRequest, answer: Answer) -> Slot:
        """Store an answer without what is secret in it, and then say what that was."""
        safe, findings = self._setup.redactor.answer(answer)
        with self._lock:
            slot = self._answers.store(asked, recorded, safe)
            self._setup.use.recorded += 1
        warn_of_secrets(slot.entry.paths[0], [*asked.findings, *findings])
        return slot

    def _store_cut(self, asked: Asked, answer: Answer) -> None:
        """Store what came of a stream that broke off, unless that would take a whole answer's place."""
        with self._lock:
            if not self._answers.would_replace(asked):
                self._store(asked, asked.recorded, answer)

    def _learn_cookies(self, response: VcrResponse) -> None:
        """The cookies that a response hands out are credentials from now on."""
        self._setup.redactor.known.learn_headers(
            ("set-cookie", str(value))
            for name, values in (response.get("headers") or {}).items()
            if name.lower() == "set-cookie"
            for value in ([values] if isinstance(values, str) else values)
        )
