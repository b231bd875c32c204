"""Which candidate is right: boosted trees over evidence, stored as plain arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from pipeline.learning.evidence import NAMES, WIDTH

Evidence = NDArray[np.float32]

_FEW = ("begin", "end", "mean_inside", "least_inside", "score", "lead", "agreement", "known_kind", "widest")


@dataclass(frozen=True, slots=True)
class Judge:
    """Log odds = `start` + linear part + sum of trees.

    Trees are (trees, nodes) arrays: at a node go `left` where feature <= threshold, else `right`;
    a leaf points to itself and has its `value`.
    """

    start: float
    linear: NDArray[np.float32]
    feature: NDArray[np.int16]
    threshold: NDArray[np.float32]
    left: NDArray[np.int16]
    right: NDArray[np.int16]
    value: NDArray[np.float32]
    depth: int

    def log_odds(self, rows: Evidence) -> NDArray[np.float64]:
        odds = self.start + rows.astype(np.float64) @ self.linear.astype(np.float64)
        if self.feature.size:
            odds = odds + self._leaves(rows)
        return odds

    def _leaves(self, rows: Evidence) -> NDArray[np.float64]:
        trees = np.arange(len(self.feature))[None, :]
        items = np.arange(len(rows))[:, None]
        node = np.zeros((len(rows), len(self.feature)), dtype=np.int16)
        for _ in range(self.depth):
            goes_left = rows[items, self.feature[trees, node]] <= self.threshold[trees, node]
            node = np.where(goes_left, self.left[trees, node], self.right[trees, node])
        leaves: NDArray[np.float64] = self.value[trees, node].sum(axis=1, dtype=np.float64)
        return leaves


def probability(log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
    odds: NDArray[np.float64] = 1.0 / (1.0 + np.exp(-np.clip(log_odds, -30, 30)))
    return odds


def untrained() -> Judge:
    """Without forms to learn from: the linear models' own score, softened."""
    linear = np.zeros(WIDTH, dtype=np.float32)
    for name, weight in (("begin", 0.15), ("end", 0.15), ("mean_inside", 0.25), ("lead", 0.02)):
        linear[NAMES.index(name)] = weight
    return _no_trees(0.0, linear)


def fit_linear(rows: Evidence, right: NDArray[np.bool_]) -> Judge:
    """Logistic regression over the few columns that say most: for few forms."""
    if right.all() or not right.any():
        return untrained()
    columns = [NAMES.index(name) for name in _FEW]
    scaler = StandardScaler().fit(rows[:, columns])
    model = LogisticRegression(C=0.3, max_iter=300).fit(scaler.transform(rows[:, columns]), right)
    slope = model.coef_[0] / scaler.scale_
    linear = np.zeros(WIDTH, dtype=np.float32)
    linear[columns] = slope
    return _no_trees(float(model.intercept_[0] - slope @ scaler.mean_), linear)


def _no_trees(start: float, linear: NDArray[np.float32]) -> Judge:
    ints, floats = np.zeros((0, 1), dtype=np.int16), np.zeros((0, 1), dtype=np.float32)
    return Judge(start, linear, ints, floats, ints, ints, floats, 0)


def fit_boosted(rows: Evidence, right: NDArray[np.bool_], seed: int, trees: int = 120) -> Judge:
    """Stochastic gradient boosting (Friedman 2002) over all columns: from some twenty forms on."""
    if right.all() or not right.any():
        return untrained()
    model = GradientBoostingClassifier(
        n_estimators=trees,
        learning_rate=0.08,
        max_depth=4,
        min_samples_leaf=8,
        subsample=0.6,
        max_features=0.35,
        random_state=seed,
    ).fit(rows, right)
    prior = float(np.clip(right.mean(), 1e-6, 1 - 1e-6))
    return _export(
        [stage[0].tree_ for stage in model.estimators_], model.learning_rate, np.log(prior / (1 - prior))
    )


def _export(trees: Sequence[object], rate: float, start: float) -> Judge:
    nodes = max(tree.node_count for tree in trees)  # type: ignore[attr-defined]
    shape = (len(trees), nodes)
    feature, left, right = (np.zeros(shape, dtype=np.int16) for _ in range(3))
    threshold, value = np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=np.float32)
    for row, tree in enumerate(trees):
        _export_tree(tree, rate, row, feature, threshold, left, right, value)
    depth = max(tree.max_depth for tree in trees)  # type: ignore[attr-defined]
    return Judge(start, np.zeros(WIDTH, dtype=np.float32), feature, threshold, left, right, value, depth)


def _export_tree(
    tree: object,
    rate: float,
    row: int,
    feature: NDArray[np.int16],
    threshold: NDArray[np.float32],
    left: NDArray[np.int16],
    right: NDArray[np.int16],
    value: NDArray[np.float32],
) -> None:
    count: int = tree.node_count  # type: ignore[attr-defined]
    is_leaf = tree.children_left < 0  # type: ignore[attr-defined]
    own = np.arange(count)
    feature[row, :count] = np.where(is_leaf, 0, tree.feature)  # type: ignore[attr-defined]
    threshold[row, :count] = tree.threshold  # type: ignore[attr-defined]
    left[row, :count] = np.where(is_leaf, own, tree.children_left)  # type: ignore[attr-defined]
    right[row, :count] = np.where(is_leaf, own, tree.children_right)  # type: ignore[attr-defined]
    value[row, :count] = np.where(is_leaf, rate * tree.value[:, 0, 0], 0.0)  # type: ignore[attr-defined]
