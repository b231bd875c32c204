"""What Document Intelligence's answers mean, member by member; whole answers are in the samples' tests."""

from __future__ import annotations

import copy
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import DocumentError, RowError
from pipeline.remote import Analysis, BatchItem, OperationState, ServiceFault, ServiceOperation
from pipeline.types import ExtractedField, FieldSpec, Page, TypedValue
from pipeline.wire.document_intelligence import decode

CORNERS = (1.0, 1.0, 2.0, 1.0, 2.0, 2.0, 1.0, 2.0)
BOX = list(CORNERS)
NOWHERE = (0.0,) * 8


def at(page: int, polygon: Any = None) -> dict[str, Any]:
    return {"boundingRegions": [{"pageNumber": page} | ({"polygon": polygon} if polygon else {})]}


def page(number: int = 1, **members: Any) -> dict[str, Any]:
    return {"pageNumber": number, "angle": 0, "width": 8.5, "height": 11, "unit": "inch"} | members


def analyzed(**members: Any) -> Analysis:
    result = {"apiVersion": "2024-11-30", "modelId": "m", "content": "", "pages": [page()]} | members
    state = decode.operation_state({"status": "succeeded", "analyzeResult": result})
    assert state.analysis is not None
    return state.analysis


def values(fields: Any, **members: Any) -> tuple[ExtractedField, ...]:
    return analyzed(documents=[{"docType": "m:m", "fields": fields, "confidence": 0.9} | members]).values


def one(**members: Any) -> ExtractedField:
    (value,) = values({"F": {"type": "string"} | members})
    return value


# --- field values ---------------------------------------------------------------------------------


def test_a_value_has_its_text_page_box_and_confidence() -> None:
    assert one(content="x", valueString="x", confidence=0.5, **at(3, BOX)) == ExtractedField(
        "F", "x", 3, CORNERS, 0.5, given=TypedValue(text="x")
    )


def test_a_value_over_two_pages_stands_at_the_first() -> None:
    regions = at(2, BOX)["boundingRegions"] + at(3)["boundingRegions"]
    value = one(content="x", boundingRegions=regions)
    assert (value.page, value.polygon) == (2, CORNERS)


def test_a_shape_of_more_corners_is_the_box_around_it() -> None:
    assert one(content="x", **at(1, [1, 1, 2, 0, 3, 1, 3, 4, 1, 4])).polygon == (1, 0, 3, 0, 3, 4, 1, 4)


@pytest.mark.parametrize(
    "fields",
    [
        None,
        {},
        {"F": None},
        {"F": {"type": "string", "confidence": 0.9}},
        {"F": {"type": "string", "content": "", "valueString": None}},
        {"F": {"type": "selectionGroup", "valueSelectionGroup": []}},
        {"F": {"type": "currency", "valueCurrency": {"currencySymbol": "$"}}},
        {"F": {"type": "address", "valueAddress": {}}},
        {"F": {"type": "array", "valueArray": []}},
        {"F": {"type": "object", "valueObject": {"A": None}}},
    ],
)
def test_what_was_not_found_gives_no_value(fields: Any) -> None:
    assert values(fields) == ()


@pytest.mark.parametrize(
    ("key", "told", "typed", "text"),
    [
        ("valueString", "x", TypedValue(text="x"), "x"),
        ("valueDate", "2024-02-29", TypedValue(date=date(2024, 2, 29)), "2024-02-29"),
        ("valueTime", "13:05:00", TypedValue(time=time(13, 5)), "13:05:00"),
        ("valuePhoneNumber", "+19876543210", TypedValue(text="+19876543210"), "+19876543210"),
        ("valueNumber", 1100.50, TypedValue(number=Decimal("1100.5")), "1100.5"),
        ("valueInteger", 300, TypedValue(number=Decimal(300)), "300"),
        ("valueCountryRegion", "USA", TypedValue(text="USA"), "USA"),
        ("valueBoolean", False, TypedValue(text="false"), "false"),
        ("valueSelectionGroup", ["a", "b"], TypedValue(text="a, b"), "a, b"),
        (
            "valueCurrency",
            {"amount": 12.5, "currencyCode": "EUR", "currencySymbol": "€"},
            TypedValue(number=Decimal("12.5"), currency="EUR"),
            "12.5",
        ),
        ("valueCurrency", {"amount": 0}, TypedValue(number=Decimal(0)), "0"),
    ],
)
def test_a_value_without_a_content_has_the_text_of_its_type(
    key: str, told: object, typed: TypedValue, text: str
) -> None:
    assert (one(**{key: told}).text, one(**{key: told}).given) == (text, typed)
    assert one(**{key: told, "content": "as it stands"}).text == "as it stands"
    assert one(**{key: told, "content": "as it stands"}).given == typed


