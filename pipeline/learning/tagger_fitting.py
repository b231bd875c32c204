"""From labelled texts to a tagger's model: its chain of tags, and how sure it may be."""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import RowError
from pipeline.learning.calibration import Calibration, calibrate, uncalibrated
from pipeline.learning.hashing import MASKED, Codes
from pipeline.learning.recurrence import Recurrence, count_recurrence
from pipeline.learning.tagger_chain import Chain, Penalty, train_chain
from pipeline.learning.tagger_features import features
from pipeline.learning.tagger_search import Sighting, search, select
from pipeline.learning.tagger_tokens import OUTSIDE, Numbers, Tokens, begins, covered, tags, tokenize
from pipeline.learning.tagger_vocabulary import Vocabulary, count_words, used
from pipeline.texts import LabelledText

Mask = NDArray[np.bool_]

PENALTY = Penalty(l1=0.2, l2=0.3, iterations=100)

_GROUP = 20
_TAGS = 2 * _GROUP + 1
_FOLDS = 5
_NEAR, _NEAREST = 60, 20
"""Tokens around an entity that are always learned from, and where that is too much together."""

_MOST_WORK = 400_000
"""Bounds a training: the microseconds of one iteration. Beyond it, text far from entities is thinned."""

_FEWEST_ITERATIONS = 30

_TEXTS_FOR_A_RULE = 8


@dataclass(frozen=True, slots=True)
class TaggerModel:
    """What was learned of each category: its `examples`, and the `most` of it that a text has (0: any
    number). Many categories are told by several chains, each of some of them."""

    categories: tuple[str, ...]
    examples: tuple[int, ...]
    most: tuple[int, ...]
    recurrence: Recurrence
    vocabulary: Vocabulary
    chains: tuple[Chain, ...]
    calibration: Calibration

    def sightings(self, tokens: Tokens) -> list[Sighting]:
        """All candidates among the tokens of a text."""
        if not len(tokens):
            return []
        return search(self.chains, features(tokens, self.recurrence, self.vocabulary))


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
    counts = [Counter(span[0] for span in lesson.spans) for lesson in lessons]
    groups = groups_of(len(categories))
    return TaggerModel(
        categories,
        tuple(sum(count[number] for count in counts) for number in range(len(categories))),
        tuple(_most([count[number] for count in counts]) for number in range(len(categories))),
        recurrence,
        vocabulary,
        tuple(_chain(lessons, recurrence, vocabulary, group, len(groups)) for group in groups),
        uncalibrated(),
    )


