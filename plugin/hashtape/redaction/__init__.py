"""What never reaches a file: secrets (spec §3, §7).

A secret is known by one of three things, and one set of rules serves requests, answers and whole files:

- its *name*: `?key=`, a member `client_secret`, a form field `password`; the value does not matter, so that a
  replay needs no key,
- its *value*: what this process used as a credential, in any spelling, and in pieces over a stream,
- its *shape*: the keys of well-known services, wherever they stand.

Nothing here reads or writes anything, and doing it twice changes nothing more: vcrpy filters a request often.
"""

from __future__ import annotations

from hashtape.redaction.finding import REDACTED, Finding
from hashtape.redaction.known import PROCESS_SECRETS, KnownSecrets
from hashtape.redaction.redactor import Redactor
from hashtape.redaction.urls import redact_url

__all__ = ["PROCESS_SECRETS", "REDACTED", "Finding", "KnownSecrets", "Redactor", "redact_url"]
