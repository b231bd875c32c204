"""The database's clock, which all machines that share a database go by."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine, text

from pipeline.db.transactions import consult

NOW = {
    "sqlite": "(julianday('now') - 2440587.5) * 86400.0",
    "postgresql": "extract(epoch FROM clock_timestamp())::float8",
    "mssql": "CAST(DATEDIFF_BIG(microsecond, '1970-01-01', SYSUTCDATETIME()) AS float) / 1000000.0E0",
}
"""Seconds since 1970 when the statement runs. PostgreSQL's now() would be when the transaction began."""


def database_time(connection: Connection) -> datetime:
    """What time it is, in UTC, by the database's clock."""
    seconds = connection.scalar(text(f"SELECT {NOW[connection.dialect.name]}"))
    return datetime.fromtimestamp(float(seconds or 0), UTC)


class DatabaseClock:
    """Time by the database's clock without asking it each time: asked once, then counted on by this process's
    monotonic clock, so that a machine whose own clock is wrong, or is set while it works, agrees with the
    others. `sync` asks again. Usable from several threads."""

    def __init__(self, database: Engine, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._monotonic = monotonic
        self._read: tuple[datetime, float] | None = None

    def now(self) -> datetime:
        """UTC. Raises what `transactions.consult` raises, where the database was not asked yet."""
        told, at = self._read or self._ask()
        return told + timedelta(seconds=self._monotonic() - at)

    def sync(self) -> None:
        """Ask the database again."""
        self._ask()

    def _ask(self) -> tuple[datetime, float]:
        before = self._monotonic()
        told = consult(self._database, database_time)
        self._read = (told, (before + self._monotonic()) / 2)
        return self._read
