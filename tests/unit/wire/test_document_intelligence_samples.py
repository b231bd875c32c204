"""Every body of the samples is read, and what it holds comes out again: counted in the JSON by walks that
know nothing of the decoder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from pipeline.remote import AnalyzedDocument, OperationState
from pipeline.types import Layout
from pipeline.wire.document_intelligence import decode
from tests.unit.wire.samples import MISSING, SAMPLES, Sample, answers, each

STRAY = "azure-samples-outputs/general_documents_sample_response.json"
"""An answer of a preview that lies among those of Form Recognizer; each of its lists is cut to one entry."""

ANSWERS = [
    *answers("documentintelligence"),
    *(sample for sample in answers("formrecognizer") if sample.place == STRAY),
]
_LISTS = {"operationId": "operations", "resultId": "batches", "modelId": "models", "classifierId": "models"}


def kind(sample: Sample) -> str:
    """What an answer is, by its members."""
    body = sample.body
    if "value" in body:
        return next(name for member, name in _LISTS.items() if member in body["value"][0])
    for member, name in {
        "operationId": "operation",
        "analyzeResult": "analysis",
        "result": "batch",
        "status": "analysis",
        "error": "refusal",
        "customDocumentModels": "quota",
        "accessToken": "authorization",
        "modelId": "model",
        "classifierId": "model",
    }.items():
        if member in body:
            return name
    raise AssertionError(f"{sample.place} is an answer of a kind that no decoder is asked for")


def of_kind(*names: str) -> list[Any]:
    return each([sample for sample in ANSWERS if kind(sample) in names])


# --- walks of the JSON, without the decoder -------------------------------------------------------


def dicts(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from dicts(child)


def fields(body: Any) -> Iterator[dict[str, Any]]:
    """Everything in the documents that has a type is a field, a row or a cell."""
    for node in dicts((body.get("analyzeResult") or {}).get("documents")):
        if isinstance(node.get("type"), str):
            yield node


def scalar(node: dict[str, Any]) -> str:
    values = [v for k, v in node.items() if k.startswith("value") and isinstance(v, str | int | float)]
    return str(values[0]) if values else ""


def field_texts(body: Any) -> Counter[str]:
    """What was found: the content, the state of what has one, the value where there is nothing else."""
    told = [
        scalar(node)
        if node["type"] in ("signature", "selectionMark")
        else node.get("content") or scalar(node)
        for node in fields(body)
    ]
    result = body.get("analyzeResult") or {}
    if not result.get("documents"):
        told += [(pair.get("value") or {}).get("content") for pair in result.get("keyValuePairs") or ()]
    return Counter(text for text in told if text)


def under(body: Any, *names: str) -> Iterator[dict[str, Any]]:
    """The members of every list that has one of these names."""
    for node in dicts(body):
        for name in names:
            children = node.get(name)
            yield from (item for item in children or () if isinstance(children, list))


def layout_texts(body: Any) -> Counter[tuple[str, str]]:
    result = body.get("analyzeResult") or {}
    told: Counter[tuple[str, str]] = Counter()
    for name, items in {"lines": "pages", "words": "pages", "cells": "tables"}.items():
        told.update((name, str(item["content"])) for item in under(result.get(items), name))
    told.update(("marks", str(item["state"])) for item in under(result.get("pages"), "selectionMarks"))
    return told


def read_texts(layout: Layout) -> Counter[tuple[str, str]]:
    told: Counter[tuple[str, str]] = Counter()
    for page in layout.pages:
        told.update(("lines", line.text) for line in page.lines)
        told.update(("words", word.text) for word in page.words)
        told.update(("cells", cell.text) for table in page.tables for cell in table.cells)
        told.update(("marks", mark.state) for mark in page.selection_marks)
    return told


def schema_names(name: str, schema: dict[str, Any]) -> Iterator[str]:
    if schema["type"] == "array":
        yield from schema_names(name, schema["items"])
    elif schema["type"] == "object":
        for member, inner in schema["properties"].items():
            yield from schema_names(f"{name}/{member}", inner)
    else:
        yield name


def segments(url: str) -> list[str]:
    return url.partition("?")[0].split("/")


# --- analyses -------------------------------------------------------------------------------------


def state_of(sample: Sample) -> OperationState:
    return decode.operation_state(sample.body)


def documents(state: OperationState) -> tuple[AnalyzedDocument, ...]:
    return state.analysis.documents if state.analysis else ()


@pytest.mark.parametrize("sample", of_kind("analysis"))
def test_no_field_value_is_lost(sample: Sample) -> None:
    state = state_of(sample)
    values = [value for document in documents(state) for value in document.values]
    assert Counter(value.text for value in values) == field_texts(sample.body)
    for document in documents(state):
        keys = [(value.field, value.occurrence) for value in document.values]
        assert len(keys) == len(set(keys)), "two values of a document have one place"


@pytest.mark.parametrize("sample", of_kind("analysis"))
def test_no_line_word_cell_or_mark_is_lost(sample: Sample) -> None:
    state = state_of(sample)
    assert read_texts(state.analysis.layout if state.analysis else Layout((), 0)) == layout_texts(sample.body)


@pytest.mark.parametrize("sample", of_kind("analysis"))
def test_every_line_holds_the_words_it_is_made_of(sample: Sample) -> None:
    state = state_of(sample)
    for page in state.analysis.layout.pages if state.analysis else ():
        for line in page.lines:
            text = "".join(word.text for word in line.words)
            assert text == line.text.replace(" ", "") or sample.place == STRAY


@pytest.mark.parametrize("sample", of_kind("analysis"))
def test_every_typed_value_is_given_beside_its_text(sample: Sample) -> None:
    told = [value for value in map(scalar, fields(sample.body)) if value]
    given = [v.given for document in documents(state_of(sample)) for v in document.values if v.given]
    assert all(value.known for value in given)
    assert len(given) == len(told)


@pytest.mark.parametrize("sample", of_kind("analysis"))
def test_every_value_stands_where_the_service_found_it(sample: Sample) -> None:
    told = Counter(
        (item["boundingRegions"][0]["pageNumber"], tuple(item["boundingRegions"][0]["polygon"]))
        for item in fields(sample.body)
        if item.get("boundingRegions") and (item.get("content") or scalar(item))
    )
    values = [value for document in documents(state_of(sample)) for value in document.values]
    found = Counter((value.page, value.polygon) for value in values if value.polygon)
    assert sample.place == STRAY or found == told


@pytest.mark.parametrize("sample", of_kind("analysis"))
def test_documents_keep_type_pages_and_confidence(sample: Sample) -> None:
    told = (sample.body.get("analyzeResult") or {}).get("documents") or ()
    found = documents(state_of(sample))
    if told:
        assert [(one.doc_type, one.confidence) for one in found] == [
            (item["docType"], item["confidence"]) for item in told
        ]
        pages = [[region["pageNumber"] for region in item["boundingRegions"]] for item in told]
        assert [(one.first_page, one.last_page) for one in found] == [
            (min(all_), max(all_)) for all_ in pages
        ]


@pytest.mark.parametrize("sample", of_kind("analysis"))
def test_a_layout_file_is_read_as_its_operation_was(sample: Sample) -> None:
    """What a `.ocr.json` of a training folder holds is such a body, or its result alone."""
    state = state_of(sample)
    if state.analysis is not None:
        assert decode.layout_from_result(sample.body) == state.analysis.layout
        assert decode.layout_from_result(sample.body["analyzeResult"]) == state.analysis.layout


# --- operations -----------------------------------------------------------------------------------


@pytest.mark.parametrize("sample", of_kind("analysis", "operation", "batch"))
def test_the_end_of_an_operation_is_what_its_status_says(sample: Sample) -> None:
    state = state_of(sample)
    told = {"succeeded": "succeeded", "completed": "succeeded", "failed": "failed"}
    assert state.end == told.get(sample.body["status"], "running")
    result = state.analysis or state.model or state.items
    assert bool(result) == (state.end == "succeeded")


@pytest.mark.parametrize("sample", of_kind("operation"))
def test_an_operation_ends_in_its_model_or_the_reason_why_not(sample: Sample) -> None:
    state = state_of(sample)
    result, error = sample.body.get("result"), sample.body.get("error") or {}
    assert (state.model.model_id if state.model else None) == (
        (result.get("modelId") or result["classifierId"]) if result else None
    )
    told = [(item["code"], item["message"]) for item in error.get("details") or ()]
    assert [(fault.code, fault.message) for fault in state.faults] == told


@pytest.mark.parametrize("sample", of_kind("batch"))
def test_a_batch_gives_every_file_and_where_its_result_lies(sample: Sample) -> None:
    state, told = state_of(sample), sample.body["result"]
    ends = Counter(item.state for item in state.items)
    assert {f"{end}Count": count for end, count in ends.items()}.items() <= told.items()
    assert [item.source_path for item in state.items] == [
        "/".join(segments(item["sourceUrl"])[4:]) for item in told["details"]
    ]
    assert [item.result_path for item in state.items] == [
        "/".join(segments(item.get("resultUrl", ""))[4:]) for item in told["details"]
    ]
    assert [bool(item.fault) for item in state.items] == ["error" in item for item in told["details"]]


@pytest.mark.parametrize("sample", of_kind("batches"))
def test_a_list_of_batches_tells_where_each_stands(sample: Sample) -> None:
    ends = [decode.operation_state(item).end for item in sample.body["value"]]
    assert ends == [item["status"] for item in sample.body["value"]]


# --- models ---------------------------------------------------------------------------------------


def models_in(sample: Sample) -> list[dict[str, Any]]:
    body = sample.body
    if kind(sample) == "operation":
        return [body["result"]] if body.get("result") else []
    return body["value"] if kind(sample) == "models" else [body]


@pytest.mark.parametrize("sample", of_kind("model", "models", "operation"))
def test_a_model_keeps_its_names_fields_and_accuracies(sample: Sample) -> None:
    for told in models_in(sample):
        model = decode.model(told)
        assert model.model_id == (told.get("modelId") or told["classifierId"])
        assert (model.description, model.api_version) == (told.get("description", ""), told["apiVersion"])
        assert model.created_at is not None
        assert (model.expires_at is None) == ("expirationDateTime" not in told)
        kinds = told.get("docTypes", {}).values() if "modelId" in told else []
        names = {
            found
            for one in kinds
            for name, schema in one["fieldSchema"].items()
            for found in schema_names(name, schema)
        }
        assert {field.name for field in model.fields} == names
        confidences = [pair for one in kinds for pair in one.get("fieldConfidence", {}).items()]
        accuracies = [(name.replace(": ", "/"), value) for name, value in confidences]
        assert dict(model.accuracies).items() == dict(accuracies).items()


@pytest.mark.parametrize("sample", of_kind("operation"))
def test_a_composed_model_names_its_parts(sample: Sample) -> None:
    if sample.body["kind"] == "documentModelCompose" and "docTypes" in sample.body["result"]:
        model = state_of(sample).model
        assert model is not None
        assert model.composed
        assert set(model.components) == set(sample.body["result"]["docTypes"])


@pytest.mark.parametrize("sample", of_kind("models"))
def test_a_list_gives_every_custom_model_and_the_way_on(sample: Sample) -> None:
    models, following = decode.models_page(sample.body)
    ids = [item.get("modelId") or item["classifierId"] for item in sample.body["value"]]
    assert [model.model_id for model in models] == [one for one in ids if not one.startswith("prebuilt-")]
    assert following == sample.body.get("nextLink")


@pytest.mark.parametrize("sample", of_kind("operations"))
def test_a_list_gives_every_operation_and_the_way_on(sample: Sample) -> None:
    found, following = decode.operations_page(sample.body)
    told = sample.body["value"]
    assert [(one.operation_id, one.kind, one.percent) for one in found] == [
        (item["operationId"], item["kind"], item["percentCompleted"]) for item in told
    ]
    assert [one.end for one in found] == [item["status"] for item in told]
    assert [one.model_id for one in found] == [segments(item["resourceLocation"])[-1] for item in told]
    assert following == sample.body.get("nextLink")


@pytest.mark.parametrize("sample", of_kind("quota"))
def test_the_quota_gives_count_and_limit(sample: Sample) -> None:
    quota = decode.quota(sample.body)
    assert {"count": quota.count, "limit": quota.limit} == sample.body["customDocumentModels"]


@pytest.mark.parametrize("sample", of_kind("authorization"))
def test_leave_to_copy_is_passed_on_as_it_came_and_not_shown(sample: Sample) -> None:
    leave = decode.copy_authorization(sample.body)
    assert leave.body == sample.body
    assert leave.model_id == sample.body["targetModelId"]
    assert leave.expires_at is not None
    assert sample.body["accessToken"] not in repr(leave)


@pytest.mark.parametrize("sample", of_kind("refusal"))
def test_a_refusal_gives_its_innermost_code_and_message(sample: Sample) -> None:
    told = sample.body["error"]
    inner = told.get("innererror", told)
    fault = decode.fault(sample.body)
    assert (fault.code, fault.message) == (inner["code"], inner["message"])


def test_the_samples_hold_enough_to_count() -> None:
    """So that a walk that finds nothing cannot pass for one that agrees."""
    if not SAMPLES.is_dir():
        pytest.skip(MISSING)
    told = [sample.body for sample in ANSWERS if kind(sample) == "analysis"]
    assert sum(field_texts(body).total() for body in told) >= 250
    assert sum(layout_texts(body).total() for body in told) >= 2_500
    assert {kind(sample) for sample in ANSWERS} == {
        "analysis",
        "authorization",
        "batch",
        "batches",
        "model",
        "models",
        "operation",
        "operations",
        "quota",
        "refusal",
    }
