"""Our client of the Language service against the emulator, in every version: from a project file to answers.
The session of the client is carried into the application, without a network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.adapters import BaseAdapter

from pipeline.engines.language import LanguageEngine
from pipeline.errors import AttemptError, DocumentError, RowError
from pipeline.ports import TextService
from pipeline.remote import Operation, OperationState
from pipeline.texts import ProjectKind, TextDocument
from pipeline.wire.language.batches import batches
from pipeline.wire.language.versions import VERSIONS
from tests.unit.emulator.texts import (
    CONTAINER,
    KEYS,
    SMILE,
    TextHouse,
    file_of_letters,
    file_of_notes,
    labels_of,
    living,
    preview_of_letters,
)
from tests.unit.engines.scripted import Clock, client_over

ENDPOINT = "https://localhost"
TEXT = f"{SMILE} Letter number 77.\nWe met in the town of Umea and had a good time there."
GENERAL = ("2022-05-01", "2023-04-01")


class Carried(BaseAdapter):
    """Carries requests into an application."""

    def __init__(self, client: Any) -> None:
        super().__init__()
        self._client = client

    def send(self, request: requests.PreparedRequest, *given: Any, **more: Any) -> requests.Response:
        headers = dict(request.headers) | {"Ocp-Apim-Subscription-Key": KEYS[0]}
        answer = self._client.request(request.method, request.url, content=request.body, headers=headers)
        response = requests.Response()
        response.status_code = answer.status_code
        response.headers.update(answer.headers)
        response.url, response.request = request.url or "", request
        response._content = answer.content
        return response

    def close(self) -> None:
        pass


class Client:
    """The engine of a version, which follows what it begins to its end."""

    def __init__(self, house: TextHouse, version: str) -> None:
        client = client_over(Carried(house.clients[0]), ENDPOINT, Clock())
        self.house, self.version = house, version
        self.service: TextService = LanguageEngine(client, version)

    def done(self, url: str, kind: Any = "train") -> OperationState:
        state = self.service.poll(Operation(1, kind, url))
        assert state.end == "succeeded", state.faults
        return state

    def project(self, kind: ProjectKind) -> None:
        """Make the project P, with its labels in the version's own shape."""
        file = file_of_letters() if kind == "entities" else file_of_notes(_KINDS[kind])
        if self.version == "v1.0-preview.2":
            (self.house.lake / CONTAINER / "labels.json").write_bytes(labels_of(_first(file)))
            assert self.service.submit_import("P", file, labels="labels.json") == ""
        elif self.version == "2021-11-01-preview":
            self.done(self.service.submit_import("P", preview_of_letters()))
        else:
            self.done(self.service.submit_import("P", file))

    def deployed(self, kind: ProjectKind) -> str:
        """What texts are sent to."""
        self.project(kind)
        trained = self.done(self.service.submit_training("P", "m1"))
        assert trained.model is not None
        assert trained.model.model_id == "m1"
        state = self.done(self.service.submit_deployment("P", "d", "m1"))
        return state.model.model_id if state.model else "d"


_KINDS = {"single": "CustomSingleLabelClassification", "multi": "CustomMultiLabelClassification"}


def _first(file: dict[str, Any]) -> dict[str, Any]:
    """Labels as they lay beside the texts in 2021."""
    return preview_of_letters() if "entities" in file["assets"] else file


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TextHouse]:
    with living(tmp_path, monkeypatch) as house:
        yield house


@pytest.mark.parametrize("version", VERSIONS)
def test_entities_are_found_in_code_points(house: TextHouse, version: str) -> None:
    client = Client(house, version)
    deployment = client.deployed("entities")
    documents = [TextDocument("a", TEXT), TextDocument("b", ""), TextDocument("c", "nothing")]
    state = client.done(client.service.submit_texts("P", deployment, "entities", documents), "analyze")
    found = {item.document_id: item for item in state.texts}
    assert set(found) == {"a", "b", "c"}
    answer, fault = found["a"].answer, found["b"].fault
    assert answer is not None and fault is not None
    assert [(one.category, one.text) for one in answer.entities] == [("Town", "Umea")]
    assert answer.entities[0].offset == TEXT.index("Umea")
    assert fault.code == "InvalidDocument"
    assert state.seconds is None


@pytest.mark.parametrize("version", ["v1.0-preview.2", *GENERAL])
@pytest.mark.parametrize("kind", ["single", "multi"])
def test_classes_are_found(house: TextHouse, version: str, kind: ProjectKind) -> None:
    client = Client(house, version)
    deployment = client.deployed(kind)
    documents = [
        TextDocument("a", "Note: bread soup cheese salt dinner."),
        TextDocument("b", "Note: rain wind clouds storm degrees."),
    ]
    state = client.done(client.service.submit_texts("P", deployment, kind, documents), "analyze")
    classes = {
        item.document_id: item.answer and [one.category for one in item.answer.classes]
        for item in state.texts
    }
    assert classes == {"a": ["food"], "b": ["weather"]}


@pytest.mark.parametrize("version", VERSIONS)
def test_more_texts_than_a_page_has_come_back(house: TextHouse, version: str) -> None:
    client = Client(house, version)
    deployment = client.deployed("entities")
    documents = [TextDocument(str(number), TEXT) for number in range(60)]
    answered: list[str] = []
    for batch in batches(documents):
        url = client.service.submit_texts("P", deployment, "entities", batch)
        answered += [item.document_id for item in client.done(url, "analyze").texts]
    assert answered == [str(number) for number in range(60)]


