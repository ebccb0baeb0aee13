"""Secrets in the bytes of a request's body: JSON, a form, its parts, text, or anything else."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote_plus, unquote_plus

from hashtape.codecs import NotJsonError, compact, media_type, parse
from hashtape.redaction.finding import REDACTED, Finding
from hashtape.redaction.json_values import redact_json
from hashtape.redaction.names import Place
from hashtape.redaction.texts import redact_bytes, redact_text_body
from hashtape.redaction.urls import is_url, without_named_secrets

if TYPE_CHECKING:
    from hashtape.redaction.rules import Rules

__all__ = ["redact_body"]

_BOUNDARY = re.compile(r'boundary="?([^";]+)"?', re.IGNORECASE)
_PART_NAME = re.compile(
    rb'^content-disposition:[^\r\n]*?\bname=(?:"((?:[^"\\\r\n]|\\.)*+)"|([^\s;"]++))',
    re.IGNORECASE | re.MULTILINE,
)
_PART_TYPE = re.compile(rb"^content-type:[ \t]*([^\r\n]*)", re.IGNORECASE | re.MULTILINE)
_MEMBER_NAMES = re.compile(r'"([^"\\]{1,100}+)(?="\s*+:)').findall


def redact_body(body: bytes, content_type: str, rules: Rules, where: str, findings: list[Finding]) -> bytes:
    """A request's body without secrets; the same object if there are none.

    JSON is spelled anew if something is taken out of it; nothing else changes beside the secrets.

    Args:
        body: The bytes.
        content_type: The header's value, empty if there is none.
        rules: The rules.
        where: The field that it is in.
        findings: What is found is added here.
    """
    if not body:
        return body
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        text = ""
    # As in the recorded form (spec §3), JSON is JSON whatever it is called.
    if text.lstrip()[:1] in {"{", "[", '"'}:
        if not _may_hold_secrets(text, rules):
            return body
        try:
            value = parse(text)
        except NotJsonError:
            pass
        else:
            redacted = redact_json(value, rules, where, findings)
            return body if redacted is value else compact(redacted)
    kind = media_type(content_type)
    if kind == "application/x-www-form-urlencoded":
        return _redact_form(body, rules, where, findings)
    if kind.startswith("multipart/") and (boundary := _BOUNDARY.search(content_type)):
        delimiter = b"\r\n--" + boundary.group(1).strip().encode("utf-8", "surrogateescape")
        return _redact_multipart(body, delimiter, rules, where, findings)
    if not text:
        return redact_bytes(body, rules, where, findings)
    redacted_text = redact_text_body(text, rules, where, findings)
    return body if redacted_text is text else redacted_text.encode("utf-8")


def _may_hold_secrets(text: str, rules: Rules) -> bool:
    """Whether JSON text may hold a secret. It is quick, as every request comes by here."""
    if "\\u00" in text:  # a letter of a name or a secret may be spelled like that
        return True
    names = set(_MEMBER_NAMES(text))
    if any(map(rules.names.is_suspicious, names)) or {"name", "value"} <= names:
        return True
    if '"http' in text and ("=" in text or "@" in text):
        return True
    return rules.search.finds(text)


def _redact_form(body: bytes, rules: Rules, where: str, findings: list[Finding]) -> bytes:
    """A form in its own order and spelling, but for the values that were secrets."""
    fields = [field.partition("=") for field in body.decode("utf-8", "surrogateescape").split("&")]
    plain = [(_unquoted(name), _unquoted(value)) for name, _, value in fields]
    redacted = []
    for name, value in plain:
        here = f"{where}.{rules.safe_name(name)}"
        if rules.is_secret(name, value, Place.FORM):
            findings.append(Finding(here, "name", rules.safe_name(name)))
            value = REDACTED  # noqa: PLW2901
        elif is_url(value):
            value = without_named_secrets(value, rules, here, findings)  # noqa: PLW2901
        redacted.append((rules.redact(name, here, findings), rules.redact(value, here, findings)))
    if redacted == plain:
        return body
    spelled = [
        f"{name if new_name == old_name else _quoted(new_name)}{equals}"
        f"{value if new_value == old_value else _quoted(new_value)}"
        for (name, equals, value), (old_name, old_value), (new_name, new_value) in zip(
            fields, plain, redacted, strict=True
        )
    ]
    return "&".join(spelled).encode("utf-8", "surrogateescape")


def _unquoted(text: str) -> str:
    return unquote_plus(text, errors="surrogateescape")


def _quoted(text: str) -> str:
    return quote_plus(text, safe="[]", errors="surrogateescape")


def _redact_multipart(
    body: bytes, delimiter: bytes, rules: Rules, where: str, findings: list[Finding]
) -> bytes:
    """A multipart body with the same parts, but for the contents that were secrets."""
    sections = (b"\r\n" + body).split(delimiter)
    redacted = [_redact_part(section, rules, where, findings) for section in sections]
    if all(new is old for new, old in zip(redacted, sections, strict=True)):
        return body
    return delimiter.join(redacted)[2:]


def _redact_part(part: bytes, rules: Rules, where: str, findings: list[Finding]) -> bytes:
    """One part, or what is before the first and after the last."""
    head, blank, content = part.partition(b"\r\n\r\n")
    found = _PART_NAME.search(head)
    name = (found.group(1) or found.group(2) or b"").decode("utf-8", "replace") if found else ""
    here = f"{where}.{rules.safe_name(name)}" if name else where
    if rules.is_secret(name, content.decode("utf-8", "replace"), Place.FORM):
        findings.append(Finding(here, "name", rules.safe_name(name)))
        new_content = REDACTED.encode()
    else:
        found = _PART_TYPE.search(head)
        kind = found.group(1).decode("utf-8", "replace") if found else ""
        new_content = redact_body(
            content, "" if kind.startswith("multipart/") else kind, rules, here, findings
        )
    new_head = redact_bytes(head, rules, here, findings)
    return part if new_head is head and new_content is content else new_head + blank + new_content
