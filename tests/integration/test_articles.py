"""The request sequences of the articles behind this product, with nothing but an HTTP client: training with
labels in 2.0 and 2.1-preview, training without labels in 2.0, the feedback loop of October 2019."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.azure.azurite import Azurite
from tests.azure.emulator import Emulator
from tests.azure.lake import CONTAINER, Forms

FIELDS = ("InvoiceNumber", "TotalDue", "InvoiceDate")
ARTICLES = "articles"
"""A container of its own: what an article says must lie beside the forms, and no more."""

Answer = dict[str, Any]


def ended(url: str, headers: dict[str, str], done: Callable[[Answer], bool], seconds: float = 60.0) -> Answer:
    """Poll, as the articles do, with the same headers until the state is an end."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        answer = requests.get(url, headers=headers, timeout=30)
        assert answer.status_code == 200, answer.text
        body: Answer = answer.json()
        if done(body):
            return body
        time.sleep(0.1)
    raise AssertionError("the operation did not end in time")


def analyzed(body: Answer) -> bool:
    return str(body["status"]).lower() in ("succeeded", "failed")


@dataclass(frozen=True)
class Resource:
    """An endpoint and its key, as the articles have them at their top."""

    endpoint: str
    key: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Ocp-Apim-Subscription-Key": self.key}

    def train(self, version: str, body: Answer) -> tuple[str, Answer]:
        """POST, take the URL from the Location header, ask there until the model is made."""
        url = f"{self.endpoint}/formrecognizer/{version}/custom/models"
        answer = requests.post(url, json=body, headers=self.headers, timeout=30)
        assert (answer.status_code, answer.content) == (201, b""), answer.text
        where = answer.headers["location"]
        assert re.fullmatch(re.escape(url) + r"/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", where)
        body = ended(
            f"{where}?includeKeys=true", self.headers, lambda b: b["modelInfo"]["status"] != "creating"
        )
        return where.rpartition("/")[2], body

    def analyze(self, version: str, model_id: str, form: Path) -> Answer:
        url = f"{self.endpoint}/formrecognizer/{version}/custom/models/{model_id}/analyze"
        answer = requests.post(
            url,
            params={"includeTextDetails": True},
            data=form.read_bytes(),
            headers=self.headers | {"Content-Type": "application/pdf"},
            timeout=30,
        )
        assert (answer.status_code, answer.content) == (202, b""), answer.text
        where = answer.headers["operation-location"]
        assert "/analyzeresults/" in where
        return ended(where, self.headers, analyzed)


@pytest.fixture(scope="module")
def resource(emulator: Emulator) -> Resource:
    return Resource(emulator.url, emulator.key)


@pytest.fixture(scope="module")
def form(forms: Forms) -> Path:
    return forms.backlog()[0]


def agreeing(fields: Answer, truth: dict[str, str]) -> int:
    """How many values are what was printed."""
    return sum((fields.get(name) or {}).get("text") == value for name, value in truth.items())


# --- training with labels, 2.0 and 2.1-preview ----------------------------------------------------


@pytest.mark.parametrize(
    ("version", "more"), [("v2.0", {}), ("v2.1-preview.2", {"modelName": "invoices"})], ids=["2.0", "2.1"]
)
def test_training_with_labels(
    resource: Resource, forms: Forms, form: Path, version: str, more: dict[str, str]
) -> None:
    body = {
        "source": forms.link(),
        "sourceFilter": {"prefix": forms.training.rstrip("/"), "includeSubFolders": False},
        "useLabelFile": True,
    }
    model_id, model = resource.train(version, body | more)
    assert model["modelInfo"]["status"] == "ready"
    assert ("keys" in model, "attributes" in model["modelInfo"]) == (False, bool(more))
    result = model["trainResult"]
    assert set(result) == {"averageModelAccuracy", "trainingDocuments", "fields", "errors"}
    assert len(result["trainingDocuments"]) == 6
    assert all(set(each) == {"documentName", "pages", "status"} for each in result["trainingDocuments"])
    assert {each["fieldName"] for each in result["fields"]} >= set(FIELDS)

    answer = resource.analyze(version, model_id, form)
    assert answer["status"] == "succeeded"
    found = answer["analyzeResult"]
    (document,) = found["documentResults"]
    assert document["docType"] == ("custom:invoices" if more else "custom:form")
    assert document["pageRange"] == [1, len(found["readResults"])]
    truth = forms.truth(form.name)
    assert agreeing(document["fields"], truth) >= len(truth) - 2
    value = document["fields"]["InvoiceNumber"]
    assert set(value) == {"type", "valueString", "text", "page", "boundingBox", "confidence", "elements"}
    assert pointed(answer["analyzeResult"], value["elements"]) == value["text"]


