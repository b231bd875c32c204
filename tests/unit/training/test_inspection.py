from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import AttemptError, DocumentError, FormpipeError, RowError
from pipeline.formats.ocr_json import layout_to_json
from pipeline.services import load_services
from pipeline.storage.folder import FolderStorage
from pipeline.training.inspection import inspect
from pipeline.training.layouts import made_layout_json
from pipeline.types import Blob, FieldSpec, FormType, Layout
from tests.unit.training.training_shelf import PAGE_TEXT, ROW, Shelf, label, layout_of

ASIDE = (0.7, 0.7, 0.8, 0.7, 0.8, 0.72, 0.7, 0.72)


def test_a_sound_folder_has_documents_labels_fields_and_no_findings(filled: Shelf) -> None:
    folder = filled.inspect()
    assert folder.findings == ()
    assert [document.path for document in folder.trained] == [f"train/form {n}.pdf" for n in range(5)]
    assert all(document.labelled and document.layout == "given" for document in folder.documents)
    assert folder.fields == (FieldSpec("total"), FieldSpec("date"))


def test_an_empty_folder_has_nothing_to_train_on(shelf: Shelf) -> None:
    assert shelf.codes("error") == {"nothing-to-train-on": "lake/train/"}


def test_a_folder_that_does_not_exist_has_nothing_to_train_on(shelf: Shelf) -> None:
    assert "nothing-to-train-on" in shelf.codes("error", training_folder="nowhere/")


def test_a_missing_container_is_an_error_of_the_row(tmp_path: Path) -> None:
    with pytest.raises(RowError, match="no container"):
        inspect(FolderStorage(tmp_path), ROW, load_services()["local"])


def test_documents_without_any_labels_are_nothing_to_train_on_with_label_files(shelf: Shelf) -> None:
    shelf.form("a.pdf")
    assert "nothing-to-train-on" in shelf.codes("error")


def test_few_forms_are_a_warning_here_and_an_error_for_a_service(shelf: Shelf) -> None:
    for name in ("a.pdf", "b.pdf", "c.pdf"):
        shelf.form(name, label("total", "1"), label("date", "2"))
    shelf.fields("total", "date")
    assert shelf.codes() == {"few-forms": "lake/train/"}
    assert "too-few-forms" in shelf.codes("error", engine="form-recognizer", api_version="v2.1")


def test_one_form_is_too_few_everywhere(shelf: Shelf) -> None:
    shelf.form("a.pdf", label("total", "1"))
    assert "too-few-forms" in shelf.codes("error")


def test_label_and_layout_files_without_a_document_are_named(filled: Shelf) -> None:
    filled.form("form 9.pdf", label("total", "1"))
    filled.ocr("form 9.pdf")
    filled.remove("form 9.pdf")
    assert filled.codes() == {"labels-without-document": "train/form 9.pdf.labels.json"}
    filled.remove("form 9.pdf.labels.json")
    assert filled.codes() == {"layout-without-document": "train/form 9.pdf.ocr.json"}


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"labels": 3}', b"\xff\xfe\x00", b'{"labels": [{}]}'])
def test_an_unreadable_label_file_leaves_its_form_out(filled: Shelf, content: bytes) -> None:
    filled.put("form 0.pdf.labels.json", content)
    folder = filled.inspect()
    finding = next(f for f in folder.findings if f.code == "labels-unreadable")
    assert (finding.severity, finding.subject) == ("warning", "train/form 0.pdf.labels.json")
    assert len(folder.trained) == 4
    assert "forms-without-labels" not in {f.code for f in folder.findings}
    assert "labels-unreadable" in filled.codes("error", engine="form-recognizer")


def test_an_unreadable_layout_leaves_its_form_out_until_it_is_mended(filled: Shelf) -> None:
    before = filled.inspect().fingerprint
    filled.put("form 0.pdf.ocr.json", b'{"status": "failed"}')
    folder = filled.inspect()
    assert [f.code for f in folder.findings] == ["layout-unreadable", "few-forms"]
    assert len(folder.trained) == 4
    filled.ocr("form 0.pdf")
    assert filled.inspect().fingerprint == before


def test_labels_of_another_document_are_told(filled: Shelf) -> None:
    filled.put("form 0.pdf.labels.json", {"document": "other.pdf", "labels": []})
    assert filled.codes()["labels-of-other-document"] == "train/form 0.pdf.labels.json"


