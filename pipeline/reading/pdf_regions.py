"""Which parts of a PDF page must be read from pixels, and reading them.

A page without words is read whole. Elsewhere the larger images are looked at: where text (an OCR layer) does
not lie on the ink of the image it is not what a person sees and is dropped; where ink of the size of letters
is left that no word explains, the image is read, and what is new is added.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pypdfium2 as pdfium

from pipeline.reading.ocr import RapidOcr
from pipeline.reading.ocr_words import page_angle, placed, word_turn
from pipeline.reading.options import ReadOptions
from pipeline.reading.pdf_graphics import Graphics
from pipeline.reading.pdf_text import Floats, PageFrame, TextWord
from pipeline.reading.pixels import Pixels, ink, letters_left, on_ink
from pipeline.reading.structure import View
from pipeline.types import Box

_LOOK_DPI = 72
_LEAST_IMAGE = (0.35, 0.12)
"""Inches, width and height, of the smallest image that may hold words."""
_AGREEMENT = 0.87
"""Share of the words over an image that must lie on ink for its text to be believed."""
_LEFT_LETTERS = 4
_LEFT_SHARE = 0.02
"""Letters left beside those of the words there are: a good layer leaves one in a hundred (stamps, specks)."""
_DRAWN_LETTERS = 12
_DRAWN_SIZE = (0.03, 0.4)
"""Inches; paths of such a size that no word explains may be letters drawn as outlines."""
_MOST_IMAGES = 300
_MOST_DRAWN = 10_000
_LARGEST_SHEET = 17.0
"""Inches. A page with a longer side is a scan of wrongly declared resolution; it is taken to be so long."""


_PAGE_LIKE = 0.25
"""Share of the page from which on an image is taken for a scan, with boxes and tables in its pixels."""


@dataclass(slots=True)
class RegionReading:
    """The words of a page after its regions were read; `views` are the pixels of its scanned parts."""

    words: list[TextWord]
    angle: float = 0.0
    used_ocr: bool = False
    views: list[View] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class PageSource:
    """A loaded page; `is_layer`: its text is the invisible layer of a recognised scan."""

    page: pdfium.PdfPage
    frame: PageFrame
    graphics: Graphics
    is_layer: bool = False


def read_regions(
    source: PageSource, found: list[TextWord], options: ReadOptions, recognizer: RapidOcr | None
) -> RegionReading:
    """The words of the page with those added that only pixels show; a poor layer of a scan is replaced."""
    page, frame = source.page, source.frame
    reading = RegionReading(found)
    regions = _regions(source, found)
    excess = max(1.0, max(frame.width, frame.height) / _LARGEST_SHEET)
    for region in regions:
        seen, unread = _look(page, frame, region, reading.words, excess)
        reading.words = [item for item, is_seen in zip(reading.words, seen, strict=True) if is_seen]
        is_scan = region.width * region.height >= _PAGE_LIKE * frame.width * frame.height
        if not is_scan and not (unread and recognizer):
            continue
        pixels = render(page, frame, region, options.dpi / excess)
        view = View(pixels, options.dpi, excess / options.dpi, region.left, region.top)
        if is_scan:
            reading.views.append(view)
        if unread and recognizer is not None:
            if source.is_layer and is_scan:
                reading.words = [item for item in reading.words if not _center_in(item.word.box, region)]
            _recognize(view, recognizer, reading)
    return reading


def _regions(source: PageSource, found: Sequence[TextWord]) -> list[Box]:
    frame, graphics = source.frame, source.graphics
    if not found:
        is_blank = len(graphics.images) + len(graphics.paths) == 0
        return [] if is_blank else [Box(0, 0, frame.width, frame.height)]
    letters = _drawn_letters(graphics.paths, found)
    drawn = [around(letters)] if len(letters) >= _DRAWN_LETTERS else []
    return _merged(_large(graphics) + drawn)


def _drawn_letters(paths: Floats, found: Sequence[TextWord]) -> list[Box]:
    """Paths of the size of letters that do not lie on a word."""
    size = paths[:, 2:] - paths[:, :2]
    small = paths[((size >= _DRAWN_SIZE[0]) & (size <= _DRAWN_SIZE[1])).all(axis=1)]
    if len(small) < _DRAWN_LETTERS or len(small) > _MOST_DRAWN:
        return []
    words = np.array([item.word.box for item in found])
    x, y = (small[:, 0, None] + small[:, 2, None]) / 2, (small[:, 1, None] + small[:, 3, None]) / 2
    on_word = (x >= words[:, 0]) & (x <= words[:, 2]) & (y >= words[:, 1]) & (y <= words[:, 3])
    return [Box(*row) for row in small[~on_word.any(axis=1)].tolist()]


def _recognize(view: View, recognizer: RapidOcr, reading: RegionReading) -> None:
    found = recognizer.read(view.image, view.dpi)
    added = [TextWord(placed(word, view.scale, view.left, view.top), word_turn(word), -1) for word in found]
    fresh = _fresh(added, reading.words)
    if len(fresh) > len(reading.words):
        reading.angle = page_angle(found, view.image)
    reading.words = reading.words + fresh
    reading.used_ocr = True


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
        pixels = bitmap.to_numpy()
        return np.array(pixels[:, :, 0] if pixels.ndim == 3 else pixels)
    finally:
        bitmap.close()


def _large(graphics: Graphics) -> list[Box]:
    """Images that may hold words; strips of one scan are joined before they are judged."""
    boxes = sorted((Box(*row) for row in graphics.images.tolist()), key=lambda box: -box.width * box.height)
    joined = _merged(boxes[:_MOST_IMAGES])
    return [box for box in joined if box.width >= _LEAST_IMAGE[0] and box.height >= _LEAST_IMAGE[1]]


def _merged(boxes: list[Box]) -> list[Box]:
    """Images that touch (strips of one scan, layers over each other) as one."""
    merged: list[Box] = []
    for box in sorted(boxes, key=lambda b: -b.width * b.height):
        touching = next((i for i, other in enumerate(merged) if _overlap(box, other)), None)
        if touching is None:
            merged.append(box)
        else:
            merged[touching] = around([box, merged[touching]])
    return merged


def _overlap(a: Box, b: Box) -> bool:
    return a.left <= b.right and b.left <= a.right and a.top <= b.bottom and b.top <= a.bottom


def around(boxes: Sequence[Box]) -> Box:
    """The smallest box around boxes."""
    return Box(
        min(box.left for box in boxes),
        min(box.top for box in boxes),
        max(box.right for box in boxes),
        max(box.bottom for box in boxes),
    )


def _look(
    page: pdfium.PdfPage, frame: PageFrame, region: Box, words: Sequence[TextWord], excess: float
) -> tuple[list[bool], bool]:
    """For each word whether it is believed, and whether the region holds letters that no word explains."""
    dpi = _LOOK_DPI
    mask = ink(render(page, frame, region, dpi / excess), dpi)
    inside = [_center_in(item.word.box, region) for item in words]
    boxes = [
        _moved(item.word.box, region, excess) for item, is_in in zip(words, inside, strict=True) if is_in
    ]
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


def _center_in(box: Box, region: Box) -> bool:
    x, y = (box.left + box.right) / 2, (box.top + box.bottom) / 2
    return region.left <= x <= region.right and region.top <= y <= region.bottom


def _moved(box: Box, region: Box, excess: float) -> Box:
    """The box from the region's corner, in inches of the sheet the page is taken to be."""
    left, top = (box.left - region.left) / excess, (box.top - region.top) / excess
    return Box(left, top, left + box.width / excess, top + box.height / excess)


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
