"""Every body of the samples is read, and what it holds comes out again: counted in the JSON by walks that
know nothing of the decoder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from pipeline.formats.fields_json import fields_from_json, table_fields_from_json
from pipeline.formats.labels_json import labels_from_json
from pipeline.formats.ocr_json import layout_from_json
from pipeline.remote import OperationState, ServiceModel
from pipeline.types import Layout, Page
from pipeline.wire.form_recognizer import decode
from tests.unit.wire.samples import MISSING, SAMPLES, Sample, answers, each

FOREIGN = {"azure-samples-outputs/general_documents_sample_response.json"}
"""An answer of Document Intelligence that lies among those of Form Recognizer."""

ANSWERS = [sample for sample in answers("formrecognizer") if sample.place not in FOREIGN]


def kind(sample: Sample) -> str:
    """What an answer is, by its members."""
    body = sample.body
    for member, name in {
        "error": "refusal",
        "modelInfo": "model",
        "trainResult": "model",
        "modelList": "list",
        "summary": "summary",
        "accessToken": "authorization",
        "copyResult": "operation",
        "analyzeResult": "operation",
        "status": "operation",
        "labels": "labels",
        "fields": "fields",
    }.items():
        if member in body:
            return name
    raise AssertionError(f"{sample.place} is an answer of a kind that no decoder is asked for")


def of_kind(name: str) -> list[Any]:
    return each([sample for sample in ANSWERS if kind(sample) == name])


# --- walks of the JSON, without the decoder -------------------------------------------------------


def dicts(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from dicts(child)


def scalar_value(node: dict[str, Any]) -> str:
    values = [v for k, v in node.items() if k.startswith("value") and isinstance(v, str | int | float)]
    return str(values[0]) if values else ""


def field_texts(body: Any) -> Counter[str]:
    """The text, or where there is none the value, of everything that is a field value."""
    result = body.get("analyzeResult") or {}
    told = [
        str(node.get("text") or scalar_value(node))
        for node in dicts(result.get("documentResults"))
        if isinstance(node.get("type"), str)
    ]
    for node in dicts(result.get("pageResults")):
        told += [str((pair.get("value") or {}).get("text")) for pair in node.get("keyValuePairs") or ()]
    return Counter(text for text in told if text)


def under(body: Any, *names: str) -> Iterator[dict[str, Any]]:
    """The members of every list that has one of these names."""
    for node in dicts(body):
        for name in names:
            yield from (item for item in node.get(name) or () if isinstance(item, dict))


def layout_texts(body: Any) -> Counter[tuple[str, str]]:
    told: Counter[tuple[str, str]] = Counter()
    for name in ("lines", "words", "cells"):
        told.update((name, str(item.get("text") or "")) for item in under(body, name))
    told.update(("marks", str(item["state"])) for item in under(body, "selectionMarks"))
    return told


def read_texts(layout: Layout) -> Counter[tuple[str, str]]:
    told: Counter[tuple[str, str]] = Counter()
    for page in layout.pages:
        told.update(("lines", line.text) for line in page.lines)
        told.update(("words", word.text) for word in page.words)
        told.update(("cells", cell.text) for table in page.tables for cell in table.cells)
        told.update(("marks", mark.state) for mark in page.selection_marks)
    return told


# --- the tests ------------------------------------------------------------------------------------


@pytest.mark.parametrize("sample", of_kind("operation"))
def test_no_field_value_is_lost(sample: Sample) -> None:
    state = decode.operation_state(sample.body)
    values = state.analysis.values if state.analysis else ()
    assert Counter(value.text for value in values) == field_texts(sample.body)
    keys = [(number, v.field, v.occurrence) for number, v in numbered(state)]
    assert len(keys) == len(set(keys)), "two values of a document have one place"


def numbered(state: OperationState) -> Iterator[tuple[int, Any]]:
    for number, document in enumerate(state.analysis.documents if state.analysis else ()):
        for value in document.values:
            yield number, value


@pytest.mark.parametrize("sample", of_kind("operation"))
def test_no_line_word_cell_or_mark_is_lost(sample: Sample) -> None:
    state = decode.operation_state(sample.body)
    assert read_texts(state.analysis.layout if state.analysis else Layout((), 0)) == layout_texts(sample.body)


@pytest.mark.parametrize("sample", of_kind("operation"))
def test_the_end_of_an_operation_is_what_its_status_says(sample: Sample) -> None:
    told = str(sample.body.get("status", "succeeded")).lower()
    state = decode.operation_state(sample.body)
    assert state.end == {"succeeded": "succeeded", "failed": "failed"}.get(told, "running")
    assert (state.analysis is not None or state.model is not None) or state.end == "running"


@pytest.mark.parametrize("sample", of_kind("operation"))
def test_every_typed_value_is_given_beside_its_text(sample: Sample) -> None:
    state = decode.operation_state(sample.body)
    told = [
        scalar_value(node) for node in dicts((sample.body.get("analyzeResult") or {}).get("documentResults"))
    ]
    given = [value.given for _, value in numbered(state) if value.given]
    assert all(value.known for value in given)
    assert len(given) == len([value for value in told if value])


@pytest.mark.parametrize("sample", of_kind("model"))
def test_a_model_keeps_its_fields_keys_documents_and_errors(sample: Sample) -> None:
    model = decode.model(sample.body)
    assert set(model.keys) == {
        text
        for node in dicts(sample.body.get("keys"))
        for texts in node.values()
        if isinstance(texts, list)
        for text in texts
    }
    fields = [item for item in under(sample.body, "fields") if "fieldName" in item]
    assert {field.name for field in model.fields} == {item["fieldName"] for item in fields}
    assert dict(model.accuracies).items() <= {(item["fieldName"], item["accuracy"]) for item in fields}
    documents = [(item["documentName"], item["pages"]) for item in under(sample.body, "trainingDocuments")]
    assert [(document.name, document.pages) for document in model.documents] == documents
    assert all(document.state == "succeeded" for document in model.documents)
    assert [fault.code for fault in model.faults] == [item["code"] for item in under(sample.body, "errors")]


@pytest.mark.parametrize("sample", of_kind("model"))
def test_a_training_ends_as_its_model_does(sample: Sample) -> None:
    info = sample.body.get("modelInfo") or sample.body
    end = {"ready": "succeeded", "invalid": "failed", "creating": "running"}
    state = decode.operation_state(sample.body)
    assert state.end == end.get(info["status"], info["status"].lower())
    assert isinstance(state.model, ServiceModel)
    assert state.model.model_id
    assert state.model.created_at is not None
    assert bool(state.faults) == (state.end == "failed")


@pytest.mark.parametrize("sample", of_kind("list"))
def test_a_list_gives_every_model_and_the_way_on(sample: Sample) -> None:
    models, following = decode.models_page(sample.body)
    told = [(item["modelId"], item["status"], item.get("modelName", "")) for item in sample.body["modelList"]]
    assert [(model.model_id, model.state, model.name) for model in models] == told
    assert (following or "") == sample.body["nextLink"]


@pytest.mark.parametrize("sample", of_kind("summary"))
def test_a_summary_gives_count_and_limit(sample: Sample) -> None:
    quota = decode.quota(sample.body)
    assert [quota.count, quota.limit] == [sample.body["summary"][name] for name in ("count", "limit")]


@pytest.mark.parametrize("sample", of_kind("authorization"))
def test_leave_to_copy_is_passed_on_as_it_came_and_not_shown(sample: Sample) -> None:
    leave = decode.copy_authorization(sample.body)
    assert leave.body == sample.body
    assert leave.model_id == sample.body["modelId"]
    assert sample.body["accessToken"] not in repr(leave)


@pytest.mark.parametrize("sample", of_kind("refusal"))
def test_a_refusal_gives_code_and_message(sample: Sample) -> None:
    fault = decode.fault(sample.body)
    assert (fault.code, fault.message) == (sample.body["error"]["code"], sample.body["error"]["message"])


@pytest.mark.parametrize("sample", of_kind("labels"))
def test_no_label_of_a_training_file_is_lost(sample: Sample) -> None:
    labels = labels_from_json(sample.body)
    told = [
        (item.get("label") or item["fieldKey"], len(item.get("value") or item.get("regions") or ()))
        for item in sample.body["labels"]
    ]
    assert [(label.field, len(label.regions)) for label in labels] == told


@pytest.mark.parametrize("sample", of_kind("fields"))
def test_no_field_of_a_training_folder_is_lost(sample: Sample) -> None:
    names = {field.name for field in fields_from_json(sample.body)} | set(table_fields_from_json(sample.body))
    assert names == {item["fieldKey"] for item in sample.body["fields"]}


@pytest.mark.parametrize("sample", each([sample for sample in ANSWERS if sample.place.endswith(".ocr.json")]))
def test_a_layout_file_of_a_training_folder_is_read_as_its_operation_was(sample: Sample) -> None:
    state = decode.operation_state(sample.body)
    assert state.analysis is not None
    assert layout_from_json(sample.body) == state.analysis.layout
    assert any(isinstance(page, Page) and page.lines for page in state.analysis.layout.pages)


def test_the_samples_hold_enough_to_count() -> None:
    """So that a walk that finds nothing cannot pass for one that agrees."""
    if not SAMPLES.is_dir():
        pytest.skip(MISSING)
    told = [sample.body for sample in ANSWERS if kind(sample) == "operation"]
    assert sum(field_texts(body).total() for body in told) >= 227
    assert sum(layout_texts(body).total() for body in told) >= 5_000
    assert {kind(sample) for sample in ANSWERS} == {
        "refusal",
        "model",
        "list",
        "summary",
        "authorization",
        "operation",
        "labels",
        "fields",
    }
