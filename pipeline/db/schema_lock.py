"""One process at a time changes the schema; the others wait for it."""

from __future__ import annotations

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

SECONDS = 60.0
_POSTGRESQL_KEY = 7_203_914_551
"""Any number that no other program on the same database takes for a lock of its own."""


def wait_for_the_schema(connection: Connection, seconds: float = SECONDS) -> None:
    """Hold the schema until the transaction ends, and wait no longer than this for a table either. SQLite has
    it already: its transaction began IMMEDIATE.

    Raises the driver's error when another does not let go of it (`is_locked`).
    """
    milliseconds = round(seconds * 1000)
    dialect = connection.dialect.name
    if dialect == "postgresql":
        connection.execute(text(f"SET LOCAL lock_timeout = '{milliseconds}ms'"))
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_POSTGRESQL_KEY})"))
    elif dialect == "mssql":
        connection.exec_driver_sql(mssql_lock(milliseconds))


def mssql_lock(milliseconds: int) -> str:
    """Take the lock of the transaction on SQL Server.

    Source: Microsoft Learn, sp_getapplock: below 0 the lock was not granted, and without a transaction there
    is none to be had; SET IMPLICIT_TRANSACTIONS: a SELECT begins one when it reads a table; SET NOCOUNT: it
    outlives the batch, and while it is on no statement says how many rows it changed, as Alembic and leases
    ask.
    """
    return f"""\
SET NOCOUNT ON;
SET LOCK_TIMEOUT {milliseconds};
DECLARE @begun int, @answer int;
SELECT @begun = COUNT(*) FROM sys.schemas;
EXEC @answer = sp_getapplock @Resource = 'formpipe schema', @LockMode = 'Exclusive',
    @LockOwner = 'Transaction', @LockTimeout = {milliseconds};
SET NOCOUNT OFF;
IF @answer < 0
BEGIN;
    THROW 50001, 'formpipe: the schema is locked', 1;
END;
"""


def is_locked(error: DBAPIError) -> bool:
    """Whether another process holds what a change of the schema needs: SQLite's words, PostgreSQL's
    lock_not_available, SQL Server's lock request time out (1222) or our own THROW."""
    said = str(error.orig)
    ours = "database is locked" in said or "the schema is locked" in said or "(1222)" in said
    return ours or getattr(error.orig, "sqlstate", None) == "55P03"
