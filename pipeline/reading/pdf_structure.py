"""Selection marks and tables of a PDF page: from widgets, characters, drawn paths, and pixels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pypdfium2 as pdfium

from pipeline.reading.glyphs import marks_in_text, without_boxes
from pipeline.reading.marks import SIDE
from pipeline.reading.pdf_forms import Widgets
from pipeline.reading.pdf_graphics import Graphics
from pipeline.reading.pdf_regions import RegionReading, around, render
from pipeline.reading.pdf_text import Floats, PageFrame, TextWord
from pipeline.reading.rules import rules_of_paths
from pipeline.reading.structure import View, marks_in, tables_in
from pipeline.reading.tables import find_tables
from pipeline.types import Box, SelectionMark, Table, Word

_CLOSE_LOOK_DPI = 200
_WIDE_LOOK_DPI = 150
_MOST_PIXELS = 8_000_000
"""Of one close look: two letter pages; what is larger is a plan, not a form."""
_SQUARE = 1.35
_MARGIN = 0.12
_MOST_SQUARES = 400
"""Small squares on one page; more are a pattern or letters drawn as paths."""


def page_marks(
    page: pdfium.PdfPage, frame: PageFrame, graphics: Graphics, reading: RegionReading, widgets: Widgets
) -> list[SelectionMark]:
    """The selection marks of a page, top to bottom; what was read in their place leaves the words."""
    marks = [SelectionMark(state, box.polygon) for box, state in widgets.toggles]
    kept, written = marks_in_text([item.word for item in reading.words])
    reading.words = _with(reading.words, kept)
    marks += _new(written, marks)
    words = [item.word for item in reading.words]
    for view in reading.views + _close_looks(page, frame, graphics, marks):
        marks += _new(marks_in(view, words), marks)
    reading.words = _with(reading.words, without_boxes(words, marks))
    return sorted(marks, key=lambda mark: (mark.box.top, mark.box.left))


def page_tables(graphics: Graphics, reading: RegionReading) -> list[Table]:
    """The ruled tables of a page: of drawn rules, and of the pixels of its scanned parts."""
    words = [item.word for item in reading.words]
    tables = find_tables(rules_of_paths(graphics.strokes), words)
    for view in reading.views:
        tables += tables_in(view, words, reading.angle)
    return tables


def _with(items: Sequence[TextWord], words: Sequence[Word | None]) -> list[TextWord]:
    return [
        TextWord(word, item.turn, item.first_char)
        for item, word in zip(items, words, strict=True)
        if word is not None
    ]


def _new(found: Sequence[SelectionMark], known: Sequence[SelectionMark]) -> list[SelectionMark]:
    boxes = [mark.box for mark in known]
    return [mark for mark in found if not any(_same_place(mark.box, box) for box in boxes)]


def _same_place(a: Box, b: Box) -> bool:
    return (
        abs(a.left + a.right - b.left - b.right) < a.width + b.width
        and abs(a.top + a.bottom - b.top - b.bottom) < a.height + b.height
    )


def _close_looks(
    page: pdfium.PdfPage, frame: PageFrame, graphics: Graphics, marks: Sequence[SelectionMark]
) -> list[View]:
    """The part of the page in which small squares are drawn that no mark explains yet, as pixels."""
    drawn = np.concatenate([_squares(graphics.paths), _squares(graphics.images)])
    known = [mark.box for mark in marks]
    drawn_boxes = [Box(*row) for row in drawn.tolist()[: _MOST_SQUARES + 1]]
    squares = [box for box in drawn_boxes if not any(_same_place(box, other) for other in known)]
    if not squares or len(squares) > _MOST_SQUARES:
        return []
    box = around(squares)
    region = Box(
        max(0.0, box.left - _MARGIN),
        max(0.0, box.top - _MARGIN),
        min(frame.width, box.right + _MARGIN),
        min(frame.height, box.bottom + _MARGIN),
    )
    is_wide = region.width * region.height > frame.width * frame.height / 4
    dpi = _WIDE_LOOK_DPI if is_wide else _CLOSE_LOOK_DPI
    if region.width * region.height * dpi * dpi > _MOST_PIXELS:
        return []
    return [View(render(page, frame, region, dpi), dpi, 1 / dpi, region.left, region.top)]


def _squares(boxes: Floats) -> Floats:
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    longer, shorter = np.maximum(width, height), np.minimum(width, height)
    fits = (shorter >= SIDE[0] * 0.9) & (longer <= SIDE[1]) & (longer <= _SQUARE * shorter)
    return np.asarray(boxes[fits])
