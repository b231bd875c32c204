"""Three linear softmax models over tokens: is it inside a field's value, its beginning, its end?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from pipeline.learning.hashing import BITS
from pipeline.learning.targets import Teaching

INSIDE, BEGIN, END = range(3)
HEADS = 3
LOG_ODDS_LIMIT = 8.0
_NEVER = -12.0
_STEPS = 1000
_HARD = -5.0
_BESIDE = 3


@dataclass(frozen=True, slots=True)
class LinearSettings:
    """`strength` is the inverse of the regularisation; `least_forms` a feature must occur in.

    Of what is no value about `negatives` tokens are learned from, and about `negatives_per_form` a form.
    """

    strength: float = 0.5
    iterations: int = 100
    tolerance: float = 2e-5
    least_forms: int = 2
    negatives: int = 15_000
    negatives_per_form: int = 1_500
    common: float = 0.1
    seed: int = 0


@dataclass(frozen=True, slots=True)
class TokenModel:
    """`buckets`: hash buckets in use, ascending. Class 0 is "none".

    `weights` (buckets, HEADS, fields + 1) are whole numbers to be multiplied by `scales` (HEADS, fields + 1).
    """

    buckets: NDArray[np.int32]
    weights: NDArray[np.int16]
    scales: NDArray[np.float32]
    bias: NDArray[np.float32]

    @property
    def fields(self) -> int:
        return int(self.weights.shape[2]) - 1

    def columns(self) -> NDArray[np.int32]:
        """Column of every bucket, or -1: what `log_odds` looks features up in."""
        table = np.full(1 << BITS, -1, dtype=np.int32)
        table[self.buckets] = np.arange(len(self.buckets), dtype=np.int32)
        return table

    def log_odds(self, cells: NDArray[np.int32]) -> NDArray[np.float32]:
        """Log odds of each field for each token: (HEADS, fields, tokens), within +-8."""
        rows = _rows(cells, len(self.buckets))
        flat = rows @ self.weights.reshape(len(self.buckets), self.bias.size).astype(np.float32)
        scores = flat.reshape(len(cells), *self.bias.shape) * self.scales + self.bias
        return _softmax_log_odds(scores).transpose(1, 2, 0)

    def parts(
        self, cells: NDArray[np.int32], groups: Sequence[int], head: int, field: int
    ) -> NDArray[np.float32]:
        """What each group of slots adds to the log odds of a field against "none": (tokens, groups).

        `cells`: columns of each token's slots; `groups`: first slot of each group.
        """
        lean = self.weights[:, head, field + 1] * self.scales[head, field + 1]
        lean = lean - self.weights[:, head, 0] * self.scales[head, 0]
        padded = np.append(lean, np.float32(0.0))
        sums: NDArray[np.float32] = np.add.reduceat(padded[cells], groups, axis=1)
        return sums


def _softmax_log_odds(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    shifted = scores - scores.max(axis=2, keepdims=True)
    odds = np.exp(shifted)
    odds /= odds.sum(axis=2, keepdims=True)
    likely = odds[:, :, 1:]
    log_odds = np.log(likely + 1e-9) - np.log1p(-np.minimum(likely, 1 - 1e-7))
    clipped: NDArray[np.float32] = np.clip(log_odds, -LOG_ODDS_LIMIT, LOG_ODDS_LIMIT).astype(np.float32)
    return clipped


def _rows(columns: NDArray[np.int32], width: int) -> sparse.csr_matrix:
    """Sparse 0/1 rows from a table of columns; -1 entries are left out."""
    used = columns >= 0
    ends = np.concatenate(([0], np.cumsum(used.sum(axis=1))))
    values = np.ones(int(ends[-1]), dtype=np.float32)
    return sparse.csr_matrix((values, columns[used], ends), shape=(len(columns), width))


def fit_tokens(
    features: Sequence[NDArray[np.int32]],
    teachings: Sequence[Teaching],
    fields: int,
    settings: LinearSettings,
    hardness: Sequence[NDArray[np.float32]] | None = None,
) -> TokenModel:
    """Fit on forms given as one feature table and one teaching each.

    `hardness`: per token the highest log odds of any field by a model that had not seen the form; what is
    no value but was nearly taken for one is always learned from.
    """
    buckets = _useful(features, teachings, settings)
    table = np.full(1 << BITS, -1, dtype=np.int32)
    table[buckets] = np.arange(len(buckets), dtype=np.int32)
    chosen = _choose(features, teachings, settings, hardness)
    labels = np.concatenate(
        [_labels(len(f), t)[:, rows] for f, t, (rows, _) in zip(features, teachings, chosen, strict=True)],
        axis=1,
    )
    matrix = _rows(
        table[np.concatenate([f[rows] for f, (rows, _) in zip(features, chosen, strict=True)])], len(buckets)
    )
    merged, group, scale = _merge_equal(matrix)
    sample = np.concatenate([weight for _, weight in chosen])
    weights = np.zeros((merged.shape[1], HEADS, fields + 1), dtype=np.float32)
    bias = np.full((HEADS, fields + 1), _NEVER, dtype=np.float32)
    for head in range(HEADS):
        _fit_head(merged, labels[head], sample, settings, weights[:, head], bias[head])
    return _rounded(buckets, weights[group] * scale[:, None, None], bias)


def _merge_equal(
    matrix: sparse.csr_matrix,
) -> tuple[sparse.csr_matrix, NDArray[np.intp], NDArray[np.float32]]:
    """One column for all that hold in the same rows; the merged column of each, and its share in it.

    Exact under a squared penalty: `k` equal columns of weight w are one column of value and weight
    sqrt(k) times theirs. Print that recurs word by word makes most columns equal.
    """
    marks = np.random.default_rng(0).random(matrix.shape[0])
    _, first, group, sizes = np.unique(
        matrix.T @ marks, return_index=True, return_inverse=True, return_counts=True
    )
    root = np.sqrt(sizes).astype(np.float32)
    return (matrix[:, first] @ sparse.diags(root)).tocsr(), group, 1.0 / root[group]


def _rounded(
    buckets: NDArray[np.int32], weights: NDArray[np.float32], bias: NDArray[np.float32]
) -> TokenModel:
    """Weights in steps of 1/1000 of the largest of their class; features left without any are dropped."""
    scales = np.maximum(np.abs(weights).max(axis=0, initial=0.0), 1e-6) / _STEPS
    steps = np.rint(weights / scales).astype(np.int16)
    used = steps.any(axis=(1, 2))
    return TokenModel(buckets[used], steps[used], scales.astype(np.float32), bias)


def _fit_head(
    matrix: sparse.csr_matrix,
    labels: NDArray[np.int32],
    sample: NDArray[np.float32],
    settings: LinearSettings,
    weights: NDArray[np.float32],
    bias: NDArray[np.float32],
) -> None:
    classes = np.unique(labels)
    if len(classes) < 2:
        bias[classes] = 0.0
        return
    model = LogisticRegression(C=settings.strength, max_iter=settings.iterations, tol=settings.tolerance)
    model.fit(matrix, labels, sample_weight=sample)
    if len(classes) == 2:
        weights[:, classes[1]] = model.coef_[0]
        bias[classes] = (0.0, model.intercept_[0])
        return
    weights[:, classes] = model.coef_.T
    bias[classes] = model.intercept_


def _useful(
    features: Sequence[NDArray[np.int32]], teachings: Sequence[Teaching], settings: LinearSettings
) -> NDArray[np.int32]:
    """Features that occur in several forms, and either in a value or in a good share of the forms."""
    forms = np.zeros(1 << BITS, dtype=np.int32)
    taught = np.zeros(1 << BITS, dtype=np.bool_)
    for table, teaching in zip(features, teachings, strict=True):
        seen = np.zeros(1 << BITS, dtype=np.bool_)
        seen[table] = True
        forms += seen
        for _, path in teaching.taught:
            taught[table[list(path)]] = True
    common = forms >= max(settings.least_forms, settings.common * len(features))
    return np.flatnonzero((forms >= settings.least_forms) & (taught | common)).astype(np.int32)


def _choose(
    features: Sequence[NDArray[np.int32]],
    teachings: Sequence[Teaching],
    settings: LinearSettings,
    hardness: Sequence[NDArray[np.float32]] | None,
) -> list[tuple[NDArray[np.intp], NDArray[np.float32]]]:
    """Rows to learn from and their weights: what is taught, what stands beside it, a sample of the rest."""
    random = np.random.default_rng(settings.seed)
    total = sum(len(table) for table in features)
    wanted = min(settings.negatives, settings.negatives_per_form * len(features))
    rate = min(1.0, wanted / max(total, 1))
    chosen = []
    for number, (table, teaching) in enumerate(zip(features, teachings, strict=True)):
        keep = random.random(len(table)) < rate
        weight = np.full(len(table), 1.0 / rate, dtype=np.float32)
        if hardness is not None:
            hard = hardness[number] > _HARD
            keep[hard], weight[hard] = True, 1.0
        for _, path in teaching.taught:
            around = slice(max(min(path) - _BESIDE, 0), max(path) + 1 + _BESIDE)
            keep[around], weight[around] = True, 1.0
        keep[list(teaching.ignored)] = False
        chosen.append((np.flatnonzero(keep), weight[keep]))
    return chosen


def _labels(tokens: int, teaching: Teaching) -> NDArray[np.int32]:
    labels = np.zeros((HEADS, tokens), dtype=np.int32)
    for field, path in teaching.taught:
        labels[INSIDE, list(path)] = field + 1
        labels[BEGIN, path[0]] = field + 1
        labels[END, path[-1]] = field + 1
    return labels
