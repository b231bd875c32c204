"""Models of labelled texts, and how good they are on texts they have not seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from pipeline.learning import classifier_evaluation, tagger_evaluation
from pipeline.learning.classifier import TextClassifier
from pipeline.learning.tagger import EntityTagger
from pipeline.learning.text_split import Split, split
from pipeline.texts import CLASS, LabelledText, TextEvaluation, TextOutcome
from pipeline.types import Evaluation, FieldOutcome


def validate_entities(
    texts: Sequence[LabelledText], categories: Sequence[str], seed: int
) -> tuple[EntityTagger, Evaluation]:
    """A tagger that learned from all texts, and how well one did that learned from a part of them, on the
    rest. Raises RowError (`untrainable`) where no text has an entity."""
    tagger = EntityTagger().fit(texts, categories, seed=seed)
    parts = split(texts, seed)
    if not _measurable(parts, [span.category for text in parts.train for span in text.spans]):
        return tagger, Evaluation("none")
    judge = EntityTagger().fit(parts.train, categories, seed=seed)
    measured = tagger_evaluation.measure(judge, parts.held_out, categories, parts.method)
    return tagger, Evaluation("hold-out", tuple(_of_entities(parts.held_out, measured)), texts=measured)


def validate_classes(
    texts: Sequence[LabelledText], categories: Sequence[str], *, multi_label: bool, seed: int
) -> tuple[TextClassifier, Evaluation]:
    """The same for classes. Raises RowError (`untrainable`) where no text has a class."""
    classifier = TextClassifier().fit(texts, categories, multi_label=multi_label, seed=seed)
    parts = split(texts, seed)
    if not _measurable(parts, [name for text in parts.train for name in text.classes]):
        return classifier, Evaluation("none")
    judge = TextClassifier().fit(parts.train, categories, multi_label=multi_label, seed=seed)
    measured = classifier_evaluation.measure(judge, parts.held_out, categories, parts.method)
    judged = [text for text in parts.held_out if multi_label or set(categories).intersection(text.classes)]
    return classifier, Evaluation("hold-out", tuple(_of_classes(judged, measured)), texts=measured)


def _measurable(parts: Split, labels: Sequence[str]) -> bool:
    """Whether there is something to measure, and something to learn from beside it."""
    return bool(parts.held_out and labels)


def _of_classes(judged: Sequence[LabelledText], measured: TextEvaluation) -> Iterator[FieldOutcome]:
    """One outcome a text: what is not told as wrong was right."""
    wrong = _by_name(measured)
    for text in judged:
        outcome = wrong.get(text.name)
        expected, predicted = (
            (bool(text.classes),) * 2
            if outcome is None
            else (bool(outcome.labelled), bool(outcome.predicted))
        )
        correct = outcome is None and predicted
        yield FieldOutcome(text.name, text.digest, CLASS, expected, predicted, correct)


def _of_entities(held_out: Sequence[LabelledText], measured: TextEvaluation) -> Iterator[FieldOutcome]:
    """One outcome for each text and category: right where all its entities are found, and no other."""
    wrong = _by_name(measured)
    for text in held_out:
        outcome = wrong.get(text.name, TextOutcome(text.name, text.digest))
        missed, made_up = Counter(outcome.labelled), Counter(outcome.predicted)
        labelled = Counter(span.category for span in text.spans)
        for category in measured.categories:
            found = labelled[category] - missed[category] + made_up[category]
            same = not missed[category] and not made_up[category]
            yield FieldOutcome(
                text.name, text.digest, category, labelled[category] > 0, found > 0, same and found > 0
            )


def _by_name(measured: TextEvaluation) -> dict[str, TextOutcome]:
    return {outcome.name: outcome for outcome in measured.wrong}
