from __future__ import annotations

from dataclasses import replace

import numpy as np

from pipeline.learning.extractor import FieldExtractor
from pipeline.learning.printed import learn_printed, without_printed
from pipeline.types import LabelledForm, Layout, Page
from tests.unit.learning.order_forms import FIELDS, labelled, line


def print_page(number: int, changed: int = 0) -> Page:
    """A page of instructions, `changed` of its 100 words other than usual."""
    words = [f"rule{n}" if n >= changed else f"other{number}{n}" for n in range(100)]
    rows = [line(" ".join(words[at : at + 5]), 0.5, 0.3 + at * 0.1) for at in range(0, 100, 5)]
    return Page(number, 8.5, 11.0, "inch", tuple(rows))


def long_form(seed: int, changed: int = 0) -> LabelledForm:
    form = labelled(seed)
    pages = (*form.layout.pages, print_page(2, changed))
    return replace(form, layout=Layout(pages, len(pages)))


def kept(layout: Layout, forms: list[LabelledForm]) -> list[int]:
    return [page.number for page in without_printed(layout, learn_printed(forms)).pages]


def test_a_page_that_recurs_and_holds_no_label_is_left_out() -> None:
    forms = [long_form(seed) for seed in range(4)]
    assert kept(long_form(9).layout, forms) == [1]
    assert kept(long_form(9, changed=4).layout, forms) == [1]


def test_a_page_that_differs_is_kept() -> None:
    forms = [long_form(seed) for seed in range(4)]
    assert kept(long_form(9, changed=30).layout, forms) == [1, 2]


def test_a_page_with_a_label_is_kept() -> None:
    forms = [long_form(seed) for seed in range(4)]
    moved = [
        replace(form, labels=tuple(
            replace(label, regions=tuple(replace(region, page=2) for region in label.regions))
            for label in form.labels
        ))
        for form in forms
    ]  # fmt: skip
    assert kept(long_form(9).layout, moved) == [1, 2]


def test_a_page_that_most_forms_do_not_have_is_kept() -> None:
    forms = [long_form(0), long_form(1), *(labelled(seed) for seed in range(2, 6))]
    assert kept(long_form(9).layout, forms) == [1, 2]


def test_labels_that_do_not_say_where_they_are_leave_everything_in() -> None:
    forms = [long_form(seed) for seed in range(4)]
    placeless = [
        replace(form, labels=tuple(replace(label, regions=()) for label in form.labels)) for form in forms
    ]
    assert kept(long_form(9).layout, placeless) == [1, 2]


def test_an_extractor_remembers_the_printed_pages() -> None:
    forms = [long_form(seed) for seed in range(5)]
    fitted = FieldExtractor().fit(forms, FIELDS)
    again = FieldExtractor.from_bytes(fitted.to_bytes())
    assert np.array_equal(again.model_.printed.words, fitted.model_.printed.words)
    assert len(again.model_.printed.pages()) == 1
    assert again.predict(long_form(30).layout) == again.predict(labelled(30).layout)