def test_the_feedback_loop_format_is_read_and_its_document_name_checked(filled: Shelf) -> None:
    region = {"pageNumber": 1, "polygon": list(ASIDE)}
    entry = {"fieldKey": "total", "fieldValue": "7", "fieldValues": ["7"], "regions": [region]}
    filled.put("form 0.pdf.labels.json", {"version": "v1.0", "docName": "x.pdf", "labels": [entry]})
    assert set(filled.codes()) == {"labels-of-other-document", "labels-beside-words"}
    assert filled.inspect().documents[0].labels is not None


def test_a_labelled_field_that_is_not_listed_is_told_and_not_learned(filled: Shelf) -> None:
    filled.form("form 5.pdf", label("total", "1"), label("date", "2"), label("Total", "1"))
    folder = filled.inspect()
    assert [(f.code, f.subject) for f in folder.findings] == [("field-unknown", "Total")]
    assert "in 1 form but not" in folder.findings[0].message
    assert [spec.name for spec in folder.fields] == ["total", "date"]


def test_fields_that_no_form_or_one_form_has_are_told(filled: Shelf) -> None:
    filled.fields("total", "date", "never", "once")
    filled.form("form 5.pdf", label("total", "1"), label("date", "2"), label("once", "x"), label("never", ""))
    assert filled.codes() == {"field-never-labelled": "never", "field-labelled-once": "once"}


def test_without_a_field_list_every_label_is_a_field_and_marks_are_recognised(shelf: Shelf) -> None:
    for number in range(5):
        mark = "selected" if number % 2 else "unselected"
        shelf.form(f"{number}.pdf", label("paid", mark), label("total", "5"), label("items/0/price", "1"))
    folder = shelf.inspect()
    assert [f.code for f in folder.findings] == ["fields-missing"]
    assert folder.fields == (FieldSpec("paid", "selectionMark"), FieldSpec("total"))


def test_an_unreadable_field_list_keeps_the_row_from_training(filled: Shelf) -> None:
    filled.put("fields.json", b"{}")
    assert filled.codes("error")["fields-unreadable"] == "train/fields.json"


def test_fields_of_the_row_win_over_the_list_of_the_folder(filled: Shelf) -> None:
    row = replace(ROW, fields=(FieldSpec("total", "currency", required=True), FieldSpec("extra")))
    folder = filled.inspect(row)
    assert folder.fields == (row.fields[0], FieldSpec("date"), FieldSpec("extra"))


def test_fields_of_the_row_are_a_list_by_themselves(shelf: Shelf) -> None:
    for number in range(5):
        shelf.form(f"{number}.pdf", label("total", "5"), label("other", "6"))
    folder = shelf.inspect(replace(ROW, fields=(FieldSpec("total"),)))
    assert folder.fields == (FieldSpec("total"),)
    assert [f.code for f in folder.findings] == ["field-unknown"]


def test_table_fields_are_told_and_their_cells_are_not_unknown_fields(filled: Shelf) -> None:
    table = {"fieldKey": "items", "fieldType": "array", "fieldFormat": "not-specified"}
    listed = [{"fieldKey": name, "fieldType": "string"} for name in ("total", "date")]
    filled.put("fields.json", {"fields": [*listed, table]})
    filled.form("form 5.pdf", label("total", "1"), label("date", "2"), label("items/0/price", "3"))
    assert filled.codes() == {"table-field": "items"}


def test_a_form_twice_is_told_and_learned_from_once(filled: Shelf) -> None:
    filled.form("twin.pdf", label("total", "0"), label("date", "1 May"), content="form 0.pdf")
    folder = filled.inspect()
    assert [(f.severity, f.code, f.subject) for f in folder.findings] == [
        ("warning", "duplicate-form", "train/twin.pdf")
    ]
    assert (len(folder.documents), len(folder.trained)) == (6, 5)


def test_the_same_form_with_other_labels_contradicts(filled: Shelf) -> None:
    filled.form("twin.pdf", label("total", "another"), label("date", "1 May"), content="form 0.pdf")
    assert filled.codes() == {"labels-contradict": "train/twin.pdf"}
    assert "labels-contradict" in filled.codes("error", engine="form-recognizer")


