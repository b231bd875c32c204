"""The emulator judged by the vendor's own clients of Document Intelligence 3.0, 3.1 and 4.0."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from azure.ai.documentintelligence import DocumentIntelligenceAdministrationClient, DocumentIntelligenceClient
from azure.ai.documentintelligence.models import (
    AnalyzeBatchDocumentsRequest,
    AnalyzeDocumentRequest,
    AuthorizeClassifierCopyRequest,
    AuthorizeCopyRequest,
    AzureBlobContentSource,
    AzureBlobFileListContentSource,
    BuildDocumentClassifierRequest,
    BuildDocumentModelRequest,
    ClassifierDocumentTypeDetails,
    ClassifyDocumentRequest,
    ComposeDocumentModelRequest,
    DocumentTypeDetails,
)
from azure.ai.formrecognizer import (
    BlobSource,
    DocumentAnalysisClient,
    DocumentModelAdministrationClient,
)
from azure.ai.formrecognizer import (
    ClassifierDocumentTypeDetails as OldDocumentType,
)
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from tests.azure.azurite import Azurite
from tests.azure.emulator import Emulator
from tests.azure.lake import CONTAINER, Forms

OLD = ("2022-08-31", "2023-07-31")


def name(what: str) -> str:
    return f"{what}-{uuid.uuid4().hex[:8]}"


def old_admin(emulator: Emulator, version: str, resource: int = 0) -> DocumentModelAdministrationClient:
    key = AzureKeyCredential(emulator.keys[resource])
    return DocumentModelAdministrationClient(emulator.url, key, api_version=version, polling_interval=0.2)


def old_reader(emulator: Emulator, version: str, resource: int = 0) -> DocumentAnalysisClient:
    key = AzureKeyCredential(emulator.keys[resource])
    return DocumentAnalysisClient(emulator.url, key, api_version=version, polling_interval=0.2)


def admin(emulator: Emulator, resource: int = 0) -> DocumentIntelligenceAdministrationClient:
    key = AzureKeyCredential(emulator.keys[resource])
    return DocumentIntelligenceAdministrationClient(emulator.url, key, polling_interval=0.2)


def reader(emulator: Emulator, resource: int = 0) -> DocumentIntelligenceClient:
    key = AzureKeyCredential(emulator.keys[resource])
    return DocumentIntelligenceClient(emulator.url, key, polling_interval=0.2)


@pytest.fixture(scope="module")
def document(forms: Forms) -> Path:
    return forms.backlog()[0]


@pytest.fixture(scope="module")
def old_model(emulator: Emulator, forms: Forms) -> Any:
    client = old_admin(emulator, "2022-08-31")
    return client.begin_build_document_model(
        "template",
        blob_container_url=forms.link(),
        prefix=forms.training,
        model_id=name("bills"),
        description="first",
    ).result()


@pytest.fixture(scope="module")
def model(emulator: Emulator, forms: Forms) -> Any:
    """Built of the files that a list in the container names."""
    files = sorted((forms.root / CONTAINER / forms.training).glob("*.pdf"))
    lines = "\n".join(json.dumps({"file": f"{forms.training}{file.name}"}) for file in files)
    forms.account.container(CONTAINER).upload_blob("listed.jsonl", lines, overwrite=True)
    source = AzureBlobFileListContentSource(container_url=forms.link(), file_list="listed.jsonl")
    request = BuildDocumentModelRequest(
        model_id=name("bills"), build_mode="neural", azure_blob_file_list_source=source
    )
    return admin(emulator).begin_build_document_model(request).result()


def right(fields: Any, truth: dict[str, str]) -> int:
    return sum((fields.get(key) is not None and fields[key].content == value) for key, value in truth.items())


# --- 3.0 and 3.1 ------------------------------------------------------------------------------------


def test_a_template_model_tells_its_fields_and_confidences(old_model: Any) -> None:
    (kind,) = old_model.doc_types.values()
    assert old_model.description == "first"
    assert kind.field_schema["InvoiceNumber"]["type"] == "string"
    assert set(kind.field_confidence) == set(kind.field_schema)


@pytest.mark.parametrize("version", OLD)
@pytest.mark.parametrize("by", ["bytes", "url"])
def test_an_old_client_finds_what_was_printed(
    old_model: Any, emulator: Emulator, forms: Forms, document: Path, version: str, by: str
) -> None:
    client = old_reader(emulator, version)
    if by == "bytes":
        poller = client.begin_analyze_document(old_model.model_id, document.read_bytes())
    else:
        link = forms.blob_link(f"{forms.form_type}/backlog/{document.name}")
        poller = client.begin_analyze_document_from_url(old_model.model_id, link)
    result = poller.result()
    truth = forms.truth(document.name)
    (found,) = result.documents
    assert right(found.fields, truth) >= len(truth) - 2
    assert found.doc_type == f"{old_model.model_id}:{old_model.model_id}"
    page = result.pages[0]
    word = page.words[0]
    assert result.content[word.span.offset : word.span.offset + word.span.length] == word.content
    assert page.lines[0].get_words()


@pytest.mark.parametrize("version", OLD)
def test_layouts_are_read(emulator: Emulator, document: Path, version: str) -> None:
    poller = old_reader(emulator, version).begin_analyze_document(
        "prebuilt-layout", document.read_bytes(), pages="1"
    )
    result = poller.result()
    assert (len(result.pages), result.pages[0].unit) == (1, "inch")
    assert result.model_id == "prebuilt-layout"


def test_old_models_are_listed_composed_copied_and_deleted(
    old_model: Any, emulator: Emulator, document: Path
) -> None:
    client, target = old_admin(emulator, "2022-08-31"), old_admin(emulator, "2022-08-31", 1)
    assert old_model.model_id in {each.model_id for each in client.list_document_models()}
    details = client.get_resource_details()
    assert details.custom_document_models.count >= 1
    newer = old_admin(emulator, "2023-07-31").get_resource_details()
    assert newer.neural_document_model_quota.quota == 20
    leave = target.get_copy_authorization(model_id=name("copied"))
    copied = client.begin_copy_document_model_to(old_model.model_id, leave).result()
    assert target.get_document_model(copied.model_id).doc_types
    leave = client.get_copy_authorization(model_id=name("twin"))
    twin = client.begin_copy_document_model_to(old_model.model_id, leave).result()
    composed = client.begin_compose_document_model(
        [old_model.model_id, twin.model_id], model_id=name("both")
    ).result()
    assert set(composed.doc_types) == {old_model.model_id, twin.model_id}
    result = (
        old_reader(emulator, "2022-08-31")
        .begin_analyze_document(composed.model_id, document.read_bytes())
        .result()
    )
    assert result.documents[0].fields["InvoiceNumber"].value
    client.delete_document_model(twin.model_id)
    with pytest.raises(ResourceNotFoundError) as caught:
        client.get_document_model(twin.model_id)
    assert "ModelNotFound" in str(caught.value)
    kinds = {operation.kind for operation in client.list_operations()}
    assert {"documentModelBuild", "documentModelCompose", "documentModelCopyTo"} <= kinds


CLASSES = ("purchase_invoice", "supplier_registration")


def test_a_classifier_of_3_1_tells_the_classes_apart(
    forms: Forms, emulator: Emulator, document: Path
) -> None:
    client = old_admin(emulator, "2023-07-31")
    kinds = {
        kind: OldDocumentType(source=BlobSource(container_url=forms.link(), prefix=f"{kind}/training/"))
        for kind in CLASSES
    }
    built = client.begin_build_document_classifier(kinds, classifier_id=name("sorter")).result()
    result = (
        old_reader(emulator, "2023-07-31")
        .begin_classify_document(built.classifier_id, document.read_bytes())
        .result()
    )
    assert result.documents[0].doc_type == "purchase_invoice"
    assert result.documents[0].confidence > 0.5
    assert built.classifier_id in {each.classifier_id for each in client.list_document_classifiers()}
    client.delete_document_classifier(built.classifier_id)
    with pytest.raises(ResourceNotFoundError):
        client.get_document_classifier(built.classifier_id)


# --- 4.0 --------------------------------------------------------------------------------------------


def test_a_neural_model_finds_what_was_printed(
    model: Any, emulator: Emulator, forms: Forms, document: Path
) -> None:
    client = reader(emulator)
    truth = forms.truth(document.name)
    result = client.begin_analyze_document(model.model_id, document.read_bytes()).result()
    assert right(result.documents[0].fields, truth) >= len(truth) - 2
    link = forms.blob_link(f"{forms.form_type}/backlog/{document.name}")
    again = client.begin_analyze_document(model.model_id, AnalyzeDocumentRequest(url_source=link)).result()
    assert again.content == result.content
    assert model.build_mode == "neural"


@pytest.fixture(scope="module")
def classifier(emulator: Emulator, forms: Forms) -> Any:
    kinds = {
        kind: ClassifierDocumentTypeDetails(
            azure_blob_source=AzureBlobContentSource(container_url=forms.link(), prefix=f"{kind}/training/")
        )
        for kind in CLASSES
    }
    request = BuildDocumentClassifierRequest(classifier_id=name("sorter"), doc_types=kinds)
    return admin(emulator).begin_build_classifier(request).result()


def test_models_are_listed_got_copied_and_deleted(model: Any, emulator: Emulator) -> None:
    client, target = admin(emulator), admin(emulator, 1)
    listed = [each.model_id for each in client.list_models()]
    assert (listed[0], model.model_id in listed) == ("prebuilt-layout", True)
    assert client.get_model(model.model_id).doc_types == model.doc_types
    assert client.get_resource_details().custom_document_models.limit == 5000
    asked = AuthorizeCopyRequest(model_id=model.model_id, description="a copy", tags={"of": "the first"})
    copied = client.begin_copy_model_to(model.model_id, target.authorize_model_copy(asked)).result()
    assert (copied.model_id, copied.description, copied.tags) == (
        model.model_id, "a copy", {"of": "the first"}
    )  # fmt: skip
    assert target.get_model(copied.model_id).doc_types == model.doc_types
    target.delete_model(copied.model_id)
    with pytest.raises(ResourceNotFoundError):
        target.get_model(copied.model_id)
    assert client.get_model(model.model_id)


def test_operations_are_listed_and_got(model: Any, emulator: Emulator) -> None:
    client = admin(emulator)
    built = next(
        each for each in client.list_operations() if f"/{model.model_id}?" in (each.resource_location or "")
    )
    operation = client.get_operation(built.operation_id)
    assert (operation.kind, operation.percent_completed) == ("documentModelBuild", 100)
    assert operation.result.model_id == model.model_id


def test_a_composed_model_sorts_documents_by_its_classifier(
    model: Any, classifier: Any, emulator: Emulator, document: Path, forms: Forms
) -> None:
    client = admin(emulator)
    request = ComposeDocumentModelRequest(
        model_id=name("both"),
        classifier_id=classifier.classifier_id,
        doc_types={CLASSES[0]: DocumentTypeDetails(model_id=model.model_id)},
    )
    composed = client.begin_compose_model(request).result()
    assert (composed.classifier_id, composed.split) == (classifier.classifier_id, "auto")
    assert {key: kind.model_id for key, kind in composed.doc_types.items()} == {CLASSES[0]: model.model_id}
    found = reader(emulator).begin_analyze_document(composed.model_id, document.read_bytes()).result()
    truth = forms.truth(document.name)
    assert right(found.documents[0].fields, truth) >= len(truth) - 2
    assert found.documents[0].doc_type == f"{composed.model_id}:{CLASSES[0]}"
    other = forms.root / CONTAINER / CLASSES[1] / "backlog"
    found = (
        reader(emulator)
        .begin_analyze_document(composed.model_id, sorted(other.glob("*.pdf"))[0].read_bytes())
        .result()
    )
    assert (found.documents[0].doc_type, found.documents[0].fields) == (
        f"{composed.model_id}:{CLASSES[1]}", {}
    )  # fmt: skip
    client.delete_model(composed.model_id)
    with pytest.raises(ResourceNotFoundError):
        client.get_model(composed.model_id)


def test_a_classifier_is_listed_copied_and_used(classifier: Any, emulator: Emulator, document: Path) -> None:
    client, target = admin(emulator), admin(emulator, 1)
    assert classifier.classifier_id in {each.classifier_id for each in client.list_classifiers()}
    assert set(classifier.doc_types) == set(CLASSES)
    leave = target.authorize_classifier_copy(AuthorizeClassifierCopyRequest(classifier_id=name("copied")))
    copied = client.begin_copy_classifier_to(classifier.classifier_id, leave).result()
    assert target.get_classifier(copied.classifier_id).doc_types == classifier.doc_types
    for at, one in ((0, classifier), (1, copied)):
        poller = reader(emulator, at).begin_classify_document(
            one.classifier_id, ClassifyDocumentRequest(bytes_source=document.read_bytes())
        )
        assert [each.doc_type for each in poller.result().documents] == [CLASSES[0]]
    target.delete_classifier(copied.classifier_id)
    with pytest.raises(ResourceNotFoundError):
        target.get_classifier(copied.classifier_id)


def test_a_batch_reads_a_folder_and_leaves_results_beside_each_other(
    model: Any, emulator: Emulator, forms: Forms, azurite: Azurite
) -> None:
    container = name("results")
    azurite.second.container(container)
    results = f"{azurite.second.url}/{container}?{azurite.second.container_sas(container, 'rwdl')}"
    prefix = f"{forms.form_type}/backlog/"
    request = AnalyzeBatchDocumentsRequest(
        azure_blob_source=AzureBlobContentSource(container_url=forms.link("rwdl"), prefix=prefix),
        result_container_url=results,
        result_prefix="out/",
    )
    client = reader(emulator)
    count = len(forms.backlog())
    poller = client.begin_analyze_batch_documents(model.model_id, request)
    done = poller.result()
    assert (done.succeeded_count, done.failed_count) == (count, 0)
    names = set(azurite.second.container(container).list_blob_names())
    assert names == {f"out/{prefix}{file.name}.ocr.json" for file in forms.backlog()}
    again = client.begin_analyze_batch_documents(model.model_id, request).result()
    assert again.skipped_count == count
    assert all("sig=" not in str(each.source_url) for each in again.details)
    assert client.get_analyze_batch_result(poller.continuation_token()).result() == done
    batches = list(client.list_analyze_batch_results(model.model_id))
    assert [each.status for each in batches] == ["succeeded", "succeeded"]
    for each in batches:
        client.delete_analyze_batch_result(model.model_id, each.result_id)
    assert list(client.list_analyze_batch_results(model.model_id)) == []


def test_results_are_deleted_and_have_neither_pdf_nor_figures(emulator: Emulator, document: Path) -> None:
    client = reader(emulator)
    poller = client.begin_analyze_document("prebuilt-read", document.read_bytes())
    assert poller.result().content
    result_id = poller.details["operation_id"]
    with pytest.raises(HttpResponseError, match="NotImplemented"):
        client.get_analyze_result_pdf("prebuilt-read", result_id)
    client.delete_analyze_result("prebuilt-read", result_id)
    with pytest.raises(ResourceNotFoundError, match="OperationNotFound"):
        client.get_analyze_result_pdf("prebuilt-read", result_id)


def test_a_name_that_is_taken_is_refused(model: Any, emulator: Emulator, forms: Forms) -> None:
    source = AzureBlobContentSource(container_url=forms.link(), prefix=forms.training)
    taken = BuildDocumentModelRequest(
        model_id=model.model_id, build_mode="template", azure_blob_source=source
    )
    with pytest.raises(HttpResponseError, match="ModelExists") as caught:
        admin(emulator).begin_build_document_model(taken)
    assert caught.value.status_code == 409


@pytest.mark.parametrize(
    ("permissions", "prefix", "told"),
    [
        ("rl", "purchase_invoice/backlog/", r"Can't find any OCR files for training"),
        ("rl", "nowhere/", r"Can't find any OCR files for training"),
        ("r", "purchase_invoice/training/", r"SAS 'list' authorization is missing. Permissions: r"),
    ],
)
def test_what_cannot_be_trained_says_why(
    emulator: Emulator, forms: Forms, permissions: str, prefix: str, told: str
) -> None:
    bare = AzureBlobContentSource(container_url=forms.link(permissions), prefix=prefix)
    request = BuildDocumentModelRequest(model_id=name("bare"), build_mode="template", azure_blob_source=bare)
    with pytest.raises(HttpResponseError, match=told):
        admin(emulator).begin_build_document_model(request).result()


def test_a_version_that_is_none_is_refused(emulator: Emulator) -> None:
    for version, status, told in (
        ("2020-01-01", 400, "NotSupportedApiVersion"),
        ("2024-07-31-preview", 410, "Gone"),
    ):
        client = DocumentIntelligenceAdministrationClient(
            emulator.url, AzureKeyCredential(emulator.key), api_version=version
        )
        with pytest.raises(HttpResponseError, match=told) as caught:
            client.get_resource_details()
        assert caught.value.status_code == status
