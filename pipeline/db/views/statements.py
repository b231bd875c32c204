"""The statements that make and drop views."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy import Connection, Dialect, Select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import ExecutableDDLElement
from sqlalchemy.sql.compiler import DDLCompiler

from pipeline.db.views.names import ensure_schema, quoted
from pipeline.db.views.stamp import Stamp, write_stamp
from pipeline.errors import RowError

LOCK_SECONDS = 30.0
"""How long a change of a view or a target table waits for those who read it."""

_DEPENDED_ON = "2BP01"
_LOCKED = "55P03"
"""PostgreSQL's dependent_objects_still_exist and lock_not_available."""

_LOCK_LIMITS = {
    "postgresql": ("SET LOCAL lock_timeout = {milliseconds}", "SET LOCAL lock_timeout TO DEFAULT"),
    "mssql": ("SET LOCK_TIMEOUT {milliseconds}", "SET LOCK_TIMEOUT -1"),
}


class CreateView(ExecutableDDLElement):
    """`CREATE VIEW ... AS`, with what the view says of itself in a comment."""

    def __init__(self, view: str, query: Select[Any], stamp: Stamp, clause: str = "CREATE VIEW") -> None:
        self.view = view
        self.query = query
        self.stamp = stamp
        self.clause = clause


@compiles(CreateView)
def _compile_create(element: CreateView, compiler: DDLCompiler, **_: Any) -> str:
    name = quoted(element.view, compiler.dialect)
    body = _body(element.query, compiler.dialect)
    return f"{element.clause} {name} AS /* {write_stamp(element.stamp)} */ {body}"


def _body(query: Select[Any], dialect: Dialect) -> str:
    """SQL Server looks for the tables of a view in the view's own schema first, where a form type may be
    called `document`, and then in `dbo`, whatever the user's default schema is: there they are named in
    full."""
    own = dialect.default_schema_name if dialect.name == "mssql" else None
    named: dict[str, Any] = (
        {"schema_translate_map": {None: own}, "render_schema_translate": True} if own else {}
    )
    return str(query.compile(dialect=dialect, compile_kwargs={"literal_binds": True}, **named))


def replace_view(connection: Connection, view: str, query: Select[Any], stamp: Stamp, *, grows: bool) -> None:
    """Make a view, or make it anew. `grows`: columns were added at its end and nothing else changed, which
    is all that PostgreSQL can do to a view that stands.

    Raises RowError: `view-in-use` where a view that must be dropped is what other objects stand on,
    `locked` where somebody reads it for too long.
    """
    ensure_schema(connection)
    with changing(connection, quoted(view, connection.dialect)):
        if connection.dialect.name == "mssql":
            connection.execute(CreateView(view, query, stamp, "CREATE OR ALTER VIEW"))
        else:
            _replace(connection, view, query, stamp, grows)


def drop_view(connection: Connection, view: str) -> None:
    """Drop a view if it is there. Raises RowError as `replace_view` does."""
    with changing(connection, quoted(view, connection.dialect)):
        _drop(connection, view)


@contextmanager
def changing(connection: Connection, name: str) -> Iterator[None]:
    """A change of a view or table that others may be reading: it does not wait for them for ever, and what
    keeps it from being made ends the row."""
    limit, no_limit = _LOCK_LIMITS.get(connection.dialect.name, ("", ""))
    if limit:
        connection.execute(text(limit.format(milliseconds=round(LOCK_SECONDS * 1000))))
    try:
        yield
    except DBAPIError as error:
        if connection.dialect.name == "mssql":  # its limit outlives the transaction
            with suppress(DBAPIError):
                connection.execute(text(no_limit))
        refusal = _refusal(error, name)
        if refusal is None:
            raise
        raise refusal from None
    if no_limit:
        connection.execute(text(no_limit))


def _replace(connection: Connection, view: str, query: Select[Any], stamp: Stamp, grows: bool) -> None:
    sqlite = connection.dialect.name == "sqlite"
    grants = [] if sqlite or grows else _grants(connection, view)
    if sqlite or not grows:
        _drop(connection, view)
    clause = "CREATE VIEW" if sqlite else "CREATE OR REPLACE VIEW"
    connection.execute(CreateView(view, query, stamp, clause))
    if not sqlite:
        name = quoted(view, connection.dialect)
        connection.exec_driver_sql(f"COMMENT ON VIEW {name} IS '{write_stamp(stamp)}'")
    for grant in grants:
        connection.execute(text(grant))


def _grants(connection: Connection, view: str) -> list[str]:
    """Statements that let others read the view again who may read it now: a drop takes that away."""
    name, quote = quoted(view, connection.dialect), connection.dialect.identifier_preparer.quote
    found = connection.execute(
        text(
            "SELECT grantee, privilege_type FROM information_schema.role_table_grants "
            "WHERE table_schema = 'forms' AND table_name = :view AND grantee <> current_user"
        ),
        {"view": view},
    )
    whom = [(row.privilege_type, row.grantee) for row in found]
    return [
        f"GRANT {privilege} ON {name} TO {role if role == 'PUBLIC' else quote(role)}"
        for privilege, role in whom
    ]


def _drop(connection: Connection, view: str) -> None:
    connection.execute(text(f"DROP VIEW IF EXISTS {quoted(view, connection.dialect)}"))


def _refusal(error: DBAPIError, name: str) -> RowError | None:
    state = getattr(error.orig, "sqlstate", None)
    if state == _DEPENDED_ON:
        return RowError(
            f"{name} must be made anew, and other objects stand on it: drop those, and make them again after "
            "the next run",
            reason="view-in-use",
        )
    if state == _LOCKED or "(1222)" in str(error.orig):
        return RowError(
            f"{name} must be altered, and somebody has been reading it in a transaction that does not end: "
            "run again when it has",
            reason="locked",
        )
    return None
