"""The statements that keep a target table to its view, on each dialect."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Delete,
    Executable,
    Select,
    Table,
    and_,
    bindparam,
    column,
    delete,
    func,
    or_,
    select,
    table,
    text,
)
from sqlalchemy.dialects import mssql, postgresql, sqlite

from pipeline.db.tables import document, field_value, part
from pipeline.db.target_tables import INDEXED_TEXT
from pipeline.db.views.names import bare_name, quoted, schema_of
from pipeline.db.views.query import visible


def upsert(target: Table, view: str, dialect: str, *, some: bool = True) -> Executable:
    """The statement that takes rows of the view over, of all documents or of `some` (parameter `ids`)."""
    if dialect == "mssql":
        return _merge(target, view, some)
    names = [c.name for c in target.columns]
    source = table(bare_name(view, dialect), *(column(name) for name in names), schema=schema_of(dialect))
    chosen: ColumnElement[bool] = source.c.document_id.is_not(None)
    if some:
        chosen = source.c.document_id.in_(bindparam("ids", type_=BigInteger(), expanding=True))
    rows = select(*(source.c[name] for name in names)).where(chosen)
    module: Any = sqlite if dialect == "sqlite" else postgresql
    statement = module.insert(target).from_select(names, rows)
    keys = [key.name for key in target.primary_key]
    changed = {name: statement.excluded[name] for name in names if name not in keys}
    taken: Executable = statement.on_conflict_do_update(index_elements=keys, set_=changed)
    return taken


def _merge(target: Table, view: str, some: bool) -> Executable:
    dialect = mssql.dialect()  # type: ignore[no-untyped-call]
    quote = dialect.identifier_preparer.quote
    names = [quote(c.name).replace(":", "\\:") for c in target.columns]
    keys = [quote(c.name) for c in target.primary_key]
    listed = ", ".join(names)
    statement = (
        f"MERGE INTO {dialect.identifier_preparer.format_table(target)} WITH (HOLDLOCK) AS target "
        f"USING (SELECT {listed} FROM {quoted(view, dialect)}{' WHERE document_id IN :ids' if some else ''}) "
        f"AS source ON ({' AND '.join(f'target.{key} = source.{key}' for key in keys)}) "
        f"WHEN MATCHED THEN UPDATE SET {', '.join(f'{n} = source.{n}' for n in names if n not in keys)} "
        f"WHEN NOT MATCHED THEN INSERT ({listed}) VALUES ({', '.join(f'source.{name}' for name in names)});"
    )
    merged = text(statement)
    return merged.bindparams(bindparam("ids", type_=BigInteger(), expanding=True)) if some else merged


def stale(target: Table, form_type_: str) -> Select[int]:
    """Documents that the view shows and whose state the table does not have, or not so."""
    return (
        select(document.c.id)
        .distinct()
        .join_from(document, part, part.c.document_id == document.c.id)
        .outerjoin(target, _same_row(target))
        .where(visible(form_type_), _differs(target))
    )


def unshown(target: Table, form_type_: str, *chosen: ColumnElement[bool]) -> Delete:
    """The statement that deletes rows which the view does not show."""
    shown = (
        select(document.c.id)
        .join_from(document, part, part.c.document_id == document.c.id)
        .where(visible(form_type_), _same_row(target))
        .correlate(target)
    )
    return delete(target).where(*chosen, ~shown.exists())


def _same_row(target: Table) -> ColumnElement[bool]:
    same = target.c.document_id == document.c.id
    return and_(same, target.c.part == part.c.number) if "part" in target.primary_key else same


def _differs(target: Table) -> ColumnElement[bool]:
    now = document.c.finished_at
    return or_(
        target.c.document_id.is_(None),
        target.c.outcome != func.coalesce(document.c.outcome, "pending"),
        target.c.scored_at != now,
        and_(target.c.scored_at.is_(None), now.is_not(None)),
        and_(target.c.scored_at.is_not(None), now.is_(None)),
    )


def too_long(fields: Sequence[str], ids: Sequence[int] | None) -> Any:
    """The fields with a text that is longer than an index of SQL Server takes. Its `LEN` leaves blanks at the
    end out, and counts what needs two of the 4,000 units as one where the collation knows such characters."""
    said = func.coalesce(field_value.c.value_text, field_value.c.text)
    found = (
        select(field_value.c.field)
        .distinct()
        .join_from(field_value, part, part.c.id == field_value.c.part_id)
        .where(func.datalength(said) > 2 * INDEXED_TEXT, field_value.c.field.in_(fields))
    )
    return found if ids is None else found.where(part.c.document_id.in_(ids))
