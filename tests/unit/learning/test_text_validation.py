"""Models of texts, and the outcomes by which two versions are compared."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.errors import RowError
from pipeline.learning.text_split import split
from pipeline.learning.text_validation import validate_classes, validate_entities
from tests.unit.learning.class_texts import topic_names, topic_texts
from tests.unit.learning.entity_texts import CATEGORIES, letters


def test_entities_are_told_by_text_and_category() -> None:
    texts = letters(20)
    _, evaluation = validate_entities(texts, CATEGORIES, 0)
    held_out = {text.name for text in split(texts, 0).held_out}
    told = {(outcome.form, outcome.field) for outcome in evaluation.outcomes}
    assert told == {(name, category) for name in held_out for category in CATEGORIES}
    assert evaluation.texts is not None
    wrong = {(each.name, name) for each in evaluation.texts.wrong for name in each.labelled + each.predicted}
    assert {(o.form, o.field) for o in evaluation.outcomes if o.wrong} == wrong


def test_classes_are_told_by_text_and_agree_with_the_counts() -> None:
    texts = topic_texts(3, range(20), own=0.25)
    _, evaluation = validate_classes(texts, topic_names(3), multi_label=False, seed=0)
    measured = evaluation.texts
    assert measured is not None
    assert {outcome.field for outcome in evaluation.outcomes} == {"class"}
    assert len(evaluation.outcomes) == measured.documents == 12
    assert sum(o.wrong for o in evaluation.outcomes) == len(measured.wrong)
    assert evaluation.overall.f1 == pytest.approx(measured.micro_f1)


def test_a_text_without_a_class_is_no_outcome_of_a_single_label_project() -> None:
    texts = topic_texts(2, range(10), own=0.6)
    texts[0] = replace(texts[0], classes=(), dataset="test")
    texts = [
        texts[0],
        *(replace(text, dataset="train" if at % 4 else "test") for at, text in enumerate(texts[1:])),
    ]
    _, evaluation = validate_classes(texts, topic_names(2), multi_label=False, seed=0)
    assert texts[0].name not in {outcome.form for outcome in evaluation.outcomes}


def test_few_texts_make_a_model_that_was_not_measured() -> None:
    _, evaluation = validate_classes(
        topic_texts(2, range(3), own=0.6), topic_names(2), multi_label=False, seed=0
    )
    assert (evaluation.method, evaluation.outcomes, evaluation.texts, evaluation.f1) == (
        "none",
        (),
        None,
        None,
    )


def test_what_is_marked_for_test_alone_is_not_measured() -> None:
    texts = [replace(text, dataset="test") for text in letters(3)]
    _, evaluation = validate_entities(texts, CATEGORIES, 0)
    assert evaluation.method == "none"


def test_texts_without_labels_make_no_model() -> None:
    with pytest.raises(RowError) as caught:
        validate_entities([replace(text, spans=()) for text in letters(3)], CATEGORIES, 0)
    assert caught.value.reason == "untrainable"
