"""Order forms with decoys, drawn for the tests of the field extractor."""

from __future__ import annotations

import random
from functools import cache

from pipeline.learning.extractor import FieldExtractor
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


@cache
def trained(count: int = 8, **how: bool) -> FieldExtractor:
    return FieldExtractor().fit([labelled(seed, **how) for seed in range(count)], FIELDS)


def values(extractor: FieldExtractor, layout: Layout) -> dict[str, str]:
    return {found.field: found.text for found in extractor.predict(layout)}
