"""pyodbc through a real ODBC driver: what the program's statements need of one. PostgreSQL's and SQLite's
drivers stand in for Microsoft's, which has no server here."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, make_url, text
from sqlalchemy.exc import DBAPIError

from pipeline.db.connection import open_database
from pipeline.db.faults import fault_of
from pipeline.db.input_sizes import LONGEST_INLINE, SQL_WVARCHAR, input_sizes
from pipeline.db.transactions import transact
from pipeline.errors import RunError
from tests.databases.postgresql import Postgresql

pyodbc: Any = pytest.importorskip("pyodbc", reason="no libodbc on this machine", exc_type=ImportError)

ROWS = [
    (1, "é漢😀" * 100, "x" * 3900, Decimal("12345678901234567890.1234567890"), date(1600, 2, 29)),
    (2, "", None, None, None),
    (3, None, "", Decimal("-0.5"), date(9999, 12, 31)),
    (4, "'; DROP TABLE t; --", "a\nb\tc\\", Decimal("0"), date(1, 1, 1)),
]
INSERT = "INSERT INTO t VALUES (?, ?, ?, ?, ?)"


def _driver(*names: str) -> str:
    found = [name for name in pyodbc.drivers() if name in names]
    if not found:
        pytest.skip(f"no ODBC driver of {', '.join(names)} on this machine")
    return str(found[0])


@pytest.fixture
def through_postgresql(postgresql: Postgresql) -> Iterator[Any]:
    driver = _driver("PostgreSQL Unicode", "PostgreSQL Unicode(x64)")
    url = postgresql.create(with_schema=False)
    name = make_url(url).database
    pyodbc.pooling = False
    connection = pyodbc.connect(
        f"DRIVER={{{driver}}};Server={postgresql.socket};Port=5432;Database={name};UID=postgres", timeout=10
    )
    cursor = connection.cursor()
    cursor.execute(
        "CREATE TABLE t (n integer PRIMARY KEY, s varchar(2000), x text, d numeric(30, 10), a date)"
    )
    connection.commit()
    yield connection
    connection.close()
    postgresql.drop(url)


@pytest.mark.parametrize("fast", [False, True])
def test_rows_come_back_as_they_went(through_postgresql: Any, fast: bool) -> None:
    """Long unicode, NULL apart from empty, exact decimals, dates of any century."""
    cursor = through_postgresql.cursor()
    cursor.fast_executemany = fast
    cursor.setinputsizes(input_sizes(ROWS))
    cursor.executemany(INSERT, ROWS)
    through_postgresql.commit()
    assert [tuple(row) for row in cursor.execute("SELECT * FROM t ORDER BY n")] == ROWS


def test_many_rows_at_once_are_refused_by_a_driver_that_knows_no_sizes(through_postgresql: Any) -> None:
    """Why the sizes are told: this is what a temporary table on SQL Server does too."""
    cursor = through_postgresql.cursor()
    cursor.fast_executemany = True
    with pytest.raises(pyodbc.Error, match="truncation"):
        cursor.executemany(INSERT, ROWS)


def test_a_batch_that_fails_leaves_nothing(through_postgresql: Any) -> None:
    cursor = through_postgresql.cursor()
    rows = [(number, "x", None, None, None) for number in (1, 2, 3, 2)]
    cursor.fast_executemany = True
    cursor.setinputsizes(input_sizes(rows))
    with pytest.raises(pyodbc.IntegrityError) as raised:
        cursor.executemany(INSERT, rows)
    through_postgresql.rollback()
    assert cursor.execute("SELECT count(*) FROM t").fetchval() == 0
    assert fault_of(DBAPIError(INSERT, None, raised.value)) is None


def test_a_database_that_does_not_answer_is_known_by_its_state(postgresql: Postgresql) -> None:
    driver = _driver("PostgreSQL Unicode", "PostgreSQL Unicode(x64)")
    with pytest.raises(pyodbc.Error) as raised:
        pyodbc.connect(f"DRIVER={{{driver}}};Server=127.0.0.1;Port=1;Database=x;UID=me", timeout=5)
    fault = fault_of(DBAPIError("connect", None, raised.value))
    assert fault is not None and fault.reason == "database-unreachable"


def test_a_driver_that_is_not_installed_is_named() -> None:
    engine = open_database("mssql://me:hush@127.0.0.1:1/x?driver=No+Such+Driver")
    with pytest.raises(RunError, match="ODBC Driver 18") as raised:
        transact(engine, lambda connection: connection.execute(text("SELECT 1")), attempts=1)
    assert raised.value.reason == "database-driver"
    assert "hush" not in str(raised.value) + str(raised.value.__cause__)


def test_a_sqlite_file_through_its_driver(tmp_path: Path) -> None:
    """One row at a time: this driver takes no arrays."""
    driver = _driver("SQLite3")
    connection = pyodbc.connect(f"DRIVER={{{driver}}};Database={tmp_path / 'a.db'}")
    cursor = connection.cursor()
    cursor.execute("CREATE TABLE t (n integer PRIMARY KEY, s varchar(2000), x text, d text, a date)")
    rows = [(n, s, x, None if d is None else str(d), a) for n, s, x, d, a in ROWS]
    cursor.executemany(INSERT, rows)
    connection.commit()
    assert [tuple(row) for row in cursor.execute("SELECT * FROM t ORDER BY n")] == rows
    connection.close()


class _Cursor:
    """Records what SQL Server's dialect does with a driver's cursor."""

    description = None
    rowcount = -1

    def __init__(self, calls: list[tuple[str, Any]]) -> None:
        self.calls = calls

    def setinputsizes(self, sizes: Any) -> None:
        self.calls.append(("sizes", sizes))

    def executemany(self, statement: str, rows: Any) -> None:
        self.calls.append(("rows", (getattr(self, "fast_executemany", False), statement, rows)))

    def close(self) -> None:
        return None


class _Connection:
    def __init__(self) -> None:
        self.calls: list[tuple[str, Any]] = []

    def cursor(self) -> _Cursor:
        return _Cursor(self.calls)

    def __getattr__(self, _: str) -> Any:
        return lambda *_, **__: None


def test_the_engine_of_a_sql_server_tells_the_sizes_before_it_sends_an_array() -> None:
    engine, connection = open_database("mssql://me@host/forms"), _Connection()
    event.listen(engine, "do_connect", lambda *_: connection)
    engine.dialect.initialize = lambda _: None  # type: ignore[method-assign,assignment]
    with engine.connect() as opened_connection:
        opened_connection.exec_driver_sql("INSERT INTO #t VALUES (?, ?)", [(1, "ab"), (2, "x" * 300)])
    assert connection.calls[-2:] == [
        ("sizes", [None, (SQL_WVARCHAR, 300, 0)]),
        ("rows", (True, "INSERT INTO #t VALUES (?, ?)", [(1, "ab"), (2, "x" * 300)])),
    ]


def test_sizes_are_counted_in_utf_16_and_very_long_texts_go_apart() -> None:
    rows = [("a😀", "x" * (LONGEST_INLINE + 1), None, "", 1), (None, "y", None, None, "1")]
    assert input_sizes(rows) == [(SQL_WVARCHAR, 3, 0), (SQL_WVARCHAR, 0, 0), None, (SQL_WVARCHAR, 1, 0), None]