@pytest.mark.parametrize(
    ("kind", "content", "state"),
    [
        ("SelectionMark", ":selected:", "selected"),
        ("SelectionMark", ":unselected:", "unselected"),
        ("Signature", "a scribble", "signed"),
        ("Signature", "", "unsigned"),
    ],
)
def test_marks_and_signatures_are_what_they_are_in(kind: str, content: str, state: str) -> None:
    assert one(content=content, **{f"value{kind}": state}).text == state


def test_an_address_is_as_it_stands_or_else_its_parts() -> None:
    parts = {
        "houseNumber": "123",
        "road": "Main St",
        "city": "Redmond",
        "state": "WA",
        "postalCode": "98052",
        "streetAddress": "123 Main St",
    }
    assert one(valueAddress=parts).text == "Redmond, WA, 98052, 123 Main St"
    found = one(valueAddress=parts, content="123 Main St\nRedmond, WA 98052")
    assert found.text == "123 Main St\nRedmond, WA 98052"
    assert found.given == TypedValue(text=found.text)


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"valueDate": None},
        {"valueDate": "29.2.2024"},
        {"valueTime": "noon"},
        {"valueCurrency": "$5"},
        {"valueCurrency": {"amount": "five"}},
        {"valueSelectionGroup": 5},
    ],
)
def test_a_text_that_the_service_could_not_type_stays_a_text(value: dict[str, Any]) -> None:
    found = one(content="as it stands", **value)
    assert (found.text, found.given) == ("as it stands", None)


# --- arrays and objects ---------------------------------------------------------------------------


def row(**members: Any) -> dict[str, Any]:
    cells = {name: {"type": "string"} | ({"content": cell} if cell else {}) for name, cell in members.items()}
    return {"type": "object", "valueObject": cells}


def places(fields: Any) -> dict[tuple[str, int], str]:
    found = values(fields)
    told = {(value.field, value.occurrence): value.text for value in found}
    assert len(told) == len(found)
    return told


def test_the_rows_of_an_array_are_occurrences_of_its_columns() -> None:
    rows = [row(Price="1", Name="a"), row(Price="2", Name=None), None, row(Price="3")]
    assert places({"items": {"type": "array", "valueArray": rows}}) == {
        ("items/Price", 0): "1",
        ("items/Name", 0): "a",
        ("items/Price", 1): "2",
        ("items/Price", 3): "3",
    }


def test_a_fixed_table_joins_row_and_column_and_an_inner_array_numbers_its_rows() -> None:
    table = {"type": "object", "valueObject": {"Total": row(Net="1", Gross="2")}}
    inner = {"type": "array", "valueArray": [{"content": "x"}, {"content": "y"}]}
    rows = [{"type": "object", "valueObject": {"tags": inner}}]
    assert places({"sums": table, "items": {"type": "array", "valueArray": rows}}) == {
        ("sums/Total/Net", 0): "1",
        ("sums/Total/Gross", 0): "2",
        ("items/tags/0", 0): "x",
        ("items/tags/1", 0): "y",
    }


def test_a_row_keeps_its_own_text_and_an_array_only_where_it_has_no_rows() -> None:
    rows = [row(Name="Avery") | {"content": "Dr. Avery"}]
    assert places({"names": {"type": "array", "content": "Dr. Avery", "valueArray": rows}}) == {
        ("names", 0): "Dr. Avery",
        ("names/Name", 0): "Avery",
    }
    assert places({"names": {"type": "array", "content": "Dr. Avery"}}) == {("names", 0): "Dr. Avery"}


