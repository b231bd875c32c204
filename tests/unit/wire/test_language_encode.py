"""What the Language service says, from records: read again by the decoder, and beside the published examples
and the vendor's own models of each answer."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pipeline.remote import ServiceDeployment, ServiceFault, ServiceModel, TextItem
from pipeline.texts import (
    CategoryScore,
    FoundClass,
    FoundEntity,
    LabelledSpan,
    TextAnswer,
    TextEvaluation,
    TextOutcome,
)
from pipeline.wire.language import (
    decode,
    encode_evaluation,
    encode_faults,
    encode_jobs,
    encode_projects,
    encode_results,
)
from pipeline.wire.language.encode_results import TaskResult
from pipeline.wire.language.records import EvaluationOptions, Job, Project, Status, Task, TrainingJob
from pipeline.wire.language.versions import VERSIONS
from tests.unit.wire.samples import MISSING, SAMPLES, sessions

BEGUN = datetime(2026, 11, 21, 15, 44, 44, tzinfo=UTC)
ENDED = BEGUN + timedelta(seconds=64)
GENERAL = VERSIONS["2023-04-01"]
FAULT = ServiceFault("InvalidDocument", "Document text is empty.")
ENTITIES = TextAnswer((FoundEntity("Date", "1 May", 6, 5, 0.91),))
CLASSES = TextAnswer(classes=(FoundClass("A", 0.7), FoundClass("B", 0.2)))
SINGLE = TextEvaluation(
    "classes",
    "percentage",
    {"A": CategoryScore(2, 1, 0, 1), "B": CategoryScore(1, 0, 1, 2)},
    {"A": {"A": 2}, "B": {"A": 1, "B": 1}},
    (TextOutcome("3.txt", "", ("B",), ("A",)),),
    4,
)


def job(status: Status = "succeeded", *faults: ServiceFault) -> Job:
    return Job("1-2_3", status, BEGUN, ENDED, BEGUN + timedelta(days=7), faults)


def task(kind: Any, *items: TextItem, status: Status = "succeeded", sizes: Any = None) -> TaskResult:
    return TaskResult(Task(kind, "P", "d", name="0"), status, ENDED, items, sizes=sizes)


def example(name: str) -> Any:
    file = SAMPLES / "language/2023-04-01/swagger/analyzetext-authoring" / f"Successful{name}.json"
    return json.loads(file.read_text(encoding="utf-8"))["responses"]["200"]["body"]


def shape(node: Any) -> Any:
    """Which members there are, and of what kind; of a list that of its first entry."""
    if isinstance(node, dict):
        return {name: shape(child) for name, child in node.items()}
    if isinstance(node, list):
        return [shape(node[0])] if node else []
    return "number" if isinstance(node, int | float) and not isinstance(node, bool) else type(node).__name__


# --- analyses -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", VERSIONS)
@pytest.mark.parametrize(
    ("kind", "answer", "found"),
    [
        ("entities", ENTITIES, ENTITIES),
        ("single", CLASSES, TextAnswer(classes=CLASSES.classes[:1])),
        ("multi", CLASSES, CLASSES),
        ("multi", TextAnswer(), TextAnswer()),
        ("entities", TextAnswer(), TextAnswer()),
    ],
)
def test_what_is_found_is_read_again(name: str, kind: Any, answer: TextAnswer, found: TextAnswer) -> None:
    result = task(kind, TextItem("1", answer), TextItem("2", fault=FAULT))
    body = encode_results.analysis(VERSIONS[name], job(), "", [result])
    state = decode.operation_state(json.loads(json.dumps(body)))
    assert state.end == "succeeded"
    assert state.texts == (TextItem("1", found), TextItem("2", fault=FAULT))


@pytest.mark.parametrize("name", VERSIONS)
def test_what_is_not_done_is_counted_and_not_told(name: str) -> None:
    running = task("entities", TextItem("1", ENTITIES), status="running")
    failed = task("entities", status="failed")
    body = encode_results.analysis(VERSIONS[name], job("running"), "n", [running, failed], "https://r/next")
    tasks = body["tasks"]
    assert (tasks["completed"], tasks["failed"], tasks["inProgress"], tasks["total"]) == (0, 1, 1, 2)
    assert "1 May" not in json.dumps(body)
    assert decode.operation_state(body).end == "running"
    assert decode.next_link(body) == "https://r/next"


@pytest.mark.parametrize("name", VERSIONS)
def test_a_task_that_failed_tells_why(name: str) -> None:
    result = TaskResult(Task("single", "P", "d"), "failed", ENDED, faults=(ServiceFault("NotFound", "m"),))
    body = encode_results.analysis(VERSIONS[name], job(), "", [result])
    state = decode.operation_state(body)
    assert (state.end, state.faults) == ("failed", (ServiceFault("NotFound", "m"),))


@pytest.mark.skipif(not SAMPLES.is_dir(), reason=MISSING)
@pytest.mark.parametrize("name", ["recognize_custom_entities", "single_label_classify"])
def test_a_recorded_analysis_is_said_as_it_was_recorded(name: str) -> None:
    """Decoded and said again. The order of entities is lost, and a statement of how many texts there were is
    made from the request."""
    session = sessions("language")[f"2022-05-01/recorded/CustomText_{name}.session.json"]
    asked, recorded = session[0].sent, session[-1].body
    item = recorded["tasks"]["items"][0]
    kind: Any = "entities" if "Entity" in item["kind"] else "single"
    state = decode.operation_state(recorded)
    named = Task(kind, item["results"]["projectName"], item["results"]["deploymentName"], name="0")
    sizes = {one["id"]: len(one["text"]) for one in asked["analysisInput"]["documents"]}
    result = TaskResult(named, "succeeded", stamped(item["lastUpdateDateTime"]), state.texts, sizes=sizes)
    told = Job(
        recorded["jobId"], "succeeded", stamped(recorded["createdDateTime"]),
        stamped(recorded["lastUpdatedDateTime"]), stamped(recorded["expirationDateTime"]),
    )  # fmt: skip
    body = encode_results.analysis(VERSIONS["2022-05-01"], told, "", [result])
    for one in (body, recorded):
        for document in one["tasks"]["items"][0]["results"]["documents"]:
            document.get("entities", []).sort(key=lambda entity: entity["offset"])
        one["tasks"]["items"][0].pop("lastUpdateDateTime")
    assert body == recorded


def stamped(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize("name", ["2022-05-01", "2023-04-01"])
def test_the_vendors_client_knows_every_member(name: str) -> None:
    models = pytest.importorskip(f"azure.ai.textanalytics._generated.v{name.replace('-', '_')}.models")
    from azure.ai.textanalytics._generated._serialization import Deserializer

    deserializer: Any = Deserializer
    known = {key: value for key, value in vars(models).items() if isinstance(value, type)}
    kinds: list[tuple[Any, TextAnswer]]
    kinds = [("entities", ENTITIES), ("single", CLASSES), ("multi", CLASSES)]
    results = [
        task(kind, TextItem("1", answer), TextItem("2", fault=FAULT), sizes={"1": 11, "2": 0})
        for kind, answer in kinds
    ]
    body = encode_results.analysis(VERSIONS[name], job(), "named", results, "https://r/next")
    read = deserializer(known)("AnalyzeTextJobState", body)
    assert strangers(read) == []
    assert read.tasks.items[0].results.documents[0].entities[0].text == "1 May"
    assert read.tasks.items[1].results.documents[0].class_property[0].category == "A"
    assert [one.category for one in read.tasks.items[2].results.documents[0].class_property] == ["A", "B"]
    assert read.tasks.items[0].results.errors[0].error.innererror.code == "InvalidDocument"
    refusal = deserializer(known)("ErrorResponse", encode_faults.refusal(FAULT))
    assert strangers(refusal) == []
    assert refusal.error.code == "InvalidRequest"


def strangers(node: Any) -> list[str]:
    """Members of an answer that the vendor's model of it does not have."""
    if isinstance(node, list):
        return [name for child in node for name in strangers(child)]
    if not hasattr(node, "_attribute_map"):
        return []
    own = [f"{type(node).__name__}.{name}" for name in (node.additional_properties or {})]
    return own + [name for member in node._attribute_map for name in strangers(getattr(node, member))]


