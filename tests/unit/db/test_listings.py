"""What the statements on listings are to a dialect that no test has a server of."""

from __future__ import annotations

from sqlalchemy.dialects import mssql

from pipeline.db import gone, listings


def compiled(statement: object) -> str:
    text = str(statement.compile(dialect=mssql.dialect()))  # type: ignore[attr-defined]
    return " ".join(text.split())


def test_sql_server_adds_only_what_is_not_there() -> None:
    said = compiled(listings._ADD_ABSENT)
    assert "INSERT INTO document" in said and "NOT (EXISTS (SELECT" in said
    assert "document WITH (UPDLOCK, HOLDLOCK)" in said
    assert "CAST(:b_size AS BIGINT)" in said


def test_sql_server_renews_row_by_row() -> None:
    said = compiled(listings._RENEW)
    assert "claimed_by=:claimed_by" in said
    assert "document.etag != :b_etag OR document.outcome = :outcome_1" in said


def test_sql_server_locks_what_it_empties() -> None:
    said = compiled(gone._emptiable("invoice", 0, 500, None))
    assert "TOP" in said and "WITH (UPDLOCK, ROWLOCK)" in said
    assert "LIMIT" not in said
