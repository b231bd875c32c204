"""Carry out a training decision: make missing layouts, train, judge, promote."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, Engine

from pipeline.errors import DocumentError, FormpipeError, RowError
from pipeline.orchestrator.progress import Listener, Note, Progress
from pipeline.orchestrator.survey import Sources
from pipeline.ports import Executor
from pipeline.training import registry
from pipeline.training.forms import missing_layouts
from pipeline.training.inspection import inspect
from pipeline.training.records import TrainingFolder
from pipeline.training.tasks import LayoutTask, TrainTask
from pipeline.types import Evaluation, FormType, ModelVersion, Trained


@dataclass(frozen=True, slots=True)
class TrainingContext:
    """What training works with. `guard` is called in every writing transaction."""

    sources: Sources
    readers: Executor
    trainer: Executor
    guard: Callable[[Connection], None]
    listener: Listener
    read_timeout: float
    training_timeout: float
    max_pages: int

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
        trained = _train(context, row, _with_layouts(context, rows, folder))
    except FormpipeError as error:
        with context.database.begin() as connection:
            context.guard(connection)
            registry.fail(connection, version.id, f"{error.reason}: {error}")
        raise
    return _judge(context, row, version, trained)


def adopt_model(
    context: TrainingContext, row: FormType, model_id: str, folder: TrainingFolder
) -> ModelVersion:
    """Use the model that a row names. Raises RowError `model-unknown`."""
    with context.database.begin() as connection:
        context.guard(connection)
        return registry.adopt(connection, row, model_id, folder, context.now())


def _with_layouts(
    context: TrainingContext, rows: tuple[FormType, ...], folder: TrainingFolder
) -> TrainingFolder:
    """The folder with a layout beside every form that can be read; the others are told and left out."""
    missing = missing_layouts(folder)
    if not missing:
        return folder
    row = rows[0]
    max_pages = row.max_pages or context.max_pages
    tasks = [LayoutTask(folder.container, document, max_pages, row.file_type) for document in missing]
    outcomes = context.readers.map(
        tasks, parallelism=row.parallelism, timeout=lambda task: context.read_timeout
    )
    for done, outcome in enumerate(outcomes, start=1):
        if isinstance(outcome.error, RowError):
            raise outcome.error
        if outcome.error is not None:
            context.listener(
                Note(
                    "training-form-unreadable",
                    row.form_type,
                    f"{outcome.task.document.path}: {outcome.error}",
                )
            )
        context.listener(Progress(row.group, "read", done, len(tasks)))
    service = context.sources.services[row.engine]
    return inspect(context.sources.storage, row, service, rows)


def _train(context: TrainingContext, row: FormType, folder: TrainingFolder) -> Trained:
    unreadable = len(missing_layouts(folder))
    context.listener(Progress(row.group, "train", 0, 1, f"{len(folder.trained) - unreadable} forms"))
    tasks: Iterator[TrainTask] = iter([TrainTask(folder, folder.fields)])
    outcomes = context.trainer.map(tasks, parallelism=1, timeout=lambda task: context.training_timeout)
    (outcome,) = outcomes
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


def _judge(context: TrainingContext, row: FormType, version: ModelVersion, trained: Trained) -> ModelVersion:
    with context.database.begin() as connection:
        context.guard(connection)
        registry.finish(connection, version.id, trained)
        registry.settle(connection, version.id, by="gate", now=context.now())
        registry.prune(connection, version.group, row.keep_versions)
        return registry.get(connection, version.id)
