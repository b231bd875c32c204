"""Which words the entities of each category have in the training texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.learning.hashing import LOWER, Codes
from pipeline.learning.tagger_tokens import Numbers, Tokens, category_of


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """`words` are codes, sorted; `counts` (words, categories) the number of texts that have them there."""

    words: Codes
    counts: NDArray[np.int32]

    def known(self, tokens: Tokens, own: NDArray[np.bool_] | None = None) -> NDArray[np.bool_]:
        """Whether entities of each category have each word (tokens, categories). `own` is what `used` says
        of a training text: its own entities do not count."""
        codes = tokens.codes[:, LOWER]
        found = np.zeros((len(codes), self.counts.shape[1]), dtype=np.int64)
        if len(self.words):
            place = np.minimum(np.searchsorted(self.words, codes), len(self.words) - 1)
            hit = self.words[place] == codes
            found[hit] = self.counts[place[hit]]
        return found > (0 if own is None else own)


def used(tokens: Tokens, tags: Numbers, categories: int) -> NDArray[np.bool_]:
    """Whether a word of a text is in one of its own entities of each category (tokens, categories)."""
    _, words = np.unique(tokens.codes[:, LOWER], return_inverse=True)
    inside = np.flatnonzero(tags)
    table = np.zeros((len(tokens), categories), dtype=bool)
    table[words[inside], category_of(tags[inside])] = True
    return table[words]


def count_words(texts: Sequence[tuple[Tokens, Numbers]], categories: int) -> Vocabulary:
    """The vocabulary of training texts, given as tokens and tags."""
    pairs = [np.zeros((0, 2), np.uint64)]
    for tokens, tags in texts:
        inside = np.flatnonzero(tags)
        words = tokens.codes[inside, LOWER]
        pairs.append(
            np.unique(np.stack([words, category_of(tags[inside]).astype(np.uint64)], axis=1), axis=0)
        )
    stacked = np.concatenate(pairs)
    words, rows = np.unique(stacked[:, 0], return_inverse=True)
    counts = np.zeros((len(words), categories), dtype=np.int32)
    np.add.at(counts, (rows, stacked[:, 1].astype(np.int64)), 1)
    return Vocabulary(words, counts)
