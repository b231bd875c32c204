"""The product's own client of every v2 version and the emulator understand each other."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.engines.form_recognizer import FormRecognizerEngine
from pipeline.errors import RowError
from pipeline.remote import (
    ContainerLink,
    Operation,
    OperationKind,
    OperationState,
    StagedDocument,
    TrainingRequest,
)
from pipeline.rest.client import ServiceClient
from pipeline.rest.credentials import KeyCredential
from pipeline.wire.form_recognizer.versions import VERSIONS
from tests.azure.emulator import Emulator
from tests.azure.lake import CONTAINER, Forms


def ended(engine: FormRecognizerEngine, kind: OperationKind, url: str) -> OperationState:
    operation = Operation(1, kind, url, datetime.now(UTC))
    until = time.monotonic() + 60
    while time.monotonic() < until:
        state = engine.poll(operation)
        if state.end != "running":
            return state
        time.sleep(0.1)
    raise AssertionError("the operation did not end in time")


@pytest.fixture(scope="module", params=list(VERSIONS))
def engine(request: pytest.FixtureRequest, emulator: Emulator) -> FormRecognizerEngine:
    client = ServiceClient(emulator.url, KeyCredential(lambda _: emulator.key))
    return FormRecognizerEngine(client, request.param)


@pytest.fixture(scope="module")
def staged(forms: Forms) -> StagedDocument:
    file: Path = forms.backlog()[0]
    return StagedDocument(file.name, file, file.stat().st_size, "application/pdf", "hash", 1)


def test_a_layout_is_read(engine: FormRecognizerEngine, staged: StagedDocument) -> None:
    state = ended(engine, "layout", engine.submit_layout(staged))
    assert state.end == "succeeded" and state.analysis is not None
    (page,) = state.analysis.layout.pages
    assert len(list(page.words)) > 20


def test_a_model_without_labels_is_trained_and_finds_values(
    engine: FormRecognizerEngine, staged: StagedDocument, forms: Forms
) -> None:
    wanted = TrainingRequest("", ContainerLink(CONTAINER, forms.link()), forms.training, labels=False)
    trained = ended(engine, "train", engine.submit_training(wanted))
    assert trained.end == "succeeded" and trained.model is not None
    assert len(trained.model.documents) == 6
    model = engine.model(trained.model.model_id)
    assert (model.state, len(model.keys) >= 5) == ("ready", True)
    assert model.model_id in {each.model_id for each in engine.models()}

    found = ended(engine, "analyze", engine.submit_document(model.model_id, staged))
    assert found.end == "succeeded" and found.analysis is not None
    printed = {value.text for value in found.analysis.values}
    assert forms.truth(staged.name)["InvoiceNumber"] in printed

    engine.delete_model(model.model_id)
    with pytest.raises(RowError) as caught:
        engine.model(model.model_id)
    assert caught.value.reason == "model-missing"


def test_a_training_set_that_is_not_there_fails_with_the_reason(
    engine: FormRecognizerEngine, forms: Forms
) -> None:
    wanted = TrainingRequest("", ContainerLink(CONTAINER, forms.link()), "nothing/")
    state = ended(engine, "train", engine.submit_training(wanted))
    assert (state.end, [fault.code for fault in state.faults]) == ("failed", ["2014"])
