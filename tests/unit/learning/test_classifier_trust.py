"""How scores become confidences: slopes, offsets, ceilings, thresholds, and doubt about strangers."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.learning.classifier_trust import Scores, Trust, learn_of_any, learn_of_one


def drawn(texts: int, *shares: float) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    return np.random.default_rng(4).random((texts, len(shares))) < np.array(shares)


def members(*counts: int) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    return np.repeat(np.eye(len(counts), dtype=np.bool_), counts, axis=0)


def scored(
    member: np.ndarray[tuple[int, int], np.dtype[np.bool_]],
    apart: float,
    noise: float = 0.3,
    *,
    seed: int = 0,
) -> Scores:
    spread = np.random.default_rng(seed).normal(0, noise, member.shape)
    scores: Scores = np.where(member, apart, -apart) / 2 + spread
    return scores


def near(count: int, nearness: float = 0.6) -> Scores:
    return np.full(count, nearness)


def test_confidences_say_how_often_answers_are_right() -> None:
    member = members(400, 400, 400)
    scores = scored(member, 0.5, 0.4)
    trust = learn_of_one(scores, near(1200), member)
    new = scored(member, 0.5, 0.4, seed=1)
    confidences = trust.of_one(new, near(1200))
    right = confidences.argmax(axis=1) == member.argmax(axis=1)
    assert 0.6 < right.mean() < 0.9
    assert confidences.max(axis=1).mean() == pytest.approx(right.mean(), abs=0.05)


def test_a_class_whose_scores_are_low_is_raised_to_the_others() -> None:
    member = members(60, 6)
    scores = scored(member, 1.0, 0.1) + np.array([0.0, -1.4]) * member
    trust = learn_of_one(scores, near(66), member)
    assert (scores[60:].argmax(axis=1) == 0).all()
    assert (trust.of_one(scores, near(66)).argmax(axis=1) == member.argmax(axis=1)).mean() > 0.95


def test_no_error_among_few_texts_is_no_certainty() -> None:
    trusts = [learn_of_one(scored(m, 2.0, 0.01), near(len(m)), m) for m in (members(3, 3), members(50, 50))]
    few, many = (trust.of_one(np.array([[1.0, -1.0]]), near(1))[0, 0] for trust in trusts)
    assert few == pytest.approx(3.5 / 4)
    assert many > 0.97


@pytest.mark.parametrize(
    ("score", "nearness"), [([1.0, 0.9, -1.0], 0.6), ([1.0, -1.0, -1.0], 0.1), ([0.1, -0.1, -0.1], 0.4)]
)
def test_little_is_trusted_far_from_all_classes_or_between_them(score: list[float], nearness: float) -> None:
    member = members(20, 20, 20)
    trust = learn_of_one(scored(member, 2.0, 0.05), near(60), member)
    (confidences,) = trust.of_one(np.array([score]), near(1, nearness))
    assert confidences.max() < 0.3
    assert confidences.argmax() == 0
    assert trust.of_one(np.array([[1.0, -1.0, -1.0]]), near(1)).max() > 0.95


def test_where_classes_overlap_only_nearness_tells_strangers() -> None:
    member = members(40, 40, 40)
    trust = learn_of_one(scored(member, 0.3, 0.4), near(120), member)
    assert trust.margin == 0.0
    score = np.array([[2.0, -2.0, -2.0]])
    familiar, strange = (trust.of_one(score, near(1, nearness)).max() for nearness in (0.6, 0.3))
    assert familiar > 0.9 > 0.1 > strange


def learned_of_any() -> tuple[Trust, Scores]:
    member = drawn(400, 0.5, 0.3, 0.1)
    shifted = scored(member, 1.0, 0.3) + np.array([0.0, 0.4, -0.4])
    return learn_of_any(shifted, near(400), member), member.astype(np.float64)


def test_halfway_between_its_scores_a_class_is_as_likely_as_it_is_common() -> None:
    trust, _ = learned_of_any()
    halfway = trust.of_any(np.array([[0.0, 0.4, -0.4]]), near(1))[0]
    assert halfway == pytest.approx([0.5, 0.3, 0.1], abs=0.13)
    assert ((trust.thresholds >= 0.1) & (trust.thresholds <= 0.7)).all()


def test_confidences_in_each_of_many_labels_say_how_often_they_are_right() -> None:
    member = drawn(300, 0.3, 0.3, 0.3, 0.3)
    trust = learn_of_any(scored(member, 0.5, 0.4), near(300), member)
    confidences = trust.of_any(scored(member, 0.5, 0.4, seed=1), near(300))
    for low, high in ((0.0, 0.3), (0.3, 0.6), (0.6, 1.0)):
        there = (confidences >= low) & (confidences < high)
        assert confidences[there].mean() == pytest.approx(member[there].mean(), abs=0.08)


def test_thresholds_give_most_of_what_is_there_and_little_else() -> None:
    trust, member = learned_of_any()
    scores = scored(member > 0, 1.0, 0.3, seed=1) + np.array([0.0, 0.4, -0.4])
    given = trust.of_any(scores, near(400)) >= trust.thresholds
    both = (given & (member > 0)).sum()
    assert 2 * both / (given.sum() + member.sum()) > 0.9


@pytest.mark.parametrize("always", [True, False])
def test_classes_that_all_or_no_texts_have_are_learned_too(always: bool) -> None:
    member = np.full((8, 2), always)
    trust = learn_of_any(scored(member, 1.0), near(8), member)
    confidences = trust.of_any(np.array([[0.5, 0.5], [-0.5, -0.5]]), near(2))
    assert (confidences[0] > confidences[1]).all()
