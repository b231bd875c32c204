"""Ruled lines: from the drawn paths of a PDF page or from pixels, as two sets of segments."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from pipeline.reading.pixels import Pixels

Floats = npt.NDArray[np.float64]

THIN = 0.05
"""Inches; a drawn rectangle no thicker than this is a line."""
_SHORTEST = 0.12
_LONGEST_GAP = 0.06
_SAME_LINE = 0.03
_MOST_SEGMENTS = 6000
"""A page with more is a drawing; looking for tables in it would cost more than it is worth."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Segments (n, 3): `across` are y, left, right; `down` are x, top, bottom."""

    across: Floats
    down: Floats


def rules_of_paths(paths: Floats) -> Rules:
    """Rules among the bounding boxes of paths (left, top, right, bottom in inches).

    Thin boxes are lines; of larger ones the edges are.
    """
    width, height = paths[:, 2] - paths[:, 0], paths[:, 3] - paths[:, 1]
    flat = paths[(height <= THIN) & (width >= _SHORTEST)]
    upright = paths[(width <= THIN) & (height >= _SHORTEST)]
    frames = paths[(width > THIN) & (height > THIN) & (width >= _SHORTEST) & (height >= _SHORTEST)]
    if len(flat) + len(upright) + 4 * len(frames) > _MOST_SEGMENTS:
        return Rules(np.empty((0, 3)), np.empty((0, 3)))
    middle_y, middle_x = (flat[:, 1] + flat[:, 3]) / 2, (upright[:, 0] + upright[:, 2]) / 2
    across = [np.column_stack([middle_y, flat[:, 0], flat[:, 2]])]
    down = [np.column_stack([middle_x, upright[:, 1], upright[:, 3]])]
    across += [frames[:, [1, 0, 2]], frames[:, [3, 0, 2]]]
    down += [frames[:, [0, 1, 3]], frames[:, [2, 1, 3]]]
    return Rules(merged(np.concatenate(across)), merged(np.concatenate(down)))


def rules_of_pixels(image: Pixels, dpi: float) -> Rules:
    """Rules in a grey, upright image; in inches."""
    reach = max(5, round(0.15 * dpi) | 1)
    paper = cv2.dilate(image, np.ones((reach, reach), np.uint8))
    binary = np.asarray((cv2.subtract(paper, image) > 50) * np.uint8(255), np.uint8)
    return Rules(merged(_segments(binary, dpi)), merged(_segments(binary.T, dpi)))


def _segments(binary: npt.NDArray[np.uint8], dpi: float) -> Floats:
    """Horizontal lines: y, left, right. Letters are shorter, thick bars and filled areas are left out."""
    length = max(8, round(_SHORTEST * 1.6 * dpi))
    lines = cv2.morphologyEx(np.ascontiguousarray(binary), cv2.MORPH_OPEN, np.ones((1, length), np.uint8))
    lines = cv2.morphologyEx(lines, cv2.MORPH_CLOSE, np.ones((1, max(3, round(0.04 * dpi))), np.uint8))
    count, _, stats, _ = cv2.connectedComponentsWithStats(lines, connectivity=8)
    left, top, width, height = (stats[1:count, column].astype(np.float64) for column in range(4))
    fits = height <= np.maximum(THIN * dpi, 0.015 * width + 3)
    boxes = np.asarray(np.column_stack([top + height / 2, left, left + width])[fits] / dpi)
    return boxes if len(boxes) <= _MOST_SEGMENTS / 2 else np.empty((0, 3))


def merged(segments: Floats) -> Floats:
    """Segments on one line that touch or nearly so, as one."""
    if len(segments) == 0:
        return np.empty((0, 3))
    ordered = segments[np.argsort(segments[:, 0], kind="stable")]
    lines = np.concatenate([[0], np.cumsum(np.diff(ordered[:, 0]) > _SAME_LINE)])
    joined: list[list[float]] = []
    for line in range(int(lines[-1]) + 1):
        members = ordered[lines == line]
        at = float(np.average(members[:, 0], weights=members[:, 2] - members[:, 1] + 1e-9))
        start, end = None, 0.0
        for _, left, right in members[np.argsort(members[:, 1], kind="stable")].tolist():
            if start is not None and left <= end + _LONGEST_GAP:
                end = max(end, right)
                continue
            if start is not None:
                joined.append([at, start, end])
            start, end = left, right
        joined.append([at, start or 0.0, end])
    return np.array(joined)
