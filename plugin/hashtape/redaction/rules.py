"""The rules of one redaction, in one place: for requests and answers, for writing and for `verify`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hashtape.redaction.exemptions import Exemptions
from hashtape.redaction.finding import REDACTED, Finding
from hashtape.redaction.headers import credentials_in
from hashtape.redaction.names import ONE_TIME, Place, SecretNames, snake_case
from hashtape.redaction.search import Search
from hashtape.redaction.shapes import SHAPES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hashtape.redaction.known import KnownSecrets

__all__ = ["Rules"]


class Rules:
    """What is a secret, by its name, its value or its shape.

    Args:
        secret_names: Further names of secrets.
        not_secret: What is no secret (see `Exemptions`).
        known: The known secrets. Those that are found by their names are added.
    """

    def __init__(self, secret_names: Iterable[str], not_secret: Iterable[str], known: KnownSecrets) -> None:
        self._exemptions = Exemptions(not_secret)
        self.names = SecretNames(secret_names, self._exemptions.entries)
        self._known = known
        self._secrets = known.secrets
        self._search = self._new_search()

    def _new_search(self) -> Search:
        secrets = tuple(secret for secret in self._secrets if not self._exemptions.covers(secret))
        return Search(secrets, SHAPES, self._exemptions)

    @property
    def search(self) -> Search:
        """The search for all values that are known by now, and for shapes."""
        secrets = self._known.secrets
        if secrets is not self._secrets:
            self._secrets = secrets
            self._search = self._new_search()
        return self._search

    def is_secret(self, name: str, value: str, place: Place) -> bool:
        """Whether a value is a secret because of its name; if so, it is known from now on."""
        if not value or value == REDACTED or not self.names.is_secret(name, value, place):
            return False
        if self._exemptions.covers_value(value):
            return False
        if snake_case(name) not in ONE_TIME:
            for credential in credentials_in(name, value):
                self._known.learn_named(credential, name)
        return True

    def safe_name(self, name: str) -> str:
        """A name as a finding may tell it: it can be or hold a secret, too."""
        return self.search.redact(name)[0]

    def redact(self, text: str, where: str, findings: list[Finding], search: Search | None = None) -> str:
        """A text without known secrets and shapes of keys; the same object if there are none.

        Args:
            text: The text.
            where: The field that it is in.
            findings: What is found is added here.
            search: What to look for, if that is not all.
        """
        redacted, spans = (self.search if search is None else search).redact(text)
        findings += [Finding(where, span.kind, span.what) for span in spans]
        return redacted
