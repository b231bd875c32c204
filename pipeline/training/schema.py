"""The fields of a model, merged from the rows, `fields.json` and the labels themselves. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pipeline.types import FieldSpec, FormType, Label

_MARKS = frozenset({"selected", "unselected"})
_TABLE_CELL = re.compile(r"[^/]+/\d+/[^/]+")


@dataclass(frozen=True, slots=True)
class Schema:
    """`specs`: what is learned, in order. `tables`: table fields. `listed`: whether there is any list."""

    specs: tuple[FieldSpec, ...]
    tables: tuple[str, ...] = ()
    listed: bool = True

    def knows(self, field: str) -> bool:
        return any(spec.name == field for spec in self.specs)

    def is_table_cell(self, field: str) -> bool:
        """Labels of table cells are named `table/row/column`, in fixed tables by names for both."""
        return field.partition("/")[0] in self.tables or _TABLE_CELL.fullmatch(field) is not None


def merge_fields(
    rows: Sequence[FormType], listed: Sequence[FieldSpec] | None, labels: Iterable[Sequence[Label]]
) -> tuple[FieldSpec, ...]:
    """Fields of `fields.json` (None: there is none) with the rows' own winning; the rows' further ones
    follow. Without any list, every labelled field is one."""
    own = row_fields(rows)
    if listed is None and not own:
        return _from_labels(labels)
    named = {spec.name: spec for spec in listed or ()}
    return tuple({**named, **own}.values())


def row_fields(rows: Iterable[FormType]) -> Mapping[str, FieldSpec]:
    """The `form_field` rows of a group; where two of its form types name a field, the first wins."""
    specs: dict[str, FieldSpec] = {}
    for row in sorted(rows, key=lambda row: row.form_type):
        for spec in row.fields:
            specs.setdefault(spec.name, spec)
    return specs


def _from_labels(forms: Iterable[Sequence[Label]]) -> tuple[FieldSpec, ...]:
    texts: dict[str, set[str]] = {}
    for labels in forms:
        for label in labels:
            if not _TABLE_CELL.fullmatch(label.field):
                texts.setdefault(label.field, set()).add(label.text)
    return tuple(_spec(name, found - {""}) for name, found in texts.items())


def _spec(name: str, texts: set[str]) -> FieldSpec:
    return FieldSpec(name, "selectionMark" if texts and texts <= _MARKS else "string")
