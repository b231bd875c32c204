"""Labels whose boxes touch nothing on the page, or words that say something else: drawn beside the value, or
on another version of the form."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.types import Label, LabelRegion, Layout, Page, bounds

Boxes = NDArray[np.float64]


def labels_beside_words(labels: Iterable[Label], layout: Layout) -> tuple[str, ...]:
    """Fields with a labelled text whose box touches no word and no mark of its page, or whose page is
    not there. Labels without boxes or without text are left alone."""
    pages = {page.number: page for page in layout.pages}
    known: dict[int, Boxes] = {}
    missed: dict[str, None] = {}
    for label in labels:
        for region in label.regions:
            if not region.text or region.polygon is None:
                continue
            page = pages.get(region.page)
            if page is not None and region.page not in known:
                known[region.page] = _boxes(page)
            if page is None or not _touches(region, known[region.page]):
                missed[label.field] = None
    return tuple(missed)


_MOSTLY = 0.5
_SLIGHTLY = 0.1
"""Shares of a word's area under a box: from the first on it belongs to the label, under the second it is a
neighbour that is grazed."""
_MARKS = frozenset({"selected", "unselected"})


def labels_that_differ(labels: Iterable[Label], layout: Layout) -> tuple[str, ...]:
    """Fields whose labelled text is not what the words under its boxes say, compared without case, spacing
    and punctuation. Selection marks, and labels with a box that is missing or without any word under it,
    are left alone; so is a text that is a piece of a longer word."""
    pages = {page.number: _PageWords(page) for page in layout.pages}
    return tuple(dict.fromkeys(label.field for label in labels if _differs(label, pages)))


class _PageWords:
    """The words of a page and their boxes, as `_boxes`."""

    def __init__(self, page: Page) -> None:
        self.texts = [plain(word.text) for word in page.words]
        self.boxes = _boxes(page)[: len(self.texts)]

    def covered(self, region: LabelRegion) -> NDArray[np.float64]:
        """The share of every word's area that lies under a region."""
        assert region.polygon is not None
        left, top, right, bottom = bounds(region.polygon)
        boxes = self.boxes
        width = np.minimum(boxes[:, 2], right) - np.maximum(boxes[:, 0], left)
        height = np.minimum(boxes[:, 3], bottom) - np.maximum(boxes[:, 1], top)
        area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
        shared: NDArray[np.float64] = width.clip(0) * height.clip(0) / np.maximum(area, 1e-12)
        return shared


_ALIKE = str.maketrans({"i": "l", "1": "l", "0": "o"})


def plain(text: str) -> str:
    """Letters and digits alone, in one case and width; those that readers take for one another are one."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(c for c in folded if c.isalnum()).translate(_ALIKE)


def _differs(label: Label, pages: Mapping[int, _PageWords]) -> bool:
    text = plain(label.text)
    if not text or label.text.casefold() in _MARKS or not label.regions:
        return False
    found: dict[tuple[int, int], float] = {}
    for region in label.regions:
        if region.polygon is None or region.page not in pages:
            return False
        shares = pages[region.page].covered(region)
        touched = [int(n) for n in np.flatnonzero(shares >= _SLIGHTLY)]
        if not touched:
            return False
        for word in touched:
            key = (region.page, word)
            found[key] = found.get(key, 0.0) + float(shares[word])
    return not _says(text, found, pages)


def _says(text: str, found: Mapping[tuple[int, int], float], pages: Mapping[int, _PageWords]) -> bool:
    """Whether the words (page, position) say a text: those that mostly lie under the boxes, in the order of
    the boxes or of the page; or a longer word that sticks out of them holds it."""

    def joined(keys: Iterable[tuple[int, int]]) -> str:
        return "".join(pages[page].texts[word] for page, word in keys)

    inside = [key for key, share in found.items() if share >= _MOSTLY]
    if text in (joined(inside), joined(sorted(inside))):
        return True
    sticks_out = any(share < 1 - _SLIGHTLY for share in found.values())
    return sticks_out and text in joined(sorted(found))


def _boxes(page: Page) -> Boxes:
    """Words and marks as (n, 4) left, top, right, bottom relative to the page, 0..1."""
    polygons: Sequence[Sequence[float]] = [
        *(word.polygon for word in page.words),
        *(mark.polygon for mark in page.selection_marks),
    ]
    corners = np.asarray(polygons, dtype=np.float64).reshape(-1, 4, 2)
    scale = np.array([page.width or 1.0, page.height or 1.0])
    return np.hstack([corners.min(axis=1) / scale, corners.max(axis=1) / scale])


def _touches(region: LabelRegion, boxes: Boxes) -> bool:
    assert region.polygon is not None
    left, top, right, bottom = bounds(region.polygon)
    return bool(
        np.any(
            (boxes[:, 0] <= right) & (boxes[:, 2] >= left) & (boxes[:, 1] <= bottom) & (boxes[:, 3] >= top)
        )
    )
