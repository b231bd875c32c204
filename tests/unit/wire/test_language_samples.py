"""Every body of the Language service's samples is read, and what it holds comes out again: counted in the
JSON by walks that know nothing of the decoder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from pipeline.rest.faults import fault_of
from pipeline.wire.language import decode
from pipeline.wire.stamps import seconds_taken, stamp
from tests.unit.wire.samples import MISSING, SAMPLES, Sample, answers, each

ANSWERS = [*answers("language"), *answers("textanalytics")]
_ENDS = {"succeeded": "succeeded", "running": "running", "partiallyCompleted": "succeeded"}


def kind(sample: Sample) -> str:
    """What an answer is, by its members."""
    body = sample.body
    if "value" in body:
        return f"list of {listed(body['value'])}"
    for member, name in {
        "error": "refusal",
        "jobId": "job",
        "projectKind": "evaluation" if "evaluationOptions" in body else "project",
        "label": "model",
        "deploymentName": "deployment",
    }.items():
        if member in body:
            return name
    raise AssertionError(f"{sample.place} is an answer of a kind that no decoder is asked for")


def listed(items: list[dict[str, Any]]) -> str:
    for member, name in {
        "jobId": "trainings",
        "location": "outcomes",
        "projectName": "projects",
        "label": "models",
        "deploymentName": "deployments",
        "languageName": "languages",
        "trainingConfigVersion": "configurations",
    }.items():
        if member in items[0]:
            return name
    raise AssertionError(f"a list of what no decoder is asked for: {sorted(items[0])}")


def of_kind(*names: str) -> list[Any]:
    return each([sample for sample in ANSWERS if kind(sample) in names])


def dicts(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from dicts(child)


@pytest.mark.skipif(not SAMPLES.is_dir(), reason=MISSING)
def test_there_are_samples_of_every_kind() -> None:
    assert {kind(sample) for sample in ANSWERS} == {
        "refusal", "job", "evaluation", "project", "model", "deployment", "list of trainings",
        "list of outcomes", "list of projects", "list of models", "list of deployments",
        "list of languages", "list of configurations",
    }  # fmt: skip


@pytest.mark.parametrize("sample", of_kind("job"))
def test_a_job(sample: Sample) -> None:
    state = decode.operation_state(sample.body)
    assert state.end == _ENDS[sample.body["status"]]
    results = [node for node in dicts(sample.body.get("tasks")) if "documents" in node]
    if state.end != "succeeded":
        assert not state.texts
        return
    documents = [document for one in results for document in one["documents"]]
    errors = [error for one in results for error in one["errors"]]
    assert sorted(item.document_id for item in state.texts) == sorted(one["id"] for one in documents + errors)
    strange = [one for one in documents if any("matches" in entity for entity in one.get("entities", ()))]
    refused = [item for item in state.texts if item.fault is not None]
    assert sorted(item.document_id for item in refused) == sorted(one["id"] for one in errors + strange), (
        "linked entities, which no custom model gives, are no entities of ours"
    )


@pytest.mark.parametrize("sample", of_kind("job"))
def test_what_is_found_in_texts(sample: Sample) -> None:
    state = decode.operation_state(sample.body)
    found = [entity for item in state.texts if item.answer for entity in item.answer.entities]
    classes = [one for item in state.texts if item.answer for one in item.answer.classes]
    told = list(dicts(sample.body.get("tasks"))) if state.end == "succeeded" else []
    entities = [node for node in told if "offset" in node and "category" in node]
    assert sorted(
        (one.category, one.offset, one.length, one.text, one.confidence) for one in found
    ) == sorted(
        (one["category"], one["offset"], one["length"], one["text"], one["confidenceScore"])
        for one in entities
    )
    assert sorted((one.category, one.confidence) for one in classes) == sorted(
        (one["category"], one["confidenceScore"]) for node in told for one in node.get("class", ())
    )


@pytest.mark.parametrize("sample", of_kind("job"))
def test_how_long_a_job_took_is_in_its_answer(sample: Sample) -> None:
    """Where it lies beside the texts: answers with long texts may hide it behind them, recordings do not."""
    begun = stamp(sample.body["createdDateTime"])
    ended = stamp(sample.body.get("lastUpdatedDateTime") or sample.body["lastUpdateDateTime"])
    assert begun and ended
    taken = seconds_taken(json.dumps(sample.body).encode())
    assert taken == (ended - begun).total_seconds()


@pytest.mark.parametrize("sample", of_kind("list of trainings"))
def test_trainings(sample: Sample) -> None:
    found = decode.trainings_page(sample.body)
    assert [(one.operation_id, one.model_id) for one in found] == [
        (one["jobId"], one["result"]["modelLabel"]) for one in sample.body["value"]
    ]
    assert {one.end for one in found} == {"succeeded"}
    assert all(one.created_at for one in found)


@pytest.mark.parametrize("sample", of_kind("project", "list of projects"))
def test_projects(sample: Sample) -> None:
    listed = sample.body.get("value")
    found = decode.projects_page(sample.body) if listed else (decode.project(sample.body),)
    told = listed or [sample.body]
    assert [(one.name, one.container, one.language) for one in found] == [
        (one["projectName"], one["storageInputContainerName"], one["language"]) for one in told
    ]
    assert [one.trained_at for one in found] == [stamp(one.get("lastTrainedDateTime")) for one in told]


@pytest.mark.parametrize("sample", of_kind("model", "list of models"))
def test_models(sample: Sample) -> None:
    listed = sample.body.get("value")
    found = decode.models_page(sample.body) if listed else (decode.model(sample.body),)
    assert [(one.model_id, one.name) for one in found] == [
        (one["label"], one["modelId"]) for one in listed or [sample.body]
    ]
    assert all(one.expires_at for one in found)


@pytest.mark.parametrize("sample", of_kind("deployment", "list of deployments"))
def test_deployments(sample: Sample) -> None:
    listed = sample.body.get("value")
    found = decode.deployments_page(sample.body) if listed else (decode.deployment(sample.body),)
    assert [(one.name, one.model_id) for one in found] == [
        (one["deploymentName"], one["modelId"]) for one in listed or [sample.body]
    ]
    assert all(one.expires_at and one.deployed_at for one in found)


@pytest.mark.parametrize("sample", of_kind("evaluation"))
def test_evaluations(sample: Sample) -> None:
    """The rates that follow from the counts are those that the service tells."""
    evaluation = decode.evaluation(sample.body)
    told = sample.body["customEntityRecognitionEvaluation"]
    assert evaluation.micro_f1 == pytest.approx(told["microF1"], abs=1e-6)
    assert evaluation.micro_precision == pytest.approx(told["microPrecision"], abs=1e-6)
    assert evaluation.micro_recall == pytest.approx(told["microRecall"], abs=1e-6)
    assert {name: round(score.f1, 5) for name, score in evaluation.categories.items()} == {
        name: round(score["f1"], 5) for name, score in told["entities"].items()
    }


@pytest.mark.parametrize("sample", of_kind("list of outcomes"))
def test_outcomes(sample: Sample) -> None:
    outcomes = decode.outcomes_page(sample.body)
    assert [one.name for one in outcomes] == [one["location"] for one in sample.body["value"]]
    predicted = [one for node in dicts(sample.body) for one in node.get("predictedEntities", ())]
    types = sorted(one["category"] for one in predicted)
    assert sorted(name for one in outcomes for name in one.predicted) == types
    assert decode.next_link(sample.body) == (sample.body["nextLink"] or "")


@pytest.mark.parametrize("sample", of_kind("refusal"))
def test_refusals(sample: Sample) -> None:
    """Read by `rest/`, before any codec is asked."""
    fault = fault_of(400, json.dumps(sample.body).encode())
    inner = sample.body["error"].get("innererror", sample.body["error"])
    assert (fault.code, fault.message) == (inner["code"], inner["message"])