def groups_of(categories: int) -> list[range]:
    """The categories of each chain: the work of a chain grows with the square of their number."""
    groups = max(-(-categories // _GROUP), 1)
    bounds = [categories * number // groups for number in range(groups + 1)]
    return [range(first, end) for first, end in pairwise(bounds)]


def _chain(
    lessons: Sequence[Lesson], recurrence: Recurrence, vocabulary: Vocabulary, group: range, groups: int
) -> Chain:
    kinds = 2 * len(group) + 1
    own = [_of(lesson, group) for lesson in lessons]
    effort = _effort(own, _affordable(kinds) // groups)
    sequences = _sequences(lessons, own, recurrence, vocabulary, effort)
    return train_chain(sequences, kinds, replace(PENALTY, iterations=effort.iterations))


def _of(lesson: Lesson, group: range) -> Lesson:
    """The text with only the entities of some categories, numbered from 0."""
    first, end = begins(group.start), begins(group.stop)
    inside = (lesson.tags >= first) & (lesson.tags < end)
    spans = ((number - group.start, at, stop) for number, at, stop in lesson.spans if number in group)
    return Lesson(lesson.tokens, np.where(inside, lesson.tags - 2 * group.start, OUTSIDE), frozenset(spans))


def _most(counts: Sequence[int]) -> int:
    """One where enough texts have the category, and none more than once; else any number."""
    having = [count for count in counts if count]
    return 1 if len(having) >= _TEXTS_FOR_A_RULE and max(having) == 1 else 0


@dataclass(frozen=True, slots=True)
class _Effort:
    """What a training looks at: `near` tokens around each entity, a `share` of the rest, how many times."""

    near: int
    share: float
    iterations: int


def _affordable(kinds: int) -> int:
    """Tokens of one training, by what an iteration was measured to cost for so many tags."""
    return int(_MOST_WORK / (1.5 + kinds**2 / 250))


def _effort(lessons: Sequence[Lesson], budget: int) -> _Effort:
    """What a training of no more than `budget` tokens, or not many more, looks at."""
    tokens = sum(len(lesson.tokens) for lesson in lessons)
    for near in (_NEAR, _NEAREST):
        kept = sum(int(_near(lesson, near).sum()) for lesson in lessons)
        if kept <= budget:
            share = (budget - kept) / max(tokens - kept, 1)
            return _Effort(near, min(share, 1.0), PENALTY.iterations)
    return _Effort(_NEAREST, 0.0, max(PENALTY.iterations * budget // kept, _FEWEST_ITERATIONS))


def _sequences(
    lessons: Sequence[Lesson],
    own: Sequence[Lesson],
    recurrence: Recurrence,
    vocabulary: Vocabulary,
    effort: _Effort,
) -> Iterator[tuple[Codes, Numbers]]:
    """Features of the texts, or of stretches of them, and the tags of their `own` categories."""
    categories = vocabulary.counts.shape[1]
    draw = random.Random(0)
    for lesson, part in zip(lessons, own, strict=True):
        kept = _near(part, effort.near) | _thinned(len(part.tokens), effort.share, draw)
        codes = features(lesson.tokens, recurrence, vocabulary, used(lesson.tokens, lesson.tags, categories))
        yield from ((codes[start:end], part.tags[start:end]) for start, end in _runs(kept))


def _near(lesson: Lesson, width: int) -> Mask:
    kept = np.zeros(len(lesson.tokens), dtype=bool)
    for _, first, end in lesson.spans:
        kept[max(first - width, 0) : end + width] = True
    return kept


def _thinned(tokens: int, share: float, draw: random.Random) -> Mask:
    """Stretches of `_NEAR` tokens, each kept with that probability."""
    chosen = [draw.random() < share for _ in range(0, tokens, _NEAR)]
    return np.repeat(np.array(chosen, dtype=bool), _NEAR)[:tokens]


def _runs(kept: Mask) -> Iterator[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], kept.astype(np.int8), [0]])))
    yield from zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)


# --- how sure -------------------------------------------------------------------------------------


def _calibrated(lessons: Sequence[Lesson], model: TaggerModel) -> Calibration:
    """From what models of the other texts say of each text; of large sets, of a fifth of the texts."""
    odds: list[float] = []
    right: list[bool] = []
    expected = 0
    for held, rest in _folds(lessons, _affordable(_TAGS) // len(model.chains) // 4):
        if not any(lesson.spans for lesson in rest):
            continue
        other = _fit(rest, model.categories)
        for lesson in held:
            found = select(other.sightings(lesson.tokens), other.most)
            odds += [sighting.log_odds for sighting in found]
            right += [(each.category, each.first, each.end) in lesson.spans for each in found]
            expected += len(lesson.spans)
    return calibrate(np.array(odds), np.array(right, dtype=bool), expected)


def _folds(lessons: Sequence[Lesson], small: int) -> Iterator[tuple[list[Lesson], list[Lesson]]]:
    """Texts to ask, and the others: once, where all are more than `small` tokens together."""
    folds = min(_FOLDS, len(lessons))
    large = sum(len(lesson.tokens) for lesson in lessons) > small
    for fold in range(1 if large else folds) if folds > 1 else ():
        held = [lesson for at, lesson in enumerate(lessons) if at % folds == fold]
        yield held, [lesson for at, lesson in enumerate(lessons) if at % folds != fold]
