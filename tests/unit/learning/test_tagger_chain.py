from __future__ import annotations

import itertools
from collections import defaultdict

import numpy as np
import pytest
from scipy import sparse

from pipeline.learning import tagger_search
from pipeline.learning.tagger_chain import Chain, Penalty, likelihood, possible, touching, train_chain
from pipeline.learning.tagger_search import Sighting, search, select

TAGS = 5
"""Two categories: outside, begin and inside of the first, begin and inside of the second."""


def drawn_chain(seed: int, free: bool = True) -> Chain:
    draw = np.random.default_rng(seed)
    allowed = possible(TAGS, np.array([free, free]))
    steps = np.where(allowed, draw.normal(size=(TAGS, TAGS)), -np.inf).astype(np.float32)
    keys = np.arange(1, 7, dtype=np.uint64)
    weights = sparse.csr_array(draw.normal(scale=1.5, size=(6, TAGS)).astype(np.float32))
    return Chain(keys, weights, steps)


def by_hand(chain: Chain, features: np.ndarray) -> dict[tuple[int, int, int], float]:
    """The probability of every stretch, summed over all sequences of tags."""
    scores = chain.scores(features)
    totals: dict[tuple[int, int, int], float] = defaultdict(float)
    whole = 0.0
    for tags in itertools.product(range(TAGS), repeat=len(features)):
        if tags[0] in (2, 4):
            continue
        weight = sum(scores[at, tag] for at, tag in enumerate(tags))
        weight += sum(chain.steps[before, after] for before, after in itertools.pairwise(tags))
        mass = float(np.exp(weight))
        whole += mass
        for first, tag in enumerate(tags):
            if tag % 2:
                end = first + 1
                while end < len(tags) and tags[end] == tag + 1:
                    end += 1
                totals[(tag - 1) // 2, first, end] += mass
    return {span: mass / whole for span, mass in totals.items()}


@pytest.mark.parametrize("seed", range(6))
def test_probabilities_of_stretches_are_those_of_all_sequences_together(seed: int) -> None:
    chain = drawn_chain(seed, free=bool(seed % 2))
    features = np.random.default_rng(seed + 50).integers(1, 9, size=(5, 3)).astype(np.uint64)
    expected = {span: p for span, p in by_hand(chain, features).items() if p >= 0.01}
    found = {span[:3]: span[3] for span in likelihood(chain, features).spans(0.01)}
    assert found.keys() == expected.keys() and len(found) > 3
    assert found == pytest.approx(expected, rel=1e-6)


def test_features_that_were_never_seen_weigh_nothing() -> None:
    chain = drawn_chain(0)
    assert np.array_equal(chain.scores(np.array([[77, 78]], np.uint64)), np.zeros((1, TAGS)))


def test_an_entity_goes_on_only_after_its_own_beginning() -> None:
    allowed = possible(TAGS, np.array([False, True]))
    assert not allowed[0, 2] and not allowed[3, 2] and allowed[1, 2] and allowed[2, 2]
    assert not allowed[1, 1] and not allowed[2, 1] and allowed[3, 3] and allowed[4, 3] and allowed[2, 3]


def test_touching_entities_are_noticed() -> None:
    assert touching([np.array([0, 1, 2, 3, 0]), np.array([3, 4, 3])], TAGS).tolist() == [False, True]


def test_a_trained_chain_tells_what_it_was_taught() -> None:
    codes = np.array([[1, 8], [2, 8], [3, 8], [1, 8]], dtype=np.uint64)
    taught = [(codes, np.array([0, 1, 2, 0]))] * 4
    chain = train_chain(taught, TAGS, Penalty(0.0, 0.01))
    ((category, first, end, probability),) = likelihood(chain, codes).spans(0.5)
    assert (category, first, end) == (0, 1, 3) and probability > 0.9


def test_tags_that_were_not_taught_are_never_given() -> None:
    codes = np.array([[1], [2], [3]], dtype=np.uint64)
    only_first = train_chain([(codes, np.array([0, 1, 0]))], TAGS, Penalty(0.0, 1.0))
    nothing = train_chain([], TAGS, Penalty(0.0, 1.0))
    assert {span[0] for span in likelihood(only_first, codes).spans(0.001)} == {0}
    assert likelihood(nothing, codes).spans(1e-9) == []


def test_windows_see_what_the_whole_sees(monkeypatch: pytest.MonkeyPatch) -> None:
    chain = drawn_chain(1)
    features = np.random.default_rng(9).integers(1, 9, size=(400, 3)).astype(np.uint64)
    whole = search([chain], features)
    monkeypatch.setattr(tagger_search, "_WINDOW", 120)
    monkeypatch.setattr(tagger_search, "_MARGIN", 40)
    parts = search([chain], features)
    assert [(s.category, s.first, s.end) for s in parts] == [(s.category, s.first, s.end) for s in sorted(
        whole, key=lambda s: [(p.category, p.first, p.end) for p in parts].index((s.category, s.first, s.end))
    )]  # fmt: skip
    assert len(parts) == len(whole) > 100


def test_the_likeliest_of_overlapping_stretches_is_chosen() -> None:
    sightings = [
        Sighting(0, 0, 3, 0.4),
        Sighting(1, 2, 4, 0.6),
        Sighting(0, 4, 5, 0.3),
        Sighting(0, 7, 8, 0.2),
    ]
    assert select(sightings, (0, 0)) == [sightings[1], sightings[2], sightings[3]]
    assert select(sightings, (1, 0)) == [sightings[1], sightings[2]]
    assert select(sightings, (0, 0), 0.25) == [sightings[1], sightings[2]]
