"""Sessions that the service's makers recorded with its runtime: what our engine asks is what was asked, and
it makes of the answers what they say; the emulator answers as the service did."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import requests

from pipeline.engines.language import LanguageEngine
from pipeline.errors import DocumentError, RowError
from pipeline.remote import Operation
from pipeline.rest.client import ServiceClient
from pipeline.rest.credentials import KeyCredential
from pipeline.texts import TextDocument
from tests.contract.tape import Tape, with_a_second_try_of_the_key
from tests.unit.emulator.texts import TextHouse, file_of_letters, file_of_notes, living
from tests.unit.wire.samples import MISSING, SAMPLES, Exchange, sessions

ENDPOINT = "https://fakeendpoint.cognitiveservices.azure.com"
pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason=MISSING)


def as_we_ask(exchange: Exchange) -> Exchange:
    """The vendor's client asks for statistics."""
    parts = urlsplit(exchange.url)
    query = [(name, value) for name, value in parse_qsl(parts.query) if name != "showStats"]
    return replace(exchange, url=parts._replace(query=urlencode(query)).geturl())


def play(name: str, *, kind: str = "") -> tuple[LanguageEngine, Tape, list[TextDocument]]:
    exchanges = [as_we_ask(each) for each in sessions("language")[f"2022-05-01/recorded/{name}.session.json"]]
    documents = [
        TextDocument(one["id"], one["text"], one["language"])
        for one in exchanges[0].sent["analysisInput"]["documents"]
        if isinstance(one, dict)
    ]
    if kind:  # what was sent in tasks of other kinds is a task of ours here
        body = dict(exchanges[0].sent)
        body["tasks"] = [
            {"kind": kind, "taskName": "0", "parameters": {"projectName": "p", "deploymentName": "d"}}
        ]
        exchanges[0] = replace(exchanges[0], sent=body)
    tape = Tape(with_a_second_try_of_the_key(exchanges))
    session = requests.Session()
    session.mount("https://", tape)
    client = ServiceClient(ENDPOINT, KeyCredential(lambda fresh: "key"), session=session)
    return LanguageEngine(client, "2022-05-01"), tape, documents


@pytest.mark.parametrize(
    ("name", "kind", "project"),
    [
        ("CustomText_recognize_custom_entities", "entities", "custom_entities_project_name"),
        ("CustomText_single_label_classify", "single", "single_category_classify_project_name"),
    ],
)
def test_texts_are_sent_and_answered(name: str, kind: Any, project: str) -> None:
    engine, tape, documents = play(name)
    url = engine.submit_texts(project, project, kind, documents)
    state = engine.poll(Operation(1, "analyze", url))
    assert not tape.left
    assert state.end == "succeeded"
    assert [item.document_id for item in state.texts] == [document.id for document in documents]
    texts = {document.id: document.text for document in documents}
    for item in state.texts:
        assert item.answer is not None
        assert item.answer.classes or item.answer.entities
        for entity in item.answer.entities:
            start = entity.offset
            assert texts[item.document_id][start : start + entity.length] == entity.text


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("TestAnalyze_bad_request_on_empty_document", "Document text is empty"),
        ("TestAnalyze_too_many_documents", "Max 25 records"),
        ("error_400_duplicate_ids", "duplicated Ids"),
        ("error_413_payload_too_large", "Limit request size to: 125000"),
    ],
)
def test_what_is_refused_is_refused_for_a_text(name: str, words: str) -> None:
    engine, tape, documents = play(name, kind="CustomSingleLabelClassification")
    with pytest.raises(DocumentError, match=words) as caught:
        engine.submit_texts("p", "d", "single", documents)
    assert caught.value.reason == "refused-by-service"
    assert not tape.left


def test_a_wrong_key_is_the_rows_fault() -> None:
    engine, tape, documents = play("TestAnalyze_bad_credentials", kind="CustomSingleLabelClassification")
    with pytest.raises(RowError) as caught:
        engine.submit_texts("p", "d", "single", documents)
    assert caught.value.reason == "not-authorised"
    assert not tape.left


# --- the emulator ---------------------------------------------------------------------------------

AUTHORING = "/language/authoring/analyze-text/projects"
GENERAL = {"api-version": "2022-05-01"}


def deployed(house: TextHouse, name: str, file: dict[str, Any]) -> None:
    """A project of that name, deployed under it, as those of the recordings were."""
    client = house.clients[0]
    file["metadata"]["projectName"] = name
    training = {"modelLabel": "m1", "trainingConfigVersion": "latest"}
    for method, path, body in (
        ("POST", ":import", file),
        ("POST", ":train", training),
        ("PUT", f"deployments/{name}", {"trainedModelLabel": "m1"}),
    ):
        begun = client.request(method, f"{AUTHORING}/{name}/{path}", params=GENERAL, json=body)
        assert client.get(begun.headers["operation-location"]).json()["status"] == "succeeded"


def members(node: Any) -> Any:
    """Which members there are, whatever they say; of a list those of all its entries."""
    if isinstance(node, dict):
        return {name: members(child) for name, child in node.items()}
    if isinstance(node, list):
        found: dict[str, Any] = {}
        for child in node:
            found |= members(child) if isinstance(child, dict) else {}
        return [found] if found else []
    return None


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("CustomText_recognize_custom_entities", file_of_letters),
        ("CustomText_single_label_classify", file_of_notes),
    ],
)
def test_the_emulator_answers_in_the_shape_that_was_recorded(
    name: str, file: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit, *polls = sessions("language")[f"2022-05-01/recorded/{name}.session.json"]
    recorded = polls[-1].body
    project = recorded["tasks"]["items"][0]["results"]["projectName"]
    for document in submit.sent["analysisInput"]["documents"]:
        document["text"] = "We met in the town of Bergen and had a good time there."
    with living(tmp_path, monkeypatch) as house:
        deployed(house, project, file())
        begun = house.clients[0].post("/language/analyze-text/jobs", params=GENERAL, json=submit.sent)
        assert begun.status_code == submit.status
        assert begun.content == b""
        place = begun.headers["operation-location"]
        assert urlsplit(place).path.rpartition("/")[0] == urlsplit(polls[-1].url).path.rpartition("/")[0]
        told = house.clients[0].get(f"{place}&showStats=True").json()
    assert members(told) == members(recorded)
    assert told["tasks"]["items"][0]["kind"] == recorded["tasks"]["items"][0]["kind"]


@pytest.mark.parametrize(
    "name",
    [
        "TestAnalyze_bad_credentials",
        "TestAnalyze_bad_request_on_empty_document",
        "TestAnalyze_too_many_documents",
        "error_400_duplicate_ids",
        "error_413_payload_too_large",
    ],
)
def test_the_emulator_refuses_in_the_words_that_were_recorded(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange = sessions("language")[f"2022-05-01/recorded/{name}.session.json"][0]
    task = {"kind": "CustomSingleLabelClassification"}
    task |= {"parameters": {"projectName": "p", "deploymentName": "d"}}  # type: ignore[dict-item]
    body = exchange.sent | {"tasks": [task]}
    wrong = {"Ocp-Apim-Subscription-Key": "wrong"} if exchange.status == 401 else {}
    with living(tmp_path, monkeypatch) as house:
        answer = house.clients[0].post(
            "/language/analyze-text/jobs", params=GENERAL, json=body, headers=wrong
        )
    assert (answer.status_code, answer.json()) == (exchange.status, exchange.body)
