"""Selection marks from pixels: small squares and circles that stand alone, empty or with something in them.

A box is found by its four sides, not by its outline: crosses, and ticks that run over the edge, do no harm.
A frame whose sides go on beyond its corners is a comb or a table cell, not a mark.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from pipeline.reading.pixels import Pixels
from pipeline.types import Box, MarkState

SIDE = (0.08, 0.34)
"""Inches, the shortest and longest side of a mark."""
_SQUARE = 1.3
FILLED = 0.055
"""Share of ink inside a frame from which on it counts as selected: a thin tick covers about a tenth."""
_ROUND = 0.84
_MOST_STROKES = 8000
"""Short strokes looked at on one page: letters have a few thousand, noise has no end."""
_CORNER = 0.15
"""Part of a side that is looked at for a corner; skew by two degrees moves it by a third of that."""
_WHOLE = 0.85
"""Share of a side that must be drawn; the round corners of letters leave more out."""

Binary = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class FoundMark:
    """`box` in pixels of the image; `filled`: the share of ink inside its frame."""

    box: Box
    state: MarkState
    filled: float


def find_marks(image: Pixels, dpi: float, words: Sequence[Box] = ()) -> list[FoundMark]:
    """The selection marks in a grey image, top to bottom; `words` are the boxes of words of several letters.

    A letter may look like a box. It stands in a word, close to the next letter; a box that the recogniser
    took for the first letter of a word stands clear of the others.
    """
    binary = _binarized(image, dpi)
    squares = [mark for mark in _squares(binary, dpi) if not _is_letter(binary, mark.box, words)]
    circles = [mark for mark in _circles(binary, dpi, squares) if not _is_letter(binary, mark.box, words)]
    return sorted(squares + circles, key=lambda mark: (mark.box.top, mark.box.left))


def _is_letter(binary: Binary, box: Box, words: Sequence[Box]) -> bool:
    x, y = (box.left + box.right) / 2, (box.top + box.bottom) / 2
    in_word = any(word.left <= x <= word.right and word.top <= y <= word.bottom for word in words)
    return in_word and not _stands_clear(binary, box)


def _binarized(image: Pixels, dpi: float) -> Binary:
    """Ink is 255: clearly darker than the lightest pixels around, so grey boxes beside black rules count."""
    reach = max(5, round(0.15 * dpi) | 1)
    smooth = cv2.medianBlur(image, 3)
    paper = cv2.blur(cv2.dilate(smooth, np.ones((reach, reach), np.uint8)), (reach, reach))
    return np.asarray((cv2.subtract(paper, image) > 50) * np.uint8(255), np.uint8)


def _squares(binary: Binary, dpi: float) -> list[FoundMark]:
    stroke = max(5, round(SIDE[0] * 0.8 * dpi))
    across: Binary = np.asarray(
        cv2.morphologyEx(binary, cv2.MORPH_OPEN, np.ones((1, stroke), np.uint8)), np.uint8
    )
    down: Binary = np.asarray(
        cv2.morphologyEx(binary, cv2.MORPH_OPEN, np.ones((stroke, 1), np.uint8)), np.uint8
    )
    rules = _Rules(across > 0, down > 0)
    found: list[FoundMark] = []
    candidates = _paired(_strokes(across, dpi), dpi)
    candidates += [Box(y0, x0, y1, x1) for x0, y0, x1, y1 in _paired(_strokes(down.T, dpi), dpi)]
    for box in candidates:
        if not _touches(box, found) and _has_mark_size(box, dpi) and rules.frame(box):
            share = _ink_inside(binary, box)
            found.append(FoundMark(box, "selected" if share > FILLED else "unselected", share))
    return found


def _strokes(lines: Binary, dpi: float) -> npt.NDArray[np.float64]:
    """Horizontal strokes about as long as the side of a mark: left, top, right, bottom, sorted by left."""
    count, _, stats, _ = cv2.connectedComponentsWithStats(np.ascontiguousarray(lines), connectivity=8)
    left, top, width, height = (stats[1:count, column].astype(np.float64) for column in range(4))
    fits = (width >= SIDE[0] * dpi) & (width <= SIDE[1] * dpi) & (height <= np.maximum(4, 0.3 * width))
    boxes = np.stack([left, top, left + width, top + height], axis=1)[fits][:_MOST_STROKES]
    return np.asarray(boxes[np.argsort(boxes[:, 0], kind="stable")])


def _paired(strokes: npt.NDArray[np.float64], dpi: float) -> list[Box]:
    """Boxes between two strokes, one under the other, of the same extent and about as far apart as long."""
    slack = max(2.0, 0.02 * dpi)
    boxes = []
    for index, (left, top, right, bottom) in enumerate(strokes.tolist()):
        end = np.searchsorted(strokes[:, 0], left + slack, side="right")
        near = strokes[index + 1 : end]
        height = np.maximum(near[:, 3], bottom) - np.minimum(near[:, 1], top)
        length = right - left
        fits = (
            (np.abs(near[:, 2] - right) <= slack)
            & (height <= _SQUARE * length)
            & (height * _SQUARE >= length)
        )
        boxes += [
            Box(min(left, x0), min(top, y0), max(right, x1), max(bottom, y1))
            for x0, y0, x1, y1 in near[fits].tolist()
        ]
    return boxes


def _has_mark_size(box: Box, dpi: float) -> bool:
    longer, shorter = max(box.width, box.height), min(box.width, box.height)
    return shorter >= SIDE[0] * dpi and longer <= SIDE[1] * dpi and longer <= _SQUARE * shorter


@dataclass(frozen=True, slots=True)
class _Rules:
    """Where horizontal and where vertical lines run."""

    across: npt.NDArray[np.bool_]
    down: npt.NDArray[np.bool_]

    def frame(self, box: Box) -> bool:
        """A line along each side, and at most one of the four going on beyond the corners.

        Two or more that go on make a comb or a table cell; one is the rule a box stands on.
        """
        left, top, right, bottom = (int(side) for side in box)
        sides = (
            (self.across, top, left, right),
            (self.across, bottom - 1, left, right),
            (self.down.T, left, top, bottom),
            (self.down.T, right - 1, top, bottom),
        )
        if not all(_covered(lines, at, start, end) >= _WHOLE for lines, at, start, end in sides):
            return False
        if not self._has_corners(box):
            return False
        return sum(_goes_on(lines, at, start, end) for lines, at, start, end in sides) <= 1

    def _has_corners(self, box: Box) -> bool:
        """Ink in all four corners, where the bows of letters have none."""
        left, top, right, bottom = (int(side) for side in box)
        reach = max(2, round(_CORNER * min(box.width, box.height)))
        ink = self.across[top:bottom, left:right] | self.down[top:bottom, left:right]
        corners = (ink[:reach, :reach], ink[:reach, -reach:], ink[-reach:, :reach], ink[-reach:, -reach:])
        return all(float(corner.mean()) >= 0.25 for corner in corners)


def _covered(lines: npt.NDArray[np.bool_], at: int, start: int, end: int) -> float:
    """Share of the way from start to end that has a line, give or take a pixel or a slight skew."""
    slack = 1 + abs(end - start) // 20
    band = lines[max(0, at - slack) : at + slack + 1, max(0, start) : max(0, end)]
    return float(band.any(axis=0).mean()) if band.size else 0.0


def _goes_on(lines: npt.NDArray[np.bool_], at: int, start: int, end: int) -> bool:
    beyond = max(3, (end - start) // 2)
    return _covered(lines, at, start - 2 - beyond, start - 2) > _WHOLE or (
        _covered(lines, at, end + 2, end + 2 + beyond) > _WHOLE
    )


def _ink_inside(binary: Binary, box: Box) -> float:
    """Share of ink in the box within its frame, whose stroke is measured, not assumed."""
    left, top, right, bottom = (int(side) for side in box)
    patch = binary[top:bottom, left:right] > 0
    inset = min(_stroke(patch) + 1, min(patch.shape) // 3)
    inner = patch[inset:-inset, inset:-inset]
    return float(inner.mean()) if inner.size else 0.0


def _stroke(patch: npt.NDArray[np.bool_]) -> int:
    """How far the frame reaches inwards: the last row or column from each edge that is mostly ink."""
    widths = []
    for side in (patch, patch[::-1], patch.T, patch.T[::-1]):
        full = side.mean(axis=1) > 0.7
        inked = np.flatnonzero(full[: len(full) // 3])
        widths.append(int(inked[-1]) + 1 if len(inked) else 1)
    return max(widths)


def _circles(binary: Binary, dpi: float, squares: Sequence[FoundMark]) -> list[FoundMark]:
    """Round marks: at least two rings of one size that stand clear of letters."""
    contours, _ = cv2.findContours(binary, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    rings: list[FoundMark] = []
    for contour in contours:
        left, top, width, height = cv2.boundingRect(contour)
        box = Box(left, top, left + width, top + height)
        if not _has_mark_size(box, dpi) or max(width, height) > 1.12 * min(width, height):
            continue
        outline = cv2.arcLength(contour, closed=True)
        roundness = 4 * np.pi * cv2.contourArea(contour) / max(outline * outline, 1.0)
        if roundness < _ROUND or _touches(box, squares) or not _stands_clear(binary, box):
            continue
        ring, inside = _ring_and_inside(binary, box)
        if ring > 0.6:
            rings.append(FoundMark(box, "selected" if inside > FILLED else "unselected", inside))
    return [ring for ring in rings if _has_empty_twin(ring, rings)]


def _touches(box: Box, squares: Sequence[FoundMark]) -> bool:
    return any(
        box.left <= mark.box.right
        and mark.box.left <= box.right
        and box.top <= mark.box.bottom
        and mark.box.top <= box.bottom
        for mark in squares
    )


def _stands_clear(binary: Binary, box: Box) -> bool:
    """No ink close to the left or right, as the neighbours of a letter O would be."""
    left, top, right, bottom = (int(side) for side in box)
    reach = max(2, round(0.35 * (right - left)))
    before, after = binary[top:bottom, max(0, left - reach) : left], binary[top:bottom, right : right + reach]
    return not before.any() and not after.any()


def _ring_and_inside(binary: Binary, box: Box) -> tuple[float, float]:
    """Share of ink on the rim, and in the inner half, of the circle in a box."""
    left, top, right, bottom = (int(side) for side in box)
    patch = binary[top:bottom, left:right] > 0
    ys, xs = np.mgrid[0 : patch.shape[0], 0 : patch.shape[1]]
    radius = min(patch.shape) / 2
    away = np.hypot(xs + 0.5 - patch.shape[1] / 2, ys + 0.5 - patch.shape[0] / 2) / radius
    rim, inner = patch[(away > 0.8) & (away <= 1.0)], patch[away < 0.55]
    return float(rim.mean()), float(inner.mean()) if inner.size else 0.0


def _has_empty_twin(ring: FoundMark, rings: Sequence[FoundMark]) -> bool:
    """A radio button has others of its size, one of them empty; a bullet or a lone O has not."""
    like = [other for other in rings if abs(other.box.width - ring.box.width) <= 0.2 * ring.box.width]
    return len(like) >= 2 and any(other.state == "unselected" for other in like)
