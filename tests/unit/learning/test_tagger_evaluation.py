from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.errors import RowError
from pipeline.learning.tagger import EntityTagger
from pipeline.learning.tagger_evaluation import evaluate, measure
from pipeline.texts import CategoryScore, FoundEntity, LabelledSpan, LabelledText
from tests.unit.learning.entity_texts import CATEGORIES, letters


class Parrot(EntityTagger):
    """Finds the same in every text."""

    def __init__(self, *spans: tuple[str, int, int]) -> None:
        self.spans = spans

    def predict(self, text: str) -> tuple[FoundEntity, ...]:
        return tuple(FoundEntity(name, "", offset, length, 0.9) for name, offset, length in self.spans)


def test_an_entity_is_right_where_category_and_place_are() -> None:
    labelled = LabelledText(
        "a.txt",
        "0123456789",
        (LabelledSpan("A", 0, 2), LabelledSpan("B", 4, 2), LabelledSpan("A", 7, 1)),
        digest="d",
    )
    parrot = Parrot(("A", 0, 2), ("B", 4, 1), ("A", 7, 1), ("A", 9, 1))
    result = measure(parrot, [labelled], ("A", "B", "C"), "percentage")
    assert result.categories == {
        "A": CategoryScore(2, 1, 0), "B": CategoryScore(0, 1, 1), "C": CategoryScore(),
    }  # fmt: skip
    assert result.micro_f1 == pytest.approx(2 * 2 / (2 * 2 + 2 + 1))
    (wrong,) = result.wrong
    assert (wrong.name, wrong.digest, wrong.labelled, wrong.predicted) == ("a.txt", "d", ("B",), ("B", "A"))


def test_texts_that_are_all_right_are_not_told() -> None:
    labelled = LabelledText("a.txt", "0123", (LabelledSpan("A", 0, 2),))
    result = measure(Parrot(("A", 0, 2)), [labelled], ("A",), "manual")
    assert result.wrong == () and result.micro_f1 == 1 and result.documents == 1


def test_a_fifth_of_the_texts_measures_what_the_others_teach() -> None:
    result = evaluate(letters(30), CATEGORIES)
    assert (result.kind, result.method, result.documents) == ("entities", "percentage", 6)
    assert result.micro_f1 > 0.9 and set(result.categories) == set(CATEGORIES)
    assert sum(score.true_positives + score.false_negatives for score in result.categories.values()) == 18


def test_texts_are_held_out_as_they_are_marked() -> None:
    texts = [replace(text, dataset="test" if at < 2 else "train") for at, text in enumerate(letters(9))]
    result = evaluate(texts, CATEGORIES)
    assert (result.method, result.documents) == ("manual", 2)


def test_few_texts_measure_nothing() -> None:
    result = evaluate(letters(9), CATEGORIES)
    assert (result.method, result.documents, result.micro_f1) == ("none", 0, 0)


def test_nothing_to_train_on_is_named() -> None:
    texts = [replace(text, dataset="test") for text in letters(3)]
    with pytest.raises(RowError) as raised:
        evaluate(texts, CATEGORIES)
    assert raised.value.reason == "untrainable"
