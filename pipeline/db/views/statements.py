"""The statements that make and drop views."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import ExecutableDDLElement
from sqlalchemy.sql.compiler import DDLCompiler

from pipeline.db.views.names import ensure_schema, quoted
from pipeline.db.views.stamp import Stamp, write_stamp
from pipeline.errors import RowError

_DEPENDED_ON = "2BP01"
"""PostgreSQL's dependent_objects_still_exist."""


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
    body = compiler.sql_compiler.process(element.query, literal_binds=True)
    return f"{element.clause} {name} AS /* {write_stamp(element.stamp)} */ {body}"


def replace_view(connection: Connection, view: str, query: Select[Any], stamp: Stamp, *, grows: bool) -> None:
    """Make a view, or make it anew. `grows`: columns were added at its end and nothing else changed, which
    is all that PostgreSQL can do to a view that stands.

    Raises RowError (`view-in-use`) where a view that must be dropped is what other objects stand on.
    """
    dialect = connection.dialect.name
    ensure_schema(connection)
    if dialect == "mssql":
        connection.execute(CreateView(view, query, stamp, "CREATE OR ALTER VIEW"))
        return
    if dialect == "sqlite" or not grows:
        drop_view(connection, view)
    clause = "CREATE VIEW" if dialect == "sqlite" else "CREATE OR REPLACE VIEW"
    connection.execute(CreateView(view, query, stamp, clause))
    if dialect == "postgresql":
        name = quoted(view, connection.dialect)
        connection.exec_driver_sql(f"COMMENT ON VIEW {name} IS '{write_stamp(stamp)}'")


def drop_view(connection: Connection, view: str) -> None:
    """Drop a view if it is there. Raises RowError (`view-in-use`) where others stand on it."""
    name = quoted(view, connection.dialect)
    try:
        connection.execute(text(f"DROP VIEW IF EXISTS {name}"))
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != _DEPENDED_ON:
            raise
        raise RowError(
            f"{name} must be made anew, and other objects stand on it: drop those, and make them again after "
            "the next run",
            reason="view-in-use",
        ) from None
