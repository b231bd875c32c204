"""How well entities are found in texts that the model was not trained on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal

from pipeline.learning.tagger import EntityTagger
from pipeline.learning.text_split import split
from pipeline.texts import CategoryScore, LabelledText, TextEvaluation, TextOutcome

Span = tuple[str, int, int]


def evaluate(texts: Sequence[LabelledText], categories: Sequence[str], *, seed: int = 0) -> TextEvaluation:
    """Train on the one part of the texts and measure on the other, as the service divides them.

    Raises RowError (`untrainable`) where the training part does not make a model.
    """
    parts = split(texts, seed)
    if not parts.held_out:
        return _evaluation((), categories, parts.method)
    tagger = EntityTagger().fit(parts.train, categories, seed=seed)
    return measure(tagger, parts.held_out, categories, parts.method)


def measure(
    tagger: EntityTagger,
    held_out: Sequence[LabelledText],
    categories: Sequence[str],
    method: Literal["percentage", "manual", "cross-validation", "none"],
) -> TextEvaluation:
    """What a tagger finds in texts it has not seen, beside their labels among `categories`. An entity is
    right where category, offset and length are; `wrong` tells, of each text that is not all right, the
    categories of the entities that it missed (`labelled`) and made up (`predicted`)."""
    return _evaluation([_compared(tagger, text, categories) for text in held_out], categories, method)


def _compared(
    tagger: EntityTagger, text: LabelledText, categories: Sequence[str]
) -> tuple[LabelledText, set[Span], set[Span]]:
    labelled = {(s.category, s.offset, s.length) for s in text.spans if s.category in categories}
    return (
        text,
        labelled,
        {(found.category, found.offset, found.length) for found in tagger.predict(text.text)},
    )


def _evaluation(
    compared: Sequence[tuple[LabelledText, set[Span], set[Span]]],
    categories: Sequence[str],
    method: Literal["percentage", "manual", "cross-validation", "none"],
) -> TextEvaluation:
    right = _counts(span for _, labelled, found in compared for span in labelled & found)
    made_up = _counts(span for _, labelled, found in compared for span in found - labelled)
    missed = _counts(span for _, labelled, found in compared for span in labelled - found)
    return TextEvaluation(
        kind="entities",
        method=method,
        categories={name: CategoryScore(right[name], made_up[name], missed[name]) for name in categories},
        confusion={},
        wrong=tuple(
            TextOutcome(text.name, text.digest, _names(labelled - found), _names(found - labelled))
            for text, labelled, found in compared
            if labelled != found
        ),
        documents=len(compared),
    )


def _counts(spans: Iterable[Span]) -> Counter[str]:
    return Counter(span[0] for span in spans)


def _names(spans: set[Span]) -> tuple[str, ...]:
    """Categories in the order of the text, as often as they are there."""
    return tuple(span[0] for span in sorted(spans, key=lambda span: span[1:]))
