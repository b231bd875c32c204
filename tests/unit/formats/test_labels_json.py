from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.errors import DocumentError
from pipeline.formats.labels_json import labels_from_json, labels_to_json
from pipeline.types import Label, LabelRegion

BOX = (0.1, 0.2, 0.3, 0.2, 0.3, 0.25, 0.1, 0.25)


def v2(value: object) -> dict[str, object]:
    return {"document": "a.pdf", "labels": [{"label": "Sold To", "key": None, "value": value}]}


def test_words_of_a_v2_label_become_regions_and_one_text() -> None:
    words = [{"page": 1, "text": word, "boundingBoxes": [list(BOX)]} for word in ("Trey", "Research")]
    assert labels_from_json(v2(words)) == (
        Label("Sold To", "Trey Research", (LabelRegion(1, "Trey", BOX), LabelRegion(1, "Research", BOX))),
    )


def test_v1_label_is_read_with_its_regions() -> None:
    body = {
        "version": "v1.0",
        "docName": "Form_01.pdf",
        "labels": [
            {
                "fieldKey": "Card Type",
                "fieldValue": "Master Card",
                "fieldValues": ["Master", "Card"],
                "regions": [{"pageNumber": 2, "polygon": list(BOX)}, {"pageNumber": 2, "polygon": list(BOX)}],
            }
        ],
    }
    (label,) = labels_from_json(json.dumps(body).encode())
    assert label == Label(
        "Card Type", "Master Card", (LabelRegion(2, "Master", BOX), LabelRegion(2, "Card", BOX))
    )


def test_v1_label_without_regions_keeps_its_text() -> None:
    body = {"labels": [{"fieldKey": "Card Type", "fieldValues": ["Master", "Card"]}]}
    assert labels_from_json(body) == (Label("Card Type", "Master Card"),)


def test_label_without_values_means_labelled_as_absent() -> None:
    assert labels_from_json(v2([])) == (Label("Sold To", ""),)


def test_drawn_region_without_text_keeps_its_polygon() -> None:
    (label,) = labels_from_json(v2([{"page": 1, "text": "", "boundingBoxes": [list(BOX)]}]))
    assert label.text == "" and label.regions == (LabelRegion(1, "", BOX),)


def test_byte_order_mark_is_accepted() -> None:
    assert labels_from_json(b"\xef\xbb\xbf" + json.dumps(v2([])).encode()) == (Label("Sold To", ""),)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        "[]",
        "{}",
        '{"labels": 3}',
        '{"labels": [{"label": "", "value": []}]}',
        '{"labels": [{"label": "a", "value": [{"page": 0, "text": "x"}]}]}',
        '{"labels": [{"label": "a", "value": [{"page": 1, "text": "x", "boundingBoxes": [[1, 2]]}]}]}',
        '{"labels": [{"label": "a", "value": [{"page": 1, "text": 7}]}]}',
    ],
)
def test_anything_else_ends_the_document_by_name(body: bytes | str) -> None:
    with pytest.raises(DocumentError) as caught:
        labels_from_json(body)
    assert caught.value.reason == "labels-unreadable"


def test_written_labels_are_read_back_unchanged() -> None:
    labels = (Label("A", "x y", (LabelRegion(1, "x", BOX), LabelRegion(1, "y", BOX))), Label("B", ""))
    assert labels_from_json(labels_to_json("a.pdf", labels)) == labels


def test_every_shared_label_file_survives_a_round_trip(shared_forms: Path) -> None:
    files = [*shared_forms.glob("ms_*/*.labels.json"), *shared_forms.glob("ms_invoice/v2_0/*.labels.json")]
    assert len(files) > 20
    for file in files:
        labels = labels_from_json(file.read_bytes())
        assert labels and labels_from_json(labels_to_json(file.name, labels)) == labels
