"""Many rows at once into a table: new keys are inserted, known ones updated, in the caller's transaction.

What a dialect can do is a record: how rows get to the server, and the one statement that merges them.
SQLite merges as it inserts. PostgreSQL and SQL Server take the rows into a temporary table of the connection
first (COPY; an array of parameters), and merge from there in the order of the key, so that two writers of
the same keys wait for each other instead of blocking each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from types import MappingProxyType
from typing import Any

from sqlalchemy import Boolean, Connection, Dialect, Table
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeEngine

from pipeline.db.columns import ExactDecimal
from pipeline.db.connection import without_details
from pipeline.errors import RunError

Row = Sequence[Any]
Convert = Callable[[Any], Any]

_HELD = 10_000
"""Rows of one chunk where they are held in memory, because the driver takes a list of them."""
_BUFFERED = 2_000
"""Rows of one chunk where the driver keeps room for the longest text of a column in every row."""
_STREAMED = 250_000
"""Rows of one chunk where they are not: the server keeps them until they are merged."""


@dataclass(frozen=True, slots=True)
class Target:
    """The table and the columns that rows are given in; `key` and `rest` are the same columns apart."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    rest: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a dialect does with many rows. `stage`: makes the temporary table; `send`: takes rows to it (or
    merges them at once), and says how many; `merge` and `clear`: statements after that, where there is a
    temporary table. `chunk`: rows that are merged at a time."""

    chunk: int
    send: Callable[[Connection, Target, Iterable[Row]], int]
    stage: Callable[[Target], str] | None = None
    merge: Callable[[Target], str] | None = None
    clear: Callable[[Target], str] | None = None


def upsert(
    connection: Connection,
    table: Table,
    columns: Sequence[str],
    rows: Iterable[Row],
    *,
    chunk: int | None = None,
) -> int:
    """Insert `rows`, each a sequence in the order of `columns`, or update the row that has its primary key;
    returns how many rows there were.

    Rows are taken as they come, so memory does not grow with their number, and merged `chunk` at a time (by
    default what suits the dialect). No key may stand twice within a chunk. Raises what the driver raises, as
    SQLAlchemy wraps it.
    """
    able = capabilities(connection.dialect.name)
    target = _target(table, columns, connection)
    if able.stage is not None:
        connection.exec_driver_sql(able.stage(target))
    source = iter(_converted(table, columns, rows, connection))
    total = 0
    while sent := able.send(connection, target, islice(source, chunk or able.chunk)):
        if able.merge is not None and able.clear is not None:
            connection.exec_driver_sql(able.merge(target))
            connection.exec_driver_sql(able.clear(target))
        total += sent
    return total


def capabilities(dialect: str) -> Capabilities:
    """Raises RunError (`database-dialect`) for a dialect nobody has described."""
    try:
        return _DIALECTS[dialect]
    except KeyError:
        known = ", ".join(sorted(_DIALECTS))
        raise RunError(f"{dialect} cannot be written to; use {known}", reason="database-dialect") from None


def _target(table: Table, columns: Sequence[str], connection: Connection) -> Target:
    key = tuple(column.name for column in table.primary_key)
    missing = [name for name in key if name not in columns]
    if missing:
        raise ValueError(f"{table.name}: rows without {', '.join(missing)} have no key")
    quote = connection.dialect.identifier_preparer.quote
    return Target(
        name=table.name,
        columns=tuple(map(quote, columns)),
        key=tuple(map(quote, key)),
        rest=tuple(quote(name) for name in columns if name not in key),
    )


def _converted(
    table: Table, columns: Sequence[str], rows: Iterable[Row], connection: Connection
) -> Iterable[Row]:
    """Rows as the driver takes them; untouched where no column needs it."""
    found = [_converter(table.c[name].type, connection.dialect) for name in columns]
    converters = [(position, convert) for position, convert in enumerate(found) if convert is not None]
    return (_convert(row, converters) for row in rows) if converters else rows


def _converter(kind: TypeEngine[Any], dialect: Dialect) -> Convert | None:
    if isinstance(kind, Boolean) and (dialect.supports_native_boolean or dialect.name == "sqlite"):
        return None
    if isinstance(kind, ExactDecimal) and dialect.name in ("mssql", "sqlite"):
        return _digits
    return kind.dialect_impl(dialect).bind_processor(dialect)


def _digits(number: Decimal) -> str:
    """A decimal as text, which SQLite keeps and SQL Server reads exactly. In its arrays pyodbc rounds
    decimals to 28 digits, and refuses them where it cannot tell the scale of a temporary table's column."""
    return format(number, "f")


def _convert(row: Row, converters: Sequence[tuple[int, Convert]]) -> Row:
    cells = list(row)
    for position, convert in converters:
        if cells[position] is not None:
            cells[position] = convert(cells[position])
    return tuple(cells)


# --- SQLite -----------------------------------------------------------------------------------------


def _send_sqlite(connection: Connection, target: Target, rows: Iterable[Row]) -> int:
    marks = ", ".join("?" * len(target.columns))
    statement = (
        f"INSERT INTO {target.name} ({', '.join(target.columns)}) VALUES ({marks}) {_on_conflict(target)}"
    )
    return _send_list(connection, statement, rows)