def test_what_a_cell_leaves_out_it_has_from_its_row_or_its_document() -> None:
    named = row(Name="Avery") | {"confidence": 0.7} | at(2)
    (cell,) = values({"names": {"type": "array", "valueArray": [named]}})
    assert (cell.page, cell.confidence) == (2, 0.7)
    (bare,) = values({"names": {"type": "array", "valueArray": [row(Name="Avery")]}}, **at(4))
    assert (bare.page, bare.confidence) == (4, 0.9)


def test_a_confidence_that_is_said_nowhere_is_certain() -> None:
    assert values({"F": {"content": "x"}}, confidence=None)[0].confidence == 1.0


# --- documents ------------------------------------------------------------------------------------


def test_a_document_has_its_pages_and_the_model_that_knew_it() -> None:
    regions = at(3)["boundingRegions"] + at(2)["boundingRegions"]
    told = [{"docType": "all:part", "boundingRegions": regions, "confidence": 0.5}, {"docType": "invoice"}]
    first, second = analyzed(documents=told).documents
    assert (first.first_page, first.last_page, first.confidence, first.model_id) == (2, 3, 0.5, "part")
    assert (second.first_page, second.confidence, second.model_id) == (1, None, "")


def test_pairs_without_a_model_of_their_form_are_one_document() -> None:
    def pair(key: str, value: str | None, number: int = 1) -> dict[str, Any]:
        told = {"value": {"content": value} | at(number, BOX)} if value else {}
        return {"key": {"content": key}, "confidence": 0.5} | told

    pairs = [pair("Total:", "5"), pair("Total:", "6", 2), pair("Note:", None), pair("", "x")]
    (document,) = analyzed(pages=[page(1), page(2)], keyValuePairs=pairs).documents
    assert (document.doc_type, document.first_page, document.last_page) == ("form", 1, 2)
    assert [(v.field, v.text, v.page, v.occurrence, v.confidence) for v in document.values] == [
        ("Total:", "5", 1, 0, 0.5),
        ("Total:", "6", 2, 1, 0.5),
    ]
    labelled = analyzed(keyValuePairs=pairs, documents=[{"docType": "m:m"}])
    assert [one.doc_type for one in labelled.documents] == ["m:m"]


# --- layout ---------------------------------------------------------------------------------------


def word(text: str, offset: int | None, confidence: float | None = 0.9) -> dict[str, Any]:
    span = {} if offset is None else {"span": {"offset": offset, "length": len(text)}}
    return {"content": text, "polygon": BOX, "confidence": confidence} | span


def line(text: str, *spans: tuple[int, int]) -> dict[str, Any]:
    told = [{"offset": offset, "length": length} for offset, length in spans]
    return {"content": text, "polygon": BOX, "spans": told}


def read(**members: Any) -> Page:
    return analyzed(pages=[page(**members)]).layout.pages[0]


def texts(found: Page) -> list[tuple[str, list[str]]]:
    return [(line.text, [word.text for word in line.words]) for line in found.lines]


def test_a_word_belongs_to_the_line_whose_span_holds_its_offset() -> None:
    words = [word("d", 7), word("a", 0), word("b", 2), word("c", 4)]
    lines = [line("a b", (0, 3)), line("c d", (4, 1), (7, 1))]
    assert texts(read(words=words, lines=lines)) == [("a b", ["a", "b"]), ("c d", ["c", "d"])]


def test_no_word_is_told_twice_or_lost() -> None:
    words = [word("a", 0), word("b", 2), word("z", 90), word("q", None)]
    lines = [line("a b", (0, 3)), line("b", (2, 1)), line("empty")]
    found = texts(read(words=words, lines=lines))
    assert found == [("a b", ["a", "b"]), ("b", []), ("empty", []), ("q", ["q"]), ("z", ["z"])]


