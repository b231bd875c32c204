"""What Form Recognizer's answers mean, member by member; the whole answers are in the samples' tests."""

from __future__ import annotations

import copy
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import DocumentError, RowError
from pipeline.remote import Analysis, OperationState, ServiceFault, TrainedDocument
from pipeline.types import ExtractedField, TypedValue
from pipeline.wire.form_recognizer import decode

BOX = [1.0, 1.0, 2.0, 1.0, 2.0, 2.0, 1.0, 2.0]


def page(number: int = 1, **members: Any) -> dict[str, Any]:
    return {"page": number, "angle": 0, "width": 8.5, "height": 11, "unit": "inch"} | members


def result(**members: Any) -> dict[str, Any]:
    return {"version": "2.1.0", "readResults": [page()], "pageResults": [], **members}


def analyzed(**members: Any) -> Analysis:
    state = decode.operation_state({"status": "succeeded", "analyzeResult": result(**members)})
    assert state.analysis is not None
    return state.analysis


def values(fields: Any, **members: Any) -> tuple[ExtractedField, ...]:
    document = {"docType": "custom:form", "pageRange": [1, 1], "fields": fields} | members
    return analyzed(documentResults=[document]).values


def one(**members: Any) -> ExtractedField:
    (value,) = values({"F": {"type": "string"} | members})
    return value


# --- field values ---------------------------------------------------------------------------------


def test_a_value_has_its_text_page_box_and_confidence() -> None:
    assert one(text="x", valueString="x", page=3, boundingBox=BOX, confidence=0.5) == ExtractedField(
        "F", "x", 3, tuple(BOX), 0.5, given=TypedValue(text="x")
    )


def test_the_previews_say_page_number() -> None:
    assert one(text="x", pageNumber=4).page == 4


@pytest.mark.parametrize("fields", [None, {}, {"F": None}, {"F": {"type": "string", "text": ""}}])
def test_what_was_not_found_gives_no_value(fields: Any) -> None:
    assert values(fields) == ()


def test_a_document_without_fields_is_one_without_values() -> None:
    (document,) = analyzed(documentResults=[{"docType": "custom:form", "pageRange": [2, 3]}]).documents
    assert (document.values, document.first_page, document.last_page) == ((), 2, 3)


@pytest.mark.parametrize(
    ("key", "told", "typed", "text"),
    [
        ("valueString", "x", TypedValue(text="x"), "x"),
        ("valueDate", "2024-02-29", TypedValue(date=date(2024, 2, 29)), "2024-02-29"),
        ("valueTime", "13:05:00", TypedValue(time=time(13, 5)), "13:05:00"),
        ("valuePhoneNumber", "+19876543210", TypedValue(text="+19876543210"), "+19876543210"),
        ("valueNumber", 1100.50, TypedValue(number=Decimal("1100.5")), "1100.5"),
        ("valueNumber", 20.0, TypedValue(number=Decimal("20.0")), "20"),
        ("valueNumber", 1e16, TypedValue(number=Decimal("1e16")), "10000000000000000"),
        ("valueInteger", 300, TypedValue(number=Decimal(300)), "300"),
        ("valueSelectionMark", "selected", TypedValue(mark="selected"), "selected"),
        ("valueCountryRegion", "USA", TypedValue(text="USA"), "USA"),
        ("valueCountry", "USA", TypedValue(text="USA"), "USA"),
        ("valueGender", "X", TypedValue(text="X"), "X"),
    ],
)
def test_a_value_without_a_text_has_the_text_of_its_type(
    key: str, told: object, typed: TypedValue, text: str
) -> None:
    assert (one(**{key: told}).text, one(**{key: told}).given) == (text, typed)
    assert one(**{key: told, "text": "as it stands"}).text == "as it stands"