def test_boxes_that_touch_no_word_are_told_with_their_fields(filled: Shelf) -> None:
    filled.form("form 0.pdf", label("total", "0", ASIDE), label("date", "1 May"))
    (finding,) = filled.inspect().findings
    assert (finding.code, finding.subject) == ("labels-beside-words", "train/form 0.pdf")
    assert "total" in finding.message
    assert "date" not in finding.message


def test_a_box_on_a_page_that_is_not_there_is_told(filled: Shelf) -> None:
    region = {"page": 2, "text": "0", "boundingBoxes": [list(ASIDE)]}
    filled.put("form 0.pdf.labels.json", {"labels": [{"label": "total", "value": [region]}]})
    assert "labels-beside-words" in filled.codes()


def test_layouts_of_different_versions_are_told(filled: Shelf) -> None:
    filled.ocr("form 0.pdf", version="2.0.0")
    (finding,) = filled.inspect().findings
    assert finding.code == "layout-versions-differ"
    assert "1 of 2.0.0, 4 of 2.1.0" in finding.message


def test_what_is_no_form_is_ignored_and_told(filled: Shelf) -> None:
    before = filled.inspect().fingerprint
    filled.put(".DS_Store", b"x")
    filled.put("~$form.docx", b"x")
    filled.put("__MACOSX/form 0.pdf", b"%PDF-1.4")
    filled.put("page.pdf", b"<html>")
    filled.put("empty.pdf", b"")
    folder = filled.inspect(include_subfolders=True)
    told = {f.code: f.severity for f in folder.findings}
    assert told == dict.fromkeys(("system-files", "unsupported-content", "empty-file"), "warning")
    assert folder.fingerprint == before


def test_forms_without_labels_teach_nothing_where_label_files_are_used(filled: Shelf) -> None:
    before = filled.inspect().fingerprint
    filled.form("new.pdf")
    filled.put("seen.pdf", b"%PDF-1.4 seen")
    filled.put("seen.pdf.labels.json", {"document": "seen.pdf", "labels": []})
    folder = filled.inspect()
    assert [f.code for f in folder.findings] == ["forms-without-labels"]
    assert folder.findings[0].message.startswith("2 forms without labels")
    assert "train/new.pdf, train/seen.pdf" in folder.findings[0].message
    assert folder.fingerprint == before


def test_without_label_files_every_document_is_learned_from(filled: Shelf) -> None:
    filled.form("new.pdf")
    folder = filled.inspect(use_label_file=False)
    assert len(folder.trained) == 6
    assert folder.fields == ()
    assert folder.findings == ()
    assert all(document.labels is None for document in folder.documents)


def test_subfolders_count_only_where_the_row_says_so(filled: Shelf) -> None:
    filled.form("more/form 9.pdf", content="nine")
    filled.put("more/form 9.pdf.labels.json", {"labels": [{"label": "total", "value": []}]})
    filled.fields("total", "deep", file="more/fields.json")
    assert len(filled.inspect().trained) == 5
    folder = filled.inspect(include_subfolders=True)
    assert len(folder.trained) == 6
    assert [spec.name for spec in folder.fields] == ["total", "date", "deep"]


def test_field_lists_that_disagree_are_told_and_the_outer_one_wins(filled: Shelf) -> None:
    filled.put("deep/fields.json", {"fields": [{"fieldKey": "date", "fieldType": "date"}]})
    folder = filled.inspect(include_subfolders=True)
    assert [f.code for f in folder.findings] == ["fields-disagree"]
    assert FieldSpec("date") in folder.fields


def test_the_evaluation_folder_is_never_trained_on(filled: Shelf) -> None:
    filled.form("held/form 9.pdf", content="nine")
    folder = filled.inspect(include_subfolders=True, evaluation_folder="train/held/")
    assert len(folder.documents) == 5


def test_a_neighbour_whose_name_begins_alike_is_not_in_the_folder(filled: Shelf) -> None:
    filled.form("a.pdf", folder="train2")
    assert all(d.path.startswith("train/") for d in filled.inspect(include_subfolders=True).documents)


def test_our_own_layouts_are_told_apart_from_the_users(filled: Shelf) -> None:
    document = filled.inspect().documents[0]
    filled.put("form 0.pdf.ocr.json", made_layout_json(layout_of("word"), document.digest))
    found = filled.inspect().documents[0]
    assert (found.layout, found.layout_digest) == ("made", "")


