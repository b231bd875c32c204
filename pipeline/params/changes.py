"""What declared rows would change in the table: pure, so that a dry run and the real one agree."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pipeline.params.declarations import Declared, Raw, row_key
from pipeline.params.row import read_field, read_row, to_cells, to_field_cells, to_form_type
from pipeline.params.rules import Validated, row_name
from pipeline.params.shapes import shown
from pipeline.types import Fault, FormType

Judge = Callable[[Sequence[Raw], Sequence[Raw]], Validated]


@dataclass(frozen=True, slots=True)
class CellChange:
    """One cell before and after, as text for a person."""

    column: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to one row."""

    form_type: str
    kind: Literal["added", "changed", "unchanged"]
    cells: tuple[CellChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Changes:
    """Rows to save, what that changes, and the faults of the declared rows that are left out."""

    form_types: tuple[FormType, ...]
    changes: tuple[Change, ...]
    faults: tuple[Fault, ...]


def plan_changes(rows: Sequence[Raw], fields: Sequence[Raw], declared: Declared, judge: Judge) -> Changes:
    """Judge the table as it would be, and leave out declared rows at fault.

    A declared row is the whole row: a column it does not mention gets its default, but for `model_id` and
    `fields`, which stay. Leaving a row out can put another at odds with what the table holds, so the rest is
    judged again until nothing is left to leave out.
    """
    table = {str(row["form_type"]): row for row in rows}
    faults: list[Fault] = []
    pending = list(declared.rows)
    while True:
        found = _judged(pending, rows, fields, declared, judge)
        ours = {row_key(row) for row in pending}
        wrong = [fault for fault in found.faults if fault.row not in table.keys() - ours]
        if not wrong:
            return _changes(found, ours, table, fields, faults)
        faults += wrong
        pending = _without(pending, wrong)


def _without(rows: Sequence[Raw], faults: Sequence[Fault]) -> list[Raw]:
    left_out = {fault.row for fault in faults}
    return [row for position, row in enumerate(rows) if row_name(row, position) not in left_out]


def _judged(
    pending: Sequence[Raw], rows: Sequence[Raw], fields: Sequence[Raw], declared: Declared, judge: Judge
) -> Validated:
    ours = {row_key(row) for row in pending}
    stay = {str(row["form_type"]): row.get("model_id") for row in rows}
    merged = [{"model_id": stay.get(row_key(row)), **row} for row in pending]
    merged += [dict(row) for row in rows if str(row["form_type"]) not in ours]
    new_fields = [field for key in ours for field in declared.fields.get(key, ())]
    replaced = ours & set(declared.fields)
    return judge(merged, [*new_fields, *(field for field in fields if field["form_type"] not in replaced)])


def _changes(
    found: Validated, ours: set[str], table: Mapping[str, Raw], fields: Sequence[Raw], faults: Iterable[Fault]
) -> Changes:
    saved = tuple(each for each in found.form_types if each.form_type in ours)
    by_key: dict[str, list[Raw]] = {}
    for field in fields:
        by_key.setdefault(str(field["form_type"]), []).append(field)
    changes = [_change(each, table.get(each.form_type), by_key.get(each.form_type, [])) for each in saved]
    changed = {change.form_type for change in changes if change.kind != "unchanged"}
    to_save = tuple(each for each in saved if each.form_type in changed)
    return Changes(to_save, tuple(changes), tuple(faults))


def _change(new: FormType, old: Raw | None, old_fields: Sequence[Raw]) -> Change:
    if old is None:
        return Change(new.form_type, "added")
    before, after = _cells_before(old), to_cells(new)
    cells = [
        CellChange(column, shown(before[column]), shown(cell))
        for column, cell in after.items()
        if before[column] != cell
    ]
    fields = {spec.name: _told(to_field_cells("", spec)) for spec in new.fields}
    old_told = {str(field["field"]): _told(read_field(field).row.model_dump()) for field in old_fields}
    cells += [
        CellChange(f"fields[{shown(name)}]", shown(old_told.get(name)), shown(fields.get(name)))
        for name in dict.fromkeys((*old_told, *fields))
        if old_told.get(name) != fields.get(name)
    ]
    return Change(new.form_type, "changed" if cells else "unchanged", tuple(cells))


def _cells_before(old: Raw) -> dict[str, object]:
    """The old row in the types of the new one; cells that cannot be read stay as they are."""
    reading = read_row(old)
    cells = to_cells(to_form_type(reading.row))
    return cells | {column: reading.raw[column] for column in reading.faulty if column in cells}


def _told(field: Mapping[str, object]) -> str:
    said = {c: v for c, v in field.items() if c not in ("form_type", "field") and v not in (None, False)}
    return ", ".join(f"{column} {value}" for column, value in said.items() if value != "not-specified")
