"""Texts as rows of n-grams: known words, unknown words, characters that are written in two ways."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from pipeline.learning.classifier_ngrams import Vocabulary, count, learn_vocabulary, reach_of, rows_of

TEXTS = ["invoice total due", "invoice number and total", "report of a visit", "report number"]


def learned(texts: list[str], single: list[bool] | None = None) -> Vocabulary:
    return learn_vocabulary(count(texts, 1000), 1000, np.array(single or [False] * len(texts)))


def lengths(vocabulary: Vocabulary, texts: list[str]) -> list[float]:
    rows = rows_of(vocabulary, count(texts, vocabulary.reach))
    return [float(length) for length in sparse.linalg.norm(rows, axis=1)]


def test_a_text_is_shorter_the_more_of_it_is_unknown() -> None:
    vocabulary = learned(TEXTS * 2)
    known, partly, unknown, empty = lengths(vocabulary, [TEXTS[0], "invoice to Bergström", "żółw", ""])
    assert known == pytest.approx(1.0, abs=1e-5)
    assert 0.2 < partly < 0.9
    assert unknown == empty == 0.0


def test_only_what_recurs_is_kept_unless_its_text_is_alone_in_its_class() -> None:
    texts = ["quinoa", "maple pie", "maple tree"]
    assert lengths(learned(texts), ["quinoa", "maple"]) == pytest.approx([0.0, 1.0], abs=0.2)
    assert lengths(learned(texts, [True, False, False]), ["quinoa"]) == pytest.approx([1.0], abs=1e-5)


@pytest.mark.parametrize("same", ["INVOICE TOTAL DUE", "ｉｎｖｏｉｃｅ total due", "invoice\n\ntotal\tdue"])
def test_case_width_and_blanks_make_no_difference(same: str) -> None:
    counts = count([TEXTS[0], same], 1000)
    assert (counts[0] != counts[1]).nnz == 0


def test_lost_blanks_leave_the_characters_across_them() -> None:
    vocabulary = learned(TEXTS * 2)
    rows = rows_of(vocabulary, count([TEXTS[1], TEXTS[1].replace(" ", ""), TEXTS[2]], 1000))
    cosines = (rows @ rows[0].T).toarray().ravel()
    assert cosines[1] > 0.35 > 2 * cosines[2]


def test_surrogates_are_read_whole_or_not_at_all() -> None:
    counts = count(["report \U0001f600 x", "report \ud83d\ude00 x", "report \ud83d x"], 1000)
    assert (counts[0] != counts[1]).nnz == 0
    assert counts[2].nnz > 0


def test_more_texts_are_read_less_far() -> None:
    assert reach_of(1) == reach_of(20) > reach_of(100) > reach_of(1000) >= reach_of(100_000) > 1000
    assert (count(["abc def"], 3) != count(["abc"], 10)).nnz == 0