def pointed(result: Answer, pointers: list[str]) -> str:
    """The words that JSON pointers lead to."""
    words = []
    for pointer in pointers:
        node: Any = result
        for name in pointer.removeprefix("#/").split("/"):
            node = node[int(name)] if isinstance(node, list) else node[name]
        words.append(node["text"])
    return " ".join(words)


# --- training without labels, 2.0 -----------------------------------------------------------------


def test_training_without_labels(resource: Resource, forms: Forms, form: Path) -> None:
    filter_ = {"prefix": forms.training, "includeSubFolders": False}
    body = {"source": forms.link(), "sourceFilter": filter_, "useLabelFile": False}
    model_id, model = resource.train("v2.0", body)
    assert set(model) == {"modelInfo", "keys", "trainResult"}
    assert len(model["keys"]["clusters"]["0"]) >= 5
    assert all(each["errors"] == [] for each in model["trainResult"]["trainingDocuments"])

    answer = resource.analyze("v2.0", model_id, form)
    assert (answer["status"], answer["analyzeResult"]["documentResults"]) == ("succeeded", [])
    pairs = [pair for page in answer["analyzeResult"]["pageResults"] for pair in page["keyValuePairs"]]
    keys = {pair["key"]["text"] for pair in pairs}
    assert len(keys & set(model["keys"]["clusters"]["0"])) >= 5
    printed = {pair["value"]["text"] for pair in pairs}
    assert forms.truth(form.name)["InvoiceNumber"] in printed
    assert all(pair["value"]["elements"] for pair in pairs)
    assert any(pair["key"]["elements"] for pair in pairs)


# --- the feedback loop ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Loop:
    """One of the two documented forms: at the service under `custom/`, or a container without a key."""

    base: str
    layouts: str
    headers: dict[str, str]

    def post(self, url: str, **more: Any) -> str:
        """The URL of the operation, from whichever header the reader of the documentation looks at."""
        answer = requests.post(url, headers=self.headers | more.pop("headers", {}), timeout=30, **more)
        assert (answer.status_code, answer.content) == (202, b""), answer.text
        assert answer.headers["Location"] == answer.headers["Operation-Location"]
        return str(answer.headers["Location"])

    def read(self, form: bytes) -> Answer:
        where = self.post(
            f"{self.layouts}/asyncAnalyze", data=form, headers={"Content-Type": "application/pdf"}
        )
        return ended(where, self.headers, analyzed)

    def analyze(self, model_id: str, form: Path) -> Answer:
        where = self.post(
            f"{self.base}/models/{model_id}/asyncAnalyze/?includeTextDetails=false",
            files={"analyzeFile": (form.name, form.read_bytes(), "application/pdf")},
        )
        assert "/models/asyncAnalyzeOperations/" in where
        return ended(where, self.headers, analyzed)


@pytest.fixture(params=["cloud", "container"])
def loop(request: pytest.FixtureRequest, emulator: Emulator) -> Loop:
    """A container is asked without any key."""
    preview = f"{emulator.url}/formrecognizer/v2.0-preview"
    layouts = f"{preview}/readLayout"
    if request.param == "container":
        return Loop(preview, layouts, {})
    return Loop(f"{preview}/custom", layouts, {"Ocp-Apim-Subscription-Key": emulator.key})


def first_labels(name: str, labels: Answer) -> Answer:
    """A label file as the feedback loop wants it (v1.0), from one of today."""
    return {
        "version": "v1.0",
        "docName": name,
        "labels": [
            {
                "fieldKey": label["label"],
                "fieldValue": " ".join(word["text"] for word in label["value"]),
                "fieldValues": [word["text"] for word in label["value"]],
                "regions": [
                    {"pageNumber": word["page"], "polygon": word["boundingBoxes"][0]}
                    for word in label["value"]
                ],
            }
            for label in labels["labels"]
            if label["label"] in FIELDS and label["value"]
        ],
    }


