"""What SQL Server is told about views and target tables, read by a T-SQL parser."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import create_mock_engine
from sqlalchemy.dialects import mssql
from sqlalchemy.exc import DataError, IntegrityError, OperationalError, ProgrammingError
from sqlalchemy.schema import CreateTable

from pipeline.db import target_tables
from pipeline.db.target_statements import stale, too_long, unshown, upsert
from pipeline.db.target_tables import TargetName, refusals, table_of
from pipeline.db.views import ViewColumn, definition
from pipeline.db.views.query import cells_query, item_query
from pipeline.db.views.stamp import Stamp
from pipeline.db.views.statements import CreateView, replace_view
from pipeline.errors import RowError
from pipeline.types import FieldSpec
from tests.databases.tsql import tsql_faults

TSQL = mssql.dialect()  # type: ignore[no-untyped-call]
COLUMNS = (
    ViewColumn("no", "No", "text"),
    ViewColumn("order_value", "order", "words"),
    ViewColumn("Select", "s", "number"),
    ViewColumn("金額", "金額", "integer"),
    ViewColumn("due", "Due", "date"),
    ViewColumn("at", "At", "time"),
    ViewColumn("paid", 'it\'s "paid" */ ?', "mark"),
    ViewColumn("no_confidence", "No", "confidence"),
)
PARTS = tuple(ViewColumn(name, "", "part") for name in ("part", "doc_type", "first_page", "last_page"))
TABLE = table_of(TargetName("marts.Order"), (*COLUMNS, *PARTS))


def said(statement: Any) -> str:
    return str(statement.compile(dialect=TSQL, compile_kwargs={"literal_binds": True}))


class Listening:
    """What would be sent to SQL Server."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.connection: Any = create_mock_engine("mssql+pyodbc://", self._hear)  # type: ignore[arg-type]

    def _hear(self, statement: Any, *_: Any, **__: Any) -> None:
        self.heard.append(str(statement.compile(dialect=TSQL)))


def test_views_parse() -> None:
    fields = [FieldSpec("No"), FieldSpec("n", "integer"), FieldSpec("it's", "selectionMark")]
    sql = definition("order", fields, TSQL)
    assert sql.startswith("CREATE VIEW forms.[order] AS /* {")
    item = CreateView("order__lines", item_query("order", "lines", COLUMNS, "mssql"), Stamp(COLUMNS, "x"))
    cells = CreateView("order__table_cells", cells_query("order"), Stamp((), "x"))
    assert [tsql_faults(each) for each in (sql, said(item), said(cells))] == [[], [], []]


def test_a_view_names_the_schema_of_its_tables_where_one_of_the_views_could_be_meant() -> None:
    dialect = mssql.dialect()  # type: ignore[no-untyped-call]
    dialect.default_schema_name = "app"
    sql = definition("document", [FieldSpec("No")], dialect)
    assert "FROM app.document LEFT OUTER JOIN app.part ON app.part.document_id = app.document.id" in sql
    assert "app.field_value AS v ON v.part_id = app.part.id" in sql
    assert tsql_faults(sql) == []


def test_a_view_is_made_or_altered_by_one_statement() -> None:
    listening = Listening()
    replace_view(listening.connection, "order", cells_query("order"), Stamp(COLUMNS, "x"), grows=False)
    schema, limit, view, no_limit = listening.heard
    assert (limit, no_limit) == ("SET LOCK_TIMEOUT 30000", "SET LOCK_TIMEOUT -1")
    assert "CREATE SCHEMA forms" in schema
    assert view.startswith("CREATE OR ALTER VIEW forms.[order] AS")
    assert tsql_faults(view) == []


def test_a_target_table_has_types_that_an_index_takes() -> None:
    sql = said(CreateTable(TABLE)).strip()
    assert tsql_faults(sql) == []
    assert "[Select] NUMERIC(38, 10)" in sql
    assert "no NVARCHAR(4000)" in sql
    assert "IDENTITY" not in sql
    assert "PRIMARY KEY (document_id, part)" in sql


