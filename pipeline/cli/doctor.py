"""`formpipe doctor`: everything that stands in the way of a row, before anything is spent on it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from difflib import get_close_matches
from itertools import islice
from typing import Annotated, Any

import typer
from rich.markup import escape

from pipeline.cli.console import Exit, out
from pipeline.cli.machine import Check, check_machine
from pipeline.cli.tables import Output, OutputOption, print_json
from pipeline.errors import FormpipeError
from pipeline.orchestrator.survey import require_known
from pipeline.outlets import obstacles
from pipeline.params import table
from pipeline.params.service_notes import service_notes
from pipeline.params.sink_notes import sink_notes
from pipeline.service_checks import check_service
from pipeline.settings import load_settings
from pipeline.training.inspection import inspect
from pipeline.training.layouts import layouts_to_make
from pipeline.training.membership import group_rows
from pipeline.training.records import TrainingFolder
from pipeline.training.tier_notes import tier_notes
from pipeline.types import Fault, Finding, FormType
from pipeline.wiring import App, open_app, open_settings_database

_COLOURS = {"ok": "green", "warning": "yellow", "error": "red"}


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was found about one form type; `training` is None where the row cannot be read that far.
    `layouts`: training forms that are to be read before the model is trained."""

    form_type: str
    faults: tuple[Fault, ...] = ()
    training: TrainingFolder | None = None
    findings: tuple[Finding, ...] = ()
    layouts: int = 0

    @property
    def healthy(self) -> bool:
        return not self.faults and not any(finding.severity == "error" for finding in self.findings)


