"""One typed view per form type: a row per document (and part), a column per field.

A document is shown from its first scoring on. While it waits to be scored again (`pending`) and after its
blob has left the backlog (`gone`) its last values stay; one that can no longer be read (`dead`) has none.

Field values are kept one row each; the view turns them sideways. Its columns, and which field each
stands for, are written into the view itself, so that names and places never change: new fields are
added at the end and fields that are no longer learned keep their column.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Connection,
    Dialect,
    FromClause,
    Label,
    Numeric,
    Select,
    and_,
    case,
    cast,
    exists,
    func,
    or_,
    select,
    text,
    true,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import ExecutableDDLElement
from sqlalchemy.sql.compiler import DDLCompiler

from pipeline.db.column_names import PART_COLUMNS, column_names
from pipeline.db.tables import document, field_value, model_version, part
from pipeline.types import FieldSpec, FieldType

__all__ = ["column_names", "refresh_view", "view_name"]

Kind = Literal["text", "number", "integer", "date", "time", "mark", "part"]

_KINDS: dict[FieldType, Kind] = {
    "string": "text",
    "phoneNumber": "text",
    "number": "number",
    "currency": "number",
    "integer": "integer",
    "date": "date",
    "time": "time",
    "selectionMark": "mark",
}
_SOURCES: dict[Kind, str] = {
    "text": "value_text",
    "number": "value_number",
    "integer": "value_number",
    "date": "value_date",
    "time": "value_time",
    "mark": "value_mark",
}
_STAMP = re.compile(r"\{.*\}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ViewColumn:
    """A column of a view. `field` is empty for the columns that describe the part."""

    name: str
    field: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class _Stamp:
    """What a view says about itself: its columns, and the hash of the SELECT it was made of."""

    columns: tuple[ViewColumn, ...] = ()
    digest: str = ""


def view_name(form_type: str, dialect: str) -> str:
    """The view of a form type as it is typed in a query; `dialect` is SQLAlchemy's name of it."""
    return f"forms_{form_type}" if dialect == "sqlite" else f"forms.{form_type}"


def refresh_view(connection: Connection, form_type: str, fields: Sequence[FieldSpec]) -> str:
    """Make the view of a form type show `fields`, and return its name.

    Nothing is done when it shows them already. Columns of earlier fields stay, new ones come last;
    the columns of the part are added once a document of the form type has more than one part.
    """
    earlier = _read_stamp(connection, form_type)
    columns = _columns(earlier.columns, fields, _has_parts(connection, form_type))
    query = _query(form_type, columns, connection.dialect.name)
    stamp = _Stamp(columns, _digest(query, connection.dialect))
    if stamp != earlier:
        _replace(connection, form_type, query, stamp, _grows(earlier.columns, columns))
    return view_name(form_type, connection.dialect.name)


# --- columns --------------------------------------------------------------------------------------


def _columns(
    earlier: tuple[ViewColumn, ...], fields: Sequence[FieldSpec], parts: bool
) -> tuple[ViewColumn, ...]:
    names = column_names(fields, {column.field: column.name for column in earlier if column.field})
    kinds = {spec.name: _KINDS[spec.type] for spec in fields}
    kept = [_renewed(column, names, kinds) for column in earlier]
    known = {column.field for column in earlier}
    added = [ViewColumn(names[name], name, kind) for name, kind in kinds.items() if name not in known]
    of_part = [ViewColumn(name, "", "part") for name in PART_COLUMNS]
    if not parts or of_part[0] in kept:
        return (*kept, *added)
    return (*kept, *of_part, *added)


def _renewed(column: ViewColumn, names: dict[str, str], kinds: dict[str, Kind]) -> ViewColumn:
    if not column.field:
        return column
    return replace(column, name=names[column.field], kind=kinds.get(column.field, column.kind))


def _has_parts(connection: Connection, form_type: str) -> bool:
    other = part.alias()
    several = exists().where(
        document.c.form_type == form_type,
        part.c.document_id == document.c.id,
        other.c.document_id == document.c.id,
        other.c.number > part.c.number,
    )
    return bool(connection.scalar(select(case((several, 1), else_=0))))


# --- the query ------------------------------------------------------------------------------------


def _query(form_type: str, columns: Sequence[ViewColumn], dialect: str) -> Select[Any]:
    """Grouped by part over its values. A model's value is left out where a person gave one."""
    value, person = field_value.alias("v"), field_value.alias("person")
    keys = _keys(columns)
    shown = [
        *keys[:6],
        _review(value).label("review"),
        *(_shown(column, value, keys, dialect) for column in columns),
    ]
    corrected = and_(
        value.c.source == "model",
        person.c.source == "person",
        person.c.part_id == value.c.part_id,
        person.c.field == value.c.field,
        person.c.occurrence == value.c.occurrence,
    )
    tables = (
        document.outerjoin(part, part.c.document_id == document.c.id)
        .outerjoin(value, value.c.part_id == part.c.id)
        .outerjoin(person, corrected)
        .outerjoin(model_version, model_version.c.id == document.c.model_version_id)
    )
    return (
        select(*shown)
        .select_from(tables)
        .where(
            document.c.form_type == form_type,
            part.c.id.is_not(None),
            or_(document.c.outcome.is_(None), document.c.outcome != "dead"),
            person.c.part_id.is_(None),
        )
        .group_by(part.c.id, *(key.element for key in keys))
    )


