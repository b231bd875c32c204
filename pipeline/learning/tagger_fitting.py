"""From labelled texts to a tagger's model: its chain of tags, and how sure it may be."""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pipeline.errors import RowError
from pipeline.learning.calibration import Calibration, calibrate, uncalibrated
from pipeline.learning.hashing import MASKED, Codes
from pipeline.learning.recurrence import Recurrence, count_recurrence
from pipeline.learning.tagger_chain import Chain, Penalty, train_chain
from pipeline.learning.tagger_features import features
from pipeline.learning.tagger_search import Sighting, search, select
from pipeline.learning.tagger_tokens import Numbers, Tokens, covered, tags, tokenize
from pipeline.learning.tagger_vocabulary import Vocabulary, count_words, used
from pipeline.texts import LabelledText

PENALTY = Penalty(l1=0.2, l2=0.3, iterations=100)

_FOLDS = 5
_NEAR = 60
"""Tokens around an entity that are always learned from."""

_MOST_TOKENS = 120_000
_MOST_STEPS = 400_000_000
"""Bound a training: tokens, and tokens times pairs of tags. Beyond it, text far from entities is thinned."""

_TEXTS_FOR_A_RULE = 8


@dataclass(frozen=True, slots=True)
class TaggerModel:
    """What was learned of each category: its `examples`, and the `most` of it that a text has (0: any
    number)."""

    categories: tuple[str, ...]
    examples: tuple[int, ...]
    most: tuple[int, ...]
    recurrence: Recurrence
    vocabulary: Vocabulary
    chain: Chain
    calibration: Calibration

    def sightings(self, tokens: Tokens) -> list[Sighting]:
        """All candidates among the tokens of a text."""
        if not len(tokens):
            return []
        return search(self.chain, features(tokens, self.recurrence, self.vocabulary))


@dataclass(frozen=True, slots=True)
class Lesson:
    """A training text as tokens, the tag of each, and its spans as (category, first token, last + 1)."""

    tokens: Tokens
    tags: Numbers
    spans: frozenset[tuple[int, int, int]]


def learn(texts: Sequence[LabelledText], categories: Sequence[str], seed: int) -> TaggerModel:
    """Raises RowError (`untrainable`) where no text has an entity of the categories."""
    lessons = list(_lessons(texts, categories, seed))
    if not any(lesson.spans for lesson in lessons):
        raise RowError(
            f"None of the {len(texts)} training texts has a labelled entity: label some of them.",
            reason="untrainable",
        )
    model = _fit(lessons, tuple(categories))
    return replace(model, calibration=_calibrated(lessons, model))


def _lessons(texts: Sequence[LabelledText], categories: Sequence[str], seed: int) -> Iterator[Lesson]:
    """In an order that neither the order of the texts nor their names change."""
    numbers = {category: number for number, category in enumerate(categories)}
    for text in sorted(
        texts, key=lambda text: hashlib.sha256(f"{seed}:{text.text}".encode("utf-8", "replace")).digest()
    ):
        tokens = tokenize(text.text)
        if not len(tokens):
            continue
        places = [
            (numbers[span.category], covered(tokens, span)) for span in text.spans if span.category in numbers
        ]
        spans = frozenset((category, at.start, at.stop) for category, at in places if at)
        yield Lesson(tokens, tags(tokens, text.spans, categories), spans)


def _fit(lessons: Sequence[Lesson], categories: tuple[str, ...]) -> TaggerModel:
    recurrence = count_recurrence(lesson.tokens.codes[:, MASKED] for lesson in lessons)
    vocabulary = count_words([(lesson.tokens, lesson.tags) for lesson in lessons], len(categories))
    kinds = 2 * len(categories) + 1
    sequences = list(_sequences(lessons, recurrence, vocabulary, kinds))
    counts = [Counter(span[0] for span in lesson.spans) for lesson in lessons]
    numbers = range(len(categories))
    return TaggerModel(
        categories,
        tuple(sum(count[number] for count in counts) for number in numbers),
        tuple(_most([count[number] for count in counts]) for number in numbers),
        recurrence,
        vocabulary,
        train_chain(sequences, kinds, PENALTY),
        uncalibrated(),
    )


def _most(counts: Sequence[int]) -> int:
    """One where enough texts have the category, and none more than once; else any number."""
    having = [count for count in counts if count]
    return 1 if len(having) >= _TEXTS_FOR_A_RULE and max(having) == 1 else 0


def _sequences(
    lessons: Sequence[Lesson], recurrence: Recurrence, vocabulary: Vocabulary, kinds: int
) -> Iterator[tuple[Codes, Numbers]]:
    """Features and tags of the texts, or of stretches of them where they are too much together."""
    budget = min(_MOST_TOKENS, _MOST_STEPS // kinds**2)
    near = [_near(lesson) for lesson in lessons]
    spare = sum(int((~kept).sum()) for kept in near)
    left = budget - sum(int(kept.sum()) for kept in near)
    draw = random.Random(0)
    for lesson, kept in zip(lessons, near, strict=True):
        own = used(lesson.tokens, lesson.tags, (kinds - 1) // 2)
        codes = features(lesson.tokens, recurrence, vocabulary, own)
        if left < spare:
            kept |= _thinned(len(kept), left / spare, draw)
        else:
            kept[:] = True
        yield from ((codes[start:end], lesson.tags[start:end]) for start, end in _runs(kept))


def _near(lesson: Lesson) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    kept = np.zeros(len(lesson.tokens), dtype=bool)
    for _, first, end in lesson.spans:
        kept[max(first - _NEAR, 0) : end + _NEAR] = True
    return kept


def _thinned(tokens: int, share: float, draw: random.Random) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Stretches of `_NEAR` tokens, each kept with that probability."""
    chosen = [draw.random() < share for _ in range(0, tokens, _NEAR)]
    return np.repeat(np.array(chosen, dtype=bool), _NEAR)[:tokens]


def _runs(kept: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Iterator[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], kept.astype(np.int8), [0]])))
    yield from zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)


# --- how sure -------------------------------------------------------------------------------------


def _calibrated(lessons: Sequence[Lesson], model: TaggerModel) -> Calibration:
    """From what models of the other texts say of each text; of large sets, of a fifth of the texts."""
    odds: list[float] = []
    right: list[bool] = []
    expected = 0
    for held, rest in _folds(lessons):
        if not any(lesson.spans for lesson in rest):
            continue
        other = _fit(rest, model.categories)
        for lesson in held:
            found = select(other.sightings(lesson.tokens), other.most)
            odds += [sighting.log_odds for sighting in found]
            right += [(each.category, each.first, each.end) in lesson.spans for each in found]
            expected += len(lesson.spans)
    return calibrate(np.array(odds), np.array(right, dtype=bool), expected)


def _folds(lessons: Sequence[Lesson]) -> Iterator[tuple[list[Lesson], list[Lesson]]]:
    folds = min(_FOLDS, len(lessons))
    large = sum(len(lesson.tokens) for lesson in lessons) > _MOST_TOKENS // 4
    for fold in range(1 if large else folds) if folds > 1 else ():
        held = [lesson for at, lesson in enumerate(lessons) if at % folds == fold]
        yield held, [lesson for at, lesson in enumerate(lessons) if at % folds != fold]
