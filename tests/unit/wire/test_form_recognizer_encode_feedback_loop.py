"""The feedback loop's answers, compared with the only ones there are: those of its documentation."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from pipeline.remote import Analysis, ServiceFault, ServiceModel
from pipeline.types import FieldSpec, Layout, Page
from pipeline.wire.form_recognizer import decode
from pipeline.wire.form_recognizer import encode_feedback_loop as encode
from tests.unit.wire.samples import MISSING, SAMPLES

THEN = datetime(2026, 3, 4, 5, 6, 7, 890123, tzinfo=UTC)
MODEL = ServiceModel("id", created_at=THEN, updated_at=THEN)


@pytest.fixture
def documented() -> dict[str, Any]:
    folder = SAMPLES / "formrecognizer" / "v2.0-preview-feedbackloop"
    if not folder.is_dir():
        pytest.skip(MISSING)
    return {file.name.split(".")[0]: json.loads(file.read_text()) for file in folder.glob("*.json")}


def without_stamps(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if not name.endswith("DateTime")}


def test_a_training_is_told_as_documented(documented: dict[str, Any]) -> None:
    body = documented["asyncTrainOperations_succeeded"]
    told = encode.training(decode.model(body))
    assert without_stamps(told) == without_stamps(body)
    assert told["createdDateTime"] == "2019-09-25T21:35:08.1247950+00:00"


def test_an_analysis_is_told_as_documented(documented: dict[str, Any]) -> None:
    body = documented["asyncAnalyzeOperations_excerpt"]
    (described,) = body["analyzeResult"]["documentResults"]
    found = decode.operation_state(body).analysis
    assert found is not None
    fields = [FieldSpec(name) for name in described["fields"]]
    told = encode.analysis("succeeded", THEN, THEN, found, fields)
    assert told["status"] == "Succeeded"
    assert told["analyzeResult"] == body["analyzeResult"]


def test_a_layout_is_told_as_documented(documented: dict[str, Any]) -> None:
    body = documented["readLayout_result"]
    found = decode.operation_state(body).analysis
    assert found is not None
    told = encode.layout("succeeded", THEN, THEN, found.layout)
    assert told["analyzeResult"]["readResults"] == body["analyzeResult"]["readResults"]
    assert set(told) == set(body)


@pytest.mark.parametrize(
    ("state", "status", "end"),
    [
        ("creating", "Running", "running"),
        ("ready", "Succeeded", "succeeded"),
        ("invalid", "Failed", "failed"),
    ],
)
def test_states_are_told_in_pascal_case_and_understood(state: Any, status: str, end: str) -> None:
    faults = (ServiceFault("2014", "No valid blobs found."),) if state == "invalid" else ()
    body = encode.training(replace(MODEL, state=state, faults=faults))
    assert body["status"] == status
    understood = decode.operation_state(body)
    assert (understood.end, understood.faults) == (end, faults)


def test_what_the_published_code_looks_for_stands_at_the_top() -> None:
    body = encode.public_training(MODEL, {"modelInfo": {"status": "ready"}})
    assert (body["modelId"], body["status"], body["modelInfo"]["status"]) == ("id", "ready", "ready")


def test_operations_that_failed_say_why() -> None:
    fault = ServiceFault("3001", "It could not be read.")
    for body in (
        encode.layout("failed", THEN, THEN, fault=fault),
        encode.analysis("failed", THEN, THEN, fault=fault),
    ):
        state = decode.operation_state(body)
        assert (body["status"], state.end, state.faults) == ("Failed", "failed", (fault,))


def test_pages_are_told_only_where_they_are_asked_for() -> None:
    found = Analysis(Layout((Page(1, 8.5, 11.0, "inch"),), 1))
    assert "readResults" not in encode.analysis("succeeded", THEN, THEN, found)["analyzeResult"]
    assert "readResults" in encode.analysis("succeeded", THEN, THEN, found, details=True)["analyzeResult"]