def test_a_layout_we_made_of_other_content_counts_as_missing(filled: Shelf) -> None:
    filled.put("form 0.pdf.ocr.json", made_layout_json(layout_of("word"), "another digest"))
    assert filled.inspect().documents[0].layout == "missing"


def test_rows_of_one_group_share_one_inspection(filled: Shelf) -> None:
    other: FormType = replace(ROW, form_type="credits", fields=(FieldSpec("date", "date"),))
    folder = filled.inspect(ROW, other)
    assert folder.fields == (FieldSpec("total"), FieldSpec("date", "date"))
    assert folder.fingerprint != filled.inspect(ROW).fingerprint


def test_file_names_with_any_characters_are_documents(shelf: Shelf) -> None:
    names = ["a b#1%.pdf", "ünïcode 🙂.pdf", "x" * 180 + ".pdf"]
    for name in names:
        shelf.form(name, label("total", "1"))
    assert {d.path for d in shelf.inspect().trained} == {f"train/{name}" for name in names}


def test_real_forms_give_no_errors(shared_forms: Path) -> None:
    for name, forms in (("ms_invoice", 5), ("ms_w9", 7), ("ms_1099", 6)):
        row = FormType(name, name, name, "", "backlog", "")
        folder = inspect(FolderStorage(shared_forms), row, load_services()["local"])
        assert folder.errors == ()
        assert len(folder.trained) == forms


class Restless:
    """A storage in which one file changes, or goes, between listing and reading."""

    def __init__(self, storage: FolderStorage, path: str, error: FormpipeError) -> None:
        self._storage, self._path, self._error = storage, path, error

    def list(self, container: str, prefix: str = "", *, recursive: bool = True) -> Iterator[Blob]:
        return self._storage.list(container, prefix, recursive=recursive)

    def read(self, container: str, path: str, etag: str | None = None) -> bytes:
        if path == self._path:
            raise self._error
        return self._storage.read(container, path, etag)

    def write(self, container: str, path: str, content: bytes) -> None:
        raise AssertionError("an inspection writes nothing")


@pytest.mark.parametrize("suffix", ["", ".labels.json", ".ocr.json"])
@pytest.mark.parametrize(
    "error",
    [AttemptError("changed", reason="blob-changed"), DocumentError("gone", reason="blob-gone")],
    ids=["changed", "gone"],
)
def test_a_folder_that_changes_while_it_is_read_is_not_trained_on_this_time(
    filled: Shelf, suffix: str, error: FormpipeError
) -> None:
    storage = Restless(filled.storage, f"train/form 0.pdf{suffix}", error)
    folder = inspect(storage, ROW, load_services()["local"])
    assert [(f.code, f.subject) for f in folder.errors] == [(error.reason, "train/form 0.pdf")]


