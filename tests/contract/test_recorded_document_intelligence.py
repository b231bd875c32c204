"""The product's client against every recorded session of Document Intelligence: it asks for the same, in the
same order, with the same bodies. What the vendor's tests did with their SDK is done here with our engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest

from pipeline.engines.document_intelligence import DocumentIntelligenceEngine
from pipeline.errors import RowError
from pipeline.remote import (
    Analysis,
    BuildMode,
    ContainerLink,
    Operation,
    OperationKind,
    OperationState,
    ServiceModel,
    StagedDocument,
    TrainingRequest,
)
from pipeline.wire.document_intelligence.requests import DocumentLink, Notes, ReadingOptions
from tests.contract.tape import Tape, with_a_second_try_of_the_key
from tests.unit.engines.scripted import Clock, client_over
from tests.unit.wire.samples import MISSING, SAMPLES, Exchange, sessions

SESSIONS: Mapping[str, tuple[Exchange, ...]] = sessions("documentintelligence")
ENDPOINT = "https://fakeendpoint.cognitiveservices.azure.com"
SOURCE = "https://blob_sas_url"
BYTES = "application/octet-stream"
TAGS = MappingProxyType({"testkey": "testvalue"})
VERSION, PREVIEW = "2022-08-31", "2022-06-30-preview"

OUT_OF_SCOPE = {
    "2022-08-31/recorded/DACAnalyzePrebuilts_auto_detect_unsupported_stream_content.session.json": (
        "a prebuilt model"
    ),
    "2022-08-31/recorded/DACAnalyzePrebuilts_receipt_locale_error.session.json": "a prebuilt model",
}


class Actor:
    """Does with the engine what the vendor's tests did with their client, under the ids they made up."""

    def __init__(self, engine: DocumentIntelligenceEngine, session: Sequence[Exchange], folder: Path) -> None:
        self.engine = engine
        self._folder = folder
        named = [exchange.sent for exchange in session if isinstance(exchange.sent, dict)]
        self._names = iter([sent["modelId"] for sent in named if "modelId" in sent])
        self._asked_for = [exchange.url for exchange in session]

    def name(self) -> str:
        """The id of the next model that was made."""
        return str(next(self._names))

    def path_ends(self, number: int) -> str:
        """What the recorded test picked from a list that was cut."""
        return self._asked_for[number].partition("?")[0].rpartition("/")[2]

    def build(
        self,
        description: str = "",
        *,
        source: str = SOURCE,
        prefix: str = "",
        mode: BuildMode = "template",
        tags: Mapping[str, str] = MappingProxyType({}),
    ) -> OperationState:
        link = ContainerLink("training", source)
        request = TrainingRequest(self.name(), link, prefix, mode=mode, description=description)
        return self.finish("train", self.engine.submit_training(request, tags))

    def built(self, description: str = "") -> ServiceModel:
        return model_of(self.build(description))

    def finish(self, kind: OperationKind, url: str) -> OperationState:
        while (state := self.engine.poll(Operation(1, kind, url))).end == "running":
            pass
        return state

    def document(self) -> StagedDocument:
        file = self._folder / "document"
        file.write_bytes(b"some content")
        return StagedDocument("document", file, 12, BYTES, "hash")


def model_of(state: OperationState) -> ServiceModel:
    assert state.end == "succeeded"
    assert state.model is not None
    return state.model


def analysis_of(state: OperationState) -> Analysis:
    assert state.end == "succeeded"
    assert state.analysis is not None
    assert state.body
    return state.analysis


# --- training -------------------------------------------------------------------------------------


def build(actor: Actor) -> None:
    model = actor.built()
    assert model.fields
    assert dict(model.accuracies).keys() >= {spec.name for spec in model.fields}


def build_with_notes(mode: BuildMode) -> Callable[[Actor], None]:
    def act(actor: Actor) -> None:
        model = model_of(actor.build("a v3 model", mode=mode, tags=TAGS))
        assert (model.description, bool(model.fields)) == ("a v3 model", True)

    return act


def build_from_a_folder_without_layouts(actor: Actor) -> None:
    state = actor.build(prefix="testfolder")
    assert (state.end, [fault.code for fault in state.faults]) == ("failed", ["ModelBuildError"])


def build_from_no_container(actor: Actor) -> None:
    with pytest.raises(RowError, match="InvalidContentSourceFormat") as caught:
        actor.build(source="https://fakeuri.com/blank%20space")
    assert caught.value.reason == "training-refused"


def sign_in_with_a_bad_key(actor: Actor) -> None:
    with pytest.raises(RowError) as caught:
        actor.build(source="xx")
    assert caught.value.reason == "not-authorised"


def compose(actor: Actor) -> None:
    parts = [actor.built("model1").model_id, actor.built("model2").model_id]
    notes = Notes("my composed model", TAGS)
    url = actor.engine.submit_compose(actor.name(), parts, notes=notes)
    model = model_of(actor.finish("compose", url))
    assert (model.composed, set(model.components)) == (True, set(parts))


# --- models ---------------------------------------------------------------------------------------


def count_models(actor: Actor) -> None:
    quota = actor.engine.quota()
    assert (quota.count, quota.limit) == (597, 20000)


def manage(actor: Actor) -> None:
    model = actor.built("mgmt model")
    assert actor.engine.model(model.model_id) == model
    versions = {one.api_version for one in actor.engine.models()}
    assert versions >= {"v2.1", VERSION, PREVIEW}
    last = actor.path_ends(-1)
    actor.engine.delete_model(last)
    with pytest.raises(RowError) as caught:
        actor.engine.model(last)
    assert caught.value.reason == "model-missing"


