"""Words -> lines in reading order: words on one baseline, split at wide gaps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

from pipeline.types import Box, Line, Polygon, Word, bounds

GAP = 0.75
"""A gap wider than this many word heights ends a line."""
_OFF_BASELINE = 0.45
"""Words on one line differ less than this share of the taller one's height in their middle."""

Quarter = int
"""Quarter turns clockwise by which the direction of a text is turned: 1 runs downwards, 3 upwards."""


@dataclass(slots=True)
class _Run:
    box: Box
    members: list[int] = field(default_factory=list)
    last_middle: float = 0.0
    last_height: float = 0.0


def group_lines(
    words: Sequence[Word], turns: Sequence[Quarter] | None = None, angle: float = 0.0, gap: float = GAP
) -> list[Line]:
    """Lines of the words of a page, each in reading order, the lines top to bottom.

    `turns` gives the quarter turns per word for text that does not stand upright (None: all upright), `angle`
    the skew of the page in degrees, clockwise.
    """
    by_turn: dict[Quarter, list[int]] = {}
    for index in range(len(words)):
        by_turn.setdefault(turns[index] if turns else 0, []).append(index)
    lines: list[Line] = []
    for turn in sorted(by_turn):
        members = by_turn[turn]
        boxes = [turned(bounds(rotated(words[index].polygon, -angle)), turn) for index in members]
        for run in _in_reading_order(_runs(boxes, gap)):
            polygon = rotated(reading_polygon(turned(run.box, (4 - turn) % 4), turn), angle)
            chosen = tuple(words[members[member]] for member in run.members)
            lines.append(Line(" ".join(word.text for word in chosen), polygon, chosen))
    return lines


def rotated(polygon: Polygon, angle: float) -> Polygon:
    """The polygon turned clockwise around the origin, in degrees (y grows downwards)."""
    if angle == 0.0:
        return polygon
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    numbers: list[float] = []
    for x, y in zip(polygon[0::2], polygon[1::2], strict=True):
        numbers += [round(x * cos - y * sin, 4), round(x * sin + y * cos, 4)]
    return cast(Polygon, tuple(numbers))


def turned(box: Box, turn: Quarter) -> Box:
    """The box in the frame in which its text stands upright (the origin does not matter)."""
    left, top, right, bottom = box
    if turn == 3:
        return Box(-bottom, left, -top, right)
    if turn == 2:
        return Box(-right, -bottom, -left, -top)
    if turn == 1:
        return Box(top, -right, bottom, -left)
    return box


def reading_polygon(box: Box, turn: Quarter) -> Polygon:
    """The corners of an upright page box, clockwise, from the one where its text begins."""
    corners = box.polygon
    shift = 2 * turn
    return cast(Polygon, corners[shift:] + corners[:shift])


def _runs(boxes: Sequence[Box], gap: float) -> list[_Run]:
    """Chains words left to right; open runs are found by the height at which they stand."""
    if not boxes:
        return []
    heights = sorted(box.height for box in boxes)
    step = max(heights[len(heights) // 2], 1e-6)
    open_runs: dict[int, list[_Run]] = {}
    runs: list[_Run] = []
    for index in sorted(range(len(boxes)), key=lambda i: (boxes[i].left, boxes[i].top)):
        box = boxes[index]
        middle = (box.top + box.bottom) / 2
        row = int(middle // step)
        reach = 1 + int(box.height * _OFF_BASELINE // step)
        run = _best_run(open_runs, range(row - reach, row + reach + 1), box, gap)
        if run is None:
            run = _Run(box)
            runs.append(run)
        else:
            open_runs[int(run.last_middle // step)].remove(run)
            run.box = _joined(run.box, box)
        run.members.append(index)
        run.last_middle, run.last_height = middle, box.height
        open_runs.setdefault(row, []).append(run)
    return runs


def _best_run(open_runs: dict[int, list[_Run]], rows: range, box: Box, gap: float) -> _Run | None:
    middle = (box.top + box.bottom) / 2
    best, best_distance = None, float("inf")
    for row in rows:
        for run in open_runs.get(row, ()):
            tall = max(run.last_height, box.height)
            small = min(run.last_height, box.height)
            distance = box.left - run.box.right
            if (
                -0.5 * small <= distance <= gap * (tall + small) / 2
                and abs(middle - run.last_middle) <= _OFF_BASELINE * tall
                and distance < best_distance
            ):
                best, best_distance = run, distance
    return best


def _joined(a: Box, b: Box) -> Box:
    return Box(min(a.left, b.left), min(a.top, b.top), max(a.right, b.right), max(a.bottom, b.bottom))


def _in_reading_order(runs: list[_Run]) -> list[_Run]:
    """Rows top to bottom, each left to right; a row holds what stands about level with its first line."""
    ordered: list[_Run] = []
    row: list[_Run] = []
    limit = 0.0
    for run in sorted(runs, key=lambda r: (r.box.top + r.box.bottom) / 2):
        middle = (run.box.top + run.box.bottom) / 2
        if row and middle > limit:
            ordered.extend(sorted(row, key=lambda r: r.box.left))
            row = []
        if not row:
            limit = middle + run.box.height * 0.4
        row.append(run)
    return ordered + sorted(row, key=lambda r: r.box.left)
