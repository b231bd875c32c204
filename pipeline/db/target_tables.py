"""The shape of a target table: its name, its columns in types that can be indexed, and how it changes.

On SQL Server a text is `NVARCHAR(4000)`, the longest that an index takes; a longer value widens its column
to `NVARCHAR(max)`, which no index takes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Date,
    Float,
    Integer,
    MetaData,
    Numeric,
    PrimaryKeyConstraint,
    String,
    Table,
    Time,
    Unicode,
    UnicodeText,
    inspect,
    text,
)
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError, ProgrammingError
from sqlalchemy.schema import CreateTable, DropTable
from sqlalchemy.types import TypeEngine

from pipeline.db.column_names import OWN_COLUMNS, folded
from pipeline.db.columns import ExactText, Key, UtcDateTime
from pipeline.db.faults import FORBIDDEN, fault_of
from pipeline.db.views.columns import ViewColumn
from pipeline.errors import RowError

INDEXED_TEXT = 4000

_TEXT = UnicodeText().with_variant(Unicode(INDEXED_TEXT), "mssql")
_TYPES: dict[str, TypeEngine[Any]] = {
    "text": _TEXT,
    "words": _TEXT,
    "number": Numeric(38, 10),
    "integer": BigInteger(),
    "date": Date(),
    "time": Time(),
    "mark": Unicode(10),
    "confidence": Float(),
}
_OWN: dict[str, TypeEngine[Any]] = {
    "document_id": Key,
    "path": ExactText(1024),
    "outcome": Unicode(20),
    "pages": Integer(),
    "model_version": Integer(),
    "scored_at": UtcDateTime(),
    "review": Boolean(),
    "part": Integer(),
    "doc_type": Unicode(200),
    "first_page": Integer(),
    "last_page": Integer(),
}
_RENAMED = {"mssql": "EXEC sp_rename N'{table}.{column}', N'{now}', 'COLUMN'"}
_RETYPED = {
    "sqlite": ("ALTER TABLE {table} DROP COLUMN {column}", "ALTER TABLE {table} ADD {column} {type} NULL"),
    "postgresql": ("ALTER TABLE {table} ALTER COLUMN {column} TYPE {type} USING NULL",),
    "mssql": (
        "UPDATE {table} SET {column} = NULL",
        "ALTER TABLE {table} ALTER COLUMN {column} NVARCHAR(4000) NULL",
        "ALTER TABLE {table} ALTER COLUMN {column} {type} NULL",
    ),
}
"""SQL Server takes a number for a date of no row at all (206, operand type clash), and anything by way of a
text."""


@dataclass(frozen=True, slots=True)
class TargetName:
    """`table` or `schema.table` as the row has it."""

    written: str

    @property
    def schema(self) -> str | None:
        return self.written.rpartition(".")[0] or None

    @property
    def table(self) -> str:
        return self.written.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class TargetShape:
    """The columns a table has by name, folded, with their types, and its key."""

    columns: dict[str, TypeEngine[Any]]
    key: tuple[str, ...]

    def lacks(self, column: Column[Any]) -> bool:
        return folded(column.name) not in self.columns

    def holds(self, column: Column[Any]) -> bool:
        """Whether the column as it is can take every value of the column as it should be."""
        return _same_family(self.columns[folded(column.name)], column.type)


def table_of(name: TargetName, columns: Sequence[ViewColumn]) -> Table:
    """The table that holds the rows of a view with these columns."""
    parts = [column.name for column in columns if column.kind == "part"]
    key = ("document_id", "part") if parts else ("document_id",)
    own = [Column(column, _OWN[column], nullable=column not in key) for column in OWN_COLUMNS]
    shown = [
        Column(c.name, _OWN[c.name] if c.kind == "part" else _TYPES[c.kind], nullable=c.name not in key)
        for c in columns
    ]
    for column in (*own, *shown):
        column.autoincrement = False
    return Table(name.table, MetaData(), *own, *shown, PrimaryKeyConstraint(*key), schema=name.schema)


def look(connection: Connection, name: TargetName) -> TargetShape | None:
    """The table of this name, None where there is none.

    Raises RowError: `target-schema-missing`; `target-table-foreign` where it is a view, or a table that is
    not keyed by document or lacks the columns that every view has."""
    found = inspect(connection)
    if name.schema and folded(name.schema) not in map(folded, found.get_schema_names()):
        raise RowError(
            f"target_table {name.written}: there is no schema {name.schema}; create it, or name just a table",
            reason="target-schema-missing",
        )
    if name.table in found.get_view_names(schema=name.schema):
        raise _foreign(name, "it is a view")
    if not found.has_table(name.table, schema=name.schema):
        return None
    columns = {folded(c["name"]): c["type"] for c in found.get_columns(name.table, schema=name.schema)}
    key = found.get_pk_constraint(name.table, schema=name.schema)["constrained_columns"]
    shape = TargetShape(columns, tuple(sorted(map(folded, key))))
    if shape.key not in (("document_id",), ("document_id", "part")):
        raise _foreign(name, "its key is not document_id")
    if missing := [column for column in OWN_COLUMNS if column not in columns]:
        raise _foreign(name, f"it has no column {missing[0]}")
    return shape


def create(connection: Connection, table: Table) -> None:
    connection.execute(CreateTable(table))


def drop(connection: Connection, table: Table) -> None:
    connection.execute(DropTable(table))


def add_column(connection: Connection, table: Table, column: Column[Any]) -> None:
    _alter(connection, table, "ALTER TABLE {table} ADD {column} {type} NULL", column)


def rename_column(connection: Connection, table: Table, before: str, now: Column[Any]) -> None:
    statement = _RENAMED.get(connection.dialect.name, "ALTER TABLE {table} RENAME COLUMN {column} TO {now}")
    _alter(connection, table, statement, Column(before, now.type), now=now.name)


def retype_column(connection: Connection, table: Table, column: Column[Any]) -> None:
    """Give a column another type; its values are lost and must be written again."""
    for statement in _RETYPED[connection.dialect.name]:
        _alter(connection, table, statement, column)


def widen_column(connection: Connection, table: Table, column: Column[Any]) -> None:
    """Let a text column of SQL Server take a text of any length."""
    wide: Column[Any] = Column(column.name, Unicode())
    _alter(connection, table, "ALTER TABLE {table} ALTER COLUMN {column} {type} NULL", wide)


@contextmanager
def refusals(name: str) -> Iterator[None]:
    """What a database says against a target table ends the row, not the run. A fault of the database itself
    is none of the table: pyodbc calls most of Azure SQL's passing ones ProgrammingError (SQLSTATE 42000)."""
    try:
        yield
    except (ProgrammingError, IntegrityError, DataError) as error:
        if fault_of(error) not in (None, FORBIDDEN):
            raise
        raise _refused(name, error) from None
    except OperationalError as error:
        if not _sqlite_refuses(error):
            raise
        raise _refused(name, error) from None


