"""Carry out a training decision: make missing layouts, train, judge, promote."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, Engine

from pipeline.errors import DocumentError, FormpipeError, RowError
from pipeline.orchestrator.progress import Listener, Note, Progress
from pipeline.orchestrator.survey import Sources
from pipeline.ports import Executor
from pipeline.training import registry
from pipeline.training.forms import missing_layouts
from pipeline.training.records import TrainingFolder
from pipeline.training.tasks import LayoutTask, TrainTask
from pipeline.types import Evaluation, FormType, ModelVersion, Trained


@dataclass(frozen=True, slots=True)
class TrainingContext:
    """What training works with. `guard` is called in every writing transaction; `scratch` is a folder that
    this run's workers share."""

    sources: Sources
    readers: Executor
    trainer: Executor
    guard: Callable[[Connection], None]
    listener: Listener
    read_timeout: float
    training_timeout: float
    operation_timeout: float
    max_pages: int
    scratch: Path

    @property
    def database(self) -> Engine:
        return self.sources.database

    def now(self) -> datetime:
        return self.sources.now()


def train_group(context: TrainingContext, rows: tuple[FormType, ...], folder: TrainingFolder) -> ModelVersion:
    """Train the model of a group and let the gate judge it; the version, active or candidate.

    Raises RowError where no model came of it; the version is `invalid` then, with the reason.
    """
    row = rows[0]
    with context.database.begin() as connection:
        context.guard(connection)
        version = registry.start_version(connection, row, folder, context.now())
    try:
        read_documents(context, row, folder)
        trained = _train(context, row, folder)
    except FormpipeError as error:
        with context.database.begin() as connection:
            context.guard(connection)
            registry.fail(connection, version.id, f"{error.reason}: {error}")
        raise
    return judge_version(context, row, version, trained)


def adopt_model(
    context: TrainingContext, row: FormType, folder: TrainingFolder, named: registry.NamedModel
) -> ModelVersion:
    """Use the model that a row names. Raises RowError `model-unknown`."""
    with context.database.begin() as connection:
        context.guard(connection)
        return registry.adopt(connection, row, named, folder, context.now())


def read_documents(context: TrainingContext, row: FormType, folder: TrainingFolder) -> None:
    """Have every form read that was not read here before; the unreadable ones are told."""
    missing = set(missing_layouts(folder))
    tasks = [
        LayoutTask(
            account=row.secrets.training,
            container=folder.container,
            document=document,
            max_pages=row.max_pages or context.max_pages,
            file_type=row.file_type,
            scratch=context.scratch,
            keep=document in missing and document.moved is None,
        )
        for document in folder.trained
        if document.layout != "made" and not document.is_text
    ]
    outcomes = context.readers.map(
        tasks, parallelism=row.parallelism, timeout=lambda task: context.read_timeout
    )
    for done, outcome in enumerate(outcomes, start=1):
        if isinstance(outcome.error, RowError):
            raise outcome.error
        if outcome.error is not None:
            told = f"{outcome.task.document.path}: {outcome.error}"
            context.listener(Note("training-form-unreadable", row.form_type, told))
        context.listener(Progress(row.group, "read", done, len(tasks)))


def _train(context: TrainingContext, row: FormType, folder: TrainingFolder) -> Trained:
    context.listener(Progress(row.group, "train", 0, 1, f"{len(folder.trained)} forms"))
    outcomes = context.trainer.map(
        [TrainTask(row.secrets.training, folder, context.scratch)],
        parallelism=1,
        timeout=lambda task: context.training_timeout,
    )
    outcome = next(outcomes, None)
    if outcome is None:
        raise RowError("the run was stopped", reason="stopped")
    context.listener(Progress(row.group, "train", 1, 1))
    if isinstance(outcome.error, DocumentError):
        raise RowError(str(outcome.error), reason=outcome.error.reason)
    trained = outcome.unwrap()
    assert isinstance(trained, Trained)
    return replace(trained, evaluation=identified(trained.evaluation, folder))


def identified(evaluation: Evaluation, folder: TrainingFolder) -> Evaluation:
    """The evaluation with each form's identity (content and labels), by which versions are compared."""
    identities = {document.path: document.identity for document in folder.trained}
    outcomes = (
        replace(outcome, identity=identities.get(outcome.form, outcome.identity))
        for outcome in evaluation.outcomes
    )
    return replace(evaluation, outcomes=tuple(outcomes))


def judge_version(
    context: TrainingContext, row: FormType, version: ModelVersion, trained: Trained
) -> ModelVersion:
    """Store what was trained and let the gate decide; the version, active or candidate."""
    with context.database.begin() as connection:
        context.guard(connection)
        registry.finish(connection, version.id, trained)
        registry.settle(connection, version.id, by="gate", now=context.now())
        registry.prune(connection, version.group, row.keep_versions)
        return registry.get(connection, version.id)
