"""Open a database: one SQLAlchemy engine per URL, with what each dialect needs to be safe."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import URL, Connection, Engine, ExceptionContext, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from pipeline.db.input_sizes import size_texts
from pipeline.db.sign_in import SignIn, sign_in_by
from pipeline.errors import RunError

BUSY_SECONDS = 30
CONNECT_SECONDS = 30
"""Azure SQL asks for 30: a database that pauses or moves answers late (Microsoft Learn, "Troubleshoot
transient connection errors")."""
RECYCLE_SECONDS = 1500
"""Azure's gateway drops connections that are idle for 30 minutes."""
ODBC_DRIVER = "ODBC Driver 18 for SQL Server"
_READS = "formpipe_reads"
_DRIVERS = {
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "mssql": "mssql+pyodbc",
}


def open_database(url: str, sign_in: SignIn | None = None) -> Engine:
    """An engine for `url`; nothing is connected yet. `sign_in`: for URLs that hold no password.

    Raises RunError: `database-url` for a URL nobody understands, `database-driver` where the package or
    library of its driver is missing, `database-sign-in` where a file is to be signed in to.
    """
    parsed = understood(url)
    try:
        engine = _open(parsed)
    except NoSuchModuleError:
        raise _unknown_database(parsed.drivername) from None
    except ImportError as error:
        raise _missing_driver(parsed.get_backend_name(), error) from None
    except (ArgumentError, TypeError, ValueError) as error:
        raise _unusable(error) from None
    if sign_in is not None:
        sign_in_by(engine, sign_in)
    return engine


def understood(url: str) -> URL:
    """The URL as people write it, with the driver this program comes with. Raises RunError `database-url`."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise _unusable(error) from None
    parsed = parsed.set(drivername=_DRIVERS.get(parsed.drivername, parsed.drivername))
    return _with_odbc_options(parsed) if parsed.drivername == "mssql+pyodbc" else parsed


def _with_odbc_options(url: URL) -> URL:
    """What the driver needs where the URL does not say otherwise. LongAsMax: text over 4,000 characters is
    bound as nvarchar(max), not as the deprecated ntext. UseFMTONLY: `fast_executemany` learns the types of a
    temporary table's columns, which `sp_describe_undeclared_parameters` cannot tell, and does not cut text at
    255 characters (pyodbc wiki, "Tips and Tricks by Database Platform"). Encrypt is the driver's own
    default. A URL that names a data source or holds a whole connection string is left as it is."""
    if "odbc_connect" in url.query or not url.database:
        return url
    stated = {name.lower() for name in url.query}
    wanted = {"driver": ODBC_DRIVER, "Encrypt": "yes", "LongAsMax": "yes", "UseFMTONLY": "yes"}
    return url.update_query_dict(
        {name: value for name, value in wanted.items() if name.lower() not in stated}
    )


def _open(url: URL) -> Engine:
    backend = url.get_backend_name()
    if backend == "sqlite":
        return _open_sqlite(url)
    if url.drivername == "mssql+pyodbc":
        return _open_odbc(url)
    timeout = {"connect_timeout": CONNECT_SECONDS} if url.drivername == "postgresql+psycopg" else {}
    options = {key: value for key, value in timeout.items() if key not in url.query}
    engine = _open_server(url, connect_args=options)
    event.listen(engine, "handle_error", _without_values)
    return engine


def _open_server(url: URL, **options: Any) -> Engine:
    return create_engine(
        url, pool_pre_ping=True, pool_recycle=RECYCLE_SECONDS, hide_parameters=True, **options
    )


def without_details(error: BaseException) -> bool:
    """Take from an error of psycopg its details, which repeat the refused row; whether it had any."""
    told = getattr(getattr(error, "diag", None), "message_primary", None)
    if told is not None:
        error.args = (told,)
    return told is not None


def _without_values(context: ExceptionContext) -> None:
    """`hide_parameters` hides what was sent, not what the server says of it."""
    error, wrapped = context.original_exception, context.sqlalchemy_exception
    if without_details(error) and wrapped is not None:
        wrapped.args = (f"({type(error).__module__}.{type(error).__name__}) {error}", *wrapped.args[1:])


def _open_odbc(url: URL) -> Engine:
    """pyodbc's own pool is off: it would keep connections, and their tokens, beyond this one's."""
    import pyodbc

    pyodbc.pooling = False
    engine = _open_server(url, fast_executemany=True, connect_args={"timeout": CONNECT_SECONDS})
    size_texts(engine)
    return engine


def _open_sqlite(url: URL) -> Engine:
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS}, hide_parameters=True)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _unusable(error: Exception) -> RunError:
    return RunError(
        f"database_url cannot be used ({type(error).__name__}): set it in formpipe.toml, or "
        "FORMPIPE_DATABASE_URL, to something like sqlite:///formpipe.db or postgresql://USER@HOST/DATABASE",
        reason="database-url",
    )


def _unknown_database(drivername: str) -> RunError:
    return RunError(
        f"database_url names {drivername}, which nobody here speaks: what formpipe.toml or "
        "FORMPIPE_DATABASE_URL says begins with sqlite:///, postgresql:// or mssql://",
        reason="database-url",
    )


def _missing_driver(backend: str, error: ImportError) -> RunError:
    """pyodbc's wheel brings no libodbc: it is imported, and fails, only where the system has none."""
    if "libodbc" in str(error):
        told = (
            "pyodbc finds no libodbc: install unixODBC (Debian: apt-get install unixodbc) and Microsoft's "
            f"{ODBC_DRIVER}"
        )
    elif backend in ("postgresql", "mssql"):
        told = f"the driver for {backend} is not installed: pip install 'formpipe[{backend}]'"
    else:
        told = (
            f"the driver for {backend} is not installed ({error.name}): install it, or use another database"
        )
    return RunError(told, reason="database-driver")


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
