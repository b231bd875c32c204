"""Training on the Language service: import, train, deploy, each once, gone on with by the next run."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import Engine, insert, select, update

from pipeline.accounts import FolderStorages
from pipeline.db import models, operations, tables
from pipeline.errors import AttemptError, RowError
from pipeline.executors.threads import ThreadExecutor
from pipeline.formats.ocr_json import layout_to_json
from pipeline.formats.project_json import project_from_json
from pipeline.operations.driver import OperationDriver
from pipeline.operations.pace import Latencies, Pace
from pipeline.operations.submission import Ledger
from pipeline.orchestrator.leasing import LeaseTerms
from pipeline.orchestrator.progress import Note
from pipeline.orchestrator.pruning import prune_group
from pipeline.orchestrator.survey import Sources
from pipeline.orchestrator.text_training import TextTraining, project_name
from pipeline.orchestrator.training_run import TrainingContext
from pipeline.remote import Operation, OperationState, ServiceFault, ServiceModel
from pipeline.services import load_services
from pipeline.storage.folder import FolderStorage
from pipeline.texts import CategoryScore, TextEvaluation
from pipeline.training import registry
from pipeline.training.inspection import inspect
from pipeline.training.janitor import Prunable
from pipeline.training.tasks import LayoutTask
from pipeline.training.text_upload import ProjectTask, describe
from pipeline.types import FormType, ModelVersion
from tests.unit.emulator.texts import file_of_letters, file_of_notes, letters, notes
from tests.unit.training.training_shelf import layout_of

NOW = datetime(2026, 3, 2, tzinfo=UTC)
ROW = FormType(
    "mail", "mail", "lake", "train/", "lake", "in/",
    engine="language", api_version="2023-04-01", model_kind="entities",
)  # fmt: skip
MEASURED = TextEvaluation("entities", "percentage", {"Town": CategoryScore(8, 1, 1)}, {}, documents=4)


@dataclass
class CannedProjects:
    """Takes everything, unless told otherwise; `files` are the imported ones by project."""

    calls: list[str] = field(default_factory=list)
    files: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    labels: str = ""
    manual: bool = False
    errors: dict[str, Exception] = field(default_factory=dict)
    polls: dict[str, Exception] = field(default_factory=dict)
    failing: str = ""
    deleted: list[str] = field(default_factory=list)

    def _taken(self, what: str) -> str:
        if what in self.errors:
            raise self.errors[what]
        self.calls.append(what)
        return f"https://service/{what}/{len(self.calls)}"

    def submit_import(self, project: str, file: Mapping[str, Any], *, labels: str = "") -> str:
        url = self._taken("import")
        self.files[project], self.labels = file, labels
        return "" if labels else url

    def submit_training(self, project: str, label: str, *, manual: bool = False) -> str:
        assert project in self.files
        self.manual = manual
        return self._taken("train")

    def submit_deployment(self, project: str, deployment: str, label: str) -> str:
        return self._taken("deploy")

    def poll(self, operation: Operation) -> OperationState:
        what = operation.url.split("/")[3]
        if what in self.polls:
            raise self.polls[what]
        if what == self.failing:
            return OperationState("failed", faults=(ServiceFault("InvalidArgument", "too few texts"),))
        return OperationState("succeeded", model=ServiceModel("published-1", state="ready"))

    def evaluation(self, project: str, label: str) -> TextEvaluation:
        if "evaluation" in self.errors:
            raise self.errors["evaluation"]
        return MEASURED

    def delete_project(self, project: str) -> None:
        self.deleted.append(project)

    def delete_deployment(self, project: str, deployment: str) -> None:
        self.deleted.append(f"{project}/{deployment}")


@dataclass
class Works:
    root: Path
    database: Engine
    service: CannedProjects = field(default_factory=CannedProjects)
    told: list[Any] = field(default_factory=list)
    row: FormType = ROW

    def put(self, kind: str = "entities", count: int = 20) -> None:
        folder = self.root / "lake" / "train"
        folder.mkdir(parents=True, exist_ok=True)
        texts, file = (letters(), file_of_letters()) if kind == "entities" else (notes(), file_of_notes())
        documents = file["assets"]["documents"][:count]
        file["assets"]["documents"] = documents
        for document, (name, text, _) in zip(documents, texts, strict=False):
            document["location"] = Path(name).name
            (folder / Path(name).name).write_text(text, encoding="utf-8")
        (folder / "labels.json").write_text(json.dumps(file))

    def train(self) -> ModelVersion:
        services, storage = load_services(), FolderStorage(self.root)
        folder = inspect(storage, self.row, services["language"])
        assert not folder.errors, folder.errors
        sources = Sources(self.database, FolderStorages(self.root), services, lambda: NOW)
        scratch = self.root / "scratch"
        scratch.mkdir(exist_ok=True)

        def perform(task: Any) -> object:
            if isinstance(task, LayoutTask):
                body = json.dumps(layout_to_json(layout_of("We met in Oslo")))
                (scratch / f"{task.document.digest}.ocr.json").write_text(body)
                return task.document.path
            assert isinstance(task, ProjectTask)
            return describe(task, storage)

        workers = ThreadExecutor(perform, 1)
        context = TrainingContext(
            sources, workers, workers, self.guard, self.told.append, 60, 3600, 600, 50, scratch
        )
        client: Any = self.service
        ledger = Ledger(self.database, "mail", "h:1:1:x", self.guard, lambda: NOW)
        driver = OperationDriver(client, ledger, lambda: False, lambda kind: Latencies(Pace(0.001)))
        try:
            return TextTraining(context, driver, storage).train([self.row], folder)
        finally:
            workers.close()

    def guard(self, connection: Any) -> None:
        pass

    def versions(self) -> list[tuple[int, str]]:
        with self.database.connect() as connection:
            return [(v.version, v.state) for v in models.versions(connection, "mail")]

    def operations(self) -> list[tuple[str, str]]:
        table = tables.operation
        with self.database.connect() as connection:
            found = connection.execute(select(table.c.subject, table.c.state).order_by(table.c.id))
            return [(row.subject.split()[0], row.state) for row in found]


@pytest.fixture
def works(tmp_path: Path, database: Engine) -> Iterator[Works]:
    with database.begin() as connection:
        connection.execute(
            insert(tables.form_type).values(
                form_type="mail", training_container_name="lake", scoring_container_name="lake",
                engine="language", api_version="2023-04-01", model_kind="entities",
            )
        )  # fmt: skip
    yield Works(tmp_path, database)


def test_labels_are_imported_a_model_is_trained_and_deployed(works: Works) -> None:
    works.put()
    version = works.train()
    project = project_name(version)
    assert works.service.calls == ["import", "train", "deploy"]
    assert (version.state, version.service_model_id) == ("active", f"{project}:scoring")
    assert works.operations() == [("import", "finished"), ("train", "finished"), ("deploy", "finished")]
    assert version.evaluation is not None
    assert version.evaluation.texts == MEASURED
    assert dict(version.evaluation.accuracies) == {"Town": pytest.approx(16 / 18)}
    assert [spec.name for spec in version.fields] == ["Town"]
    assert len(project) <= 50


def test_the_imported_file_says_what_the_folder_says(works: Works) -> None:
    works.put()
    works.train()
    (body,) = works.service.files.values()
    project, findings = project_from_json(body)
    assert findings == ()
    assert (project.container, project.categories, len(project.documents)) == ("lake", ("Town",), 20)
    assert project.documents[0].location == "train/00.txt"
    given, _ = project_from_json(json.dumps(file_of_letters()))
    assert [d.spans for d in project.documents] == [d.spans for d in given.documents], "UTF-16 stays UTF-16"


@pytest.mark.parametrize("cut", ["import", "train", "deploy"])
def test_the_next_run_goes_on_where_this_one_ended(works: Works, cut: str) -> None:
    works.put()
    works.service.polls[cut] = AttemptError("no answer", reason="not-reachable")
    with pytest.raises(RowError, match="no answer"):
        works.train()
    assert works.versions() == [(1, "training")]
    works.service.polls.clear()
    assert works.train().state == "active"
    assert works.service.calls == ["import", "train", "deploy"], "nothing is asked for twice"
    assert works.versions() == [(1, "active")]


def test_a_run_that_died_between_two_steps_pays_neither_again(works: Works) -> None:
    works.put()
    works.service.errors["deploy"] = AttemptError("being changed", reason="deployment-busy")
    with pytest.raises(RowError, match="being changed"):
        works.train()
    works.service.errors.clear()
    assert works.train().state == "active"
    assert works.service.calls == ["import", "train", "deploy"]


def test_a_training_on_another_set_is_given_up(works: Works) -> None:
    works.put(count=12)
    works.service.polls["train"] = AttemptError("no answer", reason="not-reachable")
    with pytest.raises(RowError):
        works.train()
    works.put(count=20)
    works.service.polls.clear()
    assert works.train().version == 2
    assert works.versions() == [(1, "invalid"), (2, "active")]
    assert len(works.service.files) == 2, "each version has a project of its own"
    with works.database.connect() as connection:
        left = models.versions(connection, "mail")[0].service_model_id
    assert left.startswith("mail-v1-"), "what it left at the service can be deleted"


def test_a_training_that_fails_says_why(works: Works) -> None:
    works.put()
    works.service.failing = "train"
    with pytest.raises(RowError, match="too few texts"):
        works.train()
    assert works.versions() == [(1, "invalid")]


def test_a_model_without_an_evaluation_is_used_all_the_same(works: Works) -> None:
    works.put()
    works.service.errors["evaluation"] = RowError("there is none", reason="evaluation-missing")
    version = works.train()
    assert version.state == "active"
    assert version.evaluation is not None
    assert version.evaluation.texts is None
    assert "model-not-measured" in [note.name for note in works.told if isinstance(note, Note)]


def test_in_the_first_preview_labels_lie_in_the_container(works: Works) -> None:
    works.put()
    works.row = replace(ROW, api_version="v1.0-preview.2")
    version = works.train()
    assert works.service.calls == ["import", "train", "deploy"]
    assert works.operations() == [("train", "finished"), ("deploy", "finished")]
    assert version.service_model_id == f"{project_name(version)}:published-1"
    body = json.loads((works.root / "lake" / works.service.labels).read_text())
    assert project_from_json(body)[0].documents[0].location == "train/00.txt"
    services = load_services()
    again = inspect(FolderStorage(works.root), works.row, services["language"])
    assert (again.fingerprint, again.errors) == (version.fingerprint, ())


def test_a_project_whose_texts_may_have_several_classes_says_so(works: Works) -> None:
    works.put("classes")
    works.row = replace(ROW, model_kind="classes")
    file = works.root / "lake" / "train" / "labels.json"
    body = json.loads(file.read_text())
    for part in (body["metadata"], body["assets"]):
        part["projectKind"] = "CustomMultiLabelClassification"
    for document in body["assets"]["documents"]:
        document["classes"] = [document.pop("class")]
    file.write_text(json.dumps(body))
    assert works.train().service_model_id.endswith(":scoring:multi")


def test_texts_that_are_marked_are_held_out_as_marked(works: Works) -> None:
    works.put()
    file = works.root / "lake" / "train" / "labels.json"
    body = json.loads(file.read_text())
    for number, document in enumerate(body["assets"]["documents"]):
        document["dataset"] = "Test" if number % 5 == 0 else "Train"
    file.write_text(json.dumps(body))
    works.train()
    assert works.service.manual


def test_the_text_of_an_image_is_put_beside_the_set(works: Works) -> None:
    works.put()
    folder = works.root / "lake" / "train"
    stream = io.BytesIO()
    Image.new("L", (60, 60), 255).save(stream, "PNG")
    (folder / "scan.png").write_bytes(stream.getvalue())
    body = json.loads((folder / "labels.json").read_text())
    label = {"category": "Town", "offset": 10, "length": 4}
    body["assets"]["documents"].append(
        {"location": "scan.png", "entities": [{"regionOffset": 0, "regionLength": 14, "labels": [label]}]}
    )
    (folder / "labels.json").write_text(json.dumps(body))
    works.train()
    (imported,) = works.service.files.values()
    place = imported["assets"]["documents"][-1]["location"]
    assert place.startswith("train/.formpipe/")
    assert (works.root / "lake" / place).read_text() == "We met in Oslo"


def test_what_was_made_for_a_version_is_deleted_with_its_project(works: Works) -> None:
    works.put()
    version = works.train()
    with works.database.begin() as connection:
        connection.execute(update(tables.model_version).values(state="invalid"))
        connection.execute(update(tables.form_type).values(model_id=None))
    terms = LeaseTerms("h:1:1:x", 60, lambda: NOW)
    client: Any = works.service
    removals = list(
        prune_group(works.database, [works.row], [Prunable(version, "")], lambda *_: client, terms)
    )
    assert [removal.error for removal in removals] == [None]
    assert works.service.deleted == [project_name(version)]


def test_names_are_those_a_service_takes() -> None:
    version = ModelVersion(1, "a" * 40, 123, "language", None, "entities", "", "0123456789abcdef", "training")
    assert project_name(version) == "a" * 32 + "-v123-0123456789ab"
    assert registry.CREATE not in project_name(version)
    assert operations.PIECE == "piece "
