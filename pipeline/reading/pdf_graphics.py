"""Images and drawn paths of a PDF page, as boxes: where pixels must be read and where rules are drawn."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pypdfium2.raw as pdfium_c

from pipeline.reading.pdf_text import Floats, PageFrame

_MAX_DEPTH = 4
_MAX_OBJECTS = 40_000
"""Objects looked at on one page; a map or a drawing with more is not a form."""

_pointer, _int = ctypes.c_void_p, ctypes.c_int
_bounds = ctypes.CFUNCTYPE(_int, _pointer, _pointer, _pointer, _pointer, _pointer)(
    ctypes.cast(pdfium_c.FPDFPageObj_GetBounds, _pointer).value  # type: ignore[arg-type]
)


@dataclass(frozen=True, slots=True)
class Graphics:
    """Boxes (n, 4) on the page in inches: left, top, right, bottom."""

    images: Floats
    paths: Floats


def page_graphics(page: pdfium_c.FPDF_PAGE, frame: PageFrame) -> Graphics:
    """Bounding boxes of the images and paths of a page, those in form XObjects included."""
    images: list[Floats] = []
    paths: list[Floats] = []
    _collect(_of_page(page), np.eye(3), (images, paths), 0)
    return Graphics(_on_page(images, frame), _on_page(paths, frame))


_Source = tuple[int, Callable[[int], pdfium_c.FPDF_PAGEOBJECT]]


def _of_page(page: pdfium_c.FPDF_PAGE) -> _Source:
    return pdfium_c.FPDFPage_CountObjects(page), lambda i: pdfium_c.FPDFPage_GetObject(page, i)


def _of_form(form: pdfium_c.FPDF_PAGEOBJECT) -> _Source:
    return pdfium_c.FPDFFormObj_CountObjects(form), lambda i: pdfium_c.FPDFFormObj_GetObject(form, i)


def _collect(
    source: _Source, matrix: Floats, found: tuple[list[Floats], list[Floats]], depth: int
) -> None:
    images, paths = found
    count, take = source
    for index in range(min(count, _MAX_OBJECTS - len(paths) - len(images))):
        item = take(index)
        kind = pdfium_c.FPDFPageObj_GetType(item)
        if kind == pdfium_c.FPDF_PAGEOBJ_PATH:
            paths.append(_object_box(item, matrix))
        elif kind == pdfium_c.FPDF_PAGEOBJ_IMAGE:
            images.append(_object_box(item, matrix))
        elif kind == pdfium_c.FPDF_PAGEOBJ_FORM and depth < _MAX_DEPTH:
            _collect(_of_form(item), matrix @ _form_matrix(item), found, depth + 1)


def _object_box(item: pdfium_c.FPDF_PAGEOBJECT, matrix: Floats) -> Floats:
    """Left, bottom, right, top in user space."""
    box = np.zeros(4, np.float32)
    where = box.ctypes.data
    _bounds(ctypes.cast(item, _pointer).value, where, where + 4, where + 8, where + 12)
    left, bottom, right, top = box.tolist()
    corners = matrix @ np.array([[left, right, left, right], [bottom, bottom, top, top], [1, 1, 1, 1]])
    (x0, y0), (x1, y1) = corners[:2].min(axis=1), corners[:2].max(axis=1)
    return np.array([x0, y0, x1, y1])


def _form_matrix(item: pdfium_c.FPDF_PAGEOBJECT) -> Floats:
    m = pdfium_c.FS_MATRIX()
    if not pdfium_c.FPDFPageObj_GetMatrix(item, m):
        return np.eye(3)
    return np.array([[m.a, m.c, m.e], [m.b, m.d, m.f], [0, 0, 1]])


def _on_page(boxes: list[Floats], frame: PageFrame) -> Floats:
    if not boxes:
        return np.empty((0, 4))
    seen = frame.boxes(np.array(boxes))
    page = [frame.width, frame.height, frame.width, frame.height]
    clipped = np.clip(seen, 0, page)
    touching = (seen[:, 2] >= 0) & (seen[:, 3] >= 0) & (seen[:, 0] <= page[0]) & (seen[:, 1] <= page[1])
    clipped = clipped[touching & np.isfinite(seen).all(axis=1)]
    return np.asarray(clipped, np.float64)
