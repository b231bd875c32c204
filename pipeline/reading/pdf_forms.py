"""AcroForm widgets of a PDF page: values as text, check boxes and radio buttons as selection marks.

Values of widgets are neither in the text layer nor drawn until the page is flattened: then PDFium writes the
appearance of every visible annotation into the page, where text extraction and rendering find it in place.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pypdfium2.raw as pdfium_c

from pipeline.reading.pdf_text import PageFrame
from pipeline.types import Box, MarkState

_TOGGLES = (pdfium_c.FPDF_FORMFIELD_CHECKBOX, pdfium_c.FPDF_FORMFIELD_RADIOBUTTON)
_TEXTS = (
    pdfium_c.FPDF_FORMFIELD_TEXTFIELD,
    pdfium_c.FPDF_FORMFIELD_COMBOBOX,
    pdfium_c.FPDF_FORMFIELD_LISTBOX,
)
_DRAWN = (pdfium_c.FPDF_ANNOT_WIDGET, pdfium_c.FPDF_ANNOT_FREETEXT, pdfium_c.FPDF_ANNOT_STAMP,
          pdfium_c.FPDF_ANNOT_INK)  # fmt: skip
_UNSEEN = pdfium_c.FPDF_ANNOT_FLAG_HIDDEN | pdfium_c.FPDF_ANNOT_FLAG_NOVIEW
_PASSWORD_FLAG = 1 << 13
"""Bit 14 of a text field's flags (ISO 32000-1, table 228): its value is never shown, so it is never read."""


@dataclass(frozen=True, slots=True)
class Widgets:
    """What the widgets of a page hold, boxes in inches. `drawn`: there is something to flatten."""

    toggles: tuple[tuple[Box, MarkState], ...] = ()
    texts: tuple[tuple[Box, str], ...] = ()
    drawn: bool = False


def read_widgets(
    page: pdfium_c.FPDF_PAGE, form: pdfium_c.FPDF_FORMHANDLE | None, frame: PageFrame
) -> Widgets:
    """The visible widgets of a page; `form` is the document's form environment, None where it has none."""
    toggles: list[tuple[Box, MarkState]] = []
    texts: list[tuple[Box, str]] = []
    drawn = False
    for annotation in _annotations(page):
        subtype = pdfium_c.FPDFAnnot_GetSubtype(annotation)
        if subtype not in _DRAWN or pdfium_c.FPDFAnnot_GetFlags(annotation) & _UNSEEN:
            continue
        drawn = True
        if subtype != pdfium_c.FPDF_ANNOT_WIDGET or form is None:
            continue
        kind = pdfium_c.FPDFAnnot_GetFormFieldType(form, annotation)
        if kind in _TOGGLES:
            checked = pdfium_c.FPDFAnnot_IsChecked(form, annotation)
            toggles.append((_box(annotation, frame), "selected" if checked else "unselected"))
        elif kind in _TEXTS and (value := _value(form, annotation)):
            texts.append((_box(annotation, frame), value))
    return Widgets(tuple(toggles), tuple(texts), drawn)


def flatten(page: pdfium_c.FPDF_PAGE) -> bool:
    """Draws the visible annotations into the page; it must be loaded again to be read. False: it failed."""
    return bool(pdfium_c.FPDFPage_Flatten(page, pdfium_c.FLAT_NORMALDISPLAY) != pdfium_c.FLATTEN_FAIL)


def _annotations(page: pdfium_c.FPDF_PAGE) -> Iterator[pdfium_c.FPDF_ANNOTATION]:
    for index in range(pdfium_c.FPDFPage_GetAnnotCount(page)):
        with _annotation(page, index) as annotation:
            if annotation:
                yield annotation


@contextmanager
def _annotation(page: pdfium_c.FPDF_PAGE, index: int) -> Iterator[pdfium_c.FPDF_ANNOTATION]:
    annotation = pdfium_c.FPDFPage_GetAnnot(page, index)
    try:
        yield annotation
    finally:
        if annotation:
            pdfium_c.FPDFPage_CloseAnnot(annotation)


def _box(annotation: pdfium_c.FPDF_ANNOTATION, frame: PageFrame) -> Box:
    rectangle = pdfium_c.FS_RECTF()
    pdfium_c.FPDFAnnot_GetRect(annotation, rectangle)
    corners = [[rectangle.left, rectangle.top, rectangle.right, rectangle.bottom]]
    return Box(*frame.boxes(np.array(corners, np.float64))[0].round(4).tolist())


def _value(form: pdfium_c.FPDF_FORMHANDLE, annotation: pdfium_c.FPDF_ANNOTATION) -> str:
    if pdfium_c.FPDFAnnot_GetFormFieldFlags(form, annotation) & _PASSWORD_FLAG:
        return ""
    size = pdfium_c.FPDFAnnot_GetFormFieldValue(form, annotation, None, 0)
    if size <= 2:
        return ""
    buffer = (ctypes.c_ushort * (size // 2))()
    pdfium_c.FPDFAnnot_GetFormFieldValue(form, annotation, buffer, size)
    return bytes(buffer)[:-2].decode("utf-16-le", errors="replace").strip()
