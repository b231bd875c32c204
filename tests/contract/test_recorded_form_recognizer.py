"""The product's client against every recorded session of Form Recognizer: it asks for the same, in the same
order, with the same bodies. What the vendor's tests did with their SDK is done here with our engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from pipeline.engines.form_recognizer import FormRecognizerEngine
from pipeline.errors import DocumentError, RowError
from pipeline.remote import (
    ContainerLink,
    Operation,
    OperationKind,
    OperationState,
    ServiceModel,
    StagedDocument,
    TrainingRequest,
)
from pipeline.wire.form_recognizer.requests import CopyTarget, DocumentLink, ReadingOptions
from tests.contract.tape import Tape, with_a_second_try_of_the_key, with_whole_lists
from tests.unit.engines.scripted import Clock, client_over
from tests.unit.wire.samples import MISSING, SAMPLES, Exchange, sessions

SESSIONS: Mapping[str, tuple[Exchange, ...]] = sessions("formrecognizer")
ENDPOINT = "https://fakeendpoint.cognitiveservices.azure.com"
SOURCE = "https://blob_sas_url"
PDF, JPEG = "application/pdf", "image/jpeg"
BRIEF = ReadingOptions(text_details=False)
PARTS = {"1": [1], "1,3": [1, 3], "1-2": [1, 2], "1-2,3": [1, 2, 3]}

OUT_OF_SCOPE = {
    "v2.1/recorded/InvoiceFromUrl_invoice_bad_url.session.json": "a prebuilt model",
    "v2.1/recorded/Invoice_invoice_locale_error.session.json": "a prebuilt model",
}


class Actor:
    """Does with the engine what the vendor's tests did with their client."""

    def __init__(self, engine: FormRecognizerEngine, folder: Path) -> None:
        self.engine = engine
        self._folder = folder

    def train(
        self, *, labels: bool, name: str = "", prefix: str = "", subfolders: bool = False
    ) -> OperationState:
        source = ContainerLink("training", SOURCE)
        request = TrainingRequest(name, source, prefix, include_subfolders=subfolders, labels=labels)
        return self.finish("train", self.engine.submit_training(request))

    def trained(self, *, labels: bool, name: str = "") -> ServiceModel:
        state = self.train(labels=labels, name=name)
        assert state.end == "succeeded"
        assert state.model is not None
        return state.model

    def finish(self, kind: OperationKind, url: str) -> OperationState:
        while (state := self.poll(kind, url)).end == "running":
            pass
        return state

    def poll(self, kind: OperationKind, url: str) -> OperationState:
        return self.engine.poll(Operation(1, kind, url))

    def document(self, content: bytes, content_type: str) -> StagedDocument:
        file = self._folder / "document"
        file.write_bytes(content)
        return StagedDocument("document", file, len(content), content_type, "hash")

    def layout(self, content_type: str, pages: str = "") -> OperationState:
        document = self.document(b"some content", content_type)
        return self.finish("layout", self.engine.submit_layout(document, ReadingOptions(pages=pages)))


# --- training -------------------------------------------------------------------------------------


def train_labelled(actor: Actor) -> None:
    model = actor.trained(labels=True)
    assert model.accuracies
    assert not model.keys


def train_labelled_with_a_name(actor: Actor) -> None:
    assert actor.trained(labels=True, name="my labeled model").name == "my labeled model"


def train_parts_of_a_container(actor: Actor) -> None:
    assert actor.train(labels=False, subfolders=True).end == "succeeded"
    assert actor.train(labels=False, prefix="subfolder", subfolders=True).end == "succeeded"
    nothing = actor.train(labels=False, prefix="xxx")
    assert nothing.end == "failed"
    assert [fault.code for fault in nothing.faults] == ["2014"]


def compose(actor: Actor) -> None:
    parts = [actor.trained(labels=True), actor.trained(labels=True, name="second-labeled-model")]
    ids = [part.model_id for part in parts]
    state = actor.finish("compose", actor.engine.submit_compose(ids, "my composed model"))
    assert state.model is not None
    assert (state.model.state, state.model.composed, state.model.components) == ("ready", True, tuple(ids))


def compose_what_cannot_be(actor: Actor) -> None:
    ids = [actor.trained(labels=False).model_id for _ in range(2)]
    with pytest.raises(RowError, match="1001") as caught:
        actor.engine.submit_compose(ids)
    assert caught.value.reason == "compose-refused"


