"""What is sent to SQL Server when many rows are written at once."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sqlalchemy.dialects.mssql.pyodbc import MSDialect_pyodbc

from pipeline.db import bulk
from pipeline.db.tables import field_value
from tests.databases.tsql import tsql_faults

COLUMNS = ("part_id", "field", "occurrence", "source", "value_number", "review")
EXACT = Decimal("1234567890123456789012345678.0123456789")


class Listening:
    """A connection to SQL Server that only writes down."""

    def __init__(self) -> None:
        self.dialect = MSDialect_pyodbc()  # type: ignore[no-untyped-call]
        self.heard: list[tuple[str, Any]] = []

    def exec_driver_sql(self, statement: str, parameters: Any = None) -> None:
        self.heard.append((statement, parameters))


def test_rows_go_into_a_temporary_table_and_are_merged_from_there() -> None:
    connection: Any = Listening()
    assert bulk.upsert(connection, field_value, COLUMNS, [(1, "No", 0, "model", None, False)]) == 1
    statements = [statement for statement, _ in connection.heard]
    starts = ("IF OBJECT_ID", "INSERT INTO #staged_field_value", "MERGE INTO field_value", "TRUNCATE TABLE #")
    assert len(statements) == len(starts)
    assert all(statement.startswith(start) for statement, start in zip(statements, starts, strict=True))
    assert [tsql_faults(each) for each in statements] == [[]] * 4


def test_decimals_go_to_sql_server_as_text_for_its_driver_rounds_them() -> None:
    connection: Any = Listening()
    numbers = [EXACT, Decimal("-1E+3"), None]
    rows = [(1, "No", place, "model", number, True) for place, number in enumerate(numbers)]
    bulk.upsert(connection, field_value, COLUMNS, rows)
    (sent,) = [parameters for _, parameters in connection.heard if parameters]
    assert [row[4] for row in sent] == [str(EXACT), "-1000", None]
    assert [row[5] for row in sent] == [1, 1, 1]
