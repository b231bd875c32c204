"""Open a database: one SQLAlchemy engine per URL, with what each dialect needs to be safe."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from pipeline.errors import RunError

BUSY_SECONDS = 30


def open_database(url: str) -> Engine:
    """An engine for `url`; nothing is connected yet. Raises RunError for a URL nobody understands."""
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            return _open_sqlite(url, parsed.database)
        return create_engine(url, pool_pre_ping=True)
    except (ArgumentError, ImportError) as error:
        raise RunError(
            f"database_url cannot be used ({type(error).__name__}): set FORMPIPE_DATABASE_URL to something "
            "like sqlite:///formpipe.db",
            reason="database-url",
        ) from None


def _open_sqlite(url: str, database: str | None) -> Engine:
    if database and database != ":memory:":
        Path(database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    """Foreign keys on, readers beside one writer, and transactions begun by us (BEGIN IMMEDIATE: a
    transaction that reads first and writes later cannot fail for having started as a reader)."""
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