@pytest.mark.parametrize(
    "value",
    [{}, {"valueDate": None}, {"valueDate": "29.2.2024"}, {"valueTime": "noon"}, {"valueNumber": None}],
)
def test_a_text_that_the_service_could_not_type_stays_a_text(value: dict[str, Any]) -> None:
    assert one(text="as it stands", **value).given is None


def test_a_value_of_the_wrong_json_type_is_not_taken_for_a_number() -> None:
    assert one(text="yes", valueBoolean=True).given == TypedValue(text="true")


def test_a_mark_that_the_previews_left_null_has_its_text() -> None:
    assert one(type="selectionMark", text="selected", valueSelectionMark=None).text == "selected"


# --- arrays and objects ---------------------------------------------------------------------------


def row(**members: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "valueObject": {name: cell and {"text": cell} for name, cell in members.items()},
    }


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


def test_an_array_of_texts_has_an_occurrence_for_each() -> None:
    texts = [{"type": "string", "text": "a"}, {"type": "string", "text": "b"}]
    assert places({"jobs": {"type": "array", "valueArray": texts}}) == {("jobs", 0): "a", ("jobs", 1): "b"}


def test_a_fixed_table_joins_row_and_column() -> None:
    table = {"type": "object", "valueObject": {"Total": row(Net="1", Gross="2")}}
    assert places({"sums": table}) == {("sums/Total/Net", 0): "1", ("sums/Total/Gross", 0): "2"}


def test_an_array_in_an_array_has_its_rows_in_the_name() -> None:
    inner = {"type": "array", "valueArray": [{"text": "x"}, {"text": "y"}]}
    rows = [{"type": "object", "valueObject": {"tags": inner}}] * 2
    assert places({"items": {"type": "array", "valueArray": rows}}) == {
        ("items/tags/0", 0): "x",
        ("items/tags/1", 0): "y",
        ("items/tags/0", 1): "x",
        ("items/tags/1", 1): "y",
    }


def test_the_text_of_an_array_is_not_said_beside_that_of_its_rows() -> None:
    array = {"type": "array", "text": "a b", "valueArray": [{"text": "a"}, {"text": "b"}]}
    assert places({"jobs": array}) == {("jobs", 0): "a", ("jobs", 1): "b"}
    assert places({"jobs": {"type": "array", "text": "a b", "valueArray": []}}) == {("jobs", 0): "a b"}


def test_a_row_with_a_text_of_its_own_keeps_it() -> None:
    whole = row(Name="Avery") | {"text": "Dr. Avery", "page": 2, "confidence": 0.9}
    assert places({"names": {"type": "array", "valueArray": [whole]}}) == {
        ("names", 0): "Dr. Avery",
        ("names/Name", 0): "Avery",
    }


def test_what_a_member_leaves_out_it_has_from_what_encloses_it() -> None:
    whole = row(Name="Avery") | {"text": "Dr. Avery", "page": 2, "confidence": 0.9}
    assert [(value.page, value.confidence) for value in values({"name": whole})] == [(2, 0.9), (2, 0.9)]


def test_what_has_no_confidence_has_the_lowest_of_its_members() -> None:
    members = {"A": {"text": "a", "confidence": 0.7}, "B": {"text": "b", "confidence": 0.4}, "C": None}
    whole, *_ = values({"name": {"text": "a b", "valueObject": members}})
    assert whole.confidence == 0.4


def test_a_confidence_that_is_said_nowhere_is_certain() -> None:
    assert one(text="x").confidence == 1.0


# --- layout ---------------------------------------------------------------------------------------


def lines(*confidences: float) -> list[dict[str, Any]]:
    words = [{"text": "w", "boundingBox": BOX, "confidence": value} for value in confidences]
    return [{"text": "w", "boundingBox": BOX, "words": words}]


