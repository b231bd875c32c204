from __future__ import annotations

import dataclasses
import io
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from pipeline.errors import RowError
from pipeline.learning.extractor import FieldExtractor, ceiling
from pipeline.types import Layout, Page
from tests.unit.learning.order_forms import FIELDS, labelled, order, trained, values

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def extractor() -> FieldExtractor:
    return trained()


def share_right(extractor: FieldExtractor, seeds: Sequence[int]) -> float:
    right = total = 0
    for seed in seeds:
        layout, truth = order(seed)
        got = values(extractor, layout)
        right += sum(got.get(field) == text for field, text in truth.items())
        total += len(truth)
    return right / total


def test_values_of_new_forms_are_found(extractor: FieldExtractor) -> None:
    assert share_right(extractor, range(100, 120)) >= 0.95


def test_labels_without_regions_are_enough() -> None:
    assert share_right(trained(regions=False), range(100, 110)) >= 0.9


def test_a_blank_field_is_left_out() -> None:
    forms = [labelled(seed, blank="total" if seed % 3 == 0 else "") for seed in range(9)]
    extractor = FieldExtractor().fit(forms, FIELDS)
    layout, _ = order(200, blank="total")
    found = values(extractor, layout)
    assert "total" not in found and "number" in found


def test_a_mark_is_returned_with_its_state_and_polygon(extractor: FieldExtractor) -> None:
    layout, truth = order(300)
    (found,) = [each for each in extractor.predict(layout) if each.field == "express"]
    assert found.text == truth["express"]
    assert found.polygon == pytest.approx(layout.pages[0].selection_marks[0].polygon)


def test_every_field_is_given_at_most_once_and_on_its_page(extractor: FieldExtractor) -> None:
    layout, _ = order(301)
    found = extractor.predict(layout)
    assert len({each.field for each in found}) == len(found)
    assert all(each.page == 1 and 0 <= each.confidence <= 1 for each in found)


def test_few_forms_cannot_support_a_high_confidence(extractor: FieldExtractor) -> None:
    layout, _ = order(302)
    assert max(each.confidence for each in extractor.predict(layout)) <= ceiling(8) < 0.9


def test_stored_and_loaded_predicts_the_same(extractor: FieldExtractor) -> None:
    data = extractor.to_bytes()
    loaded = FieldExtractor.from_bytes(data)
    layout, _ = order(303)
    assert loaded.predict(layout) == extractor.predict(layout)
    assert loaded.to_bytes() == data


def test_an_empty_layout_has_no_fields(extractor: FieldExtractor) -> None:
    assert extractor.predict(Layout((), 0)) == ()
    assert extractor.predict(Layout((Page(1, 8.5, 11.0, "inch"),), 1)) == ()


def test_one_form_is_enough_to_try() -> None:
    extractor = FieldExtractor().fit([labelled(0)], FIELDS)
    layout, _ = order(1)
    assert isinstance(extractor.predict(layout), tuple)


def test_forms_without_labels_teach_nothing() -> None:
    forms = [dataclasses.replace(labelled(seed), labels=()) for seed in range(3)]
    layout, _ = order(9)
    assert FieldExtractor().fit(forms, FIELDS).predict(layout) == ()


@pytest.mark.parametrize("data", [b"", b"PK", b"\x80\x04N.", b"x" * 1000])
def test_other_bytes_are_refused_by_name(data: bytes) -> None:
    with pytest.raises(RowError) as caught:
        FieldExtractor.from_bytes(data)
    assert caught.value.reason == "model-unreadable"


def rezipped(data: bytes, name: str, content: bytes) -> bytes:
    """The archive with one member replaced."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(target, "w") as new:
        for member in old.namelist():
            new.writestr(member, content if member == name else old.read(member))
    return target.getvalue()


@pytest.mark.parametrize("name", ["model.json", "buckets.npy", "weights.npy", "left.npy"])
def test_a_tampered_member_is_refused_by_name(extractor: FieldExtractor, name: str) -> None:
    with pytest.raises(RowError):
        FieldExtractor.from_bytes(rezipped(extractor.to_bytes(), name, b'{"format": "other"}'))


def test_every_truncation_is_refused_by_name(extractor: FieldExtractor) -> None:
    data = extractor.to_bytes()
    for end in range(0, len(data), max(1, len(data) // 40)):
        with pytest.raises(RowError):
            FieldExtractor.from_bytes(data[:end])


def test_the_same_forms_give_the_same_bytes_in_another_process(extractor: FieldExtractor) -> None:
    code = (
        "import sys; from tests.unit.learning.order_forms import trained;"
        "sys.stdout.buffer.write(trained().to_bytes())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, cwd=ROOT)
    assert done.stdout == extractor.to_bytes()
