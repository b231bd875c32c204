"""From a judge's log odds to a confidence that says how often such a value is right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

Curve = tuple[NDArray[np.float64], NDArray[np.float64]]

_ENOUGH = 300
"""From this many held-out answers on a free (isotonic) curve, below it Platt's two parameters."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Piecewise linear from log odds to confidence; `threshold`: below it a value is not given."""

    odds: NDArray[np.float64]
    confidence: NDArray[np.float64]
    threshold: float

    def __call__(self, log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
        curve: NDArray[np.float64] = np.interp(log_odds, self.odds, self.confidence)
        return curve


def uncalibrated(threshold: float = 0.3) -> Calibration:
    """The plain logistic curve."""
    odds = np.linspace(-8, 8, 65)
    return Calibration(odds, 1 / (1 + np.exp(-odds)), threshold)


def calibrate(log_odds: NDArray[np.float64], right: NDArray[np.bool_], expected: int) -> Calibration:
    """Fit on held-out best candidates. `expected`: values there were to find (sets the threshold by F1)."""
    if len(right) < 20 or right.all() or not right.any():
        return uncalibrated()
    odds, curve = _isotonic(log_odds, right) if len(right) >= _ENOUGH else _platt(log_odds, right)
    return Calibration(odds, curve, _best_threshold(np.interp(log_odds, odds, curve), right, expected))


def _platt(log_odds: NDArray[np.float64], right: NDArray[np.bool_]) -> Curve:
    model = LogisticRegression(C=10.0).fit(log_odds[:, None], right)
    odds = np.linspace(-10, 10, 81)
    return odds, model.predict_proba(odds[:, None])[:, 1]


def _isotonic(log_odds: NDArray[np.float64], right: NDArray[np.bool_]) -> Curve:
    """Isotonic over bins of equal count, blended with Platt so that ends and steps stay smooth."""
    odds, smooth = _platt(log_odds, right)
    curve = IsotonicRegression(out_of_bounds="clip", y_min=0.0, y_max=1.0).fit(log_odds, right)
    return odds, np.maximum.accumulate(0.5 * smooth + 0.5 * curve.predict(odds))


def _best_threshold(confidence: NDArray[np.float64], right: NDArray[np.bool_], expected: int) -> float:
    """The threshold with the best F1 over the held-out answers, never above one half."""
    order = np.argsort(-confidence, kind="stable")
    hits = np.cumsum(right[order])
    f1 = 2 * hits / (np.arange(1, len(order) + 1) + max(expected, 1))
    return float(min(confidence[order][int(f1.argmax())], 0.5))
