"""Ruled tables: a grid of lines -> cells with spans and the text in them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.reading.lines import group_lines
from pipeline.reading.rules import Rules
from pipeline.types import Box, Table, TableCell, Word

Floats = npt.NDArray[np.float64]

_TOUCH = 0.06
"""Inches within which two rules meet."""
_WALL = 0.6
"""Share of a cell's side that must be ruled for the side to be a wall."""
_LEAST_FILLED = 0.4
"""Cells per row and column of the grid; a form's boxes rarely line up, a table's cells do."""
_MOST_LINES = 200


@dataclass(frozen=True, slots=True)
class _Grid:
    """Lines of one table: positions of its columns' and rows' borders, and the segments on them."""

    xs: list[float]
    ys: list[float]
    across: Floats
    down: Floats


def find_tables(rules: Rules, words: Sequence[Word]) -> list[Table]:
    """Tables of at least two rows and two columns; `words` lie upright in the unit of the rules."""
    tables = []
    for grid in _grids(rules):
        spans = _spans(grid)
        rows, columns = len(grid.ys) - 1, len(grid.xs) - 1
        if rows < 2 or columns < 2 or len(spans) < max(4, _LEAST_FILLED * rows * columns):
            continue
        tables.append(_table(grid, spans, words))
    return tables


def _grids(rules: Rules) -> list[_Grid]:
    """Groups of rules that meet, directly or through others."""
    across, down = rules.across, rules.down
    if len(across) < 3 or len(down) < 3:
        return []
    y, left, right = (across[:, i, None] for i in range(3))
    x, top, bottom = (down[None, :, i] for i in range(3))
    meets = (x >= left - _TOUCH) & (x <= right + _TOUCH) & (y >= top - _TOUCH) & (y <= bottom + _TOUCH)
    grids = []
    for rows, columns in _connected(meets):
        if len(rows) >= 3 and len(columns) >= 3:
            ys, xs = _clustered(across[rows, 0]), _clustered(down[columns, 0])
            if 3 <= len(ys) <= _MOST_LINES and 3 <= len(xs) <= _MOST_LINES:
                grids.append(_Grid(xs, ys, across[rows], down[columns]))
    return grids


def _connected(meets: npt.NDArray[np.bool_]) -> list[tuple[list[int], list[int]]]:
    unseen = set(np.flatnonzero(meets.any(axis=1)).tolist())
    groups = []
    while unseen:
        rows, columns, fresh = set[int](), set[int](), {min(unseen)}
        while fresh:
            rows |= fresh
            columns |= set(np.flatnonzero(meets[sorted(fresh)].any(axis=0)).tolist())
            fresh = set(np.flatnonzero(meets[:, sorted(columns)].any(axis=1)).tolist()) - rows
        unseen -= rows
        groups.append((sorted(rows), sorted(columns)))
    return groups


def _clustered(positions: Floats) -> list[float]:
    """Positions closer than two rules can stand, as one."""
    ordered = np.sort(positions)
    groups = np.split(ordered, np.flatnonzero(np.diff(ordered) > _TOUCH) + 1)
    return [float(group.mean()) for group in groups]


_Span = tuple[int, int, int, int]
"""Row, column, rows, columns."""


def _spans(grid: _Grid) -> list[_Span]:
    """The cells: unit cells with no wall between them are one; what is open to the outside is no cell."""
    rows, columns = len(grid.ys) - 1, len(grid.xs) - 1
    floors = np.array(
        [[_is_wall(grid.across, y, grid.xs[c], grid.xs[c + 1]) for c in range(columns)] for y in grid.ys]
    )
    walls = np.array(
        [[_is_wall(grid.down, x, grid.ys[r], grid.ys[r + 1]) for x in grid.xs] for r in range(rows)]
    )
    seen = np.zeros((rows, columns), bool)
    spans = []
    for row in range(rows):
        for column in range(columns):
            if not seen[row, column]:
                members, is_open = _flooded((row, column), floors, walls, seen)
                spans += [] if is_open else _rectangles(members)
    return spans


def _is_wall(segments: Floats, at: float, start: float, end: float) -> bool:
    near = segments[np.abs(segments[:, 0] - at) <= _TOUCH]
    overlap = np.clip(np.minimum(near[:, 2], end) - np.maximum(near[:, 1], start), 0, None)
    return bool(overlap.sum() >= _WALL * (end - start))


def _flooded(
    start: tuple[int, int],
    floors: npt.NDArray[np.bool_],
    walls: npt.NDArray[np.bool_],
    seen: npt.NDArray[np.bool_],
) -> tuple[list[tuple[int, int]], bool]:
    """Unit cells reached without crossing a wall, and whether that leads out of the grid."""
    rows, columns = seen.shape
    members, waiting, is_open = [], [start], False
    seen[start] = True
    while waiting:
        row, column = waiting.pop()
        members.append((row, column))
        steps = (
            (floors[row, column], row - 1, column),
            (floors[row + 1, column], row + 1, column),
            (walls[row, column], row, column - 1),
            (walls[row, column + 1], row, column + 1),
        )
        for blocked, r, c in steps:
            if blocked:
                continue
            if not (0 <= r < rows and 0 <= c < columns):
                is_open = True
            elif not seen[r, c]:
                seen[r, c] = True
                waiting.append((r, c))
    return members, is_open


def _rectangles(members: list[tuple[int, int]]) -> list[_Span]:
    """One span where the members fill their rectangle; else the unit cells, since a cell is a rectangle."""
    row, column = min(r for r, _ in members), min(c for _, c in members)
    height = max(r for r, _ in members) - row + 1
    width = max(c for _, c in members) - column + 1
    if height * width == len(members):
        return [(row, column, height, width)]
    return [(r, c, 1, 1) for r, c in members]


def _table(grid: _Grid, spans: list[_Span], words: Sequence[Word]) -> Table:
    held = _words_by_span(grid, spans, words)
    cells = []
    for span in sorted(spans):
        row, column, height, width = span
        box = Box(grid.xs[column], grid.ys[row], grid.xs[column + width], grid.ys[row + height])
        cells.append(TableCell(row, column, _text(held.get(span, ())), _rounded(box).polygon, height, width))
    outside = Box(grid.xs[0], grid.ys[0], grid.xs[-1], grid.ys[-1])
    return Table(len(grid.ys) - 1, len(grid.xs) - 1, tuple(cells), _rounded(outside).polygon)


def _words_by_span(grid: _Grid, spans: list[_Span], words: Sequence[Word]) -> dict[_Span, list[Word]]:
    """The words whose middle lies in a cell, in the order given."""
    owner = {
        (row + i, column + j): (row, column, height, width)
        for row, column, height, width in spans
        for i in range(height)
        for j in range(width)
    }
    held: dict[_Span, list[Word]] = {}
    for word in words:
        box = word.box
        unit = (
            bisect_right(grid.ys, (box.top + box.bottom) / 2) - 1,
            bisect_right(grid.xs, (box.left + box.right) / 2) - 1,
        )
        if unit in owner:
            held.setdefault(owner[unit], []).append(word)
    return held


def _text(words: Sequence[Word]) -> str:
    if len(words) < 2:
        return "".join(word.text for word in words)
    turns = [1 if _is_sideways(word) else 0 for word in words]
    return " ".join(line.text for line in group_lines(words, turns, gap=1e9))


def _is_sideways(word: Word) -> bool:
    return len(word.text) > 2 and word.box.height > 2 * word.box.width


def _rounded(box: Box) -> Box:
    return Box(*(round(side, 4) for side in box))
