"""Train a group's model of texts on a service: its labels are imported, a model is trained, measured and
deployed, each written down before it is asked for, and gone on with by the next run where this one ends.

Every version has a project of its own, named by its training set: nothing of another version is in its way
(one training and ten models of a project at a time), and whoever deletes it deletes all of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

from sqlalchemy import Connection

from pipeline.db import models, operations
from pipeline.db.transactions import consult, transact
from pipeline.errors import AttemptError, FormpipeError, RowError
from pipeline.operations.driver import POLL_FAILED, STOPPED, OperationDriver
from pipeline.operations.submission import Submission
from pipeline.orchestrator.progress import Note, Progress
from pipeline.orchestrator.service_training import as_row_error
from pipeline.orchestrator.training_run import TrainingContext, judge_version, read_documents
from pipeline.ports import Storage, TextService
from pipeline.remote import Operation, OperationState
from pipeline.texts import TextEvaluation, TextModelId
from pipeline.training import registry
from pipeline.training.records import TrainingFolder
from pipeline.training.text_upload import ProjectFile, ProjectTask, own_path
from pipeline.types import Evaluation, FormType, ModelVersion, Trained

FIRST = "v1.0-preview.2"
PREVIEWS = (FIRST, "2021-11-01-preview")
"""They take another shape of project files, and were never documented to list what is deployed."""
DEPLOYMENT = "scoring"
LABEL = "model"
_LONGEST = 50
_KEPT = {POLL_FAILED, STOPPED, "project-busy", "training-busy", "deployment-busy"}
"""Reasons after which the next run goes on: what was begun stands."""


@dataclass(frozen=True, slots=True)
class TextTraining:
    """What training texts on a service works with, beside the context of every training."""

    context: TrainingContext
    driver: OperationDriver[TextService]
    storage: Storage

    def train(self, rows: Sequence[FormType], folder: TrainingFolder) -> ModelVersion:
        """Train the model of a group, or go on with a training that an earlier run began, and let the gate
        judge it. Raises RowError where no model came of it."""
        row = rows[0]
        self.driver.ledger.sweep()
        version = self._begun(row, folder) or self._start(row, folder)
        try:
            trained = self._train(row, version, folder)
        except FormpipeError as error:
            if error.reason not in _KEPT:
                self._fail(version, error)
            raise
        judged = judge_version(self.context, row, version, trained)
        self.driver.ledger.done("train", _subject("deploy", version))
        return judged

    # --- versions -----------------------------------------------------------------------------------

    def _begun(self, row: FormType, folder: TrainingFolder) -> ModelVersion | None:
        """The version whose training on this very set did not end; what is trained on another is given up.
        Safe to do twice."""

        def work(connection: Connection) -> ModelVersion | None:
            self.context.guard(connection)
            known = models.versions(connection, row.group)
            begun = next((each for each in known if _goes_on(each, folder)), None)
            for operation in operations.open_ones(connection, row.group, "train"):
                if begun is None or operation.model_version_id != begun.id:
                    operations.fail(connection, operation.id, "superseded", self.context.now())
            return begun

        return transact(self.context.database, work)

    def _start(self, row: FormType, folder: TrainingFolder) -> ModelVersion:
        with self.context.database.begin() as connection:
            self.context.guard(connection)
            return registry.start_version(connection, row, folder, self.context.now())

    def _fail(self, version: ModelVersion, error: FormpipeError) -> None:
        with self.context.database.begin() as connection:
            self.context.guard(connection)
            registry.fail(connection, version.id, f"{error.reason}: {error}")

    # --- the steps ----------------------------------------------------------------------------------

    def _train(self, row: FormType, version: ModelVersion, folder: TrainingFolder) -> Trained:
        service, project = self.driver.engine, project_name(version)
        done = consult(self.context.database, partial(operations.steps_done, version_id=version.id))
        self.context.listener(Progress(row.group, "train", 0, 1, f"{len(folder.trained)} texts"))
        file = self._file(row, version, folder)
        if _subject("import", version) not in done:
            self._import(row, version, folder, file)
        if _subject("train", version) not in done:
            manual = file.manual and row.api_version not in PREVIEWS
            self._step("train", version, lambda: service.submit_training(project, LABEL, manual=manual))
            self.driver.ledger.done("train", _subject("train", version))
        deployed = self._step(
            "deploy", version, lambda: service.submit_deployment(project, DEPLOYMENT, LABEL)
        )
        self.context.listener(Progress(row.group, "train", 1, 1))
        published = deployed.model if row.api_version == FIRST else None
        name = published.model_id if published else DEPLOYMENT
        return Trained(
            content=None,
            fields=folder.fields,
            evaluation=self._evaluation(row, version),
            forms=file.documents,
            model_id=str(TextModelId(project, name, file.multi_label)),
        )

    def _file(self, row: FormType, version: ModelVersion, folder: TrainingFolder) -> ProjectFile:
        """Made anew in every run: it is the same for the same set."""
        read_documents(self.context, row, folder)
        task = ProjectTask(
            row.secrets.training,
            folder,
            self.context.scratch,
            project_name(version),
            preview=row.api_version in PREVIEWS,
            language=(row.locale or "en-us").lower(),
        )
        outcomes = self.context.trainer.map(
            [task], parallelism=1, timeout=lambda task: self.context.training_timeout
        )
        outcome = next(iter(outcomes), None)
        if outcome is None:
            raise RowError("the run was stopped", reason=STOPPED)
        if outcome.error is not None:
            raise as_row_error(outcome.error)
        return cast(ProjectFile, outcome.unwrap())

    def _import(
        self, row: FormType, version: ModelVersion, folder: TrainingFolder, file: ProjectFile
    ) -> None:
        service, project = self.driver.engine, project_name(version)
        if row.api_version != FIRST:
            self._step("import", version, lambda: service.submit_import(project, file.body))
            self.driver.ledger.done("train", _subject("import", version))
            return
        labels = own_path(folder, f"{project}.json")
        self.storage.write(folder.container, labels, json.dumps(file.body["assets"]).encode())
        try:
            service.submit_import(project, file.body, labels=labels)
        except AttemptError as error:
            if error.reason != "project-busy":  # it is there: the name stands for this very set
                raise as_row_error(error) from None

    def _step(self, what: str, version: ModelVersion, send: Callable[[], str]) -> OperationState:
        """One operation of a training, begun by this run or an earlier one. Raises RowError."""
        subject = _subject(what, version)
        begun = consult(
            self.context.database, partial(_open_step, group=version.group, version=version, subject=subject)
        )
        submission = Submission(
            kind="train",
            task=subject,
            send=send,
            conclude=lambda state: state,
            seconds=self.context.training_timeout,
            subject=subject,
            model_version_id=version.id,
            operation=begun,
        )
        outcome = next(self.driver.perform([submission], parallelism=1), None)
        if outcome is None:
            raise RowError("the run was stopped", reason=STOPPED)
        if outcome.error is not None:
            raise as_row_error(outcome.error)
        return cast(OperationState, outcome.unwrap())

    def _evaluation(self, row: FormType, version: ModelVersion) -> Evaluation:
        """The service's own. A model that it does not tell one of is used all the same: it is paid."""
        try:
            texts = self.driver.engine.evaluation(project_name(version), LABEL)
        except RowError as error:
            self.context.listener(Note("model-not-measured", row.form_type, str(error)))
            return Evaluation("service")
        return service_evaluation(texts)


def project_name(version: ModelVersion) -> str:
    """The project of a version: the same for the same training set, so that what was begun is found again.
    Two groups that begin alike are told apart by the fingerprint, which is over the names of their rows."""
    end = f"-v{version.version}-{version.fingerprint[:12]}"
    group = re.sub(r"[^A-Za-z0-9_.-]", "-", version.group)
    return f"{group[: _LONGEST - len(end)]}{end}"


def service_evaluation(texts: TextEvaluation) -> Evaluation:
    """A service's evaluation of a model of texts; versions are compared by the F1 of their categories."""
    accuracies = tuple((name, score.f1) for name, score in texts.categories.items())
    return Evaluation("service", accuracies=accuracies, texts=texts)


def _goes_on(version: ModelVersion, folder: TrainingFolder) -> bool:
    return version.state == "training" and version.fingerprint == folder.fingerprint


def _subject(what: str, version: ModelVersion) -> str:
    return f"{what} {project_name(version)}"


def _open_step(connection: Connection, group: str, version: ModelVersion, subject: str) -> Operation | None:
    known = operations.open_ones(connection, group, "train")
    same = (each for each in known if (each.model_version_id, each.subject) == (version.id, subject))
    return next(same, None)
