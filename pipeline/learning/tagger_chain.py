"""A linear chain of tags (a conditional random field): trained by CRFsuite, asked by plain arrays."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pycrfsuite
from numpy.typing import NDArray
from scipy import sparse

from pipeline.learning.hashing import Codes
from pipeline.learning.tagger_tokens import OUTSIDE, Numbers, begins, category_of

Floats = NDArray[np.float64]

_UNLIKELIEST = -300.0
"""A tag is never less likely than that (in logarithms) for its token: no sum becomes nought."""


@dataclass(frozen=True, slots=True)
class Penalty:
    """How much weights cost: their size (`l1`) and its square (`l2`)."""

    l1: float
    l2: float
    iterations: int = 100


@dataclass(frozen=True, slots=True)
class Chain:
    """`keys` are the codes of features, sorted; `weights` (keys, tags) and `steps` (tag, next tag), minus
    infinity where that step is not possible."""

    keys: Codes
    weights: sparse.csr_array
    steps: NDArray[np.float32]

    @property
    def categories(self) -> int:
        return len(self.steps) // 2

    def scores(self, features: Codes) -> Floats:
        """(tokens, tags)."""
        tokens, slots = features.shape
        if not len(self.keys):
            return np.zeros((tokens, len(self.steps)))
        flat = features.ravel()
        place = np.minimum(np.searchsorted(self.keys, flat), len(self.keys) - 1)
        hit = self.keys[place] == flat
        rows = np.repeat(np.arange(tokens), slots)[hit]
        held = sparse.csr_array((np.ones(len(rows)), (rows, place[hit])), shape=(tokens, len(self.keys)))
        return np.asarray((held @ self.weights).todense(), dtype=np.float64)


def possible(tags: int, touching: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which tag may follow which: an entity goes on only after its own tags, and one of the same category
    begins right behind it only where `touching` (categories) says so."""
    allowed = np.ones((tags, tags), dtype=bool)
    for begin, free in zip(range(1, tags, 2), touching.tolist(), strict=True):
        inside = begin + 1
        allowed[:, inside] = False
        allowed[[begin, inside], inside] = True
        allowed[[begin, inside], begin] = free
    return allowed


def touching(sequences: Sequence[Numbers], tags: int) -> NDArray[np.bool_]:
    """Categories of which two entities stand side by side somewhere."""
    seen = np.zeros(tags // 2, dtype=bool)
    for truth in sequences:
        before, after = truth[:-1], truth[1:]
        begun = (after % 2 == 1) & (before != OUTSIDE) & (category_of(before) == category_of(after))
        seen[category_of(after[begun])] = True
    return seen


def train_chain(sequences: Iterable[tuple[Codes, Numbers]], tags: int, penalty: Penalty) -> Chain:
    """Learn from sequences of features and tags, which are taken one by one. Deterministic."""
    trainer = pycrfsuite.Trainer(algorithm="lbfgs", verbose=False)
    trainer.set_params(
        {
            "c1": penalty.l1,
            "c2": penalty.l2,
            "max_iterations": penalty.iterations,
            "feature.possible_transitions": True,
        }
    )
    taught = []
    for codes, truth in sequences:
        taught.append(truth)
        items = [[str(code) for code in row] for row in codes.tolist()]
        trainer.append(items, [str(tag) for tag in truth.tolist()])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "chain.crf"
        trainer.train(str(path))
        with pycrfsuite.Tagger().open(str(path)) as tagger:
            learned = tagger.info()
    allowed = possible(tags, touching(taught, tags))
    allowed[:, _untaught(taught, tags)] = False
    return _chain(learned.state_features, learned.transitions, allowed)


def _untaught(taught: Iterable[Numbers], tags: int) -> NDArray[np.bool_]:
    """Tags that nothing was taught of: none is ever given."""
    seen = np.zeros(tags, dtype=bool)
    seen[OUTSIDE] = True
    for truth in taught:
        seen[truth] = True
    return ~seen


def _chain(
    states: Mapping[tuple[str, str], float],
    steps: Mapping[tuple[str, str], float],
    allowed: NDArray[np.bool_],
) -> Chain:
    tags = len(allowed)
    codes = np.array([int(code) for code, _ in states], dtype=np.uint64)
    keys, rows = np.unique(codes, return_inverse=True)
    columns = np.array([int(tag) for _, tag in states], dtype=np.int64)
    values = np.array(list(states.values()), dtype=np.float32)
    weights = sparse.csr_array((values, (rows, columns)), shape=(len(keys), tags))
    table = np.zeros((tags, tags), dtype=np.float32)
    for (before, after), weight in steps.items():
        table[int(before), int(after)] = weight
    return Chain(keys, weights, np.where(allowed, table, -np.inf).astype(np.float32))


@dataclass(frozen=True, slots=True)
class Likelihood:
    """What a chain says of a text: everything in probabilities, scaled step by step."""

    forward: Floats
    backward: Floats
    local: Floats
    steps: Floats
    scale: Floats

    def marginals(self) -> Floats:
        return self.forward * self.backward

    def spans(self, least: float) -> list[tuple[int, int, int, float]]:
        """Stretches (category, first token, last + 1, probability) of at least that probability."""
        marginals = self.marginals()
        found = []
        for first, category in np.argwhere(marginals[:, 1::2] >= least).tolist():
            found += self._from(first, category, least)
        return found

    def _from(self, first: int, category: int, least: float) -> list[tuple[int, int, int, float]]:
        tag = begins(category)
        end, inside, found = len(self.local), tag + 1, []
        before = self.forward[first - 1] @ self.steps[:, tag] if first else _start(self.steps)[tag]
        mass = before * self.local[first, tag] / self.scale[first]
        last, at = tag, first
        while True:
            if at + 1 == end:
                found.append((at + 1, mass))
                break
            after = self.steps[last] * self.local[at + 1] * self.backward[at + 1] / self.scale[at + 1]
            found.append((at + 1, mass * (after.sum() - after[inside])))
            if mass * after[inside] < least:
                break
            mass *= self.steps[last, inside] * self.local[at + 1, inside] / self.scale[at + 1]
            last, at = inside, at + 1
        return [(category, first, stop, float(mass)) for stop, mass in found if mass >= least]


def _start(steps: Floats) -> Floats:
    """CRFsuite weighs no step into the first token; no entity goes on there."""
    return np.asarray(steps[OUTSIDE] > 0, dtype=np.float64)


def likelihood(chain: Chain, features: Codes) -> Likelihood:
    """Forward and backward over all tokens of a text (at least one)."""
    scores = chain.scores(features)
    local = np.exp(np.maximum(scores - scores.max(axis=1, keepdims=True), _UNLIKELIEST))
    steps = np.exp(chain.steps.astype(np.float64))
    forward, backward, scale = np.empty_like(local), np.ones_like(local), np.empty(len(local))
    state = _start(steps) * local[0]
    for at in range(len(local)):
        if at:
            state = (forward[at - 1] @ steps) * local[at]
        scale[at] = state.sum()
        forward[at] = state / scale[at]
    for at in range(len(local) - 2, -1, -1):
        backward[at] = steps @ (local[at + 1] * backward[at + 1]) / scale[at + 1]
    return Likelihood(forward, backward, local, steps, scale)
