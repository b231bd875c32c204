"""One process at a time changes the schema; the others wait for it."""

from __future__ import annotations

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from pipeline.errors import RunError

_SECONDS = 60
_POSTGRESQL_KEY = 7_203_914_551
"""Any number that no other program on the same database takes for a lock of its own."""

_POSTGRESQL = (f"SET LOCAL lock_timeout = '{_SECONDS}s'", f"SELECT pg_advisory_xact_lock({_POSTGRESQL_KEY})")

MSSQL = f"""\
SET NOCOUNT ON;
SET LOCK_TIMEOUT {_SECONDS * 1000};
DECLARE @answer int;
EXEC @answer = sp_getapplock @Resource = 'formpipe schema', @LockMode = 'Exclusive',
    @LockOwner = 'Transaction', @LockTimeout = {_SECONDS * 1000};
IF @answer < 0
BEGIN;
    THROW 50001, 'formpipe: another process changes the schema', 1;
END;
"""
"""Source: Microsoft Learn, sp_getapplock: below 0 the lock was not granted."""


def wait_for_the_schema(connection: Connection) -> None:
    """Hold the schema until the transaction ends. SQLite has it already: its transaction began IMMEDIATE.

    Raises RunError (`schema-locked`) when another process does not let go of it.
    """
    statements = {"postgresql": _POSTGRESQL, "mssql": (MSSQL,)}.get(connection.dialect.name, ())
    try:
        for statement in statements:
            connection.execute(text(statement))
    except DBAPIError as error:
        raise RunError(
            f"another process has been changing the schema for {_SECONDS} seconds: wait for it, or end it",
            reason="schema-locked",
        ) from error
