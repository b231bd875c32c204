"""Selection marks and ruled tables of a piece of a page that was turned into pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

import cv2
import numpy as np

from pipeline.reading.marks import FILLED, FoundMark, find_marks
from pipeline.reading.pixels import Pixels
from pipeline.reading.rules import rules_of_pixels
from pipeline.reading.straighten import Matrix, mapped, turned_back
from pipeline.reading.tables import find_tables
from pipeline.types import Box, Polygon, SelectionMark, Table, Word

_CERTAIN = 0.04
"""Share of ink away from the threshold at which a mark's state is as good as certain."""


@dataclass(frozen=True, slots=True)
class View:
    """Pixels of a piece of a page. A point of the page is pixel * `scale` + (`left`, `top`)."""

    image: Pixels
    dpi: float
    scale: float = 1.0
    left: float = 0.0
    top: float = 0.0

    @property
    def grey(self) -> Pixels:
        if self.image.ndim == 2:
            return self.image
        return cast(Pixels, cv2.cvtColor(self.image, cv2.COLOR_BGR2GRAY))

    def to_pixels(self, box: Box) -> Box:
        left, top = (box.left - self.left) / self.scale, (box.top - self.top) / self.scale
        return Box(left, top, left + box.width / self.scale, top + box.height / self.scale)

    def to_page(self, polygon: Polygon) -> Polygon:
        moved = [
            round(number * self.scale + (self.top if index % 2 else self.left), 4)
            for index, number in enumerate(polygon)
        ]
        return cast(Polygon, tuple(moved))


def marks_in(view: View, words: Sequence[Word]) -> list[SelectionMark]:
    """The selection marks in the view; `words` are those of the page."""
    several = [view.to_pixels(word.box) for word in words if sum(map(str.isalnum, word.text)) > 1]
    return [
        SelectionMark(mark.state, view.to_page(mark.box.polygon), _confidence(mark))
        for mark in find_marks(view.grey, view.dpi, several)
    ]


def _confidence(mark: FoundMark) -> float:
    away = abs(mark.filled - FILLED) / _CERTAIN
    return round(min(0.99, 0.5 + 0.49 * away), 3)


def tables_in(view: View, words: Sequence[Word], angle: float = 0.0) -> list[Table]:
    """The ruled tables in the view, whose skew is `angle` degrees; polygons are skewed as the page is."""
    upright, matrix = _upright(view, angle)
    rules = rules_of_pixels(upright, view.dpi)
    if len(rules.across) < 3 or len(rules.down) < 3:
        return []
    placed = [replace(word, polygon=_mapped(word.polygon, matrix)) for word in words]
    back: Matrix = np.linalg.inv(matrix).astype(np.float64)
    return [_mapped_table(table, back) for table in find_tables(rules, placed)]


def _upright(view: View, angle: float) -> tuple[Pixels, Matrix]:
    """The view without its skew, and the mapping (3x3) of points of the page to inches in it."""
    to_pixels = np.array([[1, 0, -view.left], [0, 1, -view.top], [0, 0, view.scale]]) / view.scale
    to_inches = np.diag([1 / view.dpi, 1 / view.dpi, 1.0])
    grey = view.grey
    if abs(angle) < 0.1:
        return grey, to_inches @ to_pixels
    straight, turn = turned_back(grey, angle)
    return straight, to_inches @ turn @ to_pixels


def _mapped(polygon: Polygon, matrix: Matrix) -> Polygon:
    points = mapped(np.array(polygon).reshape(4, 2), matrix)
    return cast(Polygon, tuple(points.ravel().round(4).tolist()))


def _mapped_table(table: Table, matrix: Matrix) -> Table:
    cells = tuple(replace(cell, polygon=_mapped(cell.polygon, matrix)) for cell in table.cells)
    polygon = _mapped(table.polygon, matrix) if table.polygon else None
    return replace(table, cells=cells, polygon=polygon)
