"""PDF -> pages: the text layer and widgets first, pixels only where they say what no text says."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from pipeline.errors import DocumentError
from pipeline.reading.glyphs import SYMBOL_FONTS, is_symbol_code, symbol
from pipeline.reading.lines import group_lines
from pipeline.reading.ocr import RapidOcr
from pipeline.reading.options import ReadOptions
from pipeline.reading.pdf_forms import Widgets, flatten, read_widgets
from pipeline.reading.pdf_graphics import page_graphics
from pipeline.reading.pdf_regions import PageSource, read_regions
from pipeline.reading.pdf_structure import page_marks, page_tables
from pipeline.reading.pdf_text import PageFrame, TextWord, font_name, is_invisible, page_frame, text_words
from pipeline.types import Box, Layout, Page, Word

log = logging.getLogger(__name__)
logging.getLogger("pypdfium2").setLevel(logging.ERROR)  # it warns of every XFA form; the AcroForm is enough


def count_pdf_pages(content: bytes) -> int:
    """Raises DocumentError: `password-protected`, `damaged-pdf`, `no-pages`."""
    document = _opened(content)
    try:
        return len(document)
    finally:
        document.close()


def read_pdf(content: bytes, options: ReadOptions, recognizer: RapidOcr | None) -> Layout:
    """The first `max_pages` pages. A page that cannot be loaded is left out, so that the layout is truncated.

    Raises DocumentError: `password-protected`, `damaged-pdf`, `no-pages`.
    """
    document = _opened(content)
    try:
        count = len(document)
        if count == 0:
            raise _no_pages()
        if document.get_formtype() != pdfium_c.FORMTYPE_NONE:
            document.init_forms()
        pages = [
            page
            for index in range(min(count, options.max_pages))
            if (page := _read_page(document, index, options, recognizer)) is not None
        ]
    finally:
        document.close()
    if not pages:
        raise _damaged("none of its pages can be loaded")
    return Layout(tuple(pages), count)


def _opened(content: bytes) -> pdfium.PdfDocument:
    try:
        return pdfium.PdfDocument(content)
    except pdfium.PdfiumError:
        pass
    # PDFium reports no error of its own for a file without pages: the last one of the process stands. So a
    # known one, of a file that is not there, is provoked before the second attempt.
    pdfium_c.FPDF_LoadDocument(b"", None)
    try:
        return pdfium.PdfDocument(content)
    except pdfium.PdfiumError as error:
        raise _fault_of(getattr(error, "err_code", None)) from error


def _fault_of(code: int | None) -> DocumentError:
    if code == pdfium_c.FPDF_ERR_FILE:
        return _no_pages()
    if code in (pdfium_c.FPDF_ERR_PASSWORD, pdfium_c.FPDF_ERR_SECURITY):
        return DocumentError(
            "The PDF asks for a password: upload it without protection.", reason="password-protected"
        )
    return _damaged("it cannot be opened")


def _no_pages() -> DocumentError:
    return DocumentError("The PDF has no pages: remove it or upload it again.", reason="no-pages")


def _damaged(why: str) -> DocumentError:
    return DocumentError(f"The PDF is damaged ({why}): upload it again.", reason="damaged-pdf")


@dataclass(slots=True)
class _LoadedPage:
    page: pdfium.PdfPage
    frame: PageFrame
    widgets: Widgets


def _read_page(
    document: pdfium.PdfDocument, index: int, options: ReadOptions, recognizer: RapidOcr | None
) -> Page | None:
    try:
        loaded = _load(document, index)
    except pdfium.PdfiumError:
        log.warning("page %d of %d cannot be loaded", index + 1, len(document))
        return None
    try:
        return _page(loaded, index + 1, options, recognizer)
    finally:
        loaded.page.close()


def _load(document: pdfium.PdfDocument, index: int) -> _LoadedPage:
    """A page with its widgets' values drawn into it."""
    page = document[index]
    frame = page_frame(page.raw)
    if not pdfium_c.FPDFPage_GetAnnotCount(page.raw):
        return _LoadedPage(page, frame, Widgets())
    form = document.formenv.raw if document.formenv else None
    widgets = read_widgets(page.raw, form, frame)
    if widgets.drawn and flatten(page.raw):
        page.close()
        page = document[index]
    return _LoadedPage(page, frame, widgets)


def _page(loaded: _LoadedPage, number: int, options: ReadOptions, recognizer: RapidOcr | None) -> Page:
    frame = loaded.frame
    found, is_layer = _text(loaded.page, frame)
    found = _without_ticks(found, loaded.widgets)
    found += _values_not_drawn(found, loaded.widgets)
    graphics = page_graphics(loaded.page.raw, frame)
    source = PageSource(loaded.page, frame, graphics, is_layer)
    reading = read_regions(source, found, options, recognizer)
    marks = page_marks(loaded.page, frame, graphics, reading, loaded.widgets) if options.marks else []
    tables = page_tables(graphics, reading) if options.tables else []
    words = [item.word for item in reading.words]
    return Page(
        number=number,
        width=round(frame.width, 4),
        height=round(frame.height, 4),
        unit="inch",
        lines=tuple(group_lines(words, [item.turn for item in reading.words], reading.angle)),
        selection_marks=tuple(marks),
        tables=tuple(tables),
        angle=reading.angle,
        used_ocr=reading.used_ocr,
    )


def _text(page: pdfium.PdfPage, frame: PageFrame) -> tuple[list[TextWord], bool]:
    """The words of the text layer, and whether that is one of a recognised scan."""
    text_page = page.get_textpage()
    try:
        found = text_words(text_page.raw, frame)
        is_layer = is_invisible(text_page.raw, found)
        return [_as_symbol(text_page, item) for item in found], is_layer
    finally:
        text_page.close()


def _as_symbol(text_page: pdfium.PdfTextPage, item: TextWord) -> TextWord:
    """A character of a symbol font as what it shows; most such fonts carry no mapping to Unicode."""
    text = item.word.text
    if not is_symbol_code(text) or not SYMBOL_FONTS.search(font_name(text_page.raw, item.first_char)):
        return item
    return replace(item, word=replace(item.word, text=symbol(text)))


def _without_ticks(found: list[TextWord], widgets: Widgets) -> list[TextWord]:
    """Leaves out the tick that a checked box draws: its state is told by the selection mark."""
    boxes = [box for box, _ in widgets.toggles]
    return [item for item in found if len(item.word.text) > 1 or not _inside_any(item.word.box, boxes)]


def _inside_any(inner: Box, boxes: Sequence[Box]) -> bool:
    x, y = (inner.left + inner.right) / 2, (inner.top + inner.bottom) / 2
    return any(box.left <= x <= box.right and box.top <= y <= box.bottom for box in boxes)


def _values_not_drawn(found: list[TextWord], widgets: Widgets) -> list[TextWord]:
    """Values of widgets without an appearance, laid out evenly in their box."""
    missing: list[TextWord] = []
    for box, value in widgets.texts:
        if not any(_inside_any(item.word.box, [box]) for item in found):
            missing += _laid_out(box, value)
    return missing


def _laid_out(box: Box, value: str) -> list[TextWord]:
    rows = [row for row in value.splitlines() if row.strip()]
    height = min(box.height / max(len(rows), 1), 0.2)
    laid = []
    for number, row in enumerate(rows):
        width = min(box.width / len(row), height * 0.6)
        top, start = box.top + number * height, 0
        for text in row.split():
            start = row.index(text, start)
            left = box.left + start * width
            start += len(text)
            place = Box(left, top, box.left + start * width, top + height)
            laid.append(TextWord(Word(text, place.polygon), 0, -1))
    return laid
