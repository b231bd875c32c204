"""`formpipe verify`: prove that database and backlog agree."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import chain
from typing import Annotated

import typer
from rich.markup import escape

from pipeline.cli.console import Exit, err, out
from pipeline.cli.tables import Output
from pipeline.orchestrator.repair import Repaired, SinkVerifier
from pipeline.orchestrator.survey import load_rows, require_known
from pipeline.params.rules import Validated
from pipeline.printable import escaped
from pipeline.reports.verification import Counts, Difference
from pipeline.reports.verification import verify as differences_of
from pipeline.scoring.backlog import is_companion
from pipeline.wiring import App, open_app


def verify(
    form_type: Annotated[
        list[str] | None,
        typer.Option(
            "--form-type", "-f", help="Only this form type; may be given again.", show_default=False
        ),
    ] = None,
    repair: Annotated[
        bool,
        typer.Option("--repair", help="Send to further sinks what they lack, take away what is left over."),
    ] = False,
    output: Annotated[Output, typer.Option("--output", "-o", help="How to answer.")] = Output.TEXT,
) -> None:
    """Compare backlog, database, output files and further sinks; print every difference.

    Exit code 0: none (or none any more), 1: some. Without --repair nothing is changed.
    """
    app = open_app()
    chosen = frozenset(form_type or ())
    validated = load_rows(app.sources)
    require_known(chosen, validated)
    rows = [row for row in validated.form_types if not chosen or row.form_type in chosen]
    skipped = _skipped(validated, chosen)
    counts = Counts()
    sinks = _verifier(app, repair)
    found = chain(
        differences_of(app.database, app.storages, rows, counts, ignored=is_companion),
        sinks.differences(rows, counts),
    )
    if output is Output.JSON:
        _print_json(found, counts, skipped, sinks.repaired)
    else:
        _print_text(found, counts, skipped, sinks.repaired)
    troubled = any(each.trouble for each in sinks.repaired)
    left = counts.differences - counts.mended
    raise typer.Exit(Exit.ATTENTION if left or troubled or skipped else Exit.OK)


def _verifier(app: App, repair: bool) -> SinkVerifier:
    terms = app.lease_terms() if repair else None
    return SinkVerifier(app.database, app.sinks, app.clock.now, terms)


def _skipped(validated: Validated, chosen: frozenset[str]) -> list[str]:
    """Rows at fault: nobody knows where their backlog is."""
    return sorted(name for name in validated.faulty if not chosen or name in chosen)


def _print_text(
    found: Iterator[Difference], counts: Counts, skipped: list[str], repaired: Sequence[Repaired]
) -> None:
    for each in found:
        out.print(
            f"[yellow]{each.kind}[/yellow] {escape(each.form_type)} {escape(each.path)}: "
            f"{escape(each.message)}"
        )
    for name in skipped:
        err.print(
            f"[red]not verified[/red] {escape(name)}: the row is at fault, see `formpipe params validate`"
        )
    for done in repaired:
        how = "[yellow]not all repaired[/yellow]" if done.trouble else "[green]repaired[/green]"
        out.print(f"{how} {escape(done.form_type)} {escape(_repair(done))}")
    out.print(
        f"{_number(counts.files, 'file')}, {_number(counts.documents, 'document')} "
        f"({counts.pending} pending), "
        + (f"{counts.forgotten} forgotten, " if counts.forgotten else "")
        + _number(counts.outputs, "output file")
        + (f", {_number(counts.items, 'item')} of further sinks: " if counts.items else ": ")
        + ("no difference" if not counts.differences else _number(counts.differences, "difference"))
        + (f", {counts.mended} mended" if counts.mended else "")
    )


def _number(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _repair(done: Repaired) -> str:
    text = f"{done.sink}: {done.sent} sent, {done.removed} taken away"
    return f"{text}; {done.trouble}" if done.trouble else text


def _print_json(
    found: Iterator[Difference], counts: Counts, skipped: list[str], repaired: Sequence[Repaired]
) -> None:
    """One JSON object, written as it is found: there can be as many differences as documents."""
    typer.echo('{"differences": [', nl=False)
    for number, each in enumerate(found):
        typer.echo(
            (",\n" if number else "\n") + escaped(json.dumps(asdict(each), ensure_ascii=False)), nl=False
        )
    rest = {
        "counts": asdict(counts),
        "repaired": [asdict(done) for done in repaired],
        "not_verified": skipped,
    }
    typer.echo("\n], " + escaped(json.dumps(rest, ensure_ascii=False))[1:])
