"""The engine of the Language service: what it asks and what it makes of the answers, refusals above all."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from pipeline.engines.language import LanguageEngine
from pipeline.errors import AttemptError, DocumentError, FormpipeError, RowError
from pipeline.ports import TextService
from pipeline.remote import Operation, ServiceFault
from pipeline.texts import TextDocument
from tests.unit.engines.scripted import Clock, Scripted, ScriptedTransport, client_over

ENDPOINT = "https://r.cognitiveservices.azure.com"
PROJECT = f"{ENDPOINT}/language/authoring/analyze-text/projects/Loans"
VERSION = "api-version=2023-04-01"
JOB = f"{ENDPOINT}/language/analyze-text/jobs/1?{VERSION}"
TEXTS = [TextDocument("1", "Date: canary"), TextDocument("2", "x")]
NONE = Scripted(200, {"value": [], "nextLink": None})

Speaker = Callable[..., tuple[LanguageEngine, ScriptedTransport]]


@pytest.fixture
def speak() -> Speaker:
    def speaking(*answers: Scripted, version: str = "2023-04-01") -> tuple[LanguageEngine, ScriptedTransport]:
        transport = ScriptedTransport(*answers)
        return LanguageEngine(client_over(transport, ENDPOINT, Clock()), version), transport

    return speaking


def refusal(status: int, code: str, message: str = "m", outer: str = "InvalidRequest") -> Scripted:
    inner = {"code": code, "message": message}
    return Scripted(status, {"error": {"code": outer, "message": "outer", "innererror": inner}})


def plain(status: int, code: str, message: str = "m") -> Scripted:
    return Scripted(status, {"error": {"code": code, "message": message}})


def accepted(url: str, header: str = "operation-location") -> Scripted:
    return Scripted(202, headers={header: url})


def trained(label: str, status: str, job: str = "j1") -> dict[str, Any]:
    return {"jobId": job, "status": status, "result": {"modelLabel": label}}


def found(*names: str, status: str = "succeeded", **more: Any) -> dict[str, Any]:
    classes = [{"category": "A", "confidenceScore": 0.5}]
    documents = [{"id": name, "class": classes, "warnings": []} for name in names]
    item = {"status": "succeeded", "results": {"documents": documents, "errors": []}}
    return {"jobId": "1", "status": status, "tasks": {"items": [item]}} | more


def raised(kind: type[FormpipeError], act: Callable[[], object]) -> FormpipeError:
    with pytest.raises(kind) as caught:
        act()
    assert caught.value.__cause__ is None, "what the service said would be in a traceback"
    return caught.value


def asked(transport: ScriptedTransport) -> list[str]:
    return [f"{one.method} {one.url}" for one in transport.asked]


def test_it_satisfies_the_port(speak: Speaker) -> None:
    service: TextService = speak()[0]
    assert service
    assert raised(RowError, lambda: speak(version="v9")).reason == "version-unknown"


# --- projects and trainings -----------------------------------------------------------------------


def test_a_project_file_is_imported(speak: Speaker) -> None:
    url = f"{PROJECT}/import/jobs/1?{VERSION}"
    engine, transport = speak(accepted(url))
    assert engine.submit_import("Loans", {"metadata": {"projectName": "x"}, "assets": {}}) == url
    assert asked(transport) == [f"POST {PROJECT}/:import?{VERSION}"]
    sent = transport.asked[0]
    assert json.loads(sent.body) == {"metadata": {"projectName": "Loans"}, "assets": {}}
    assert sent.headers["Content-Type"] == "application/json"


def test_in_the_first_preview_a_project_is_there_at_once(speak: Speaker) -> None:
    engine, transport = speak(Scripted(201), version="v1.0-preview.2")
    metadata = {
        "projectKind": "CustomEntityRecognition",
        "storageInputContainerName": "lake",
        "language": "en",
    }
    assert engine.submit_import("Loans", {"metadata": metadata}, labels="a/labels.json") == ""
    assert asked(transport) == [f"POST {ENDPOINT}/language/text/authoring/v1.0-preview.2/projects"]
    body = json.loads(transport.asked[0].body)
    assert (body["modelType"], body["labelsLocation"], body["name"]) == (
        "Extraction",
        "a/labels.json",
        "Loans",
    )


def test_a_training_is_begun_where_none_of_the_label_was(speak: Speaker) -> None:
    url = f"{PROJECT}/train/jobs/2?{VERSION}"
    other = Scripted(200, {"value": [trained("v1", "succeeded"), trained("v2", "failed")]})
    engine, transport = speak(other, accepted(url))
    assert engine.submit_training("Loans", "v2", manual=True) == url
    assert asked(transport) == [f"GET {PROJECT}/train/jobs?{VERSION}", f"POST {PROJECT}/:train?{VERSION}"]
    assert json.loads(transport.asked[1].body)["evaluationOptions"] == {"kind": "manual"}


def test_a_training_whose_answer_was_lost_is_followed(speak: Speaker) -> None:
    running = Scripted(200, {"value": [trained("v1", "succeeded"), trained("v2", "running", "j 2")]})
    engine, transport = speak(running)
    assert engine.submit_training("Loans", "v2") == f"{PROJECT}/train/jobs/j%202?{VERSION}"
    assert len(transport.asked) == 1, "nothing is paid again"


def test_a_training_that_ended_is_followed_while_its_model_is_there(speak: Speaker) -> None:
    ended = Scripted(200, {"value": [trained("v2", "succeeded")]})
    engine, _ = speak(ended, Scripted(200, {"label": "v2"}))
    assert engine.submit_training("Loans", "v2") == f"{PROJECT}/train/jobs/j1?{VERSION}"
    url = f"{PROJECT}/train/jobs/2?{VERSION}"
    engine, _ = speak(ended, plain(404, "NotFound"), accepted(url))
    assert engine.submit_training("Loans", "v2") == url


@pytest.mark.parametrize("version", ["v1.0-preview.2", "2021-11-01-preview"])
def test_the_previews_list_no_trainings(speak: Speaker, version: str) -> None:
    engine, transport = speak(accepted(f"{ENDPOINT}/x/train/jobs/1", "location"), version=version)
    assert engine.submit_training("Loans", "v1") == f"{ENDPOINT}/x/train/jobs/1"
    assert len(transport.asked) == 1


@pytest.mark.parametrize(
    "answer",
    [
        plain(409, "Conflict"),
        plain(400, "InvalidRequest", "A training job is already running in this project."),
        refusal(400, "OperationNotAllowed", "Another training is in progress."),
    ],
)
def test_a_project_trains_one_model_at_a_time(speak: Speaker, answer: Scripted) -> None:
    engine, _ = speak(NONE, answer)
    error = raised(AttemptError, lambda: engine.submit_training("Loans", "v1"))
    assert error.reason == "training-busy"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (plain(404, "ProjectNotFound"), "project-missing"),
        (plain(404, "404"), "refused-by-service"),
        (plain(400, "InvalidArgument", "no documents"), "training-refused"),
        (plain(400, "InvalidRequest", "The maximum number of trained models is 10."), "quota-exceeded"),
        (plain(403, "QuotaExceeded", "The number of models exceeds the limit."), "quota-exceeded"),
        (plain(400, "QuotaExceeded"), "quota-exceeded"),
    ],
)
def test_why_a_training_is_not_begun(speak: Speaker, answer: Scripted, reason: str) -> None:
    engine, _ = speak(NONE, answer)
    assert raised(RowError, lambda: engine.submit_training("Loans", "v1")).reason == reason


@pytest.mark.parametrize("name", ["", "a b", "x" * 51, "..", "a/b", "ä"])
def test_names_that_are_none_are_not_asked_with(speak: Speaker, name: str) -> None:
    engine, transport = speak()
    acts: list[Callable[[], object]] = [
        lambda: engine.submit_import(name, {}),
        lambda: engine.submit_training("Loans", name),
        lambda: engine.submit_deployment("Loans", name, "v1"),
        lambda: engine.delete_model("Loans", name),
        lambda: engine.delete_project(name),
    ]
    assert {raised(RowError, act).reason for act in acts} == {"name-unusable"}
    assert not transport.asked


# --- deployments and models -----------------------------------------------------------------------


def test_a_model_is_deployed(speak: Speaker) -> None:
    url = f"{PROJECT}/deployments/production/jobs/1?{VERSION}"
    engine, transport = speak(accepted(url))
    assert engine.submit_deployment("Loans", "production", "v1") == url
    assert asked(transport) == [f"PUT {PROJECT}/deployments/production?{VERSION}"]


@pytest.mark.parametrize(
    ("answer", "kind", "reason"),
    [
        (plain(404, "NotFound", "model"), RowError, "model-missing"),
        (plain(404, "ProjectNotFound"), RowError, "project-missing"),
        (plain(409, "Conflict"), AttemptError, "deployment-busy"),
        (plain(400, "InvalidRequest", "The limit of 10 deployments is reached."), RowError, "quota-exceeded"),
        (plain(400, "InvalidArgument"), RowError, "deployment-refused"),
    ],
)
def test_why_a_model_is_not_deployed(
    speak: Speaker, answer: Scripted, kind: type[FormpipeError], reason: str
) -> None:
    engine, _ = speak(answer)
    assert raised(kind, lambda: engine.submit_deployment("Loans", "p", "v1")).reason == reason


def test_what_is_not_there_is_deleted_already(speak: Speaker) -> None:
    engine, transport = speak(
        plain(404, "NotFound"),
        Scripted(204),
        plain(404, "NotFound"),
        plain(404, "ProjectNotFound"),
        Scripted(202),
    )
    engine.delete_model("Loans", "v1")
    engine.delete_model("Loans", "v2")
    engine.delete_deployment("Loans", "p")
    engine.delete_project("Loans")
    engine.delete_project("Loans")
    assert {one.method for one in transport.asked} == {"DELETE"}
    engine, _ = speak(plain(400, "InvalidRequest", "The model is used by a deployment."))
    assert raised(RowError, lambda: engine.delete_model("Loans", "v1")).reason == "model-in-use"


def test_lists_are_read_page_by_page(speak: Speaker) -> None:
    link = f"{PROJECT}/models?{VERSION}&skip=1"
    engine, transport = speak(
        Scripted(200, {"value": [{"label": "v1", "modelId": "v1-x"}], "nextLink": link}),
        Scripted(200, {"value": [{"label": "v2", "modelId": "v2-x"}], "nextLink": None}),
    )
    assert [(model.model_id, model.name) for model in engine.models("Loans")] == [
        ("v1", "v1-x"),
        ("v2", "v2-x"),
    ]
    assert asked(transport)[1] == f"GET {link}"
    engine, _ = speak(Scripted(200, {"value": [{"deploymentName": "p", "modelId": "v1-x"}]}))
    assert [one.model_id for one in engine.deployments("Loans")] == ["v1-x"]


@pytest.mark.parametrize("version", ["v1.0-preview.2", "2021-11-01-preview"])
def test_what_a_preview_was_never_documented_to_do_is_not_asked(speak: Speaker, version: str) -> None:
    engine, transport = speak(version=version)
    acts: list[Callable[[], object]] = [
        lambda: engine.model("Loans", "v1"),
        lambda: list(engine.models("Loans")),
        lambda: list(engine.deployments("Loans")),
        lambda: engine.submit_swap("Loans", "a", "b"),
        lambda: engine.delete_model("Loans", "v1"),
        lambda: engine.delete_deployment("Loans", "p"),
    ]
    assert {raised(RowError, act).reason for act in acts} == {"operation-unknown"}
    assert not transport.asked


def test_an_evaluation_is_the_summary_and_the_texts_that_were_wrong(speak: Speaker) -> None:
    kind = "CustomSingleLabelClassification"
    counts = {"A": {"truePositiveCount": 1, "falseNegativeCount": 1}, "B": {"falsePositiveCount": 1}}
    summary = {"projectKind": kind, "customSingleLabelClassificationEvaluation": {"classes": counts}}
    result = "customSingleLabelClassificationResult"
    right = {"location": "1.txt", result: {"expectedClass": "A", "predictedClass": "A"}}
    wrong = {"location": "2.txt", result: {"expectedClass": "A", "predictedClass": "B"}}
    link = f"{PROJECT}/models/v1/evaluation/result?{VERSION}&skip=1"
    engine, transport = speak(
        Scripted(200, summary),
        Scripted(200, {"value": [right], "nextLink": link}),
        Scripted(200, {"value": [wrong]}),
    )
    evaluation = engine.evaluation("Loans", "v1")
    assert (evaluation.documents, evaluation.micro_f1) == (2, 0.5)
    assert [(one.name, one.labelled, one.predicted) for one in evaluation.wrong] == [
        ("2.txt", ("A",), ("B",))
    ]
    assert asked(transport)[0] == f"GET {PROJECT}/models/v1/evaluation/summary-result?{VERSION}"
    engine, _ = speak(plain(404, "NotFound"))
    assert raised(RowError, lambda: engine.evaluation("Loans", "v1")).reason == "evaluation-missing"


# --- texts ----------------------------------------------------------------------------------------


def test_texts_are_sent_and_their_end_is_asked_for(speak: Speaker) -> None:
    engine, transport = speak(accepted(JOB), Scripted(200, found("1", "2")))
    assert engine.submit_texts("Loans", "production", "single", TEXTS) == JOB
    state = engine.poll(Operation(1, "analyze", JOB))
    assert (state.end, [item.document_id for item in state.texts]) == ("succeeded", ["1", "2"])
    assert json.loads(state.body) == found("1", "2")
    assert asked(transport) == [f"POST {ENDPOINT}/language/analyze-text/jobs?{VERSION}", f"GET {JOB}"]


def test_results_are_read_to_their_last_page(speak: Speaker) -> None:
    pages = [
        Scripted(200, found("1", nextLink=f"{JOB}&skip=20")),
        Scripted(200, found("2", **{"@nextLink": f"{JOB}&skip=40"})),
        Scripted(200, found("3", nextLink=f"{JOB}&skip=40")),
    ]
    engine, transport = speak(*pages)
    state = engine.poll(Operation(1, "analyze", JOB))
    assert [item.document_id for item in state.texts] == ["1", "2", "3"]
    assert len(transport.asked) == 3, "a page that leads to itself is the last one"


def test_a_page_elsewhere_is_not_asked_for(speak: Speaker) -> None:
    engine, transport = speak(Scripted(200, found("1", nextLink="https://elsewhere.example/jobs/1")))
    error = raised(RowError, lambda: engine.poll(Operation(1, "analyze", JOB)))
    assert (error.reason, len(transport.asked)) == ("foreign-operation", 1)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Scripted(200, found()), "answer-unreadable"),
        (Scripted(200, {"status": "succeeded", "tasks": {"items": []}}), "answer-unreadable"),
        (Scripted(200, b"<html>"), "answer-unreadable"),
        (Scripted(200, [1]), "answer-unreadable"),
        (plain(404, "OperationNotFound"), "operation-expired"),
        (plain(400, "InvalidRequest"), "refused-by-service"),
    ],
)
def test_a_poll_that_tells_nothing_ends_its_attempt_alone(
    speak: Speaker, answer: Scripted, reason: str
) -> None:
    engine, _ = speak(answer)
    assert raised(AttemptError, lambda: engine.poll(Operation(1, "analyze", JOB))).reason == reason


def test_a_job_that_runs_or_failed_has_no_texts(speak: Speaker) -> None:
    failed = {"status": "failed", "errors": [{"code": "InternalServerError", "message": "m"}], "tasks": {}}
    engine, _ = speak(Scripted(200, found("1", status="running")), Scripted(200, failed))
    operation = Operation(1, "analyze", JOB)
    assert (engine.poll(operation).end, engine.poll(operation).faults) == (
        "running", (ServiceFault("InternalServerError", "m"),),
    )  # fmt: skip


def test_the_end_of_a_training_is_asked_for(speak: Speaker) -> None:
    url = f"{PROJECT}/train/jobs/1?{VERSION}"
    engine, _ = speak(Scripted(200, trained("v1", "succeeded")))
    state = engine.poll(Operation(1, "train", url))
    assert state.model is not None
    assert (state.end, state.model.model_id) == ("succeeded", "v1")


@pytest.mark.parametrize(
    ("answer", "kind", "reason"),
    [
        (refusal(400, "InvalidDocumentBatch"), DocumentError, "refused-by-service"),
        (refusal(413, "InvalidDocumentBatch"), DocumentError, "refused-by-service"),
        (refusal(400, "InvalidDocument"), DocumentError, "refused-by-service"),
        (plain(404, "NotFound", "The deployment is not there."), RowError, "deployment-missing"),
        (refusal(400, "InvalidParameterValue", "Unknown deployment-name."), RowError, "deployment-missing"),
        (plain(404, "404"), RowError, "refused-by-service"),
        (refusal(400, "InvalidRequestBodyFormat"), RowError, "refused-by-service"),
    ],
)
def test_why_texts_are_not_taken(
    speak: Speaker, answer: Scripted, kind: type[FormpipeError], reason: str
) -> None:
    engine, _ = speak(answer)
    error = raised(kind, lambda: engine.submit_texts("Loans", "production", "entities", TEXTS))
    assert error.reason == reason
    assert "canary" not in str(error)