# --- authoring, beside the published examples -----------------------------------------------------


@pytest.mark.skipif(not SAMPLES.is_dir(), reason=MISSING)
@pytest.mark.parametrize("name", ["GetImportStatus", "GetDeploymentStatus", "GetSwapDeploymentsStatus"])
def test_a_job_is_told_as_published(name: str) -> None:
    assert shape(encode_jobs.job(GENERAL, job())) == shape(example(name))


@pytest.mark.skipif(not SAMPLES.is_dir(), reason=MISSING)
def test_a_training_is_told_as_published() -> None:
    told = encode_jobs.training(GENERAL, TrainingJob(job(), "model1", "2022-05-01", BEGUN + timedelta(60)))
    assert shape(told) == shape(example("ListTrainingJobs")["value"][0])
    running = encode_jobs.training(GENERAL, TrainingJob(job("running"), "model1"))
    published = example("GetTrainStatus")
    published["result"].pop("estimatedEndDateTime")
    published["result"]["evaluationStatus"] = published["result"]["trainingStatus"]
    assert shape(running) == shape(published)


@pytest.mark.skipif(not SAMPLES.is_dir(), reason=MISSING)
def test_projects_models_and_deployments_are_told_as_published() -> None:
    project = Project(
        "P", "entities", "lake", "en", description="d", created_at=BEGUN, modified_at=BEGUN,
        trained_at=BEGUN, deployed_at=BEGUN,
    )  # fmt: skip
    assert shape(encode_projects.project(GENERAL, project)) == shape(example("GetProject"))
    model = ServiceModel("model1", name="model1-x", created_at=BEGUN, expires_at=ENDED)
    assert shape(encode_projects.model(GENERAL, model, 186.2)) == shape(example("GetModel"))
    deployment = ServiceDeployment("staging", "model1-x", BEGUN, BEGUN, ENDED)
    assert shape(encode_projects.deployment(deployment)) == shape(example("GetDeployment"))
    page = encode_projects.page([encode_projects.deployment(deployment)], None)
    assert shape(page) == shape(example("ListDeployments"))


