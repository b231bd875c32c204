"""What an extraction is worth."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from pipeline.scoring.judgement import judge, layout_confidence, type_values
from pipeline.types import Box, ExtractedField, FieldSpec, Layout, Line, Page, TypedValue, Word

BOX = Box(0, 0, 1, 1).polygon


def page(number: int = 1, confidence: float = 1.0) -> Page:
    word = Word("word", BOX, confidence)
    return Page(number, 8.5, 11, "inch", (Line("word", BOX, (word,)),))


def found(field: str, text: str, confidence: float = 0.9) -> ExtractedField:
    return ExtractedField(field, text, 1, BOX, confidence)


ONE_PAGE = Layout((page(),), 1)
TOTAL = FieldSpec("total", "currency", required=True)


def outcome(layout: Layout, values: list[ExtractedField], *specs: FieldSpec) -> tuple[str, str | None]:
    verdict = judge(layout, type_values(values, specs, "en-US", 0.5), specs)
    return verdict.outcome, verdict.reason


def test_a_document_with_all_it_must_have_is_loaded() -> None:
    assert outcome(ONE_PAGE, [found("total", "$12.50")], TOTAL) == ("loaded", None)


@pytest.mark.parametrize(
    ("layout", "values", "reason"),
    [
        (Layout((page(),), 3), [found("total", "$1.00")], "truncated"),
        (ONE_PAGE, [], "empty-extraction"),
        (ONE_PAGE, [found("other", "x")], "required-field-missing"),
        (ONE_PAGE, [found("total", "$1.00", 0.2)], "required-field-uncertain"),
        (ONE_PAGE, [found("total", "twelve-ish")], "required-field-uncertain"),
    ],
)
def test_a_document_that_lacks_something_is_partial(
    layout: Layout, values: list[ExtractedField], reason: str
) -> None:
    assert outcome(layout, values, TOTAL) == ("partial", reason)


def test_values_get_the_type_of_their_field() -> None:
    specs = (TOTAL, FieldSpec("day", "date", "dmy"))
    total, day = type_values([found("total", "1,234.50"), found("day", "3/4/2025")], specs, "en-US", 0.5)
    assert total.typed.number == Decimal("1234.50")
    assert day.typed.date == date(2025, 4, 3)
    assert not total.review
    assert not day.review


def test_a_date_that_reads_two_ways_is_for_a_person() -> None:
    (day,) = type_values([found("day", "3/4/2025")], (FieldSpec("day", "date"),), None, 0.5)
    assert day.typed.ambiguous
    assert day.typed.date is None
    assert day.review


@pytest.mark.parametrize(("least", "review"), [(None, True), (0.2, False)])
def test_the_minimum_of_a_field_wins_over_that_of_the_row(least: float | None, review: bool) -> None:
    spec = FieldSpec("name", min_confidence=least)
    (value,) = type_values([found("name", "Ann", 0.3)], (spec,), None, 0.5)
    assert value.review is review


def test_a_field_nobody_described_is_text() -> None:
    (value,) = type_values([found("new", "12")], (), None, 0.5)
    assert value.typed.text == "12"


def test_layout_confidence_is_that_of_the_words() -> None:
    assert layout_confidence(Layout((page(1, 0.5), page(2, 1.0)), 2)) == 0.75
    assert layout_confidence(Layout((), 0)) is None


def test_what_a_service_made_of_a_text_counts_where_we_make_nothing_of_it() -> None:
    given = TypedValue(date=date(2024, 3, 1))
    specs = [FieldSpec("day", "date")]
    odd = ExtractedField("day", "the first of Mch", 1, None, 0.9, given=given)
    (value,) = type_values([odd], specs, None, 0.5)
    assert (value.typed, value.review) == (given, False)
    (ours,) = type_values([replace(odd, text="2 May 2024")], specs, None, 0.5)
    assert ours.typed.date == date(2024, 5, 2)
    (unclear,) = type_values([replace(odd, text="03/04/2024")], specs, None, 0.5)
    assert unclear.typed.date is None
    assert unclear.review
