"""Which names of URL parameters, form fields and JSON members say that their value is a secret."""

from __future__ import annotations

import re
from enum import IntEnum
from typing import TYPE_CHECKING

from hashtape.redaction.credentials import looks_random

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Place", "SecretNames", "snake_case"]

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_BETWEEN_WORDS = re.compile(r"[^A-Za-z0-9]+")
_LONGEST_NAME = 100
_MOST_CACHED = 4096

_SECRET = (
    *("api_key", "api_secret", "api_token", "access_key", "access_key_id", "access_key_secret"),
    *("access_token", "refresh_token", "id_token", "auth_token", "session_token", "security_token"),
    *("bearer_token", "oauth_token", "private_token", "secret_token", "sas_token"),
    *("secret", "secret_key", "private_key", "signing_key", "encryption_key", "subscription_key"),
    *("account_key", "auth_key", "application_key", "master_key", "service_account_key", "shared_access_key"),
    *("password", "passwd", "passphrase", "authorization", "credential", "credentials", "client_assertion"),
    "shared_access_signature",
)
"""The value is a secret whatever it is. The name may have more words before: `openai_api_key`."""
_WITHOUT_BOUNDARY = ("password", "passwd", "passphrase", "apikey", "accesstoken", "authtoken", "clientsecret")
"""Also at the end of a longer word: `dbpassword`."""
_LIKELY = ("token", "auth", "jwt", "bearer")
"""The value is a secret if it looks like one."""
_NO_SECRET = (
    *("page_token", "next_token", "continuation_token", "pagination_token", "sync_token", "cursor_token"),
    *(
        "allow_credentials",
        "eos_token",
        "bos_token",
        "pad_token",
        "unk_token",
        "sep_token",
        "cls_token",
        "mask_token",
    ),
)
"""These are sent back later on, are words of a model, or say yes or no."""
_SECRET_IN_URLS = frozenset(
    {"key", "token", "sig", "signature", "x_amz_signature", "x_goog_signature", "jwt", "bearer", "upload_id"}
)
_SECRET_IN_FORMS = frozenset({"token", "jwt", "bearer"})
_LIKELY_IN_FORMS = frozenset({"key", "signature"})
ONE_TIME = frozenset({"sig", "signature", "x_amz_signature", "x_goog_signature", "upload_id"})
"""Secrets that are good for one request only: nobody uses them again."""


class Place(IntEnum):
    """Where a name stands: some words are names of secrets in one place and harmless in another."""

    URL = 0
    FORM = 1
    JSON = 2


class _Verdict(IntEnum):
    NO = 0
    IF_RANDOM = 1
    YES = 2


def snake_case(name: str) -> str:
    """A name in the one spelling in which names are compared.

    >>> snake_case("apiKey"), snake_case("X-Api-Key"), snake_case("OPENAI_API_KEY")
    ('api_key', 'x_api_key', 'openai_api_key')
    """
    return _BETWEEN_WORDS.sub("_", _HUMP.sub("_", name)).strip("_").lower()


def _with_joined(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"_{spelled}" for name in names for spelled in {name, name.replace("_", "")})


class SecretNames:
    """The names of secrets: those that hashtape knows, and those of the user.

    Args:
        more: Further names, in any spelling; they count everywhere, and for longer names that end with them.
        exempt: Names as they are written that are no secrets.
    """

    def __init__(self, more: Iterable[str] = (), exempt: Iterable[str] = ()) -> None:
        self._named = _with_joined(snake for name in more if (snake := snake_case(name)))
        self._endings = _with_joined(_SECRET)
        self._exempt = frozenset(name.lower() for name in exempt)
        self._no_secret = tuple(f"_{name}" for name in _NO_SECRET)
        self._likely = tuple(f"_{name}" for name in _LIKELY)
        self._verdicts: dict[str, tuple[_Verdict, _Verdict, _Verdict]] = {}

    def is_secret(self, name: str, value: str, place: Place) -> bool:
        """Whether a value under this name is a secret."""
        verdict = self.verdicts(name)[place]
        return verdict is _Verdict.YES or (verdict is _Verdict.IF_RANDOM and looks_random(value))

    def is_suspicious(self, name: str) -> bool:
        """Whether a JSON member of this name may be a secret, depending on its value."""
        return bool(self.verdicts(name)[Place.JSON])

    def verdicts(self, name: str) -> tuple[_Verdict, _Verdict, _Verdict]:
        """For each place: yes, no, or only if the value looks like a secret."""
        found = self._verdicts.get(name)
        if found is None:
            found = self._judge(name)
            # Names can be anything, as in an answer that maps words to numbers.
            if len(self._verdicts) >= _MOST_CACHED:
                self._verdicts.clear()
            self._verdicts[name] = found
        return found

    def _judge(self, name: str) -> tuple[_Verdict, _Verdict, _Verdict]:
        if len(name) > _LONGEST_NAME or name.lower() in self._exempt:
            return _Verdict.NO, _Verdict.NO, _Verdict.NO
        snake = snake_case(name)
        bounded = f"_{snake}"
        if bounded.endswith(self._named):
            return _Verdict.YES, _Verdict.YES, _Verdict.YES
        if bounded.endswith(self._no_secret):
            return _Verdict.NO, _Verdict.NO, _Verdict.NO
        if bounded.endswith(self._endings) or snake.endswith(_WITHOUT_BOUNDARY):
            return _Verdict.YES, _Verdict.YES, _Verdict.YES
        likely = _Verdict.IF_RANDOM if bounded.endswith(self._likely) else _Verdict.NO
        in_urls = _Verdict.YES if snake in _SECRET_IN_URLS else likely
        in_forms = _Verdict.YES if snake in _SECRET_IN_FORMS else likely
        if snake in _LIKELY_IN_FORMS:
            in_forms = _Verdict.IF_RANDOM
        return in_urls, in_forms, likely
