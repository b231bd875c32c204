"""Decide what a document's extraction is worth. Pure: no I/O, no clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pipeline.types import DocumentOutcome, ExtractedField, FieldSpec, Layout, ScoredValue
from pipeline.values.normalise import normalise


class Verdict(NamedTuple):
    """How a document ends, and why when it is not simply loaded."""

    outcome: DocumentOutcome
    reason: str | None = None
    message: str | None = None


def type_values(
    found: Sequence[ExtractedField], specs: Sequence[FieldSpec], locale: str | None, min_confidence: float
) -> tuple[ScoredValue, ...]:
    """Each value in the type of its field; those to be looked at by a person are marked.

    What a service made of a text counts where its text does not read as the field's type here; an ambiguous
    one stays without a value, whatever the service took it for. Marked are values under the field's minimum
    confidence (or the row's), ambiguous ones, and texts that do not read as their type.
    """
    by_name = {spec.name: spec for spec in specs}
    return tuple(
        _type_value(value, by_name.get(value.field) or FieldSpec(value.field), locale, min_confidence)
        for value in found
    )


def judge(layout: Layout, values: Sequence[ScoredValue], specs: Sequence[FieldSpec]) -> Verdict:
    """`loaded` only when every page was read, something was found, and no required field is missing or
    in doubt; else `partial` with the first reason in that order. Of a text too: one without any entity may be
    sound, or one that was read as rubbish, and only a person can tell."""
    certain: dict[str, bool] = {}
    for value in values:
        name = value.found.field
        certain[name] = certain.get(name, False) or not value.review
    pages = len(layout.pages)
    return verdict(pages, layout.page_count if layout.truncated else pages, certain, specs)


def empty_text(layout: Layout) -> Verdict:
    """A document that has no text at all says nothing to a model of texts."""
    if layout.truncated:
        return judge(layout, (), ())
    return Verdict("partial", "empty-text", "there is no text in this document")


def verdict(read: int, there: int, certain: Mapping[str, bool], specs: Sequence[FieldSpec]) -> Verdict:
    """The same for pages that were read of those that are there, and for each field that was found, whether
    one of its values is certain."""
    if read < there:
        return Verdict(
            "partial", "truncated", f"{read} of {there} pages were read (max_pages, or the service's tier)"
        )
    if not certain:
        return Verdict("partial", "empty-extraction", "the model found no field in this document")
    required = [spec.name for spec in specs if spec.required]
    missing = [name for name in required if name not in certain]
    if missing:
        return Verdict("partial", "required-field-missing", f"not found: {', '.join(missing)}")
    doubtful = [name for name in required if not certain[name]]
    if doubtful:
        return Verdict("partial", "required-field-uncertain", f"to be checked: {', '.join(doubtful)}")
    return Verdict("loaded")


def layout_confidence(layout: Layout) -> float | None:
    """The mean confidence of the reader over all words, None where there are none."""
    confidences = [word.confidence for page in layout.pages for line in page.lines for word in line.words]
    return round(sum(confidences) / len(confidences), 4) if confidences else None


def _type_value(
    found: ExtractedField, spec: FieldSpec, locale: str | None, min_confidence: float
) -> ScoredValue:
    typed = normalise(found.text, spec, locale)
    if found.given is not None and not typed.known and not typed.ambiguous:
        typed = found.given
    least = min_confidence if spec.min_confidence is None else spec.min_confidence
    review = found.confidence < least or typed.ambiguous or not typed.known
    return ScoredValue(found, typed, review)
