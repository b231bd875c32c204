"""Labels whose boxes touch nothing on the page: drawn beside the value, or on another version of the form."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

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
