"""How well classes are told of texts that the model was not trained on."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Literal

from pipeline.learning.classifier import TextClassifier
from pipeline.learning.text_split import split
from pipeline.texts import CategoryScore, LabelledText, TextEvaluation, TextOutcome


def evaluate(
    texts: Sequence[LabelledText], categories: Sequence[str], *, multi_label: bool = False, seed: int = 0
) -> TextEvaluation:
    """Train on the one part of the texts and measure on the other, as the service divides them.

    Raises RowError (`untrainable`) where the training part does not make a model.
    """
    parts = split(texts, seed)
    if not parts.held_out:
        return _evaluation((), categories, parts.method, multi_label)
    classifier = TextClassifier().fit(parts.train, categories, multi_label=multi_label, seed=seed)
    return measure(classifier, parts.held_out, categories, parts.method)


def measure(
    classifier: TextClassifier,
    held_out: Sequence[LabelledText],
    categories: Sequence[str],
    method: Literal["percentage", "manual", "cross-validation", "none"],
) -> TextEvaluation:
    """What a classifier says of texts it has not seen, beside their labels among `categories`. In a
    single-label project a text without a label says nothing, and the likeliest class is the answer."""
    multi_label, known = classifier.model_.multi_label, set(categories)
    judged = [text for text in held_out if multi_label or known.intersection(text.classes)]
    answers = classifier.predict_pages([text.text for text in judged])
    outcomes = []
    for text, found in zip(judged, answers, strict=True):
        given = tuple(each.category for each in (found if multi_label else found[:1]))
        labelled = tuple(name for name in dict.fromkeys(text.classes) if name in known)
        outcomes.append(TextOutcome(text.name, text.digest, labelled, given))
    return _evaluation(outcomes, categories, method, multi_label)


def _evaluation(
    outcomes: Sequence[TextOutcome],
    categories: Sequence[str],
    method: Literal["percentage", "manual", "cross-validation", "none"],
    multi_label: bool,
) -> TextEvaluation:
    return TextEvaluation(
        kind="classes",
        method=method,
        categories={category: _score(category, outcomes) for category in categories},
        confusion={} if multi_label else _confusion(outcomes),
        wrong=tuple(each for each in outcomes if set(each.labelled) != set(each.predicted)),
        documents=len(outcomes),
    )


def _score(category: str, outcomes: Sequence[TextOutcome]) -> CategoryScore:
    counts = Counter((category in each.labelled, category in each.predicted) for each in outcomes)
    return CategoryScore(
        true_positives=counts[True, True],
        false_positives=counts[False, True],
        false_negatives=counts[True, False],
        true_negatives=counts[False, False],
    )


def _confusion(outcomes: Sequence[TextOutcome]) -> Mapping[str, Mapping[str, int]]:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for outcome in outcomes:
        counts[outcome.labelled[0]][outcome.predicted[0]] += 1
    return {labelled: dict(row) for labelled, row in counts.items()}
