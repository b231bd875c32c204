"""Where a view stands: in the schema `forms`, or by a name that begins so where there are no schemas."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, Dialect, inspect, text

SCHEMA = "forms"
CELLS = "table_cells"
"""The last part of the view of a form type's table cells."""


def view_name(form_type: str, dialect: str) -> str:
    """The view of a form type as it is typed in a query; `dialect` is SQLAlchemy's name of it."""
    name = bare_name(form_type, dialect)
    return name if dialect == "sqlite" else f"{SCHEMA}.{name}"


def bare_name(view: str, dialect: str) -> str:
    """The name within its schema of a view called `<form type>` or `<form type>__<table>`."""
    return f"{SCHEMA}_{view}" if dialect == "sqlite" else view


def schema_of(dialect: str) -> str | None:
    """The schema that views stand in, None where a dialect has none."""
    return None if dialect == "sqlite" else SCHEMA


def cells_view(form_type: str) -> str:
    """The view of the cells of all tables of a form type."""
    return f"{form_type}__{CELLS}"


def quoted(view: str, dialect: Dialect) -> str:
    """The view's whole name for a statement."""
    name = dialect.identifier_preparer.quote(bare_name(view, dialect.name))
    return name if dialect.name == "sqlite" else f"{SCHEMA}.{name}"


def all_views(connection: Connection) -> list[str]:
    """Every view where ours stand, by its name without what comes before."""
    dialect = connection.dialect.name
    start = bare_name("", dialect)
    there = inspect(connection).get_view_names(schema=schema_of(dialect))
    return sorted(name.removeprefix(start) for name in there if name.startswith(start))


def views_of(connection: Connection, form_type: str) -> list[str]:
    """Every view that stands for a form type, its own first."""
    return list(own_views(form_type, all_views(connection)))


def own_views(form_type: str, views: Iterable[str]) -> Iterable[str]:
    """Those of `views` that belong to the form type: `a___b` is a table of `a_`, not of `a`."""
    prefix = f"{form_type}__"
    for view in views:
        table = view.removeprefix(prefix)
        if view == form_type or (table != view and not table.startswith("_")):
            yield view


def ensure_schema(connection: Connection) -> None:
    """Make the schema of the views. Runs that come to it at the same time wait for each other."""
    if connection.dialect.name == "mssql":
        connection.execute(text("IF SCHEMA_ID('forms') IS NULL EXEC('CREATE SCHEMA forms')"))
    elif connection.dialect.name == "postgresql":
        there = "SELECT 1 FROM pg_namespace WHERE nspname = 'forms'"
        if connection.scalar(text(there)) is None:
            connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('formpipe schema forms'))"))
            connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
