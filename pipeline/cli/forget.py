"""`formpipe forget`: take away what is known of documents, and keep the counts."""

from __future__ import annotations

import re
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated

import typer
from rich.markup import escape

from pipeline.cli.console import Exit, err, out
from pipeline.cli.tables import Output, OutputOption, print_json
from pipeline.db import forgetting
from pipeline.db.forgetting import Criterion, Footprint
from pipeline.db.transactions import consult
from pipeline.orchestrator.forgetting import Forgotten, find, forget, row_of
from pipeline.orchestrator.survey import load_rows, require_known
from pipeline.types import FormType
from pipeline.wiring import App, open_app

_DAYS = {"d": 1, "w": 7, "y": 365}
_STILL_THERE = "What lies in the backlog is still there: remove it yourself."


def forget_documents(
    document: Annotated[
        str | None,
        typer.Argument(
            help="A path as status shows it, the end of one (a file's name), or an id.", show_default=False
        ),
    ] = None,
    form_type: Annotated[
        str | None, typer.Option("--form-type", "-f", help="Only of this form type.", show_default=False)
    ] = None,
    older_than: Annotated[
        str | None,
        typer.Option(
            "--older-than",
            metavar="AGE",
            help="Documents that ended (else: were first seen) so long ago: 400d, 12w, 2y; with --form-type.",
            show_default=False,
        ),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Every document of the form type; with --form-type and --yes.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    output: OutputOption = Output.TEXT,
) -> None:
    """Remove what is known of documents: values, parts, table cells, output files, items of further sinks,
    rows of the target table, who read them and when. Counts stay, and the next run does not score them again.

    The documents themselves stay in the backlog, and copies in the training folder: remove them there. One
    whose file changes later is a new document. Exit code 0: done, or nothing to do; 1: not all could go.
    """
    _require_one_way(document, form_type, older_than, everything, yes or dry_run)
    app = open_app()
    now = app.clock.now()
    validated = load_rows(app.sources)
    require_known(frozenset([form_type] if form_type else ()), validated)
    criterion = _criterion(app, document, form_type, older_than, now)
    row = row_of(validated, criterion.form_type)
    chosen = consult(app.database, lambda connection: forgetting.footprint(connection, criterion))
    if output is Output.TEXT:
        out.print(f"{escape(row.form_type)}: {_told(chosen, row)}")
    if dry_run or not chosen.documents or not (yes or _confirmed(chosen, output)):
        _end(criterion, chosen, None, dry_run, output)
        return
    done = forget(app, row, criterion, app.lease_terms())
    _end(criterion, chosen, done, dry_run, output)
    if done.error or not done.wiped:
        raise typer.Exit(Exit.ATTENTION)


# --- what was asked for -------------------------------------------------------------------------------


def _require_one_way(
    document: str | None, form_type: str | None, older_than: str | None, everything: bool, sure: bool
) -> None:
    if (document is not None) + (older_than is not None) + everything != 1:
        raise typer.BadParameter("name a document, or a form type with either --older-than or --all")
    if document is None and form_type is None:
        raise typer.BadParameter("say of which form type", param_hint="--form-type")
    if everything and not sure:
        raise typer.BadParameter("every document would go: say --yes, or --dry-run", param_hint="--all")


def _criterion(
    app: App, document: str | None, form_type: str | None, older_than: str | None, now: datetime
) -> Criterion:
    if document is not None:
        found = find(app.database, document, form_type)
        return Criterion(found.form_type, "one document", document_id=found.id)
    if older_than is not None:
        return Criterion(form_type or "", f"older than {older_than}", before=before(older_than, now))
    return Criterion(form_type or "", "all")


def before(age: str, now: datetime) -> datetime:
    """The time that lies an age (`400d`, `12w`, `2y` of 365 days) before now. Raises BadParameter."""
    read = re.fullmatch(r"([1-9][0-9]{0,5})([dwy])", age)
    if read is None:
        raise typer.BadParameter("write days, weeks or years: 400d, 12w, 2y", param_hint="--older-than")
    try:
        return now - timedelta(days=int(read[1]) * _DAYS[read[2]])
    except OverflowError:
        raise typer.BadParameter("nothing is as old as that", param_hint="--older-than") from None


def _confirmed(chosen: Footprint, output: Output) -> bool:
    """A program that reads JSON cannot be asked: it says --yes."""
    return output is Output.TEXT and typer.confirm(
        f"Forget {_number(chosen.documents, 'document')} for good?"
    )


# --- answers ------------------------------------------------------------------------------------------


def _end(
    criterion: Criterion, chosen: Footprint, done: Forgotten | None, dry_run: bool, output: Output
) -> None:
    gone = done.gone if done else Footprint()
    error = done.error if done else None
    if output is Output.JSON:
        answer = {"form_type": criterion.form_type, "criterion": criterion.said, "dry_run": dry_run}
        counts = {"chosen": asdict(chosen), "forgotten": asdict(gone)}
        print_json(
            answer | counts | {"error": error.reason if error else None, "wiped": not done or done.wiped}
        )
        return
    if error is not None:
        err.print(f"[red]not all forgotten[/red] {escape(str(error))} [dim]({error.reason})[/dim]")
    if done and not done.wiped:
        err.print(
            "[yellow]not wiped yet[/yellow] another program reads the database, so its log still holds old "
            "pages: end it, and give the command again"
        )
    if not gone.documents:
        out.print("Dry run: nothing was forgotten." if dry_run else "Nothing was forgotten.")
        return
    out.print(f"[green]{_number(gone.documents, 'document')} forgotten.[/green] {_STILL_THERE}")


def _told(chosen: Footprint, row: FormType) -> str:
    files = f"up to {_number(chosen.read, 'output file')}" if row.output_folder is not None else ""
    parts = [
        _number(chosen.documents, "document"),
        _number(chosen.pages, "page"),
        _number(chosen.values, "value"),
        _number(chosen.cells, "table cell") if chosen.cells else "",
        files,
        _number(chosen.deliveries, "item") + " of further sinks" if chosen.deliveries else "",
    ]
    return ", ".join(filter(None, parts))


def _number(count: int, what: str) -> str:
    return f"1 {what}" if count == 1 else f"{count:,} {what}s"
