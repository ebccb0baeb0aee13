"""The very values that this process used as credentials."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import TYPE_CHECKING, Any

from hashtape.redaction.credentials import is_credential
from hashtape.redaction.headers import credentials_in, is_credential_header
from hashtape.redaction.spellings import pattern_of, probes_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["PROCESS_SECRETS", "KnownSecrets", "Secret"]

_SECRET_VARIABLE = re.compile(
    r"(?:^|_)(?:KEY|[A-Z0-9]*(?:API|ACCESS|SECRET|PRIVATE|AUTH)KEY|[A-Z0-9]*(?:TOKEN|SECRET|PASSWORD|PASSWD)"
    r"|PASSPHRASE|CREDENTIALS?|AUTH)(?:_|$)",
    re.IGNORECASE,
)
_USER_INFO = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@:]*:)?([^/?#@]+)@")


@dataclass(frozen=True, slots=True)
class Secret:
    """One value that must not reach a file.

    Args:
        value: The value.
        what: Where it came from, for people.
        names: The same as the names by which a user may exempt it; it takes all of them.
        probes: Strings of which every text with the value in it has one.
    """

    value: str = field(repr=False)
    what: str
    names: frozenset[str]
    probes: tuple[str, ...] = field(repr=False)

    @property
    def pattern(self) -> re.Pattern[str]:
        """The value in all its spellings; made when a text first looks as if it held the value."""
        return pattern_of(self.value)


class KnownSecrets:
    """The values that this process used as credentials. It only grows, and any thread may use it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._secrets: dict[str, Secret] = {}
        self._all: tuple[Secret, ...] = ()
        self._environment: dict[object, object] = {}

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """All of them; the same object until something is learned."""
        return self._all

    def learn(self, value: str, what: str) -> None:
        """Take a value for a secret from now on, unless it is short or ordinary.

        Args:
            value: The value.
            what: Where it came from; it never holds the value.
        """
        self._learn(value, what, what)

    def learn_named(self, value: str, name: str) -> None:
        """The same for the value of a field whose name says that it is a secret.

        Args:
            value: The value.
            name: The field's name, by which a user may exempt it.
        """
        self._learn(value, "a credential of this process", name, is_certain=True)

    def _learn(self, value: str, what: str, name: str, *, is_certain: bool = False) -> None:
        value, name = value.strip(), name.lower()
        known = self._secrets.get(value)
        if (known is not None and name in known.names) or not is_credential(value, is_certain=is_certain):
            return
        with self._lock:
            known = self._secrets.get(value)
            if known is not None:
                self._secrets[value] = replace(known, names=known.names | {name})
            else:
                try:
                    secret = Secret(value, what, frozenset({name}), probes_of(value))
                except UnicodeEncodeError:
                    return  # half a character: nothing that a server or a file can hold
                self._secrets[value] = secret
            self._all = tuple(self._secrets.values())

    def learn_headers(self, headers: Iterable[tuple[str, str]]) -> None:
        """Learn the credentials in headers: `Authorization`, cookies, and the headers for keys.

        Args:
            headers: Name and value of each.
        """
        for name, value in headers:
            if is_credential_header(name):
                for credential in credentials_in(name, value):
                    what = f"a credential of this process ({name.lower()})"
                    self._learn(credential, what, name, is_certain=True)

    def learn_environment(self, environ: Mapping[str, str]) -> None:
        """Learn the values of the variables that are named like keys, tokens, secrets or passwords.

        Cheap when nothing has changed, so that it can be done before each request.
        """
        # os.environ decodes each name and value whenever it is read. What it wraps is compared instead.
        current: Any = getattr(environ, "_data", environ)
        if current == self._environment:
            return
        self._environment = dict(current)
        for name in list(environ):
            # Another thread may have taken it out since.
            if _SECRET_VARIABLE.search(name) and (value := environ.get(name)):
                self._learn(value, f"the value of ${name}", name)
                if user_info := _USER_INFO.match(value.strip()):
                    self._learn(user_info.group(1), f"the password in ${name}", name)


PROCESS_SECRETS = KnownSecrets()
"""Those of this process: what one cassette was asked with must not appear in another one either."""
