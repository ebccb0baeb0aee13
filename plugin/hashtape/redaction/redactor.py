"""The one place that decides what reaches a file (spec §3, §7)."""

from __future__ import annotations

import os
from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from hashtape.recording import Answer, Recording
from hashtape.redaction.bodies import redact_body
from hashtape.redaction.json_values import redact_json
from hashtape.redaction.known import PROCESS_SECRETS, KnownSecrets
from hashtape.redaction.names import Place
from hashtape.redaction.rules import Rules
from hashtape.redaction.streams import redact_stream
from hashtape.redaction.texts import redact_base64, redact_text_body
from hashtape.redaction.urls import without_named_secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from hashtape.codecs import Json
    from hashtape.redaction.finding import Finding

__all__ = ["Redactor"]

_T = TypeVar("_T")

_UNTOUCHED = frozenset({"test_id", "method"})
_ADDRESSES = frozenset({"location", "content-location", "operation-location"})
"""Headers whose value is a URL, often one without a host."""


def _listed(names: Iterable[str]) -> tuple[str, ...]:
    """Names as a tuple; a text is one name, not its letters."""
    return (names,) if isinstance(names, str) else tuple(names)


class Redactor:
    """Takes secrets out of requests, answers and whole recordings, always by the same rules.

    Whatever has no secret is given back as the same object. Doing it twice changes nothing more.

    Args:
        secret_names: Further names of URL parameters, form fields and JSON members that hold secrets, in any
            spelling.
        not_secret: What is no secret: names of fields, headers or environment variables, values, or regular
            expressions that match a whole value.
        known: The known secrets; others than those of the process are for tests.
        environ: The environment whose keys, tokens, secrets and passwords are known secrets, `os.environ`
            if there is none.
    """

    def __init__(
        self,
        *,
        secret_names: Iterable[str] = (),
        not_secret: Iterable[str] = (),
        known: KnownSecrets = PROCESS_SECRETS,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._known = known
        self._environ = os.environ if environ is None else environ
        self._names = _listed(secret_names), _listed(not_secret)
        self._rules = Rules(*self._names, known)

    def without_values(self) -> Redactor:
        """One that knows no values: what it takes out does not depend on this process or its environment."""
        names, not_secret = self._names
        return Redactor(secret_names=names, not_secret=not_secret, known=KnownSecrets(), environ={})

    @property
    def known(self) -> KnownSecrets:
        """The known secrets, which are to learn of every request that this process makes."""
        return self._known

    def url(self, url: str) -> str:
        """A URL without secrets."""
        return self._settled(url, self._url, "request.url")[0]

    def text(self, text: str) -> str:
        """A text, such as an error message, without known secrets and shapes of keys."""
        return self._settled(text, self._rules.redact, "text")[0]

    def request(self, url: str, body: bytes, content_type: str) -> tuple[str, bytes, list[Finding]]:
        """A request as it may be stored, and as its id is computed.

        Args:
            url: The URL on the wire.
            body: The body on the wire, not compressed.
            content_type: The header's value, empty if there is none.

        Returns:
            The URL and the body, and what was found in them.
        """

        def redact(request: tuple[str, bytes], where: str, findings: list[Finding]) -> tuple[str, bytes]:
            url, body = request
            return (
                self._url(url, f"{where}.url", findings),
                redact_body(body, content_type, self._rules, f"{where}.body", findings),
            )

        (url, body), findings = self._settled((url, body), redact, "request")
        return url, body, findings

    def answer(self, answer: Answer) -> tuple[Answer, list[Finding]]:
        """An answer as it may be stored, and what was found in it.

        Args:
            answer: The answer; it is not changed, as a client may still get it.
        """
        return self._settled(answer, self._fields, "response")

    def recording(self, recording: Recording) -> tuple[Recording, list[Finding]]:
        """A whole file as it may be stored, and what was found in it.

        Args:
            recording: The recording; it is not changed.
        """
        return self._settled(recording, self._fields, "")

    def _settled(
        self, value: _T, redact: Callable[[_T, str, list[Finding]], _T], where: str
    ) -> tuple[_T, list[Finding]]:
        """A redacted value: again as long as a secret is learned that what came before it may hold."""
        self._known.learn_environment(self._environ)
        findings: list[Finding] = []
        while True:
            known = self._known.secrets
            value = redact(value, where, findings)
            if self._known.secrets is known:
                return value, findings

    def _url(self, url: str, where: str, findings: list[Finding]) -> str:
        url = without_named_secrets(url, self._rules, where, findings)
        return self._rules.redact(url, where, findings)

    def _fields(self, owner: _T, where: str, findings: list[Finding]) -> _T:
        """A part of a recording with other fields, or the same object."""
        changed: dict[str, Any] = {}
        for field in fields(owner):  # type: ignore[arg-type]  # the dataclasses of hashtape.recording
            if field.name in _UNTOUCHED:
                continue
            value = getattr(owner, field.name)
            redacted = self._field(owner, field.name, value, where, findings)
            if redacted is not value:
                changed[field.name] = redacted
        return replace(owner, **changed) if changed else owner  # type: ignore[type-var]

    def _field(self, owner: object, name: str, value: Any, where: str, findings: list[Finding]) -> Any:
        # Unknown keys and calls that never were HTTP stand beside the known keys in the file.
        here = where if name in {"extra", "data"} else f"{where}.{name}".lstrip(".")
        if is_dataclass(value):
            return self._fields(value, here, findings)
        if isinstance(value, list) and isinstance(owner, Recording):
            answers = [self._fields(item, f"{here}[{n}]", findings) for n, item in enumerate(value)]
            return value if all(new is old for new, old in zip(answers, value, strict=True)) else answers
        if name == "url" and isinstance(value, str):
            return self._url(value, here, findings)
        if isinstance(owner, Answer):
            if name == "body":
                return self._body(value, owner.is_streaming, here, findings)
            if name == "headers":
                value = self._addresses(value, here, findings)
        elif name == "payload":
            return self._payload(value, here, findings)
        return redact_json(value, self._rules, here, findings)

    def _body(self, body: Json, is_streaming: bool, where: str, findings: list[Finding]) -> Json:  # noqa: FBT001
        if is_streaming and isinstance(body, list):
            return redact_stream(body, self._rules, where, findings)
        if isinstance(body, str):
            return redact_text_body(body, self._rules, where, findings)
        if isinstance(body, dict) and body.get("__encoding__") == "base64":
            data = body.get("data")
            if isinstance(data, str):
                redacted = redact_base64(data, self._rules, where, findings)
                return body if redacted is data else {**body, "data": redacted}
        return redact_json(body, self._rules, where, findings)

    def _payload(self, payload: Json, where: str, findings: list[Finding]) -> Json:
        if isinstance(payload, str):
            return redact_text_body(payload, self._rules, where, findings)
        is_form = isinstance(payload, dict) and payload.get("__encoding__") in ("form", "multipart")
        return redact_json(payload, self._rules, where, findings, Place.FORM if is_form else Place.JSON)

    def _addresses(self, headers: dict[str, str], where: str, findings: list[Finding]) -> dict[str, str]:
        changed = {
            name: address
            for name, value in headers.items()
            if name in _ADDRESSES
            and (address := without_named_secrets(value, self._rules, f"{where}.{name}", findings))
            is not value
        }
        return {**headers, **changed} if changed else headers
