"""Which way the text of an image runs, and the image turned so that it runs to the right."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from pipeline.reading.pixels import Pixels

Matrix = npt.NDArray[np.float64]
Quad = npt.NDArray[np.float64]

_LONG = 1.5


def text_angle(quads: Sequence[Quad]) -> float:
    """Degrees clockwise by which the lines of an image are turned, in -45..135 (upside down is upright).

    Quadrilaterals (4, 2) surround lines of text; what is about as high as long says nothing.
    """
    angles, weights = [], []
    for quad in quads:
        along, across = quad[1] - quad[0], quad[3] - quad[0]
        longer, shorter = sorted((along, across), key=lambda side: -float(np.hypot(*side)))
        length = float(np.hypot(*longer))
        if length >= _LONG * float(np.hypot(*shorter)):
            angles.append((math.degrees(math.atan2(longer[1], longer[0])) + 45) % 180 - 45)
            weights.append(length)
    if not angles:
        return 0.0
    runs, share = np.array(angles), np.array(weights)
    upright = np.abs(runs) <= 45
    is_sideways = share[~upright].sum() > share[upright].sum()
    chosen = ~upright if is_sideways else upright
    order = np.argsort(runs[chosen])
    middle = np.searchsorted(np.cumsum(share[chosen][order]), share[chosen].sum() / 2)
    return float(runs[chosen][order][middle])


def turned_back(image: Pixels, angle: float) -> tuple[Pixels, Matrix]:
    """The image without a clockwise turn by `angle` degrees; 3x3 matrix from its points to the new ones."""
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    matrix = np.array([[cos, sin, 0.0], [-sin, cos, 0.0], [0.0, 0.0, 1.0]])
    height, width = image.shape[:2]
    corners = matrix @ np.array([[0, width, 0, width], [0, 0, height, height], [1, 1, 1, 1]])
    matrix[:2, 2] = -corners[:2].min(axis=1)
    size = np.ceil(np.ptp(corners[:2], axis=1) - 1e-6).astype(int).tolist()
    turned = cv2.warpAffine(image, matrix[:2], size, flags=cv2.INTER_CUBIC, borderValue=(255, 255, 255))
    return np.asarray(turned, np.uint8), matrix


def mapped(points: Quad, matrix: Matrix) -> Quad:
    """Points (n, 2) through a 3x3 matrix."""
    return np.asarray(points @ matrix[:2, :2].T + matrix[:2, 2], np.float64)
