"""From scores to confidences that say how often such an answer is right, learned from scores held out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import minimize
from scipy.special import expit, log_softmax, softmax
from sklearn.linear_model import LogisticRegression

Scores = NDArray[np.float64]

_USUAL = 0.05
_STRANGE, _FAMILIAR = 0.35, 0.65
_STRANGE_BY_NEARNESS, _FAMILIAR_BY_NEARNESS = 0.6, 0.9
"""Texts of other kinds stay below the first, of known kinds in layouts never seen above the second (measured
on filings, receipts, tax forms, orders, abstracts and letters against each other)."""

_LEAST = 0.01
_LEAST_NEARNESS, _PLAIN_NEARNESS = 0.02, 0.4
_PLAIN_SLOPE = 3.0
_FREEDOM = 10.0
"""Scores are stretched so much before the slope is learned: its penalty becomes as good as none."""
_EVENNESS = 0.5
_RISES = (0.0, 1.0)
_LOG_SLOPES = (-3.0, 7.0)
_SHRINKAGE = 5.0
_LEAST_THRESHOLD, _MOST_THRESHOLD = 0.1, 0.7


@dataclass(frozen=True, slots=True)
class Trust:
    """How scores become confidences. `slope` and `offsets` (by class) make them probabilities, which are
    never above `ceilings` and, of a multi-label model, given from `thresholds` on.

    `margin` and `nearness` are what nineteen in twenty texts of the known classes reach: the confidence in
    a text that stays far below them is little, for it may be of a kind that was never seen.
    """

    slope: float
    offsets: Scores
    ceilings: Scores
    thresholds: Scores
    margin: float
    nearness: float

    def of_one(self, scores: Scores, nearness: Scores) -> Scores:
        """Confidences (texts, classes) where a text has one class. What they lack to 1 is the chance that
        the text is of none of the classes."""
        even = scores + self.offsets
        likely = softmax(self.slope * even, axis=1)
        confidence: Scores = np.minimum(likely, self.ceilings) * self._typical(even, nearness)[:, None]
        return confidence

    def of_any(self, scores: Scores, nearness: Scores) -> Scores:
        """Confidences (texts, classes) where a text has any number of classes."""
        likely = expit(self.slope * scores + self.offsets)
        confidence: Scores = np.minimum(likely, self.ceilings) * self._near(nearness)[:, None]
        return confidence

    def _typical(self, even: Scores, nearness: Scores) -> Scores:
        """Close to 1 for texts like those learned from, 0 for strangers: these are far from all classes, or
        as far from one as from another."""
        if self.margin <= 0:
            return self._near(nearness)
        decided = np.minimum(_margins(even) / self.margin, 1.0)
        return _ramp(decided * np.minimum(nearness / self.nearness, 1.0), _STRANGE, _FAMILIAR)

    def _near(self, nearness: Scores) -> Scores:
        return _ramp(nearness / self.nearness, _STRANGE_BY_NEARNESS, _FAMILIAR_BY_NEARNESS)


def _ramp(values: Scores, low: float, high: float) -> Scores:
    """From little at `low` to 1 at `high`; never 0, so that the classes of a stranger keep their order."""
    ramp: Scores = np.clip((values - low) / (high - low), _LEAST, 1.0)
    return ramp


def _margins(scores: Scores) -> Scores:
    ordered = np.sort(scores, axis=1)
    margins: Scores = ordered[:, -1] - ordered[:, -2]
    return margins


def learn_of_one(scores: Scores, nearness: Scores, member: NDArray[np.bool_]) -> Trust:
    """From held-out scores of texts that have one class each."""
    several = member.shape[1] > 1
    slope, offsets = _softmax(scores, member) if several else (1.0, np.zeros(1))
    return Trust(
        slope=slope,
        offsets=offsets,
        ceilings=_ceilings(member),
        thresholds=np.zeros_like(offsets),
        margin=_usual(_true_margins(scores + offsets, member)) if several else 0.0,
        nearness=_usual_nearness(nearness, member),
    )


def _softmax(scores: Scores, member: NDArray[np.bool_]) -> tuple[float, Scores]:
    """The slope and the offsets with the least log loss. Of offsets only how steeply they rise with fewer
    texts is learned: the fewer a class has, the lower are its scores in new ones. That no text was wrong
    does not mean that none will be: as if one more text had been, evenly over the classes."""
    texts, classes = member.shape
    doubt = 1 / (texts + 1)
    targets = member * (1 - doubt) + doubt / classes
    fewer = -np.log(member.sum(axis=0) / member.sum(axis=0).max())
    weights = np.exp(_EVENNESS * fewer)[member.argmax(axis=1), None]

    def loss(numbers: Scores) -> float:
        logits = np.exp(numbers[0]) * (scores + numbers[1] * fewer)
        return float(-(weights * targets * log_softmax(logits, axis=1)).sum() / texts)

    start = np.array([np.log(_PLAIN_SLOPE), 0.0])
    log_slope, rise = minimize(loss, start, method="L-BFGS-B", bounds=[_LOG_SLOPES, _RISES]).x
    return float(np.exp(log_slope)), rise * fewer


def _true_margins(scores: Scores, member: NDArray[np.bool_]) -> Scores:
    """By how much the score of the right class is above the best other; below zero where it is not."""
    right = scores[member]
    margins: Scores = right - np.where(member, -np.inf, scores).max(axis=1)
    return margins


def _usual(values: Scores) -> float:
    return max(float(np.quantile(values, _USUAL)), 0.0)


def _usual_nearness(nearness: Scores, member: NDArray[np.bool_]) -> float:
    """Of the texts that have another of their class to be near to; a guess where there are none."""
    accompanied = (member & (member.sum(axis=0) > 1)).any(axis=1)
    return max(_usual(nearness[accompanied]), _LEAST_NEARNESS) if accompanied.any() else _PLAIN_NEARNESS


def _ceilings(member: NDArray[np.bool_]) -> Scores:
    """The highest confidence that so many texts of a class can support (Jeffreys' rule)."""
    texts = member.sum(axis=0)
    ceilings: Scores = (texts + 0.5) / (texts + 1.0)
    return ceilings


def learn_of_any(scores: Scores, nearness: Scores, member: NDArray[np.bool_]) -> Trust:
    """From held-out scores of texts that have any number of classes: one slope for all classes, an offset
    and a threshold for each, which stay near those of all where a class has few texts."""
    slope, offsets = _logistic(scores, member)
    likely = np.minimum(expit(slope * scores + offsets), _ceilings(member))
    return Trust(
        slope=slope,
        offsets=offsets,
        ceilings=_ceilings(member),
        thresholds=_thresholds(likely, member),
        margin=0.0,
        nearness=_usual_nearness(nearness, member),
    )


def _logistic(scores: Scores, member: NDArray[np.bool_]) -> tuple[float, Scores]:
    texts, classes = member.shape
    if member.all() or not member.any():
        return _PLAIN_SLOPE, np.zeros(classes)
    ones = np.ones(member.size), np.tile(np.arange(classes), texts), np.arange(member.size + 1)
    own = sparse.csr_matrix(ones, shape=(member.size, classes))
    inputs = sparse.hstack([sparse.csr_matrix(_FREEDOM * scores.reshape(-1, 1)), own], format="csr")
    model = LogisticRegression(C=1.0, max_iter=500).fit(inputs, member.ravel())
    slope, *offsets = model.coef_[0]
    return max(_FREEDOM * float(slope), _LEAST), np.array(offsets) + model.intercept_[0]


def _thresholds(likely: Scores, member: NDArray[np.bool_]) -> Scores:
    """Per class the threshold with the best F1, drawn towards that of all classes together."""
    common = _best_threshold(likely.ravel(), member.ravel())
    counts = member.sum(axis=0)
    own = np.array([_best_threshold(likely[:, at], member[:, at]) for at in range(member.shape[1])])
    mixed = (counts * own + _SHRINKAGE * common) / (counts + _SHRINKAGE)
    thresholds: Scores = np.clip(mixed, _LEAST_THRESHOLD, _MOST_THRESHOLD)
    return thresholds


def _best_threshold(likely: Scores, right: NDArray[np.bool_]) -> float:
    """Halfway between the last answer that is worth giving and the next."""
    order = np.argsort(-likely, kind="stable")
    hits = np.cumsum(right[order])
    f1 = 2 * hits / (np.arange(1, len(order) + 1) + max(int(right.sum()), 1))
    last = int(f1.argmax())
    below = likely[order][min(last + 1, len(order) - 1)]
    return float((likely[order][last] + below) / 2)
