"""Which parts of a PDF page must be read from pixels, and reading them.

A page without words is read whole. Elsewhere the larger images are looked at: where text (an OCR layer) does
not lie on the ink of the image it is not what a person sees and is dropped; where ink of the size of letters
is left that no word explains, the image is read, and what is new is added.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pypdfium2 as pdfium

from pipeline.reading.lines import Quarter
from pipeline.reading.ocr import RapidOcr
from pipeline.reading.ocr_words import page_angle, placed, word_turn
from pipeline.reading.options import ReadOptions
from pipeline.reading.pdf_graphics import Graphics
from pipeline.reading.pdf_text import PageFrame, TextWord
from pipeline.reading.pixels import Pixels, ink, letters_left, on_ink
from pipeline.types import Box, Word

_LOOK_DPI = 72
_LEAST_IMAGE = (0.35, 0.12)
"""Inches, width and height, of the smallest image that may hold words."""
_AGREEMENT = 0.8
"""Share of the words over an image that must lie on ink for its text to be believed."""
_LEFT_LETTERS = 4
_LEFT_SHARE = 0.05
_MOST_PIXELS = 6_000_000
"""Of one rendering for recognition: two letter pages at 180 dpi."""


@dataclass(frozen=True, slots=True)
class RegionReading:
    words: list[TextWord]
    angle: float
    used_ocr: bool


def read_regions(
    page: pdfium.PdfPage,
    frame: PageFrame,
    graphics: Graphics,
    found: list[TextWord],
    options: ReadOptions,
    recognizer: RapidOcr | None,
) -> RegionReading:
    """The words of the page with those added that only pixels show."""
    if not found:
        regions = [Box(0, 0, frame.width, frame.height)] if len(graphics.images) + len(graphics.paths) else []
    else:
        regions = _merged(_large(graphics))
    words, angle, used = found, 0.0, False
    for region in regions:
        seen, unread = _look(page, frame, region, words)
        words = [item for item, is_seen in zip(words, seen, strict=True) if is_seen]
        if unread and recognizer is not None:
            added, region_angle = _recognize(page, frame, region, options, recognizer)
            fresh = _fresh(added, words)
            words, used = words + fresh, True
            angle = region_angle if len(fresh) > len(words) / 2 else angle
    return RegionReading(words, angle, used)


def render(page: pdfium.PdfPage, frame: PageFrame, region: Box, dpi: float) -> Pixels:
    """The region (inches) in grey."""
    points = 72.0
    crop = (
        region.left * points,
        max(0.0, frame.height - region.bottom) * points,
        max(0.0, frame.width - region.right) * points,
        region.top * points,
    )
    bitmap = page.render(scale=dpi / points, crop=crop, grayscale=True, may_draw_forms=False)
    try:
        return np.array(bitmap.to_numpy()[:, :, 0] if bitmap.to_numpy().ndim == 3 else bitmap.to_numpy())
    finally:
        bitmap.close()


def _large(graphics: Graphics) -> list[Box]:
    boxes = [Box(*row) for row in graphics.images.tolist()]
    return [box for box in boxes if box.width >= _LEAST_IMAGE[0] and box.height >= _LEAST_IMAGE[1]]


def _merged(boxes: list[Box]) -> list[Box]:
    """Images that touch (strips of one scan, layers over each other) as one."""
    merged: list[Box] = []
    for box in sorted(boxes, key=lambda b: -b.width * b.height):
        for index, other in enumerate(merged):
            if (
                box.left <= other.right
                and other.left <= box.right
                and box.top <= other.bottom
                and other.top <= box.bottom
            ):
                merged[index] = Box(
                    min(box.left, other.left),
                    min(box.top, other.top),
                    max(box.right, other.right),
                    max(box.bottom, other.bottom),
                )
                break
        else:
            merged.append(box)
    return merged


def _look(
    page: pdfium.PdfPage, frame: PageFrame, region: Box, words: Sequence[TextWord]
) -> tuple[list[bool], bool]:
    """For each word whether it is believed, and whether the region holds letters that no word explains."""
    dpi = _fitting_dpi(region, _LOOK_DPI)
    mask = ink(render(page, frame, region, dpi), dpi)
    inside = [_center_in(item.word.box, region) for item in words]
    boxes = [_moved(item.word.box, region) for item, is_in in zip(words, inside, strict=True) if is_in]
    believed = True
    if boxes:
        agreement = on_ink(mask, boxes, dpi)
        believed = sum(agreement) >= _AGREEMENT * len(agreement)
    kept = boxes if believed else []
    letters = sum(
        len(item.word.text) for item, is_in in zip(words, inside, strict=True) if is_in and believed
    )
    unread = letters_left(mask, kept, dpi) > max(_LEFT_LETTERS, _LEFT_SHARE * letters)
    return [believed or not is_in for is_in in inside], unread


def _recognize(
    page: pdfium.PdfPage, frame: PageFrame, region: Box, options: ReadOptions, recognizer: RapidOcr
) -> tuple[list[TextWord], float]:
    dpi = _fitting_dpi(region, options.dpi)
    found = recognizer.read(render(page, frame, region, dpi), dpi)
    turned: list[tuple[Word, Quarter]] = [
        (placed(word, 1 / dpi, region.left, region.top), word_turn(word)) for word in found
    ]
    return [TextWord(word, turn, -1) for word, turn in turned], page_angle(found)


def _fitting_dpi(region: Box, dpi: float) -> float:
    area = max(region.width * region.height, 1e-6)
    return min(dpi, math.sqrt(_MOST_PIXELS / area))


def _center_in(box: Box, region: Box) -> bool:
    x, y = (box.left + box.right) / 2, (box.top + box.bottom) / 2
    return region.left <= x <= region.right and region.top <= y <= region.bottom


def _moved(box: Box, region: Box) -> Box:
    return Box(box.left - region.left, box.top - region.top, box.right - region.left, box.bottom - region.top)


def _fresh(added: Sequence[TextWord], words: Sequence[TextWord]) -> list[TextWord]:
    """Recognised words that do not lie where words are already."""
    if not words:
        return list(added)
    boxes = np.array([item.word.box for item in words])
    return [item for item in added if _covered(item.word.box, boxes) < 0.3]


def _covered(box: Box, boxes: np.ndarray) -> float:
    width = np.minimum(boxes[:, 2], box.right) - np.maximum(boxes[:, 0], box.left)
    height = np.minimum(boxes[:, 3], box.bottom) - np.maximum(boxes[:, 1], box.top)
    overlap = np.clip(width, 0, None) * np.clip(height, 0, None)
    return float(overlap.sum() / max(box.width * box.height, 1e-9))
