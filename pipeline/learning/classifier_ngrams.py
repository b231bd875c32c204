"""Texts as rows of weighted n-grams: of words, and of characters within words, which survive bad OCR."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import HashingVectorizer

BITS = 20
BLOCKS = 3
"""Words, character n-grams within words and those across all blanks have 2**BITS hash buckets each, one
block after the other. The last are what is left where OCR loses or adds blanks."""

_LEAST_TEXTS = 2
_MOST_NGRAMS = 60_000
_MOST_CHARACTERS = 6_000_000
_SHORTEST_REACH, _LONGEST_REACH = 4_000, 200_000


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The n-grams of a model: `buckets` in use, ascending, and what each weighs (inverse document frequency).

    `rare` is what an n-gram that is not among them weighs. `reach`: so many characters of a text are read.
    """

    buckets: NDArray[np.int32]
    idf: NDArray[np.float32]
    rare: float
    reach: int


def reach_of(texts: int) -> int:
    """How many characters of each text are read where so many are learned from: memory and time
    have a bound."""
    return min(max(_MOST_CHARACTERS // max(texts, 1), _SHORTEST_REACH), _LONGEST_REACH)


def count(texts: Sequence[str], reach: int) -> sparse.csr_matrix:
    """How often each n-gram occurs: (texts, BLOCKS * 2**BITS)."""
    cut = [text[:reach] for text in texts]
    return sparse.hstack([block.transform(cut) for block in _blocks()], format="csr", dtype=np.float32)


def _blocks() -> tuple[HashingVectorizer, ...]:
    shared = {"n_features": 1 << BITS, "alternate_sign": False, "norm": None, "dtype": np.float32}
    return (
        HashingVectorizer(preprocessor=_plain, **shared),
        HashingVectorizer(preprocessor=_plain, analyzer="char_wb", ngram_range=(2, 5), **shared),
        HashingVectorizer(preprocessor=_without_blanks, analyzer="char", ngram_range=(3, 5), **shared),
    )


def _plain(text: str) -> str:
    """Without case or compatibility variants; surrogates that stand alone become replacement characters."""
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return unicodedata.normalize("NFKC", whole).casefold()


def _without_blanks(text: str) -> str:
    return "".join(_plain(text).split())


def learn_vocabulary(counts: sparse.csr_matrix, reach: int, single: NDArray[np.bool_]) -> Vocabulary:
    """The n-grams that recur, the commonest of them where there are too many. Those of the texts marked
    `single`, which are alone in their class, count as they are."""
    texts = counts.shape[0]
    frequency = np.bincount(counts.indices, minlength=counts.shape[1])
    useful = frequency >= _LEAST_TEXTS
    useful[counts[np.flatnonzero(single)].indices] = True
    buckets = np.flatnonzero(useful)
    commonest = np.argsort(-frequency[buckets], kind="stable")[:_MOST_NGRAMS]
    buckets = np.sort(buckets[commonest])
    idf = _idf(frequency[buckets], texts).astype(np.float32)
    return Vocabulary(buckets.astype(np.int32), idf, float(_idf(np.ones(1), texts)[0]), reach)


def _idf(frequency: NDArray[np.generic], texts: int) -> NDArray[np.float64]:
    idf: NDArray[np.float64] = np.log((1 + texts) / (1 + frequency.astype(np.float64))) + 1
    return idf


def rows_of(vocabulary: Vocabulary, counts: sparse.csr_matrix) -> sparse.csr_matrix:
    """A row per text over the vocabulary. Its length is 1 where every n-gram is known, and shorter the more
    of the text is not: what a text of another kind shares with a class stays small."""
    if not len(vocabulary.buckets):
        return sparse.csr_matrix((counts.shape[0], 0), dtype=np.float32)
    places = np.searchsorted(vocabulary.buckets, counts.indices).astype(np.int32)
    np.minimum(places, len(vocabulary.buckets) - 1, out=places)
    known = vocabulary.buckets[places] == counts.indices
    values = (1 + np.log(counts.data)) * np.where(known, vocabulary.idf[places], np.float32(vocabulary.rare))
    values /= _lengths(counts, values)
    kept = np.concatenate(([0], np.cumsum(known)))[counts.indptr]
    rows = sparse.csr_matrix(
        (values[known], places[known], kept), shape=(counts.shape[0], len(vocabulary.buckets))
    )
    rows.sort_indices()
    return rows


def _lengths(counts: sparse.csr_matrix, values: NDArray[np.float32]) -> NDArray[np.float32]:
    """For each n-gram of each text the length of its block in that text, the blocks having equal shares."""
    text = np.repeat(np.arange(counts.shape[0], dtype=np.int32), np.diff(counts.indptr))
    block = text * BLOCKS + (counts.indices >> BITS)
    squares = np.bincount(block, weights=values**2, minlength=counts.shape[0] * BLOCKS)
    lengths: NDArray[np.float32] = np.sqrt(squares * BLOCKS).astype(np.float32)[block]
    return lengths
