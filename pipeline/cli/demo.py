"""`formpipe demo`: a small data lake, four parameter rows, and what a scheduled run does with them."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from pydantic import SecretStr
from rich.markup import escape

from pipeline.cli.console import out
from pipeline.cli.rows import read_view
from pipeline.cli.run import exit_code, print_summary
from pipeline.cli.running import carry_out
from pipeline.cli.tables import Output
from pipeline.db.views import view_name
from pipeline.errors import RunError
from pipeline.orchestrator.run_context import RunOptions
from pipeline.params import table
from pipeline.params.rules import validate
from pipeline.settings import CONFIG_FILE, Settings, load_settings
from pipeline.wiring import App, open_app, utc_now

_SHOWN_ROWS = 5
_URL = "FORMPIPE_DATABASE_URL"
_CONFIG = """\
# The demo as a project of its own: run formpipe in this folder.
database_url = "sqlite:///formpipe.db"
storage_root = "lake"
"""
_CONFIG_ELSEWHERE = """\
# The demo as a project of its own: set FORMPIPE_DATABASE_URL and run formpipe in this folder.
storage_root = "lake"
"""


def demo(
    folder: Annotated[Path, typer.Argument(help="Where to put it; made when missing.")] = Path("demo"),
    seed: Annotated[int, typer.Option(help="Another seed draws other documents.", min=0)] = 7,
    use_database: Annotated[
        bool,
        typer.Option(
            "--use-database",
            help=f"Use the database of {_URL} instead of a SQLite file in the folder. Its schema is brought "
            "up to date; other form types in it are left alone.",
        ),
    ] = False,
) -> None:
    """Draw three form types and a folder in which they lie mixed, add a row for each, run, show the rows.

    The second time nothing is scored."""
    settings = _settings(folder, use_database)
    again = (folder / "lake" / "truth.jsonl").exists()
    _draw(folder, settings, seed, again=again, config=_CONFIG_ELSEWHERE if use_database else _CONFIG)
    app = open_app(settings, upgrade=True)
    names = _add_rows(app)
    summary = carry_out(app, RunOptions(form_types=names))
    print_summary(app, summary, Output.TEXT)
    _show_rows(app, folder, again=again)
    raise typer.Exit(exit_code(summary))


def _settings(folder: Path, use_database: bool) -> Settings:
    """Only a database that was asked for is used: one that happens to be set may be the real one."""
    if not use_database:
        database = SecretStr(f"sqlite:///{folder / 'formpipe.db'}")
        return load_settings(database_url=database, storage_root=folder / "lake")
    if not os.environ.get(_URL):
        raise RunError(f"--use-database wants {_URL}: set it to the database to use", reason="database-url")
    return load_settings(storage_root=folder / "lake")


def _draw(folder: Path, settings: Settings, seed: int, *, again: bool, config: str) -> None:
    try:
        from pipeline.demo import write_lake
        from pipeline.demo.mixed import INBOX, LETTERS, write_mixed
    except ImportError:
        raise RunError(
            "drawing forms needs one more package: pip install 'formpipe[demo]'", reason="demo-not-installed"
        ) from None
    if again:
        out.print(
            f"Using the lake in {escape(str(settings.storage_root))} (delete {folder} to start again).\n"
        )
        return
    out.print(f"Drawing a small data lake into {escape(str(settings.storage_root))} ...")
    manifest = write_lake(settings.storage_root, seed=seed)
    (folder / CONFIG_FILE).write_text(config)
    for form_type, backlog in manifest.backlog.items():
        training = len(manifest.training[form_type])
        out.print(f"  {form_type}: {training} training forms, {len(backlog)} documents in the backlog")
    truth = write_mixed(settings.storage_root, seed=seed)
    letters = sum(name == LETTERS for name in truth.values())
    out.print(f"  {INBOX}: {len(truth) - letters} forms of all three and {letters} letters, mixed\n")


def _add_rows(app: App) -> frozenset[str]:
    """The demo's form types, and the router where there is a mixed folder; rows that are there stay as they
    are."""
    from pipeline.demo import demo_rows
    from pipeline.demo.mixed import router_row

    with app.database.begin() as connection:
        there = {str(row["form_type"]) for row in table.read_rows(connection)}
        rows = [*demo_rows(), *([router_row()] if _is_mixed(app) else [])]
        new = [row for row in rows if row["form_type"] not in there]
        validated = validate(new, [], app.services, utc_now().date())
        table.save(connection, validated.form_types)
    if new:
        out.print(f"Added {len(new)} rows to the parameter table (formpipe params list shows them).\n")
    return frozenset(str(row["form_type"]) for row in rows)


def _is_mixed(app: App) -> bool:
    return (app.settings.storage_root / "mixed.jsonl").exists()


def _show_rows(app: App, folder: Path, *, again: bool) -> None:
    from pipeline.demo import demo_rows

    names = [str(row["form_type"]) for row in demo_rows()]
    out.print(f"\nThe values of [bold]{names[0]}[/bold], from its view in the database:\n")
    read_view(app.database, names[0], _SHOWN_ROWS).print()
    program = Path(sys.argv[0])
    back = os.path.relpath(program, folder) if program.name == "formpipe" and program.exists() else "formpipe"
    query = f"SELECT * FROM {view_name(names[0], app.database.dialect.name)}"
    out.print(
        f"\nLook for yourself:\n\n  cd {escape(str(folder))}\n  {escape(back)} rows {names[-1]}\n"
        f"  {escape(back)} report --html report.html\n  {escape(back)} models show {names[0]}\n"
        f"  {escape(back)} status --unrouted\n"
        f"  {_in_sql(app, query)}\n"
    )
    out.print(
        "Nothing was scored twice: `formpipe plan` says why."
        if again
        else "Run it again: nothing is scored twice, and `formpipe plan` says why."
    )


def _in_sql(app: App, query: str) -> str:
    return f"sqlite3 -box formpipe.db '{query}'" if app.database.dialect.name == "sqlite" else f"{query};"
