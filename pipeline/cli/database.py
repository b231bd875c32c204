"""`formpipe db`: the schema of the database."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from pipeline.cli.console import Exit, out
from pipeline.db import schema
from pipeline.db.connection import open_database
from pipeline.settings import load_settings

app = typer.Typer(no_args_is_help=True, help="Bring the database to the schema this program needs.")


class Dialect(StrEnum):
    """Databases whose DDL can be printed."""

    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"
    MSSQL = "mssql"


@app.command(epilog="Example: formpipe db upgrade")
def upgrade() -> None:
    """Create or update the schema. Safe to repeat."""
    engine = open_database(load_settings().database_url.get_secret_value())
    before = schema.current_revision(engine)
    schema.upgrade(engine)
    after = schema.current_revision(engine)
    out.print(
        f"schema {after} (was {before or 'missing'})" if before != after else f"schema {after}: current"
    )


@app.command(epilog="Example: formpipe db downgrade base")
def downgrade(revision: Annotated[str, typer.Argument(help="A revision, -1 for one step, or base.")]) -> None:
    """Undo migrations. What the removed tables held is lost."""
    engine = open_database(load_settings().database_url.get_secret_value())
    typer.confirm(f"Undo the schema down to {revision}, with the data in it?", abort=True)
    schema.downgrade(engine, revision)
    out.print(f"schema {schema.current_revision(engine) or 'missing'}")


@app.command(epilog="Example: formpipe db status")
def status() -> None:
    """Where the schema stands. Exit code 1 when it is not current."""
    engine = open_database(load_settings().database_url.get_secret_value())
    found, needed = schema.current_revision(engine), schema.head_revision()
    out.print(f"{found or 'missing'}; this program needs {needed}")
    raise typer.Exit(Exit.OK if found == needed else Exit.ATTENTION)


@app.command(epilog="Example: formpipe db sql --dialect mssql > schema.sql")
def sql(
    dialect: Annotated[Dialect, typer.Option(help="Whose SQL to print.")] = Dialect.SQLITE,
) -> None:
    """Print the whole schema as SQL, without connecting, for a DBA to read and run."""
    out.out(schema.render_sql(dialect.value), highlight=False)