def test_the_readers_confidence_is_that_of_the_words_pointed_to() -> None:
    marks = [{"boundingBox": BOX, "confidence": 0.1, "state": "selected"}]
    elements = ["#/readResults/0/lines/0/words/1", "#/readResults/0/selectionMarks/0"]
    fields = {"F": {"text": "w", "elements": elements}}
    found = analyzed(
        readResults=[page(lines=lines(0.9, 0.5), selectionMarks=marks)],
        documentResults=[{"docType": "f", "pageRange": [1, 1], "fields": fields}],
    )
    assert found.values[0].layout_confidence == pytest.approx(0.3)


@pytest.mark.parametrize(
    "elements",
    [None, [], ["#/readResults/7/lines/0/words/0"], ["#/elsewhere"], ["#/readResults/x/lines/0/words/0"]],
)
def test_pointers_that_lead_nowhere_do_no_harm(elements: Any) -> None:
    assert one(text="x", elements=elements).layout_confidence == 1.0


def test_pages_that_did_not_come_are_not_made_up() -> None:
    layout = analyzed(readResults=[page(1), page(3)]).layout
    assert [one.number for one in layout.pages] == [1, 3]
    assert layout.page_count == 3


def test_the_feedback_loop_says_pages_without_what_it_read() -> None:
    fields = {"F": {"text": "x", "pageNumber": 2}}
    body = {"documentResults": [{"docType": "Analyze ", "pageRange": [1, 2], "fields": fields}]}
    state = decode.operation_state({"analyzeResult": {"version": "2.0-preview"} | body})
    assert state.end == "succeeded"
    assert state.analysis is not None
    assert [page.number for page in state.analysis.layout.pages] == [1, 2]
    assert state.analysis.documents[0].doc_type == "Analyze"


# --- models without labels ------------------------------------------------------------------------


def pair(key: str, value: str | None, **members: Any) -> dict[str, Any]:
    told = {"text": "", "boundingBox": None, "elements": None} if value is None else {"text": value}
    return {"key": {"text": key, "boundingBox": BOX}, "value": told, "confidence": 0.53} | members


def test_the_pairs_of_all_pages_are_one_document() -> None:
    found = analyzed(
        readResults=[page(1), page(2)],
        pageResults=[
            {"page": 1, "clusterId": 0, "keyValuePairs": [pair("Total:", "5"), pair("Note:", None)]},
            {"page": 2, "clusterId": None, "keyValuePairs": [pair("Total:", "6"), pair("", "z")]},
        ],
        documentResults=[],
    )
    (document,) = found.documents
    assert (document.first_page, document.last_page) == (1, 2)
    assert [(v.field, v.text, v.page, v.occurrence, v.confidence) for v in found.values] == [
        ("Total:", "5", 1, 0, 0.53),
        ("Total:", "6", 2, 1, 0.53),
        ("__Tokens__", "z", 2, 0, 0.53),
    ]


def test_a_page_of_no_cluster_has_no_pairs() -> None:
    found = analyzed(pageResults=[{"page": 1, "clusterId": None, "keyValuePairs": None, "tables": []}])
    assert found.documents == ()


# --- states ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "end"),
    [
        ("notStarted", "running"),
        ("NotStarted", "running"),
        ("running", "running"),
        ("something new", "running"),
        (None, "running"),
        ("succeeded", "succeeded"),
        ("Succeeded", "succeeded"),
        ("failed", "failed"),
        ("Failed", "failed"),
    ],
)
def test_both_casings_and_unknown_states_are_understood(status: str | None, end: str) -> None:
    assert decode.operation_state({"status": status}).end == end


@pytest.mark.parametrize("members", [{}, {"analyzeResult": None}, {"analyzeResult": {}}])
def test_a_running_analysis_has_no_result(members: dict[str, Any]) -> None:
    assert decode.operation_state({"status": "running"} | members) == OperationState("running")


ERROR = {"code": "9999", "message": "m"}


@pytest.mark.parametrize(
    "members",
    [
        {"analyzeResult": {"errors": [ERROR]}},
        {"error": ERROR},
        {"errors": [ERROR]},
        {
            "analyzeResult": None,
            "error": {"code": "outer", "innerError": ERROR | {"requestId": "1"}, "message": "m"},
        },
    ],
)
def test_a_failure_is_told_wherever_it_stands(members: dict[str, Any]) -> None:
    state = decode.operation_state({"status": "failed"} | members)
    assert state.faults == (ServiceFault("9999", "m"),)


