"""The product's client against every recorded session of Document Intelligence: it asks for the same, in the
same order, with the same bodies. What the vendor's tests did with their SDK is done here with our engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.engines.document_intelligence import DocumentIntelligenceEngine
from pipeline.errors import RowError
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
from pipeline.wire.document_intelligence.requests import DocumentLink, Notes, ReadingOptions
from tests.contract.tape import Tape, with_a_second_try_of_the_key
from tests.unit.engines.scripted import Clock, client_over
from tests.unit.wire.samples import MISSING, SAMPLES, Exchange, sessions

SESSIONS: Mapping[str, tuple[Exchange, ...]] = sessions("documentintelligence")
ENDPOINT = "https://fakeendpoint.cognitiveservices.azure.com"
VERSION, PREVIEW = "2022-08-31", "2022-06-30-preview"
SOURCE = "https://blob_sas_url"
OCTETS = "application/octet-stream"

OUT_OF_SCOPE = {
    "DACAnalyzePrebuilts_auto_detect_unsupported_stream_content": "a prebuilt model",
    "DACAnalyzePrebuilts_receipt_locale_error": "a prebuilt model",
}


class Actor:
    """Does with the engine what the vendor's tests did with their client. The ids of models, which a caller
    chooses, are those of the session."""

    def __init__(self, engine: DocumentIntelligenceEngine, folder: Path, asked: Sequence[Exchange]) -> None:
        self.engine = engine
        self.asked = asked
        self._folder = folder

    def sent(self, action: str, number: int = 0) -> dict[str, Any]:
        """What the vendor's client sent with its n-th call of an action (`:build`)."""
        bodies: list[dict[str, Any]] = [one.sent for one in self.asked if f":{action}?" in one.url]
        return bodies[number]

    def submit(self, number: int = 0) -> str:
        told = self.sent("build", number)
        blobs = told["azureBlobSource"]
        request = TrainingRequest(
            told["modelId"],
            ContainerLink("training", blobs["containerUrl"]),
            blobs.get("prefix", ""),
            mode=told["buildMode"],
            description=told.get("description", ""),
        )
        return self.engine.submit_training(request, told.get("tags", {}))

    def built(self, number: int = 0) -> ServiceModel:
        state = self.finish("train", self.submit(number))
        assert state.end == "succeeded"
        assert state.model is not None
        assert state.model.model_id == self.sent("build", number)["modelId"]
        return state.model

    def finish(self, kind: OperationKind, url: str) -> OperationState:
        while (state := self.engine.poll(Operation(1, kind, url))).end == "running":
            assert state.model is None
        return state

    def found(self, kind: OperationKind, url: str) -> Analysis:
        state = self.finish(kind, url)
        assert state.analysis is not None
        assert state.body
        return state.analysis

    def document(self) -> StagedDocument:
        file = self._folder / "document"
        file.write_bytes(b"some content")
        return StagedDocument("document", file, 12, OCTETS, "hash")


def notes_of(sent: Mapping[str, Any]) -> Notes:
    return Notes(sent.get("description", ""), sent.get("tags", {}))


# --- building -------------------------------------------------------------------------------------


def build(actor: Actor) -> None:
    model = actor.built()
    told = actor.sent("build")
    assert model.description == told.get("description", "")
    assert model.fields
    assert model.average_accuracy is not None


def build_neural(actor: Actor) -> None:
    assert actor.sent("build")["buildMode"] == "neural"
    assert actor.built().fields


def build_of_a_folder_without_forms(actor: Actor) -> None:
    state = actor.finish("train", actor.submit())
    assert (state.end, [fault.code for fault in state.faults]) == ("failed", ["ModelBuildError"])


def build_with_a_bad_key(actor: Actor) -> None:
    with pytest.raises(RowError) as caught:
        actor.submit()
    assert caught.value.reason == "not-authorised"


def build_of_what_is_no_container(actor: Actor) -> None:
    with pytest.raises(RowError, match="InvalidContentSourceFormat") as caught:
        actor.submit()
    assert caught.value.reason == "training-refused"


def compose(actor: Actor) -> None:
    parts = [actor.built(number).model_id for number in (0, 1)]
    told = actor.sent("compose")
    url = actor.engine.submit_compose(told["modelId"], parts, notes=notes_of(told))
    state = actor.finish("compose", url)
    assert state.model is not None
    assert (state.model.composed, set(state.model.components)) == (True, set(parts))


def copy(actor: Actor) -> None:
    model = actor.built()
    told = actor.sent("authorizeCopy")
    leave = actor.engine.authorize_copy(told["modelId"], notes_of(told))
    assert leave.expires_at is not None
    state = actor.finish("copy", actor.engine.submit_copy(model.model_id, leave))
    assert state.model is not None
    assert (state.model.model_id, state.model.fields) == (told["modelId"], model.fields)


# --- management -----------------------------------------------------------------------------------


def count_models(actor: Actor) -> None:
    quota = actor.engine.quota()
    assert (quota.count, quota.limit) == (597, 20000)


