"""Bring the views of a form type up to date."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Dialect, Select, case, exists, func, select

from pipeline.db.column_names import table_names
from pipeline.db.tables import document, field_value, part, table_cell
from pipeline.db.views.columns import ColumnPlan, ViewColumn, ViewOptions, plan_columns
from pipeline.db.views.names import all_views, cells_view, view_name, views_of
from pipeline.db.views.query import cells_query, document_query, item_query
from pipeline.db.views.stamp import Stamp, digest, read_stamp
from pipeline.db.views.statements import CreateView, drop_view, replace_view
from pipeline.types import FieldSpec, FieldType

_SEPARATOR = "/"


@dataclass(frozen=True, slots=True)
class ViewChange:
    """One view and what a refresh did to it. `table`: empty for the documents' own view, else the field
    whose rows it shows. `created`: it was not there. Fields are named as they are stored."""

    view: str
    table: str
    plan: ColumnPlan
    created: bool

    @property
    def columns(self) -> tuple[ViewColumn, ...]:
        return self.plan.columns

    def fields(self, names: Iterable[str]) -> list[str]:
        return [f"{self.table}{_SEPARATOR}{name}" if self.table else name for name in names]


@dataclass(frozen=True, slots=True)
class Refreshed:
    """The views of a form type as they are now. `frozen`: fields of new tables that got no view.
    `settled`: whether there was a column of a field before."""

    documents: ViewChange
    items: tuple[ViewChange, ...] = ()
    frozen: tuple[str, ...] = ()
    settled: bool = False

    @property
    def changes(self) -> tuple[ViewChange, ...]:
        return (self.documents, *self.items)

    @property
    def fields(self) -> frozenset[str]:
        """Every field that has a column, as it is stored."""
        shown = (change.fields(c.field for c in change.columns if c.of_value) for change in self.changes)
        return frozenset(name for names in shown for name in names)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A view as it should be."""

    view: str
    query: Select[Any]
    stamp: Stamp


def refresh(
    connection: Connection,
    form_type: str,
    fields: Sequence[FieldSpec],
    options: ViewOptions | None = None,
    *,
    seen: Sequence[FieldSpec] = (),
) -> Refreshed:
    """Make the views of a form type show `fields`, as far as its contract lets them.

    Views that show them already are left alone. Columns of earlier fields stay, new ones come last; the
    columns of the part are added once a document of the form type has more than one part, whatever the
    contract. `seen`: fields known from stored values alone; they never change a column that is there.

    Raises RowError (`view-in-use`) where a view must be made anew and others stand on it.
    """
    options = options or ViewOptions()
    earlier = read_stamp(connection, form_type)
    settled = any(column.of_value for column in earlier.columns) or bool(earlier.tables)
    closed = settled and options.contract != "evolve"
    plain, tables = _apart(fields, seen, options.nested)
    names, refused = _item_views(form_type, tables, earlier.tables, closed)
    items = tuple(
        _refresh_items(connection, form_type, table, view, tables.get(table, ((), ())), options, closed)
        for table, view in names.items()
    )
    plan = plan_columns(
        earlier.columns, plain, options, closed=closed, parts=_has_parts(connection, form_type)
    )
    query = document_query(form_type, plan.columns, connection.dialect.name)
    _apply(connection, _wanted(form_type, query, plan.columns, connection.dialect, names), earlier)
    _refresh_cells(connection, form_type)
    own = ViewChange(form_type, "", plan, not earlier.there)
    return Refreshed(own, items, _all_names(tables, refused), settled)


def refresh_view(connection: Connection, form_type: str, fields: Sequence[FieldSpec]) -> str:
    """As `refresh`, by the default contract; returns the name of the view of documents."""
    refresh(connection, form_type, fields)
    return view_name(form_type, connection.dialect.name)


def definition(form_type: str, fields: Sequence[FieldSpec], dialect: Dialect) -> str:
    """The statement that makes the view of a form type, as it would be made first."""
    columns = plan_columns((), fields, ViewOptions()).columns
    query = document_query(form_type, columns, dialect.name)
    stamp = Stamp(columns, digest(query, dialect))
    return str(CreateView(form_type, query, stamp).compile(dialect=dialect))


def drop_views(connection: Connection, form_type: str) -> None:
    """Drop every view of a form type. Raises RowError (`view-in-use`) where others stand on one."""
    for view in views_of(connection, form_type):
        drop_view(connection, view)


def drop_all_views(connection: Connection) -> None:
    """Drop the views of every form type; those that somebody else made stay."""
    for view in all_views(connection):
        if read_stamp(connection, view).there:
            drop_view(connection, view)


def nested_fields(connection: Connection, form_type: str, run_id: int | None = None) -> tuple[FieldSpec, ...]:
    """The fields called `table/column` that are stored, by all runs or by one, with the type their values
    have."""
    typed = {
        "number": "value_number",
        "date": "value_date",
        "time": "value_time",
        "selectionMark": "value_mark",
    }
    counts = [func.count(field_value.c[column]).label(kind) for kind, column in typed.items()]
    mine = [document.c.form_type == form_type, field_value.c.field.like(f"%{_SEPARATOR}%")]
    if run_id is not None:
        mine.append(document.c.run_id == run_id)
    rows = connection.execute(
        select(field_value.c.field, func.count(field_value.c.value_text).label("string"), *counts)
        .join_from(document, part, part.c.document_id == document.c.id)
        .join(field_value, field_value.c.part_id == part.c.id)
        .where(*mine)
        .group_by(field_value.c.field)
        .order_by(field_value.c.field)
    )
    return tuple(FieldSpec(row.field, _type_seen(row._mapping)) for row in rows)