def test_a_copy_ends_with_the_model_it_made() -> None:
    state = decode.operation_state(
        {
            "status": "succeeded",
            "createdDateTime": "2022-06-29T00:23:43.6359607Z",
            "copyResult": {"modelId": "m"},
        }
    )
    assert state.model is not None
    assert (state.model.model_id, state.model.state) == ("m", "ready")
    assert state.model.created_at == datetime(2022, 6, 29, 0, 23, 43, 635960, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "end"),
    [
        ("creating", "running"),
        ("created", "running"),
        ("something new", "running"),
        ("ready", "succeeded"),
        ("invalid", "failed"),
    ],
)
def test_a_training_ends_when_its_model_is_ready_or_invalid(status: str, end: str) -> None:
    assert decode.operation_state({"modelInfo": {"modelId": "m", "status": status}}).end == end


def test_an_invalid_model_says_why() -> None:
    body = {
        "modelInfo": {"modelId": "m", "status": "invalid"},
        "keys": {"clusters": {}},
        "trainResult": {"trainingDocuments": [], "errors": [{"code": "2014", "message": "No valid blobs"}]},
    }
    assert decode.operation_state(body).faults == (ServiceFault("2014", "No valid blobs"),)


def test_a_training_that_failed_in_the_feedback_loop() -> None:
    body = {"status": "Failed", "trainResult": {"modelId": "m", "errors": [ERROR]}}
    state = decode.operation_state(body)
    assert (state.end, state.faults) == ("failed", (ServiceFault("9999", "m"),))


# --- models ---------------------------------------------------------------------------------------


def test_the_documents_of_a_training_keep_state_errors_and_their_path() -> None:
    told = [
        {"documentName": "acme\\1.pdf", "pages": 2, "status": "Success"},
        {"documentName": "2.pdf", "pages": 1, "status": "partiallySucceeded", "errors": [ERROR]},
        {"documentName": "3.pdf", "pages": 0, "status": "failed", "errors": None},
    ]
    model = decode.model({"modelInfo": {"modelId": "m"}, "trainResult": {"trainingDocuments": told}})
    assert model.documents == (
        TrainedDocument("acme/1.pdf", 2),
        TrainedDocument("2.pdf", 1, "partiallySucceeded", (ServiceFault("9999", "m"),)),
        TrainedDocument("3.pdf", 0, "failed"),
    )


def test_a_composed_model_is_as_good_as_its_worst_component() -> None:
    def component(model_id: str, average: float, **accuracies: float) -> dict[str, Any]:
        fields = [{"fieldName": name, "accuracy": value} for name, value in accuracies.items()]
        return {"modelId": model_id, "averageModelAccuracy": average, "fields": fields}

    model = decode.model(
        {
            "modelInfo": {"modelId": "m", "attributes": {"isComposed": True}, "status": "ready"},
            "composedTrainResults": [
                component("a", 0.8, Total=0.9, Date=0.7),
                component("b", 0.6, Total=0.6),
            ],
        }
    )
    assert (model.composed, model.components) == (True, ("a", "b"))
    assert dict(model.accuracies) == {"Total": 0.6, "Date": 0.7}
    assert model.average_accuracy == pytest.approx(0.7)


@pytest.mark.parametrize(
    "keys", [{"clusters": {"0": ["A:", "B:"], "1": ["A:"]}}, {"0": ["A:", "B:"], "1": ["A:"]}]
)
def test_keys_come_with_clusters_around_them_or_without(keys: Any) -> None:
    assert decode.model({"modelInfo": {"modelId": "m"}, "keys": keys}).keys == ("A:", "B:")


