"""`formpipe demo`: a small data lake, three parameter rows, and what a scheduled run does with them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from pydantic import SecretStr
from rich.markup import escape
from sqlalchemy import text

from pipeline.cli.console import out
from pipeline.cli.run import exit_code, print_summary
from pipeline.cli.running import carry_out
from pipeline.cli.tables import Output, print_table
from pipeline.db.connection import reading
from pipeline.db.views import view_name
from pipeline.errors import RunError
from pipeline.orchestrator.run import RunOptions
from pipeline.params import table
from pipeline.params.rules import validate
from pipeline.settings import Settings, load_settings
from pipeline.wiring import App, open_app, utc_now

_SHOWN_ROWS = 5
_SHOWN_COLUMNS = 6


def demo(
    folder: Annotated[Path, typer.Argument(help="Where to put it; made when missing.")] = Path("demo"),
    seed: Annotated[int, typer.Option(help="Another seed draws other documents.", min=0)] = 7,
) -> None:
    """Draw three form types, add a row for each, run, show the rows. The second time nothing is scored."""
    settings = _settings(folder)
    _draw(folder, settings, seed)
    app = open_app(settings, upgrade=True)
    _add_rows(app)
    summary = carry_out(app, RunOptions())
    print_summary(app, summary, Output.TEXT)
    _show_rows(app, folder)
    raise typer.Exit(exit_code(summary))


def _settings(folder: Path) -> Settings:
    database = SecretStr(f"sqlite:///{folder / 'formpipe.db'}")
    return load_settings(database_url=database, storage_root=folder / "lake")


def _draw(folder: Path, settings: Settings, seed: int) -> None:
    try:
        from pipeline.demo import write_lake
    except ImportError:
        raise RunError(
            "drawing forms needs one more package: pip install 'formpipe[demo]'", reason="demo-not-installed"
        ) from None
    marker = folder / "lake" / "truth.jsonl"
    if marker.exists():
        out.print(
            f"Using the lake in {escape(str(settings.storage_root))} (delete {folder} to start again).\n"
        )
        return
    out.print(f"Drawing a small data lake into {escape(str(settings.storage_root))} ...")
    manifest = write_lake(settings.storage_root, seed=seed)
    for form_type, backlog in manifest.backlog.items():
        training = len(manifest.training[form_type])
        out.print(f"  {form_type}: {training} training forms, {len(backlog)} documents in the backlog")
    out.print()


def _add_rows(app: App) -> None:
    from pipeline.demo import demo_rows

    with app.database.begin() as connection:
        there = {str(row["form_type"]) for row in table.read_rows(connection)}
        new = [row for row in demo_rows() if row["form_type"] not in there]
        validated = validate(new, [], app.services, utc_now().date())
        table.save(connection, validated.form_types)
    if new:
        out.print(f"Added {len(new)} rows to the parameter table (formpipe params list shows them).\n")


def _show_rows(app: App, folder: Path) -> None:
    from pipeline.demo import demo_rows

    names = [view_name(row["form_type"], app.database.dialect.name) for row in demo_rows()]
    query = f"SELECT * FROM {names[0]} LIMIT {_SHOWN_ROWS}"
    with reading(app.database) as connection:
        rows = connection.execute(text(query))
        columns = list(rows.keys())
        kept = [n for n, name in enumerate(columns) if name not in _PLUMBING][:_SHOWN_COLUMNS]
        found = [[row[n] for n in kept] for row in rows]
    out.print(f"\nThe rows, one table per form type. For example [bold]{query}[/bold]:\n")
    print_table([columns[n] for n in kept], found)
    out.print(
        f"\nLook for yourself:\n\n  sqlite3 -box {folder}/formpipe.db '{query}'\n"
        f"  also: {', '.join(names[1:])}\n\n"
        "Run `make demo` again: nothing is scored twice, and the plan says why."
    )


_PLUMBING = {"document_id", "pages", "model_version", "scored_at", "review", "outcome"}