# --- models ---------------------------------------------------------------------------------------


def count_models(actor: Actor) -> None:
    quota = actor.engine.quota()
    assert (quota.count, quota.limit) == (2241, 20000)


def manage(*, labels: bool) -> Callable[[Actor], None]:
    def act(actor: Actor) -> None:
        model = actor.trained(labels=labels)
        assert actor.engine.model(model.model_id) == model
        assert len(list(actor.engine.models())) > 0
        actor.engine.delete_model(model.model_id)
        with pytest.raises(RowError) as caught:
            actor.engine.model(model.model_id)
        assert caught.value.reason == "model-missing"

    return act


def authorize_copy(actor: Actor) -> None:
    assert actor.engine.authorize_copy().expires_at is not None


def copy_to(state: str, code: str | None = None) -> Callable[[Actor], None]:
    def act(actor: Actor) -> None:
        model = actor.trained(labels=False)
        leave = actor.engine.authorize_copy()
        target = CopyTarget("/path/to/resource/id", "region")
        copied = actor.finish("copy", actor.engine.submit_copy(model.model_id, target, leave))
        assert copied.end == state
        assert {fault.code for fault in copied.faults} == ({code} if code else set())
        if copied.end == "succeeded":
            assert actor.engine.model(leave.model_id).state == "ready"

    return act


# --- layout ---------------------------------------------------------------------------------------


def read_layout(content_type: str, pages_by_wish: Mapping[str, list[int]]) -> Callable[[Actor], None]:
    def act(actor: Actor) -> None:
        for wished, numbers in pages_by_wish.items():
            state = actor.layout(content_type, wished)
            assert state.analysis is not None
            assert [page.number for page in state.analysis.layout.pages] == numbers
            assert state.analysis.layout.text
            assert state.body

    return act


def read_layout_of_a_link(actor: Actor) -> None:
    url = actor.engine.submit_layout(DocumentLink("table.pdf", SOURCE))
    state = actor.finish("layout", url)
    assert state.analysis is not None
    assert any(page.tables for page in state.analysis.layout.pages)


def follow_what_is_no_link(actor: Actor) -> None:
    (exchange,) = SESSIONS["v2.1/recorded/ContentFromUrl_content_url_pass_stream.session.json"]
    with pytest.raises(DocumentError, match="FailedToDownloadImage"):
        actor.engine.submit_layout(DocumentLink("x", exchange.sent["source"]))


def read_what_is_damaged(actor: Actor) -> None:
    with pytest.raises(DocumentError, match="InvalidImage") as caught:
        actor.engine.submit_layout(actor.document(b"%PDFUUU", PDF))
    assert caught.value.reason == "refused-by-service"


def read_in_no_language(actor: Actor) -> None:
    options = ReadingOptions(language="not a language")
    with pytest.raises(RowError, match="NotSupportedLanguage"):
        actor.engine.submit_layout(actor.document(b"some content", JPEG), options)


def sign_in_with_a_bad_key(actor: Actor) -> None:
    with pytest.raises(RowError) as caught:
        actor.engine.submit_layout(actor.document(b"xx", PDF))
    assert caught.value.reason == "not-authorised"


# --- analysis -------------------------------------------------------------------------------------


def analyze_a_link(actor: Actor) -> None:
    model = actor.trained(labels=True)
    url = actor.engine.submit_document(model.model_id, DocumentLink("form.pdf", SOURCE), BRIEF)
    state = actor.finish("analyze", url)
    assert state.analysis is not None
    assert state.analysis.values


def analyze_bytes(*, labels: bool, name: str = "") -> Callable[[Actor], None]:
    def act(actor: Actor) -> None:
        model = actor.trained(labels=labels, name=name)
        document = actor.document(b"some content", JPEG)
        state = actor.finish("analyze", actor.engine.submit_document(model.model_id, document, BRIEF))
        assert state.analysis is not None
        assert state.analysis.values

    return act


def use_both_kinds_of_model(actor: Actor) -> None:
    models = [actor.trained(labels=True), actor.trained(labels=False)]
    link = DocumentLink("form.jpg", SOURCE)
    urls = [actor.engine.submit_document(model.model_id, link) for model in models]
    first, second = ([actor.poll("analyze", url) for url in urls] for _ in range(2))
    assert [state.end for state in first] == ["running", "running"]
    assert all(state.analysis and state.analysis.values for state in second)
    assert all(model.model_id for model in actor.engine.models())


