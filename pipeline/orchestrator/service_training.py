"""Train a group's model on a service: missing layouts first, then the training, each written down before it
is asked for, and gone on with by the next run where this one ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

from pipeline.db import models, operations
from pipeline.db.connection import reading
from pipeline.errors import AttemptError, FormpipeError, RowError
from pipeline.operations.driver import POLL_FAILED, STOPPED, OperationDriver, failure
from pipeline.operations.submission import Submission
from pipeline.orchestrator.progress import Note, Progress
from pipeline.orchestrator.training_run import TrainingContext, judge_version
from pipeline.ports import Outcome, RemoteEngine, Storage
from pipeline.remote import (
    ContainerLink,
    Operation,
    OperationState,
    ServiceModel,
    StagedDocument,
    TrainingRequest,
)
from pipeline.scoring.charging import charged
from pipeline.scoring.spending import OVER_LIMIT, Refusal, Reservation, Spending
from pipeline.scoring.staging import StageTask
from pipeline.services import Service
from pipeline.training import registry
from pipeline.training.layouts import layouts_to_make, service_layout_json
from pipeline.training.records import TrainingDocument, TrainingFolder
from pipeline.types import (
    BlobRef,
    Evaluation,
    FieldSpec,
    FormType,
    ModelVersion,
    Trained,
)

_KEPT = {POLL_FAILED, STOPPED}


@dataclass(frozen=True, slots=True)
class ServiceTraining:
    """What training on a service works with, beside the context of every training. `spending` lets layouts
    through, at their price, before they are paid."""

    context: TrainingContext
    driver: OperationDriver[RemoteEngine]
    storage: Storage
    service: Service
    spending: Spending = field(default_factory=Spending)

    def train(self, rows: Sequence[FormType], folder: TrainingFolder) -> ModelVersion:
        """Train the model of a group, or go on with a training that an earlier run began, and let the gate
        judge it. Layouts come first: no training counts as begun that a limit on cost keeps from it. Raises
        RowError where no model came of it."""
        row = rows[0]
        self.driver.ledger.sweep()
        self._link(folder)  # a set that the service could not reach is told before layouts are paid for
        begun = self._begun(row, folder)
        if begun is None and folder.use_labels:
            self._prepare_layouts(row, folder)
        version, operation = begun or (self._start(row, folder), None)
        try:
            trained = self._train(row, version, folder, operation)
        except FormpipeError as error:
            if error.reason not in _KEPT:
                self._fail(version, error)
            raise
        return judge_version(self.context, row, version, trained)

    def _begun(self, row: FormType, folder: TrainingFolder) -> tuple[ModelVersion, Operation] | None:
        """A version that the service is training on this very set; what it trains on another is given up."""
        with self.context.database.begin() as connection:
            self.context.guard(connection)
            begun = operations.open_ones(connection, row.group, "train")
            known = {version.id: version for version in models.versions(connection, row.group)}
            for operation in reversed(begun):
                version = known.get(operation.model_version_id or 0)
                if version and version.state == "training" and version.fingerprint == folder.fingerprint:
                    return version, operation
            for operation in begun:
                operations.fail(connection, operation.id, "superseded", self.context.now())
        return None

    def _start(self, row: FormType, folder: TrainingFolder) -> ModelVersion:
        with self.context.database.begin() as connection:
            self.context.guard(connection)
            return registry.start_version(connection, row, folder, self.context.now())

    def _fail(self, version: ModelVersion, error: FormpipeError) -> None:
        with self.context.database.begin() as connection:
            self.context.guard(connection)
            registry.fail(connection, version.id, f"{error.reason}: {error}")

    def _link(self, folder: TrainingFolder) -> ContainerLink:
        """The training container as the service can reach it. Raises RowError where it cannot."""
        seconds = timedelta(seconds=self.context.training_timeout)
        return self.storage.link(folder.container, permissions="rl", lifetime=seconds)

    # --- layouts ------------------------------------------------------------------------------------

    def _prepare_layouts(self, row: FormType, folder: TrainingFolder) -> None:
        """Make them; where that fails a version says why, unless a later run goes on by itself."""
        try:
            self._make_layouts(row, folder)
        except FormpipeError as error:
            if error.reason not in {*_KEPT, OVER_LIMIT}:
                self._fail(self._start(row, folder), error)
            raise

    def _make_layouts(self, row: FormType, folder: TrainingFolder) -> None:
        """Labels are found in layouts; a training without labels reads its documents itself."""
        missing = layouts_to_make(folder, self.service, row.api_version)
        with reading(self.context.database) as connection:
            begun = {o.subject: o for o in operations.open_ones(connection, row.group, "layout")}
        refused: list[Refusal] = []
        submissions = self._layouts(row, folder, missing, begun, refused)
        outcomes = self.driver.perform(submissions, parallelism=row.parallelism)
        for done, outcome in enumerate(outcomes, start=1):
            self._layout_made(row, outcome)
            self.context.listener(Progress(row.group, "read", done, len(missing)))
        if refused:
            told = f"{refused[0]}: not all {len(missing)} layouts of the training forms were made"
            raise RowError(f"{told}; those that were are kept", reason=OVER_LIMIT)

    def _layouts(
        self,
        row: FormType,
        folder: TrainingFolder,
        missing: Sequence[TrainingDocument],
        begun: dict[str, Operation],
        refused: list[Refusal],
    ) -> Iterator[Submission | Outcome[Any, object]]:
        """Nothing more is paid after the first that a limit refuses; what was paid before is still taken."""
        tasks = [
            StageTask(
                BlobRef(self.storage.account, folder.container, document.path, document.etag),
                row.secrets.training,
                self.context.scratch,
                row.file_type,
                key,
            )
            for key, document in enumerate(missing)
        ]
        staged = self.context.readers.map(
            tasks, parallelism=row.parallelism, timeout=lambda task: self.context.read_timeout
        )
        for outcome in staged:
            document = missing[outcome.task.key]
            if outcome.error is not None:
                yield Outcome(document, error=outcome.error)
            else:
                staged_form = cast(StagedDocument, outcome.unwrap())
                operation = begun.get(_subject(document))
                paid = None if operation else self._paid(staged_form, refused)
                if operation or paid:
                    yield self._layout(folder, document, staged_form, operation, paid)

    def _paid(self, staged: StagedDocument, refused: list[Refusal]) -> Reservation | None:
        """What is set aside for a layout; None, and why, where it is over a limit."""
        if not refused:
            answer = self.spending.reserve_layout(staged.pages or 1)
            if isinstance(answer, Reservation):
                return answer
            refused.append(answer)
        staged.file.unlink(missing_ok=True)
        return None

    def _layout(
        self,
        folder: TrainingFolder,
        document: TrainingDocument,
        staged: StagedDocument,
        operation: Operation | None,
        paid: Reservation | None,
    ) -> Submission:
        def keep(state: OperationState) -> str:
            content = service_layout_json(state.body, document.digest, self.service.engine)
            self.storage.write(folder.container, document.layout_path, content)
            staged.file.unlink(missing_ok=True)
            return document.path

        return Submission(
            kind="layout",
            task=document,
            send=lambda: charged(paid, lambda: self.driver.engine.submit_layout(staged)),
            conclude=keep,
            seconds=self.context.operation_timeout,
            subject=_subject(document),
            operation=operation,
        )

    def _layout_made(self, row: FormType, outcome: Outcome[Any, object]) -> None:
        document = cast(TrainingDocument, outcome.task)
        if outcome.error is None:
            self.driver.ledger.done("layout", _subject(document))
            return
        if not isinstance(outcome.error, FormpipeError) or isinstance(outcome.error, RowError | AttemptError):
            raise as_row_error(outcome.error)
        told = f"{document.path}: {outcome.error}"
        self.context.listener(Note("training-form-unreadable", row.form_type, told))

    # --- the training itself ------------------------------------------------------------------------

    def _train(
        self, row: FormType, version: ModelVersion, folder: TrainingFolder, begun: Operation | None
    ) -> Trained:
        name = model_name(version)

        def send() -> str:
            link = self._link(folder)
            request = TrainingRequest(
                name=name,
                source=link,
                prefix=folder.prefix,
                include_subfolders=row.include_subfolders,
                labels=folder.use_labels,
                description=row.description[:200],
            )
            return self.driver.engine.submit_training(request)

        submission = Submission(
            kind="train",
            task=folder,
            send=send,
            conclude=lambda state: state,
            seconds=self.context.training_timeout,
            subject=name,
            model_version_id=version.id,
            operation=begun,
        )
        self.context.listener(Progress(row.group, "train", 0, 1, f"{len(folder.trained)} forms"))
        outcome = next(self.driver.perform([submission], parallelism=1), None)
        if outcome is None:
            raise RowError("the run was stopped", reason=STOPPED)
        if outcome.error is not None:
            raise as_row_error(outcome.error)
        self.driver.ledger.done("train", name)
        self.context.listener(Progress(row.group, "train", 1, 1))
        return trained_model(cast(OperationState, outcome.unwrap()), folder)


def _subject(document: TrainingDocument) -> str:
    return f"{document.digest} {document.path}"


def model_name(version: ModelVersion) -> str:
    """The id under which a service keeps a version's model, where the caller chooses it: the same for the
    same training set, so that a training that was begun is found again."""
    return f"{version.group}-v{version.version}-{version.fingerprint[:12]}"


def trained_model(state: OperationState, folder: TrainingFolder) -> Trained:
    """A finished training as the registry takes it. Raises RowError `training-failed`."""
    model = state.model
    if model is None or model.state != "ready":
        faults = model.faults if model else state.faults
        raise RowError(str(failure(OperationState("failed", faults=faults))), reason="training-failed")
    read = sum(1 for document in model.documents if document.state != "failed")
    return Trained(
        content=None,
        fields=model_fields(model, folder.fields),
        evaluation=service_evaluation(model),
        forms=read or len(folder.trained),
        model_id=model.model_id,
    )


def service_evaluation(model: ServiceModel) -> Evaluation:
    """The service's own accuracies as an evaluation."""
    return Evaluation("service", accuracies=model.accuracies)


def model_fields(model: ServiceModel, known: Sequence[FieldSpec] = ()) -> tuple[FieldSpec, ...]:
    """The fields a model gives, with what the training folder knows of them."""
    own = {spec.name: spec for spec in known}
    named = [spec.name for spec in model.fields] or [name for name, _ in model.accuracies]
    found = {spec.name: spec for spec in model.fields}
    names = dict.fromkeys([*named, *model.keys])
    listed = tuple(own.get(name) or found.get(name) or FieldSpec(name) for name in names)
    return listed or tuple(known)


def as_row_error(error: Exception) -> Exception:
    """What ends a training ends the row."""
    if isinstance(error, FormpipeError) and not isinstance(error, RowError):
        return RowError(str(error), reason=error.reason)
    return error
