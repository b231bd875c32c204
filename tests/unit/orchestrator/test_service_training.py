"""Training on a service: layouts first, one training, gone on with by the next run."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import Engine, insert, select

from pipeline.accounts import FolderStorages
from pipeline.db import models, operations, tables
from pipeline.errors import AttemptError, DocumentError, RowError
from pipeline.executors.threads import ThreadExecutor
from pipeline.formats.labels_json import labels_to_json
from pipeline.formats.ocr_json import layout_to_json
from pipeline.operations.driver import OperationDriver
from pipeline.operations.pace import Latencies, Pace
from pipeline.operations.submission import Ledger
from pipeline.orchestrator.service_training import ServiceTraining, model_fields, model_name
from pipeline.orchestrator.survey import Sources
from pipeline.orchestrator.training_run import TrainingContext
from pipeline.remote import (
    ContainerLink,
    Operation,
    OperationState,
    ServiceFault,
    ServiceModel,
    StagedDocument,
    TrainedDocument,
    TrainingRequest,
)
from pipeline.scoring.staging import StageTask, stage
from pipeline.services import load_services
from pipeline.storage.folder import FolderStorage
from pipeline.training.inspection import inspect
from pipeline.types import FieldSpec, FormType, Label, LabelRegion, ModelVersion
from tests.unit.training.training_shelf import BOX, PAGE_TEXT, layout_of

NOW = datetime(2026, 3, 2, tzinfo=UTC)
ROW = FormType(
    "bills", "bills", "lake", "train/", "lake", "in/", engine="form-recognizer", api_version="v2.1"
)


MODEL = ServiceModel(
    "guid-1",
    accuracies=(("total", 0.9),),
    average_accuracy=0.9,
    documents=(TrainedDocument("a", 1), TrainedDocument("b", 1, "failed")),
)


class LinkedFolder(FolderStorage):
    """A folder that claims a service could reach it."""

    def link(self, container: str, *, permissions: str, lifetime: timedelta) -> ContainerLink:
        assert (permissions, lifetime) == ("rl", timedelta(hours=1))
        return ContainerLink(container, "https://account/lake?sig=canary")


@dataclass
class TrainingService:
    """Reads every layout and trains every set, unless told otherwise."""

    layouts: list[str] = field(default_factory=list)
    trainings: list[TrainingRequest] = field(default_factory=list)
    refusal: Exception | None = None
    poll_error: Exception | None = None
    model: ServiceModel = MODEL

    def submit_layout(self, document: StagedDocument) -> str:
        if self.refusal:
            raise self.refusal
        self.layouts.append(document.name)
        return f"https://service/layout/{Path(document.name).name}"

    def submit_training(self, request: TrainingRequest) -> str:
        self.trainings.append(request)
        return f"https://service/models/{request.name}"

    def poll(self, operation: Operation) -> OperationState:
        if self.poll_error:
            raise self.poll_error
        if operation.kind == "layout":
            return OperationState("succeeded", body=json.dumps(layout_to_json(layout_of(PAGE_TEXT))).encode())
        return OperationState("succeeded", model=self.model)


@dataclass
class Works:
    root: Path
    database: Engine
    readers: ThreadExecutor
    service: TrainingService = field(default_factory=TrainingService)
    told: list[Any] = field(default_factory=list)
    stopped: bool = False
    row: FormType = ROW

    @property
    def storage(self) -> LinkedFolder:
        return LinkedFolder(self.root)

    def put(self, *names: str) -> None:
        for number, name in enumerate(names):
            folder = self.root / "lake" / "train"
            folder.mkdir(parents=True, exist_ok=True)
            stream = io.BytesIO()
            image = Image.new("L", (60, 60), 255)
            image.putpixel((number, 0), 0)
            image.save(stream, "PNG")
            (folder / f"{name}.png").write_bytes(stream.getvalue())
            label = Label("total", "1", (LabelRegion(1, "1", BOX),))
            (folder / f"{name}.png.labels.json").write_text(
                json.dumps(labels_to_json(f"{name}.png", [label]))
            )

    def train(self) -> ModelVersion:
        services = load_services()
        folder = inspect(self.storage, self.row, services[self.row.engine])
        sources = Sources(self.database, FolderStorages(self.root), services, lambda: NOW)
        scratch = self.root / "scratch"
        scratch.mkdir(exist_ok=True)
        context = TrainingContext(
            sources, self.readers, self.readers, self.guard, self.told.append, 60, 3600, 600, 50, scratch
        )
        client: Any = self.service
        ledger = Ledger(self.database, "bills", "h:1:1:x", self.guard, lambda: NOW)
        driver = OperationDriver(client, ledger, lambda: self.stopped, lambda kind: Latencies(Pace(0.001)))
        return ServiceTraining(context, driver, self.storage, services[self.row.engine]).train(
            [self.row], folder
        )

    def guard(self, connection: Any) -> None:
        pass

    def versions(self) -> list[tuple[int, str, str]]:
        with self.database.connect() as connection:
            return [(v.version, v.state, v.service_model_id) for v in models.versions(connection, "bills")]

    def operations(self) -> list[tuple[str, str]]:
        table = tables.operation
        with self.database.connect() as connection:
            found = connection.execute(select(table.c.kind, table.c.state).order_by(table.c.id))
            return [(row.kind, row.state) for row in found]


@pytest.fixture
def works(tmp_path: Path, database: Engine) -> Iterator[Works]:
    with database.begin() as connection:
        connection.execute(
            insert(tables.form_type).values(
                form_type="bills",
                engine="form-recognizer",
                api_version="v2.1",
                training_container_name="lake",
                scoring_container_name="lake",
                model_id="-1",
            )
        )

    def perform(task: StageTask) -> object:
        return stage(task, FolderStorage(tmp_path))

    readers = ThreadExecutor(perform, 2)
    made = Works(tmp_path, database, readers)
    made.put("a", "b", "c", "d", "e")
    yield made
    readers.close()


def test_layouts_are_made_and_the_model_is_trained_and_written_to_the_row(works: Works) -> None:
    version = works.train()
    assert (version.state, version.service_model_id) == ("active", "guid-1")
    assert version.evaluation is not None and version.evaluation.accuracies == (("total", 0.9),)
    assert version.training_documents == 1
    assert len(works.service.layouts) == 5
    (request,) = works.service.trainings
    assert (request.prefix, request.labels, request.include_subfolders) == ("train/", True, False)
    assert request.name == model_name(version)
    assert set(works.operations()) == {("layout", "finished"), ("train", "finished")}
    with works.database.connect() as connection:
        assert models.row_model_ids(connection, "bills") == {"bills": "guid-1"}


def test_layouts_of_the_service_are_kept_beside_the_forms_and_change_no_fingerprint(works: Works) -> None:
    services = load_services()
    before = inspect(works.storage, ROW, services["form-recognizer"]).fingerprint
    works.train()
    after = inspect(works.storage, ROW, services["form-recognizer"])
    assert after.fingerprint == before
    assert {(d.layout, d.layout_maker) for d in after.documents} == {("made", "form-recognizer")}
    works.row = replace(ROW, model_id="-1")
    works.train()
    assert len(works.service.layouts) == 5


def test_layouts_that_the_local_engine_made_are_made_again(works: Works) -> None:
    from pipeline.training.layouts import made_layout_json

    for file in (works.root / "lake" / "train").glob("*.png"):
        file.with_name(f"{file.name}.ocr.json").write_bytes(made_layout_json(layout_of(PAGE_TEXT)))
    works.train()
    assert len(works.service.layouts) == 5


def test_a_users_own_layout_is_used_as_it_is(works: Works) -> None:
    for file in (works.root / "lake" / "train").glob("*.png"):
        body = layout_to_json(layout_of(PAGE_TEXT))
        file.with_name(f"{file.name}.ocr.json").write_text(json.dumps(body))
    works.train()
    assert works.service.layouts == []


def test_a_training_that_cannot_be_asked_for_now_is_gone_on_with(works: Works) -> None:
    works.train()
    works.service.poll_error = AttemptError("away", reason="not-reachable")
    with pytest.raises(RowError) as caught:
        works.train()
    assert caught.value.reason == "poll-failed"
    assert works.versions()[-1][:2] == (2, "training")
    works.service.poll_error = None
    works.service.model = replace(works.service.model, model_id="guid-2")
    version = works.train()
    assert (version.version, version.service_model_id) == (2, "guid-2")
    assert len(works.service.trainings) == 2


def test_a_training_on_another_set_is_not_gone_on_with(works: Works) -> None:
    works.train()
    works.service.poll_error = AttemptError("away", reason="not-reachable")
    with pytest.raises(RowError):
        works.train()
    works.service.poll_error = None
    works.put("a", "b", "c", "d", "e", "f")
    assert works.train().version == 3
    assert works.versions()[1][1] == "invalid"
    assert works.operations()[-1] == ("train", "finished")
    with works.database.connect() as connection:
        assert operations.open_ones(connection, "bills", "train") == ()


def test_an_invalid_model_is_told_in_the_services_words(works: Works) -> None:
    fault = ServiceFault("2014", "No valid blobs found.")
    works.service.model = ServiceModel("guid-1", "invalid", faults=(fault,))
    with pytest.raises(RowError, match="2014: No valid blobs found") as caught:
        works.train()
    assert caught.value.reason == "training-failed"
    assert works.versions() == [(1, "invalid", "")]


def test_a_form_the_service_cannot_read_is_told_and_the_others_train(works: Works) -> None:
    works.service.refusal = DocumentError("400 InvalidImage", reason="refused-by-service")
    works.train()
    assert sum(getattr(note, "name", "") == "training-form-unreadable" for note in works.told) == 5


def test_a_service_that_is_away_ends_the_training_and_not_the_forms(works: Works) -> None:
    works.service.refusal = AttemptError("away", reason="not-reachable")
    with pytest.raises(RowError) as caught:
        works.train()
    assert caught.value.reason == "not-reachable"
    assert works.versions() == [(1, "invalid", "")]


def test_the_fields_of_a_model_are_the_services_with_what_the_folder_knows() -> None:
    model = ServiceModel("m", accuracies=(("total", 0.9), ("date", 0.8)))
    known = (FieldSpec("total", "currency"), FieldSpec("never labelled"))
    assert model_fields(model, known) == (FieldSpec("total", "currency"), FieldSpec("date"))
    assert model_fields(ServiceModel("m", keys=("Sold To:",))) == (FieldSpec("Sold To:"),)
    assert model_fields(ServiceModel("m"), known) == known


def test_a_training_without_labels_pays_for_no_layouts(works: Works) -> None:
    works.row = replace(ROW, use_label_file=False)
    works.service.model = ServiceModel("guid-1", keys=("Total:",))
    version = works.train()
    assert works.service.layouts == []
    assert version.fields == (FieldSpec("Total:"),)
