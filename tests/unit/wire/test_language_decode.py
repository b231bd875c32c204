"""What the Language service may answer beside the recordings: shapes of the articles, words that no one
knows, errors of single texts, answers that make no sense."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.errors import RowError
from pipeline.remote import ServiceFault, TextItem
from pipeline.texts import FoundClass, FoundEntity, TextAnswer
from pipeline.wire.language import decode
from pipeline.wire.language.decode_evaluation import with_outcomes

ENTITY = {"category": "Date", "text": "1 May", "offset": 6, "length": 5, "confidenceScore": 0.9}
GOOD = {"id": "1", "entities": [ENTITY], "warnings": []}
FOUND = TextItem("1", TextAnswer((FoundEntity("Date", "1 May", 6, 5, 0.9),)))
EMPTY = {"id": "2", "error": {
    "code": "InvalidArgument", "message": "Invalid Document in request.",
    "innererror": {"code": "InvalidDocument", "message": "Document text is empty."},
}}  # fmt: skip


def general(*documents: dict[str, Any], status: str = "succeeded", **more: Any) -> dict[str, Any]:
    results = {"documents": list(documents), "errors": more.pop("errors", [])}
    item = {"kind": "CustomEntityRecognitionLROResults", "status": "succeeded", "results": results} | more
    return {"jobId": "j", "status": status, "errors": [], "tasks": {"total": 1, "items": [item]}}


# --- analyses -------------------------------------------------------------------------------------


def test_a_text_that_failed_is_told_beside_those_that_did_not() -> None:
    state = decode.operation_state(general(GOOD, errors=[EMPTY]))
    assert state.end == "succeeded"
    assert state.texts == (
        FOUND,
        TextItem("2", fault=ServiceFault("InvalidDocument", "Document text is empty.")),
    )


@pytest.mark.parametrize(
    "tasks",
    [
        {"customEntityRecognitionTasks": [{"state": "succeeded", "results": {"documents": [GOOD]}}]},
        {"details": {"status": "succeeded"}, "tasks": {"customEntityRecognitionTasks": [
            {"status": "completed", "results": {"documents": [GOOD], "errors": None}}
        ]}},
        {"items": [{"status": "succeeded", "results": {"documents": [GOOD]}}], "completed": 1},
        {"details": [{"state": "succeeded", "results": {"documents": [GOOD]}}]},
    ],
)  # fmt: skip
@pytest.mark.parametrize("status", ["succeeded", "completed", "Succeeded", "partiallyCompleted"])
def test_results_are_found_in_every_shape_that_was_published(tasks: Any, status: str) -> None:
    state = decode.operation_state({"jobId": "j", "status": status, "tasks": tasks})
    assert (state.end, state.texts) == ("succeeded", (FOUND,))


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"class": [{"category": "A", "confidenceScore": 0.7}]}, [("A", 0.7)]),
        ({"class": {"category": "A", "confidenceScore": 0.7}}, [("A", 0.7)]),
        ({"classification": {"category": "A", "confidenceScore": 1}}, [("A", 1.0)]),
        ({"classifications": [
            {"category": "A", "confidenceScore": 0.4}, {"category": "B", "confidenceScore": 0.6}
        ]}, [("B", 0.6), ("A", 0.4)]),
        ({"classes": [{"category": "A", "confidenceScore": None}]}, [("A", 0.0)]),
        ({"class": []}, []),
        ({"class": None}, []),
    ],
)  # fmt: skip
def test_classes_have_many_names(told: dict[str, Any], expected: list[tuple[str, float]]) -> None:
    item = decode.operation_state(general({"id": "1", **told})).texts[0]
    assert item.answer == TextAnswer(classes=tuple(FoundClass(*one) for one in expected))


@pytest.mark.parametrize("status", ["notStarted", "running", "cancelling", "unknown", "somethingNew", None])
def test_what_is_no_known_end_goes_on(status: str | None) -> None:
    state = decode.operation_state(general(GOOD, status=status or "") | {"status": status})
    assert (state.end, state.texts) == ("running", ())


@pytest.mark.parametrize("status", ["failed", "cancelled", "rejected"])
def test_a_failed_job_tells_why(status: str) -> None:
    body = general(status=status) | {"errors": [{"code": "InvalidRequest", "message": "no such deployment"}]}
    state = decode.operation_state(body)
    assert state.end == "failed"
    assert state.faults == (ServiceFault("InvalidRequest", "no such deployment"),)


@pytest.mark.parametrize("status", ["failed", "rejected", "cancelled"])
def test_a_job_whose_only_task_failed_has_failed(status: str) -> None:
    body: dict[str, Any] = {
        "jobId": "j",
        "status": "partiallyCompleted",
        "tasks": {"items": [{"status": status}]},
    }
    state = decode.operation_state(body)
    assert (state.end, [fault.code for fault in state.faults]) == ("failed", [status])
    told = {"status": status, "error": {"code": "InternalServerError", "message": "m"}}
    body = {"jobId": "j", "status": "succeeded", "tasks": {"customEntityRecognitionTasks": [told]}}
    assert decode.operation_state(body).faults == (ServiceFault("InternalServerError", "m"),)


def test_what_a_service_says_is_kept_without_its_secrets() -> None:
    link = "https://lake.blob.core.windows.net/c?sv=1&sig=canary%3D"
    failed = {"jobId": "j", "status": "failed", "errors": [{"code": "x", "message": f"cannot read {link}"}]}
    bad = {"id": "2", "error": {"code": "x", "message": link}}
    for body in (failed, failed | {"tasks": {}}, general(errors=[bad]), {"jobs": [failed]}):
        assert "canary" not in repr(decode.operation_state(body))


@pytest.mark.parametrize(
    "entity",
    [
        {"offset": None}, {"offset": -1}, {"length": -1}, {"offset": "x"}, {"category": None, "text": None},
        {"confidenceScore": 7}, {"confidenceScore": "high"},
    ],
)  # fmt: skip
def test_a_result_that_makes_no_sense_costs_its_text_alone(entity: dict[str, Any]) -> None:
    told = {name: value for name, value in (ENTITY | entity).items() if value is not None}
    broken = {"id": "2", "entities": [told], "warnings": []}
    state = decode.operation_state(general(broken, GOOD))
    assert [item.fault.code if item.fault else None for item in state.texts] == ["answer-unreadable", None]
    assert state.texts[1] == FOUND
    assert "1 May" not in repr(state.texts[0])


def test_a_result_of_no_text_is_passed_over() -> None:
    nameless = {"entities": [ENTITY]}
    state = decode.operation_state(general(nameless, GOOD, errors=[{"error": {"code": "x"}}]))
    assert state.texts == (FOUND,)


def test_entities_are_in_the_order_of_the_text() -> None:
    later = ENTITY | {"offset": 60}
    item = decode.operation_state(general({"id": "1", "entities": [later, ENTITY]})).texts[0]
    assert item.answer is not None
    assert [entity.offset for entity in item.answer.entities] == [6, 60]


def test_warnings_of_a_text_are_kept() -> None:
    warned = GOOD | {"warnings": [{"code": "LongWordsInDocument", "message": "m"}]}
    item = decode.operation_state(general(warned)).texts[0]
    assert item.warnings == (ServiceFault("LongWordsInDocument", "m"),)


@pytest.mark.parametrize(("body", "link"), [({"nextLink": "a"}, "a"), ({"@nextLink": "b"}, "b"), ({}, "")])
def test_pages_lead_on(body: dict[str, Any], link: str) -> None:
    assert decode.next_link(body) == link


# --- jobs of authoring ----------------------------------------------------------------------------


def test_a_training_of_the_first_preview() -> None:
    task = {"trainingModelName": "m", "status": "succeeded", "evaluationStatus": {"status": "succeeded"}}
    body = {"jobId": "j", "status": "succeeded", "errors": [], "tasks": [task], "completed": 1}
    state = decode.operation_state(body)
    assert (state.end, state.faults) == ("succeeded", ())
    assert state.model is not None
    assert (state.model.model_id, state.model.state) == ("m", "ready")


def test_a_job_of_which_a_task_failed_has_failed() -> None:
    task = {"trainingModelName": "m", "status": "failed", "error": {"code": "InvalidLabels", "message": "m"}}
    state = decode.operation_state({"jobId": "j", "status": "succeeded", "tasks": [task]})
    assert (state.end, state.faults) == ("failed", (ServiceFault("InvalidLabels", "m"),))
    assert state.model is not None
    assert state.model.state == "invalid"


def test_a_model_that_could_not_be_evaluated_is_one() -> None:
    task = {"trainingModelName": "m", "status": "succeeded", "evaluationStatus": {"status": "failed"}}
    state = decode.operation_state({"jobId": "j", "status": "completed", "tasks": [task]})
    assert (state.end, [fault.code for fault in state.faults]) == ("succeeded", ["EvaluationFailed"])
    state = decode.operation_state({"jobId": "j", "status": "failed", "tasks": [task | {"status": "failed"}]})
    assert (state.end, state.faults) == ("failed", ()), "there is no model to be evaluated"


def test_a_publication_tells_the_id_that_texts_are_sent_to() -> None:
    task = {"modelId": "1-2_MultiClassification_latest", "status": "succeeded"}
    state = decode.operation_state({"jobId": "j", "status": "succeeded", "tasks": [task]})
    assert state.model is not None
    assert state.model.model_id == "1-2_MultiClassification_latest"


def test_the_second_preview_tells_of_a_job_in_a_list() -> None:
    result = {"trainedModelLabel": "m", "trainStatus": {"percentComplete": 0}, "evaluationStatus": {}}
    job = {"result": result, "jobId": "j", "status": "unknown", "errors": []}
    state = decode.operation_state({"jobs": [job], "nextLink": None})
    assert state.end == "running"
    assert state.model is not None
    assert (state.model.model_id, state.model.state) == ("m", "creating")


@pytest.mark.parametrize("body", [{}, {"jobs": []}, {"jobs": [7]}, {"value": []}])
def test_what_is_no_job_is_named(body: dict[str, Any]) -> None:
    with pytest.raises(RowError) as caught:
        decode.operation_state(body)
    assert caught.value.reason == "answer-unreadable"


# --- evaluations ----------------------------------------------------------------------------------

SCORE = {
    "f1": 0.8, "precision": 1.0, "recall": 2 / 3, "countTruePositives": 2, "countTrueNegatives": 3,
    "countFalsePositives": 0, "countFalseNegatives": 1,
}  # fmt: skip


def test_an_evaluation_of_the_first_preview() -> None:
    measured = {"confusionMatrix": {"A": {"A": 2, "B": 1, "C": 0}}, "classes": {"A": SCORE}, "microF1": 0.8}
    body = {
        "modelType": "SingleClassification", "singleClassificationEvaluation": measured,
        "multiClassificationEvaluation": None, "extractionEvaluation": None,
    }  # fmt: skip
    evaluation = decode.evaluation(body)
    assert (evaluation.kind, evaluation.method) == ("classes", "service")
    assert evaluation.confusion == {"A": {"A": 2, "B": 1}}
    assert evaluation.micro_f1 == pytest.approx(0.8)
    assert evaluation.categories["A"].true_negatives == 3


def test_texts_that_were_predicted_wrong_are_told_with_both_classes() -> None:
    first = {"modelType": "SingleClassification", "singleClassificationValidation": {"documents": [
        {"classes": {"labeledClasses": ["A"], "predictedClasses": ["B"]}, "location": "1.txt"},
        {"classes": {"labeledClasses": ["A"], "predictedClasses": ["A"]}, "location": "2.txt"},
    ]}, "extractionValidation": None}  # fmt: skip
    result = "customSingleLabelClassificationResult"
    general = {"value": [
        {"location": "1.txt", result: {"expectedClass": "A", "predictedClass": "B"}},
        {"location": "2.txt", result: {"expectedClass": "A", "predictedClass": "A"}},
    ]}  # fmt: skip
    for body in (first, general):
        outcomes = decode.outcomes_page(body)
        summary = decode.evaluation(
            {"modelType": "SingleClassification", "singleClassificationEvaluation": {"classes": {"A": SCORE}}}
        )
        evaluation = with_outcomes(summary, outcomes)
        assert evaluation.documents == 2
        assert [(one.name, one.labelled, one.predicted) for one in evaluation.wrong] == [
            ("1.txt", ("A",), ("B",))
        ]


def test_classes_in_another_order_are_not_wrong() -> None:
    kind = "CustomMultiLabelClassification"
    result = {"expectedClasses": ["A", "B"], "predictedClasses": ["B", "A"]}
    told = {"location": "1", "customMultiLabelClassificationResult": result}
    page = decode.outcomes_page({"value": [told]})
    measured = {"classes": {"A": {"truePositiveCount": 1}}}
    summary = decode.evaluation({"projectKind": kind, "customMultiLabelClassificationEvaluation": measured})
    assert with_outcomes(summary, page).wrong == ()


@pytest.mark.parametrize(
    ("read", "body"),
    [
        (decode.evaluation, {"projectKind": "CustomEntityRecognition"}),
        (decode.evaluation, {"projectKind": "Orchestration", "xEvaluation": {"classes": {}}}),
        (decode.model, {"modelId": "x"}),
        (decode.deployment, {}),
        (decode.project, {"projectName": "P"}),
        (decode.models_page, {"value": [7]}),
        (decode.outcomes_page, {"value": [{"language": "en"}]}),
    ],
)
def test_what_is_not_what_was_asked_for_is_named(read: Any, body: dict[str, Any]) -> None:
    with pytest.raises(RowError) as caught:
        read(body)
    assert caught.value.reason == "answer-unreadable"
    assert caught.value.__cause__ is None
