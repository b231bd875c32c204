"""Where a router's document goes."""

from __future__ import annotations

import pytest

from pipeline.db.routing import Leg
from pipeline.db.text_labels import TextLabel
from pipeline.scoring.routing import Router, labels_by_place, route, span_text
from pipeline.texts import CLASS, CLASSES
from pipeline.types import (
    BacklogDocument,
    BlobRef,
    DocumentOutcome,
    DocumentResult,
    ExtractedField,
    ScoredValue,
    TypedValue,
)

REF = BlobRef("", "lake", "in/a.pdf", "1")
TARGETS = frozenset({"invoice", "receipt"})


def answer(name: str, confidence: float, page: int = 1, occurrence: int = 0) -> ScoredValue:
    found = ExtractedField(CLASS, name, page, None, confidence, occurrence=occurrence)
    return ScoredValue(found, TypedValue(text=name), False)


def told(names: str) -> ScoredValue:
    return ScoredValue(ExtractedField(CLASSES, names, 1, None, 0.7), TypedValue(text=names), False)


def result(
    *values: ScoredValue, pages: int = 1, outcome: DocumentOutcome = "loaded", reason: str | None = None
) -> DocumentResult:
    return DocumentResult(BacklogDocument(1, "mail", REF, 9), outcome, reason, values=values, pages=pages)


def router(*labels: TextLabel, per_page: bool = False) -> Router:
    return Router(TARGETS, 0.8, per_page, labels_by_place(labels))


def pages(*found: tuple[str, float] | None) -> DocumentResult:
    """A class for each page, None for a page that has none."""
    values = [
        answer(*each, page=page, occurrence=page - 1)
        for page, each in enumerate(found, 1)
        if each is not None
    ]
    return result(*values, pages=len(found))


def test_a_sure_class_that_is_a_form_type_is_handed_on() -> None:
    made = route(result(answer("invoice", 0.8), answer("receipt", 0.2, occurrence=1)), router())
    assert made.legs == (Leg("invoice"),)
    assert made.result.outcome == "loaded"
    assert made.result.values == (answer("invoice", 0.8),), "nobody asks what else it might have been"


def test_all_classes_of_a_multi_label_model_are_kept() -> None:
    classes = (answer("invoice", 0.8), answer("receipt", 0.7, occurrence=1), told("invoice, receipt"))
    made = route(result(*classes), router())
    assert made.legs == (Leg("invoice"),)
    assert made.result.values == classes


def test_what_is_not_handed_on_keeps_its_guesses() -> None:
    guesses = (answer("invoice", 0.5), answer("receipt", 0.4, occurrence=1))
    assert route(result(*guesses), router()).result.values == guesses


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ((answer("invoice", 0.79),), "not-sure"),
        ((answer("other", 0.99),), "no-such-form-type"),
        ((), "no-class"),
    ],
)
def test_the_others_wait_for_a_person(values: tuple[ScoredValue, ...], reason: str) -> None:
    made = route(result(*values), router())
    assert (made.legs, made.result.outcome, made.result.reason) == ((), "unrouted", reason)
    assert made.result.values == values


def test_what_was_not_read_to_its_end_is_handed_on_and_stays_partial() -> None:
    made = route(result(answer("invoice", 0.9), outcome="partial", reason="truncated"), router())
    assert (made.legs, made.result.outcome) == ((Leg("invoice"),), "partial")
    made = route(result(answer("invoice", 0.9), outcome="partial", reason="empty-extraction"), router())
    assert (made.legs, made.result.outcome, made.result.reason) == ((Leg("invoice"),), "loaded", None)


@pytest.mark.parametrize("outcome", ["dead", "gone"])
def test_what_could_not_be_read_goes_nowhere(outcome: DocumentOutcome) -> None:
    made = route(result(outcome=outcome, reason="damaged-pdf"), router())
    assert (made.legs, made.result.outcome, made.result.reason) == ((), outcome, "damaged-pdf")


def test_what_a_person_said_of_this_content_wins() -> None:
    said = router(TextLabel(REF, "receipt"))
    assert route(result(answer("invoice", 0.99)), said).legs == (Leg("receipt"),)
    dead = route(result(outcome="dead", reason="timed-out"), said)
    assert (dead.legs, dead.result.outcome) == ((Leg("receipt"),), "dead")
    assert route(result(outcome="gone"), said).legs == ()
    earlier = router(TextLabel(BlobRef("", "lake", "in/a.pdf", "0"), "receipt"))
    assert route(result(answer("invoice", 0.99)), earlier).legs == (Leg("invoice"),)
    dropped = router(TextLabel(REF, "contract"))
    assert route(result(answer("invoice", 0.99)), dropped).legs == (Leg("invoice"),)


def test_stretches_of_pages_of_one_form_type_are_documents() -> None:
    sure = ("invoice", 0.9)
    made = route(pages(sure, sure, ("receipt", 0.9), sure), router(per_page=True))
    assert made.legs == (Leg("invoice", (1, 2)), Leg("receipt", (3, 3)), Leg("invoice", (4, 4)))
    assert made.result.outcome == "loaded"


def test_a_file_of_one_form_type_is_not_cut() -> None:
    made = route(pages(("invoice", 0.9), None, ("invoice", 0.9)), router(per_page=True))
    assert made.legs == (Leg("invoice"),)


def test_a_blank_page_belongs_to_those_before_it() -> None:
    made = route(pages(("invoice", 0.9), None, ("receipt", 0.9)), router(per_page=True))
    assert made.legs == (Leg("invoice", (1, 2)), Leg("receipt", (3, 3)))


def test_pages_that_nobody_is_sure_of_keep_the_file_open() -> None:
    made = route(pages(("invoice", 0.9), ("other", 0.9), ("invoice", 0.5)), router(per_page=True))
    assert made.legs == (Leg("invoice", (1, 1)),)
    assert (made.result.outcome, made.result.reason) == ("unrouted", "pages-unrouted")
    assert made.result.message is not None
    assert made.result.message.endswith("pages 2-3")
    made = route(pages(("other", 0.9), ("invoice", 0.5)), router(per_page=True))
    assert (made.legs, made.result.reason) == ((), "no-such-form-type")


def test_pages_that_a_person_named_are_a_document() -> None:
    found = pages(("invoice", 0.9), ("other", 0.9), ("other", 0.9), ("invoice", 0.9))
    said = router(TextLabel(REF, "invoice", (2, 3)), per_page=True)
    made = route(found, said)
    assert made.legs == (Leg("invoice", (1, 1)), Leg("invoice", (2, 3)), Leg("invoice", (4, 4)))
    assert made.result.outcome == "loaded"
    assert route(found, router(TextLabel(REF, "receipt"), per_page=True)).legs == (Leg("receipt"),)


def test_page_ranges_are_told_shortly() -> None:
    assert [span_text((3, 3)), span_text((3, 5))] == ["3", "3-5"]