@pytest.mark.parametrize("index", [lambda text: len(text.encode("utf-16-le")) // 2, len])
def test_lines_and_words_count_in_one_unit_whichever_it_is(index: Any) -> None:
    """`x𝒳y` has three code points and four units of UTF-16."""
    first = index("x𝒳y")
    words = [word("x𝒳y", 0), word("b", first + 1)]
    words[0]["span"]["length"] = first
    found = texts(read(words=words, lines=[line("x𝒳y", (0, first)), line("b", (first + 1, 1))]))
    assert found == [("x𝒳y", ["x𝒳y"]), ("b", ["b"])]


def test_office_documents_have_words_without_places_on_pages_without_a_size() -> None:
    body = {"pageNumber": 1, "words": [{"content": "a", "span": {"offset": 0, "length": 1}}], "spans": []}
    (found,) = analyzed(pages=[body]).layout.pages
    assert (found.width, found.height, found.unit) == (0.0, 0.0, "pixel")
    assert texts(found) == [("a", ["a"])]
    assert next(found.words).polygon == NOWHERE


def test_marks_units_and_angles_are_kept() -> None:
    mark = {"state": "selected", "polygon": BOX, "confidence": 0.4, "span": {"offset": 0, "length": 10}}
    found = read(selectionMarks=[mark, {"state": "Unselected"}], angle=-1.5, unit="pixel")
    assert [(one.state, one.confidence) for one in found.selection_marks] == [
        ("selected", 0.4),
        ("unselected", 1.0),
    ]
    assert (found.angle, found.unit) == (-1.5, "pixel")


def test_a_table_stands_on_the_page_it_begins_on() -> None:
    cells = [
        {"kind": "columnHeader", "rowIndex": 0, "columnIndex": 0, "columnSpan": 2, "content": "H"}
        | at(2, BOX),
        {"rowIndex": 1, "columnIndex": 1, "content": None},
    ]
    told = {"rowCount": 2, "columnCount": 2, "cells": cells}
    layout = analyzed(pages=[page(1), page(2)], tables=[told | at(2, BOX), told]).layout
    assert [len(page.tables) for page in layout.pages] == [0, 2]
    table = layout.pages[1].tables[0]
    assert (table.rows, table.columns, table.polygon) == (2, 2, CORNERS)
    header, cell = table.cells
    assert (header.text, header.is_header, header.column_span) == ("H", True, 2)
    assert (cell.text, cell.is_header, cell.polygon) == ("", False, NOWHERE)


def test_the_readers_confidence_is_that_of_the_words_in_the_spans() -> None:
    told = [word("a", 0, 0.9), word("b", 2, 0.5), word("c", 4, 0.1)]
    fields = {"F": {"content": "a b", "spans": [{"offset": 0, "length": 3}]}, "G": {"content": "x"}}
    found = analyzed(pages=[page(words=told)], documents=[{"docType": "m", "fields": fields}]).values
    assert [value.layout_confidence for value in found] == [pytest.approx(0.7), 1.0]


def test_pages_that_did_not_come_are_not_made_up() -> None:
    layout = analyzed(pages=[page(1), page(3)]).layout
    assert ([one.number for one in layout.pages], layout.page_count) == ([1, 3], 3)


@pytest.mark.parametrize(
    "body", [{}, {"analyzeResult": None}, {"pages": None}, {"pages": [{}]}, {"pages": 5}]
)
def test_a_file_without_pages_is_no_layout(body: dict[str, Any]) -> None:
    with pytest.raises(DocumentError) as caught:
        decode.layout_from_result(body)
    assert caught.value.reason == "layout-unreadable"


# --- states ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "end"),
    [
        ("notStarted", "running"),
        ("Running", "running"),
        ("something new", "running"),
        (None, "running"),
        ("Succeeded", "succeeded"),
        ("completed", "succeeded"),
        ("Failed", "failed"),
        ("canceled", "failed"),
        ("cancelled", "failed"),
    ],
)
@pytest.mark.parametrize("members", [{}, {"kind": "documentModelBuild"}, {"resultId": "1"}])
def test_both_casings_and_unknown_states_are_understood(
    members: dict[str, Any], status: str | None, end: str
) -> None:
    assert decode.operation_state({"status": status} | members).end == end


@pytest.mark.parametrize("members", [{}, {"analyzeResult": None}, {"error": None}])
def test_a_running_analysis_has_no_result(members: dict[str, Any]) -> None:
    assert decode.operation_state({"status": "running"} | members) == OperationState("running")


ERROR = {
    "code": "InvalidRequest",
    "message": "Invalid request.",
    "details": [
        {"code": "InternalServerError", "message": "page", "target": "2"},
        {"code": "x", "innererror": {"code": "InvalidContent", "message": "bad"}},
    ],
}
FAULTS = (ServiceFault("InternalServerError", "page", "2"), ServiceFault("InvalidContent", "bad"))


@pytest.mark.parametrize("members", [{}, {"kind": "documentModelBuild"}, {"resultId": "1"}])
def test_a_failure_of_several_parts_names_each(members: dict[str, Any]) -> None:
    state = decode.operation_state({"status": "failed", "error": ERROR} | members)
    assert (state.end, state.faults) == ("failed", FAULTS)


def test_warnings_of_4_0_are_faults_of_a_success() -> None:
    told = [{"code": "PageLimit", "message": "m", "target": "3"}]
    body = {"status": "succeeded", "analyzeResult": {"pages": [], "warnings": told}}
    assert decode.operation_state(body).faults == (ServiceFault("PageLimit", "m", "3"),)
    assert decode.model({"modelId": "m", "warnings": told}).faults == (ServiceFault("PageLimit", "m", "3"),)


def test_a_model_alone_is_a_training_that_is_done() -> None:
    state = decode.operation_state({"modelId": "m", "docTypes": {}})
    assert (state.end, state.model) == ("succeeded", decode.model({"modelId": "m"}))


def test_a_batch_tells_of_every_file() -> None:
    lake = "https://a.blob.core.windows.net/in/dir/"
    details = [
        {
            "status": "Succeeded",
            "sourceUrl": f"{lake}%C3%A4%201.pdf",
            "resultUrl": "http://127.0.0.1:1/a/out/r.json",
        },
        {
            "status": "skipped",
            "sourceUrl": f"{lake}2.pdf?sig=x",
            "error": {"code": "OutputExists", "message": "m"},
        },
        {"status": "something new", "sourceUrl": "http://azurite:10000/a/in/3.pdf"},
    ]
    state = decode.operation_state({"resultId": "1", "status": "running", "result": {"details": details}})
    assert state.items == (
        BatchItem("dir/ä 1.pdf", "succeeded", "r.json"),
        BatchItem("dir/2.pdf", "skipped", fault=ServiceFault("OutputExists", "m")),
        BatchItem("3.pdf", "running"),
    )


# --- models ---------------------------------------------------------------------------------------


def test_the_fields_of_a_model_are_its_columns_and_members_too() -> None:
    text, number = {"type": "string"}, {"type": "number"}
    columns = {"type": "object", "properties": {"Price": number, "Note: to all": text}}
    schema = {
        "items": {"type": "array", "items": columns},
        "sums": {
            "type": "object",
            "properties": {"Total": {"type": "object", "properties": {"Net": number}}},
        },
        "jobs": {"type": "array", "items": text},
        "Total: net": {"type": "currency"},
        "Where": {"type": "address"},
        "Empty": None,
        "Bare": {"type": "array"},
    }
    confidence = {
        "items": 0.9,
        "items: Price": 0.8,
        "items: Note: to all": 0.7,
        "sums: Total: Net": 0.6,
        "Total: net": 0.5,
        "Where": None,
    }
    model = decode.model(
        {"modelId": "m", "docTypes": {"m": {"fieldSchema": schema, "fieldConfidence": confidence}}}
    )
    assert model.fields == (
        FieldSpec("items/Price", "number"),
        FieldSpec("items/Note: to all"),
        FieldSpec("sums/Total/Net", "number"),
        FieldSpec("jobs"),
        FieldSpec("Total: net", "currency"),
        FieldSpec("Where"),
        FieldSpec("Empty"),
    )
    assert dict(model.accuracies) == {
        "items": 0.9,
        "items/Price": 0.8,
        "items/Note: to all": 0.7,
        "sums/Total/Net": 0.6,
        "Total: net": 0.5,
    }
    assert model.average_accuracy == pytest.approx(0.7)


def described(**types: Any) -> dict[str, Any]:
    return {name: {"fieldSchema": {}, **kind} for name, kind in types.items()}


@pytest.mark.parametrize(
    ("body", "parts"),
    [
        ({"modelId": "m", "docTypes": described(m={})}, ()),
        ({"modelId": "m", "docTypes": described(m={"modelId": "m"})}, ()),
        ({"modelId": "m", "docTypes": described(a={}, b={})}, ("a", "b")),
        ({"modelId": "m", "docTypes": {"m:a": {}, "m:b": {}}}, ("a", "b")),
        (
            {
                "modelId": "m",
                "classifierId": "c",
                "docTypes": described(x={"modelId": "a"}, y={"modelId": "a"}),
            },
            ("a",),
        ),
        ({"classifierId": "c", "docTypes": {"a": {}, "b": {}}}, ()),
    ],
)
def test_a_composed_model_names_its_parts_in_every_version(
    body: dict[str, Any], parts: tuple[str, ...]
) -> None:
    model = decode.model(body)
    assert (model.components, model.composed) == (parts, bool(parts))


def test_a_composed_model_is_as_good_as_its_worst_part() -> None:
    types = described(a={"fieldConfidence": {"F": 0.4}}, b={"fieldConfidence": {"F": 0.9}})
    assert decode.model({"modelId": "m", "docTypes": types}).accuracies == (("F", 0.4),)


def test_a_model_has_its_times() -> None:
    model = decode.model(
        {
            "modelId": "m",
            "createdDateTime": "2024-01-01T00:00:00Z",
            "modifiedDateTime": "2024-02-01T00:00:00.1234567Z",
            "expirationDateTime": "2026-01-01T00:00:00+00:00",
        }
    )
    assert model.updated_at == datetime(2024, 2, 1, 0, 0, 0, 123456, tzinfo=UTC)
    assert model.expires_at == datetime(2026, 1, 1, tzinfo=UTC)


def test_a_classifier_may_be_copied_as_a_model_may() -> None:
    leave = decode.copy_authorization({"targetClassifierId": "c", "accessToken": "t"})
    assert (leave.model_id, leave.expires_at) == ("c", None)


def test_an_operation_that_was_just_begun_says_little() -> None:
    body = {"value": [{"operationId": "o", "status": "notStarted"}]}
    assert decode.operations_page(body) == ((ServiceOperation("o", "", "running"),), None)


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (
            {
                "error": {
                    "code": "NotFound",
                    "message": "Resource not found.",
                    "innererror": {"code": "ModelNotFound", "message": "The requested model was not found."},
                }
            },
            ServiceFault("ModelNotFound", "The requested model was not found."),
        ),
        (
            {
                "error": {
                    "code": "a",
                    "innererror": {"code": "b", "innererror": {"code": "c", "message": "m"}},
                }
            },
            ServiceFault("c", "m"),
        ),
        ({"error": {"code": "a", "message": "m", "innererror": {"code": "b"}}}, ServiceFault("b", "m")),
        ({"error": ERROR}, ServiceFault("InternalServerError", "page", "2")),
        ({"error": {"code": "401", "message": "Access denied"}}, ServiceFault("401", "Access denied")),
        ({"error": {"code": "a", "message": None, "details": None}}, ServiceFault("a", "")),
        ({"error": "m"}, ServiceFault("unknown", "m")),
        ({}, ServiceFault("unknown", "")),
        (None, ServiceFault("unknown", "")),
        ([], ServiceFault("unknown", "")),
    ],
)
def test_every_shape_of_refusal_is_read(body: object, fault: ServiceFault) -> None:
    assert decode.fault(body) == fault