def test_a_file_too_large_to_be_a_form_is_not_even_read(
    filled: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled.put("big.pdf", b"%PDF-1.4" + b"x" * 2000)
    monkeypatch.setattr("pipeline.training.collection.MAX_BYTES", 1000)
    storage = Restless(filled.storage, "train/big.pdf", DocumentError("was read", reason="was-read"))
    findings = inspect(storage, ROW, load_services()["local"]).findings
    assert [(f.code, f.severity) for f in findings if f.subject == "train/big.pdf"] == [
        ("file-too-large", "warning")
    ]


def test_a_layout_of_another_service_keeps_a_paid_training_from_beginning(shelf: Shelf) -> None:
    for number in range(5):
        shelf.form(f"{number}.pdf", label("total", str(number)))
        shelf.ocr(f"{number}.pdf", version="2.1.0")
    (finding,) = shelf.inspect(engine="document-intelligence", api_version="2024-11-30").errors
    assert finding.code == "layout-of-other-service"
    assert "5 forms with an .ocr.json of version 2.1.0" in finding.message
    assert "delete train/0.pdf.ocr.json" in finding.message
    assert not shelf.codes("error", engine="form-recognizer", api_version="v2.1")


@pytest.mark.parametrize(
    ("api_version", "layout", "labels", "error"),
    [
        ("v2.0", "2.1.0", True, True),
        ("v2.1", "2.0.0", True, True),
        ("v2.1-preview.3", "2.1.0", True, False),
        ("v2.0-preview", "2.0-preview", True, False),
        ("v2.0", "2.1.0", False, False),
        ("v2.0-preview", "2.1.0", False, True),
    ],
)
def test_a_layout_is_of_the_family_of_the_version_where_it_is_needed(
    shelf: Shelf, api_version: str, layout: str, labels: bool, error: bool
) -> None:
    for number in range(5):
        shelf.form(f"{number}.pdf", label("total", str(number)))
        shelf.ocr(f"{number}.pdf", version=layout)
    codes = shelf.codes("error", engine="form-recognizer", api_version=api_version, use_label_file=labels)
    assert ("layout-of-other-service" in codes) == error


@pytest.mark.parametrize(
    ("engine", "api_version", "error"),
    [
        ("form-recognizer", "v2.0-preview", False),
        ("form-recognizer", "v2.0", True),
        ("document-intelligence", "2024-11-30", True),
        ("local", None, False),
    ],
)
def test_label_files_of_the_feedback_loop_are_read_by_it_alone(
    filled: Shelf, engine: str, api_version: str | None, error: bool
) -> None:
    entry = {"fieldKey": "total", "fieldValue": "7", "fieldValues": ["7"]}
    filled.put("form 0.pdf.labels.json", {"version": "v1.0", "docName": "form 0.pdf", "labels": [entry]})
    found = filled.inspect(engine=engine, api_version=api_version).errors
    told = [finding.message for finding in found if finding.code == "labels-of-other-version"]
    assert bool(told) == error
    assert all("1 form with label files of v1.0" in message for message in told)


@pytest.mark.parametrize(("names", "error"), [(4, True), (5, False)])
def test_without_labels_five_filled_forms_are_enough(shelf: Shelf, names: int, error: bool) -> None:
    for number in range(names):
        shelf.form(f"{number}.pdf")
    codes = shelf.codes("error", engine="form-recognizer", api_version="v2.1", use_label_file=False)
    assert ("too-few-forms" in codes) == error


@pytest.mark.parametrize(("filled", "error"), [(1, True), (2, False)])
def test_without_labels_an_empty_form_and_two_filled_ones_are_enough(
    shelf: Shelf, filled: int, error: bool
) -> None:
    shelf.form("Form_Empty.pdf")
    for number in range(filled):
        shelf.form(f"{number}.pdf")
    cloud = {"engine": "form-recognizer", "api_version": "v2.1"}
    assert ("too-few-forms" in shelf.codes("error", **cloud, use_label_file=False)) == error
    shelf.form("labelled.pdf", label("total", "1"))
    assert "too-few-forms" in shelf.codes("error", **cloud)


def test_a_set_of_more_pages_than_a_service_takes_is_an_error(filled: Shelf) -> None:
    layout = layout_of(PAGE_TEXT)
    pages = tuple(replace(layout.pages[0], number=number) for number in range(1, 102))
    body = layout_to_json(Layout(pages, len(pages)))
    body["analyzeResult"]["version"] = "2.1.0"
    for number in range(5):
        filled.put(f"form {number}.pdf.ocr.json", body)
    (finding,) = filled.inspect(engine="form-recognizer", api_version="v2.1").errors
    assert finding.code == "training-set-too-long"
    assert "505 pages, form-recognizer trains on 500" in finding.message
    assert not filled.inspect().errors


def test_a_set_larger_than_a_service_takes_is_an_error_with_what_it_takes_along(filled: Shelf) -> None:
    filled.put("unlabelled.pdf", b"%PDF-1.4" + bytes(51 * 2**20))
    codes = filled.codes("error", engine="form-recognizer", api_version="v2.1")
    assert codes == {"training-set-too-large": "lake/train/"}
    later = filled.codes("error", engine="document-intelligence", api_version="2024-11-30")
    assert "training-set-too-large" not in later


def test_what_a_service_learns_is_not_said_of_the_local_engine(filled: Shelf) -> None:
    filled.remove("fields.json")
    findings = filled.inspect(engine="form-recognizer", api_version="v2.1").findings
    assert [f.code for f in findings] == ["fields-missing"]
    assert "form-recognizer takes the types of fields from it" in findings[0].message