def _keys(columns: Sequence[ViewColumn]) -> list[Label[Any]]:
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


def _shown(column: ViewColumn, value: FromClause, keys: Sequence[Label[Any]], dialect: str) -> Label[Any]:
    if column.kind == "part":
        return next(key for key in keys if key.name == column.name)
    first = and_(value.c.field == column.field, value.c.occurrence == 0)
    picked: ColumnElement[Any] = func.max(case((first, value.c[_SOURCES[column.kind]])))
    if column.kind in ("number", "integer") and dialect == "sqlite":
        picked = cast(picked, Numeric)
    elif column.kind == "integer":
        picked = cast(picked, BigInteger)
    return picked.label(column.name)


def _review(value: FromClause) -> ColumnElement[bool]:
    return cast(func.max(case((value.c.review == true(), 1), else_=0)), Boolean)


# --- the statements -------------------------------------------------------------------------------


class _CreateView(ExecutableDDLElement):
    def __init__(self, form_type: str, query: Select[Any], stamp: _Stamp, clause: str) -> None:
        self.form_type = form_type
        self.query = query
        self.stamp = stamp
        self.clause = clause


@compiles(_CreateView)
def _compile_create(element: _CreateView, compiler: DDLCompiler, **_: Any) -> str:
    name = _quoted(element.form_type, compiler.dialect)
    body = compiler.sql_compiler.process(element.query, literal_binds=True)
    return f"{element.clause} {name} AS /* {_write_stamp(element.stamp)} */ {body}"


def _replace(connection: Connection, form_type: str, query: Select[Any], stamp: _Stamp, grows: bool) -> None:
    """PostgreSQL can only add columns at the end of a view that stands; any other change needs a drop."""
    dialect = connection.dialect
    name = _quoted(form_type, dialect)
    if dialect.name == "mssql":
        connection.execute(text("IF SCHEMA_ID('forms') IS NULL EXEC('CREATE SCHEMA forms')"))
        connection.execute(_CreateView(form_type, query, stamp, "CREATE OR ALTER VIEW"))
        return
    if dialect.name == "postgresql":
        connection.execute(text("CREATE SCHEMA IF NOT EXISTS forms"))
    if dialect.name == "sqlite" or not grows:
        connection.execute(text(f"DROP VIEW IF EXISTS {name}"))
    clause = "CREATE VIEW" if dialect.name == "sqlite" else "CREATE OR REPLACE VIEW"
    connection.execute(_CreateView(form_type, query, stamp, clause))
    if dialect.name == "postgresql":
        comment = _write_stamp(stamp).replace(":", "\\:")
        connection.execute(text(f"COMMENT ON VIEW {name} IS '{comment}'"))


def _grows(earlier: Sequence[ViewColumn], columns: Sequence[ViewColumn]) -> bool:
    return tuple(columns[: len(earlier)]) == tuple(earlier)


def _quoted(form_type: str, dialect: Dialect) -> str:
    quote = dialect.identifier_preparer.quote
    return quote(f"forms_{form_type}") if dialect.name == "sqlite" else f"forms.{quote(form_type)}"


# --- what a view says about itself ------------------------------------------------------------------


def _read_stamp(connection: Connection, form_type: str) -> _Stamp:
    name = _quoted(form_type, connection.dialect)
    definition = {
        "sqlite": "SELECT sql FROM sqlite_master WHERE type = 'view' AND name = :name",
        "postgresql": "SELECT obj_description(to_regclass(:name), 'pg_class')",
        "mssql": "SELECT OBJECT_DEFINITION(OBJECT_ID(:name))",
    }[connection.dialect.name]
    if connection.dialect.name == "sqlite":
        name = view_name(form_type, "sqlite")
    found = connection.scalar(text(definition), {"name": name})
    comment = (found or "").partition("*/")[0]
    match = _STAMP.search(comment)
    if match is None:
        return _Stamp()
    raw = json.loads(match.group())
    return _Stamp(tuple(ViewColumn(**column) for column in raw["columns"]), raw["digest"])


def _write_stamp(stamp: _Stamp) -> str:
    """JSON that can stand in a comment or a literal of any dialect, whatever fields are called."""
    raw = {"columns": [asdict(column) for column in stamp.columns], "digest": stamp.digest}
    safe = json.dumps(raw)
    for character in "*/'%?":
        safe = safe.replace(character, f"\\u{ord(character):04x}")
    return safe


def _digest(query: Select[Any], dialect: Dialect) -> str:
    compiled = query.compile(dialect=dialect, compile_kwargs={"literal_binds": True})
    return hashlib.sha256(str(compiled).encode()).hexdigest()[:16]
