from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import RowError
from pipeline.formats.project_json import (
    project_from_json,
    project_to_json,
    project_to_preview_json,
)
from pipeline.texts import LabelledSpan, ProjectDocument, TextProject

LOAN = TextProject(
    "entities",
    ("Date", "Lender"),
    (
        ProjectDocument(
            "01.txt", "en-us", "train", (LabelledSpan("Date", 5, 9), LabelledSpan("Lender", 20, 4))
        ),
        ProjectDocument("02.txt", "en-us", "test"),
    ),
    name="Loans",
    language="en",
    container="loans",
)


def ga(kind: str, listed: dict[str, Any], documents: list[Any]) -> dict[str, Any]:
    return {
        "projectFileVersion": "2022-05-01",
        "stringIndexType": "Utf16CodeUnit",
        "metadata": {"projectKind": kind, "projectName": "P", "language": "en", "multilingual": True},
        "assets": {"projectKind": kind, **listed, "documents": documents},
    }


def entities(*labels: Any) -> dict[str, Any]:
    document = {
        "location": "01.txt",
        "language": "en-us",
        "entities": [{"regionOffset": 0, "regionLength": 99, "labels": list(labels)}],
    }
    return ga("CustomEntityRecognition", {"entities": [{"category": "Date"}]}, [document])


def test_a_file_of_the_ga_shape_is_read() -> None:
    project, findings = project_from_json(entities({"category": "Date", "offset": 5, "length": 9}))
    assert findings == ()
    assert project == TextProject(
        "entities",
        ("Date",),
        (ProjectDocument("01.txt", "en-us", None, (LabelledSpan("Date", 5, 9),)),),
        name="P",
        language="en",
        multilingual=True,
    )


def test_the_import_body_of_the_preview_is_read() -> None:
    body = {
        "api-version": "2021-11-01-preview",
        "metadata": {
            "name": "Loans",
            "multiLingual": False,
            "modelType": "Extraction",
            "language": "en-us",
            "storageInputContainerName": "loans",
            "settings": {},
        },
        "assets": {
            "extractors": [{"name": "Date"}],
            "documents": [
                {
                    "location": "doc1.txt",
                    "language": "en-us",
                    "extractors": [
                        {"regionOffset": 0, "regionLength": 50, "labels": [label("Date", 5, 9)]},
                        {"regionOffset": 50, "regionLength": 50, "labels": [label("Date", 60, 9)]},
                    ],
                }
            ],
        },
    }
    project, findings = project_from_json(json.dumps(body).encode())
    assert findings == () and (project.name, project.container) == ("Loans", "loans")
    assert project.documents[0].spans == (LabelledSpan("Date", 5, 9), LabelledSpan("Date", 60, 9))


def label(name: str, offset: int, length: int) -> dict[str, Any]:
    return {"extractorName": name, "offset": offset, "length": length}


def test_the_tags_file_of_the_first_preview_is_read_and_tells_its_kind_by_its_documents() -> None:
    def tags(*names: str) -> dict[str, Any]:
        classifiers = [{"classifierName": name} for name in names]
        documents = [{"location": "doc1.txt", "language": "en-us", "classifiers": classifiers}]
        return {"classifiers": [{"name": "A"}, {"name": "B"}], "documents": documents}

    single, _ = project_from_json(tags("B"))
    multi, _ = project_from_json(tags("B", "A"))
    assert (single.kind, single.multi_label, single.documents[0].classes) == ("classes", False, ("B",))
    assert (multi.multi_label, multi.documents[0].classes) == (True, ("B", "A"))


def test_single_and_multi_label_documents_of_the_ga_shape() -> None:
    listed = {"classes": [{"category": "A"}, {"category": "B"}]}
    one = {"location": "1.txt", "dataset": "Test", "class": {"category": "B"}}
    none = {"location": "1.txt", "dataset": "Train", "classes": []}
    single, _ = project_from_json(ga("CustomSingleLabelClassification", listed, [one]))
    multi, findings = project_from_json(ga("CustomMultiLabelClassification", listed, [none]))
    assert single.documents == (ProjectDocument("1.txt", None, "test", (), ("B",)),)
    assert multi.multi_label and multi.documents[0].classes == () and findings == ()


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"category": "Dote", "offset": 1, "length": 2}, "'Dote', which the project does not list"),
        ({"category": "Date", "offset": "1", "length": 2}, "no whole number as offset"),
        ({"category": "Date", "offset": 1}, "no whole number as length"),
        ({"category": "Date", "offset": True, "length": 2}, "no whole number as offset"),
        ({"offset": 1, "length": 2}, "has no category"),
        ("Date", "is not an object"),
    ],
)
def test_a_wrong_label_costs_only_itself(wrong: Any, told: str) -> None:
    good = {"category": "Date", "offset": 5, "length": 9}
    project, (finding,) = project_from_json(entities(wrong, good))
    assert project.documents[0].spans == (LabelledSpan("Date", 5, 9),)
    assert (finding.severity, finding.code, finding.subject) == ("warning", "label-unusable", "01.txt")
    assert finding.message.startswith("Label 1 ") and told in finding.message


