"""Secrets in bodies that are text or bytes of no format in particular."""

from __future__ import annotations

import base64
import binascii
import gzip
import json
import re
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING

from hashtape.redaction.finding import REDACTED, Finding
from hashtape.redaction.names import Place
from hashtape.redaction.urls import is_url, without_named_secrets

if TYPE_CHECKING:
    from hashtape.redaction.rules import Rules

__all__ = ["redact_base64", "redact_bytes", "redact_text_body"]

_GZIP_MAGIC = b"\x1f\x8b"
_LONGEST_FILE = 1 << 26
"""A compressed file that stands for more bytes is not looked at: it may be made to stand for gigabytes."""
_TRAILER = 8
"""The bytes of the checksum and the length at the end of a compressed file."""
_LOOKS_LIKE_JSON = re.compile(r"\s*+(?:[\[{]|(?:data|event|id|retry)?:)")
_MEMBER = re.compile(r'"([^"\\\r\n]{1,100})"(\s{0,8}:\s{0,8})"((?:[^"\\]|\\.)*+)"')


def redact_text_body(text: str, rules: Rules, where: str, findings: list[Finding]) -> str:
    """A text body without secrets; the same object if there are none.

    JSON lines, events of a stream, and JSON that is slightly wrong also have names that tell.

    Args:
        text: The body.
        rules: The rules.
        where: The field that it is in.
        findings: What is found is added here.
    """

    def redacted(match: re.Match[str]) -> str:
        name, between, spelled = match.groups()
        try:
            value = json.loads(f'"{spelled}"', strict=False)
        except ValueError:
            value = spelled
        if is_url(value):
            safe = without_named_secrets(value, rules, f"{where}: {rules.safe_name(name)}", findings)
            return match.group() if safe is value else f'"{name}"{between}{json.dumps(safe)}'
        if (name == "token" and has_words) or not rules.is_secret(name, value, Place.JSON):
            return match.group()
        findings.append(Finding(f"{where}: {rules.safe_name(name)}", "name", rules.safe_name(name)))
        return f'"{name}"{between}"{REDACTED}"'

    if _LOOKS_LIKE_JSON.match(text):
        has_words = '"logprob"' in text  # the tokens of log probabilities
        safe = _MEMBER.sub(redacted, text)
        text = safe if safe != text else text
    return rules.redact(text, where, findings)


def redact_bytes(data: bytes, rules: Rules, where: str, findings: list[Finding]) -> bytes:
    """Bytes without known secrets and shapes of keys; the same object if there are none.

    Args:
        data: The bytes.
        rules: The rules.
        where: The field that they are in.
        findings: What is found is added here.
    """
    if b"\0" in data:
        data = _redact_wide(data, rules, where, findings)
    if not rules.search.suspects(data.decode("latin-1")):
        return data
    text = data.decode("utf-8", "surrogateescape")
    redacted = rules.redact(text, where, findings)
    return data if redacted is text else redacted.encode("utf-8", "surrogateescape")


def _redact_wide(data: bytes, rules: Rules, where: str, findings: list[Finding]) -> bytes:
    """The same for what may be text in UTF-16, wherever in the bytes it begins."""
    if not rules.search.suspects(data.replace(b"\0", b"").decode("latin-1")):
        return data
    for encoding in ("utf-16-le", "utf-16-be"):
        for start in (0, 1):
            end = len(data) - (len(data) - start) % 2
            text = data[start:end].decode(encoding, "surrogatepass")
            redacted = rules.redact(text, where, findings)
            if redacted is not text:
                data = data[:start] + redacted.encode(encoding, "surrogatepass") + data[end:]
    return data


def redact_base64(data: str, rules: Rules, where: str, findings: list[Finding]) -> str:
    """The same for bytes that are stored as base64 (spec §7); what is none is searched as it is."""
    try:
        plain = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return rules.redact(data, where, findings)
    if plain.startswith(_GZIP_MAGIC):
        redacted = _redact_gzip(plain, rules, where, findings)
    else:
        redacted = _redact_plain(plain, rules, where, findings)
    return data if redacted is plain else base64.b64encode(redacted).decode("ascii")


def _redact_plain(plain: bytes, rules: Rules, where: str, findings: list[Finding]) -> bytes:
    """The same for bytes that may be text, in which also names tell."""
    try:
        text = plain.decode("utf-8")
    except UnicodeDecodeError:
        return redact_bytes(plain, rules, where, findings)
    redacted = redact_text_body(text, rules, where, findings)
    return redact_bytes(plain if redacted is text else redacted.encode("utf-8"), rules, where, findings)


def _member(packed: bytes) -> tuple[zlib._Decompress, bytes]:
    """What a compressed file begins with, as far as it can be read; its checksum may be wrong."""
    for data in (packed, packed[:-_TRAILER]):
        stream = zlib.decompressobj(zlib.MAX_WBITS | 16)
        with suppress(zlib.error):
            return stream, stream.decompress(data, _LONGEST_FILE + 1)
    return stream, b""


def _redact_gzip(packed: bytes, rules: Rules, where: str, findings: list[Finding]) -> bytes:
    """The same for a file that is compressed, whose members become one if there is a secret in one."""
    # Also as it is: the name of a file stands in the open, and so may what follows.
    packed = redact_bytes(packed, rules, where, findings)
    plain, rest = bytearray(), packed
    while (rest := rest.lstrip(b"\0")).startswith(_GZIP_MAGIC) and len(plain) <= _LONGEST_FILE:
        stream, member = _member(rest)
        if not member and not stream.eof:
            break  # it cannot be read, and stays
        plain += member
        rest = stream.unused_data
    if len(plain) > _LONGEST_FILE:
        return packed
    redacted = _redact_plain(text := bytes(plain), rules, where, findings)
    return packed if redacted is text else gzip.compress(redacted, mtime=0) + rest
