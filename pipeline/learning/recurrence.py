"""Which words recur across the training forms: print of the form, as against what was filled in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.learning.hashing import Codes, code

_WORDLIKE = np.array([code("word"), code("mixed")], dtype=np.uint64)
_ANCHOR_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Recurrence:
    """In how many of `forms` training forms each word (its code) occurs, where in more than one."""

    words: Codes
    counts: NDArray[np.int32]
    forms: int

    def share(self, codes: Codes, own: bool = False) -> NDArray[np.float32]:
        """Share of the training forms that hold each word; `own`: do not count the document itself."""
        if not len(self.words):
            return np.zeros(len(codes), dtype=np.float32)
        place = np.minimum(np.searchsorted(self.words, codes), len(self.words) - 1)
        counts = np.where(self.words[place] == codes, self.counts[place], 1 if own else 0)
        shares: NDArray[np.float32] = ((counts - own) / max(self.forms - own, 1)).astype(np.float32)
        return shares

    def anchors(self, share: NDArray[np.float32], kinds: Codes) -> NDArray[np.bool_]:
        """Which tokens are recurring words one can find one's way by."""
        least = max(_ANCHOR_SHARE, 1.5 / max(self.forms, 1))
        return (share >= least) & np.isin(kinds, _WORDLIKE)


def count_recurrence(documents: Iterable[Codes]) -> Recurrence:
    """Counts over the words of training forms, given as one array of codes per form."""
    unique = [np.unique(codes) for codes in documents]
    if not unique:
        return Recurrence(np.zeros(0, np.uint64), np.zeros(0, np.int32), 0)
    words, counts = np.unique(np.concatenate(unique), return_counts=True)
    kept = counts > 1
    return Recurrence(words[kept], counts[kept].astype(np.int32), len(unique))
