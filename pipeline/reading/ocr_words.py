"""What a recogniser found -> words of a page: skew, quarter turns, units."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

import numpy as np

from pipeline.reading.lines import Quarter
from pipeline.reading.ocr import OcrWord
from pipeline.types import Polygon, Word

_LONG = 2.0
"""Words at least this many times wider than high tell the direction of text."""


def page_angle(found: Sequence[OcrWord]) -> float:
    """Skew in degrees, clockwise, within 45: the median direction of the words, long ones counting more."""
    angles, weights = [], []
    for word in found:
        along, across = word.quad[1] - word.quad[0], word.quad[3] - word.quad[0]
        length = float(np.hypot(*along))
        if length >= _LONG * float(np.hypot(*across)):
            angle = math.degrees(math.atan2(along[1], along[0]))
            angles.append((angle + 45) % 90 - 45)
            weights.append(length)
    if not angles:
        return 0.0
    order = np.argsort(angles)
    middle = np.searchsorted(np.cumsum(np.array(weights)[order]), sum(weights) / 2)
    return round(float(np.array(angles)[order][middle]), 2) + 0.0


def word_turn(word: OcrWord) -> Quarter:
    """Quarter turns clockwise of the direction in which a word runs."""
    along = word.quad[1] - word.quad[0]
    return round(math.degrees(math.atan2(along[1], along[0])) / 90) % 4


def placed(word: OcrWord, scale: float = 1.0, left: float = 0.0, top: float = 0.0) -> Word:
    """The word on its page: pixels times `scale`, moved by the corner of the region it was found in."""
    corners = word.quad * scale + np.array([left, top])
    polygon = cast(Polygon, tuple(corners.ravel().round(4).tolist()))
    return Word(word.text, polygon, word.confidence)
