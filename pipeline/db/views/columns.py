"""Which columns a view has: those it had, and what its form type's contract lets in. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from pipeline.db.column_names import (
    ITEM_COLUMNS,
    OWN_COLUMNS,
    PART_COLUMNS,
    column_names,
    confidence_names,
)
from pipeline.types import FieldSpec, FieldType

Kind = Literal["text", "words", "number", "integer", "date", "time", "mark", "part", "confidence"]
"""What a column holds. `words`: what was read, where a text is typed as something else now or was once."""

Contract = Literal["evolve", "freeze", "discard"]

KINDS: Mapping[FieldType, Kind] = {
    "string": "text",
    "phoneNumber": "text",
    "number": "number",
    "currency": "number",
    "integer": "integer",
    "date": "date",
    "time": "time",
    "selectionMark": "mark",
}


@dataclass(frozen=True, slots=True)
class ViewColumn:
    """A column of a view. `field` is empty for the columns that describe the part."""

    name: str
    field: str
    kind: Kind

    @property
    def of_value(self) -> bool:
        return bool(self.field) and self.kind != "confidence"


@dataclass(frozen=True, slots=True)
class ViewOptions:
    """What a form type's row says of its views. `nested`: fields called `table/column` are line items; a
    field that is read off a form may have a `/` in its name too (`City/State`)."""

    contract: Contract = "evolve"
    confidence: bool = False
    nested: bool = False


@dataclass(frozen=True, slots=True)
class Retyped:
    """A field whose type changed. `kept`: its column stays what it was, for the contract says so."""

    field: str
    earlier: Kind
    now: Kind
    kept: bool


@dataclass(frozen=True, slots=True)
class ColumnPlan:
    """The columns of a view, and what is new about them: columns that were not there, fields that got one,
    fields that were refused one, fields of another type, and columns of another name (before, now)."""

    columns: tuple[ViewColumn, ...]
    new: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    frozen: tuple[str, ...] = ()
    retyped: tuple[Retyped, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()


def plan_columns(
    earlier: Sequence[ViewColumn],
    fields: Sequence[FieldSpec],
    options: ViewOptions,
    *,
    closed: bool = False,
    parts: bool = False,
    items: bool = False,
) -> ColumnPlan:
    """`closed`: the contract refuses new columns. `parts`: documents have more than one part.
    `items`: the view is one of line items."""
    specs = _specs_kept(earlier, fields) if closed else tuple(fields)
    had = {column.field: column.name for column in earlier if column.of_value}
    taken = [column.name for column in earlier if column.kind == "confidence"]
    own = ITEM_COLUMNS if items else (*OWN_COLUMNS, *PART_COLUMNS)
    names = column_names(specs, had, own=own, taken=taken)
    kept, retyped = _renewed(earlier, names, fields, closed)
    new = [] if closed else [spec for spec in fields if spec.name not in had]
    added = [ViewColumn(names[spec.name], spec.name, KINDS[spec.type]) for spec in new]
    plain = (*kept, *_part_columns(kept, parts), *added)
    columns = _with_confidence(plain, kept, own) if options.confidence else plain
    return ColumnPlan(
        columns,
        new=tuple(column.name for column in columns[len(earlier) :]),
        added=tuple(spec.name for spec in new),
        frozen=tuple(spec.name for spec in fields if closed and spec.name not in had),
        retyped=retyped,
        renamed=tuple(
            (was.name, now.name) for was, now in zip(earlier, kept, strict=True) if was.name != now.name
        ),
    )


def _specs_kept(earlier: Sequence[ViewColumn], fields: Iterable[FieldSpec]) -> tuple[FieldSpec, ...]:
    """Under a closed contract a column keeps its name, whatever the row chooses for it now."""
    known = {column.field for column in earlier}
    return tuple(replace(spec, column=None) for spec in fields if spec.name in known)


def _renewed(
    earlier: Sequence[ViewColumn], names: Mapping[str, str], fields: Sequence[FieldSpec], closed: bool
) -> tuple[tuple[ViewColumn, ...], tuple[Retyped, ...]]:
    kinds = {spec.name: KINDS[spec.type] for spec in fields}
    kept, retyped = [], []
    for column in earlier:
        wanted = kinds.get(column.field)
        if not column.of_value or wanted is None:
            kept.append(replace(column, name=names[column.field]) if column.of_value else column)
            continue
        kind = _kind_now(column.kind, wanted, closed)
        kept.append(replace(column, name=names[column.field], kind=kind))
        if wanted != column.kind and (column.kind, wanted) != ("words", "text"):
            retyped.append(Retyped(column.field, column.kind, wanted, kept=closed))
    return tuple(kept), tuple(retyped)


def _kind_now(had: Kind, wanted: Kind, closed: bool) -> Kind:
    """A column of text goes on showing what was read when its field is typed otherwise, and one that
    becomes text shows what was read before."""
    if wanted == had or (had, wanted) == ("words", "text"):
        return had
    if closed:
        return "words" if had == "text" else had
    return "words" if wanted == "text" else wanted


def _part_columns(kept: Sequence[ViewColumn], parts: bool) -> list[ViewColumn]:
    there = any(column.kind == "part" for column in kept)
    return [ViewColumn(name, "", "part") for name in PART_COLUMNS] if parts and not there else []


def _with_confidence(
    columns: Sequence[ViewColumn], kept: Sequence[ViewColumn], own: Sequence[str]
) -> tuple[ViewColumn, ...]:
    """Each new field's confidence follows it; that of columns which are there already comes after these."""
    there = {column.field for column in columns if column.kind == "confidence"}
    lacking = {c.field: c.name for c in columns if c.of_value and c.field not in there}
    names = confidence_names(lacking, [*own, *(column.name for column in columns)])
    late = [
        ViewColumn(names[c.field], c.field, "confidence") for c in kept if c.of_value and c.field in names
    ]
    shown = list(columns[: len(kept)]) + late
    for column in columns[len(kept) :]:
        shown.append(column)
        if column.field in names:
            shown.append(ViewColumn(names[column.field], column.field, "confidence"))
    return tuple(shown)
