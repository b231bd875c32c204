"""The field values of Form Recognizer v2 answers -> `ExtractedField` records.

A row of an array is an occurrence: `Price` of the second row of `items` is field `items/Price`, occurrence
1. Members of an object join its name with `/`, and so do the rows of an array that lies in another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, time
from decimal import Decimal
from typing import Any, cast

from pipeline.types import ExtractedField, Polygon, TypedValue

LayoutConfidence = Callable[[object], float]
"""The reader's confidence in the words that `elements` point to."""

_CERTAIN = 1.0
_CONTAINERS = ("valueArray", "valueObject")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a value stands: its name so far, and what it has from what encloses it."""

    name: str
    page: int
    occurrence: int = 0
    in_array: bool = False
    confidence: float | None = None

    def inside(self, body: Mapping[str, Any]) -> _Place:
        page = body.get("page", body.get("pageNumber"))
        return replace(
            self,
            page=self.page if page is None else int(page),
            confidence=_number(body.get("confidence"), self.confidence),
        )

    def member(self, name: str) -> _Place:
        return replace(self, name=f"{self.name}/{name}")

    def row(self, index: int) -> _Place:
        return self.member(str(index)) if self.in_array else replace(self, occurrence=index, in_array=True)


def field_values(
    fields: Mapping[str, Any] | None, first_page: int, reader: LayoutConfidence
) -> Iterator[ExtractedField]:
    """The values of a document's fields; a field that is null was not found and gives none."""
    for name, body in (fields or {}).items():
        yield from _values(body, _Place(name, first_page), reader)


def _values(
    body: Mapping[str, Any] | None, outside: _Place, reader: LayoutConfidence
) -> Iterator[ExtractedField]:
    if body is None:
        return
    place = outside.inside(body)
    rows = body.get("valueArray") or ()
    given = typed(body)
    text = str(body.get("text") or "") or canonical(given)
    if text and not rows:  # an array's own text would be that of its first row again
        yield _value(body, place, text, given, reader)
    for index, row in enumerate(rows):
        yield from _values(row, place.row(index), reader)
    for name, member in (body.get("valueObject") or {}).items():
        yield from _values(member, place.member(name), reader)


def _value(
    body: Mapping[str, Any], place: _Place, text: str, given: TypedValue | None, reader: LayoutConfidence
) -> ExtractedField:
    return ExtractedField(
        field=place.name,
        text=text,
        page=place.page,
        polygon=polygon(body.get("boundingBox")),
        confidence=_confidence(body, place),
        layout_confidence=reader(body.get("elements")),
        occurrence=place.occurrence,
        given=given,
    )


def _confidence(body: Mapping[str, Any], place: _Place) -> float:
    """Its own or that of what encloses it; else the lowest of its members; else certain, as the vendor's
    SDK takes a confidence that the service left out."""
    if place.confidence is not None:
        return place.confidence
    members = [
        _number(member.get("confidence")) for member in (body.get("valueObject") or {}).values() if member
    ]
    return min((value for value in members if value is not None), default=_CERTAIN)


def polygon(value: object) -> Polygon | None:
    """Four corners, where the service gave them."""
    if not isinstance(value, list) or len(value) != 8:
        return None
    return cast(Polygon, tuple(map(float, value)))


def _number(value: object, default: float | None = None) -> float | None:
    return float(value) if isinstance(value, int | float) else default


# --- the value in its type ------------------------------------------------------------------------


def typed(body: Mapping[str, Any]) -> TypedValue | None:
    """The `value…` member, under whatever name this version of the service has for it; None where it is
    left out, null, or not of its type."""
    for name, value in body.items():
        if name.startswith("value") and name not in _CONTAINERS and value is not None:
            with suppress(ValueError, ArithmeticError):
                return _typed(name, value)
    return None


def _typed(name: str, value: object) -> TypedValue | None:
    if name == "valueDate":
        return TypedValue(date=date.fromisoformat(str(value)))
    if name == "valueTime":
        return TypedValue(time=time.fromisoformat(str(value)))
    if isinstance(value, bool):
        return TypedValue(text=str(value).lower())
    if isinstance(value, int | float):
        return TypedValue(number=Decimal(str(value)))
    if name == "valueSelectionMark" and value in ("selected", "unselected"):
        return TypedValue(mark=value)
    return TypedValue(text=str(value)) if value != "" else None


def canonical(value: TypedValue | None) -> str:
    """A typed value as text: ISO 8601, numbers without needless digits."""
    if value is None:
        return ""
    if value.number is not None:
        return f"{value.number.normalize():f}"
    if value.date is not None:
        return value.date.isoformat()
    if value.time is not None:
        return value.time.isoformat()
    return value.mark or value.text or ""
