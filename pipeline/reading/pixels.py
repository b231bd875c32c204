"""Pixels of a page: decoding images, and what ink no word explains."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from pipeline.types import Box

Pixels = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

_CONTRAST = 40
"""Grey levels a pixel differs from its surroundings by to be ink, dark on light or light on dark."""
_WORD_INK = 0.12
"""Share of a word's box that is ink at least; over half of a text that lies elsewhere has less."""
_SURROUNDINGS = 0.3
"""Inches around a pixel that it is compared with."""
_LETTER_HEIGHT = (0.035, 0.7)
_LETTER_WIDTH = (0.01, 2.5)
"""Inches; connected ink of such a size may be a letter or a few that touch, not a rule or speckle."""


def ink(image: Pixels, dpi: float) -> Mask:
    """Where a grey image differs from its surroundings; their median is paper, even between dense lines."""
    size = max(3, round(_SURROUNDINGS * dpi) | 1)
    return np.asarray(cv2.absdiff(image, cv2.medianBlur(image, size)) > _CONTRAST)


def on_ink(mask: Mask, boxes: Sequence[Box], dpi: float) -> list[bool]:
    """For each box (inches from the mask's corner) whether there is ink enough under it for a word."""
    seen = []
    for box in boxes:
        left, top, right, bottom = _slice(box, dpi, mask.shape)
        patch = mask[top:bottom, left:right]
        seen.append(bool(patch.size) and float(patch.mean()) > _WORD_INK)
    return seen


def letters_left(mask: Mask, boxes: Sequence[Box], dpi: float, margin: float = 0.03) -> int:
    """Connected pieces of ink of the size of letters outside the boxes."""
    rest = mask.astype(np.uint8)
    for box in boxes:
        grown = Box(box.left - margin, box.top - margin, box.right + margin, box.bottom + margin)
        left, top, right, bottom = _slice(grown, dpi, mask.shape)
        rest[top:bottom, left:right] = 0
    count, _, stats, _ = cv2.connectedComponentsWithStats(rest, connectivity=8)
    if count <= 1:
        return 0
    width, height = stats[1:, cv2.CC_STAT_WIDTH] / dpi, stats[1:, cv2.CC_STAT_HEIGHT] / dpi
    fits = (height > _LETTER_HEIGHT[0]) & (height < _LETTER_HEIGHT[1])
    fits &= (width > _LETTER_WIDTH[0]) & (width < _LETTER_WIDTH[1])
    return int(fits.sum())


def _slice(box: Box, dpi: float, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    left, top, right, bottom = (round(side * dpi) for side in box)
    return max(left, 0), max(top, 0), min(right + 1, shape[1]), min(bottom + 1, shape[0])
