"""What is written for SQL Server is T-SQL, as far as that can be told without one."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest

from pipeline.db.schema_lock import mssql_lock
from tests.databases.tsql import parses_as_tsql, tsql_faults, with_parameters

SQL = Path(__file__).parents[3] / "sql" / "mssql"
FILES = sorted(path.name for path in SQL.glob("*.sql"))


@pytest.mark.parametrize("name", FILES)
def test_every_file_for_sql_server_is_t_sql(name: str) -> None:
    assert parses_as_tsql((SQL / name).read_text(encoding="utf-8"))


def test_the_files_are_there() -> None:
    assert {"schema.sql", "sample_form_types.sql", "update_model_id.sql"} <= set(FILES)


def test_the_lock_of_an_upgrade_is_t_sql() -> None:
    assert parses_as_tsql(mssql_lock(60_000))


def test_the_lock_of_an_upgrade_leaves_the_counts_of_rows_on() -> None:
    settings = re.findall(r"SET NOCOUNT (ON|OFF)", mssql_lock(60_000))
    assert settings[-1] == "OFF"


# --- the check itself ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT id FROM document LIMIT 1",
        "SELECT id FROM document ORDER BY id LIMIT 10 OFFSET 5",
        "INSERT INTO lease (name) VALUES (?) ON CONFLICT (name) DO NOTHING",
        "INSERT INTO lease (name) VALUES (?) ON CONFLICT (name) DO UPDATE SET holder = excluded.holder",
        "INSERT INTO lease (name) VALUES (?) RETURNING name",
        "CREATE TABLE t (a INT NOT NULL b INT)",
        "CREATE VIEW IF NOT EXISTS v AS SELECT 1 AS a",
        "SELECT a::int FROM t",
        "SELECT a || b FROM t",
        "SELECT a FROM t WHERE review = true",
        "SELECT a FROM t WHERE review IS NOT FALSE",
        "MERGE t AS x USING s ON x.id = s.id WHEN MATCHED UPDATE SET a = 1;",
        "MERGE INTO t USING s ON t.id = s.id WHEN MATCHED THEN UPDATE SET a = 1",
    ],
)
def test_what_sql_server_would_refuse_is_found(statement: str) -> None:
    assert tsql_faults(statement)
    with pytest.raises(AssertionError):
        parses_as_tsql(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT TOP 1 id FROM document WHERE path = ? AND etag = :etag",
        "SELECT id FROM document ORDER BY id OFFSET 5 ROWS FETCH NEXT 10 ROWS ONLY",
        "SELECT 'ON CONFLICT || ::' AS a, 1 AS [LIMIT 1] FROM t /* RETURNING a */",
        "DELETE FROM field_value WHERE part_id IN (__[POSTCOMPILE_part_id_1]) AND source = 'model'",
        "MERGE INTO t WITH (HOLDLOCK) USING s ON t.id = s.id WHEN MATCHED THEN UPDATE SET a = s.a "
        "WHEN NOT MATCHED THEN INSERT (a) VALUES (s.a);",
    ],
)
def test_what_it_takes_is_not(statement: str) -> None:
    assert parses_as_tsql(statement)


def test_parameters_are_put_in_where_parameters_stand() -> None:
    statement = "SELECT '12:30?' AS [a:b?], \":x\" /* :y? */ FROM t WHERE a = :a AND b IN (?, %(c)s) -- :z"
    assert with_parameters(statement) == (
        "SELECT '12:30?' AS [a:b?], \":x\" /* :y? */ FROM t WHERE a = @p1 AND b IN (@p2, @p3) -- :z"
    )


# --- the procedure ------------------------------------------------------------------------------------

PROCEDURE = (SQL / "update_model_id.sql").read_text(encoding="utf-8")


def test_the_procedure_is_called_as_it_always_was() -> None:
    assert re.search(r"CREATE OR ALTER PROCEDURE update_model_id\s+@form_batch_group_id\s", PROCEDURE)
    [body] = re.findall(r"\bAS\nBEGIN\n(.*)\nEND;\n\nGO\n\Z", PROCEDURE, re.DOTALL)
    assert body.split()[:6] == ["SET", "NOCOUNT", "ON;", "SET", "XACT_ABORT", "ON;"]
    empty, written, counted = (body.index(part) for part in ("THROW 50001", "UPDATE", "@@ROWCOUNT = 0"))
    assert empty < written < counted < body.index("THROW 50002")


def test_the_update_of_the_procedure_writes_every_row_of_the_group(database_file: sqlite3.Connection) -> None:
    """Its UPDATE is SQL that SQLite understands, parameters with `@` included."""
    [update] = re.findall(r"UPDATE form_type.*?;", PROCEDURE, re.DOTALL)

    def written(group: str) -> set[str]:
        database_file.execute("UPDATE form_type SET model_id = NULL")
        found = database_file.execute(update, {"form_batch_group_id": group, "model_id": " m-1 "})
        rows = database_file.execute("SELECT form_type FROM form_type WHERE model_id = 'm-1'").fetchall()
        assert found.rowcount == len(rows)
        return {row[0] for row in rows}

    assert written("orders") == {"orders", "orders_archive"}
    assert written(" invoices ") == {"invoices"}
    assert written("shared") == {"left", "right"}
    assert written("orders_archive") == set(), "a row with a group id is no group of its own"
    assert written("nobody") == set()
    assert written("") == set()


@pytest.fixture
def database_file() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE form_type (form_type, form_batch_group_id, model_id)")
    rows = [("orders", None), ("orders_archive", "orders"), ("invoices", " "), ("left", "shared")]
    connection.executemany("INSERT INTO form_type VALUES (?, ?, NULL)", [*rows, ("right", "shared")])
    return connection
