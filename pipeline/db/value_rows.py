"""What was found in a document as rows of `field_value` and `table_cell`, fit for every dialect."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Context, Decimal
from functools import lru_cache

from pipeline.types import DocumentResult, ScoredValue, Table, TableCell

VALUE_COLUMNS = (
    "part_id", "field", "occurrence", "source", "text", "value_text", "value_number", "value_date",
    "value_time", "value_mark", "currency", "page", "polygon", "confidence", "layout_confidence",
    "ambiguous", "review", "text_offset", "text_length",
)  # fmt: skip
CELL_COLUMNS = (
    "part_id", "table_index", "row_index", "column_index", "page", "text", "row_span", "column_span",
    "is_header", "confidence",
)  # fmt: skip

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""PostgreSQL stores no NUL, and no database half a surrogate pair."""
_NAME_LENGTH = 200
_PLACES = Decimal("1e-10")
_LARGEST = Decimal("1e28")
"""Of NUMERIC(38, 10): ten places behind the point, 28 before it."""
_EXACT = Context(prec=60)


def value_rows(part_id: int, result: DocumentResult) -> Iterator[tuple[object, ...]]:
    """Rows in the order of VALUE_COLUMNS, one for each value of the model."""
    for value in result.values:
        yield _value_row(part_id, value)


def cell_rows(part_id: int, result: DocumentResult) -> Iterator[tuple[object, ...]]:
    """Rows in the order of CELL_COLUMNS, one for each cell; tables are counted from 0 over the document."""
    for index, (page, table) in enumerate(result.tables):
        for cell in _by_place(table).values():
            yield (
                part_id, index, cell.row, cell.column, page, storable(cell.text), cell.row_span,
                cell.column_span, cell.is_header, cell.confidence,
            )  # fmt: skip


def storable(text: str | None) -> str | None:
    """The text with U+FFFD for what a database cannot hold."""
    return text if text is None or text.isprintable() else _UNSTORABLE.sub("�", text)


@lru_cache(maxsize=4096)
def field_key(name: str) -> str:
    """A field's name as it is stored: one that is too long is cut, and told apart by a hash."""
    clean = _UNSTORABLE.sub("�", name)
    if len(clean) <= _NAME_LENGTH:
        return clean
    return f"{clean[: _NAME_LENGTH - 9]}~{hashlib.sha256(clean.encode()).hexdigest()[:8]}"


def storable_number(number: Decimal | None) -> Decimal | None:
    """The number in ten decimal places, None where it has more than 28 digits before the point."""
    if number is None or not number.is_finite() or abs(number) >= _LARGEST:
        return None
    exponent = number.as_tuple().exponent
    return (
        number if isinstance(exponent, int) and exponent >= -10 else number.quantize(_PLACES, context=_EXACT)
    )


def _value_row(part_id: int, value: ScoredValue) -> tuple[object, ...]:
    found, typed = value.found, value.typed
    number = storable_number(typed.number)
    lost = typed.number is not None and number is None
    return (
        part_id,
        field_key(found.field),
        found.occurrence,
        "model",
        storable(found.text),
        storable(typed.text),
        number,
        typed.date,
        typed.time,
        typed.mark,
        typed.currency if typed.currency and len(typed.currency) == 3 else None,
        found.page,
        _polygon_json(found.polygon) if found.polygon else None,
        found.confidence,
        found.layout_confidence,
        typed.ambiguous,
        value.review or lost,
        found.offset,
        found.length,
    )


def _polygon_json(polygon: Sequence[float]) -> str:
    """As `json.dumps` writes it, which takes longer for a few numbers: plain ones look the same in Python."""
    text = repr(list(polygon))
    return json.dumps(polygon) if "n" in text else text  # nan, inf, numpy's own


def _by_place(table: Table) -> Mapping[tuple[int, int], TableCell]:
    """Of two cells that claim one place the first counts."""
    cells: dict[tuple[int, int], TableCell] = {}
    for cell in table.cells:
        cells.setdefault((cell.row, cell.column), cell)
    return cells