# --- the sessions ---------------------------------------------------------------------------------

ACTS: Mapping[str, Callable[[Actor], None]] = {
    "v2.0/recorded/copy_authorization_v2": authorize_copy,
    "v2.0/recorded/copy_model_successful_v2": copy_to("succeeded"),
    "v2.0/recorded/training_multipage_without_labels_v2": train_labelled,
    "v2.0/recorded/training_with_files_filter_v2": train_parts_of_a_container,
    "v2.0/recorded/training_with_labels_v2": train_labelled,
    "v2.0/recorded/training_without_labels_v2": train_labelled,
    "v2.0/recorded/v2_0_compatibility": use_both_kinds_of_model,
    "v2.1/recorded/ContentFromStream_content_authentication_bad_key": sign_in_with_a_bad_key,
    "v2.1/recorded/ContentFromStream_content_language_error": read_in_no_language,
    "v2.1/recorded/ContentFromStream_content_multipage": read_layout(PDF, {"": [1, 2, 3]}),
    "v2.1/recorded/ContentFromStream_content_specify_pages": read_layout(PDF, PARTS),
    "v2.1/recorded/ContentFromStream_content_stream_jpg": read_layout(JPEG, {"": [1]}),
    "v2.1/recorded/ContentFromStream_damaged_file_passed_as_bytes": read_what_is_damaged,
    "v2.1/recorded/ContentFromUrl_content_multipage_table_span_pdf": read_layout_of_a_link,
    "v2.1/recorded/ContentFromUrl_content_url_pass_stream": follow_what_is_no_link,
    "v2.1/recorded/CopyModel_copy_authorization_v21": authorize_copy,
    "v2.1/recorded/CopyModel_copy_model_fail_v21": copy_to("failed", "2024"),
    "v2.1/recorded/CustomFormsFromUrl_form_multipage_labeled": analyze_a_link,
    "v2.1/recorded/CustomForms_custom_form_labeled": analyze_bytes(labels=True, name="labeled"),
    "v2.1/recorded/CustomForms_custom_form_unlabeled": analyze_bytes(labels=False),
    "v2.1/recorded/Management_account_properties_v2": count_models,
    "v2.1/recorded/Management_mgmt_model_labeled_v2": manage(labels=True),
    "v2.1/recorded/Management_mgmt_model_unlabeled_v2": manage(labels=False),
    "v2.1/recorded/Training_compose_model_invalid_unlabeled_models_v21": compose_what_cannot_be,
    "v2.1/recorded/Training_compose_model_v21": compose,
    "v2.1/recorded/Training_training_multipage_with_labels_v21": train_labelled,
    "v2.1/recorded/Training_training_with_files_filter_v21": train_parts_of_a_container,
    "v2.1/recorded/Training_training_with_labels_v21": train_labelled_with_a_name,
    "v2.1/recorded/Training_training_without_labels_v21": train_labelled_with_a_name,
}
"""The sessions named `without_labels` were recorded with `useLabelFile: true`."""


@pytest.mark.skipif(not SAMPLES.is_dir(), reason=MISSING)
@pytest.mark.parametrize("name", ACTS)
def test_the_client_asks_for_what_was_recorded(name: str, tmp_path: Path) -> None:
    tape = Tape(with_a_second_try_of_the_key(with_whole_lists(SESSIONS[f"{name}.session.json"])))
    asked_to_wait = [float(one.headers["retry-after"]) for one in tape.left if one.status == 429]
    clock = Clock()
    client = client_over(tape, ENDPOINT, clock)
    ACTS[name](Actor(FormRecognizerEngine(client, name.split("/")[0]), tmp_path))
    assert tape.left == []
    assert set(tape.keys) == {"key"}
    assert clock.now() == sum(asked_to_wait)


@pytest.mark.skipif(not SAMPLES.is_dir(), reason=MISSING)
def test_every_session_is_played_or_named_with_the_reason_why_not() -> None:
    assert {f"{name}.session.json" for name in ACTS} | set(OUT_OF_SCOPE) == set(SESSIONS)
    prebuilt = {name for name, told in SESSIONS.items() if any("/prebuilt/" in one.url for one in told)}
    assert {name for name, reason in OUT_OF_SCOPE.items() if reason == "a prebuilt model"} == prebuilt
