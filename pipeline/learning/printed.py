"""Pages that only ever carry print: instructions, terms, copies for somebody else.

A page that recurs nearly word for word on the training forms and never holds a labelled value has nothing
to teach and nothing to find. Leaving such pages out makes long forms as quick as their filled pages.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pipeline.learning.hashing import code
from pipeline.types import LabelledForm, Layout, Page

LEAST_WORDS = 60
"""Different words that make a page long enough to be told by them."""
ALIKE = 0.9
"""Share of common words (Jaccard) from which on two pages are the same print."""
_OTHER_FORMS = 0.8


@dataclass(frozen=True, slots=True)
class PrintedPages:
    """The words of each printed page as ascending codes, one after the other; page n ends at `ends[n]`."""

    words: NDArray[np.uint32]
    ends: NDArray[np.int32]

    def pages(self) -> list[NDArray[np.uint32]]:
        """The codes of each page."""
        return np.split(self.words, self.ends[:-1]) if len(self.ends) else []


def learn_printed(forms: Sequence[LabelledForm]) -> PrintedPages:
    """The printed pages of a form type. None where labels do not say on which page they lie."""
    if len(forms) < 2 or any(not label.regions for form in forms for label in form.labels if label.text):
        return _packed([])
    bare = [_unlabelled(form) for form in forms]
    needed = _OTHER_FORMS * (len(forms) - 1)
    found: list[NDArray[np.uint32]] = []
    for number, pages in enumerate(bare):
        for page in pages:
            if not _among(page, found) and _elsewhere(page, bare, number) >= needed:
                found.append(page)
    return _packed(found)


def without_printed(layout: Layout, printed: PrintedPages) -> Layout:
    """The layout less its printed pages; page numbers stay."""
    known = printed.pages()
    if not known:
        return layout
    return replace(layout, pages=tuple(page for page in layout.pages if not _among(_codes(page), known)))


def _unlabelled(form: LabelledForm) -> list[NDArray[np.uint32]]:
    labelled = {region.page for label in form.labels for region in label.regions}
    codes = (_codes(page) for page in form.layout.pages if page.number not in labelled)
    return [page for page in codes if len(page) >= LEAST_WORDS]


def _codes(page: Page) -> NDArray[np.uint32]:
    return np.unique(np.fromiter((code(word.text) for word in page.words), np.uint32))


def _elsewhere(page: NDArray[np.uint32], bare: Sequence[Sequence[NDArray[np.uint32]]], own: int) -> int:
    return sum(_among(page, pages) for number, pages in enumerate(bare) if number != own)


def _among(page: NDArray[np.uint32], others: Iterable[NDArray[np.uint32]]) -> bool:
    return len(page) >= LEAST_WORDS and any(_alike(page, other) for other in others)


def _alike(one: NDArray[np.uint32], other: NDArray[np.uint32]) -> bool:
    if min(len(one), len(other)) < ALIKE * max(len(one), len(other)):
        return False
    common = len(np.intersect1d(one, other, assume_unique=True))
    return bool(common >= ALIKE * (len(one) + len(other) - common))


def _packed(pages: Sequence[NDArray[np.uint32]]) -> PrintedPages:
    words = np.concatenate(pages) if pages else np.empty(0, np.uint32)
    return PrintedPages(words, np.cumsum([len(page) for page in pages], dtype=np.int32))
