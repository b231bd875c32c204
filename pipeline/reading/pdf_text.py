"""The text layer of a PDF page -> words with boxes.

The cost of reading born-digital pages lies in asking PDFium for the box of every character. The text is taken
in one call, the boxes are written by PDFium straight into one array, and the rest is vectorised.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pypdfium2.raw as pdfium_c

from pipeline.reading.lines import Quarter, reading_polygon
from pipeline.types import Box, Word

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.uint32]
Indexes = npt.NDArray[np.intp]

_POINTS_PER_INCH = 72.0
_COMB_GAP = 1.0
"""Characters further apart than this many times their height are words of their own (combed fields)."""
_SAMPLE = 40
_UNITS = 1000
"""Resolution of the page-to-device mapping, per point: PDFium answers in whole device units."""

_pointer, _int = ctypes.c_void_p, ctypes.c_int
# The same functions as pypdfium2.raw's, taking addresses: it saves building a pointer object per character.
_loose_box = ctypes.CFUNCTYPE(_int, _pointer, _int, _pointer)(
    ctypes.cast(pdfium_c.FPDFText_GetLooseCharBox, _pointer).value  # type: ignore[arg-type]
)
_tight_box = ctypes.CFUNCTYPE(_int, _pointer, _int, _pointer, _pointer, _pointer, _pointer)(
    ctypes.cast(pdfium_c.FPDFText_GetCharBox, _pointer).value  # type: ignore[arg-type]
)


@dataclass(frozen=True, slots=True)
class PageFrame:
    """The way from PDF user space (points, y up, unrotated) to the page as seen (inches, y down).

    `matrix` is 2x3: (x, y) -> matrix @ (x, y, 1). `rotation` counts the page's clockwise quarter turns.
    """

    width: float
    height: float
    matrix: Floats
    rotation: Quarter

    def boxes(self, rectangles: Floats) -> Floats:
        """Rectangles (n, 4) of user space as left, top, right, bottom on the page."""
        xs, ys = rectangles[:, 0::2], rectangles[:, 1::2]
        m = self.matrix
        with np.errstate(invalid="ignore", over="ignore"):  # text beyond all numbers is not on the page
            px, py = m[0, 0] * xs + m[0, 1] * ys + m[0, 2], m[1, 0] * xs + m[1, 1] * ys + m[1, 2]
        return np.stack([px.min(1), py.min(1), px.max(1), py.max(1)], axis=1)


@dataclass(frozen=True, slots=True)
class TextWord:
    """A word, the quarter turns of its text, and its first character (-1: not of the text layer)."""

    word: Word
    turn: Quarter
    first_char: int


def page_frame(page: pdfium_c.FPDF_PAGE) -> PageFrame:
    """The frame of a loaded page; its crop box and rotation are honoured."""
    width, height = pdfium_c.FPDF_GetPageWidthF(page), pdfium_c.FPDF_GetPageHeightF(page)
    size_x, size_y = max(1, round(width * _UNITS)), max(1, round(height * _UNITS))
    x, y = ctypes.c_int(), ctypes.c_int()

    def seen(px: float, py: float) -> tuple[float, float]:
        pdfium_c.FPDF_PageToDevice(page, 0, 0, size_x, size_y, 0, px, py, x, y)
        return x.value / _UNITS / _POINTS_PER_INCH, y.value / _UNITS / _POINTS_PER_INCH

    (ox, oy), (ax, ay), (bx, by) = seen(0, 0), seen(1000, 0), seen(0, 1000)
    matrix = np.array([[(ax - ox) / 1000, (bx - ox) / 1000, ox], [(ay - oy) / 1000, (by - oy) / 1000, oy]])
    rotation = pdfium_c.FPDFPage_GetRotation(page) % 4
    return PageFrame(width / _POINTS_PER_INCH, height / _POINTS_PER_INCH, matrix, rotation)


def text_words(text_page: pdfium_c.FPDF_TEXTPAGE, frame: PageFrame) -> list[TextWord]:
    """The words on the page in the order of the file, split on white space and wide gaps; boxes in inches."""
    count = pdfium_c.FPDFText_CountChars(text_page)
    if count <= 0:
        return []
    codes = _codes(text_page, count)
    boxes = frame.boxes(_char_boxes(text_page, count))
    starts, ends = _word_spans(codes)
    turns = [_turn(text_page, start, frame.rotation) for start in starts.tolist()]
    starts, ends, turn_of = _split_combs(boxes, starts, ends, np.array(turns, dtype=np.intp))
    return _words(codes, boxes, (starts, ends, turn_of), frame)


def _words(
    codes: Codes, boxes: Floats, spans: tuple[Indexes, Indexes, Indexes], frame: PageFrame
) -> list[TextWord]:
    starts, ends, turns = spans
    if not len(starts):
        return []
    pairs = np.stack([starts, ends], axis=1).ravel()
    padded = np.concatenate([boxes, boxes[-1:]])  # reduceat needs every end to be an index
    low = np.minimum.reduceat(padded[:, :2], pairs)[::2]
    high = np.maximum.reduceat(padded[:, 2:], pairs)[::2]
    rows = np.concatenate([low, high], axis=1).round(4).tolist()
    letters = list(map(chr, codes.tolist()))
    words = []
    for start, end, turn, row in zip(starts.tolist(), ends.tolist(), turns.tolist(), rows, strict=True):
        box = Box(*row)
        if _is_on_page(box, frame):
            word = Word("".join(letters[start:end]), reading_polygon(box, turn))
            words.append(TextWord(word, turn, start))
    return words


def is_invisible(text_page: pdfium_c.FPDF_TEXTPAGE, words: Sequence[TextWord]) -> bool:
    """Whether most words are written in the invisible mode, as the text layer of a recognised scan is."""
    sample = words[:: max(1, len(words) // _SAMPLE)]
    modes = [
        pdfium_c.FPDFTextObj_GetTextRenderMode(pdfium_c.FPDFText_GetTextObject(text_page, item.first_char))
        for item in sample
    ]
    return 2 * modes.count(pdfium_c.FPDF_TEXTRENDERMODE_INVISIBLE) > len(modes)


def font_name(text_page: pdfium_c.FPDF_TEXTPAGE, index: int) -> str:
    """The name of the font of a character; empty where it has none."""
    buffer = ctypes.create_string_buffer(128)
    flags = ctypes.c_int()
    pdfium_c.FPDFText_GetFontInfo(text_page, index, buffer, len(buffer), flags)
    return buffer.value.decode("utf-8", errors="replace")


def _codes(text_page: pdfium_c.FPDF_TEXTPAGE, count: int) -> Codes:
    """Code points by character; in one call where text and characters correspond one to one."""
    units = np.zeros(count + 1, np.uint16)
    buffer = ctypes.cast(units.ctypes.data, ctypes.POINTER(ctypes.c_ushort))
    written = pdfium_c.FPDFText_GetText(text_page, 0, count, buffer)
    codes: Codes = units[:count].astype(np.uint32)
    surrogates = (codes >= 0xD800) & (codes <= 0xDFFF)
    if written != count + 1 or surrogates.any():
        read = pdfium_c.FPDFText_GetUnicode
        codes = np.array([read(text_page, index) for index in range(count)], dtype=np.uint32)
        codes[(codes >= 0xD800) & (codes <= 0xDFFF)] = 0
    codes[codes == 2] = ord("-")  # PDFium's sign for a hyphen at the end of a line
    codes[codes > 0x10FFFF] = 0
    return codes


def _char_boxes(text_page: pdfium_c.FPDF_TEXTPAGE, count: int) -> Floats:
    """Boxes (n, 4) in user space: as high as the font where its metrics are sane, else as the glyph."""
    handle = ctypes.cast(text_page, ctypes.c_void_p).value
    loose = np.zeros((count, 4), np.float32)
    address = loose.ctypes.data
    for index in range(count):
        _loose_box(handle, index, address + index * 16)
    boxes = loose.astype(np.float64)
    height = np.abs(boxes[:, 1] - boxes[:, 3])
    width = np.abs(boxes[:, 2] - boxes[:, 0])
    odd = (np.minimum(height, width) > 4 * np.median(height) + 1) | ~np.isfinite(boxes).all(1) | (height == 0)
    tight = np.zeros(4, np.float64)
    where = tight.ctypes.data
    for index in np.flatnonzero(odd).tolist():
        _tight_box(handle, index, where, where + 16, where + 8, where + 24)
        boxes[index] = tight
    return boxes


_SPACES = np.array([0, *range(1, 33), 0x7F, 0xA0, 0x1680, *range(0x2000, 0x200C), 0x2028, 0x2029, 0x202F,
                    0x205F, 0x3000, 0xFEFF, 0xFFFE, 0xFFFF], dtype=np.uint32)  # fmt: skip


def _word_spans(codes: Codes) -> tuple[Indexes, Indexes]:
    solid = ~np.isin(codes, _SPACES)
    edges = np.diff(np.concatenate([[0], solid.astype(np.int8), [0]]))
    return np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)


def _turn(text_page: pdfium_c.FPDF_TEXTPAGE, index: int, rotation: Quarter) -> Quarter:
    """Quarter turns of a character as seen, clockwise; skew is rounded away."""
    angle: float = pdfium_c.FPDFText_GetCharAngle(text_page, index)
    if not 0 <= angle < math.inf:  # none, or none that a number can tell
        return 0
    return (round(angle / (math.pi / 2)) + rotation) % 4


def _split_combs(
    boxes: Floats, starts: Indexes, ends: Indexes, turns: Indexes
) -> tuple[Indexes, Indexes, Indexes]:
    """Splits words whose characters stand far apart or on another line without a space between them."""
    lengths = ends - starts
    upright = np.repeat(turns % 2 == 0, lengths)
    index = np.repeat(starts - np.cumsum(lengths) + lengths, lengths) + np.arange(lengths.sum())
    solid = boxes[index]
    start, end, top, bottom = (
        np.where(upright, solid[:, a], solid[:, b]) for a, b in ((0, 1), (2, 3), (1, 0), (3, 2))
    )
    size = np.maximum((bottom - top)[1:], (bottom - top)[:-1])
    apart = np.maximum(start[1:] - end[:-1], start[:-1] - end[1:]) > _COMB_GAP * size
    middle = (top + bottom) / 2
    cut = (apart | (np.abs(np.diff(middle)) > size)) & (np.diff(index) == 1)
    inner = index[1:][cut]
    new_starts = np.sort(np.concatenate([starts, inner]))
    new_ends = np.sort(np.concatenate([ends, inner]))
    return new_starts, new_ends, turns[np.searchsorted(starts, new_starts, side="right") - 1]


def _is_on_page(box: Box, frame: PageFrame) -> bool:
    x, y = (box.left + box.right) / 2, (box.top + box.bottom) / 2
    return 0 <= x <= frame.width and 0 <= y <= frame.height
