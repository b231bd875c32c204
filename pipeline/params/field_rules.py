"""Rules about the fields of one form type."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from pipeline.params.columns import ALLOWED, FIELD_FORMATS
from pipeline.params.row import Complaint, FieldRow, Reading, did_you_mean
from pipeline.values.locales import is_locale


def field_complaints(readings: Sequence[Reading[FieldRow]]) -> Iterator[tuple[int, Complaint]]:
    """Everything wrong with the fields of one row, each with the position of its field."""
    fields = Counter(reading.row.field for reading in readings)
    columns = Counter(_column(reading.row) for reading in readings if reading.row.field)
    for position, reading in enumerate(readings):
        for complaint in reading.complaints:
            yield position, complaint
        for complaint in _of_one(reading.row, reading.faulty):
            yield position, complaint
        if reading.row.field and fields[reading.row.field] > 1:
            yield position, Complaint("field", "each field once", "remove one of the two")
        elif reading.row.target_column and columns[_column(reading.row)] > 1:
            remedy = "give each field a column of its own"
            yield position, Complaint("target_column", "each column once", remedy)


def _of_one(row: FieldRow, faulty: frozenset[str]) -> Iterator[Complaint]:
    if not row.field and "field" not in faulty:
        yield Complaint("field", ALLOWED["field"], "name the field as fields.json does")
    if row.format not in FIELD_FORMATS and "format" not in faulty:
        hint = did_you_mean(row.format, FIELD_FORMATS)
        yield Complaint("format", ALLOWED["format"], hint or "empty the cell")
    if row.locale and not is_locale(row.locale):
        yield Complaint("locale", ALLOWED["locale"], "write language-COUNTRY, like en-US, or empty the cell")


def _column(row: FieldRow) -> str:
    """The column a field asks for: columns of a table do not differ by case."""
    return (row.target_column or row.field).casefold()
