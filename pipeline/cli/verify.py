"""`formpipe verify`: prove that database and backlog agree."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated

import typer
from rich.markup import escape

from pipeline.cli.console import Exit, err, out
from pipeline.cli.tables import Output
from pipeline.orchestrator.survey import load_rows, require_known
from pipeline.params.rules import Validated
from pipeline.reports.verification import Counts, Difference
from pipeline.reports.verification import verify as differences_of
from pipeline.scoring.backlog import is_companion
from pipeline.wiring import open_app


def verify(
    form_type: Annotated[
        list[str] | None,
        typer.Option(
            "--form-type", "-f", help="Only this form type; may be given again.", show_default=False
        ),
    ] = None,
    output: Annotated[Output, typer.Option("--output", "-o", help="How to answer.")] = Output.TEXT,
) -> None:
    """Compare backlog, database and output files; print every difference. Exit code 0: none, 1: some."""
    app = open_app()
    chosen = frozenset(form_type or ())
    validated = load_rows(app.sources)
    require_known(chosen, validated)
    rows = [row for row in validated.form_types if not chosen or row.form_type in chosen]
    skipped = _skipped(validated, chosen)
    counts = Counts()
    found = differences_of(app.database, app.storages, rows, counts, ignored=is_companion)
    if output is Output.JSON:
        _print_json(found, counts, skipped)
    else:
        _print_text(found, counts, skipped)
    raise typer.Exit(Exit.ATTENTION if counts.differences or skipped else Exit.OK)


def _skipped(validated: Validated, chosen: frozenset[str]) -> list[str]:
    """Rows at fault: nobody knows where their backlog is."""
    return sorted(name for name in validated.faulty if not chosen or name in chosen)


def _print_text(found: Iterator[Difference], counts: Counts, skipped: list[str]) -> None:
    for each in found:
        out.print(
            f"[yellow]{each.kind}[/yellow] {escape(each.form_type)} {escape(each.path)}: "
            f"{escape(each.message)}"
        )
    for name in skipped:
        err.print(
            f"[red]not verified[/red] {escape(name)}: the row is at fault, see `formpipe params validate`"
        )
    out.print(
        f"{counts.files} files, {counts.documents} documents ({counts.pending} pending), "
        f"{counts.outputs} output files: "
        + ("no difference" if not counts.differences else f"{counts.differences} differences")
    )


def _print_json(found: Iterator[Difference], counts: Counts, skipped: list[str]) -> None:
    """One JSON object, written as it is found: there can be as many differences as documents."""
    typer.echo('{"differences": [', nl=False)
    for number, each in enumerate(found):
        typer.echo((",\n" if number else "\n") + json.dumps(asdict(each), ensure_ascii=False), nl=False)
    rest = {"counts": asdict(counts), "not_verified": skipped}
    typer.echo("\n], " + json.dumps(rest, ensure_ascii=False)[1:])