def _alter(connection: Connection, table: Table, statement: str, column: Column[Any], now: str = "") -> None:
    prepared = connection.dialect.identifier_preparer
    escaped = "sp_rename" in statement
    filled = statement.format(
        table=prepared.format_table(table),
        column=prepared.quote(column.name),
        now=now if escaped else prepared.quote(now),
        type=column.type.compile(dialect=connection.dialect),
    )
    connection.execute(text(filled.replace(":", "\\:")))


def _same_family(has: TypeEngine[Any], wanted: TypeEngine[Any]) -> bool:
    for family in (Boolean, Date, Time, String):
        if isinstance(wanted, family):
            return isinstance(has, family)
    if isinstance(wanted, BigInteger):
        return isinstance(has, (Numeric, BigInteger)) and not isinstance(has, Float)
    if isinstance(wanted, Float):
        return isinstance(has, (Float, Numeric))
    if isinstance(wanted, Numeric):
        return isinstance(has, Numeric) and not isinstance(has, Float)
    return True


def _sqlite_refuses(error: OperationalError) -> bool:
    said = str(error.orig)
    return said.startswith(("no such", "error in", "cannot", "table", "near")) and "locked" not in said


def _refused(name: str, error: DBAPIError) -> RowError:
    kind = type(error.orig).__name__
    return RowError(
        f"target_table {name}: the database refuses it ({kind}); check rights on it, its constraints and "
        "indexes, or empty the cell",
        reason="target-table-refused",
    )


def _foreign(name: TargetName, why: str) -> RowError:
    return RowError(
        f"target_table {name.written} is there and not ours: {why}; choose another name, or drop it",
        reason="target-table-foreign",
    )
