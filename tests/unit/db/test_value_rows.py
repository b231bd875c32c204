"""The rows that are made of what was found."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from pipeline.db.value_rows import VALUE_COLUMNS, storable, value_rows
from pipeline.types import BacklogDocument, BlobRef, DocumentResult, ExtractedField, ScoredValue, TypedValue


@pytest.mark.parametrize(
    "polygon",
    [
        (0.5, 1.25, 1e-7, 1e22, 3.0, -0.0, 2.5001, 0.1),
        (1, 2, 3, 4, 5, 6, 7, 8),
        (math.inf, 0.0, -math.inf, 0.0, 1.0, 1.0, 1.0, 1.0),
        tuple(np.linspace(0, 1, 8)),
        (math.nan,) * 8,
    ],
)
def test_a_polygon_is_stored_as_json(polygon: tuple[float, ...]) -> None:
    found = ExtractedField("total", "1", 1, polygon, 0.9)  # type: ignore[arg-type]
    document = BacklogDocument(1, "bills", BlobRef("", "lake", "a.pdf"), 1)
    result = DocumentResult(document, "loaded", values=(ScoredValue(found, TypedValue(text="1"), False),))
    (row,) = value_rows(7, result)
    assert row[VALUE_COLUMNS.index("polygon")] == json.dumps(polygon)


@pytest.mark.parametrize("text", ["a\0b", "half \ud800 of a pair", "\udfff"])
def test_what_no_database_can_hold_is_replaced(text: str) -> None:
    made = storable(text)
    assert made is not None
    assert "\ufffd" in made
    assert "\0" not in made
    made.encode()


@pytest.mark.parametrize("text", ["plain", "two\nlines\tand a tab", "Größe \u00a0 🧾", ""])
def test_what_can_be_held_stays(text: str) -> None:
    assert storable(text) == text


@pytest.mark.parametrize("place", [(None, None), (0, 0), (12, 5)])
def test_the_place_in_a_text_is_stored(place: tuple[int | None, int | None]) -> None:
    found = ExtractedField("party", "Woods", 1, None, 0.9, offset=place[0], length=place[1])
    document = BacklogDocument(1, "loans", BlobRef("", "lake", "a.txt"), 1)
    result = DocumentResult(document, "loaded", values=(ScoredValue(found, TypedValue(text="Woods"), False),))
    (row,) = value_rows(7, result)
    assert len(row) == len(VALUE_COLUMNS)
    assert (row[VALUE_COLUMNS.index("text_offset")], row[VALUE_COLUMNS.index("text_length")]) == place
