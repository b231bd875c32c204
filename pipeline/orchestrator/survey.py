"""Find out where every row stands: training folder, models, backlog. Reads; writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from difflib import get_close_matches

from sqlalchemy import Engine

from pipeline.db import documents, estimates, models, text_labels
from pipeline.db.connection import reading
from pipeline.errors import FormpipeError, RunError
from pipeline.orchestrator.plan import RowState
from pipeline.params import table
from pipeline.params.rules import Validated
from pipeline.ports import Storages
from pipeline.prices import LOCAL
from pipeline.scoring.backlog import compare
from pipeline.services import Service
from pipeline.training.decision import History, TrainingDecision, decide_training
from pipeline.training.inspection import inspect
from pipeline.training.layouts import layouts_to_make
from pipeline.training.membership import group_rows
from pipeline.training.records import TrainingDocument, TrainingFolder
from pipeline.training.registry import trainings_this_month
from pipeline.types import FormType


@dataclass(frozen=True, slots=True)
class Sources:
    """Where everything is read from."""

    database: Engine
    storages: Storages
    services: Mapping[str, Service]
    now: Callable[[], datetime]


def load_rows(sources: Sources) -> Validated:
    """The parameter rows and their faults."""
    with reading(sources.database) as connection:
        return table.load(connection, sources.services, sources.now().date())


def require_known(chosen: frozenset[str], validated: Validated) -> None:
    """Raise RunError (`unknown-form-type`) for a name that no row, faulty or not, has."""
    known = {row.form_type for row in validated.form_types} | validated.faulty
    unknown = sorted(chosen - known)
    if unknown:
        likely = get_close_matches(unknown[0], sorted(known), n=1)
        hint = f": did you mean {likely[0]}?" if likely else ""
        raise RunError(
            f"no such form type: {', '.join(unknown)}{hint} (see `formpipe params list`)",
            reason="unknown-form-type",
        )


def survey(sources: Sources, form_types: Sequence[FormType], chosen: frozenset[str]) -> list[RowState]:
    """The state of every chosen row that is enabled; all of them when `chosen` is empty."""
    states = []
    for rows in group_rows(row for row in form_types if row.enabled).values():
        wanted = [row for row in rows if not chosen or row.form_type in chosen]
        if wanted:
            states += _survey_group(sources, rows, wanted)
    return states


def decide(sources: Sources, rows: Sequence[FormType]) -> tuple[TrainingFolder, TrainingDecision]:
    """The training folder of a group and what to do about its model. Raises RowError, AttemptError."""
    row = rows[0]
    storage = sources.storages.of(row.secrets.training)
    with reading(sources.database) as connection:
        moved = [each for r in rows if r.routes for each in text_labels.of_router(connection, r.form_type)]
    folder = inspect(storage, row, sources.services[row.engine], rows, moved)
    with reading(sources.database) as connection:
        versions = models.versions(connection, row.group)
        active = models.active(connection, row.group)
        history = History(
            versions=versions,
            trained_this_month=trainings_this_month(connection, row.group, sources.now()),
            last_set=models.manifest(connection, active.id) if active else (),
        )
    return folder, decide_training(rows, folder, history)


def _survey_group(sources: Sources, rows: Sequence[FormType], wanted: Sequence[FormType]) -> list[RowState]:
    try:
        folder, decision = decide(sources, rows)
    except FormpipeError as error:
        return [RowState(row, obstacle=str(error)) for row in wanted]
    missing = _missing_layouts(sources, rows[0], folder) if decision.action == "train" else ()
    project = folder.project
    classes = project.categories if project is not None and project.kind == "classes" else ()
    return [replace(_survey_row(sources, row, decision, missing), classes=classes) for row in wanted]


def _missing_layouts(sources: Sources, row: FormType, folder: TrainingFolder) -> tuple[TrainingDocument, ...]:
    """The training forms that a service is paid for to read; of those of this machine none."""
    service = sources.services[row.engine]
    paid = row.engine != LOCAL and folder.use_labels
    return layouts_to_make(folder, service, row.api_version) if paid else ()


def _survey_row(
    sources: Sources, row: FormType, decision: TrainingDecision, missing: Sequence[TrainingDocument]
) -> RowState:
    try:
        changes = compare(sources.database, sources.storages.of(row.secrets.scoring), row)
    except FormpipeError as error:
        return RowState(row, decision, obstacle=str(error))
    with reading(sources.database) as connection:
        due, waiting = documents.count_pending(connection, row.form_type, sources.now())
        active = models.active(connection, row.group)
        means = estimates.means(connection, row.form_type)
        return RowState(
            row=row,
            decision=decision,
            changes=changes,
            due=due,
            waiting=waiting,
            submitted=estimates.count_submitted(connection, row.form_type),
            stale=documents.count_stale(connection, row.form_type, active.id) if active else 0,
            layouts=len(missing),
            layout_pages=sum(form.pages or 1 for form in missing),
            pages_per_document=means.pages,
            seconds_per_document=means.seconds,
        )
