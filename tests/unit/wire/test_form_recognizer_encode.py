"""What the emulator says of v2: every recorded answer is said again to the letter, and every record that is
said is understood as it was meant."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.remote import Analysis, AnalyzedDocument, ServiceFault, ServiceModel, TrainedDocument
from pipeline.types import (
    Box,
    ExtractedField,
    FieldSpec,
    Layout,
    Line,
    Page,
    SelectionMark,
    Table,
    TableCell,
    TypedValue,
    Word,
)
from pipeline.wire.form_recognizer import decode, encode, encode_analysis
from pipeline.wire.form_recognizer.encode import Shape
from pipeline.wire.form_recognizer.versions import VERSIONS, Version
from tests.unit.wire.samples import Sample, answers, each

RECORDED = [
    sample
    for sample in answers("formrecognizer")
    if re.match(r"v2\.[01]/(bodies|recorded)/(?!Invoice)", sample.place)
]
THEN = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
SPOKEN = [version for version in VERSIONS.values() if not version.feedback_loop]


def version_of(sample: Sample) -> Version:
    return VERSIONS[sample.place.partition("/")[0]]


def recorded(*members: str) -> list[Any]:
    return each([sample for sample in RECORDED if all(member in sample.body for member in members)])


def through_text(body: Any) -> Any:
    return json.loads(json.dumps(body))


# --- every recorded answer, to the letter ---------------------------------------------------------


def shape_of(body: dict[str, Any]) -> Shape:
    if "composedTrainResults" in body:
        return "composed"
    return "labelled" if "fields" in body.get("trainResult", {}) else "unlabelled"


def parts_of(body: dict[str, Any]) -> list[ServiceModel]:
    """The components of a composed model, each read alone."""
    return [
        replace(decode.model({"modelInfo": body["modelInfo"], "trainResult": part}), model_id=part["modelId"])
        for part in body.get("composedTrainResults", ())
    ]


@pytest.mark.parametrize("sample", recorded("modelInfo"))
def test_models_are_told_as_recorded(sample: Sample) -> None:
    body = sample.body
    told = encode.model(
        decode.model(body), shape_of(body), version_of(sample), keys="keys" in body, parts=parts_of(body)
    )
    assert through_text(told) == body
    assert list(told) == list(body)


@pytest.mark.parametrize("sample", recorded("modelList"))
def test_lists_are_told_as_recorded(sample: Sample) -> None:
    models, link = decode.models_page(sample.body)
    attributes = [entry.get("attributes") for entry in sample.body["modelList"]]
    shapes: list[Shape] = [
        "unlabelled" if told is None else "composed" if told["isComposed"] else "labelled"
        for told in attributes
    ]
    infos = [
        encode.model_info(model, shape, version_of(sample))
        for model, shape in zip(models, shapes, strict=True)
    ]
    assert encode.models_page(infos, link or "") == sample.body


@pytest.mark.parametrize("sample", recorded("accessToken"))
def test_copy_authorizations_are_told_as_recorded(sample: Sample) -> None:
    leave = decode.copy_authorization(sample.body)
    assert leave.expires_at is not None
    told = encode.copy_authorization(leave.model_id, "redacted", leave.expires_at)
    assert told == sample.body


@pytest.mark.parametrize("sample", recorded("copyResult"))
def test_copies_are_told_as_recorded(sample: Sample) -> None:
    body = sample.body
    state = decode.operation_state(body)
    assert state.model is not None and state.model.created_at and state.model.updated_at
    fault = state.faults[0] if state.faults else None
    inner = body["copyResult"].get("errors", [{}])[0].get("innerError", {})
    told = encode.copy_state(
        body["status"],
        state.model.created_at,
        state.model.updated_at,
        state.model.model_id,
        fault,
        request_id=inner.get("requestId", ""),
    )
    assert told["copyResult"] == body["copyResult"]
    assert decode.operation_state(told) == state


@pytest.mark.parametrize(
    "sample", each([s for s in RECORDED if "error" in s.body and "innerError" not in s.body["error"]])
)
def test_refusals_are_told_as_recorded(sample: Sample) -> None:
    assert encode.error(decode.fault(sample.body)) == sample.body


@pytest.mark.parametrize("sample", recorded("summary"))
def test_summaries_are_told_as_recorded(sample: Sample) -> None:
    quota = decode.quota(sample.body)
    told = encode.summary(quota.count, quota.limit, THEN)
    assert {**told["summary"], "lastUpdatedDateTime": ""} == {
        **sample.body["summary"],
        "lastUpdatedDateTime": "",
    }


FINISHED = each([sample for sample in RECORDED if sample.body.get("analyzeResult") is not None])


def said_again(sample: Sample) -> Any:
    """The result of a document, from what was understood of it."""
    result = sample.body["analyzeResult"]
    found = decode.operation_state(sample.body).analysis
    assert found is not None
    details = bool(result["readResults"][0].get("lines"))
    version = version_of(sample)
    if "documentResults" not in result:
        return encode_analysis.layout_result(found.layout, version)
    if not result["documentResults"]:
        return encode_analysis.unlabelled_result(found, version, details=details)
    (document,) = result["documentResults"]
    specs = [FieldSpec(name, body["type"]) for name, body in document["fields"].items()]
    name = document["docType"].partition(":")[2]
    return encode_analysis.labelled_result(found, specs, version, name, details=details)


def dicts(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from dicts(child)


def comparable(result: Any) -> Any:
    """Without what no record keeps: the hand that a text is written in, keys without a value, the boxes of
    keys (they are compared apart)."""
    body = through_text(result)
    for node in dicts(body):
        node.pop("appearance", None)
        if node.get("keyValuePairs"):
            node["keyValuePairs"] = [pair for pair in node["keyValuePairs"] if pair["value"]["text"]]
        if "key" in node:
            node["key"]["boundingBox"] = None
        if node.get("type") == "number" and "valueNumber" not in node:
            node["valueNumber"] = float(node["text"])  # v2.0 left out a value that it could have read
    return body


@pytest.mark.parametrize("sample", FINISHED)
def test_results_of_documents_are_told_as_recorded(sample: Sample) -> None:
    assert comparable(said_again(sample)) == comparable(sample.body["analyzeResult"])


@pytest.mark.parametrize("sample", FINISHED)
def test_keys_stand_where_they_were_recorded(sample: Sample) -> None:
    """To a pixel; where the lines were told, in which the keys are looked for."""
    result = sample.body["analyzeResult"]
    if not result["readResults"][0].get("lines"):
        return
    recorded_boxes = [
        (node["key"]["text"], node["key"]["boundingBox"])
        for node in dicts(result["pageResults"])
        if node.get("value", {}).get("text") and "key" in node
    ]
    told = [node["key"]["boundingBox"] for node in dicts(said_again(sample)["pageResults"]) if "key" in node]
    for (text, box), ours in zip(recorded_boxes, told, strict=True):
        assert ours == pytest.approx(box, abs=1), text


@pytest.mark.parametrize("sample", FINISHED)
def test_texts_of_v2_1_have_an_appearance_in_layouts(sample: Sample) -> None:
    def shown(result: Any) -> bool:
        return any("appearance" in node for node in dicts(result))

    assert shown(through_text(said_again(sample))) == shown(sample.body["analyzeResult"])


@pytest.mark.parametrize(
    "sample",
    each(
        [
            sample
            for sample in RECORDED
            if sample.body.get("status") in ("notStarted", "running") and "copyResult" not in sample.body
        ]
    ),
)
def test_unfinished_operations_are_told_as_recorded(sample: Sample) -> None:
    if "copyResult" in sample.body:
        pytest.skip("a copy")
    body = sample.body
    created, updated = (
        datetime.fromisoformat(body[f"{name}DateTime"]) for name in ("created", "lastUpdated")
    )
    null = "analyzeResult" in body
    assert encode_analysis.envelope(body["status"], created, updated, null=null) == body


# --- every record comes back ----------------------------------------------------------------------

NAMES = st.text("abcdefgh ", min_size=1, max_size=8).map(str.strip).filter(bool)
SHARES = st.integers(0, 1000).map(lambda number: number / 1000)
STAMPS = st.integers(0, 10**8).map(lambda seconds: THEN + timedelta(seconds=seconds))
FAULTS = st.builds(ServiceFault, st.sampled_from(["2012", "2014", "3014"]), NAMES)
DOCUMENTS = st.builds(
    TrainedDocument,
    NAMES.map(lambda name: f"folder/{name}.pdf"),
    st.integers(1, 20),
    st.sampled_from(["succeeded", "partiallySucceeded", "failed"]),
    st.lists(FAULTS, max_size=1).map(tuple),
)
MODEL = st.builds(
    ServiceModel,
    model_id=st.uuids().map(str),
    state=st.just("ready"),
    created_at=STAMPS,
    updated_at=STAMPS,
    documents=st.lists(DOCUMENTS, max_size=3).map(tuple),
)


@st.composite
def labelled_models(draw: st.DrawFn) -> ServiceModel:
    accuracies = tuple(draw(st.dictionaries(NAMES, SHARES, min_size=1)).items())
    fields = tuple(FieldSpec(name) for name, _ in accuracies)
    return replace(draw(MODEL), fields=fields, accuracies=accuracies, average_accuracy=draw(SHARES))


@given(labelled_models(), st.sampled_from(SPOKEN), NAMES)
def test_a_labelled_model_comes_back(model: ServiceModel, version: Version, name: str) -> None:
    model = replace(model, name=name if version.model_names else "")
    assert decode.model(encode.model(model, "labelled", version, keys=True)) == model


@given(MODEL, st.sampled_from(SPOKEN), st.sets(NAMES, max_size=5))
def test_an_unlabelled_model_comes_back_with_its_keys(
    model: ServiceModel, version: Version, keys: set[str]
) -> None:
    model = replace(model, keys=tuple(sorted(keys)))
    assert decode.model(encode.model(model, "unlabelled", version, keys=True)) == model
    assert "keys" not in encode.model(model, "unlabelled", version, keys=False)


@given(MODEL, FAULTS, st.sampled_from(SPOKEN))
def test_an_invalid_model_comes_back_with_its_fault(
    model: ServiceModel, fault: ServiceFault, version: Version
) -> None:
    model = replace(model, state="invalid", documents=(), faults=(fault,))
    assert decode.model(encode.model(model, "labelled", version, keys=False)) == model


def a_page(texts: list[list[tuple[str, float]]], number: int, marks: list[tuple[bool, float]]) -> Page:
    """Lines below each other, words beside each other, marks to the right."""
    lines = tuple(
        Line(
            " ".join(text for text, _ in words),
            Box(0, row, len(words), row + 0.8).polygon,
            tuple(
                Word(text, Box(column, row, column + 0.8, row + 0.8).polygon, confidence)
                for column, (text, confidence) in enumerate(words)
            ),
        )
        for row, words in enumerate(texts)
    )
    drawn = tuple(
        SelectionMark("selected" if on else "unselected", Box(50, row, 51, row + 0.8).polygon, confidence)
        for row, (on, confidence) in enumerate(marks)
    )
    return Page(number, 100.0, 100.0, "inch", lines, drawn)


WORDS = st.tuples(st.text("xyz", min_size=1, max_size=5), SHARES)


@st.composite
def pages(draw: st.DrawFn, number: int) -> Page:
    lines = draw(st.lists(st.lists(WORDS, min_size=1, max_size=4), min_size=1, max_size=5))
    page = a_page(lines, number, draw(st.lists(st.tuples(st.booleans(), SHARES), max_size=3)))
    cell = TableCell(0, 1, "x", Box(0, 0, 4, 1).polygon, column_span=draw(st.integers(1, 3)), is_header=True)
    table = Table(1, 2, (cell, TableCell(0, 0, "", cell.polygon)), Box(0, 0, 9, 9).polygon)
    return replace(page, tables=(table,) if draw(st.booleans()) else ())


@st.composite
def layouts(draw: st.DrawFn) -> Layout:
    count = draw(st.integers(1, 3))
    return Layout(tuple(draw(pages(number)) for number in range(1, count + 1)), count)


@given(layouts())
@settings(max_examples=30)
def test_a_layout_comes_back(layout: Layout) -> None:
    body = encode_analysis.layout_result(layout, VERSIONS["v2.1"])
    found = decode.operation_state(encode_analysis.envelope("succeeded", THEN, THEN, body)).analysis
    assert found == Analysis(layout)


TYPED: dict[str, tuple[str, TypedValue]] = {
    "string": ("Ada Lovelace", TypedValue(text="Ada Lovelace")),
    "number": ("1,234.50", TypedValue(number=Decimal("1234.5"))),
    "currency": ("$ 12.00", TypedValue(number=Decimal(12))),
    "integer": ("17", TypedValue(number=Decimal(17))),
    "date": ("March 4, 2026", TypedValue(date=THEN.date())),
    "time": ("5:06 pm", TypedValue(time=datetime(2026, 1, 1, 17, 6).time())),
    "selectionMark": ("selected", TypedValue(mark="selected")),
    "phoneNumber": ("+1 425 555 0100", TypedValue(text="+14255550100")),
}


@st.composite
def found_values(draw: st.DrawFn, layout: Layout) -> tuple[tuple[FieldSpec, ...], tuple[ExtractedField, ...]]:
    """Values that are words of the pages; some fields are not found."""
    specs, values = [], []
    for position, name in enumerate(sorted(draw(st.sets(NAMES, min_size=1, max_size=6)))):
        specs.append(FieldSpec(name))
        page = draw(st.sampled_from(layout.pages))
        line = draw(st.sampled_from(page.lines))
        if draw(st.booleans()) or not position:
            confidences = [word.confidence for word in line.words]
            value = ExtractedField(
                name, line.text, page.number, Box(0, line.box.top, len(confidences), line.box.bottom).polygon,
                draw(SHARES), sum(confidences) / len(confidences), given=TypedValue(text=line.text),
            )  # fmt: skip
            values.append(value)
    return tuple(specs), tuple(values)


@given(st.data(), layouts(), SHARES, st.sampled_from(["v2.1", "v2.0"]))
@settings(max_examples=40)
def test_what_a_labelled_model_found_comes_back(
    data: st.DataObject, layout: Layout, sure: float, spoken: str
) -> None:
    version = VERSIONS[spoken]
    specs, values = data.draw(found_values(layout))
    if version.model_names:
        document = AnalyzedDocument("custom:bills", 1, layout.page_count, values, sure, "id")
    else:
        bare = tuple(replace(table, polygon=None) for page in layout.pages for table in page.tables)
        layout = Layout(
            tuple(
                replace(page, selection_marks=(), tables=bare[:1] if page.tables else ())
                for page in layout.pages
            ),
            layout.page_count,
        )
        document = AnalyzedDocument("custom:form", 1, layout.page_count, values)
    meant = Analysis(layout, (document,), document.model_id)
    body = encode_analysis.labelled_result(meant, specs, version, "bills", details=True)
    told = decode.operation_state(encode_analysis.envelope("succeeded", THEN, THEN, body)).analysis
    assert told is not None
    assert by_name(told) == by_name(meant)
    assert told.layout == meant.layout
    missing = {spec.name for spec in specs} - {value.field for value in values}
    assert {n for n, f in body["documentResults"][0]["fields"].items() if f is None} == missing


def by_name(analysis: Analysis) -> list[ExtractedField]:
    return sorted(analysis.values, key=lambda value: (value.field, value.occurrence))


@given(st.data(), layouts())
@settings(max_examples=30)
def test_the_pairs_of_an_unlabelled_model_come_back(data: st.DataObject, layout: Layout) -> None:
    _, values = data.draw(found_values(layout))
    values = tuple(replace(value, given=None) for value in values)
    meant = Analysis(layout, (AnalyzedDocument("form", 1, layout.page_count, values),))
    body = encode_analysis.unlabelled_result(meant, VERSIONS["v2.1"], details=True)
    told = decode.operation_state(encode_analysis.envelope("succeeded", THEN, THEN, body)).analysis
    assert told is not None
    assert by_name(told) == by_name(meant)


# --- fields by type -------------------------------------------------------------------------------

PAGE = a_page([[("Total:", 0.9), ("17", 0.5)]], 1, [(True, 0.7)])


def one_field(version: str, spec: FieldSpec, value: ExtractedField, *, details: bool = False) -> Any:
    found = Analysis(Layout((PAGE,), 1), (AnalyzedDocument("", 1, 1, (value,)),))
    body = encode_analysis.labelled_result(found, [spec], VERSIONS[version], "n", details=details)
    return body["documentResults"][0]["fields"][spec.name]


@pytest.mark.parametrize("kind", TYPED)
@pytest.mark.parametrize("given_too", [True, False])
def test_a_value_comes_back_in_its_type(kind: Any, given_too: bool) -> None:
    text, typed = TYPED[kind]
    value = ExtractedField("f", text, 1, None, 0.5, given=typed if given_too else None)
    body = one_field("v2.1", FieldSpec("f", kind), value)
    document = {"documentResults": [{"pageRange": [1, 1], "fields": {"f": body}}]}
    (told,) = decode.operation_state({"status": "succeeded", "analyzeResult": document}).analysis.values  # type: ignore[union-attr]
    assert told == replace(value, given=typed)


@pytest.mark.parametrize(
    ("kind", "text"), [("number", "a lot"), ("date", "03/04/2026"), ("integer", "1.5"), ("time", "noonish")]
)
def test_a_text_that_does_not_read_as_its_type_has_no_value(kind: Any, text: str) -> None:
    body = one_field("v2.1", FieldSpec("f", kind), ExtractedField("f", text, 1, None, 0.5))
    assert body == {"type": kind, "text": text, "page": 1, "confidence": 0.5}


def test_marks_are_words_in_v2_0_unsaid_in_its_followers_and_values_in_v2_1() -> None:
    value = ExtractedField("f", "selected", 1, PAGE.selection_marks[0].polygon, 0.5)
    spec = FieldSpec("f", "selectionMark")
    assert one_field("v2.0", spec, value)["valueString"] == "selected"
    assert one_field("v2.1-preview.2", spec, value)["valueSelectionMark"] is None
    told = one_field("v2.1", spec, value, details=True)
    assert told["valueSelectionMark"] == "selected"
    assert told["elements"] == ["#/readResults/0/selectionMarks/0"]


def test_rows_and_members_are_told_as_arrays_and_objects_and_come_back() -> None:
    def at(name: str, row: int = 0) -> ExtractedField:
        return ExtractedField(name, f"{name} {row}", 1, None, 0.5, occurrence=row)

    values = (
        at("items/Price"),
        at("items/Name", 2),
        at("items/Price", 2),
        at("box/first/left"),
        at("box/second/left"),
        at("a/b"),
    )
    found = Analysis(Layout((PAGE,), 1), (AnalyzedDocument("custom:n", 1, 1, values, 1.0, "id"),))
    body = encode_analysis.labelled_result(
        found, [FieldSpec("a/b"), FieldSpec("c")], VERSIONS["v2.1"], "n", details=False
    )
    fields = body["documentResults"][0]["fields"]
    assert [fields["items"]["type"], fields["box"]["type"], fields["a/b"]["type"]] == [
        "array",
        "object",
        "string",
    ]
    assert fields["c"] is None
    assert [len(row["valueObject"]) for row in fields["items"]["valueArray"]] == [1, 0, 2]
    told = decode.operation_state(encode_analysis.envelope("succeeded", THEN, THEN, body)).analysis
    assert told is not None
    assert [replace(value, given=None) for value in by_name(told)] == by_name(found)


def test_a_page_without_pairs_belongs_to_no_cluster() -> None:
    value = ExtractedField("Total", "17", 1, Box(1, 0, 1.8, 0.8).polygon, 0.5)
    found = Analysis(
        Layout((PAGE, a_page([[("Notes", 1.0)]], 2, [])), 2), (AnalyzedDocument("", 1, 2, (value,)),)
    )
    first, second = encode_analysis.unlabelled_result(found, VERSIONS["v2.1"], details=True)["pageResults"]
    assert (first["clusterId"], second["clusterId"], second["keyValuePairs"]) == (0, None, [])
    (pair,) = first["keyValuePairs"]
    assert pair["key"]["elements"] == ["#/readResults/0/lines/0/words/0"]
    assert pair["value"]["elements"] == ["#/readResults/0/lines/0/words/1"]


@pytest.mark.parametrize("version", SPOKEN, ids=lambda version: version.name)
def test_what_a_version_does_not_have_is_not_told(version: Version) -> None:
    body = encode_analysis.layout_result(Layout((PAGE,), 1), version)
    (page,) = body["readResults"]
    assert ("language" in page) == (version.name != "v2.1")
    assert ("selectionMarks" in page) == version.name.startswith("v2.1")
    late = version.name in ("v2.1-preview.2", "v2.1-preview.3", "v2.1")
    assert ("appearance" in page["lines"][0]) == late
    assert body["version"] == ("2.0.0" if version.name == "v2.0" else "2.1.0")


def test_a_model_in_the_making_has_its_info_only() -> None:
    body = encode.model(ServiceModel("m", "creating", "n"), "labelled", VERSIONS["v2.1"], keys=True)
    assert list(body) == ["modelInfo"]
    assert "attributes" not in body["modelInfo"]


def test_the_first_preview_has_its_clusters_without_a_name_for_them() -> None:
    model = ServiceModel("m", keys=("Total",))
    told = encode.model(model, "unlabelled", VERSIONS["v2.0-preview"], keys=True)
    assert told["keys"] == {"0": ["Total"]}


def test_words_of_a_neighbour_that_reach_into_the_box_are_not_pointed_to() -> None:
    page = a_page([[("Total:", 0.9), ("17", 0.5)], [("Date", 0.9), ("May", 0.5)]], 1, [])
    found = Analysis(
        Layout((page,), 1),
        (AnalyzedDocument("", 1, 1, (ExtractedField("f", "17", 1, Box(0, 0, 2, 2).polygon, 0.5),)),),
    )
    body = encode_analysis.labelled_result(found, [], VERSIONS["v2.1"], "n", details=True)
    assert body["documentResults"][0]["fields"]["f"]["elements"] == ["#/readResults/0/lines/0/words/1"]