@pytest.mark.parametrize("following", ["", None])
def test_the_last_page_of_a_list_leads_nowhere(following: str | None) -> None:
    assert decode.models_page({"modelList": [], "nextLink": following}) == ((), None)


def test_leave_to_copy_ends_at_a_second_of_unix_time_or_at_a_tick_of_dotnet() -> None:
    leave = decode.copy_authorization({"modelId": "m", "expirationDateTimeTicks": 1656120379})
    assert leave.expires_at == datetime(2022, 6, 25, 1, 26, 19, tzinfo=UTC)
    leave = decode.copy_authorization({"modelId": "m", "expirationDateTimeTicks": 637190189980000000})
    assert leave.expires_at == datetime(2020, 3, 5, 15, 29, 58, tzinfo=UTC)


# --- refusals and what is no answer ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (
            {"error": {"code": "1022", "message": "m", "innerError": {"requestId": "r"}}},
            ServiceFault("1022", "m"),
        ),
        ({"error": {"code": "a", "message": "m", "innererror": {"code": "b"}}}, ServiceFault("b", "m")),
        ({"error": {"code": "a", "message": "m", "target": "t"}}, ServiceFault("a", "m", "t")),
        ({"code": "a", "message": "m"}, ServiceFault("a", "m")),
        ({"Message": "m"}, ServiceFault("unknown", "m")),
        ({"error": "m"}, ServiceFault("unknown", "m")),
        ({}, ServiceFault("unknown", "")),
        (None, ServiceFault("unknown", "")),
        ("<html>", ServiceFault("unknown", "<html>")),
    ],
)
def test_every_shape_of_refusal_is_read(body: object, fault: ServiceFault) -> None:
    assert decode.fault(body) == fault


def test_a_result_that_is_none_ends_its_document() -> None:
    with pytest.raises(DocumentError) as caught:
        decode.operation_state({"status": "succeeded", "analyzeResult": {"readResults": [{"page": 1}]}})
    assert caught.value.reason == "answer-unreadable"


@pytest.mark.parametrize(
    "read",
    [decode.quota, decode.copy_authorization, decode.models_page, decode.model, decode.operation_state],
)
@pytest.mark.parametrize(
    "body",
    [
        {"modelInfo": "x", "modelList": "x", "summary": {}, "copyResult": "x"},
        {"modelInfo": {"modelId": "m"}, "modelList": [1], "modelId": "m", "expirationDateTimeTicks": 1e99},
    ],
)
def test_what_is_no_answer_is_named(read: Any, body: dict[str, Any]) -> None:
    try:
        read(body)
    except RowError as error:
        assert error.reason == "answer-unreadable"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3),
    max_leaves=10,
)
WHOLE = [
    {
        "status": "succeeded",
        "analyzeResult": result(
            readResults=[page(lines=lines(0.9))],
            pageResults=[{"page": 1, "tables": [], "keyValuePairs": [pair("Total:", "5")]}],
            documentResults=[
                {
                    "docType": "custom:form",
                    "pageRange": [1, 1],
                    "fields": {
                        "F": {"type": "date", "valueDate": "2024-02-29", "page": 1, "boundingBox": BOX},
                        "T": {"type": "array", "valueArray": [row(Price="1")]},
                    },
                }
            ],
            errors=[ERROR],
        ),
    },
    {
        "modelInfo": {"modelId": "m", "status": "ready", "attributes": {"isComposed": True}},
        "keys": {"clusters": {"0": ["A:"]}},
        "trainResult": {
            "averageModelAccuracy": 0.9,
            "trainingDocuments": [
                {"documentName": "1.pdf", "pages": 1, "status": "failed", "errors": [ERROR]}
            ],
            "fields": [{"fieldName": "F", "accuracy": 0.9}],
        },
        "composedTrainResults": [{"modelId": "a", "errors": [ERROR]}],
    },
    {"status": "failed", "error": ERROR, "copyResult": {"modelId": "m", "errors": [ERROR]}},
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
