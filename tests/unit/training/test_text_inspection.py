"""Training folders of labelled texts: what is found, what is wrong, and when it is another set."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline.texts import LabelledSpan
from pipeline.training.labelled_texts import load_texts
from pipeline.training.records import TrainingFolder
from pipeline.types import FieldSpec
from tests.unit.training.training_shelf import Shelf, layout_of

TEXT = "🎉 Anna Berg owes $5"


def entity(category: str, value: str, text: str = TEXT) -> dict[str, Any]:
    """A label in UTF-16 code units, as the service writes it."""
    before = text[: text.index(value)]
    units = len(before.encode("utf-16-le")) // 2
    return {"category": category, "offset": units, "length": len(value)}


def document(location: str, *labels: dict[str, Any], **more: Any) -> dict[str, Any]:
    regions = [{"regionOffset": 0, "regionLength": 100, "labels": list(labels)}]
    return {"location": location, "language": "en-us", "entities": regions, **more}


def project(
    *documents: dict[str, Any], kind: str = "CustomEntityRecognition", **lists: list[str]
) -> dict[str, Any]:
    names = lists or {"entities": ["Party", "Sum"]}
    listed = {key: [{"category": name} for name in found] for key, found in names.items()}
    return {
        "projectFileVersion": "2022-05-01",
        "stringIndexType": "Utf16CodeUnit",
        "metadata": {"projectKind": kind, "projectName": "p", "language": "en-us"},
        "assets": {"projectKind": kind, **listed, "documents": list(documents)},
    }


def entities(shelf: Shelf, **changes: Any) -> TrainingFolder:
    return shelf.inspect(model_kind="entities", **changes)


def classes(shelf: Shelf, **changes: Any) -> TrainingFolder:
    return shelf.inspect(model_kind="classes", **changes)


def codes(folder: TrainingFolder) -> dict[str, str]:
    return {finding.code: finding.subject for finding in folder.findings}


@pytest.fixture
def letters(shelf: Shelf) -> Shelf:
    """Ten labelled letters: nothing wrong with them."""
    documents = []
    for number in range(10):
        text = f"{TEXT} in letter {number}"
        shelf.put(f"letter {number}.txt", text.encode())
        labels = entity("Party", "Anna Berg", text), entity("Sum", "$5", text)
        documents.append(document(f"letter {number}.txt", *labels))
    shelf.put("export of the project.json", project(*documents))
    return shelf


def rewrite(shelf: Shelf, change: Any) -> None:
    file = shelf.root / "lake" / "train" / "export of the project.json"
    body = json.loads(file.read_text())
    change(body)
    file.write_text(json.dumps(body))


def test_a_sound_folder_has_texts_fields_and_no_findings(letters: Shelf) -> None:
    folder = entities(letters)
    assert folder.findings == ()
    assert [each.path for each in folder.trained] == [f"train/letter {n}.txt" for n in range(10)]
    assert all(each.is_text and each.layout == "missing" for each in folder.trained)
    assert folder.fields == (FieldSpec("Party"), FieldSpec("Sum"))
    assert folder.project is not None
    assert folder.project.documents[0].location == "train/letter 0.txt"


def test_labels_are_loaded_in_code_points_and_named_by_their_blobs(letters: Shelf) -> None:
    texts = load_texts(letters.storage, entities(letters), {})
    assert texts[3].name == "train/letter 3.txt"
    assert texts[3].spans == (LabelledSpan("Party", 2, 9), LabelledSpan("Sum", 17, 2))


def test_a_row_says_more_of_a_field(letters: Shelf) -> None:
    known = FieldSpec("Sum", "currency", required=True)
    assert entities(letters, fields=(known,)).fields == (FieldSpec("Party"), known)


def test_classes_have_fields_of_their_own(shelf: Shelf) -> None:
    for name in ("a", "b"):
        shelf.put(f"{name}.txt", f"{name} text".encode())
    listed = [{"location": f"{name}.txt", "class": {"category": name}} for name in ("a", "b")]
    shelf.put("p.json", project(*listed, kind="CustomSingleLabelClassification", classes=["a", "b"]))
    assert classes(shelf).fields == (FieldSpec("class"), FieldSpec("confidence", "number"))
    several = [{"location": f"{name}.txt", "classes": [{"category": name}]} for name in ("a", "b")]
    shelf.put("p.json", project(*several, kind="CustomMultiLabelClassification", classes=["a", "b"]))
    assert [spec.name for spec in classes(shelf).fields] == ["class", "confidence", "classes"]


@pytest.mark.parametrize("kind", ["entities", "classes"])
def test_a_folder_without_a_project_file_says_so(shelf: Shelf, kind: str) -> None:
    shelf.put("a.txt", b"a text")
    shelf.put("notes.json", {"nothing": 1})
    folder = shelf.inspect(model_kind=kind)
    assert codes(folder) == {"project-missing": "lake/train/"}
    assert folder.errors


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("classes", "each of its sub-folders (bill, letter) is a class"),
        ("entities", "set include_subfolders"),
    ],
)
def test_a_folder_of_sub_folders_alone_says_what_to_set(shelf: Shelf, kind: str, told: str) -> None:
    shelf.put("letter/a.txt", b"a text")
    shelf.put("bill/b.txt", b"a text")
    (error,) = shelf.inspect(model_kind=kind).errors
    assert told in error.message


def test_sub_folders_are_classes_beside_a_broken_project_file_which_is_told(shelf: Shelf) -> None:
    shelf.put("letter/a.txt", b"a text")
    shelf.put("bill/b.txt", b"another text")
    shelf.put("project.json", b'{"assets":')
    folder = classes(shelf, include_subfolders=True)
    assert len(folder.trained) == 2
    assert not folder.errors
    assert codes(folder)["project-unreadable"] == "lake/train/"


def test_a_folder_that_is_not_there_is_asked_about(shelf: Shelf) -> None:
    (error,) = entities(shelf).errors
    assert "There is no file at all: is training_blob_root_folder the right one?" in error.message


def test_a_project_whose_texts_are_all_for_test_trains_nothing(letters: Shelf) -> None:
    def mark(body: dict[str, Any]) -> None:
        for each in body["assets"]["documents"]:
            each["dataset"] = "Test"

    rewrite(letters, mark)
    (error,) = entities(letters).errors
    assert (error.code, "every text is marked for test" in error.message) == ("nothing-to-train-on", True)


def test_two_project_files_are_one_too_many(letters: Shelf) -> None:
    letters.put("second.json", project(document("letter 0.txt")))
    (error,) = entities(letters).errors
    assert error.code == "project-ambiguous"
    assert "second.json" in error.message


def test_a_project_of_the_other_kind_is_an_error(letters: Shelf) -> None:
    assert codes(classes(letters)) == {"project-of-other-kind": "train/export of the project.json"}


def test_documents_that_are_not_there_and_those_that_are_not_named(letters: Shelf) -> None:
    letters.remove("letter 4.txt")
    letters.put("Letter 4.txt", b"another name")
    folder = entities(letters)
    found = codes(folder)
    assert found["documents-missing"] == "train/export of the project.json"
    assert found["forms-without-labels"] == "lake/train/"
    assert "few-forms" in found
    assert len(folder.trained) == 9
    assert not folder.errors


def test_locations_may_count_from_the_container(shelf: Shelf) -> None:
    shelf.put("a.txt", TEXT.encode())
    shelf.put("p.json", project(document("train/a.txt", entity("Sum", "$5"))))
    assert [each.path for each in entities(shelf).trained] == ["train/a.txt"]


def test_a_text_in_another_encoding_costs_only_itself(letters: Shelf) -> None:
    letters.put("letter 4.txt", "Größe".encode("latin-1"))
    folder = entities(letters)
    assert codes(folder)["text-not-utf-8"] == "train/letter 4.txt"
    assert len(folder.trained) == 9


@pytest.mark.parametrize("content", [b"  \n", b"\xef\xbb\xbf "])
def test_a_text_of_blanks_is_left_out(letters: Shelf, content: bytes) -> None:
    letters.put("letter 4.txt", content)
    assert codes(entities(letters))["empty-text"] == "train/letter 4.txt"


def test_labels_that_do_not_fit_their_text_are_told(letters: Shelf) -> None:
    letters.put("letter 4.txt", b"short")
    assert codes(entities(letters))["label-outside-text"] == "train/letter 4.txt"


def test_a_service_wants_ten_texts(letters: Shelf) -> None:
    letters.remove("letter 9.txt")
    assert "few-forms" in codes(entities(letters))
    of_service = entities(letters, engine="language", api_version="2023-04-01")
    assert "too-few-forms" in {error.code for error in of_service.errors}


def test_texts_without_any_label_are_nothing_to_train_on(shelf: Shelf) -> None:
    shelf.put("a.txt", TEXT.encode())
    shelf.put("p.json", project(document("a.txt")))
    assert {error.code for error in entities(shelf).errors} == {"nothing-to-train-on"}


def test_categories_that_are_rare_are_told(letters: Shelf) -> None:
    def change(body: Any) -> None:
        body["assets"]["entities"].append({"category": "Day"})
        body["assets"]["documents"][0]["entities"][0]["labels"].append(entity("Day", "0", TEXT + "0"))

    letters.put("letter 0.txt", f"{TEXT}0 and more".encode())
    rewrite(letters, change)
    assert codes(entities(letters)) == {"field-labelled-once": "Day"}


def test_a_copy_is_used_once_and_other_labels_of_it_are_told(letters: Shelf) -> None:
    letters.put("copy.txt", f"{TEXT} in letter 0".encode())
    rewrite(letters, lambda body: body["assets"]["documents"].append(document("copy.txt")))
    folder = entities(letters)
    assert codes(folder)["labels-contradict"] == "train/copy.txt"
    assert len(folder.trained) == 10


def test_another_fingerprint_for_other_labels_texts_categories_and_marks_only(letters: Shelf) -> None:
    first = entities(letters).fingerprint
    rewrite(letters, lambda body: body["assets"]["documents"].reverse())
    rewrite(letters, lambda body: body["metadata"].update(projectName="renamed"))
    assert entities(letters).fingerprint == first
    seen = {first}
    changes = (
        lambda body: body["assets"]["documents"][0].update(dataset="Test"),
        lambda body: body["assets"]["documents"][1]["entities"][0]["labels"].pop(),
        lambda body: body["assets"]["documents"][2]["entities"][0]["labels"][0].update(length=4),
        lambda body: body["assets"]["entities"].append({"category": "Day"}),
        lambda body: body["assets"]["documents"].pop(),
        lambda body: body.update(stringIndexType="UnicodeCodePoint"),
    )
    for change in changes:
        rewrite(letters, change)
        seen.add(entities(letters).fingerprint)
    letters.put("letter 5.txt", f"{TEXT} and nothing else".encode())
    seen.add(entities(letters).fingerprint)
    assert len(seen) == len(changes) + 2


def test_sub_folders_are_classes_where_there_is_no_project_file(shelf: Shelf) -> None:
    for name in ("bills/a.txt", "bills/b.txt", "letters/c.txt", "stray.txt"):
        shelf.put(name, name.encode())
    folder = classes(shelf, include_subfolders=True)
    assert folder.project is not None
    assert folder.project.categories == ("bills", "letters")
    assert {each.path for each in folder.trained} == {
        "train/bills/a.txt",
        "train/bills/b.txt",
        "train/letters/c.txt",
    }
    assert codes(folder)["forms-without-labels"] == "lake/train/"
    assert not folder.errors


def test_a_document_that_is_no_plain_text_has_the_text_of_its_layout(shelf: Shelf) -> None:
    shelf.form("a.pdf")
    shelf.ocr("a.pdf", text=TEXT)
    shelf.put("b.txt", b"another")
    listed = [{"location": n, "class": {"category": c}} for n, c in (("a.pdf", "x"), ("b.txt", "y"))]
    shelf.put("p.json", project(*listed, kind="CustomSingleLabelClassification", classes=["x", "y"]))
    folder = classes(shelf)
    assert [(each.path, each.layout, each.is_text) for each in folder.trained] == [
        ("train/a.pdf", "given", False),
        ("train/b.txt", "missing", True),
    ]
    assert [text.text for text in load_texts(shelf.storage, folder, {})] == [TEXT, "another"]
    made = {"train/a.pdf": layout_of("read here")}
    assert load_texts(shelf.storage, folder, made)[0].text == "read here"


def test_a_document_without_a_layout_yet_is_no_text(shelf: Shelf) -> None:
    shelf.form("a.pdf")
    shelf.put("p.json", project(document("a.pdf", {"category": "Sum", "offset": 0, "length": 3})))
    folder = entities(shelf)
    assert len(folder.trained) == 1
    assert load_texts(shelf.storage, folder, {}) == ()


def test_a_classifier_has_no_fields_but_its_own(shelf: Shelf) -> None:
    for name in ("a", "b"):
        shelf.put(f"{name}.txt", f"{name} text".encode())
    listed = [{"location": f"{name}.txt", "class": {"category": name}} for name in ("a", "b")]
    shelf.put("p.json", project(*listed, kind="CustomSingleLabelClassification", classes=["a", "b"]))
    own = (FieldSpec("classes"), FieldSpec("class", required=True))
    assert classes(shelf, fields=own).fields == (
        FieldSpec("class", required=True),
        FieldSpec("confidence", "number"),
    )
