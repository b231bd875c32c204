"""What a client asks of the Language service, beside the published examples and recordings."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline.texts import TextDocument, project_kind
from pipeline.wire.language import requests
from pipeline.wire.language.batches import CHARACTERS, DOCUMENTS, batches
from pipeline.wire.language.records import EvaluationOptions, Project
from pipeline.wire.language.requests import Call
from pipeline.wire.language.server_requests import read_project, read_training
from pipeline.wire.language.server_texts import read_texts
from pipeline.wire.language.versions import VERSIONS, kind_named
from tests.unit.wire.samples import MISSING, SAMPLES, sessions

FIRST, SECOND = VERSIONS["v1.0-preview.2"], VERSIONS["2021-11-01-preview"]
GENERAL = ("2022-05-01", "2023-04-01")
AUTHORING = "/language/authoring/analyze-text/projects/LoanAgreements"
TEXTS = (TextDocument("1", "Date: 1 May", "en"), TextDocument("2", "nothing"))


def told(call: Call) -> tuple[str, str, Any]:
    return call.method, call.path, call.json


def example(version: str, name: str) -> dict[str, Any]:
    file = SAMPLES / "language" / version / "swagger" / "analyzetext-authoring" / f"Successful{name}.json"
    parameters: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))["parameters"]
    return parameters


# --- the published examples -----------------------------------------------------------------------


@pytest.mark.skipif(not SAMPLES.is_dir(), reason=MISSING)
@pytest.mark.parametrize("name", GENERAL)
def test_the_published_examples_are_what_is_asked(name: str) -> None:
    version = VERSIONS[name]
    project = read_project(version, example(name, "CreateProject")["body"])
    made = requests.create_project(version, project)
    assert told(made) == ("PATCH", AUTHORING, example(name, "CreateProject")["body"])
    assert made.content_type == example(name, "CreateProject")["Content-Type"]
    file = example(name, "ImportProject")["body"]
    assert told(requests.import_project(version, "LoanAgreements", file)) == (
        "POST",
        f"{AUTHORING}/:import",
        file,
    )
    training = requests.train(version, "LoanAgreements", "model1", EvaluationOptions())
    assert told(training) == ("POST", f"{AUTHORING}/:train", example(name, "TrainProject")["body"])
    label = example(name, "DeployProject")["body"]["trainedModelLabel"]
    assert told(requests.deploy(version, "LoanAgreements", "production", label)) == (
        "PUT", f"{AUTHORING}/deployments/production", example(name, "DeployProject")["body"],
    )  # fmt: skip
    assert told(requests.swap(version, "LoanAgreements", "production", "staging")) == (
        "POST", f"{AUTHORING}/deployments/:swap", example(name, "SwapDeployments")["body"],
    )  # fmt: skip
    calls = (made, training)
    assert all(call.params == {"api-version": name} for call in calls)


@pytest.mark.skipif(not SAMPLES.is_dir(), reason=MISSING)
@pytest.mark.parametrize("name", ["recognize_custom_entities", "single_label_classify"])
def test_texts_are_sent_as_the_vendors_client_sent_them(name: str) -> None:
    sent = sessions("language")[f"2022-05-01/recorded/CustomText_{name}.session.json"][0].sent
    asked = read_texts(VERSIONS["2022-05-01"], sent)
    task = asked.tasks[0]
    call = requests.analyze(VERSIONS["2022-05-01"], task.project, task.deployment, task.kind, asked.documents)
    for one in sent["tasks"]:
        one["parameters"].pop("loggingOptOut", None)
    assert call.json == sent
    assert call.params == {"api-version": "2022-05-01"}


# --- the versions ---------------------------------------------------------------------------------


def test_the_first_preview_is_spoken_in_tasks() -> None:
    base = "/language/text/authoring/v1.0-preview.2/projects"
    project = Project("P", "single", "lake", "en-GB", labels="labels.json", description="d")
    created = requests.create_project(FIRST, project)
    assert told(created) == ("POST", base, {
        "name": "P", "modelType": "SingleClassification", "multiLingual": False, "description": "d",
        "culture": "en-GB", "storageInputContainerName": "lake", "labelsLocation": "labels.json",
    })  # fmt: skip
    trained = requests.train(FIRST, "P", "m", EvaluationOptions(manual=True))
    assert told(trained) == ("POST", f"{base}/P/train", {"tasks": [{"trainingModelName": "m"}]})
    published = requests.deploy(FIRST, "P", "", "m")
    assert told(published) == ("POST", f"{base}/P/publish", {"tasks": [{"trainingModelName": "m"}]})
    measured = requests.evaluation(FIRST, "P", "m")
    assert (measured.path, measured.params) == (f"{base}/P/evaluation", {"trainingModelName": "m"})
    assert requests.evaluation_details(FIRST, "P", "m").path == f"{base}/P/validation"
    calls = (created, trained, published)
    assert all(call.params == {} for call in calls), "its version is in its path"


def test_the_second_preview_deletes_and_measures_under_the_first() -> None:
    assert requests.delete_project(SECOND, "P").path == f"{FIRST.authoring}/projects/P"
    assert requests.evaluation(SECOND, "P", "m").path == f"{FIRST.authoring}/projects/P/evaluation"
    trained = requests.train(SECOND, "P", "m", EvaluationOptions())
    assert trained.json == {"modelLabel": "m", "runValidation": True}
    assert trained.path == "/language/analyze-text/projects/P/:train"
    assert trained.params == {"api-version": "2021-11-01-preview"}


@pytest.mark.parametrize(
    ("version", "kind", "path", "tasks"),
    [
        (FIRST, "single", "/text/analytics/v3.1-preview.ct.1/analyze", {
            "customClassificationTasks": [
                {"parameters": {"modelId": "d", "stringIndexType": "UnicodeCodePoint"}}
            ]
        }),
        (FIRST, "multi", "/text/analytics/v3.1-preview.ct.1/analyze", {
            "customMultiClassificationTasks": [
                {"parameters": {"modelId": "d", "stringIndexType": "UnicodeCodePoint"}}
            ]
        }),
        (SECOND, "entities", "/text/analytics/v3.2-preview.2/analyze", {
            "customEntityRecognitionTasks": [{"parameters": {
                "project-name": "P", "deployment-name": "d", "stringIndexType": "UnicodeCodePoint",
            }}]
        }),
        (SECOND, "single", "/text/analytics/v3.2-preview.2/analyze", {
            "customSingleClassificationTasks": [
                {"parameters": {"project-name": "P", "deployment-name": "d"}}
            ]
        }),
        (VERSIONS["2023-04-01"], "multi", "/language/analyze-text/jobs", [{
            "kind": "CustomMultiLabelClassification", "taskName": "0",
            "parameters": {"projectName": "P", "deploymentName": "d"},
        }]),
    ],
)  # fmt: skip
def test_texts_are_sent_in_the_words_of_the_version(
    version: Any, kind: Any, path: str, tasks: object
) -> None:
    call = requests.analyze(version, "P", "d", kind, TEXTS)
    assert (call.method, call.path, call.operation_class) == ("POST", path, "analyze")
    assert call.json is not None
    assert call.json["tasks"] == tasks
    assert call.json["analysisInput"] == {
        "documents": [{"id": "1", "text": "Date: 1 May", "language": "en"}, {"id": "2", "text": "nothing"}]
    }


@pytest.mark.parametrize("name", VERSIONS)
@pytest.mark.parametrize("kind", ["entities", "single", "multi"])
def test_what_is_sent_is_read_as_it_was_meant(name: str, kind: Any) -> None:
    version = VERSIONS[name]
    asked = read_texts(version, requests.analyze(version, "P", "d", kind, TEXTS).json)
    task = asked.tasks[0]
    assert asked.documents == TEXTS
    assert task.kind == kind
    assert (task.deployment or task.model_id) == "d"
    assert kind != "entities" or task.index == "UnicodeCodePoint"
    for options in (EvaluationOptions(), EvaluationOptions(manual=True), EvaluationOptions(False, 70, 30)):
        training = read_training(version, requests.train(version, "P", "m", options).json)
        assert training.label == "m"
        assert training.options == (options if version.general else EvaluationOptions())
    project = Project("P", kind, "lake", "en-us", multilingual=True, description="d")
    assert read_project(version, requests.create_project(version, project).json) == project


def test_the_name_in_an_imported_file_is_the_projects() -> None:
    file = {"metadata": {"projectName": "other"}, "assets": {}}
    call = requests.import_project(VERSIONS["2022-05-01"], "P", file)
    assert call.json == {"metadata": {"projectName": "P"}, "assets": {}}
    assert file == {"metadata": {"projectName": "other"}, "assets": {}}
    second = requests.import_project(SECOND, "P", {"metadata": {}, "assets": {}})
    assert second.json == {"metadata": {"name": "P"}, "assets": {}}


def test_names_cannot_leave_their_place_in_a_path() -> None:
    call = requests.get_model(VERSIONS["2022-05-01"], "a/b c", "x?y")
    assert call.path == "/language/authoring/analyze-text/projects/a%2Fb%20c/models/x%3Fy"


def test_what_is_shown_of_a_call_has_no_text() -> None:
    call = requests.analyze(VERSIONS["2022-05-01"], "P", "d", "single", TEXTS)
    assert "1 May" not in repr(call)


@pytest.mark.parametrize(
    ("url", "texts"),
    [
        ("https://r/language/analyze-text/jobs/1?api-version=2022-05-01", True),
        ("https://r/text/analytics/v3.2-preview.2/Analyze/jobs/1", True),
        ("https://r/language/authoring/analyze-text/projects/P/train/jobs/1", False),
        ("https://r/language/analyze-text/projects/P/train/jobs/1?api-version=2021-11-01-preview", False),
    ],
)
def test_polls_of_texts_are_told_from_those_of_authoring(url: str, texts: bool) -> None:
    assert requests.is_analysis(url) is texts


def test_kinds_have_many_names() -> None:
    assert kind_named("Extraction") == kind_named("CustomEntityRecognition") == "entities"
    assert (
        kind_named("customsinglelabelclassification") == kind_named("customClassificationTasks") == "single"
    )
    assert kind_named("MultiClassification") == project_kind("classes", multi_label=True) == "multi"
    assert kind_named("Orchestration") is None
    assert (project_kind("entities"), project_kind("classes")) == ("entities", "single")


# --- batches --------------------------------------------------------------------------------------


def texts(*sizes: int) -> list[TextDocument]:
    return [TextDocument(str(number), "x" * size) for number, size in enumerate(sizes)]


def test_requests_are_as_full_as_the_limits_allow() -> None:
    many = list(batches(texts(*[10] * 60)))
    assert [len(batch) for batch in many] == [25, 25, 10]
    assert [document.id for batch in many for document in batch] == [str(number) for number in range(60)]
    long = list(batches(texts(100_000, 25_000, 1, 124_999, 2)))
    assert [[len(document.text) for document in batch] for batch in long] == [
        [100_000, 25_000],
        [1, 124_999],
        [2],
    ]
    assert list(batches([])) == []


def test_characters_are_counted_as_the_service_counts_at_most() -> None:
    emoji = [TextDocument("1", "\U0001f600" * 60_000), TextDocument("2", "x" * 5_001)]
    assert [len(batch) for batch in batches(emoji)] == [1, 1]
    assert [len(batch) for batch in batches([emoji[0], TextDocument("2", "x" * 5_000)])] == [2]


def test_a_text_beyond_the_limit_is_a_request_of_its_own() -> None:
    sizes = [[len(document.text) for document in batch] for batch in batches(texts(5, CHARACTERS + 1, 5))]
    assert sizes == [[5], [CHARACTERS + 1], [5]]


def test_ids_are_unique_within_a_request() -> None:
    twice = [TextDocument("1", "a"), TextDocument("2", "b"), TextDocument("1", "c")]
    assert [[document.text for document in batch] for batch in batches(twice)] == [["a", "b"], ["c"]]
    assert DOCUMENTS == 25