def copy(actor: Actor) -> None:
    model = actor.built()
    leave = actor.engine.authorize_copy(actor.name(), Notes(tags=TAGS))
    copied = model_of(actor.finish("copy", actor.engine.submit_copy(model.model_id, leave)))
    assert copied.model_id == leave.model_id


def list_operations(actor: Actor) -> None:
    kinds = {one.kind for one in actor.engine.operations()}
    assert kinds == {"documentModelBuild", "documentModelCompose"}
    good, bad = (actor.engine.operation(actor.path_ends(number)) for number in (2, 3))
    assert model_of(good).fields
    assert (bad.end, [fault.code for fault in bad.faults]) == ("failed", ["ModelBuildError"])


# --- documents ------------------------------------------------------------------------------------


def analyze(expected: Mapping[str, str]) -> Callable[[Actor], None]:
    def act(actor: Actor) -> None:
        model = actor.built()
        url = actor.engine.submit_document(model.model_id, actor.document())
        values = {value.field: value.text for value in analysis_of(actor.finish("analyze", url)).values}
        assert values.items() >= expected.items()
        assert values.keys() <= {spec.name for spec in model.fields}

    return act


def analyze_a_table_of_a_link(actor: Actor) -> None:
    model = actor.built()
    assert [spec.name for spec in model.fields] == ["table/Item", "table/Price", "table/Tax", "table/Total"]
    url = actor.engine.submit_document(model.model_id, DocumentLink("form.pdf", SOURCE))
    found = analysis_of(actor.finish("analyze", url)).values
    prices = {value.occurrence: value.text for value in found if value.field == "table/Price"}
    assert prices == {0: "5.00", 1: "2.00", 2: "1.00"}


def read_layout_of_pages(actor: Actor) -> None:
    for wished, numbers in {"1": [1], "1, 3": [1, 3], "1-2": [1, 2], "1-2, 3": [1, 2, 3]}.items():
        url = actor.engine.submit_layout(actor.document(), ReadingOptions(pages=wished))
        layout = analysis_of(actor.finish("layout", url)).layout
        assert [page.number for page in layout.pages] == numbers
        assert layout.text


# --- the sessions ---------------------------------------------------------------------------------

ORDER = {"Merchant": "Hero Limited", "Total": "$144.00", "FullSignature": "signed"}

ACTS: Mapping[str, Callable[[Actor], None]] = {
    "CopyModel_copy_model_successful": copy,
    "DACAnalyzeCustomModelFromUrl_label_tables_variable_rows": analyze_a_table_of_a_link,
    "DACAnalyzeCustomModel_custom_document_multipage_transform": analyze({"Total2": "4300.00"}),
    "DACAnalyzeCustomModel_custom_document_signature_field": analyze(ORDER),
    "DACAnalyzeCustomModel_custom_document_transform": analyze(ORDER),
    "DACAnalyzeLayout_layout_specify_pages": read_layout_of_pages,
    "DMACTraining_build_model": build_with_notes("template"),
    "DMACTraining_build_model_auth_bad_key": sign_in_with_a_bad_key,
    "DMACTraining_build_model_azure_blob_path_filter": build_from_a_folder_without_layouts,
    "DMACTraining_build_model_encoded_url": build_from_no_container,
    "DMACTraining_build_model_multipage": build,
    "DMACTraining_build_model_neural": build_with_notes("neural"),
    "Management_account_info": count_models,
    "Management_get_list_operations": list_operations,
    "Management_mgmt_model": manage,
    "TestTraining_compose_model": compose,
}


def released(exchange: Exchange) -> Exchange:
    """The neural session was recorded in the preview before 3.0, which asked for the same."""
    headers = {name: value.replace(PREVIEW, VERSION) for name, value in exchange.headers.items()}
    return replace(exchange, url=exchange.url.replace(PREVIEW, VERSION), headers=headers)


def as_it_came(exchange: Exchange) -> Exchange:
    """The vendor's client wrote the time of a copy authorisation anew, with milliseconds; ours passes the
    authorisation on to the letter."""
    sent = exchange.sent
    if not isinstance(sent, dict) or "accessToken" not in sent:
        return exchange
    assert sent["expirationDateTime"].endswith(".000Z")
    time = sent["expirationDateTime"].replace(".000Z", "Z")
    return replace(exchange, sent=sent | {"expirationDateTime": time})


@pytest.mark.skipif(not SAMPLES.is_dir(), reason=MISSING)
@pytest.mark.parametrize("name", ACTS)
def test_the_client_asks_for_what_was_recorded(name: str, tmp_path: Path) -> None:
    session = [as_it_came(released(one)) for one in SESSIONS[f"{VERSION}/recorded/{name}.session.json"]]
    tape = Tape(with_a_second_try_of_the_key(session))
    clock = Clock()
    engine = DocumentIntelligenceEngine(client_over(tape, ENDPOINT, clock), VERSION)
    ACTS[name](Actor(engine, session, tmp_path))
    assert tape.left == []
    assert set(tape.keys) == {"key"}
    assert clock.now() == 0.0


@pytest.mark.skipif(not SAMPLES.is_dir(), reason=MISSING)
def test_every_session_is_played_or_named_with_the_reason_why_not() -> None:
    played = {f"{VERSION}/recorded/{name}.session.json" for name in ACTS}
    assert played | set(OUT_OF_SCOPE) == set(SESSIONS)
    assert not played & set(OUT_OF_SCOPE)
    prebuilt = {
        name
        for name, told in SESSIONS.items()
        if any("/prebuilt-" in one.url and "/prebuilt-layout" not in one.url for one in told)
    }
    assert {name for name, reason in OUT_OF_SCOPE.items() if reason == "a prebuilt model"} == prebuilt
