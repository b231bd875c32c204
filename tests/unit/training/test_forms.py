from __future__ import annotations

import json

from pipeline.formats.ocr_json import layout_from_json
from pipeline.training.forms import load_forms, missing_layouts
from pipeline.training.layouts import made_layout_json
from tests.unit.training.training_shelf import PAGE_TEXT, Shelf, layout_of


def test_a_layout_that_we_make_is_a_layout_file_that_says_so() -> None:
    body = json.loads(made_layout_json(layout_of("word"), "abc"))
    assert body["producedBy"] == "formpipe"
    assert layout_from_json(body) == layout_of("word")


def test_missing_layouts_are_those_of_the_forms_that_are_learned_from(filled: Shelf) -> None:
    filled.remove("form 1.pdf.ocr.json")
    filled.form("unlabelled.pdf")
    assert [document.path for document in missing_layouts(filled.inspect())] == ["train/form 1.pdf"]


def test_forms_carry_layout_labels_and_digest(filled: Shelf) -> None:
    folder = filled.inspect()
    first = load_forms(filled.storage, folder)[0]
    assert (first.name, first.digest) == ("train/form 0.pdf", folder.documents[0].digest)
    assert first.layout == layout_of(PAGE_TEXT)
    assert [found.field for found in first.labels] == ["total", "date"]


def test_labels_of_fields_that_are_not_learned_are_dropped(filled: Shelf) -> None:
    filled.fields("date")
    folder = filled.inspect()
    assert {found.field for form in load_forms(filled.storage, folder) for found in form.labels} == {"date"}


def test_without_label_files_forms_have_no_labels(filled: Shelf) -> None:
    forms = load_forms(filled.storage, filled.inspect(use_label_file=False))
    assert len(forms) == 5
    assert all(form.labels == () for form in forms)


def test_a_layout_made_after_the_inspection_is_found(filled: Shelf) -> None:
    filled.remove("form 0.pdf.ocr.json")
    folder = filled.inspect()
    assert len(load_forms(filled.storage, folder)) == 4
    (missing,) = missing_layouts(folder)
    filled.put("form 0.pdf.ocr.json", made_layout_json(layout_of("made"), missing.digest))
    assert load_forms(filled.storage, folder)[0].layout == layout_of("made")


def test_layouts_can_be_handed_over_where_the_folder_is_read_only(filled: Shelf) -> None:
    filled.remove("form 0.pdf.ocr.json")
    made = {"train/form 0.pdf": layout_of("made")}
    assert load_forms(filled.storage, filled.inspect(), made)[0].layout == layout_of("made")


def test_a_layout_we_made_of_an_older_content_is_not_used(filled: Shelf) -> None:
    filled.put("form 0.pdf.ocr.json", made_layout_json(layout_of("old"), "digest of another content"))
    folder = filled.inspect()
    assert [document.path for document in missing_layouts(folder)] == ["train/form 0.pdf"]
    assert len(load_forms(filled.storage, folder)) == 4
