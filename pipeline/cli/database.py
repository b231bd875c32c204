"""`formpipe db`: the schema of the database."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from typing import Annotated

import typer
from sqlalchemy import Engine

from pipeline.cli.console import Exit, out
from pipeline.cli.tables import Output, OutputOption, print_json
from pipeline.db import schema
from pipeline.db.connection import understood
from pipeline.db.place import locate
from pipeline.settings import load_settings
from pipeline.wiring import open_settings_database

app = typer.Typer(no_args_is_help=True, help="Bring the database to the schema this program needs.")


class Dialect(StrEnum):
    """Databases whose DDL can be printed."""

    SQLITE = "sqlite"
    POSTGRESQL = "postgresql"
    MSSQL = "mssql"


@app.command(epilog="Example: formpipe db upgrade")
def upgrade() -> None:
    """Create or update the schema: every step, or none. Safe to repeat, and in several processes at once.

    Rows that a new rule would refuse are named; nothing is changed before they are mended.
    """
    engine = _open()
    before = schema.current_revision(engine)
    schema.upgrade(engine)
    after = schema.current_revision(engine)
    out.print(str(locate(engine.url)), markup=False)
    if before == after:
        out.print(f"schema {after}: current")
        return
    for step in schema.pending(before):
        out.print(f"{step.name}  {step.title}", markup=False)
    out.print(f"schema {after} (was {before or 'missing'})")


@app.command(
    context_settings={"ignore_unknown_options": True},  # -1 is an argument here
    epilog="Example: formpipe db downgrade -1; formpipe db downgrade 0003; formpipe db downgrade base",
)
def downgrade(
    revision: Annotated[str, typer.Argument(help="A revision, -1 for one step, or base.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do it without being asked.")] = False,
) -> None:
    """Undo steps of the schema. What the removed tables and columns held is lost; everything else stays."""
    engine = _open()
    if not yes:
        question = f"Undo the schema down to {revision}, with the data in it? ({locate(engine.url)})"
        typer.confirm(question, abort=True)
    schema.downgrade(engine, revision)
    out.print(f"schema {schema.current_revision(engine) or 'missing'}")


@app.command(epilog="Example: formpipe db status; formpipe db status --output json")
def status(output: OutputOption = Output.TEXT) -> None:
    """Where the schema stands: the database, its revision, and the steps it lacks. Exit code 1 when it is not
    current."""
    engine = _open()
    found, needed = schema.current_revision(engine), schema.head_revision()
    schema.require_known(found)
    pending = schema.pending(found)
    place = locate(engine.url)
    if output is Output.JSON:
        steps = [asdict(step) for step in pending]
        print_json({**asdict(place), "revision": found, "needed": needed, "pending": steps})
    else:
        out.print(str(place), markup=False)
        out.print(f"schema {found or 'missing'}; this program needs {needed}")
        for step in pending:
            out.print(f"pending {step.name}  {step.title}", markup=False)
    raise typer.Exit(Exit.OK if found == needed else Exit.ATTENTION)


@app.command(
    epilog="Example: formpipe db sql --dialect mssql > all.sql; formpipe db sql --dialect mssql --from 0002"
)
def sql(
    dialect: Annotated[
        Dialect | None,
        typer.Option(help="Whose SQL to print; without it, that of database_url.", show_default=False),
    ] = None,
    start: Annotated[
        str | None, typer.Option("--from", metavar="REVISION", help="The revision the database is at.")
    ] = None,
) -> None:
    """Print the schema as SQL for a DBA to read and run, without connecting: the whole of it, or with --from
    the way from a revision to the newest."""
    chosen = dialect.value if dialect else _dialect_of_settings()
    out.out(schema.render_sql(chosen, start), highlight=False)


def _dialect_of_settings() -> str:
    named = understood(load_settings().database_url.get_secret_value()).get_backend_name()
    if named not in tuple(Dialect):
        raise typer.BadParameter(f"database_url names {named}: say whose SQL", param_hint="--dialect")
    return named


def _open() -> Engine:
    return open_settings_database(load_settings())
