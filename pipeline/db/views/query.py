"""The SELECT of each kind of view: documents, line items, table cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    FromClause,
    Label,
    Numeric,
    Select,
    and_,
    case,
    cast,
    func,
    or_,
    select,
    true,
)

from pipeline.db.column_names import PART_COLUMNS
from pipeline.db.tables import document, field_value, model_version, part, table_cell
from pipeline.db.views.columns import Kind, ViewColumn

_SOURCES: Mapping[Kind, str] = {
    "text": "value_text",
    "number": "value_number",
    "integer": "value_number",
    "date": "value_date",
    "time": "value_time",
    "mark": "value_mark",
    "confidence": "confidence",
}
_LARGEST = 2**63 - 1

value, person = field_value.alias("v"), field_value.alias("person")


def document_query(form_type: str, columns: Sequence[ViewColumn], dialect: str) -> Select[Any]:
    """Grouped by part over its values. A model's value is left out where a person gave one."""
    keys = _document_keys(columns)
    shown = [
        *keys[:6],
        _review().label("review"),
        *(_shown(column, column.field, keys, dialect) for column in columns),
    ]
    tables = (
        document.outerjoin(part, part.c.document_id == document.c.id)
        .outerjoin(value, value.c.part_id == part.c.id)
        .outerjoin(person, _corrected())
        .outerjoin(model_version, model_version.c.id == document.c.model_version_id)
    )
    return (
        select(*shown)
        .select_from(tables)
        .where(visible(form_type), part.c.id.is_not(None), person.c.part_id.is_(None))
        .group_by(part.c.id, *(key.element for key in keys))
    )


def item_query(form_type: str, table: str, columns: Sequence[ViewColumn], dialect: str) -> Select[Any]:
    """One row per document, part and row of the table: values of one occurrence stand together."""
    keys = [
        document.c.id.label("document_id"),
        document.c.path.label("path"),
        part.c.number.label("part"),
        (value.c.occurrence + 1).label("item"),
    ]
    fields = {column.field: f"{table}/{column.field}" for column in columns}
    shown = [
        *keys,
        _review().label("review"),
        *(_shown(column, fields[column.field], keys, dialect, first_only=False) for column in columns),
    ]
    tables = (
        document.join(part, part.c.document_id == document.c.id)
        .join(value, and_(value.c.part_id == part.c.id, value.c.field.in_(list(fields.values()))))
        .outerjoin(person, _corrected())
    )
    return (
        select(*shown)
        .select_from(tables)
        .where(visible(form_type), person.c.part_id.is_(None))
        .group_by(document.c.id, document.c.path, part.c.id, part.c.number, value.c.occurrence)
    )


def cells_query(form_type: str) -> Select[Any]:
    """The cells of the tables that a reader or service found on the pages; rows and columns from 0."""
    own = [column for column in table_cell.columns if column.name != "part_id"]
    tables = document.join(part, part.c.document_id == document.c.id).join(
        table_cell, table_cell.c.part_id == part.c.id
    )
    return (
        select(
            document.c.id.label("document_id"),
            document.c.path.label("path"),
            part.c.number.label("part"),
            *(column.label(column.name) for column in own),
        )
        .select_from(tables)
        .where(visible(form_type))
    )


def visible(form_type: str) -> ColumnElement[bool]:
    """Whether a document is one that views show."""
    alive = or_(document.c.outcome.is_(None), document.c.outcome != "dead")
    return and_(document.c.form_type == form_type, alive)


def _corrected() -> ColumnElement[bool]:
    return and_(
        value.c.source == "model",
        person.c.source == "person",
        person.c.part_id == value.c.part_id,
        person.c.field == value.c.field,
        person.c.occurrence == value.c.occurrence,
    )


def _document_keys(columns: Sequence[ViewColumn]) -> list[Label[Any]]:
    keys = [
        document.c.id.label("document_id"),
        document.c.path.label("path"),
        func.coalesce(document.c.outcome, "pending").label("outcome"),
        document.c.pages.label("pages"),
        model_version.c.version.label("model_version"),
        document.c.finished_at.label("scored_at"),
    ]
    if not any(column.kind == "part" for column in columns):
        return keys
    of_part = (part.c.number, part.c.doc_type, part.c.first_page, part.c.last_page)
    return [*keys, *(column.label(name) for column, name in zip(of_part, PART_COLUMNS, strict=True))]


def _shown(
    column: ViewColumn, field: str, keys: Sequence[Label[Any]], dialect: str, *, first_only: bool = True
) -> Label[Any]:
    if column.kind == "part":
        return next(key for key in keys if key.name == column.name)
    chosen = value.c.field == field
    if first_only:
        chosen = and_(chosen, value.c.occurrence == 0)
    exact = dialect != "sqlite"
    if column.kind == "integer" and exact:
        chosen = and_(chosen, value.c.value_number.between(-_LARGEST, _LARGEST))
    picked: ColumnElement[Any] = func.max(case((chosen, _source(column.kind, value))))
    if column.kind in ("number", "integer") and not exact:
        picked = cast(picked, Numeric)
    elif column.kind == "integer":
        picked = cast(picked, BigInteger)
    return picked.label(column.name)


def _source(kind: Kind, of: FromClause) -> ColumnElement[Any]:
    return func.coalesce(of.c.value_text, of.c.text) if kind == "words" else of.c[_SOURCES[kind]]


def _review() -> ColumnElement[bool]:
    return cast(func.max(case((value.c.review == true(), 1), else_=0)), Boolean)