def list_operations(actor: Actor) -> None:
    assert {one.kind for one in actor.engine.operations()} >= {"documentModelBuild"}
    succeeded, failed = (id_of(one) for one in actor.asked if "/operations/" in one.url)
    assert actor.engine.operation(succeeded).model is not None
    assert actor.engine.operation(failed).faults


def manage(actor: Actor) -> None:
    model = actor.built()
    assert actor.engine.model(model.model_id) == model
    ids = [one.model_id for one in actor.engine.models()]
    assert ids
    assert not [one for one in ids if one.startswith("prebuilt-")]
    gone = id_of(actor.asked[-1])
    actor.engine.delete_model(gone)
    with pytest.raises(RowError) as caught:
        actor.engine.model(gone)
    assert caught.value.reason == "model-missing"


def id_of(exchange: Exchange) -> str:
    return exchange.url.partition("?")[0].rpartition("/")[2]


# --- documents ------------------------------------------------------------------------------------


def analyze(*fields: str) -> Callable[[Actor], None]:
    def act(actor: Actor) -> None:
        url = actor.engine.submit_document(actor.built().model_id, actor.document())
        analysis = actor.found("analyze", url)
        assert {value.field for value in analysis.values} >= set(fields)
        assert analysis.layout.text

    return act


def analyze_rows_of_a_table(actor: Actor) -> None:
    model = actor.built()
    link = DocumentLink("document", SOURCE)
    analysis = actor.found("analyze", actor.engine.submit_document(model.model_id, link))
    columns = {value.field for value in analysis.values if value.field.startswith("table/")}
    assert columns <= {field.name for field in model.fields}
    assert len({value.occurrence for value in analysis.values}) > 1


def read_parts(actor: Actor) -> None:
    for wished, numbers in {"1": [1], "1, 3": [1, 3], "1-2": [1, 2], "1-2, 3": [1, 2, 3]}.items():
        url = actor.engine.submit_layout(actor.document(), ReadingOptions(pages=wished))
        assert [page.number for page in actor.found("layout", url).layout.pages] == numbers


# --- the sessions ---------------------------------------------------------------------------------

ACTS: Mapping[str, Callable[[Actor], None]] = {
    "CopyModel_copy_model_successful": copy,
    "DACAnalyzeCustomModelFromUrl_label_tables_variable_rows": analyze_rows_of_a_table,
    "DACAnalyzeCustomModel_custom_document_multipage_transform": analyze("Merchant"),
    "DACAnalyzeCustomModel_custom_document_signature_field": analyze("FullSignature"),
    "DACAnalyzeCustomModel_custom_document_transform": analyze("Total"),
    "DACAnalyzeLayout_layout_specify_pages": read_parts,
    "DMACTraining_build_model": build,
    "DMACTraining_build_model_auth_bad_key": build_with_a_bad_key,
    "DMACTraining_build_model_azure_blob_path_filter": build_of_a_folder_without_forms,
    "DMACTraining_build_model_encoded_url": build_of_what_is_no_container,
    "DMACTraining_build_model_multipage": build,
    "DMACTraining_build_model_neural": build_neural,
    "Management_account_info": count_models,
    "Management_get_list_operations": list_operations,
    "Management_mgmt_model": manage,
    "TestTraining_compose_model": compose,
}


def session(name: str) -> list[Exchange]:
    """What was recorded, but for two things: the neural build was recorded with the preview before 3.0, which
    asks and answers as 3.0 does; and the vendor's client writes the end of a leave to copy anew, with
    thousandths, where ours passes the leave on as it came."""
    return [
        replace(
            one,
            url=one.url.replace(PREVIEW, VERSION),
            headers={header: value.replace(PREVIEW, VERSION) for header, value in one.headers.items()},
            sent=as_it_came(one.sent),
        )
        for one in SESSIONS[place(name)]
    ]


def as_it_came(sent: Any) -> Any:
    if not isinstance(sent, dict) or "accessToken" not in sent:
        return sent
    return sent | {"expirationDateTime": sent["expirationDateTime"].replace(".000Z", "Z")}


def place(name: str) -> str:
    return f"{VERSION}/recorded/{name}.session.json"


@pytest.mark.skipif(not SAMPLES.is_dir(), reason=MISSING)
@pytest.mark.parametrize("name", ACTS)
def test_the_client_asks_for_what_was_recorded(name: str, tmp_path: Path) -> None:
    recorded = session(name)
    tape = Tape(with_a_second_try_of_the_key(recorded))
    client = client_over(tape, ENDPOINT, Clock())
    ACTS[name](Actor(DocumentIntelligenceEngine(client, VERSION), tmp_path, recorded))
    assert tape.left == []
    assert set(tape.keys) == {"key"}


@pytest.mark.skipif(not SAMPLES.is_dir(), reason=MISSING)
def test_every_session_is_played_or_named_with_the_reason_why_not() -> None:
    assert {place(name) for name in [*ACTS, *OUT_OF_SCOPE]} == set(SESSIONS)
    prebuilt = {
        name
        for name, told in SESSIONS.items()
        if any("/prebuilt-" in one.url and "/prebuilt-layout" not in one.url for one in told)
    }
    assert {place(name) for name in OUT_OF_SCOPE} == prebuilt
