from __future__ import annotations

import dataclasses
import io
import random
import subprocess
import sys
import zipfile
from collections.abc import Sequence

import pytest

from pipeline.errors import RowError
from pipeline.learning.extractor import FieldExtractor, ceiling
from pipeline.types import (
    Box,
    FieldSpec,
    Label,
    LabelledForm,
    LabelRegion,
    Layout,
    Line,
    MarkState,
    Page,
    SelectionMark,
    Word,
)

FIELDS = (
    FieldSpec("number"),
    FieldSpec("customer"),
    FieldSpec("total", "currency"),
    FieldSpec("express", "selectionMark"),
)
WIDTH, HEIGHT = 8.5, 11.0


def line(text: str, left: float, top: float) -> Line:
    words, x = [], left
    for piece in text.split():
        box = Box(x, top, x + 0.08 * len(piece), top + 0.12)
        words.append(Word(piece, box.polygon))
        x = box.right + 0.06
    return Line(text, Box(left, top, x, top + 0.12).polygon, tuple(words))


def order(seed: int, blank: str = "") -> tuple[Layout, dict[str, str]]:
    """An order form with decoy numbers and amounts; `blank` names a field that is left empty."""
    draw = random.Random(seed)
    name = f"{draw.choice(['Ada', 'Grace', 'Alan', 'Edsger'])} {draw.choice(['Park', 'Moor', 'Hill'])}"
    truth = {
        "number": str(draw.randint(10_000, 99_999)),
        "customer": name,
        "total": f"${draw.randint(100, 999)}.{draw.randint(10, 99)}",
        "express": draw.choice(["selected", "unselected"]),
    }
    truth.pop(blank, None)
    lines = [
        line("Order Form", 3.5, 0.5),
        line("Order No:", 0.5, 1.0),
        line("Customer Name:", 0.5, 1.5),
        line(f"Clerk: {draw.randint(10_000, 99_999)}", 4.0, 1.0),
        line("Subtotal", 4.0, 3.0),
        line(f"${draw.randint(100, 999)}.00", 5.5, 3.0),
        line("Grand Total", 4.0, 3.4),
        line("Express delivery", 0.9, 4.0),
        line("Gift wrapping", 0.9, 4.4),
    ]
    places = {"number": (1.6, 1.0), "customer": (2.0, 1.5), "total": (5.5, 3.4)}
    lines += [line(truth[field], *place) for field, place in places.items() if field in truth]
    marks = (mark(truth["express"], 4.0), mark(draw.choice(["selected", "unselected"]), 4.4))
    return Layout((Page(1, WIDTH, HEIGHT, "inch", tuple(lines), marks),), 1), truth


def mark(state: str, top: float) -> SelectionMark:
    found: MarkState = "selected" if state == "selected" else "unselected"
    return SelectionMark(found, Box(0.6, top, 0.72, top + 0.12).polygon)


def labelled(seed: int, blank: str = "", regions: bool = True) -> LabelledForm:
    layout, truth = order(seed, blank)
    labels = []
    for field, text in truth.items():
        boxes = mark_regions(layout, text) if field == "express" else word_regions(layout, text)
        labels.append(Label(field, text, boxes if regions or field == "express" else ()))
    return LabelledForm(f"{seed}.pdf", layout, tuple(labels), f"{seed:064x}")


def relative(box: Box) -> Box:
    return Box(box.left / WIDTH, box.top / HEIGHT, box.right / WIDTH, box.bottom / HEIGHT)


def word_regions(layout: Layout, text: str) -> tuple[LabelRegion, ...]:
    (found,) = [each for each in layout.pages[0].lines if each.text == text]
    return tuple(LabelRegion(1, word.text, relative(word.box).polygon) for word in found.words)


def mark_regions(layout: Layout, text: str) -> tuple[LabelRegion, ...]:
    return (LabelRegion(1, text, relative(layout.pages[0].selection_marks[0].box).polygon),)


def trained(count: int = 8, **how: bool) -> FieldExtractor:
    return FieldExtractor().fit([labelled(seed, **how) for seed in range(count)], FIELDS)


def values(extractor: FieldExtractor, layout: Layout) -> dict[str, str]:
    return {found.field: found.text for found in extractor.predict(layout)}


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
        "import sys, hashlib; sys.path.insert(0, 'tests/unit/learning'); import test_extractor as t;"
        "print(hashlib.sha256(t.trained().to_bytes()).hexdigest())"
    )
    digests = {
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    }
    assert len(digests) == 1
