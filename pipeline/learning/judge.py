"""Which candidate is right: logistic regression and boosted trees over evidence, stored as plain arrays."""

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

FIELD = NAMES.index("field")
_FEW = ("begin", "end", "mean_inside", "least_inside", "score", "lead", "agreement", "known_kind", "widest")


@dataclass(frozen=True, slots=True)
class Judge:
    """Log odds = `start` of the field + linear part + sum of trees.

    Trees are (trees, nodes) arrays: at a node go `left` where feature <= threshold, else `right`;
    a leaf points to itself and has its `value`.
    """

    start: NDArray[np.float32]
    linear: NDArray[np.float32]
    feature: NDArray[np.int16]
    threshold: NDArray[np.float32]
    left: NDArray[np.int16]
    right: NDArray[np.int16]
    value: NDArray[np.float32]
    depth: int

    def log_odds(self, rows: Evidence) -> NDArray[np.float64]:
        start = self.start[rows[:, FIELD].astype(np.int64)].astype(np.float64)
        odds = start + rows.astype(np.float64) @ self.linear.astype(np.float64)
        if self.feature.size:
            odds = odds + self._leaves(rows)
        return odds

    def _leaves(self, rows: Evidence) -> NDArray[np.float64]:
        nodes = self.feature.shape[1]
        root = (np.arange(len(self.feature)) * nodes)[None, :]
        item = (np.arange(len(rows)) * rows.shape[1])[:, None]
        values, feature, threshold = rows.ravel(), self.feature.ravel(), self.threshold.ravel()
        left, right = self.left.ravel(), self.right.ravel()
        place = np.repeat(root, len(rows), axis=0)
        for _ in range(self.depth):
            goes_left = values.take(item + feature.take(place)) <= threshold.take(place)
            place = root + np.where(goes_left, left.take(place), right.take(place))
        leaves: NDArray[np.float64] = self.value.ravel().take(place).sum(axis=1, dtype=np.float64)
        return leaves


def untrained(fields: int) -> Judge:
    """Without forms to learn from: the linear models' own score, softened."""
    linear = np.zeros(WIDTH, dtype=np.float32)
    for name, weight in (("begin", 0.15), ("end", 0.15), ("mean_inside", 0.25), ("lead", 0.02)):
        linear[NAMES.index(name)] = weight
    return _no_trees(np.zeros(fields, dtype=np.float32), linear)


def fit_few(rows: Evidence, right: NDArray[np.bool_], fields: int) -> Judge:
    """Logistic regression over the few columns that say most: for a handful of forms."""
    if right.all() or not right.any():
        return untrained(fields)
    columns = [NAMES.index(name) for name in _FEW]
    start, slope = _logistic(rows[:, columns], right, 0.3)
    linear = np.zeros(WIDTH, dtype=np.float32)
    linear[columns] = slope
    return _no_trees(np.full(fields, start, dtype=np.float32), linear)


def fit_judge(rows: Evidence, right: NDArray[np.bool_], fields: int, seed: int, bags: int = 3) -> Judge:
    """The mean of a logistic regression over all columns and of stochastic gradient boosting (Friedman 2002).

    The first is the better half with few forms, the second with many; boosting is repeated (`bags`) since
    its draws matter.
    """
    if right.all() or not right.any():
        return untrained(fields)
    own_field = (rows[:, FIELD, None] == np.arange(fields)).astype(np.float32)
    intercept, slope = _logistic(np.hstack([rows, own_field]), right, 0.03)
    prior = float(np.log(right.mean() / (1 - right.mean())))
    start = (0.5 * (intercept + slope[WIDTH:] + prior)).astype(np.float32)
    forests = [_boosted(rows, right, seed + bag) for bag in range(bags)]
    return _export(forests, start, (0.5 * slope[:WIDTH]).astype(np.float32), 0.5 / bags)


def _logistic(
    columns: Evidence, right: NDArray[np.bool_], strength: float
) -> tuple[float, NDArray[np.float64]]:
    """Intercept and slopes in the units of the columns, fitted on standardised ones."""
    scaler = StandardScaler().fit(columns)
    model = LogisticRegression(C=strength, max_iter=300).fit(scaler.transform(columns), right)
    slope: NDArray[np.float64] = model.coef_[0] / scaler.scale_
    return float(model.intercept_[0] - slope @ scaler.mean_), slope


def _boosted(rows: Evidence, right: NDArray[np.bool_], seed: int) -> GradientBoostingClassifier:
    return GradientBoostingClassifier(
        n_estimators=120,
        learning_rate=0.08,
        max_depth=4,
        min_samples_leaf=8,
        subsample=0.6,
        max_features=0.35,
        random_state=seed,
    ).fit(rows, right)


def _no_trees(start: NDArray[np.float32], linear: NDArray[np.float32]) -> Judge:
    ints, floats = np.zeros((0, 1), dtype=np.int16), np.zeros((0, 1), dtype=np.float32)
    return Judge(start, linear, ints, floats, ints, ints, floats, 0)


def _export(
    forests: Sequence[GradientBoostingClassifier],
    start: NDArray[np.float32],
    linear: NDArray[np.float32],
    share: float,
) -> Judge:
    """The trees of all forests as arrays, each leaf multiplied by `share`."""
    trees = [stage[0].tree_ for forest in forests for stage in forest.estimators_]
    rate = share * forests[0].learning_rate
    shape = (len(trees), max(tree.node_count for tree in trees))
    feature, left, right = (np.zeros(shape, dtype=np.int16) for _ in range(3))
    threshold, value = np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=np.float32)
    for row, tree in enumerate(trees):
        nodes = slice(tree.node_count)
        is_leaf = tree.children_left < 0
        own = np.arange(tree.node_count)
        feature[row, nodes] = np.where(is_leaf, 0, tree.feature)
        threshold[row, nodes] = tree.threshold
        left[row, nodes] = np.where(is_leaf, own, tree.children_left)
        right[row, nodes] = np.where(is_leaf, own, tree.children_right)
        value[row, nodes] = np.where(is_leaf, rate * tree.value[:, 0, 0], 0.0)
    depth = max(tree.max_depth for tree in trees)
    return Judge(start, linear, feature, threshold, left, right, value, depth)
