"""What is said of a classifier: counts by class, who was taken for whom, which texts were wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.errors import RowError
from pipeline.learning.classifier import TextClassifier
from pipeline.learning.classifier_evaluation import evaluate, measure
from pipeline.learning.text_split import split
from pipeline.texts import CategoryScore, LabelledText, TextOutcome
from tests.unit.learning.class_texts import labelled, topic_names, topic_text, topic_texts

NAMES = topic_names(3)


def mislabelled(topic: int, number: int, label: str) -> LabelledText:
    return labelled(topic_text(topic, number, own=0.6), label, name=f"wrong-{number}")


@pytest.fixture(scope="module")
def classifier() -> TextClassifier:
    return TextClassifier().fit(topic_texts(3, range(10), own=0.6), NAMES)


def test_counts_confusion_and_the_texts_that_are_wrong(classifier: TextClassifier) -> None:
    held_out = [*topic_texts(3, (50, 51), own=0.6), mislabelled(0, 60, "topic2")]
    found = measure(classifier, held_out, NAMES, "manual")
    assert (found.kind, found.method, found.documents) == ("classes", "manual", 7)
    assert found.confusion == {
        "topic0": {"topic0": 2},
        "topic1": {"topic1": 2},
        "topic2": {"topic2": 2, "topic0": 1},
    }
    assert found.categories["topic0"] == CategoryScore(2, 1, 0, 4)
    assert found.categories["topic1"] == CategoryScore(2, 0, 0, 5)
    assert found.categories["topic2"] == CategoryScore(2, 0, 1, 4)
    assert found.wrong == (TextOutcome("wrong-60", held_out[-1].digest, ("topic2",), ("topic0",)),)
    assert found.micro_f1 == pytest.approx(6 / 7)


def test_texts_without_a_label_are_not_judged(classifier: TextClassifier) -> None:
    unlabelled = [labelled(topic_text(1, 70)), labelled(topic_text(1, 71), "other")]
    found = measure(classifier, [*unlabelled, *topic_texts(1, [50], own=0.6)], NAMES, "manual")
    assert (found.documents, found.wrong) == (1, ())


def test_many_labels_are_right_where_all_are() -> None:
    both = [
        labelled(f"{topic_text(0, n, own=0.6)} {topic_text(1, n, own=0.6)}", "topic0", "topic1")
        for n in range(30)
    ]
    classifier = TextClassifier().fit([*topic_texts(3, range(20), own=0.6), *both], NAMES, multi_label=True)
    right = labelled(f"{topic_text(0, 90, own=0.6)} {topic_text(1, 90, own=0.6)}", "topic1", "topic0")
    half = replace(right, name="half", classes=("topic1",))
    found = measure(classifier, [right, half], NAMES, "percentage")
    assert found.confusion == {}
    assert [outcome.name for outcome in found.wrong] == ["half"]
    assert set(found.wrong[0].predicted) == {"topic0", "topic1"}
    assert found.categories["topic0"] == CategoryScore(1, 1, 0, 0)
    assert found.categories["topic2"] == CategoryScore(0, 0, 0, 2)


def test_what_the_split_holds_out_is_measured() -> None:
    texts = topic_texts(3, range(20), own=0.6)
    found = evaluate(texts, NAMES)
    held_out = split(texts, 0).held_out
    assert (found.method, found.documents) == ("percentage", len(held_out)) == ("percentage", 12)
    assert found.micro_f1 == 1.0
    assert sum(sum(row.values()) for row in found.confusion.values()) == 12


def test_a_wrong_label_among_those_held_out_is_found() -> None:
    texts = topic_texts(3, range(20), own=0.6)
    strange = split(texts, 0).test[0]
    topic = (NAMES.index(strange.classes[0]) + 1) % 3
    texts[texts.index(strange)] = replace(strange, classes=(NAMES[topic],), name="strange")
    assert [outcome.name for outcome in evaluate(texts, NAMES).wrong] == ["strange"]


def test_texts_marked_for_testing_are_the_ones_that_are_measured() -> None:
    train = [replace(text, dataset="train") for text in topic_texts(3, range(10), own=0.6)]
    test = [replace(text, dataset="test") for text in topic_texts(3, range(50, 53), own=0.6)]
    found = evaluate([*test, *train], NAMES)
    assert (found.method, found.documents, found.wrong) == ("manual", 9, ())


def test_too_few_texts_are_not_measured() -> None:
    found = evaluate(topic_texts(3, range(3)), NAMES)
    assert (found.method, found.documents, found.micro_f1) == ("none", 0, 0.0)
    assert found.categories == {name: CategoryScore() for name in NAMES}


def test_nothing_to_learn_from_is_named() -> None:
    texts = [replace(text, dataset="test") for text in topic_texts(3, range(5))]
    with pytest.raises(RowError) as caught:
        evaluate(texts, NAMES)
    assert caught.value.reason == "untrainable"
