"""What a recogniser found -> words of a page: skew, quarter turns, units."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

from pipeline.reading.lines import Quarter
from pipeline.reading.ocr import OcrWord
from pipeline.reading.pixels import Pixels, ink
from pipeline.reading.straighten import text_angle
from pipeline.types import Polygon, Word

Floats = npt.NDArray[np.float64]

_PROFILE_SIDE = 1000
_PROFILE_DPI = 90.0
_FEW_POINTS = 50


def page_angle(found: Sequence[OcrWord], image: Pixels) -> float:
    """Skew in degrees, clockwise, within 45, of the page the words were found on.

    The direction of single words is rough; around their median the angle is searched at which the ink falls
    into the sharpest rows (Postl's projection profile).
    """
    if not found:
        return 0.0
    rough = text_angle([word.quad for word in found])
    y, x = _ink_points(image)
    if rough > 45:
        rough, y, x = rough - 90, -x, y
    if len(y) < _FEW_POINTS:
        return round(rough, 2)
    for step in (0.1, 0.02):
        angles = rough + step * np.arange(-8, 9)
        rough = float(angles[np.argmax([_sharpness(x, y, angle) for angle in angles])])
    return round(rough, 2) + 0.0


def _sharpness(x: Floats, y: Floats, angle: float) -> float:
    rows = y * math.cos(math.radians(angle)) - x * math.sin(math.radians(angle))
    counts = np.bincount((rows - rows.min()).astype(np.intp))
    return float((counts.astype(np.float64) ** 2).sum())


def _ink_points(image: Pixels) -> tuple[Floats, Floats]:
    """Rows and columns of dark pixels of the image, reduced to a few hundred rows."""
    scale = min(1.0, _PROFILE_SIDE / max(image.shape[:2]))
    grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    small = np.asarray(cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    y, x = np.nonzero(ink(small, _PROFILE_DPI))
    return y.astype(np.float64), x.astype(np.float64)


def word_turn(word: OcrWord) -> Quarter:
    """Quarter turns clockwise of the direction in which a word runs."""
    along = word.quad[1] - word.quad[0]
    return round(math.degrees(math.atan2(along[1], along[0])) / 90) % 4


def placed(word: OcrWord, scale: float = 1.0, left: float = 0.0, top: float = 0.0) -> Word:
    """The word on its page: pixels times `scale`, moved by the corner of the region it was found in."""
    corners = word.quad * scale + np.array([left, top])
    polygon = cast(Polygon, tuple(corners.ravel().round(4).tolist()))
    return Word(word.text, polygon, word.confidence)
