"""A real table with the rows of a form type's view, for those who need one to join or to index.

It is kept by upsert in the transaction that finishes documents. Whoever else changes what a view shows
(a person's correction, documents that are forgotten) calls `refresh` or `remove` in their transaction;
`catch_up` finds what changed without that: documents that wait again, and blobs that are gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from sqlalchemy import Connection, Table, delete, select
from sqlalchemy.types import UnicodeText

from pipeline.db import target_tables
from pipeline.db.column_names import folded
from pipeline.db.tables import document, form_type
from pipeline.db.target_statements import stale, too_long, unshown, upsert
from pipeline.db.target_tables import TargetName, TargetShape, refusals, table_of
from pipeline.db.views import ViewColumn
from pipeline.db.views.stamp import read_stamp
from pipeline.db.views.statements import changing
from pipeline.db.views.upkeep import Refreshed
from pipeline.errors import RowError
from pipeline.types import FormType

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class TargetChange:
    """What was done to a target table: made, or which of its columns were added, renamed or retyped;
    `remade`: dropped and made again, for its key changed."""

    table: str
    created: bool = False
    remade: bool = False
    added: tuple[str, ...] = ()
    retyped: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()

    @property
    def refilled(self) -> bool:
        return bool(self.created or self.remade or self.added or self.retyped)

    @property
    def changed(self) -> bool:
        return self.refilled or bool(self.renamed)


def prepare(connection: Connection, row: FormType, shown: Refreshed) -> TargetChange | None:
    """Make the row's target table fit its view, which must be up to date, and fill it where its columns are
    new; None for a row without one.

    Raises RowError: `target-table-shared`, `target-schema-missing`, `target-table-foreign`,
    `target-table-refused`.
    """
    if row.target_table is None:
        return None
    name = TargetName(row.target_table)
    _require_alone(connection, row, name)
    with refusals(name.written):
        wanted = table_of(name, shown.documents.columns)
        shape = target_tables.look(connection, name)
        with changing(connection, name.written):
            change = _fit(connection, wanted, shape, shown.documents.plan.renamed)
        if change.refilled:
            rebuild(connection, row)
    return change


def refresh(connection: Connection, row: FormType, document_ids: Iterable[int]) -> None:
    """Bring the rows of these documents to what the view shows. Does nothing for a row without a target
    table. Raises RowError (`target-table-refused`)."""
    if row.target_table is None:
        return
    columns = read_stamp(connection, row.form_type).columns
    target = table_of(TargetName(row.target_table), columns)
    with refusals(row.target_table):
        for some in _chunks(document_ids):
            _widen(connection, target, columns, some)
            connection.execute(upsert(target, row.form_type, connection.dialect.name), {"ids": some})
            connection.execute(unshown(target, row.form_type, target.c.document_id.in_(some)))


def rebuild(connection: Connection, row: FormType) -> None:
    """Bring every row of the target table to what the view shows."""
    if row.target_table is None:
        return
    columns = read_stamp(connection, row.form_type).columns
    target = table_of(TargetName(row.target_table), columns)
    with refusals(row.target_table):
        _widen(connection, target, columns, None)
        connection.execute(upsert(target, row.form_type, connection.dialect.name, some=False))
        connection.execute(unshown(target, row.form_type))


def catch_up(connection: Connection, row: FormType) -> int:
    """Refresh the documents whose state is not what the target table says; returns how many."""
    if row.target_table is None:
        return 0
    columns = read_stamp(connection, row.form_type).columns
    target = table_of(TargetName(row.target_table), columns)
    with refusals(row.target_table):
        found = connection.scalars(stale(target, row.form_type)).all()
        refresh(connection, row, found)
        connection.execute(unshown(target, row.form_type))
    return len(found)


def remove(connection: Connection, target_table: str | None, document_ids: Iterable[int]) -> None:
    """Delete the rows of documents, as part of forgetting them. Does nothing where there is no such table.

    Raises RowError: `target-table-foreign` where a table of this name is not ours, so that nobody takes its
    rows for deleted; `target-table-refused`."""
    if not target_table:
        return
    with refusals(target_table):
        there = _ours(connection, target_table)
        if there is not None:
            for some in _chunks(document_ids):
                connection.execute(delete(there).where(there.c.document_id.in_(some)))


def clear(connection: Connection, target_table: str | None, form_type_: str) -> None:
    """Delete the rows of a form type's documents, before these are deleted; the table itself stays. A table
    that is not ours is left alone. Raises RowError (`target-table-refused`)."""
    if not target_table:
        return
    with refusals(target_table):
        try:
            there = _ours(connection, target_table)
        except RowError:
            return
        if there is not None:
            mine = select(document.c.id).where(document.c.form_type == form_type_)
            connection.execute(delete(there).where(there.c.document_id.in_(mine)))


# --- the table ------------------------------------------------------------------------------------


def _require_alone(connection: Connection, row: FormType, name: TargetName) -> None:
    others = connection.execute(
        select(form_type.c.form_type, form_type.c.target_table).where(
            form_type.c.target_table.is_not(None), form_type.c.form_type != row.form_type
        )
    )
    default = connection.dialect.default_schema_name or "main"
    mine = _place(name, default)
    for other in others:
        if _place(TargetName(other.target_table), default) == mine:
            raise RowError(
                f"target_table {name.written} is that of form type {other.form_type} too: give each its own",
                reason="target-table-shared",
            )


def _place(name: TargetName, default: str) -> tuple[str, str]:
    return folded(name.schema or default), folded(name.table)


def _fit(
    connection: Connection, wanted: Table, shape: TargetShape | None, renamed: Sequence[tuple[str, str]]
) -> TargetChange:
    name = wanted.fullname
    if shape is None:
        target_tables.create(connection, wanted)
        return TargetChange(name, created=True)
    if shape.key != tuple(sorted(key.name for key in wanted.primary_key)):
        _require_no_more(wanted, shape)
        target_tables.drop(connection, wanted)
        target_tables.create(connection, wanted)
        return TargetChange(name, remade=True)
    moved = _rename(connection, wanted, shape, renamed)
    now = {now for _, now in moved}
    missing = [c for c in wanted.columns if c.name not in now and shape.lacks(c)]
    there = [c for c in wanted.columns if c.name not in now and not c.primary_key and not shape.lacks(c)]
    unfit = [c for c in there if not shape.holds(c)]
    for each in missing:
        target_tables.add_column(connection, wanted, each)
    for each in unfit:
        target_tables.retype_column(connection, wanted, each)
    return TargetChange(
        name, added=tuple(c.name for c in missing), retyped=tuple(c.name for c in unfit), renamed=moved
    )


def _rename(
    connection: Connection, wanted: Table, shape: TargetShape, renamed: Sequence[tuple[str, str]]
) -> tuple[tuple[str, str], ...]:
    possible = [
        (before, now)
        for before, now in renamed
        if folded(before) in shape.columns and shape.lacks(wanted.c[now]) and before not in wanted.c
    ]
    for before, now in possible:
        target_tables.rename_column(connection, wanted, before, wanted.c[now])
    return tuple(possible)


def _require_no_more(wanted: Table, shape: TargetShape) -> None:
    known = {folded(c.name) for c in wanted.columns}
    if foreign := [name for name in shape.columns if name not in known]:
        raise RowError(
            f"target_table {wanted.fullname} must be made again, for its documents have parts now, and has a "
            f"column of its own ({foreign[0]}): drop the column or the table",
            reason="target-table-key",
        )


def _ours(connection: Connection, target_table: str) -> Table | None:
    name = TargetName(target_table)
    try:
        shape = target_tables.look(connection, name)
    except RowError as error:
        if error.reason == "target-schema-missing":
            return None
        raise
    return table_of(name, ()) if shape else None


# --- the rows -------------------------------------------------------------------------------------


def _widen(
    connection: Connection, target: Table, columns: Sequence[ViewColumn], ids: Sequence[int] | None
) -> None:
    """On SQL Server: columns of texts that are too long for an index are no longer made for one."""
    if connection.dialect.name != "mssql":
        return
    long = connection.scalars(too_long([c.field for c in columns if c.of_value], ids)).all()
    texts = [c.name for c in columns if c.kind in ("text", "words") and c.field in long]
    if not texts:
        return
    there = target_tables.look(connection, TargetName(target.fullname))
    for name in texts:
        has = there.columns.get(folded(name)) if there else None
        if not isinstance(has, UnicodeText) and getattr(has, "length", None):
            target_tables.widen_column(connection, target, target.c[name])


def _chunks(ids: Iterable[int]) -> Iterable[list[int]]:
    source = iter(ids)
    while some := list(islice(source, _AT_ONCE)):
        yield some
