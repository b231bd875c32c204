"""What the emulator says of Document Intelligence: every recorded answer is said again, and every record that
is said is understood as it was meant."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.remote import Analysis, AnalyzedDocument, BatchItem, ServiceFault, ServiceModel
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
from pipeline.wire.document_intelligence import decode, encode, encode_analysis
from pipeline.wire.document_intelligence.encode import DocumentType, ModelNotes, OperationFacts
from pipeline.wire.document_intelligence.encode_faults import failure, item_error, refusal
from pipeline.wire.document_intelligence.text_index import INDEXES
from pipeline.wire.document_intelligence.versions import VERSIONS, Version
from tests.unit.wire.samples import MISSING, Sample, answers, each

RECORDED = [
    sample
    for sample in answers("documentintelligence")
    if sample.place.startswith(("2022-08-31/recorded/", "2022-08-31/bodies/"))
    and "neural" not in sample.place  # of a preview
]
V30, V31, V40 = VERSIONS.values()
THEN = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def recorded(*members: str) -> list[Any]:
    return each([sample for sample in RECORDED if all(member in sample.body for member in members)])


def time(text: str) -> datetime:
    return datetime.fromisoformat(text)


# --- every recorded answer, to the letter ---------------------------------------------------------


def types_of(body: dict[str, Any]) -> list[DocumentType]:
    """Each document type of a model, read alone."""
    found = []
    for name, kind in body.get("docTypes", {}).items():
        model = decode.model({"modelId": name, "docTypes": {name: kind}})
        found.append(DocumentType(name, model.fields, model.accuracies, kind["buildMode"]))
    return found


def without_signatures(node: Any) -> Any:
    """The product has no fields of this type and reads them as texts."""
    if isinstance(node, dict):
        return {name: without_signatures(child) for name, child in node.items()}
    return "string" if node == "signature" else node


def model_told(body: dict[str, Any]) -> dict[str, Any]:
    model, notes = decode.model(body), ModelNotes(tags=body.get("tags", {}))
    if "docTypes" in body:
        return encode.model_details(model, V30, types_of(body), notes)
    return encode.model_summary(model, V30, notes)


@pytest.mark.parametrize("sample", recorded("modelId"))
def test_models_are_told_as_recorded(sample: Sample) -> None:
    assert model_told(sample.body) == without_signatures(sample.body)


@pytest.mark.parametrize("sample", recorded("operationId"))
def test_operations_are_told_as_recorded(sample: Sample) -> None:
    body = sample.body
    (fault, *_) = (*decode.operation_state(body).faults, None)
    result = model_told(body["result"]) if "result" in body else None
    told = encode.operation(facts_of(body), V30, result=result, fault=fault)
    assert told == without_signatures(body)


def facts_of(body: dict[str, Any]) -> OperationFacts:
    return OperationFacts(
        body["operationId"],
        body["kind"],
        body["status"],
        time(body["createdDateTime"]),
        time(body["lastUpdatedDateTime"]),
        body["resourceLocation"],
        body.get("tags", {}),
    )


@pytest.mark.parametrize("sample", recorded("value"))
def test_lists_are_told_as_recorded(sample: Sample) -> None:
    items = [
        encode.operation(facts_of(item), V30) if "operationId" in item else model_told(item)
        for item in sample.body["value"]
    ]
    expected = sample.body["value"]
    assert [{name: item.get(name) for name in told} for told, item in zip(items, expected, strict=True)] == [
        {name: told.get(name) for name in told} for told in items
    ]
    assert encode.page(expected, sample.body.get("nextLink", "")) == sample.body


@pytest.mark.parametrize("sample", recorded("accessToken"))
def test_leave_to_copy_is_told_as_recorded(sample: Sample) -> None:
    leave = decode.copy_authorization(sample.body)
    assert leave.expires_at is not None
    told = encode.copy_authorization(
        "Model", leave.model_id, sample.body["targetModelLocation"], "redacted", leave.expires_at
    )
    ours = ("targetResourceId", "targetResourceRegion")
    assert told | {name: sample.body[name] for name in ours} == sample.body


@pytest.mark.parametrize("sample", recorded("customDocumentModels"))
def test_the_resource_is_told_as_recorded(sample: Sample) -> None:
    quota = decode.quota(sample.body)
    assert encode.info(V30, quota.count, quota.limit, 3, THEN) == sample.body


@pytest.mark.parametrize("sample", recorded("error"))
def test_refusals_are_told_as_recorded(sample: Sample) -> None:
    body = sample.body
    if "kind" in body or body["error"]["code"] == "401":
        return  # operations are told above, and the gateway's errors by it
    status = {"NotFound": 404}.get(body["error"]["code"], 400)
    assert refusal(status, decode.fault(body)) == body


# --- recorded analyses ----------------------------------------------------------------------------


def said_again(sample: Sample) -> dict[str, Any]:
    """A recorded result, read and told again."""
    result = sample.body["analyzeResult"]
    found = decode.operation_state(sample.body).analysis
    assert found is not None
    asked = {"model_id": result["modelId"], "index": result["stringIndexType"]}
    if "documents" not in result:
        return encode_analysis.layout_result(found.layout, V30, **asked)
    (document,) = found.documents
    specs = {document.doc_type: [FieldSpec(value.field) for value in document.values]}
    return encode_analysis.model_result(found, V30, fields=specs, **asked)


def paths(node: Any, where: str = "") -> Iterator[str]:
    """Where members stand, whatever their number and, of fields, their names."""
    for name, child in node.items() if isinstance(node, dict) else ():
        place = f"{where}/{'*' if where.endswith(('/fields', '/valueObject')) else name}"
        yield place
        yield from paths(child, place)
    for child in node if isinstance(node, list) else ():
        yield from paths(child, where)


_ELSEWHERE = (
    "/styles/",
    "/documents/fields/*/valueSignature",
    "/paragraphs/role",
    "/documents/fields/*/value",
)
"""What the product does not know, or whose type it does not."""


@pytest.mark.parametrize("sample", recorded("analyzeResult"))
def test_results_have_the_recorded_members(sample: Sample) -> None:
    told, expected = set(paths(said_again(sample))), set(paths(sample.body["analyzeResult"]))

    def known(found: set[str]) -> set[str]:
        return {path for path in found if not path.startswith(_ELSEWHERE) and not path.endswith("Span")}

    missing, more = known(expected) - known(told), known(told) - known(expected)
    assert missing <= {"/pages/selectionMarks"}
    assert more == set()


@pytest.mark.parametrize("sample", recorded("analyzeResult"))
def test_results_are_understood_as_recorded(sample: Sample) -> None:
    found = decode.operation_state(sample.body).analysis
    again = decode.analysis(said_again(sample))
    assert found is not None
    assert again.layout == found.layout
    for one, other in zip(again.documents, found.documents, strict=True):
        assert (one.doc_type, one.confidence, one.model_id) == (
            other.doc_type, other.confidence, other.model_id
        )  # fmt: skip
        names = [value.field for value in other.values]
        told = {(value.field, value.occurrence): value for value in one.values}
        assert len(told) == len(names)
        for value in other.values:
            mine = told[value.field, value.occurrence]
            assert (mine.text, mine.page, mine.polygon, mine.confidence) == (
                value.text, value.page, value.polygon, value.confidence
            )  # fmt: skip


@pytest.mark.parametrize("sample", recorded("analyzeResult"))
def test_fields_and_cells_stand_where_the_service_says(sample: Sample) -> None:
    """In the content, that is; the text that our spans cut out is the one that the service's do."""
    ours, theirs = said_again(sample), sample.body["analyzeResult"]
    told, expected = list(cuts(ours)), list(cuts(theirs))
    assert len(told) == len(expected)
    same = sum(mine == other for mine, other in zip(told, expected, strict=True))
    assert same >= 0.9 * len(expected)


