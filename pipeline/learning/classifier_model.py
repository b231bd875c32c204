"""A fitted model of classes as it is kept: n-grams, their weights in small whole numbers, and its trust."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pipeline.learning.classifier_ngrams import Vocabulary
from pipeline.learning.classifier_trust import Trust

_STEPS = 127
_MOST_NUMBERS = 1_000_000


@dataclass(frozen=True, slots=True)
class Rounded:
    """A matrix (n-grams, classes): whole numbers to be multiplied by the `scales` of their classes."""

    steps: NDArray[np.int8]
    scales: NDArray[np.float32]

    def times(self, rows: sparse.csr_matrix) -> NDArray[np.float64]:
        """`rows` (texts, n-grams) times the matrix."""
        used, places = np.unique(rows.indices, return_inverse=True)
        narrow = sparse.csr_matrix((rows.data, places, rows.indptr), shape=(rows.shape[0], len(used)))
        products: NDArray[np.float64] = (narrow @ self.steps[used].astype(np.float32)) * self.scales
        return products.astype(np.float64)


def rounded(matrix: NDArray[np.float32]) -> Rounded:
    """In 127 steps to the largest of each class; of very many numbers the smallest are left out."""
    scales = np.maximum(np.abs(matrix).max(axis=0, initial=0.0), 1e-9) / _STEPS
    steps = np.rint(matrix / scales)
    if np.count_nonzero(steps) > _MOST_NUMBERS:
        least = np.partition(np.abs(steps).ravel(), -_MOST_NUMBERS)[-_MOST_NUMBERS]
        steps[np.abs(steps) <= least] = 0
    return Rounded(steps.astype(np.int8), scales.astype(np.float32))


def rounded_centers(matrix: NDArray[np.float32], rows: sparse.csr_matrix) -> Rounded:
    """`rounded`, and scaled such that the texts of `rows` are on the whole as near to their centers as
    before: what is left out of very many numbers would make every text look strange."""
    centers = rounded(matrix)
    before = float(np.asarray(rows @ matrix).max(axis=1).sum())
    after = float(centers.times(rows).max(axis=1).sum())
    scale = np.float32(before / after if after > 0 else 1.0)
    return Rounded(centers.steps, centers.scales * scale)


@dataclass(frozen=True, slots=True)
class ClassModel:
    """`classes` are those that had texts; the columns of `weights` and `centers` are in their order."""

    classes: tuple[str, ...]
    multi_label: bool
    vocabulary: Vocabulary
    weights: Rounded
    bias: NDArray[np.float32]
    centers: Rounded
    trust: Trust

    def confidences(self, rows: sparse.csr_matrix) -> NDArray[np.float64]:
        """How likely each text has each class: (texts, classes)."""
        scores = self.weights.times(rows) + self.bias
        nearness = self.centers.times(rows).max(axis=1)
        judge = self.trust.of_any if self.multi_label else self.trust.of_one
        return judge(scores, nearness)