@pytest.mark.parametrize("some", [True, False])
def test_rows_are_merged(some: bool) -> None:
    statement = upsert(TABLE, "order", "mssql", some=some)
    sql = said(statement.bindparams(ids=[1, 2]) if some else statement)  # type: ignore[attr-defined]
    assert sql.startswith("MERGE INTO marts.[Order] WITH (HOLDLOCK) AS target")
    assert "ON (target.document_id = source.document_id AND target.part = source.part)" in sql
    assert ("FROM forms.[order] WHERE document_id IN (1, 2))" in sql) is some
    assert tsql_faults(sql) == []


def test_a_colon_in_the_name_of_a_column_is_no_parameter() -> None:
    table = table_of(TargetName("x"), [ViewColumn("due :ids at :noon", "Due", "text")])
    sql = str(upsert(table, "order", "mssql").compile(dialect=TSQL))  # type: ignore[attr-defined]
    assert "[due :ids at :noon] = source.[due :ids at :noon]" in sql


def test_what_is_asked_before_and_after_a_merge_parses() -> None:
    statements = [
        unshown(TABLE, "order", TABLE.c.document_id.in_([1, 2])),
        stale(TABLE, "order"),
        too_long(["No"], [1]),
        too_long(["No"], None),
    ]
    assert [tsql_faults(said(each)) for each in statements] == [[]] * 4


def test_columns_are_added_renamed_retyped_and_widened() -> None:
    listening = Listening()
    connection, column = listening.connection, TABLE.c["Select"]
    target_tables.add_column(connection, TABLE, column)
    target_tables.rename_column(connection, TABLE, "old", column)
    target_tables.rename_column(connection, TABLE, "a.b", column)
    target_tables.retype_column(connection, TABLE, column)
    target_tables.widen_column(connection, TABLE, TABLE.c["no"])
    assert listening.heard == [
        "ALTER TABLE marts.[Order] ADD [Select] NUMERIC(38, 10) NULL",
        "EXEC sp_rename N'marts.[Order].old', N'Select', 'COLUMN'",
        "EXEC sp_rename N'marts.[Order].[a.b]', N'Select', 'COLUMN'",
        "UPDATE marts.[Order] SET [Select] = NULL",
        "ALTER TABLE marts.[Order] ALTER COLUMN [Select] NVARCHAR(4000) NULL",
        "ALTER TABLE marts.[Order] ALTER COLUMN [Select] NUMERIC(38, 10) NULL",
        "ALTER TABLE marts.[Order] ALTER COLUMN no NVARCHAR(max) NULL",
    ]
    assert [tsql_faults(each) for each in listening.heard] == [[]] * 7


@pytest.mark.parametrize("kind", [ProgrammingError, IntegrityError, DataError])
def test_what_a_target_table_refuses_ends_its_row(kind: type[Exception]) -> None:
    with pytest.raises(RowError) as caught, refusals("marts.x"):
        raise kind("INSERT secret", {}, ValueError("secret"))  # type: ignore[call-arg]
    assert caught.value.reason == "target-table-refused"
    assert "marts.x" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_database_that_fails_is_no_refusal() -> None:
    with pytest.raises(OperationalError), refusals("marts.x"):
        raise OperationalError("INSERT", {}, ValueError("database is locked"))


@pytest.mark.parametrize(
    ("number", "kind"),
    [(40613, "a database that moves"), (1105, "a disk that is full")],
    ids=lambda x: str(x),
)
def test_a_fault_that_pyodbc_calls_a_programming_error_is_no_refusal(number: int, kind: str) -> None:
    original = type("Error", (Exception,), {"__module__": "pyodbc"})
    told = f"[42000] [Microsoft][ODBC Driver 18 for SQL Server][SQL Server]{kind} ({number}) (SQLExecDirectW)"
    with pytest.raises(ProgrammingError), refusals("marts.x"):
        raise ProgrammingError("MERGE", {}, original("42000", told))


def test_a_missing_permission_on_a_target_table_ends_its_row() -> None:
    original = type("Error", (Exception,), {"__module__": "pyodbc"})
    told = "[42000] [Microsoft][ODBC Driver 18 for SQL Server][SQL Server]denied (229) (SQLExecDirectW)"
    with pytest.raises(RowError), refusals("marts.x"):
        raise ProgrammingError("MERGE", {}, original("42000", told))
