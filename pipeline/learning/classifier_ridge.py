"""A linear model of the classes by ridge regression on few texts, and what it says of each text unseen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

_STRENGTH = 0.3
_COMMON = 1 / 16
_AT_ONCE = 4_096


@dataclass(frozen=True, slots=True)
class Ridge:
    """`weights` (n-grams, classes) and `bias` (classes) give scores about 1 for a class and -1 for others.

    `centers` (n-grams, classes): the direction of each class's texts, of length 1. `held_out` (texts,
    classes) are the scores, and `nearness` (texts) the largest cosine with a center, that each text has by
    the model of all the others: exact, by the identity for leaving one out of a ridge regression.
    """

    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    centers: NDArray[np.float32]
    held_out: NDArray[np.float64]
    nearness: NDArray[np.float64]


def fit_ridge(rows: sparse.csr_matrix, member: NDArray[np.bool_], importance: NDArray[np.float64]) -> Ridge:
    """Fit on rows of n-grams. `member` (texts, classes); a text counts by its `importance`."""
    alike = _alike(rows)
    targets = np.where(member, 1.0, -1.0)
    inverse = np.linalg.inv(alike + 1.0 + np.diag(_STRENGTH / importance))
    duals = inverse @ targets
    held_out = targets - duals / np.diag(inverse)[:, None]
    sums = np.asarray(rows.T @ member.astype(np.float32))
    return Ridge(
        np.asarray(rows.T @ duals.astype(np.float32)),
        duals.sum(axis=0).astype(np.float32),
        sums / np.maximum(np.linalg.norm(sums, axis=0), 1e-9),
        held_out,
        _nearness(alike, member),
    )


def _alike(rows: sparse.csr_matrix) -> NDArray[np.float64]:
    """Inner products of all pairs of rows; n-grams that many texts have are multiplied densely."""
    columns = rows.tocsc()
    common = np.diff(columns.indptr) > max(_COMMON * rows.shape[0], 1)
    scattered = columns[:, np.flatnonzero(~common)].tocsr()
    products: NDArray[np.float64] = (scattered @ scattered.T).toarray().astype(np.float64)
    wanted = np.flatnonzero(common)
    for start in range(0, len(wanted), _AT_ONCE):
        dense = columns[:, wanted[start : start + _AT_ONCE]].toarray()
        products += dense @ dense.T
    return products


def _nearness(alike: NDArray[np.float64], member: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The largest cosine of each text with the center of a class, itself left out of it."""
    inside = member.astype(np.float64)
    shared = alike @ inside
    own = np.diag(alike)[:, None] * inside
    squares = np.einsum("tc,tc->c", inside, shared)[None, :] - 2 * shared * inside + own
    cosines = np.where(squares > 1e-9, (shared - own) / np.sqrt(np.maximum(squares, 1e-9)), 0.0)
    nearest: NDArray[np.float64] = cosines.max(axis=1)
    return nearest