@pytest.mark.skipif(not SAMPLES.is_dir(), reason=MISSING)
def test_an_evaluation_is_told_as_published() -> None:
    """The counts of the published one give the published rates."""
    published = example("GetModelEvaluationSummary")
    told = encode_evaluation.summary("entities", decode.evaluation(published), EvaluationOptions())
    member = "customEntityRecognitionEvaluation"
    for one in (told, published):
        one[member].pop("confusionMatrix")
    assert rounded(told) == rounded(published)


@pytest.mark.skipif(not SAMPLES.is_dir(), reason=MISSING)
def test_outcomes_of_entities_are_told_as_published() -> None:
    published = example("GetModelEvaluation")["value"][0]
    region = published["customEntityRecognitionResult"]["entities"][0]
    expected, predicted = (
        [LabelledSpan(one["category"], one["offset"], one["length"]) for one in region[f"{which}Entities"]]
        for which in ("expected", "predicted")
    )
    told = encode_evaluation.entities_outcome("11.txt", "en-us", region["regionLength"], expected, predicted)
    assert told == published


def rounded(node: Any) -> Any:
    if isinstance(node, dict):
        return {name: rounded(child) for name, child in node.items()}
    return round(node, 4) if isinstance(node, float) else node


# --- authoring, read again ------------------------------------------------------------------------


@pytest.mark.parametrize("name", VERSIONS)
@pytest.mark.parametrize(
    ("status", "end"),
    [("notStarted", "running"), ("running", "running"), ("succeeded", "succeeded"), ("failed", "failed")],
)
def test_a_training_is_read_again(name: str, status: Status, end: str) -> None:
    faults = (ServiceFault("InvalidDocument", "m"),) if status == "failed" else ()
    body = encode_jobs.training(VERSIONS[name], TrainingJob(job(status, *faults), "m", trained_at=ENDED))
    state = decode.operation_state(json.loads(json.dumps(body)))
    assert state.end == end
    assert state.model is not None
    assert state.model.model_id == "m"
    assert state.faults[:1] == faults


def test_a_publication_is_read_again() -> None:
    state = decode.operation_state(encode_jobs.publication(job(), "1_Extraction_latest"))
    assert state.model is not None
    assert (state.end, state.model.model_id) == ("succeeded", "1_Extraction_latest")


@pytest.mark.parametrize("kind", ["single", "multi"])
def test_evaluations_of_classes_are_read_again(kind: Any) -> None:
    for body in (
        encode_evaluation.summary(kind, SINGLE, EvaluationOptions()),
        encode_evaluation.first_summary(kind, SINGLE),
    ):
        found = decode.evaluation(json.loads(json.dumps(body)))
        assert found.categories == SINGLE.categories
        assert found.confusion == (SINGLE.confusion if kind == "single" else {})
    first = encode_evaluation.first_outcomes(kind, SINGLE.wrong, "en-us")
    general = {"value": [encode_evaluation.outcome(kind, one, "en-us") for one in SINGLE.wrong]}
    assert decode.outcomes_page(first) == decode.outcomes_page(general) == SINGLE.wrong


@pytest.mark.parametrize("name", VERSIONS)
@pytest.mark.parametrize("kind", ["entities", "single", "multi"])
def test_a_project_is_read_again(name: str, kind: Any) -> None:
    project = Project("P", kind, "lake", "en-us", multilingual=True, description="d")
    assert decode.project(encode_projects.project(VERSIONS[name], project)) == project


@pytest.mark.parametrize("code", ["InvalidDocumentBatch", "ProjectNotFound", "Conflict"])
def test_refusals_name_their_cause(code: str) -> None:
    from pipeline.rest.faults import fault_of

    fault = ServiceFault(code, "why")
    assert fault_of(400, json.dumps(encode_faults.refusal(fault)).encode()) == fault
