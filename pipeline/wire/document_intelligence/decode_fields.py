"""Field values of Document Intelligence -> `ExtractedField`. A row of an array is an occurrence: `Price` of
the second row of `items` is field `items/Price`, occurrence 1. Members of an object join its name with `/`,
and so do the rows of an array that lies in another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from pipeline.types import ExtractedField, TypedValue
from pipeline.wire.document_intelligence.decode_layout import region
from pipeline.wire.form_recognizer.decode_fields import canonical
from pipeline.wire.form_recognizer.decode_fields import typed as scalar

Json = Mapping[str, Any]
LayoutConfidence = Callable[[object], float]
"""The reader's confidence in what `spans` hold."""

_MANIFOLD = ("valueCurrency", "valueAddress", "valueSelectionGroup")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a value stands: its name so far, and what it has from what encloses it."""

    name: str
    page: int
    confidence: float | None
    occurrence: int = 0
    in_array: bool = False

    def inside(self, body: Json, page: int | None) -> _Place:
        told = body.get("confidence")
        confidence = self.confidence if told is None else float(told)
        return replace(self, page=page or self.page, confidence=confidence)

    def member(self, name: str) -> _Place:
        return replace(self, name=f"{self.name}/{name}")

    def row(self, index: int) -> _Place:
        return self.member(str(index)) if self.in_array else replace(self, occurrence=index, in_array=True)


def field_values(
    fields: Json | None, page: int, confidence: float | None, reader: LayoutConfidence
) -> Iterator[ExtractedField]:
    """The values of a document's fields. A field that was not found has neither content nor value.
    `confidence` is the document's: cells of tables are sent without one of their own."""
    for name, body in (fields or {}).items():
        yield from _values(body, _Place(str(name), page, confidence), reader)


def _values(body: Json | None, outside: _Place, reader: LayoutConfidence) -> Iterator[ExtractedField]:
    if not body:
        return
    page, polygon = region(body)
    place = outside.inside(body, page)
    rows = body.get("valueArray") or ()
    given = typed(body)
    text = _text(body, given)
    if text and not rows:  # an array's own text would be that of its first row again
        yield ExtractedField(
            field=place.name,
            text=text,
            page=place.page,
            polygon=polygon,
            confidence=1.0 if place.confidence is None else place.confidence,
            layout_confidence=reader(body.get("spans")),
            occurrence=place.occurrence,
            given=given,
        )
    for index, row in enumerate(rows):
        yield from _values(row, place.row(index), reader)
    for name, member in (body.get("valueObject") or {}).items():
        yield from _values(member, place.member(name), reader)


def _text(body: Json, given: TypedValue | None) -> str:
    """What stands there. Of a mark its state (`content` is `:selected:`), of a signature whether there is
    one (`content` is whatever the scribble reads as)."""
    if given is not None and (given.mark is not None or "valueSignature" in body):
        return canonical(given)
    return str(body.get("content") or "") or canonical(given)


# --- the value in its type --------------------------------------------------------------------------


def typed(body: Json) -> TypedValue | None:
    """The `value…` member in its type; None where it is left out or not of its type."""
    with suppress(ValueError, ArithmeticError, TypeError, AttributeError):
        if money := body.get("valueCurrency"):
            return _money(money)
        if address := body.get("valueAddress"):
            return TypedValue(text=str(body.get("content") or "") or _written(address))
        if group := body.get("valueSelectionGroup"):
            return TypedValue(text=", ".join(map(str, group)))
    return scalar({name: value for name, value in body.items() if name not in _MANIFOLD})


def _money(value: Json) -> TypedValue | None:
    amount = value.get("amount")
    if amount is None:
        return None
    return TypedValue(number=Decimal(str(amount)), currency=value.get("currencyCode") or None)


def _written(address: Json) -> str:
    """An address that is only told in its parts; `streetAddress` says house, road and unit again."""
    parts = {name: str(part) for name, part in address.items() if isinstance(part, str) and part}
    street = parts.get("streetAddress", "")
    return ", ".join(part for name, part in parts.items() if name == "streetAddress" or part not in street)