@pytest.mark.parametrize("version", VERSIONS)
def test_an_evaluation_is_told(house: TextHouse, version: str) -> None:
    client = Client(house, version)
    client.deployed("entities")
    evaluation = client.service.evaluation("P", "m1")
    assert (evaluation.kind, evaluation.micro_f1) == ("entities", 1.0)
    assert list(evaluation.categories) == ["Town"]
    if version in GENERAL:
        assert evaluation.documents == 4


@pytest.mark.parametrize("version", ["v1.0-preview.2", *GENERAL])
def test_an_evaluation_of_classes_counts_its_texts(house: TextHouse, version: str) -> None:
    client = Client(house, version)
    client.deployed("single")
    evaluation = client.service.evaluation("P", "m1")
    assert evaluation.documents == 8
    right = sum(score.true_positives for score in evaluation.categories.values())
    assert right + len(evaluation.wrong) == 8
    assert sum(sum(row.values()) for row in evaluation.confusion.values()) == 8


@pytest.mark.parametrize("version", VERSIONS)
def test_a_project_trains_one_model_at_a_time(house: TextHouse, version: str) -> None:
    client = Client(house, version)
    client.project("entities")
    house.held = True
    url = client.service.submit_training("P", "m1")
    with pytest.raises(AttemptError) as caught:
        client.service.submit_training("P", "m2")
    assert caught.value.reason == "training-busy"
    assert client.service.poll(Operation(1, "train", url)).end == "running"
    if version in GENERAL:
        assert client.service.submit_training("P", "m1") == url, "it is followed and not paid twice"
    house.release()
    client.done(url)


@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_not_there_has_a_name(house: TextHouse, version: str) -> None:
    client = Client(house, version)
    client.project("entities")
    service = client.service
    named = {
        "project-missing": lambda: service.submit_training("p", "m1"),
        "model-missing": lambda: service.submit_deployment("P", "d", "m1"),
        "deployment-missing": lambda: service.submit_texts("P", "d", "entities", [TextDocument("1", "x")]),
        "evaluation-missing": lambda: service.evaluation("P", "m1"),
    }
    for reason, act in named.items():
        with pytest.raises(RowError) as caught:
            act()
        assert caught.value.reason == reason


@pytest.mark.parametrize("version", VERSIONS)
def test_texts_beyond_the_limits_are_refused(house: TextHouse, version: str) -> None:
    client = Client(house, version)
    deployment = client.deployed("entities")
    many = [TextDocument(str(number), "x") for number in range(26)]
    long = [TextDocument(str(number), "x" * 63_000) for number in range(2)]
    for documents in (many, long, [TextDocument("1", " ")], [TextDocument("1", "x")] * 2):
        with pytest.raises(DocumentError) as caught:
            client.service.submit_texts("P", deployment, "entities", documents)
        assert caught.value.reason == "refused-by-service"


@pytest.mark.parametrize("version", VERSIONS)
def test_an_operation_that_is_forgotten_is_begun_again(house: TextHouse, version: str) -> None:
    client = Client(house, version)
    deployment = client.deployed("entities")
    url = client.service.submit_texts("P", deployment, "entities", [TextDocument("1", TEXT)])
    house.pass_time(hours=25)
    with pytest.raises(AttemptError) as caught:
        client.service.poll(Operation(1, "analyze", url))
    assert caught.value.reason == "operation-expired"


@pytest.mark.parametrize("version", GENERAL)
def test_models_and_deployments_are_managed(house: TextHouse, version: str) -> None:
    client = Client(house, version)
    client.deployed("entities")
    service = client.service
    client.done(service.submit_training("P", "m2"))
    client.done(service.submit_deployment("P", "e", "m2"))
    ids = {model.model_id: model.name for model in service.models("P")}
    assert list(ids) == ["m1", "m2"]
    assert service.model("P", "m2").name == ids["m2"]
    client.done(service.submit_swap("P", "d", "e"))
    assert {one.name: one.model_id for one in service.deployments("P")} == {"d": ids["m2"], "e": ids["m1"]}
    with pytest.raises(RowError) as caught:
        service.delete_model("P", "m1")
    assert caught.value.reason == "model-in-use"
    service.delete_deployment("P", "e")
    service.delete_model("P", "m1")
    service.delete_model("P", "m1")
    assert [model.model_id for model in service.models("P")] == ["m2"]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_project_that_is_deleted_is_gone(house: TextHouse, version: str) -> None:
    client = Client(house, version)
    deployment = client.deployed("entities")
    client.service.delete_project("P")
    client.service.delete_project("P")
    with pytest.raises(RowError) as caught:
        client.service.submit_texts("P", deployment, "entities", [TextDocument("1", "x")])
    assert caught.value.reason == "deployment-missing"


@pytest.mark.parametrize("version", GENERAL)
def test_a_full_project_says_so(house: TextHouse, version: str) -> None:
    client = Client(house, version)
    client.project("single")
    for number in range(10):
        client.done(client.service.submit_training("P", f"m{number}"))
    with pytest.raises(RowError) as caught:
        client.service.submit_training("P", "m10")
    assert caught.value.reason == "quota-exceeded"
