"""What the ridge says of a text held out is what a model without that text says."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from pipeline.learning.classifier_ridge import Ridge, fit_ridge

RANDOM = np.random.default_rng(1)
DENSE = RANDOM.random((14, 30)) * (RANDOM.random((14, 30)) < 0.4)
MEMBER = np.eye(3, dtype=np.bool_)[[0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2]]
IMPORTANCE = np.where(MEMBER[:, 2], 1.25, 0.9)


def fitted(keep: list[int]) -> Ridge:
    rows = sparse.csr_matrix(DENSE[keep].astype(np.float32))
    return fit_ridge(rows, MEMBER[keep], IMPORTANCE[keep])


@pytest.mark.parametrize("left_out", range(14))
def test_held_out_scores_are_those_of_a_model_without_the_text(left_out: int) -> None:
    keep = [at for at in range(14) if at != left_out]
    others = fitted(keep)
    expected = DENSE[left_out] @ others.weights + others.bias
    assert fitted(list(range(14))).held_out[left_out] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("left_out", range(14))
def test_held_out_nearness_is_that_to_the_centers_of_the_others(left_out: int) -> None:
    others = fitted([at for at in range(14) if at != left_out])
    expected = (DENSE[left_out] @ others.centers).max()
    assert fitted(list(range(14))).nearness[left_out] == pytest.approx(expected, abs=1e-4)


def test_scores_tell_the_classes_that_were_learned() -> None:
    ridge = fitted(list(range(14)))
    assert ((DENSE @ ridge.weights + ridge.bias).argmax(axis=1) == MEMBER.argmax(axis=1)).all()
    assert np.linalg.norm(ridge.centers, axis=0) == pytest.approx(1.0, abs=1e-5)
