"""Our client of Document Intelligence against the emulator, over real sockets and a real blob server. The
vendor's clients judge the emulator in a module of their own; here it judges our engine."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.engines.document_intelligence import DocumentIntelligenceEngine
from pipeline.errors import AttemptError, DocumentError, RowError
from pipeline.remote import (
    Analysis,
    ContainerLink,
    Operation,
    OperationKind,
    OperationState,
    ServiceModel,
    StagedDocument,
    TrainingRequest,
)
from pipeline.rest.client import ServiceClient
from pipeline.rest.credentials import KeyCredential
from pipeline.wire.document_intelligence import decode
from pipeline.wire.document_intelligence.requests import (
    BatchTarget,
    DocumentLink,
    DocumentSource,
    ReadingOptions,
)
from pipeline.wire.document_intelligence.versions import VERSIONS
from tests.azure.azurite import Azurite
from tests.azure.emulator import Emulator
from tests.azure.lake import CONTAINER, Forms

V31, V40 = "2023-07-31", "2024-11-30"
LONGEST = 60.0

Speak = Callable[..., DocumentIntelligenceEngine]


@pytest.fixture(scope="module")
def speak(emulator: Emulator) -> Speak:
    def speaking(version: str, resource: int = 0) -> DocumentIntelligenceEngine:
        key = KeyCredential(lambda fresh: emulator.keys[resource])
        return DocumentIntelligenceEngine(ServiceClient(emulator.url, key), version)

    return speaking


@pytest.fixture(scope="module")
def training(forms: Forms) -> TrainingRequest:
    return TrainingRequest(name("bills"), ContainerLink(CONTAINER, forms.link()), forms.training)


@pytest.fixture(scope="module")
def model(speak: Speak, training: TrainingRequest) -> ServiceModel:
    """One model for every test that only reads with it."""
    engine = speak(V40)
    return made(finish(engine, "train", engine.submit_training(training)))


def name(what: str) -> str:
    return f"{what}-{uuid.uuid4().hex[:8]}"


def finish(engine: DocumentIntelligenceEngine, kind: OperationKind, url: str) -> OperationState:
    until = time.monotonic() + LONGEST
    while (state := engine.poll(Operation(1, kind, url))).end == "running":
        assert time.monotonic() < until, f"{kind} does not end"
        time.sleep(0.1)
    return state


def made(state: OperationState) -> ServiceModel:
    assert state.model is not None, state.faults
    return state.model


def found(state: OperationState) -> Analysis:
    assert state.analysis is not None, state.faults
    return state.analysis


def staged(file: Path) -> StagedDocument:
    return StagedDocument(file.name, file, file.stat().st_size, "application/pdf", "hash", pages=1)


def right(analysis: Analysis, truth: dict[str, str]) -> int:
    return sum((value.field, value.text) in truth.items() for value in analysis.values)


# --- models ---------------------------------------------------------------------------------------


def test_a_training_that_is_asked_for_again_is_the_one_that_was_begun(
    speak: Speak, model: ServiceModel, training: TrainingRequest, emulator: Emulator
) -> None:
    engine, accepted = speak(V40), emulator.accepted("train")
    again = made(finish(engine, "train", engine.submit_training(training)))
    assert again == model
    assert emulator.accepted("train") == accepted


def test_a_model_is_described_got_and_listed_alike(speak: Speak, model: ServiceModel) -> None:
    engine = speak(V40)
    assert engine.model(model.model_id) == model
    assert "InvoiceNumber" in {spec.name for spec in model.fields}
    assert dict(model.accuracies).keys() == {spec.name for spec in model.fields}
    assert model.model_id in {one.model_id for one in engine.models()}
    assert engine.quota().count >= 1
    assert model.model_id in {one.model_id for one in engine.operations()}


def test_a_copy_arrives_in_the_other_resource(speak: Speak, model: ServiceModel) -> None:
    source, target = speak(V40), speak(V40, resource=1)
    leave = target.authorize_copy(name("copied"))
    copied = made(finish(source, "copy", source.submit_copy(model.model_id, leave)))
    assert target.model(copied.model_id).fields == model.fields
    target.delete_model(copied.model_id)
    target.delete_model(copied.model_id)
    with pytest.raises(RowError) as caught:
        target.model(copied.model_id)
    assert caught.value.reason == "model-missing"


@pytest.mark.parametrize("version", VERSIONS)
def test_what_cannot_be_trained_says_why(speak: Speak, training: TrainingRequest, version: str) -> None:
    engine = speak(version)
    nothing = TrainingRequest(name("empty"), training.source, "nowhere/")
    state = finish(engine, "train", engine.submit_training(nothing))
    assert (state.end, [fault.code for fault in state.faults]) == ("failed", ["ModelBuildError"])


# --- documents ------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["bytes", "link"])
def test_a_document_gives_what_was_printed_on_it(
    speak: Speak, model: ServiceModel, forms: Forms, by: str
) -> None:
    engine, file = speak(V40), forms.backlog()[0]
    link = DocumentLink(file.name, forms.blob_link(f"{forms.form_type}/backlog/{file.name}"))
    url = engine.submit_document(model.model_id, staged(file) if by == "bytes" else link)
    truth = forms.truth(file.name)
    analysis = found(finish(engine, "analyze", url))
    assert right(analysis, truth) >= len(truth) - 2
    assert analysis.documents[0].model_id == model.model_id


@pytest.mark.parametrize(
    ("version", "index"),
    list(zip(VERSIONS, ["textElements", "unicodeCodePoint", "utf16CodeUnit"], strict=True)),
)
def test_a_layout_has_the_words_of_each_line_in_every_unit(
    speak: Speak, forms: Forms, version: str, index: str
) -> None:
    engine = speak(version)
    url = engine.submit_layout(staged(forms.backlog()[0]), ReadingOptions(index=index))
    state = finish(engine, "layout", url)
    pages = found(state).layout.pages
    assert pages[0].unit == "inch"
    lines = [line for page in pages for line in page.lines]
    assert lines
    told = [("".join(word.text for word in line.words), line.text.replace(" ", "")) for line in lines]
    assert [words for words, _ in told] == [text for _, text in told]
    assert decode.layout_from_result(json.loads(state.body)) == found(state).layout


def test_what_is_no_document_ends_itself_and_no_model_its_row(
    speak: Speak, model: ServiceModel, tmp_path: Path
) -> None:
    engine, file = speak(V40), tmp_path / "1.pdf"
    file.write_bytes(b"%PDF-1.7 damaged")
    with pytest.raises(DocumentError, match="InvalidContent"):
        engine.submit_document(model.model_id, staged(file))
    with pytest.raises(RowError) as caught:
        engine.submit_document("nobody", staged(file))
    assert caught.value.reason == "model-missing"


def test_an_operation_that_never_was_is_begun_again(speak: Speak, emulator: Emulator) -> None:
    results = f"{emulator.url}/documentintelligence/documentModels/m/analyzeResults"
    url = f"{results}/{uuid.uuid4()}?api-version={V40}"
    with pytest.raises(AttemptError) as caught:
        speak(V40).poll(Operation(1, "analyze", url))
    assert caught.value.reason == "operation-expired"


# --- batches --------------------------------------------------------------------------------------


def test_a_batch_ends_in_results_that_are_read_as_answers_are(
    speak: Speak, model: ServiceModel, forms: Forms, azurite: Azurite
) -> None:
    engine, results = speak(V40), name("results")
    container = azurite.second.container(results)
    signed = f"{azurite.second.url}/{results}?{azurite.second.container_sas(results, 'rwdl')}"
    source = DocumentSource(ContainerLink(CONTAINER, forms.link("rwdl")), f"{forms.form_type}/backlog/")
    target = BatchTarget(ContainerLink(results, signed), "run/")
    state = finish(engine, "batch", engine.submit_batch(model.model_id, source, target))
    assert {item.state for item in state.items} == {"succeeded"}
    files = {f"{source.prefix}{file.name}": file for file in forms.backlog()}
    assert {item.source_path for item in state.items} == set(files)
    for item in state.items:
        body = json.loads(container.download_blob(item.result_path).readall())
        url = engine.submit_document(model.model_id, staged(files[item.source_path]))
        alone = found(finish(engine, "analyze", url))
        assert found(decode.operation_state(body)).values == alone.values != ()
    again = finish(engine, "batch", engine.submit_batch(model.model_id, source, target))
    assert [(item.state, item.fault and item.fault.code) for item in again.items] == [
        ("skipped", "OutputExists")
    ] * len(files)


# --- classifiers ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def classes(forms: Forms) -> dict[str, DocumentSource]:
    link = ContainerLink(CONTAINER, forms.link())
    return {
        kind: DocumentSource(link, f"{kind}/training/")
        for kind in ("purchase_invoice", "supplier_registration")
    }


@pytest.mark.parametrize("version", [V31, V40])
def test_a_classifier_tells_documents_apart(
    speak: Speak, forms: Forms, classes: dict[str, DocumentSource], version: str
) -> None:
    engine, sorter = speak(version), name("sorter")
    built = made(finish(engine, "train", engine.submit_classifier(sorter, classes)))
    assert (built.model_id, engine.classifier(sorter).model_id) == (sorter, sorter)
    url = engine.submit_classification(sorter, staged(forms.backlog()[0]))
    (document,) = found(finish(engine, "classify", url)).documents
    assert (document.doc_type, document.values) == ("purchase_invoice", ())
    assert sorter in {one.model_id for one in engine.classifiers()}
    engine.delete_classifier(sorter)
    with pytest.raises(RowError) as caught:
        engine.classifier(sorter)
    assert caught.value.reason == "model-missing"


@pytest.mark.parametrize("version", [V31, V40])
def test_models_are_composed_and_read_together(
    speak: Speak,
    model: ServiceModel,
    forms: Forms,
    classes: dict[str, DocumentSource],
    version: str,
) -> None:
    engine, sorter = speak(version), name("sorter")
    leave = engine.authorize_copy(name("twin"))
    twin = made(finish(engine, "copy", engine.submit_copy(model.model_id, leave)))
    parts = {"purchase_invoice": model.model_id, "supplier_registration": twin.model_id}
    if version == V40:
        finish(engine, "train", engine.submit_classifier(sorter, classes))
        url = engine.submit_compose(name("all"), parts, classifier_id=sorter)
    else:
        url = engine.submit_compose(name("all"), list(parts.values()))
    composed = made(finish(engine, "compose", url))
    assert (composed.composed, set(composed.components)) == (True, set(parts.values()))
    file = forms.backlog()[0]
    analysis = found(finish(engine, "analyze", engine.submit_document(composed.model_id, staged(file))))
    truth = forms.truth(file.name)
    assert right(analysis, truth) >= len(truth) - 2
