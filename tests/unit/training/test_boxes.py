from __future__ import annotations

import pytest

from pipeline.training.boxes import labels_that_differ
from pipeline.types import Label, LabelRegion, Layout, Line, Page, Polygon, Word
from tests.unit.training.training_shelf import Shelf, label


def square(left: float, right: float, top: float = 0.1) -> Polygon:
    return (left, top, right, top, right, top + 0.02, left, top + 0.02)


def layout(*words: tuple[str, Polygon]) -> Layout:
    """A page of one unit by one: relative and absolute places are the same."""
    found = tuple(Word(text, polygon) for text, polygon in words)
    return Layout((Page(1, 1.0, 1.0, "inch", (Line("", square(0, 1), found),)),), 1)


def labelled(text: str, *boxes: Polygon, page: int = 1) -> Label:
    return Label("total", text, tuple(LabelRegion(page, text, box) for box in boxes))


HALF = layout(("Total:", square(0.1, 0.2)), ("1,250.00", square(0.3, 0.5)), ("EUR", square(0.51, 0.6)))


@pytest.mark.parametrize(
    ("text", "boxes"),
    [
        ("1,250.00", (square(0.3, 0.5),)),
        ("1250 00", (square(0.29, 0.512),)),
        ("l,25O.oo", (square(0.3, 0.5),)),
        ("1,250.00 eur", (square(0.3, 0.5), square(0.51, 0.6))),
        ("EUR 1,250.00", (square(0.51, 0.6), square(0.3, 0.5))),
        ("250", (square(0.33, 0.42),)),
    ],
    ids=["equal", "punctuation", "look-alike", "two-boxes", "order-of-boxes", "piece-of-a-word"],
)
def test_a_label_that_its_words_say_does_not_differ(text: str, boxes: tuple[Polygon, ...]) -> None:
    assert labels_that_differ([labelled(text, *boxes)], HALF) == ()


@pytest.mark.parametrize(
    ("text", "box"),
    [
        ("1,350.00", square(0.3, 0.5)),
        ("1,250.00", square(0.1, 0.2)),
        ("1,250.00", square(0.3, 0.6)),
        ("250", square(0.3, 0.5)),
    ],
    ids=["another-digit", "another-word", "a-word-too-many", "half-of-what-is-boxed"],
)
def test_a_label_whose_words_say_something_else_differs(text: str, box: Polygon) -> None:
    assert labels_that_differ([labelled(text, box)], HALF) == ("total",)


@pytest.mark.parametrize(
    "one",
    [
        labelled("selected", square(0.1, 0.2)),
        labelled("other", square(0.7, 0.8, top=0.7)),
        labelled("other", square(0.1, 0.2), page=2),
        labelled("other"),
        labelled("", square(0.1, 0.2)),
        Label("total", "other", (LabelRegion(1, "other", None),)),
    ],
    ids=["mark", "no-word-there", "no-such-page", "no-box", "absent", "no-place"],
)
def test_what_cannot_be_compared_is_left_alone(one: Label) -> None:
    assert labels_that_differ([one], HALF) == ()
    assert labels_that_differ([one], layout()) == ()


def test_a_folder_tells_which_fields_differ_and_trains_all_the_same(filled: Shelf) -> None:
    filled.form("form 0.pdf", label("total", "77"), label("date", "1 May"))
    (finding,) = filled.inspect().findings
    assert (finding.severity, finding.code) == ("warning", "label-text-differs")
    assert finding.subject == "train/form 0.pdf"
    assert "total" in finding.message
    assert not {"date", "77"} & set(finding.message.split())
