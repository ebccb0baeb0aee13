"""The search for known secrets and shapes of keys in text."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hashtape.redaction.finding import REDACTED
from hashtape.redaction.shapes import quick_patterns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hashtape.redaction.exemptions import Exemptions
    from hashtape.redaction.known import Secret
    from hashtape.redaction.shapes import Shape

__all__ = ["Search", "Span", "without_spans"]


@dataclass(frozen=True, slots=True)
class Span:
    """Where a secret stands in a text, and the rule that found it (see `Finding`)."""

    start: int
    end: int
    kind: str
    what: str


def without_spans(text: str, spans: list[Span]) -> str:
    """A text with `[REDACTED]` in the place of each span."""
    kept: list[str] = []
    position = 0
    for span in spans:
        kept += (text[position : span.start], REDACTED)
        position = span.end
    return "".join(kept) + text[position:]


class Search:
    """What to look for in text.

    Args:
        secrets: The known secrets.
        shapes: The shapes of keys.
        exemptions: Which values are left alone.
    """

    def __init__(
        self, secrets: tuple[Secret, ...], shapes: tuple[Shape, ...], exemptions: Exemptions
    ) -> None:
        self._secrets = secrets
        self._shapes = shapes
        self._exemptions = exemptions
        self._probes = tuple({probe for secret in secrets for probe in secret.probes})
        self._quick = tuple(pattern.search for pattern in quick_patterns(shapes))

    def __bool__(self) -> bool:
        """Whether there is anything to look for."""
        return bool(self._secrets or self._shapes)

    def suspects(self, text: str) -> bool:
        """Whether a text may hold something: quick, and wrong only if it says yes."""
        # Not any(): that takes twice the time, and each request waits for it.
        for probe in self._probes:
            if probe in text:
                return True
        for search in self._quick:  # noqa: SIM110
            if search(text):
                return True
        return False

    def finds(self, text: str) -> bool:
        """Whether a text holds something."""
        return self.suspects(text) and next(self._found(text), None) is not None

    def narrowed_to(self, text: str) -> Search:
        """The rules that can find something in parts of a text; none, if there is nothing in it."""
        if not self.finds(text):
            return Search((), (), self._exemptions)
        return Search(
            tuple(secret for secret in self._secrets if any(probe in text for probe in secret.probes)),
            tuple(shape for shape in self._shapes if any(probe in text for probe in shape.probes)),
            self._exemptions,
        )

    def spans(self, *texts: str) -> list[Span]:
        """Where secrets stand in texts that follow each other.

        Args:
            texts: The texts. A secret may be in one of them or go on in the next.

        Returns:
            Places in the joined texts: in order, none overlapping another.
        """
        joined = "".join(texts)
        if not self.suspects(joined):
            return []
        found = list(self._found(joined))
        if len(texts) > 1:
            # What follows a key in the next text can make it look like a part of something longer.
            begin = 0
            for text in texts:
                found += [
                    replace(span, start=span.start + begin, end=span.end + begin)
                    for span in self._found(text)
                ]
                begin += len(text)
        return _merged(found)

    def _found(self, text: str) -> Iterator[Span]:
        for secret in self._secrets:
            if any(probe in text for probe in secret.probes):
                for match in secret.pattern.finditer(text):
                    yield Span(*match.span(), "value", secret.what)
        for shape in self._shapes:
            for start, end in shape.spans_in(text):
                if not self._exemptions.covers_value(text[start:end]):
                    yield Span(start, end, "shape", shape.what)

    def redact(self, text: str) -> tuple[str, list[Span]]:
        """A text without secrets, and what was taken out; the same object if that is nothing."""
        taken: list[Span] = []
        # Once more, because what stood right before a key can have hidden that it is one.
        while spans := self.spans(text):
            text = without_spans(text, spans)
            taken += spans
        return text, taken


def _merged(spans: list[Span]) -> list[Span]:
    merged: list[Span] = []
    for span in sorted(spans, key=lambda span: (span.start, -span.end)):
        last = merged[-1] if merged else None
        if last is None or span.start >= last.end:
            merged.append(span)
        elif span.end > last.end:
            merged[-1] = replace(last, end=span.end)
    return merged
