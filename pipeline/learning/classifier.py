"""The local text classifier: learns from a few texts per class which classes a text has."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from random import Random
from typing import Self

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from pipeline.errors import RowError
from pipeline.learning.classifier_model import ClassModel, rounded, rounded_centers
from pipeline.learning.classifier_ngrams import count, learn_vocabulary, reach_of, rows_of
from pipeline.learning.classifier_ridge import fit_ridge
from pipeline.learning.classifier_storage import model_from_bytes, model_to_bytes
from pipeline.learning.classifier_trust import learn_of_any, learn_of_one
from pipeline.texts import FoundClass, LabelledText

MOST_TEXTS = 3_000
"""Of more texts than this so many are learned from, evenly drawn over the classes."""

_AT_ONCE = 256


class TextClassifier:
    """`fit` on labelled texts, `predict` the classes of a text. `model_` holds what was learned."""

    model_: ClassModel

    def fit(
        self,
        texts: Sequence[LabelledText],
        categories: Sequence[str],
        *,
        multi_label: bool = False,
        seed: int = 0,
    ) -> Self:
        """Learn the classes among `categories` that have texts. A text without any is no example of a
        single-label project, and in a multi-label one an example of what has none of the classes.

        Raises RowError (`untrainable`) where there is nothing to learn from.
        """
        examples = _drawn(_examples(texts, categories, multi_label), seed)
        with threadpool_limits(limits=1):
            self.model_ = _learn(examples, _classes(examples, categories), multi_label)
        return self

    def to_bytes(self) -> bytes:
        """The fitted model, to be stored; nothing of the training texts but hashes of their n-grams."""
        return model_to_bytes(self.model_)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The classifier stored by `to_bytes`. Raises RowError (`model-unreadable`) for other bytes."""
        classifier = cls()
        classifier.model_ = model_from_bytes(data)
        return classifier

    def predict(self, text: str) -> tuple[FoundClass, ...]:
        """Best first: of a single-label model all its classes, of a multi-label model those it gives.

        What all confidences of a single-label model lack to 1 is the chance that the text has none of its
        classes: a text of a kind that was never seen, or an empty one, has little confidence in any.
        """
        return self.predict_pages([text])[0]

    def predict_pages(self, texts: Sequence[str]) -> tuple[tuple[FoundClass, ...], ...]:
        """What `predict` says of each of many texts, at once."""
        with threadpool_limits(limits=1):
            return tuple(
                self._given(confidences)
                for start in range(0, len(texts), _AT_ONCE)
                for confidences in self._confidences(texts[start : start + _AT_ONCE])
            )

    def _confidences(self, texts: Sequence[str]) -> NDArray[np.float64]:
        vocabulary = self.model_.vocabulary
        return self.model_.confidences(rows_of(vocabulary, count(texts, vocabulary.reach)))

    def _given(self, confidences: NDArray[np.float64]) -> tuple[FoundClass, ...]:
        model = self.model_
        order = np.argsort(-confidences, kind="stable").tolist()
        if model.multi_label:
            order = [at for at in order if confidences[at] >= model.trust.thresholds[at]]
        return tuple(FoundClass(model.classes[at], round(float(confidences[at]), 4)) for at in order)


def _examples(
    texts: Sequence[LabelledText], categories: Sequence[str], multi_label: bool
) -> list[tuple[str, tuple[str, ...]]]:
    """Texts with their classes among `categories`, equal ones once: a copy held out would tell nothing."""
    known = set(categories)
    found = [(text.text, tuple(dict.fromkeys(c for c in text.classes if c in known))) for text in texts]
    if not any(classes for _, classes in found):
        raise _untrainable("No text is labelled with one of the classes")
    if multi_label:
        return list(dict.fromkeys(found))
    if any(len(classes) > 1 for _, classes in found):
        raise _untrainable("A text of this single-label project has more than one class")
    return list(dict.fromkeys((text, classes) for text, classes in found if classes))


def _drawn(examples: list[tuple[str, tuple[str, ...]]], seed: int) -> list[tuple[str, tuple[str, ...]]]:
    """At most MOST_TEXTS, in rounds of one for each class as long as it has any."""
    if len(examples) <= MOST_TEXTS:
        return examples
    groups: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for at in Random(seed).sample(range(len(examples)), len(examples)):
        groups[examples[at][1]].append(at)
    turns = sorted((turn, at) for group in groups.values() for turn, at in enumerate(group))
    return [examples[at] for _, at in sorted(turns[:MOST_TEXTS], key=lambda turn: turn[1])]


def _classes(examples: Sequence[tuple[str, tuple[str, ...]]], categories: Sequence[str]) -> tuple[str, ...]:
    there = {name for _, classes in examples for name in classes}
    return tuple(name for name in dict.fromkeys(categories) if name in there)


def _learn(
    examples: Sequence[tuple[str, tuple[str, ...]]], classes: tuple[str, ...], multi_label: bool
) -> ClassModel:
    member = np.array([[name in own for name in classes] for _, own in examples], dtype=np.bool_)
    reach = reach_of(len(examples))
    counts = count([text for text, _ in examples], reach)
    vocabulary = learn_vocabulary(counts, reach, (member & (member.sum(axis=0) == 1)).any(axis=1))
    if not len(vocabulary.buckets):
        raise _untrainable("The labelled texts have no words in common")
    rows = rows_of(vocabulary, counts)
    ridge = fit_ridge(rows, member, _importance(member, multi_label))
    learn_trust = learn_of_any if multi_label else learn_of_one
    return ClassModel(
        classes=classes,
        multi_label=multi_label,
        vocabulary=vocabulary,
        weights=rounded(ridge.weights),
        bias=ridge.bias,
        centers=rounded_centers(ridge.centers, rows),
        trust=learn_trust(ridge.held_out, ridge.nearness, member),
    )


def _importance(member: NDArray[np.bool_], multi_label: bool) -> NDArray[np.float64]:
    """Where a text has one class, all classes count the same, however many texts they have."""
    if multi_label:
        return np.ones(len(member))
    counts = member.sum(axis=0)
    importance: NDArray[np.float64] = (counts.mean() / counts)[member.argmax(axis=1)]
    return importance


def _untrainable(why: str) -> RowError:
    return RowError(f"{why}: label texts of each class, with their words in them.", reason="untrainable")
