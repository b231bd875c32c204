from __future__ import annotations

from dataclasses import replace

from pipeline.learning.validation import (
    cross_validate,
    evaluate,
    labelled_texts,
    split_hold_out,
    validate,
)
from pipeline.types import FieldSpec, Label, LabelledForm, Layout, Line, Page
from tests.unit.learning.order_forms import FIELDS, labelled, line, trained, word_regions


def test_below_twenty_labelled_forms_nothing_is_held_out() -> None:
    forms = [labelled(seed) for seed in range(19)]
    assert split_hold_out(forms) == (forms, [])


def test_a_form_stays_on_its_side_whatever_joins() -> None:
    forms = [labelled(seed) for seed in range(30)]
    _, few = split_hold_out(forms)
    _, many = split_hold_out([*forms, *(labelled(seed) for seed in range(30, 60))])
    assert few and {form.digest for form in few} == {form.digest for form in many} & {f.digest for f in forms}


def test_the_side_depends_on_content_not_on_name() -> None:
    forms = [labelled(seed) for seed in range(30)]
    renamed = [replace(form, name=f"other/{form.name}") for form in forms]
    assert [f.digest for f in split_hold_out(forms)[1]] == [f.digest for f in split_hold_out(renamed)[1]]


def test_unlabelled_forms_are_never_held_out() -> None:
    forms = [labelled(seed) for seed in range(40)]
    bare = [replace(form, labels=()) for form in forms]
    assert all(form.labels for form in split_hold_out([*forms, *bare])[1])


def test_cross_validation_scores_every_labelled_form_once() -> None:
    result = cross_validate([labelled(seed) for seed in range(6)], FIELDS)
    assert result.method == "cross-validation"
    assert len({outcome.form for outcome in result.outcomes}) == 6
    assert all(score.expected == 6 for score in result.fields)
    assert result.overall.f1 >= 0.9


def test_wrong_values_are_named_by_document_and_field_only() -> None:
    form = labelled(50)
    labels = tuple(replace(label, text="77") if label.field == "number" else label for label in form.labels)
    result = evaluate(trained(), [replace(form, labels=labels)], FIELDS)
    wrong = [(outcome.form, outcome.field) for outcome in result.outcomes if outcome.wrong]
    assert wrong == [("50.pdf", "number")]


def test_one_form_cannot_be_validated() -> None:
    assert cross_validate([labelled(0)], FIELDS).method == "none"


def test_from_twenty_forms_on_the_held_out_ones_are_not_learned_from() -> None:
    forms = [labelled(seed) for seed in range(24)]
    extractor, result = validate(forms, FIELDS, seed=0)
    taught, held = split_hold_out(forms)
    assert result.method == "hold-out"
    assert {outcome.form for outcome in result.outcomes} == {form.name for form in held}
    assert extractor.model_.forms == len(taught)


def test_fields_labelled_at_one_glued_word_have_a_part_each() -> None:
    lines: tuple[Line, ...] = (line("Flight", 0.5, 1.0), line("5/1/2020-5/31/2020", 1.5, 1.0))
    layout = Layout((Page(1, 8.5, 11.0, "inch", lines),), 1)
    regions = word_regions(layout, "5/1/2020-5/31/2020")
    labels = tuple(Label(name, "5/1/2020-5/31/2020", regions) for name in ("from", "to"))
    texts = labelled_texts(LabelledForm("a.pdf", layout, labels), (FieldSpec("from"), FieldSpec("to")))
    assert texts["from"][1] == "5/1/2020" and texts["to"][1] == "5/31/2020"