def test_a_wrong_document_costs_only_itself() -> None:
    listed = {"classes": [{"category": "A"}, {}]}
    documents = [
        {"location": "1.txt", "class": {"category": "A"}, "dataset": "Validate"},
        {"location": "1.txt", "class": {"category": "A"}},
        {"class": {"category": "A"}},
        7,
        {"location": "2.txt"},
        {"location": "3.txt", "classes": {"category": "A"}},
    ]
    project, findings = project_from_json(ga("CustomSingleLabelClassification", listed, documents))
    assert [(document.location, document.classes) for document in project.documents] == [
        ("1.txt", ("A",)), ("2.txt", ()), ("3.txt", ()),
    ]  # fmt: skip
    assert [(finding.code, finding.subject) for finding in findings] == [
        ("category-unusable", "classes[2]"),
        ("dataset-unknown", "1.txt"),
        ("document-repeated", "1.txt"),
        ("document-without-location", "documents[3]"),
        ("document-without-location", "documents[4]"),
        ("document-without-class", "2.txt"),
        ("labels-unusable", "3.txt"),
        ("document-without-class", "3.txt"),
    ]


def test_a_document_without_entities_is_told() -> None:
    project, (finding,) = project_from_json(entities())
    assert project.documents[0].spans == ()
    assert (finding.code, finding.subject) == ("document-without-entities", "01.txt")


@pytest.mark.parametrize(
    "broken",
    [
        b"", b"{", b"[]", b"\xff\xfe\x00", b'{"documents": 3}', b'{"documents": []}', b"[" * 100_000,
        b'{"assets": {"entities": [], "documents": []}, "stringIndexType": "Bytes"}',
    ],
)  # fmt: skip
def test_a_broken_file_is_a_named_error(broken: bytes) -> None:
    with pytest.raises(RowError) as raised:
        project_from_json(broken)
    assert raised.value.reason == "project-unreadable" and "export" in str(raised.value)


def test_a_project_of_another_kind_is_named() -> None:
    with pytest.raises(RowError) as raised:
        project_from_json(ga("Conversation", {"entities": []}, []))
    assert raised.value.reason == "project-kind-unknown" and "Conversation" in str(raised.value)


NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=9)


@st.composite
def projects(draw: st.DrawFn) -> TextProject:
    categories = tuple(draw(st.lists(NAMES, min_size=1, max_size=4, unique=True)))
    category = st.sampled_from(categories)
    kind = draw(st.sampled_from(["entities", "classes"]))
    multi = kind == "classes" and draw(st.booleans())
    spans = st.builds(LabelledSpan, category, st.integers(0, 500), st.integers(1, 50))
    classes = st.lists(category, min_size=0 if multi else 1, max_size=3 if multi else 1, unique=True)
    documents = tuple(
        ProjectDocument(
            name,
            "en-us",
            draw(st.sampled_from([None, "train", "test"])),
            tuple(draw(st.lists(spans, min_size=1, max_size=4))) if kind == "entities" else (),
            tuple(draw(classes)) if kind == "classes" else (),
        )
        for name in draw(st.lists(NAMES, max_size=4, unique=True))
    )
    return TextProject(kind, categories, documents, multi, name="P", language="en", container="c")


@given(projects())
def test_what_is_written_is_read_back(project: TextProject) -> None:
    assert project_from_json(json.dumps(project_to_json(project))) == (project, ())


@given(projects())
def test_what_is_written_for_the_preview_is_read_back_but_for_the_datasets(project: TextProject) -> None:
    read, findings = project_from_json(json.dumps(project_to_preview_json(project)))
    assert (
        findings == () and read.categories == project.categories and read.multi_label == project.multi_label
    )
    for before, after in zip(project.documents, read.documents, strict=True):
        assert (before.location, before.spans, before.classes) == (after.location, after.spans, after.classes)


def test_regions_span_the_text_where_its_length_is_told() -> None:
    documents = project_to_json(LOAN, {"01.txt": 1793})["assets"]["documents"]
    assert [document["entities"][0]["regionLength"] for document in documents] == [1793, 0]
    assert documents[0]["dataset"] == "Train"