def test_what_a_service_repeats_of_a_link_loses_its_signature() -> None:
    told = {"code": "InvalidSasToken", "message": "Cannot list https://a/b?sp=r&sig=canary"}
    state = decode.operation_state({"kind": "x", "status": "failed", "error": told})
    assert "canary" not in state.faults[0].message
    assert "canary" not in decode.fault({"error": told}).message


@pytest.mark.parametrize(
    "read",
    [decode.quota, decode.copy_authorization, decode.models_page, decode.operations_page, decode.model],
)
@pytest.mark.parametrize(
    "body",
    [
        {"customDocumentModels": 5, "targetModelId": "", "value": "x", "docTypes": 5},
        {"value": [1], "docTypes": {"m": 5}},
        {"value": [{"docTypes": [5]}], "docTypes": {"m": {"fieldSchema": 5}}},
    ],
)
def test_what_is_no_answer_is_named(read: Any, body: dict[str, Any]) -> None:
    with pytest.raises(RowError) as caught:
        read(body)
    assert caught.value.reason == "answer-unreadable"


def test_what_could_not_be_read_is_not_told() -> None:
    with pytest.raises(DocumentError) as caught:
        analyzed(documents=[{"docType": "m", "confidence": "canary"}])
    assert caught.value.reason == "answer-unreadable"
    assert "canary" not in str(caught.value)
    assert (caught.value.__cause__, caught.value.__suppress_context__) == (None, True)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3),
    max_leaves=10,
)
WHOLE = [
    {
        "status": "succeeded",
        "analyzeResult": {
            "modelId": "m",
            "pages": [
                page(
                    words=[word("a", 0)],
                    lines=[line("a", (0, 1))],
                    selectionMarks=[{"state": "selected", "polygon": BOX, "confidence": 0.5}],
                )
            ],
            "tables": [
                {
                    "rowCount": 1,
                    "columnCount": 1,
                    "cells": [{"rowIndex": 0, "columnIndex": 0, "content": "x"} | at(1, BOX)],
                }
            ],
            "documents": [
                {
                    "docType": "m:m",
                    "confidence": 0.9,
                    "fields": {
                        "F": {"type": "date", "valueDate": "2024-02-29", "confidence": 0.5} | at(1, BOX),
                        "M": {"type": "currency", "valueCurrency": {"amount": 1, "currencyCode": "EUR"}},
                        "A": {"type": "address", "valueAddress": {"city": "x"}},
                        "T": {"type": "array", "valueArray": [row(Price="1")]},
                    },
                }
            ],
            "warnings": [{"code": "w", "message": "m"}],
        },
    },
    {
        "status": "succeeded",
        "analyzeResult": {"pages": [page()], "keyValuePairs": [{"key": {"content": "k"}}]},
    },
    {
        "operationId": "o",
        "kind": "documentModelBuild",
        "status": "succeeded",
        "result": {
            "modelId": "m",
            "createdDateTime": "2024-01-01T00:00:00Z",
            "docTypes": {
                "m": {
                    "fieldSchema": {
                        "F": {"type": "array", "items": {"properties": {"x": {"type": "string"}}}}
                    },
                    "fieldConfidence": {"F: x": 0.5},
                }
            },
        },
    },
    {"kind": "documentModelBuild", "status": "failed", "error": ERROR},
    {
        "resultId": "1",
        "status": "succeeded",
        "result": {"details": [{"status": "failed", "sourceUrl": "https://a.b/c/d", "error": ERROR}]},
    },
]


def spots(node: Any) -> list[tuple[Any, Any]]:
    """Every member of every object and list in it: what holds it, and its key."""
    keys = node.keys() if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
    return [spot for key in keys for spot in [(node, key), *spots(node[key])]]


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(WHOLE), st.data())
def test_an_answer_that_is_damaged_anywhere_is_read_or_named(
    whole: dict[str, Any], data: st.DataObject
) -> None:
    body = copy.deepcopy(whole)
    holder, key = data.draw(st.sampled_from(spots(body)))
    holder[key] = data.draw(JSON)
    try:
        decode.operation_state(body)
    except (DocumentError, RowError) as error:
        assert error.reason == "answer-unreadable"
