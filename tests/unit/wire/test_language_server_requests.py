"""What the Language service refuses of a request, in the words of its recordings where there are any."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.wire.language import server_requests
from pipeline.wire.language.encode_faults import refusal
from pipeline.wire.language.server_refusals import BadRequestError
from pipeline.wire.language.server_texts import read_texts
from pipeline.wire.language.versions import VERSIONS
from tests.unit.wire.samples import MISSING, SAMPLES, sessions

FIRST, SECOND, GENERAL = VERSIONS["v1.0-preview.2"], VERSIONS["2021-11-01-preview"], VERSIONS["2022-05-01"]
TASK = {"kind": "CustomEntityRecognition", "parameters": {"projectName": "P", "deploymentName": "d"}}
PROJECT = {"projectName": "P", "projectKind": "CustomEntityRecognition", "storageInputContainerName": "lake"}


def asked(*documents: dict[str, Any], **task: Any) -> dict[str, Any]:
    return {"analysisInput": {"documents": list(documents)}, "tasks": [TASK | task]}


def refused(body: Any, version: Any = GENERAL) -> BadRequestError:
    with pytest.raises(BadRequestError) as caught:
        read_texts(version, body)
    return caught.value


@pytest.mark.skipif(not SAMPLES.is_dir(), reason=MISSING)
@pytest.mark.parametrize(
    "name",
    [
        "TestAnalyze_too_many_documents",
        "TestAnalyze_bad_request_on_empty_document",
        "error_400_duplicate_ids",
        "error_413_payload_too_large",
    ],
)
def test_what_the_service_refused_is_refused_in_its_words(name: str) -> None:
    """The tasks of the recordings are of kinds that the emulator does not do: a task that it does stands in
    their place."""
    exchange = sessions("language")[f"2022-05-01/recorded/{name}.session.json"][0]
    documents = exchange.sent["analysisInput"]["documents"]
    told = refused(asked(*(document for document in documents if isinstance(document, dict))))
    assert (told.status, refusal(told.fault)) == (exchange.status, exchange.body)


def test_the_limits_themselves_are_allowed() -> None:
    many = [{"id": str(number), "text": "x" * 5000} for number in range(25)]
    assert len(read_texts(GENERAL, asked(*many)).documents) == 25
    assert refused(asked(*many[:-1], {"id": "24", "text": "x" * 5001})).status == 413
    assert refused(asked(*many, {"id": "25", "text": "x"})).fault.code == "InvalidDocumentBatch"


def test_a_text_that_is_empty_beside_others_is_let_in() -> None:
    read = read_texts(GENERAL, asked({"id": "1", "text": ""}, {"id": "2", "text": "x"}, {"id": 3}))
    assert [(document.id, document.text) for document in read.documents] == [("1", ""), ("2", "x"), ("3", "")]


@pytest.mark.parametrize(
    "body",
    [
        None, [], {}, {"analysisInput": {}}, {"analysisInput": {"documents": []}, "tasks": [TASK]},
        {"analysisInput": {"documents": [{"id": "1", "text": "x"}]}, "tasks": []},
        {"analysisInput": {"documents": [{"id": "1", "text": "x"}]}, "tasks": {}},
        {"analysisInput": {"documents": [{"id": "1", "text": "x"}]}},
        asked({"text": "x"}), asked({"id": "", "text": "x"}), asked({"id": "1", "text": 7}), asked(7),  # type: ignore[arg-type]
        asked({"id": "1", "text": "x"}, parameters={"projectName": "P"}),
        asked({"id": "1", "text": "x"}, parameters=TASK["parameters"] | {"stringIndexType": "bytes"}),  # type: ignore[operator]
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(body: Any) -> None:
    assert refused(body).status == 400


def test_tasks_of_other_kinds_are_not_done_here() -> None:
    told = refused(asked({"id": "1", "text": "x"}, kind="SentimentAnalysis"))
    assert (told.status, told.fault.code) == (501, "NotImplemented")
    body = {
        "analysisInput": {"documents": [{"id": "1", "text": "x"}]},
        "tasks": {"keyPhraseExtractionTasks": [{}]},
    }
    assert refused(body, SECOND).status == 501


def test_offsets_are_text_elements_where_nothing_is_said() -> None:
    assert read_texts(GENERAL, asked({"id": "1", "text": "x"})).tasks[0].index == "TextElements_v8"


# --- authoring ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        None, {}, PROJECT | {"projectName": "a b"}, PROJECT | {"projectName": "x" * 51},
        PROJECT | {"projectName": ".."}, PROJECT | {"projectName": "p"},
        PROJECT | {"projectKind": "Orchestration"},
        PROJECT | {"storageInputContainerName": ""}, PROJECT | {"storageInputContainerName": None},
    ],
)  # fmt: skip
def test_what_is_no_project_is_refused(body: Any) -> None:
    with pytest.raises(BadRequestError):
        server_requests.read_project(GENERAL, body, "P")


@pytest.mark.parametrize("missing", ["metadata", "assets", "projectFileVersion"])
def test_what_is_no_project_file_is_refused(missing: str) -> None:
    file = {"projectFileVersion": "2022-05-01", "metadata": PROJECT, "assets": {}}
    assert server_requests.read_import(GENERAL, file, "P")[0].container == "lake"
    with pytest.raises(BadRequestError):
        server_requests.read_import(GENERAL, {k: v for k, v in file.items() if k != missing}, "P")


@pytest.mark.parametrize(
    "body",
    [
        None, {}, {"modelLabel": "m"}, {"modelLabel": "", "trainingConfigVersion": "latest"},
        {"modelLabel": "m", "trainingConfigVersion": "latest", "evaluationOptions": {"kind": "x"}},
        {"modelLabel": "m", "trainingConfigVersion": "latest", "evaluationOptions": {
            "kind": "percentage", "trainingSplitPercentage": 80, "testingSplitPercentage": 30,
        }},
        {"modelLabel": "m", "trainingConfigVersion": "latest", "evaluationOptions": {
            "kind": "percentage", "trainingSplitPercentage": True, "testingSplitPercentage": 99,
        }},
    ],
)  # fmt: skip
def test_what_is_no_training_is_refused(body: Any) -> None:
    with pytest.raises(BadRequestError):
        server_requests.read_training(GENERAL, body)


@pytest.mark.parametrize("body", [{}, {"tasks": []}, {"tasks": [7]}, {"tasks": [{}]}, {"tasks": [{}, {}]}])
def test_the_first_preview_wants_one_task(body: Any) -> None:
    with pytest.raises(BadRequestError):
        server_requests.read_training(FIRST, body)
    with pytest.raises(BadRequestError):
        server_requests.read_deployment(FIRST, body)


def test_a_swap_names_two_deployments() -> None:
    body = {"firstDeploymentName": "a", "secondDeploymentName": "b"}
    assert server_requests.read_swap(body) == ("a", "b")
    with pytest.raises(BadRequestError):
        server_requests.read_swap({"firstDeploymentName": "a"})
