"""The entities of a text by a chain of tags: each stretch that may be one, and a choice that fits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.learning.hashing import Codes
from pipeline.learning.tagger_chain import Chain, likelihood

LEAST = 0.05
"""Stretches less probable than that are no candidates."""

_WINDOW = 1500
_MARGIN = 100
"""Tokens that are looked at together, and how many of them, at either end, only as surroundings."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A stretch of tokens, `first` to before `end`, that is an entity with that probability."""

    category: int
    first: int
    end: int
    probability: float

    @property
    def log_odds(self) -> float:
        bounded = min(max(self.probability, 1e-6), 1 - 1e-6)
        return float(np.log(bounded) - np.log1p(-bounded))


def search(chains: Sequence[Chain], features: Codes) -> list[Sighting]:
    """The candidates in a text of any length, window by window. The categories of each chain are numbered
    on from those of the chains before it."""
    found: list[Sighting] = []
    first = 0
    for chain in chains:
        for window in _windows(len(features)):
            found += _within(chain, first, features, *window)
        first += chain.categories
    return found


def _windows(tokens: int) -> Iterator[tuple[int, int, int, int]]:
    """First and last token looked at, and first and last in which entities begin that count."""
    core = _WINDOW - 2 * _MARGIN
    for begin in range(0, tokens, core):
        end = min(begin + core, tokens)
        yield max(begin - _MARGIN, 0), min(end + _MARGIN, tokens), begin, end


def _within(
    chain: Chain, number: int, features: Codes, start: int, stop: int, begin: int, end: int
) -> Iterator[Sighting]:
    for category, first, last, probability in likelihood(chain, features[start:stop]).spans(LEAST):
        if begin <= first + start < end:
            yield Sighting(number + category, first + start, last + start, probability)


def select(sightings: Iterable[Sighting], most: Sequence[int], least: float = LEAST) -> list[Sighting]:
    """The likeliest first, no two on the same token and none beyond the `most` of its category (0: any);
    in the order of the text."""
    taken: set[int] = set()
    given: Counter[int] = Counter()
    chosen = []
    for sighting in sorted(sightings, key=lambda each: (-each.probability, each.first, each.category)):
        places = range(sighting.first, sighting.end)
        limit = most[sighting.category]
        if sighting.probability < least or not taken.isdisjoint(places):
            continue
        if limit and given[sighting.category] >= limit:
            continue
        taken.update(places)
        given[sighting.category] += 1
        chosen.append(sighting)
    return sorted(chosen, key=lambda each: each.first)