def _send_list(connection: Connection, statement: str, rows: Iterable[Row]) -> int:
    listed = [tuple(row) for row in rows]
    if listed:
        connection.exec_driver_sql(statement, listed)
    return len(listed)


def _on_conflict(target: Target) -> str:
    key = ", ".join(target.key)
    if not target.rest:
        return f"ON CONFLICT ({key}) DO NOTHING"
    changes = ", ".join(f"{name} = excluded.{name}" for name in target.rest)
    return f"ON CONFLICT ({key}) DO UPDATE SET {changes}"


# --- PostgreSQL -------------------------------------------------------------------------------------


def _staged(target: Target) -> str:
    return f"staged_{target.name}"


def _stage_postgresql(target: Target) -> str:
    return (
        f"CREATE TEMPORARY TABLE IF NOT EXISTS {_staged(target)} "
        f"(LIKE {target.name} INCLUDING DEFAULTS) ON COMMIT DELETE ROWS"
    )


def _send_postgresql(connection: Connection, target: Target, rows: Iterable[Row]) -> int:
    """By COPY, which SQLAlchemy has no word for: its errors are wrapped here as SQLAlchemy would. In binary,
    which takes a quarter less time than text, and therefore by the types that the server has."""
    statement = f"COPY {_staged(target)} ({', '.join(target.columns)}) FROM STDIN (FORMAT BINARY)"
    types = _types_of(connection, target)
    driver = connection.connection.driver_connection
    assert driver is not None
    sent = 0
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            copy.set_types(types)
            write = copy.write_row
            for sent, row in enumerate(rows, start=1):  # noqa: B007
                write(row)
    except connection.dialect.loaded_dbapi.Error as error:
        raise _wrapped(connection, statement, error) from error
    return sent


def _types_of(connection: Connection, target: Target) -> list[int]:
    """The OIDs of the columns' types."""
    found = connection.exec_driver_sql(
        "SELECT quote_ident(attname), atttypid::int8 FROM pg_attribute "
        f"WHERE attrelid = to_regclass('{target.name}') AND attnum > 0 AND NOT attisdropped"
    )
    by_name = {name.strip('"'): kind for name, kind in found}
    return [by_name[name.strip('"')] for name in target.columns]


def _wrapped(connection: Connection, statement: str, error: Exception) -> Exception:
    dialect = connection.dialect
    lost = dialect.is_disconnect(error, connection.connection.driver_connection, None)  # type: ignore[arg-type]
    if lost:
        connection.invalidate(error)
    without_details(error)
    return DBAPIError.instance(
        statement, None, error, dialect.loaded_dbapi.Error, True, connection_invalidated=lost, dialect=dialect
    )


def _merge_postgresql(target: Target) -> str:
    columns = ", ".join(target.columns)
    return (
        f"INSERT INTO {target.name} ({columns}) SELECT {columns} FROM {_staged(target)} "
        f"ORDER BY {', '.join(target.key)} {_on_conflict(target)}"
    )


def _clear_postgresql(target: Target) -> str:
    return f"TRUNCATE {_staged(target)}"


# --- SQL Server -------------------------------------------------------------------------------------


def _stage_mssql(target: Target) -> str:
    """Without the identity of a column: the rows bring their keys along."""
    columns = ", ".join(target.columns)
    return (
        f"IF OBJECT_ID('tempdb..#{_staged(target)}') IS NULL "
        f"SELECT TOP 0 {columns} INTO #{_staged(target)} FROM {target.name} "
        f"UNION ALL SELECT TOP 0 {columns} FROM {target.name};"
    )


def _send_mssql(connection: Connection, target: Target, rows: Iterable[Row]) -> int:
    marks = ", ".join("?" * len(target.columns))
    statement = f"INSERT INTO #{_staged(target)} ({', '.join(target.columns)}) VALUES ({marks})"
    return _send_list(connection, statement, rows)


def _merge_mssql(target: Target) -> str:
    columns = ", ".join(target.columns)
    same = " AND ".join(f"t.{name} = s.{name}" for name in target.key)
    changes = ", ".join(f"t.{name} = s.{name}" for name in target.rest)
    update = f"WHEN MATCHED THEN UPDATE SET {changes} " if changes else ""
    values = ", ".join(f"s.{name}" for name in target.columns)
    return (
        f"MERGE INTO {target.name} WITH (HOLDLOCK) AS t USING #{_staged(target)} AS s ON {same} "
        f"{update}WHEN NOT MATCHED BY TARGET THEN INSERT ({columns}) VALUES ({values});"
    )


def _clear_mssql(target: Target) -> str:
    return f"TRUNCATE TABLE #{_staged(target)};"


_DIALECTS: Mapping[str, Capabilities] = MappingProxyType(
    {
        "sqlite": Capabilities(_HELD, _send_sqlite),
        "postgresql": Capabilities(
            _STREAMED, _send_postgresql, _stage_postgresql, _merge_postgresql, _clear_postgresql
        ),
        "mssql": Capabilities(_BUFFERED, _send_mssql, _stage_mssql, _merge_mssql, _clear_mssql),
    }
)
