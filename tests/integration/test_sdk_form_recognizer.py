"""The emulator judged by the vendor's own client of Form Recognizer 2.0 and 2.1."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.ai.formrecognizer import FormRecognizerClient, FormTrainingClient
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceNotFoundError

from tests.azure.emulator import Emulator
from tests.azure.lake import Forms

VERSIONS = ("2.0", "2.1")
RESOURCE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.CognitiveServices/accounts/a"


def training_client(emulator: Emulator, version: str, resource: int = 0) -> FormTrainingClient:
    key = AzureKeyCredential(emulator.keys[resource])
    return FormTrainingClient(emulator.url, key, api_version=version, polling_interval=0.2)


def reading_client(emulator: Emulator, version: str) -> FormRecognizerClient:
    key = AzureKeyCredential(emulator.key)
    return FormRecognizerClient(emulator.url, key, api_version=version, polling_interval=0.2)


@pytest.fixture(scope="module", params=VERSIONS)
def trained(request: pytest.FixtureRequest, emulator: Emulator, forms: Forms) -> tuple[str, Any]:
    """A labelled model of each version."""
    client = training_client(emulator, request.param)
    name = {"model_name": "bills"} if request.param == "2.1" else {}
    model = client.begin_training(forms.link(), True, prefix=forms.training, **name).result()
    return request.param, model


@pytest.fixture(scope="module")
def document(forms: Forms) -> Path:
    """A document whose layout the training forms have."""
    return forms.backlog()[0]


def test_training_with_labels_gives_fields_and_accuracies(trained: tuple[str, Any]) -> None:
    version, model = trained
    assert model.status == "ready"
    assert len(model.training_documents) == 6
    assert {d.status for d in model.training_documents} == {"succeeded"}
    (submodel,) = model.submodels
    assert {"InvoiceNumber", "TotalDue"} <= set(submodel.fields)
    assert all(0 <= field.accuracy <= 1 for field in submodel.fields.values())
    assert model.model_name == ("bills" if version == "2.1" else None)


@pytest.mark.parametrize("by", ["bytes", "url"])
def test_a_labelled_model_finds_what_was_printed(
    trained: tuple[str, Any], emulator: Emulator, forms: Forms, document: Path, by: str
) -> None:
    version, model = trained
    client = reading_client(emulator, version)
    if by == "bytes":
        poller = client.begin_recognize_custom_forms(
            model.model_id, document.read_bytes(), include_field_elements=True
        )
    else:
        link = forms.blob_link(f"{forms.form_type}/backlog/{document.name}")
        poller = client.begin_recognize_custom_forms_from_url(model.model_id, link)
    (form,) = poller.result()
    truth = forms.truth(document.name)
    found = {name: field.value_data.text for name, field in form.fields.items() if field.value_data}
    assert sum(found.get(name) == value for name, value in truth.items()) >= len(truth) - 2
    assert form.model_id == model.model_id
    assert bool(form.pages[0].lines) == (by == "bytes")
    words = form.fields["InvoiceNumber"].value_data.field_elements
    assert " ".join(word.text for word in words or ()) == (found["InvoiceNumber"] if by == "bytes" else "")
    if found.get("Packages"):
        assert form.fields["Packages"].value == int(truth["Packages"])


@pytest.mark.parametrize("version", VERSIONS)
def test_layouts_have_lines_words_and_tables(emulator: Emulator, document: Path, version: str) -> None:
    (page,) = reading_client(emulator, version).begin_recognize_content(document.read_bytes()).result()
    assert page.unit == "inch"
    assert page.lines[0].words[0].confidence > 0.5
    assert all(len(word.bounding_box) == 4 for line in page.lines for word in line.words)


@pytest.fixture(scope="module")
def unlabelled(emulator: Emulator, forms: Forms) -> Any:
    client = training_client(emulator, "2.1")
    return client.begin_training(forms.link(), False, prefix=forms.training).result()


@pytest.mark.parametrize("version", VERSIONS)
def test_training_without_labels_finds_keys_and_pairs(
    unlabelled: Any, emulator: Emulator, document: Path, version: str
) -> None:
    model = training_client(emulator, version).get_custom_model(unlabelled.model_id)
    (submodel,) = model.submodels
    assert (model.status, len(submodel.fields) >= 5) == ("ready", True)
    poller = reading_client(emulator, version).begin_recognize_custom_forms(
        model.model_id, document.read_bytes()
    )
    (form,) = poller.result()
    assert any(field.value for field in form.fields.values())
    boxes = [field.label_data.bounding_box for field in form.fields.values()]
    assert sum(box is not None for box in boxes) >= len(boxes) / 2


def test_models_are_listed_counted_got_and_deleted(trained: tuple[str, Any], emulator: Emulator) -> None:
    version, model = trained
    client = training_client(emulator, version)
    properties = client.get_account_properties()
    listed = {each.model_id for each in client.list_custom_models()}
    assert model.model_id in listed
    assert properties.custom_model_count == len(listed)
    assert client.get_custom_model(model.model_id).status == "ready"


def test_a_list_of_many_pages_is_read_to_its_end(emulator: Emulator) -> None:
    client = training_client(emulator, "2.1", 1)
    reserved = {client.get_copy_authorization(RESOURCE, "westus2")["modelId"] for _ in range(21)}
    listed = list(client.list_custom_models())
    assert reserved <= {model.model_id for model in listed}
    assert {model.status for model in listed if model.model_id in reserved} == {"creating"}
    assert len(listed) == client.get_account_properties().custom_model_count


def test_only_the_pages_that_are_asked_for_are_read(emulator: Emulator, document: Path) -> None:
    client = reading_client(emulator, "2.1")
    (page,) = client.begin_recognize_content(document.read_bytes(), pages=["1"]).result()
    assert page.page_number == 1
    with pytest.raises(HttpResponseError):
        client.begin_recognize_content(document.read_bytes(), pages=["first"])


def copy_of(emulator: Emulator, version: str, model_id: str, resource: int) -> Any:
    source, target = (training_client(emulator, version, number) for number in (0, resource))
    leave = target.get_copy_authorization(RESOURCE, "westus2")
    return source.begin_copy_model(model_id, leave).result()


def test_a_model_is_copied_into_another_resource(
    trained: tuple[str, Any], emulator: Emulator, document: Path
) -> None:
    version, model = trained
    copied = copy_of(emulator, version, model.model_id, 1)
    assert training_client(emulator, version, 1).get_custom_model(copied.model_id).status == "ready"
    client = FormRecognizerClient(
        emulator.url, AzureKeyCredential(emulator.keys[1]), api_version=version, polling_interval=0.2
    )
    (form,) = client.begin_recognize_custom_forms(copied.model_id, document.read_bytes()).result()
    assert form.fields["InvoiceNumber"].value is not None


def test_a_copy_without_leave_fails(trained: tuple[str, Any], emulator: Emulator) -> None:
    version, model = trained
    source, target = (training_client(emulator, version, resource) for resource in (0, 1))
    leave = target.get_copy_authorization(RESOURCE, "westus2")
    leave["accessToken"] = "another"
    with pytest.raises(HttpResponseError):
        source.begin_copy_model(model.model_id, leave).result()


def test_a_deleted_model_is_gone(trained: tuple[str, Any], emulator: Emulator) -> None:
    version, model = trained
    client = training_client(emulator, version)
    copied = copy_of(emulator, version, model.model_id, 0)
    client.delete_model(copied.model_id)
    with pytest.raises(ResourceNotFoundError) as caught:
        client.get_custom_model(copied.model_id)
    assert caught.value.error is not None and caught.value.error.code == "1022"


def test_models_are_composed_and_analyze_with_the_best_component(
    trained: tuple[str, Any], emulator: Emulator, document: Path
) -> None:
    version, model = trained
    client = training_client(emulator, version)
    if version == "2.0":
        with pytest.raises(ValueError, match="only available for API version"):
            client.begin_create_composed_model([model.model_id])
        return
    ids = [model.model_id, copy_of(emulator, version, model.model_id, 0).model_id]
    composed = client.begin_create_composed_model(ids, model_name="both").result()
    assert (composed.status, composed.properties.is_composed_model) == ("ready", True)
    assert {each.model_id for each in composed.submodels} == set(ids)
    poller = reading_client(emulator, version).begin_recognize_custom_forms(
        composed.model_id, document.read_bytes()
    )
    (form,) = poller.result()
    assert form.fields["InvoiceNumber"].value is not None


def test_models_without_labels_are_not_composed(unlabelled: Any, emulator: Emulator) -> None:
    with pytest.raises(HttpResponseError) as caught:
        training_client(emulator, "2.1").begin_create_composed_model([unlabelled.model_id]).result()
    assert caught.value.error is not None and caught.value.error.code == "1001"


@pytest.mark.parametrize(
    ("change", "code"),
    [({"prefix": "nothing/"}, "2014"), ({"permissions": "r"}, "2012"), ({"expiry": -1}, "2012")],
)
def test_a_training_set_that_cannot_be_read_makes_an_invalid_model(
    emulator: Emulator, forms: Forms, change: dict[str, Any], code: str
) -> None:
    more = dict(change)
    if "expiry" in more:
        more["expiry"] = datetime.now(UTC) + timedelta(hours=more["expiry"])
    prefix = more.pop("prefix", forms.training)
    client = training_client(emulator, "2.1")
    with pytest.raises(HttpResponseError, match=code):
        client.begin_training(forms.link(**more), True, prefix=prefix).result()


def test_a_wrong_key_and_a_damaged_file_are_refused(trained: tuple[str, Any], emulator: Emulator) -> None:
    version, model = trained
    with pytest.raises(ClientAuthenticationError):
        FormTrainingClient(
            emulator.url, AzureKeyCredential("wrong"), api_version=version
        ).get_account_properties()
    with pytest.raises(HttpResponseError) as caught:
        reading_client(emulator, version).begin_recognize_custom_forms(
            model.model_id, b"%PDF-1.4 damaged", content_type="application/pdf"
        )
    assert caught.value.error is not None and caught.value.error.code == "InvalidImage"


@pytest.fixture(autouse=True)
def no_faults(emulator: Emulator) -> Iterator[None]:
    yield
    emulator.faults()
