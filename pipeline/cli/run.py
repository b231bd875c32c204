"""`formpipe run` and `retry`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from sqlalchemy.exc import SQLAlchemyError

from pipeline.cli.console import Exit, out
from pipeline.cli.crew import ExecutorOption, MasterOption, crew_settings
from pipeline.cli.limits import MaxCost, MaxMinutes, MaxPages, MaxTrainRuns, run_limits
from pipeline.cli.plan import FormTypes, Rescore
from pipeline.cli.running import carry_out
from pipeline.cli.tables import Output, OutputOption, print_json, say_faults
from pipeline.db import documents, runs
from pipeline.db.connection import reading
from pipeline.db.faults import ended_by
from pipeline.errors import FormpipeError, place_of
from pipeline.logs import redact
from pipeline.orchestrator.run_context import RunOptions, RunSummary
from pipeline.orchestrator.survey import load_rows, require_known
from pipeline.reports import text
from pipeline.reports.run_summary import failed_summary, run_summary
from pipeline.reports.summary import build_report
from pipeline.wiring import App, open_app

MetricsFile = Annotated[
    Path | None,
    typer.Option(
        "--metrics-file", help="File for Prometheus' node exporter; ends in .prom.", show_default=False
    ),
]


def run(
    form_type: FormTypes = None,
    rescore: Rescore = False,
    max_pages: MaxPages = None,
    max_cost: MaxCost = None,
    max_train_runs: MaxTrainRuns = None,
    max_minutes: MaxMinutes = None,
    executor: ExecutorOption = None,
    master: MasterOption = None,
    metrics_file: MetricsFile = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Train what changed, score what is new, upsert the values, report. Safe to repeat and to stop."""
    with told_as_json(output):
        settings = crew_settings(executor, master)
        file = metrics_file or settings.prometheus_file
        app = open_app(settings.model_copy(update={"prometheus_file": file}))
        limits = run_limits(app.settings, max_pages, max_cost, max_train_runs, max_minutes)
        summary = carry_out(app, RunOptions(frozenset(form_type or ()), rescore), limits)
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
    if output is Output.JSON:
        with reading(app.database) as connection:
            code, faults, troubles = exit_code(summary), summary.faults, summary.troubles
            told = run_summary(connection, summary.run_id, exit_code=code, faults=faults, troubles=troubles)
        print_json(told, one_line=True)
        return
    with reading(app.database) as connection:
        report = build_report(connection, summary.run_id)
    out.print(text.render(report), soft_wrap=False)
    say_faults(summary.faults)


@contextmanager
def told_as_json(output: Output) -> Iterator[None]:
    """A run that fails as a whole is told on standard output too, where a program reads; the error goes on
    to whoever ends the command."""
    try:
        yield
    except Exception as error:
        if output is Output.JSON:
            named = ended_by(error) if isinstance(error, SQLAlchemyError) else error
            print_json(_failure(named or error), one_line=True)
        raise


def _failure(error: Exception) -> dict[str, object]:
    """Errors of libraries are told by kind and place: their texts may hold anything."""
    if isinstance(error, FormpipeError):
        return failed_summary(error.reason, redact(str(error)), exit_code=Exit.IMPOSSIBLE)
    bug = f"a bug: {type(error).__name__} at {place_of(error)}; please report it"
    return failed_summary("unexpected-error", bug, exit_code=Exit.ATTENTION)


def exit_code(summary: RunSummary) -> Exit:
    """0: all well; 1: a row or a document needs a person; 130: stopped."""
    if summary.state == "stopped":
        return Exit.INTERRUPTED
    failed = any(row.state == "failed" or row.dead for row in summary.rows)
    return Exit.ATTENTION if failed or summary.faults or summary.troubles else Exit.OK
