"""Field values of Document Intelligence -> `ExtractedField`. A row of an array is an occurrence: `Price` of
the second row of `items` is field `items/Price`, occurrence 1. Members of an object join its name
with `/`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from pipeline.types import ExtractedField, TypedValue
from pipeline.wire.document_intelligence.decode_layout import region
from pipeline.wire.form_recognizer.decode_fields import canonical
from pipeline.wire.form_recognizer.decode_fields import typed as scalar

Json = Mapping[str, Any]

_OWN = ("valueCurrency", "valueAddress", "valueSelectionGroup")


@dataclass(frozen=True, slots=True)
class _Place:
    name: str
    page: int
    confidence: float | None
    occurrence: int = 0
    in_array: bool = False

    def member(self, name: str) -> _Place:
        return replace(self, name=f"{self.name}/{name}")

    def row(self, index: int) -> _Place:
        return self.member(str(index)) if self.in_array else replace(self, occurrence=index, in_array=True)


def field_values(fields: Json | None, page: int, confidence: float | None) -> Iterator[ExtractedField]:
    """The values of a document's fields. A field that was not found has neither content nor value."""
    for name, body in (fields or {}).items():
        yield from _values(body, _Place(name, page, confidence))


def _values(body: Json | None, outside: _Place) -> Iterator[ExtractedField]:
    if not body:
        return
    page, polygon = region(body)
    confidence = body.get("confidence")
    place = replace(
        outside,
        page=page or outside.page,
        confidence=outside.confidence if confidence is None else float(confidence),
    )
    rows, members = body.get("valueArray"), body.get("valueObject")
    given = typed(body)
    text = _text(body, given)
    if text and rows is None and members is None:
        yield ExtractedField(
            field=place.name,
            text=text,
            page=place.page,
            polygon=polygon,
            confidence=1.0 if place.confidence is None else place.confidence,
            occurrence=place.occurrence,
            given=given,
        )
    for index, row in enumerate(rows or ()):
        yield from _values(row, place.row(index))
    for name, member in (members or {}).items():
        yield from _values(member, place.member(name))


def _text(body: Json, given: TypedValue | None) -> str:
    """What stands there; of a mark its state (`content` is `:selected:`), else the value itself."""
    if given is not None and given.mark is not None:
        return given.mark
    return str(body.get("content") or "") or canonical(given)


def typed(body: Json) -> TypedValue | None:
    """The `value…` member in its type; None where it is left out or not of its type."""
    with suppress(ValueError, ArithmeticError, TypeError, AttributeError):
        if money := body.get("valueCurrency"):
            amount = money.get("amount")
            code = money.get("currencyCode") or None
            return None if amount is None else TypedValue(number=Decimal(str(amount)), currency=code)
        if address := body.get("valueAddress"):
            return TypedValue(text=", ".join(str(part) for part in address.values() if part))
        if group := body.get("valueSelectionGroup"):
            return TypedValue(text=", ".join(map(str, group)))
    return scalar({name: value for name, value in body.items() if name not in _OWN})
