from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from pipeline.learning.linear import _merge_equal


def repeated_columns() -> tuple[sparse.csr_matrix, np.ndarray]:
    """Twelve columns of 0 and 1 of which five are copies of others, and labels of three classes."""
    random = np.random.default_rng(3)
    base = (random.random((80, 7)) < 0.4).astype(np.float32)
    table = base[:, [0, 1, 2, 3, 4, 5, 6, 0, 0, 3, 6, 3]]
    labels = (base[:, 0] + 2 * base[:, 3] + random.random(80) > 1.5).astype(int) + (base[:, 6] > 0)
    return sparse.csr_matrix(table), labels


def test_columns_that_hold_in_the_same_rows_become_one() -> None:
    matrix, _ = repeated_columns()
    merged, group, _ = _merge_equal(matrix)
    assert merged.shape == (80, 7)
    assert group[0] == group[7] == group[8] and group[3] == group[9] == group[11] and group[6] == group[10]
    assert len(set(group.tolist())) == 7


def test_a_fit_on_merged_columns_gives_the_weights_of_a_fit_on_all() -> None:
    matrix, labels = repeated_columns()
    merged, group, share = _merge_equal(matrix)
    plain = LogisticRegression(C=0.5, tol=1e-9, max_iter=2000).fit(matrix, labels)
    fast = LogisticRegression(C=0.5, tol=1e-9, max_iter=2000).fit(merged, labels)
    assert fast.coef_[:, group] * share == pytest.approx(plain.coef_, abs=1e-4)
    assert fast.intercept_ == pytest.approx(plain.intercept_, abs=1e-4)