def cuts(result: dict[str, Any]) -> Iterator[str]:
    fields = [
        field for document in result.get("documents", ()) for field in sorted_fields(document["fields"])
    ]
    cells = [cell for table in result.get("tables", ()) for cell in table["cells"]]
    for item in (*fields, *cells):
        pieces = [
            result["content"][span["offset"] : span["offset"] + span["length"]]
            for span in item.get("spans", ())
        ]
        yield " ".join(" ".join(pieces).split())


def sorted_fields(fields: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for name, field in sorted(fields.items()):
        if "valueArray" in field:
            for row in field["valueArray"]:
                yield from sorted_fields(row["valueObject"])
        elif field.get("content") and name != "FullSignature":  # which the product has no type for
            yield field


def test_samples_are_there_or_it_is_said_that_they_are_not() -> None:
    assert RECORDED or MISSING


# --- every record comes back ----------------------------------------------------------------------

NAMES = st.text("abcdefgh", min_size=1, max_size=8)
SHARES = st.integers(0, 1000).map(lambda number: number / 1000)
STAMPS = st.integers(0, 10**8).map(lambda seconds: THEN + timedelta(seconds=seconds))
TYPES = st.sampled_from(["string", "number", "integer", "date", "time", "phoneNumber", "selectionMark"])
SPOKEN = st.sampled_from([V30, V31, V40])


@st.composite
def field_specs(draw: st.DrawFn) -> tuple[FieldSpec, ...]:
    """Plain fields, tables and objects of differing names."""
    kinds = draw(
        st.dictionaries(NAMES, st.sampled_from(["plain", "table", "object"]), min_size=1, max_size=5)
    )
    specs = []
    for name, kind in kinds.items():
        ends = {"plain": [""], "table": ["/A", "/B"], "object": ["/A/x", "/A/y", "/B/x"]}[kind]
        specs += [FieldSpec(f"{name}{end}", draw(TYPES)) for end in ends]
    return tuple(specs)


@st.composite
def models(draw: st.DrawFn) -> ServiceModel:
    fields = draw(field_specs())
    return ServiceModel(
        draw(NAMES),
        description=draw(NAMES),
        created_at=draw(STAMPS),
        updated_at=draw(STAMPS),
        expires_at=draw(STAMPS),
        fields=fields,
        accuracies=tuple((spec.name, draw(SHARES)) for spec in fields),
    )


@given(models(), SPOKEN)
def test_a_model_comes_back(model: ServiceModel, version: Version) -> None:
    body = encode.model_details(
        model, version, [DocumentType(model.model_id, model.fields, model.accuracies)]
    )
    told = decode.model(through_text(body))
    assert (told.model_id, told.description, told.created_at) == (
        model.model_id, model.description, model.created_at
    )  # fmt: skip
    assert {spec.name: spec.type for spec in told.fields} == {spec.name: spec.type for spec in model.fields}
    assert dict(told.accuracies).items() >= dict(model.accuracies).items()
    assert told.expires_at == (model.expires_at if version.expires else None)
    assert told.updated_at == (model.updated_at if version.model_extras else model.created_at)
    assert (told.api_version, told.composed) == (version.name, False)


@given(models(), models(), SPOKEN)
def test_a_composed_model_names_its_parts(one: ServiceModel, other: ServiceModel, version: Version) -> None:
    one, other = replace(one, model_id="one"), replace(other, model_id="other")
    types = [DocumentType(part.model_id, part.fields, model_id=part.model_id) for part in (one, other)]
    notes = ModelNotes(classifier="sorter", split="auto")
    body = encode.model_details(replace(one, model_id="both"), version, types, notes)
    told = decode.model(through_text(body))
    assert (told.composed, told.components) == (True, ("one", "other"))
    assert ("classifierId" in body) == version.classifier_compose


@given(models(), SPOKEN.filter(lambda version: version.classifiers))
def test_a_classifier_comes_back(model: ServiceModel, version: Version) -> None:
    sources = {
        "a": {"azureBlobSource": {"containerUrl": "https://x/c", "prefix": "a/"}},
        "b": {"azureBlobFileListSource": {"containerUrl": "https://x/c", "fileList": "b.jsonl"}},
    }
    body = encode.classifier_details(model, version, sources)
    assert body["docTypes"].keys() == sources.keys()
    kinds = [kind.get("sourceKind") for kind in body["docTypes"].values()]
    assert kinds == (["azureBlob", "azureBlobFileList"] if version.model_extras else [None, None])
    told = decode.model(body)
    assert (told.model_id, told.expires_at, told.composed) == (model.model_id, model.expires_at, False)


def through_text(body: Any) -> Any:
    return json.loads(json.dumps(body))


# --- documents come back --------------------------------------------------------------------------

LETTERS = ["x", "y", "ß", "日", "e\u0301", "😀", "👍🏽", "👨‍👩‍👧", "🇩🇪", "ᄒ\u1161ᆫ", "நி"]
WORDS = st.tuples(st.lists(st.sampled_from(LETTERS), min_size=1, max_size=4).map("".join), SHARES)


def a_page(
    texts: list[list[tuple[str, float]]], number: int, marks: list[tuple[bool, float]], between: str = " "
) -> Page:
    """Lines below each other, words beside each other, marks to the right."""
    lines = tuple(
        Line(
            between.join(text for text, _ in words),
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


@st.composite
def layouts(draw: st.DrawFn) -> Layout:
    pages = []
    for number in range(1, draw(st.integers(1, 3)) + 1):
        lines = draw(st.lists(st.lists(WORDS, min_size=1, max_size=4), max_size=5))
        marks = draw(st.lists(st.tuples(st.booleans(), SHARES), max_size=3))
        page = a_page(lines, number, marks, draw(st.sampled_from([" ", "", "  "])))
        head = TableCell(0, 1, "x", Box(0, 0, 4, 1).polygon, column_span=2, is_header=True)
        cells = (head, TableCell(1, 0, "", Box(0, 1, 4, 2).polygon, row_span=3))
        table = Table(4, 3, cells, Box(0, 0, 9, 9).polygon)
        pages.append(replace(page, tables=(table,) if draw(st.booleans()) else ()))
    return Layout(tuple(pages), len(pages))


@given(layouts(), SPOKEN, st.sampled_from(sorted(INDEXES)))
@settings(max_examples=60)
def test_a_layout_comes_back_in_every_unit(layout: Layout, version: Version, index: str) -> None:
    result = encode_analysis.layout_result(layout, version, model_id="prebuilt-layout", index=index)
    body = through_text(encode_analysis.envelope("succeeded", THEN, THEN, result))
    told = decode.operation_state(body).analysis
    assert told is not None
    assert told.layout == layout
    assert decode.layout_from_result(body) == layout


@given(layouts(), st.sampled_from(sorted(INDEXES)))
@settings(max_examples=60)
def test_spans_cut_words_lines_and_marks_out_of_the_content(layout: Layout, index: str) -> None:
    result = encode_analysis.layout_result(layout, V40, model_id="prebuilt-read", index=index, tables=False)
    units = unit_starts(result["content"], index)
    for page in result["pages"]:
        for line in page["lines"]:
            assert cut(result["content"], units, line["spans"][0]) == line["content"]
        for word in page["words"]:
            assert cut(result["content"], units, word["span"]) == word["content"]
        for mark in page.get("selectionMarks", ()):
            assert cut(result["content"], units, mark["span"]) == f":{mark['state']}:"
        for span in page["spans"]:
            assert cut(result["content"], units, span).strip() == cut(result["content"], units, span)
    assert "tables" not in result


def unit_starts(content: str, index: str) -> dict[int, int]:
    """The position in the text at which each unit begins that begins with a character."""
    length = INDEXES[index]
    counts = [length(content[:position]) for position in range(len(content) + 1)]
    begins = [position for position in range(len(content)) if counts[position + 1] > counts[position]]
    return {counts[position]: position for position in (*begins, len(content))}


def cut(content: str, units: dict[int, int], span: dict[str, int]) -> str:
    return content[units[span["offset"]] : units[span["offset"] + span["length"]]]


@pytest.mark.parametrize(
    ("text", "elements", "points", "units"),
    [
        ("", 0, 0, 0),
        ("Ada", 3, 3, 3),
        ("é", 1, 1, 1),
        ("e\u0301", 1, 2, 2),
        ("😀", 1, 1, 2),
        ("👍🏽", 1, 2, 4),
        ("👨‍👩‍👧", 1, 5, 8),
        ("🇩🇪🇫🇷", 2, 4, 8),
        ("❤️1️⃣", 2, 5, 5),
        ("🏴\U000e0067\U000e0062\U000e007f", 1, 4, 8),
        ("\r\n\n", 2, 3, 3),
        ("\n\u0301", 2, 2, 2),
        ("ᄒ\u1161ᆫ글", 2, 4, 4),
        ("நி", 1, 2, 2),
    ],
)
def test_texts_are_measured_in_each_unit(text: str, elements: int, points: int, units: int) -> None:
    found = [INDEXES[name](text) for name in ("textElements", "unicodeCodePoint", "utf16CodeUnit")]
    assert found == [elements, points, units]


# --- fields come back -----------------------------------------------------------------------------

TYPED: dict[str, tuple[str, TypedValue]] = {
    "string": ("Ada Lovelace", TypedValue(text="Ada Lovelace")),
    "number": ("1,234.50", TypedValue(number=Decimal("1234.5"))),
    "currency": ("$ 12.00", TypedValue(number=Decimal(12))),
    "integer": ("17", TypedValue(number=Decimal(17))),
    "date": ("March 4, 2026", TypedValue(date=date(2026, 3, 4))),
    "time": ("5:06 pm", TypedValue(time=datetime(2026, 3, 4, 17, 6).time())),
    "phoneNumber": ("+1 206 555 0100", TypedValue(text="+12065550100")),
    "selectionMark": ("selected", TypedValue(mark="selected")),
}
PAGE = a_page([[("one", 0.5), ("two", 1.0)], [("three", 0.25)]], 1, [(True, 0.75)])
LAYOUT = Layout((PAGE,), 1)
KIND = "m:m"


def found(*values: ExtractedField, kind: str = KIND) -> Analysis:
    return Analysis(LAYOUT, (AnalyzedDocument(kind, 1, 1, values, 0.875, kind.rpartition(":")[2]),), "m")


def told(analysis: Analysis, specs: list[FieldSpec], version: Version = V40) -> dict[str, Any]:
    body = encode_analysis.model_result(
        analysis, version, model_id="m", index="unicodeCodePoint", fields={KIND: specs}
    )
    return dict(through_text(body))


def fields_told(analysis: Analysis, specs: list[FieldSpec], version: Version = V40) -> dict[str, Any]:
    (document,) = told(analysis, specs, version)["documents"]
    return dict(document["fields"])


@st.composite
def values(draw: st.DrawFn) -> tuple[list[FieldSpec], list[ExtractedField]]:
    """Values of some of a model's fields; some as a table of several rows."""
    specs = list(draw(field_specs()))
    made = []
    for spec in specs:
        text, given = TYPED[spec.type]
        rows = draw(st.integers(0, 3 if spec.name.count("/") == 1 else 1))
        made += [
            ExtractedField(
                spec.name, text, 1, Box(0, 0, 1, 0.8).polygon, draw(SHARES), 0.5, occurrence=row, given=given
            )
            for row in range(rows)
        ]
    return specs, made


@given(values())
@settings(max_examples=60)
def test_values_come_back(made: tuple[list[FieldSpec], list[ExtractedField]]) -> None:
    specs, meant = made
    (document,) = decode.analysis(told(found(*meant), specs)).documents
    assert (document.doc_type, document.model_id, document.confidence) == (KIND, "m", 0.875)
    key = {(value.field, value.occurrence): value for value in document.values}
    assert len(key) == len(document.values) == len(meant)
    marks = {spec.name for spec in specs if spec.type == "selectionMark"}
    for value in meant:
        seen = 1.0 if value.field in marks else value.layout_confidence  # no mark stands there
        assert key[value.field, value.occurrence] == replace(value, layout_confidence=seen)


@pytest.mark.parametrize("kind", TYPED)
def test_a_value_without_one_in_its_type_is_read_from_its_text(kind: str) -> None:
    text, typed = TYPED[kind]
    spec = FieldSpec("f", kind)  # type: ignore[arg-type]
    value = ExtractedField("f", text, 1, None, 0.5)
    ((back,),) = (document.values for document in decode.analysis(told(found(value), [spec])).documents)
    assert (back.text, back.given) == (text, typed)


def test_what_does_not_read_as_its_type_is_told_as_text_alone() -> None:
    value = ExtractedField("When", "next week", 1, Box(0, 0, 1, 0.8).polygon, 0.5)
    field = fields_told(found(value), [FieldSpec("When", "date")])["When"]
    assert field == {
        "type": "date",
        "content": "next week",
        "boundingRegions": [{"pageNumber": 1, "polygon": [0, 0, 1, 0, 1, 0.8, 0, 0.8]}],
        "confidence": 0.5,
        "spans": [{"offset": 0, "length": 3}],
    }


def test_what_was_not_found_is_there_with_its_type_and_a_confidence() -> None:
    specs = [FieldSpec("Total", "currency"), FieldSpec("items/Price", "number"), FieldSpec("items/Name")]
    assert fields_told(found(), specs) == {
        "Total": {"type": "number", "confidence": 0.0},
        "items": {"type": "array"},
    }
    assert decode.analysis(told(found(), specs)).values == ()


@pytest.mark.parametrize("version", VERSIONS.values())
def test_rows_of_a_table_say_their_type_and_members_only(version: Version) -> None:
    values = [
        ExtractedField("items/Price", text, 1, None, 0.5, occurrence=row)
        for row, text in ((0, "5"), (2, "7"))
    ]
    body = fields_told(found(*values), [FieldSpec("items/Price", "number")], version)["items"]
    assert body.keys() == {"type", "valueArray"}
    first, second, third = body["valueArray"]
    assert (first.keys(), second) == ({"type", "valueObject"}, {"type": "object", "valueObject": {}})
    assert (third["valueObject"]["Price"]["valueNumber"], third["type"]) == (7, "object")
    assert ("confidence" in first["valueObject"]["Price"]) == version.model_extras


def test_marks_stand_in_the_content_by_their_state() -> None:
    value = ExtractedField("On", "selected", 1, PAGE.selection_marks[0].polygon, 0.9)
    result = told(found(value), [FieldSpec("On", "selectionMark")])
    field = result["documents"][0]["fields"]["On"]
    (span,) = field["spans"]
    cut_out = result["content"][span["offset"] : span["offset"] + span["length"]]
    assert (field["content"], field["valueSelectionMark"], cut_out) == (
        ":selected:",
        "selected",
        ":selected:",
    )
    (back,) = decode.analysis(result).values
    assert (back.text, back.layout_confidence) == ("selected", 0.75)


def test_a_value_over_several_lines_has_neighbouring_words_in_one_span() -> None:
    value = ExtractedField("Text", "one two three", 1, Box(0, 0, 2, 2).polygon, 0.9)
    (span,) = fields_told(found(value), [FieldSpec("Text")])["Text"]["spans"]
    assert span == {"offset": 0, "length": len("one two\nthree")}


def test_a_value_between_others_has_spans_of_its_own() -> None:
    value = ExtractedField("Text", "one three", 1, Box(0, 0, 0.9, 2).polygon, 0.9)
    spans = fields_told(found(value), [FieldSpec("Text")])["Text"]["spans"]
    assert spans == [{"offset": 0, "length": 3}, {"offset": 8, "length": 5}]


# --- versions, envelopes, batches, faults -----------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "members"),
    [(V30, {"kind"}), (V31, set()), (V40, set())],
    ids=lambda v: getattr(v, "name", ""),
)
def test_pages_say_what_their_version_says(version: Version, members: set[str]) -> None:
    result = told(found(), [], version)
    common = {"pageNumber", "angle", "width", "height", "unit", "words", "lines", "spans", "selectionMarks"}
    assert result["pages"][0].keys() == common | members
    assert ("contentFormat" in result) == (version is V40)


@pytest.mark.parametrize("status", ["notStarted", "running", "failed"])
def test_there_is_no_result_before_success(status: encode.Status) -> None:
    fault = ServiceFault("InternalServerError", "An unexpected error.")
    body = encode_analysis.envelope(status, THEN, THEN, {"pages": []}, fault)
    assert "analyzeResult" not in body
    assert ("error" in body) == (status == "failed")
    state = decode.operation_state(body)
    assert state.end == ("failed" if status == "failed" else "running")
    assert state.faults == ((fault,) if status == "failed" else ())


def test_a_classification_names_documents_by_their_pages() -> None:
    pages = tuple(replace(PAGE, number=number) for number in (1, 2, 3))
    documents = (AnalyzedDocument("a", 1, 2, (), 0.75), AnalyzedDocument("b", 3, 3, (), 0.5))
    meant = Analysis(Layout(pages, 3), documents, "sorter")
    body = encode_analysis.classification(meant, V40, classifier_id="sorter", index="textElements")
    assert (body["content"], body["contentFormat"]) == ("", "text")
    assert [page.keys() for page in body["pages"]] == [{"pageNumber", "width", "height", "unit", "spans"}] * 3
    assert decode.analysis(through_text(body)).documents == documents


def test_a_batch_comes_back_with_the_end_of_each_file() -> None:
    links = ("https://a.blob.core.windows.net/in/{}", "https://a.blob.core.windows.net/out/x/{}.ocr.json")
    meant = (
        BatchItem("f/1.pdf", "succeeded", "x/f/1.pdf.ocr.json"),
        BatchItem("f/2.pdf", "failed", fault=ServiceFault("InvalidContent", "Unreadable.")),
        BatchItem("f/3.pdf", "skipped", fault=ServiceFault("OutputExists", "It is there.")),
        BatchItem("f/4.pdf", "notStarted"),
    )
    items = [
        encode_analysis.batch_item(item, *(link.format(item.source_path) for link in links)) for item in meant
    ]
    body = encode_analysis.batch("1", "running", THEN, THEN, items)
    assert body["percentCompleted"] == 74
    counts = ("succeededCount", "failedCount", "skippedCount")
    assert [body["result"][name] for name in counts] == [1, 1, 1]
    assert decode.operation_state(through_text(body)).items == meant
    assert encode_analysis.batch("1", "succeeded", THEN, THEN, items)["percentCompleted"] == 100
    assert "result" not in encode_analysis.batch("1", "running", THEN, THEN)


@pytest.mark.parametrize(
    ("status", "code", "outer"),
    [
        (400, "InvalidSasToken", "InvalidArgument"),
        (400, "InvalidContent", "InvalidRequest"),
        (404, "ModelNotFound", "NotFound"),
        (409, "ModelExists", "Conflict"),
        (415, "UnsupportedContent", "UnsupportedMediaType"),
        (501, "NotImplemented", "NotImplemented"),
    ],
)
def test_a_refusal_has_its_cause_inside(status: int, code: str, outer: str) -> None:
    fault = ServiceFault(code, "So it is.", "prefix")
    body = refusal(status, fault)
    assert body["error"]["code"] == outer
    assert body["error"]["innererror"] == {"code": code, "message": "So it is."}
    assert decode.fault(body) == fault


def test_a_retired_version_is_told_without_a_cause_inside() -> None:
    body = refusal(410, ServiceFault("Gone", "The requested API version has been retired."))
    assert body == {"error": {"code": "Gone", "message": "The requested API version has been retired."}}


@pytest.mark.parametrize("code", ["ModelBuildError", "InvalidSasToken", "ContentSourceNotAccessible"])
def test_a_failure_is_understood_wherever_its_cause_stands(code: str) -> None:
    fault = ServiceFault(code, "So it is.")
    assert decode.operation_state(encode_failed(failure(fault))).faults == (fault,)
    assert decode.fault(item_error(fault)) == fault


def encode_failed(error: dict[str, Any]) -> dict[str, Any]:
    return {"operationId": "1", "kind": "documentModelBuild", "status": "failed", "error": error}


@pytest.mark.parametrize(("month", "reset"), [(2, "2026-03-01T00:00:00Z"), (12, "2027-01-01T00:00:00Z")])
def test_only_3_1_tells_of_neural_builds(month: int, reset: str) -> None:
    now = datetime(2026, month, 28, tzinfo=UTC)
    told = [encode.info(version, 2, 13, 1, now) for version in (V30, V31, V40)]
    assert [body.keys() for body in (told[0], told[2])] == [{"customDocumentModels"}] * 2
    assert told[1]["customNeuralDocumentModelBuilds"] == {"used": 1, "quota": 20, "quotaResetDateTime": reset}