def doctor(
    form_types: Annotated[
        list[str] | None, typer.Argument(help="Form types to look at; all of them without one.")
    ] = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Check the machine, the rows and their training folders, and say what to do. Changes nothing.

    Exit code 0: nothing in the way; 1: something is.
    """
    settings = load_settings()
    database = open_settings_database(settings)
    checks = list(check_machine(settings, database))
    diagnoses: list[Diagnosis] = []
    if all(check.severity != "error" for check in checks if check.name == "database"):
        today = datetime.now(UTC).date()
        diagnoses = list(diagnose(open_app(settings), form_types or [], today))
    if output is Output.JSON:
        print_json({"machine": [asdict(check) for check in checks], "rows": list(map(_json, diagnoses))})
    else:
        _print(checks, diagnoses)
    if any(check.severity == "error" for check in checks) or not all(d.healthy for d in diagnoses):
        raise typer.Exit(Exit.ATTENTION)


def diagnose(app: App, names: Sequence[str], today: date) -> Iterator[Diagnosis]:
    """Look at these rows, or at all. A folder that a group shares is read once. Raises RunError
    `unknown-form-type` for a name that is no row."""
    with app.database.begin() as connection:
        validated = table.load(connection, app.services, today)
    require_known(frozenset(names), validated)
    faults = _by_row(validated.faults)
    for row, found in faults.items():
        if not names or row in names:
            yield Diagnosis(row, tuple(found))
    for rows in group_rows(validated.form_types).values():
        wanted = [row for row in rows if not names or row.form_type in names]
        if wanted:
            yield from _diagnose_group(app, rows, wanted)


def _by_row(faults: Iterable[Fault]) -> dict[str, list[Fault]]:
    rows: dict[str, list[Fault]] = {}
    for fault in faults:
        rows.setdefault(fault.row, []).append(fault)
    return rows


def _diagnose_group(app: App, rows: Sequence[FormType], wanted: Sequence[FormType]) -> Iterator[Diagnosis]:
    leader = rows[0]
    try:
        folder = inspect(app.storages.of(leader.secrets.training), leader, app.services[leader.engine], rows)
    except FormpipeError as error:
        finding = Finding("error", error.reason, leader.training_container, str(error))
        for row in wanted:
            found = (finding, *_outside(app, row), *_check_backlog(app, row))
            yield Diagnosis(row.form_type, findings=_once(found))
        return
    service = app.services[leader.engine]
    notes = tuple(tier_notes(folder, service, app.settings.service_tier))
    layouts = len(layouts_to_make(folder, service, leader.api_version))
    for row in wanted:
        found = (*folder.findings, *notes, *_outside(app, row), *_check_backlog(app, row))
        yield Diagnosis(row.form_type, (), folder, _once(found), layouts)


def _once(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """What stands in the way of several things (a vault that is away) is told once."""
    told = {(finding.code, finding.message): finding for finding in reversed(list(findings))}
    return tuple(reversed(told.values()))


def _outside(app: App, row: FormType) -> Iterator[Finding]:
    """What is known of the services and sinks that the row names, and what services and storage say."""
    now = datetime.now(UTC)
    yield from service_notes([row], app.services, now.date(), app.settings.service_tier)
    yield from sink_notes([row], obstacles(app.settings))
    yield from check_service(app, row, now)


_LOOKED_AT = 20_000
"""Names of a container that are looked at for a folder that was meant."""


def _check_backlog(app: App, row: FormType) -> Iterator[Finding]:
    """A container that is not there is an error; a folder without a file may be waiting for its first."""
    try:
        storage = app.storages.of(row.secrets.scoring)
        if next(storage.list(row.scoring_container, row.scoring_folder), None) is not None:
            return
        names = islice((blob.path for blob in storage.list(row.scoring_container)), _LOOKED_AT)
        meant = nearest_folder(row, names)
    except FormpipeError as error:
        yield Finding("error", error.reason, row.scoring_container, str(error))
        return
    todo = (
        f"did you mean {meant}? Then set scoring_input_blob_folder to it."
        if meant
        else "put forms there, or set scoring_input_blob_folder to where they are."
    )
    subject = f"{row.scoring_container}/{row.scoring_folder}"
    yield Finding("warning", "backlog-empty", subject, f"There is no file under it: {todo}")


def nearest_folder(row: FormType, paths: Iterable[str]) -> str | None:
    """The folder of these blobs whose name is most like that of the row's backlog, if one is like it at all;
    never one that the row uses for something else."""
    other = {row.training_folder, row.evaluation_folder, row.output_folder}
    folders = {folder for path in paths for folder in _folders(path)} - other
    found = get_close_matches(row.scoring_folder, sorted(folders), n=1, cutoff=0.8)
    return found[0] if found else None


def _folders(path: str) -> Iterator[str]:
    """`a/`, `a/b/` of `a/b/c.pdf`."""
    end = path.find("/")
    while end >= 0:
        yield path[: end + 1]
        end = path.find("/", end + 1)


# --- answers ------------------------------------------------------------------------------------------


def _json(diagnosis: Diagnosis) -> dict[str, Any]:
    folder = diagnosis.training
    return {
        "form_type": diagnosis.form_type,
        "healthy": diagnosis.healthy,
        "faults": [asdict(fault) for fault in diagnosis.faults],
        "findings": [asdict(finding) for finding in diagnosis.findings],
        "training": folder and _training_json(folder, diagnosis.layouts),
    }


def _training_json(folder: TrainingFolder, layouts: int) -> dict[str, Any]:
    return {
        "folder": f"{folder.container}/{folder.prefix}",
        "documents": len(folder.documents),
        "learned_from": len(folder.trained),
        "layouts_to_make": layouts,
        "fields": [{"name": spec.name, "type": spec.type} for spec in folder.fields],
        "fingerprint": folder.fingerprint,
    }


def _print(checks: Sequence[Check], diagnoses: Sequence[Diagnosis]) -> None:
    out.print("[bold]This machine[/bold]")
    for check in checks:
        _print_line(check.severity, check.name, check.message, check.remedy)
    for diagnosis in diagnoses:
        out.print(f"\n[bold]{escape(diagnosis.form_type)}[/bold]{_size(diagnosis)}")
        for fault in diagnosis.faults:
            message = f"{fault.value!r} is not allowed ({fault.allowed})"
            _print_line("error", fault.column, message, fault.remedy)
        for finding in diagnosis.findings:
            _print_line(finding.severity, finding.code, f"{finding.subject}: {finding.message}")
        if not diagnosis.faults and not diagnosis.findings:
            _print_line("ok", "training set", "nothing in the way")
    out.print(verdict(checks, diagnoses))


def _print_line(severity: str, name: str, message: str, remedy: str = "") -> None:
    colour = _COLOURS[severity]
    todo = f" [bold]->[/bold] {escape(remedy)}" if remedy else ""
    out.print(f"  [{colour}]{severity:<7}[/{colour}] {escape(name)}: {escape(message)}{todo}")


def _size(diagnosis: Diagnosis) -> str:
    folder = diagnosis.training
    if folder is None:
        return ""
    made = f", {diagnosis.layouts} layouts to make" if diagnosis.layouts else ""
    facts = (
        f"{len(folder.documents)} documents, {len(folder.trained)} learned from, {len(folder.fields)} fields"
    )
    return f" [dim]({facts}{made})[/dim]"


def verdict(checks: Sequence[Check], diagnoses: Sequence[Diagnosis]) -> str:
    """The last line: what needs mending, of the machine and of the rows, as markup."""
    broken = [check.name for check in checks if check.severity == "error"]
    ill = [diagnosis.form_type for diagnosis in diagnoses if not diagnosis.healthy]
    needs = []
    if broken:
        needs.append(f"This machine needs mending: {', '.join(broken)}.")
    if ill:
        needs.append(f"{len(ill)} of {len(diagnoses)} form types need mending: {', '.join(ill)}")
    if needs:
        return f"\n[red]{escape(' '.join(needs))}[/red]"
    if not diagnoses:
        return "\nNo row to look at: `formpipe params add` adds one."
    rows = "the row" if len(diagnoses) == 1 else f"any of {len(diagnoses)} rows"
    return f"\n[green]Nothing in the way of {rows}.[/green]"
