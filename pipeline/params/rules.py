"""Judge the parameter table: every fault of every row in one answer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from pipeline.params.columns import ROW_COLUMNS
from pipeline.params.field_rules import field_complaints
from pipeline.params.release import (
    AVAILABLE_ENGINES,
    AVAILABLE_MODEL_KINDS,
    AVAILABLE_OPERATIONS,
    AVAILABLE_SINKS,
    Release,
)
from pipeline.params.row import (
    Complaint,
    FieldRow,
    ParameterRow,
    Reading,
    did_you_mean,
    read_field,
    read_row,
    to_form_type,
)
from pipeline.params.row_rules import complaints_of
from pipeline.params.set_rules import set_complaints
from pipeline.params.shapes import shown
from pipeline.services import Service
from pipeline.types import Fault, FormType

Raw = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Validated:
    """The rows that can run, in the order given, and what is wrong with the others."""

    form_types: tuple[FormType, ...]
    faults: tuple[Fault, ...]

    @property
    def faulty(self) -> frozenset[str]:
        """The rows at fault, by the name they have in `faults`."""
        return frozenset(fault.row for fault in self.faults)


def validate(
    rows: Sequence[Raw],
    fields: Sequence[Raw],
    services: Mapping[str, Service],
    today: date,
    *,
    available_engines: tuple[str, ...] = AVAILABLE_ENGINES,
    available_sinks: tuple[str, ...] = AVAILABLE_SINKS,
    available_model_kinds: tuple[str, ...] = AVAILABLE_MODEL_KINDS,
    available_operations: tuple[str, ...] = AVAILABLE_OPERATIONS,
) -> Validated:
    """Judge rows of `form_type` and `form_field`, given by column name.

    A cell may have the type of its column or be the text of it. A row at fault is left out of the
    answer's form types; a fault between rows (a group that disagrees) is told of each of them. A row
    without a usable key is named `row N`, counted from 1.
    """
    release = Release(
        services, today, available_engines, available_sinks, available_model_kinds, available_operations
    )
    readings = [read_row(row) for row in rows]
    names = [row_name(reading.raw, position) for position, reading in enumerate(readings)]
    by_key = _by_key(fields)
    complaints = {position: [*complaints_of(r, release)] for position, r in enumerate(readings)}
    for position, complaint in set_complaints(readings, release):
        complaints[position].append(complaint)
    faults = [
        fault
        for position, reading in enumerate(readings)
        for fault in (
            *_row_faults(names[position], reading, complaints[position]),
            *_field_faults(names[position], by_key.get(_key(reading.raw), ())),
        )
    ]
    faults += _orphans(by_key, readings)
    faulty = {fault.row for fault in faults}
    good = [r.row for name, r in zip(names, readings, strict=True) if name not in faulty]
    return Validated(tuple(_form_type(row, by_key) for row in good), tuple(faults))


def _form_type(row: ParameterRow, fields: Mapping[str, Sequence[Reading[FieldRow]]]) -> FormType:
    return to_form_type(row, tuple(reading.row for reading in fields.get(row.form_type, ())))


def _by_key(fields: Sequence[Raw]) -> dict[str, list[Reading[FieldRow]]]:
    readings: dict[str, list[Reading[FieldRow]]] = defaultdict(list)
    for field in fields:
        reading = read_field(field)
        readings[_key(reading.raw)].append(reading)
    return readings


def row_name(raw: Raw, position: int) -> str:
    """How faults name the row at this position, counted from 0: its key, good or bad, or `row N`."""
    key = raw.get("form_type")
    return shown(key).strip() or f"row {position + 1}"


def _row_faults(
    name: str, reading: Reading[ParameterRow], complaints: Sequence[Complaint]
) -> Iterator[Fault]:
    for complaint in sorted(complaints, key=lambda c: _order(ROW_COLUMNS, c.column)):
        yield _fault(name, complaint, reading, complaint.column)


def _field_faults(name: str, readings: Sequence[Reading[FieldRow]]) -> Iterator[Fault]:
    for position, complaint in field_complaints(readings):
        field = shown(readings[position].row.field) or str(position + 1)
        yield _fault(name, complaint, readings[position], f"fields[{field}].{complaint.column}")


def _fault(
    name: str, complaint: Complaint, reading: Reading[ParameterRow] | Reading[FieldRow], column: str
) -> Fault:
    return Fault(name, shown(column), _value(reading, complaint.column), complaint.allowed, complaint.remedy)


def _value(reading: Reading[ParameterRow] | Reading[FieldRow], column: str) -> str:
    """What stands in the cell, or the default that stands for an empty one. A wrong name of a secret may
    be the secret itself."""
    raw = reading.raw.get(column)
    if column in reading.faulty:
        return "***" if column.endswith("_secret") else shown(raw)
    return shown(getattr(reading.row, column) if raw in (None, "") else raw)


def _key(raw: Raw) -> str:
    """The key under which the row's fields are found, good or bad."""
    key = raw.get("form_type")
    return "" if key is None else str(key).strip()


def _orphans(
    fields: Mapping[str, Sequence[Reading[FieldRow]]], readings: Sequence[Reading[ParameterRow]]
) -> Iterator[Fault]:
    keys = {_key(reading.raw) for reading in readings}
    for key in fields:
        if key not in keys:
            hint = did_you_mean(key, tuple(keys)) or "add the row, or remove its fields"
            yield Fault(shown(key), "fields", "", "fields of a form type that exists", hint)


def _order(columns: Sequence[str], column: str) -> int:
    return columns.index(column) if column in columns else len(columns)
