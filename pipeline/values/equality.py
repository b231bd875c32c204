"""Whether two texts say the same value."""

from __future__ import annotations

import unicodedata
from collections.abc import Hashable
from functools import lru_cache
from typing import Literal

from pipeline.types import FieldSpec
from pipeline.values.dates import date_readings, time_readings
from pipeline.values.locales import conventions
from pipeline.values.normalise import amounts, date_order, mark, phone

Mode = Literal["strict", "comparison"]


def equal(a: str, b: str, spec: FieldSpec, locale: str | None = None, *, mode: Mode = "strict") -> bool:
    """Whether `a` and `b` are one value of this field.

    Dates, times, numbers, amounts, marks and phone numbers are compared as values when both parse;
    everything else, and strings, as `canonical` text. Currencies differ only when both name one.
    `strict` wants the same readings on both sides; `comparison` (against truth that people typed) one
    reading in common, so that `03/04/20` meets `April 3, 2020`.
    """
    first, second = (_readings(text, spec, spec.locale or locale) for text in (a, b))
    if first and second:
        same = first == second if mode == "strict" else bool(first & second)
        if same:
            return _same_currency(a, b, spec, spec.locale or locale)
    return (not (first and second) or spec.type == "string") and canonical(a) == canonical(b)


@lru_cache(maxsize=16384)
def canonical(text: str) -> str:
    """NFKC, folded case, letters and digits only; a text without any keeps its other characters."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    letters = "".join(c for c in folded if unicodedata.category(c)[0] in "LMN")
    kept = unicodedata.normalize("NFKC", letters)
    return kept or "".join(folded.split())


def _readings(text: str, spec: FieldSpec, locale: str | None) -> frozenset[Hashable]:
    known = conventions(locale)
    if spec.type == "date":
        return frozenset(date_readings(text, date_order(spec), known))
    if spec.type == "time":
        return frozenset(time_readings(text, known))
    if spec.type in ("number", "integer", "currency"):
        return frozenset(a.number for a in amounts(text, spec, known))
    if spec.type == "selectionMark":
        return frozenset({mark(text)} - {None})
    if spec.type == "phoneNumber":
        return frozenset({phone(text, known.territory)} - {None})
    return frozenset()


def _same_currency(a: str, b: str, spec: FieldSpec, locale: str | None) -> bool:
    if spec.type not in ("number", "integer", "currency"):
        return True
    plain = FieldSpec(spec.name, "number", spec.format)  # the locale's own currency is no difference
    codes = [{x.currency for x in amounts(t, plain, conventions(locale))} - {None} for t in (a, b)]
    return not (codes[0] and codes[1]) or codes[0] == codes[1]
