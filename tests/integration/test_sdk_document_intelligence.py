"""The emulator judged by the vendor's own clients of Document Intelligence 3.0, 3.1 and 4.0."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from azure.ai.documentintelligence import DocumentIntelligenceAdministrationClient, DocumentIntelligenceClient
from azure.ai.documentintelligence.models import (
    AnalyzeBatchDocumentsRequest,
    AnalyzeDocumentRequest,
    AuthorizeCopyRequest,
    AzureBlobContentSource,
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
from tests.azure.lake import CONTAINER, Forms, small_lake, upload

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
    source = AzureBlobContentSource(container_url=forms.link(), prefix=forms.training)
    request = BuildDocumentModelRequest(model_id=name("bills"), build_mode="neural", azure_blob_source=source)
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


@pytest.fixture(scope="module")
def classes(azurite: Azurite, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """Five documents of each of two classes in a container; gives the prefix of one."""
    root = tmp_path_factory.mktemp("classes")
    small_lake(root, training=5, backlog=1)
    for kind in ("purchase_invoice", "service_report"):
        client = azurite.first.container("classes")
        for file in sorted((root / CONTAINER / kind / "training").glob("*.pdf"))[:5]:
            client.upload_blob(f"{kind}/{file.name}", file.read_bytes(), overwrite=True)
    found = len(list(azurite.first.container("classes").list_blob_names(name_starts_with="service_report/")))
    if found < 5:
        upload(root, azurite.first, under="service_report/training", container="classes")
    return lambda kind: f"{kind}/"


def classes_link(azurite: Azurite) -> str:
    return f"{azurite.first.url}/classes?{azurite.first.container_sas('classes')}"


def test_a_classifier_of_3_1_tells_the_classes_apart(
    classes: Callable[[str], str], azurite: Azurite, emulator: Emulator, document: Path
) -> None:
    client = old_admin(emulator, "2023-07-31")
    kinds = {
        kind: OldDocumentType(source=BlobSource(container_url=classes_link(azurite), prefix=classes(kind)))
        for kind in ("purchase_invoice", "service_report")
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


def test_models_are_listed_got_copied_composed_and_deleted(
    model: Any, classes: Callable[[str], str], azurite: Azurite, emulator: Emulator, document: Path
) -> None:
    client, target = admin(emulator), admin(emulator, 1)
    listed = {each.model_id for each in client.list_models()}
    assert {model.model_id, "prebuilt-layout"} <= listed
    assert client.get_model(model.model_id).doc_types
    assert client.get_resource_details().custom_document_models.limit == 5000
    leave = target.authorize_model_copy(AuthorizeCopyRequest(model_id=name("copied")))
    copied = client.begin_copy_model_to(model.model_id, leave).result()
    assert target.get_model(copied.model_id).doc_types
    kinds = {
        kind: ClassifierDocumentTypeDetails(
            azure_blob_source=AzureBlobContentSource(
                container_url=classes_link(azurite), prefix=classes(kind)
            )
        )
        for kind in ("purchase_invoice", "service_report")
    }
    sorter = name("sorter")
    built = client.begin_build_classifier(
        BuildDocumentClassifierRequest(classifier_id=sorter, doc_types=kinds)
    ).result()
    request = ComposeDocumentModelRequest(
        model_id=name("both"),
        classifier_id=built.classifier_id,
        doc_types={"purchase_invoice": DocumentTypeDetails(model_id=model.model_id)},
    )
    composed = client.begin_compose_model(request).result()
    assert composed.classifier_id == sorter
    found = reader(emulator).begin_analyze_document(composed.model_id, document.read_bytes()).result()
    assert found.documents[0].fields["InvoiceNumber"].content
    classified = (
        reader(emulator)
        .begin_classify_document(sorter, ClassifyDocumentRequest(bytes_source=document.read_bytes()))
        .result()
    )
    assert classified.documents[0].doc_type == "purchase_invoice"
    client.delete_model(composed.model_id)
    with pytest.raises(ResourceNotFoundError):
        client.get_model(composed.model_id)


def test_a_batch_reads_a_folder_and_leaves_results_beside_each_other(
    model: Any, emulator: Emulator, forms: Forms, azurite: Azurite
) -> None:
    azurite.second.container("results")
    results = f"{azurite.second.url}/results?{azurite.second.container_sas('results', 'rwdl')}"
    prefix = f"{forms.form_type}/backlog/"
    request = AnalyzeBatchDocumentsRequest(
        azure_blob_source=AzureBlobContentSource(container_url=forms.link("rwdl"), prefix=prefix),
        result_container_url=results,
        result_prefix="out/",
    )
    client = reader(emulator)
    done = client.begin_analyze_batch_documents(model.model_id, request).result()
    assert (done.succeeded_count, done.failed_count) == (len(forms.backlog()), 0)
    names = set(azurite.second.container("results").list_blob_names())
    assert names == {f"out/{prefix}{file.name}.ocr.json" for file in forms.backlog()}
    again = client.begin_analyze_batch_documents(model.model_id, request).result()
    assert again.skipped_count == len(forms.backlog())
    assert all("sig=" not in str(each.source_url) for each in again.details)


def test_a_name_that_is_taken_and_a_set_without_layouts_are_refused(
    model: Any, emulator: Emulator, forms: Forms, classes: Callable[[str], str], azurite: Azurite
) -> None:
    client = admin(emulator)
    source = AzureBlobContentSource(container_url=forms.link(), prefix=forms.training)
    taken = BuildDocumentModelRequest(
        model_id=model.model_id, build_mode="template", azure_blob_source=source
    )
    with pytest.raises(HttpResponseError, match="ModelExists"):
        client.begin_build_document_model(taken)
    bare = AzureBlobContentSource(container_url=classes_link(azurite), prefix="purchase_invoice/")
    request = BuildDocumentModelRequest(model_id=name("bare"), build_mode="template", azure_blob_source=bare)
    with pytest.raises(HttpResponseError, match=r"OCR files"):
        client.begin_build_document_model(request).result()


def test_a_version_that_is_none_is_refused(emulator: Emulator) -> None:
    client = DocumentIntelligenceAdministrationClient(
        emulator.url, AzureKeyCredential(emulator.key), api_version="2020-01-01"
    )
    with pytest.raises(HttpResponseError, match=r"NotSupportedApiVersion"):
        client.get_resource_details()
