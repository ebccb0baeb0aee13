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
        sections = (b"\r\n" + body).split(delimiter)
        if _are_parts(sections):
            parts = [_redact_part(section, rules, where, findings) for section in sections]
            is_same = all(new is old for new, old in zip(parts, sections, strict=True))
            return body if is_same else delimiter.join(parts)[2:]
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
    text = body.decode("utf-8", "surrogateescape")
    fields = [field.partition("=") for field in text.split("&")]
    plain = [(_unquoted(name), _unquoted(value)) for name, _, value in fields]
    search = rules.search.narrowed_to(_unquoted(text))
    redacted = []
    for name, value in plain:
        new_name, new_value = name, value
        if rules.is_secret(name, value, Place.FORM):
            told = rules.safe_name(name)
            findings.append(Finding(f"{where}.{told}", "name", told))
            new_value = REDACTED
        elif is_url(value):
            new_value = without_named_secrets(value, rules, f"{where}.{rules.safe_name(name)}", findings)
        if search:
            here = f"{where}.{rules.safe_name(name)}"
            new_name = rules.redact(name, here, findings, search)
            new_value = rules.redact(new_value, here, findings, search)
        redacted.append((new_name, new_value))
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


def _are_parts(sections: list[bytes]) -> bool:
    """Whether a multipart body is one; what is not is described as text as well (spec §3)."""
    return (
        len(sections) > 1
        and sections[-1].startswith(b"--")
        and all(b"\r\n\r\n" in section for section in sections[1:-1])
    )


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