@pytest.fixture
def container(azurite: Azurite) -> Iterator[Any]:
    client = azurite.first.container(ARTICLES)
    yield client
    client.delete_container()


def test_the_feedback_loop(loop: Loop, container: Any, azurite: Azurite, forms: Forms, form: Path) -> None:
    folder = forms.root / CONTAINER / forms.training
    for file in sorted(folder.glob("*.pdf"))[:5]:
        layout = loop.read(file.read_bytes())
        assert (layout["status"], set(layout["analyzeResult"])) == ("Succeeded", {"version", "readResults"})
        labels = json.loads((folder / f"{file.name}.labels.json").read_text())
        container.upload_blob(f"Train/{file.name}", file.read_bytes())
        container.upload_blob(f"Train/{file.name}.ocr.json", json.dumps(layout))
        container.upload_blob(f"Train/{file.name}.labels.json", json.dumps(first_labels(file.name, labels)))
    # a document without a layout is not considered
    container.upload_blob("Train/unread.pdf", form.read_bytes())

    link = f"{azurite.first.url}/{ARTICLES}?{azurite.first.container_sas(ARTICLES)}"
    body = {
        "source": link,
        "sourceFilter": {"prefix": "Train", "includeSubFolders": "false"},
        "useLabelFile": "true",
    }
    where = loop.post(f"{loop.base}/asyncTrain", json=body)
    operation = re.split("operations/", where, flags=re.IGNORECASE)[1]
    trained = ended(where, loop.headers, lambda body: body["status"] not in ("NotStarted", "Running"))
    assert trained["status"] == "Succeeded"
    result = trained["trainResult"]
    assert set(result) == {"modelId", "trainingDocuments", "trainingFields", "errors"}
    assert [set(each) for each in result["trainingDocuments"]] == [{"documentName", "pages", "status"}] * 5
    assert {each["status"] for each in result["trainingDocuments"]} == {"Success"}
    assert {each["fieldName"] for each in result["trainingFields"]["fields"]} == set(FIELDS)

    answer = loop.analyze(result["modelId"], form)
    assert answer["status"] == "Succeeded"
    (document,) = answer["analyzeResult"]["documentResults"]
    assert (document["docType"], set(document["fields"])) == ("Analyze ", set(FIELDS))
    truth = {name: forms.truth(form.name)[name] for name in FIELDS}
    assert agreeing(document["fields"], truth) >= 2
    number = document["fields"]["InvoiceNumber"]
    assert set(number) == {"type", "valueString", "text", "pageNumber", "boundingBox", "confidence"}
    if loop.headers:
        assert the_published_code_sees(loop, operation) == ("ready", "ready")


def the_published_code_sees(loop: Loop, operation: str) -> tuple[str, str]:
    """It asks v1.0-preview, with what follows `operations/`, until the state is neither of two."""
    host = loop.base.partition("/formrecognizer/")[0]
    url = f"{host}/formrecognizer/v1.0-preview/custom/models/{operation}"
    body = ended(url, loop.headers, lambda body: body["status"] not in ("creating", "created"))
    return body["status"], body["modelInfo"]["status"]


def test_the_first_preview_is_gone(resource: Resource) -> None:
    url = f"{resource.endpoint}/formrecognizer/v1.0-preview/custom/train"
    answer = requests.post(url, json={"source": "x"}, headers=resource.headers, timeout=30)
    assert (answer.status_code, answer.json()["error"]["code"]) == (410, "Gone")


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("custom/asyncTrain", {}, 401),
        ("asyncTrain", {"Ocp-Apim-Subscription-Key": "wrong"}, 401),
        ("asyncTrain", {}, 400),
    ],
)
def test_only_a_container_is_asked_without_a_key(
    emulator: Emulator, path: str, headers: dict[str, str], status: int
) -> None:
    url = f"{emulator.url}/formrecognizer/v2.0-preview/{path}"
    assert requests.post(url, json={}, headers=headers, timeout=30).status_code == status
