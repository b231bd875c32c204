"""Images and drawn paths of a PDF page, as boxes: where pixels must be read and where rules are drawn."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pypdfium2.raw as pdfium_c

from pipeline.reading.pdf_text import Floats, PageFrame

_MAX_DEPTH = 4
_MAX_OBJECTS = 40_000
"""Objects looked at on one page; a map or a drawing with more is not a form."""

Kinds = npt.NDArray[np.int8]
_KEPT = (pdfium_c.FPDF_PAGEOBJ_PATH, pdfium_c.FPDF_PAGEOBJ_IMAGE)
_LINE = 100
_THIN = 4.0
"""Points; a filled path no thicker than this may be a line."""
_NEAR_WHITE = 240

_pointer, _int = ctypes.c_void_p, ctypes.c_int
_bounds = ctypes.CFUNCTYPE(_int, _pointer, _pointer, _pointer, _pointer, _pointer)(
    ctypes.cast(pdfium_c.FPDFPageObj_GetBounds, _pointer).value  # type: ignore[arg-type]
)


@dataclass(frozen=True, slots=True)
class Graphics:
    """Boxes (n, 4) on the page in inches: left, top, right, bottom.

    `paths`: what is drawn; `strokes`: of these, what is drawn as lines or is filled with a colour and thin.
    """

    images: Floats
    paths: Floats
    strokes: Floats


def page_graphics(page: pdfium_c.FPDF_PAGE, frame: PageFrame) -> Graphics:
    """Bounding boxes of the images and paths of a page, those in form XObjects included."""
    found: list[tuple[Floats, Kinds]] = []
    _collect(_of_page(page), np.eye(3), found, _MAX_OBJECTS)
    if not found:
        return Graphics(np.empty((0, 4)), np.empty((0, 4)), np.empty((0, 4)))
    boxes = np.concatenate([part for part, _ in found])
    kinds = np.concatenate([part for _, part in found])
    return Graphics(
        _on_page(boxes[kinds == pdfium_c.FPDF_PAGEOBJ_IMAGE], frame),
        _on_page(boxes[kinds != pdfium_c.FPDF_PAGEOBJ_IMAGE], frame),
        _on_page(boxes[kinds == _LINE], frame),
    )


_Source = tuple[int, Callable[[int], pdfium_c.FPDF_PAGEOBJECT]]


def _of_page(page: pdfium_c.FPDF_PAGE) -> _Source:
    return pdfium_c.FPDFPage_CountObjects(page), lambda i: pdfium_c.FPDFPage_GetObject(page, i)


def _of_form(form: pdfium_c.FPDF_PAGEOBJECT) -> _Source:
    return pdfium_c.FPDFFormObj_CountObjects(form), lambda i: pdfium_c.FPDFFormObj_GetObject(form, i)


def _collect(
    source: _Source, matrix: Floats, found: list[tuple[Floats, Kinds]], budget: int, depth: int = 0
) -> int:
    """Appends boxes in user space and kinds of the objects of one page or form; returns the budget left."""
    count, take = source
    count = min(count, budget)
    kinds, boxes = np.zeros(count, np.int8), np.zeros((count, 4), np.float32)
    address, kind_of = boxes.ctypes.data, pdfium_c.FPDFPageObj_GetType
    budget -= count
    for index in range(count):
        item = take(index)
        kinds[index] = kind = kind_of(item)
        if kind in _KEPT:
            where = address + 16 * index
            _bounds(ctypes.cast(item, _pointer).value, where, where + 4, where + 8, where + 12)
            if kind == pdfium_c.FPDF_PAGEOBJ_PATH and _is_line(item, boxes[index]):
                kinds[index] = _LINE
        elif kind == pdfium_c.FPDF_PAGEOBJ_FORM and depth < _MAX_DEPTH:
            budget = _collect(_of_form(item), matrix @ _form_matrix(item), found, budget, depth + 1)
    kept = np.isin(kinds, (*_KEPT, _LINE))
    found.append((_moved(boxes[kept].astype(np.float64), matrix), kinds[kept]))
    return budget


def _is_line(item: pdfium_c.FPDF_PAGEOBJECT, box: npt.NDArray[np.float32]) -> bool:
    """Stroked, or thin and filled with a colour that shows on paper; shading of cells is neither."""
    fill, stroke = ctypes.c_int(), ctypes.c_int()
    pdfium_c.FPDFPath_GetDrawMode(item, fill, stroke)
    if stroke.value:
        return True
    if not fill.value or min(box[2] - box[0], box[3] - box[1]) > _THIN:
        return False
    red, green, blue, alpha = (ctypes.c_uint() for _ in range(4))
    pdfium_c.FPDFPageObj_GetFillColor(item, red, green, blue, alpha)
    return bool(min(red.value, green.value, blue.value) < _NEAR_WHITE and alpha.value)


def _moved(boxes: Floats, matrix: Floats) -> Floats:
    xs, ys = boxes[:, [0, 2, 0, 2]], boxes[:, [1, 1, 3, 3]]
    px = matrix[0, 0] * xs + matrix[0, 1] * ys + matrix[0, 2]
    py = matrix[1, 0] * xs + matrix[1, 1] * ys + matrix[1, 2]
    return np.stack([px.min(1), py.min(1), px.max(1), py.max(1)], axis=1)


def _form_matrix(item: pdfium_c.FPDF_PAGEOBJECT) -> Floats:
    m = pdfium_c.FS_MATRIX()
    if not pdfium_c.FPDFPageObj_GetMatrix(item, m):
        return np.eye(3)
    return np.array([[m.a, m.c, m.e], [m.b, m.d, m.f], [0, 0, 1]])


def _on_page(boxes: Floats, frame: PageFrame) -> Floats:
    seen = frame.boxes(boxes)
    page = [frame.width, frame.height, frame.width, frame.height]
    clipped = np.clip(seen, 0, page)
    touching = (seen[:, 2] >= 0) & (seen[:, 3] >= 0) & (seen[:, 0] <= page[0]) & (seen[:, 1] <= page[1])
    clipped = clipped[touching & np.isfinite(seen).all(axis=1)]
    return np.asarray(clipped, np.float64)
