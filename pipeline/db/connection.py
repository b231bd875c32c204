"""Open a database: one SQLAlchemy engine per URL, with what each dialect needs to be safe."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from pipeline.errors import RunError

BUSY_SECONDS = 30
_READS = "formpipe_reads"


def open_database(url: str) -> Engine:
    """An engine for `url`; nothing is connected yet. Raises RunError for a URL nobody understands."""
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            return _open_sqlite(url)
        return create_engine(url, pool_pre_ping=True, hide_parameters=True)
    except (ArgumentError, ImportError) as error:
        raise RunError(
            f"database_url cannot be used ({type(error).__name__}): set FORMPIPE_DATABASE_URL to something "
            "like sqlite:///formpipe.db",
            reason="database-url",
        ) from None


def _open_sqlite(url: str) -> Engine:
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS}, hide_parameters=True)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


@contextmanager
def reading(database: Engine) -> Iterator[Connection]:
    """A connection that only reads: it waits for no writer, and no writer waits for it."""
    with database.connect() as connection:
        yield connection.execution_options(**{_READS: True})


def _begin_sqlite(connection: Connection) -> None:
    """A transaction that may write takes the write lock at once: one that reads first and writes later
    could fail for having started as a reader."""
    reads = connection.get_execution_options().get(_READS)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    """Foreign keys on, readers beside one writer, transactions begun by us, and nothing left in the file of
    what was deleted: field values are personal data."""
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA secure_delete = ON")
