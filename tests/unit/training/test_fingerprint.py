from __future__ import annotations

import json
from dataclasses import replace

import pytest

from pipeline.formats.labels_json import labels_to_json
from pipeline.training.fingerprint import label_digest
from pipeline.training.layouts import made_layout_json
from pipeline.types import FieldSpec, FormType
from tests.unit.training.training_shelf import ROW, Shelf, label, layout_of


def test_looking_twice_gives_the_same_fingerprint(filled: Shelf) -> None:
    assert filled.inspect().fingerprint == filled.inspect().fingerprint


def test_layouts_that_we_make_do_not_change_the_fingerprint(shelf: Shelf) -> None:
    shelf.form("a.pdf", label("total", "1"))
    before = shelf.inspect()
    shelf.put("a.pdf.ocr.json", made_layout_json(layout_of("1"), before.documents[0].digest))
    assert shelf.inspect().documents[0].layout == "made"
    assert shelf.inspect().fingerprint == before.fingerprint


def test_a_renamed_form_and_rewritten_files_change_nothing(filled: Shelf) -> None:
    before = filled.inspect().fingerprint
    for suffix in ("", ".labels.json", ".ocr.json"):
        filled.remove(f"form 0.pdf{suffix}")
    labels = (label("date", "1 May"), label("total", "0"))
    filled.form("z.pdf", content="form 0.pdf")
    filled.put("z.pdf.labels.json", json.dumps(labels_to_json("z.pdf", labels), indent=4).encode())
    filled.ocr("z.pdf")
    filled.fields("date", "total")
    assert filled.inspect().fingerprint == before


@pytest.mark.parametrize(
    "change",
    [
        lambda shelf: shelf.form("new.pdf", label("total", "9")),
        lambda shelf: shelf.remove("form 0.pdf"),
        lambda shelf: shelf.form("form 0.pdf", label("total", "0"), label("date", "1 May"), content="other"),
        lambda shelf: shelf.form("form 0.pdf", label("total", "7"), label("date", "1 May")),
        lambda shelf: shelf.ocr("form 0.pdf", text="other"),
        lambda shelf: shelf.remove("form 0.pdf.ocr.json"),
        lambda shelf: shelf.fields("total"),
    ],
    ids=["added", "removed", "replaced", "relabelled", "their layout", "layout removed", "field removed"],
)
def test_what_the_model_is_made_from_changes_the_fingerprint(filled: Shelf, change: object) -> None:
    before = filled.inspect().fingerprint
    change(filled)  # type: ignore[operator]
    assert filled.inspect().fingerprint != before


@pytest.mark.parametrize(
    "row",
    [
        replace(ROW, engine="form-recognizer", api_version="v2.1"),
        replace(ROW, engine="form-recognizer", api_version="v2.0"),
        replace(ROW, use_label_file=False),
        replace(ROW, form_type="others"),
        replace(ROW, fields=(FieldSpec("total", "currency"),)),
        replace(ROW, fields=(FieldSpec("total", locale="de"),)),
    ],
)
def test_engine_version_label_use_members_and_types_change_the_fingerprint(
    filled: Shelf, row: FormType
) -> None:
    assert filled.inspect(row, engine=row.engine).fingerprint != filled.inspect().fingerprint


def test_the_api_version_counts(filled: Shelf) -> None:
    row = replace(ROW, api_version="v2.1")
    newer = filled.inspect(row, engine="form-recognizer").fingerprint
    assert newer != filled.inspect(replace(row, api_version="v2.0"), engine="form-recognizer").fingerprint


def test_what_only_matters_after_extraction_changes_nothing(filled: Shelf) -> None:
    plain = filled.inspect(replace(ROW, fields=(FieldSpec("total"),)))
    strict = FieldSpec("total", required=True, min_confidence=0.9, column="amount")
    row = replace(ROW, fields=(strict,), parallelism=3, min_confidence=0.4, priority=1)
    assert filled.inspect(row).fingerprint == plain.fingerprint


def test_without_label_files_labels_do_not_count(filled: Shelf) -> None:
    before = filled.inspect(use_label_file=False).fingerprint
    filled.form("form 0.pdf", label("total", "7"))
    assert filled.inspect(use_label_file=False).fingerprint == before


def test_the_order_of_labels_does_not_matter_but_that_of_words_does() -> None:
    first, second = label("a", "1"), label("b", "2")
    assert label_digest([first, second]) == label_digest([second, first])
    two = replace(first, regions=(*first.regions, *second.regions))
    assert label_digest([two]) != label_digest([replace(two, regions=two.regions[::-1])])
