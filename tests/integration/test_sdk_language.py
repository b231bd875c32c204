"""The emulator judged by the vendor's own client of the Language service's runtime, over texts that lie in a
blob server. Of authoring the vendor has no client that can be had; ours speaks it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from azure.ai.textanalytics import TextAnalyticsClient
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError

from pipeline.engines.language import LanguageEngine
from pipeline.remote import Operation, OperationKind, OperationState
from pipeline.rest.client import ServiceClient
from pipeline.rest.credentials import KeyCredential
from tests.azure.azurite import Azurite
from tests.azure.emulator import Emulator, running_emulator
from tests.unit.emulator.texts import (
    CONTAINER,
    SMILE,
    file_of_letters,
    file_of_notes,
    letters,
    notes,
)

VERSIONS = ("2022-05-01", "2023-04-01")
TEXT = f"{SMILE} Letter number 77.\nWe met in the town of Umea and had a good time there."
NOTES = ["Note: bread soup cheese salt dinner.", "Note: rain wind clouds storm degrees."]
MULTI = "CustomMultiLabelClassification"


@dataclass(frozen=True)
class Trained:
    """An emulator with three projects, each deployed as `live`."""

    emulator: Emulator
    engine: LanguageEngine

    def client(self, version: str, key: str = "") -> TextAnalyticsClient:
        credential = AzureKeyCredential(key or self.emulator.key)
        return TextAnalyticsClient(self.emulator.url, credential, api_version=version)


@pytest.fixture(scope="module")
def trained(azurite: Azurite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trained]:
    container = azurite.first.container(CONTAINER)
    for name, text, _ in (*letters(), *notes()):
        container.upload_blob(name, text.encode(), overwrite=True)
    containers = f"{azurite.first.url}/{{container}}?{azurite.first.account_sas('rl')}"
    folder = tmp_path_factory.mktemp("language")
    with running_emulator(folder, arguments=("--unlimited", "--containers", containers)) as emulator:
        client = ServiceClient(emulator.url, KeyCredential(lambda fresh: emulator.key))
        engine = LanguageEngine(client, "2023-04-01")
        for name, file in {
            "letters": file_of_letters(),
            "notes": file_of_notes(),
            "marks": file_of_notes(MULTI),
        }.items():
            make(engine, name, file)
        yield Trained(emulator, engine)
        assert "sig=" not in (folder / "output.log").read_text(encoding="utf-8")


def make(engine: LanguageEngine, name: str, file: dict[str, Any]) -> None:
    done(engine, engine.submit_import(name, file))
    done(engine, engine.submit_training(name, "m1"))
    done(engine, engine.submit_deployment(name, "live", "m1"))


def done(engine: LanguageEngine, url: str, kind: OperationKind = "train") -> OperationState:
    for _ in range(600):
        state = engine.poll(Operation(1, kind, url))
        if state.end != "running":
            assert state.end == "succeeded", state.faults
            return state
        time.sleep(0.1)
    raise AssertionError("the operation does not end")


@pytest.mark.parametrize("version", VERSIONS)
def test_custom_entities(trained: Trained, version: str) -> None:
    documents = [{"id": "1", "text": TEXT}, {"id": "2", "text": ""}, {"id": "3", "text": "nothing"}]
    poller = trained.client(version).begin_recognize_custom_entities(
        documents, "letters", "live", show_stats=True, display_name="mine", polling_interval=1
    )
    first, empty, nothing = list(poller.result())
    assert not first.is_error and first.id == "1"
    assert [(entity.category, entity.text) for entity in first.entities] == [("Town", "Umea")]
    assert first.entities[0].offset == TEXT.index("Umea"), "the client asks for code points"
    assert 0 < first.entities[0].confidence_score <= 1
    assert first.statistics.character_count == len(TEXT)
    assert empty.is_error
    assert (empty.error.code, empty.error.message) == ("InvalidDocument", "Document text is empty.")
    assert not nothing.is_error
    details = poller.details
    assert (poller.status(), details["display_name"]) == ("succeeded", "mine")
    assert (details["expires_on"] - details["created_on"]).total_seconds() == 86400


@pytest.mark.parametrize("version", VERSIONS)
def test_single_label_classification(trained: Trained, version: str) -> None:
    poller = trained.client(version).begin_single_label_classify(NOTES, "notes", "live", polling_interval=1)
    found = [[one.category for one in result.classifications] for result in poller.result()]
    assert found == [["food"], ["weather"]]


@pytest.mark.parametrize("version", VERSIONS)
def test_multi_label_classification(trained: Trained, version: str) -> None:
    poller = trained.client(version).begin_multi_label_classify(NOTES, "marks", "live", polling_interval=1)
    found = [[one.category for one in result.classifications] for result in poller.result()]
    assert found == [["food"], ["weather"]]


@pytest.mark.parametrize("version", VERSIONS)
def test_more_texts_than_a_page_has(trained: Trained, version: str) -> None:
    documents = [{"id": str(number), "text": TEXT} for number in range(25)]
    poller = trained.client(version).begin_recognize_custom_entities(
        documents, "letters", "live", polling_interval=1
    )
    assert [result.id for result in poller.result()] == [str(number) for number in range(25)]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_poller_is_taken_up_by_its_token(trained: Trained, version: str) -> None:
    client = trained.client(version)
    token = client.begin_single_label_classify(NOTES, "notes", "live").continuation_token()
    poller = client.begin_single_label_classify(
        None, None, None, continuation_token=token, polling_interval=1
    )  # type: ignore[arg-type]
    assert len(list(poller.result())) == 2


def test_a_job_is_cancelled(trained: Trained) -> None:
    trained.emulator.faults({"action": "job-seconds", "route": "job-analyze", "latency": {"seconds": 5}})
    try:
        client = trained.client("2023-04-01")
        poller = client.begin_single_label_classify(NOTES, "notes", "live", polling_interval=1)
        poller.cancel()
        poller.wait(timeout=30)
        assert poller.status() == "cancelled"
    finally:
        trained.emulator.faults()
    ended = trained.client("2023-04-01").begin_single_label_classify(
        NOTES, "notes", "live", polling_interval=1
    )
    ended.result()
    with pytest.raises(HttpResponseError):
        ended.cancel()


@pytest.mark.parametrize(
    ("documents", "project", "status", "words"),
    [
        (["x"] * 26, "notes", 400, "Max 25 records"),
        (["x" * 63_000] * 2, "notes", 413, "Limit request size to: 125000"),
        ([" "], "notes", 400, "Document text is empty"),
        (["x"], "Notes", 404, "project was not found"),
        (["x"], "letters", 400, "another kind"),
    ],
)
def test_what_is_refused(
    trained: Trained, documents: list[str], project: str, status: int, words: str
) -> None:
    with pytest.raises(HttpResponseError, match=words) as caught:
        trained.client("2023-04-01").begin_single_label_classify(documents, project, "live")
    assert caught.value.status_code == status


def test_a_wrong_key_is_refused(trained: Trained) -> None:
    with pytest.raises(ClientAuthenticationError):
        trained.client("2023-04-01", "wrong").begin_single_label_classify(NOTES, "notes", "live")


def test_other_tasks_are_not_done_here(trained: Trained) -> None:
    with pytest.raises(HttpResponseError) as caught:
        trained.client("2023-04-01").begin_abstract_summary(NOTES)
    assert caught.value.status_code == 501


def test_work_is_counted_and_no_text_is_logged(trained: Trained) -> None:
    before = trained.emulator.accepted("analyze")
    client = trained.client("2023-04-01")
    client.begin_single_label_classify(NOTES, "notes", "live", polling_interval=1).result()
    assert trained.emulator.accepted("analyze") == before + 1
    assert trained.emulator.accepted("train") == 3
    assert {line["route"] for line in trained.emulator.access()} >= {"import", "train", "deploy", "analyze"}
    assert "bread" not in (trained.emulator.folder / "access.jsonl").read_text(encoding="utf-8")