# --- one view ---------------------------------------------------------------------------------------


def _refresh_items(
    connection: Connection,
    form_type: str,
    table: str,
    view: str,
    specs: tuple[Sequence[FieldSpec], Sequence[FieldSpec]],
    options: ViewOptions,
    closed: bool,
) -> ViewChange:
    earlier = read_stamp(connection, view)
    known = {column.field for column in earlier.columns}
    told, seen = specs
    told_names = {spec.name for spec in told}
    fields = [*told, *(s for s in seen if s.name not in known and s.name not in told_names)]
    plan = plan_columns(earlier.columns, fields, options, closed=closed and earlier.there, items=True)
    if plan.columns:
        query = item_query(form_type, table, plan.columns, connection.dialect.name)
        _apply(connection, _wanted(view, query, plan.columns, connection.dialect), earlier)
    return ViewChange(view, table, plan, not earlier.there)


def _refresh_cells(connection: Connection, form_type: str) -> None:
    """The view of table cells is there from the first document on that has any."""
    view = cells_view(form_type)
    earlier = read_stamp(connection, view)
    found = exists().where(
        document.c.form_type == form_type,
        part.c.document_id == document.c.id,
        table_cell.c.part_id == part.c.id,
    )
    if earlier.there or connection.scalar(select(case((found, 1), else_=0))):
        _apply(connection, _wanted(view, cells_query(form_type), (), connection.dialect), earlier)


def _wanted(
    view: str,
    query: Select[Any],
    columns: tuple[ViewColumn, ...],
    dialect: Dialect,
    tables: Mapping[str, str] | None = None,
) -> _Wanted:
    return _Wanted(view, query, Stamp(columns, digest(query, dialect), dict(tables or {})))


def _apply(connection: Connection, wanted: _Wanted, earlier: Stamp) -> None:
    if wanted.stamp != earlier:
        before, now = earlier.columns, wanted.stamp.columns
        shape = [(column.name, _shape(column)) for column in before]
        grows = [(column.name, _shape(column)) for column in now[: len(before)]] == shape
        replace_view(connection, wanted.view, wanted.query, wanted.stamp, grows=grows)


def _shape(column: ViewColumn) -> str:
    return "text" if column.kind == "words" else column.kind


# --- fields -----------------------------------------------------------------------------------------

_Tables = dict[str, tuple[list[FieldSpec], list[FieldSpec]]]


def _apart(
    fields: Sequence[FieldSpec], seen: Sequence[FieldSpec], nested: bool
) -> tuple[list[FieldSpec], _Tables]:
    """Plain fields, and by table its columns: those that are told, and those only seen."""
    plain: list[FieldSpec] = []
    tables: _Tables = {}
    for position, spec in _numbered(fields, seen if nested else ()):
        table, _, column = spec.name.partition(_SEPARATOR)
        if nested and table and column:
            tables.setdefault(table, ([], []))[position].append(_renamed(spec, column))
        elif position == 0:
            plain.append(spec)
    return plain, tables


def _numbered(*lists: Sequence[FieldSpec]) -> Iterator[tuple[int, FieldSpec]]:
    for position, specs in enumerate(lists):
        yield from ((position, spec) for spec in specs)


def _renamed(spec: FieldSpec, name: str) -> FieldSpec:
    return FieldSpec(name, spec.type, column=spec.column)


def _item_views(
    form_type: str, tables: Iterable[str], earlier: Mapping[str, str], closed: bool
) -> tuple[dict[str, str], list[str]]:
    """The view of each table, and the tables that get none."""
    refused = [table for table in tables if closed and table not in earlier]
    wanted = [table for table in tables if table not in refused]
    return table_names(form_type, wanted, earlier, [cells_view(form_type)]), refused


def _all_names(tables: _Tables, of: Iterable[str]) -> tuple[str, ...]:
    names = (f"{table}{_SEPARATOR}{spec.name}" for table in of for specs in tables[table] for spec in specs)
    return tuple(dict.fromkeys(names))


def _type_seen(row: Mapping[Any, Any]) -> FieldType:
    """The one type that all values have; text where they differ or have none."""
    kinds: tuple[FieldType, ...] = ("string", "number", "date", "time", "selectionMark")
    found = [kind for kind in kinds if row[kind]]
    return found[0] if len(found) == 1 else "string"


def _has_parts(connection: Connection, form_type: str) -> bool:
    other = part.alias()
    several = exists().where(
        document.c.form_type == form_type,
        part.c.document_id == document.c.id,
        other.c.document_id == document.c.id,
        other.c.number > part.c.number,
    )
    return bool(connection.scalar(select(case((several, 1), else_=0))))
