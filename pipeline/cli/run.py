"""`formpipe plan`, `run` and `retry`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.markup import escape

from pipeline.cli.console import Exit, err, out
from pipeline.cli.running import carry_out
from pipeline.cli.tables import Output, OutputOption, print_faults, print_json, print_table
from pipeline.db import documents, runs
from pipeline.db.connection import reading
from pipeline.orchestrator.plan import RowPlan, make_plan
from pipeline.orchestrator.run_context import RunOptions, RunSummary
from pipeline.orchestrator.survey import load_rows, require_known, survey
from pipeline.outlets import obstacles
from pipeline.params.service_notes import service_notes
from pipeline.params.sink_notes import sink_notes
from pipeline.reports import text
from pipeline.reports.summary import build_report, to_json
from pipeline.types import Fault, Finding, FormType
from pipeline.wiring import App, open_app, utc_now

FormTypes = Annotated[
    list[str] | None,
    typer.Option("--form-type", "-f", help="Only this form type; may be given again.", show_default=False),
]
Rescore = Annotated[
    bool, typer.Option("--rescore", help="Also score again what another model version scored.")
]


def plan(form_type: FormTypes = None, rescore: Rescore = False, output: OutputOption = Output.TEXT) -> None:
    """What a run would do, and why. Nothing is changed. Exit code 0: nothing to do, 10: something."""
    app = open_app()
    chosen = frozenset(form_type or ())
    validated = load_rows(app.sources)
    require_known(chosen, validated)
    plans = make_plan(survey(app.sources, validated.form_types, chosen), rescore=rescore)
    faults = [fault for fault in validated.faults if not chosen or fault.row in chosen]
    notes = _notes(app, [row for row in validated.form_types if not chosen or row.form_type in chosen])
    if output is Output.JSON:
        rows = [asdict(each) | {"work": each.work} for each in plans]
        told = {"faults": [asdict(fault) for fault in faults], "notes": [asdict(note) for note in notes]}
        print_json({"rows": rows} | told)
    else:
        _print_plan(plans)
        _say_faults(faults)
        for note in notes:
            out.print(f"[yellow]note[/yellow] {escape(note.subject)}: {escape(note.message)}")
    if any(each.work for each in plans):
        raise typer.Exit(Exit.WORK)
    raise typer.Exit(Exit.ATTENTION if faults or any(each.obstacle for each in plans) else Exit.OK)


def _notes(app: App, rows: Sequence[FormType]) -> list[Finding]:
    """What is to be known of the services and sinks that these rows use."""
    services = service_notes(rows, app.services, utc_now().date(), app.settings.service_tier)
    return [*services, *sink_notes(rows, obstacles(app.settings))]


def run(form_type: FormTypes = None, rescore: Rescore = False, output: OutputOption = Output.TEXT) -> None:
    """Train what changed, score what is new, upsert the values, report. Safe to repeat and to stop."""
    app = open_app()
    summary = carry_out(app, RunOptions(frozenset(form_type or ()), rescore))
    print_summary(app, summary, output)
    raise typer.Exit(exit_code(summary))


def retry(
    form_type: Annotated[str, typer.Option("--form-type", "-f", help="The form type to try again.")],
    reason: Annotated[
        str | None, typer.Option("--reason", help="Only documents that ended for this reason.")
    ] = None,
    outcome: Annotated[
        str, typer.Option("--outcome", help="Documents that ended like this: dead or partial.")
    ] = "dead",
) -> None:
    """Make documents pending again that ended dead or partial; the next run scores them."""
    if outcome not in ("dead", "partial"):
        raise typer.BadParameter("must be dead or partial", param_hint="--outcome")
    app = open_app()
    require_known(frozenset([form_type]), load_rows(app.sources))
    with app.database.begin() as connection:
        count = documents.reset(connection, form_type, outcomes=[outcome], reason=reason)
        count += documents.hurry(connection, form_type, reason=reason)
        runs.record(connection, "retry", now=app.clock.now(), form_type=form_type, count=count, reason=reason)
    out.print(f"{count} documents of {escape(form_type)} are pending again: `formpipe run` scores them.")


def print_summary(app: App, summary: RunSummary, output: Output) -> None:
    """The report of a run that just ended."""
    with reading(app.database) as connection:
        report = build_report(connection, summary.run_id)
    if output is Output.JSON:
        print_json(to_json(report) | {"faults": [asdict(fault) for fault in summary.faults]})
        return
    out.print(text.render(report), soft_wrap=False)
    _say_faults(summary.faults)


def exit_code(summary: RunSummary) -> Exit:
    """0: all well; 1: a row or a document needs a person; 130: stopped."""
    if summary.state == "stopped":
        return Exit.INTERRUPTED
    failed = any(row.state == "failed" or row.dead for row in summary.rows)
    return Exit.ATTENTION if failed or summary.faults or summary.troubles else Exit.OK


def _say_faults(faults: Sequence[Fault]) -> None:
    if faults:
        err.print("[red]Rows at fault were left out:[/red]")
        print_faults(faults, err)


def _print_plan(plans: tuple[RowPlan, ...]) -> None:
    if not plans:
        out.print("No form type yet: `formpipe params add --help` shows how to add one.")
        return
    columns = ("form type", "model", "because", ">documents", ">pages", "backlog")
    print_table(columns, (_line(each) for each in plans))
    if any(each.documents for each in plans):
        out.print(
            "\nPages are an estimate (documents times the mean so far, or one each): "
            "nobody has counted those of new documents.",
            style="dim",
        )


def _line(plan: RowPlan) -> tuple[Any, ...]:
    pages = f"~{plan.pages}" if plan.documents else "0"
    why = plan.obstacle or plan.training_reason
    return (plan.form_type, plan.training, why, plan.documents, pages, plan.reason)
