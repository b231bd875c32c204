"""Small PDFs and images, drawn on the spot."""

from __future__ import annotations

import io
from collections.abc import Callable

import cv2
import numpy as np
import pypdfium2
import pytest
from PIL import Image
from reportlab.pdfgen.canvas import Canvas

from pipeline.reading.ocr import OcrWord, RapidOcr
from pipeline.reading.pixels import Pixels

Draw = Callable[[Canvas], None]


def draw_pdf(
    *pages: Draw, size: tuple[float, float] = (612, 792), rotation: int = 0, password: str = ""
) -> bytes:
    """A PDF with one page per drawing function, in points from the bottom left."""
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=size, invariant=1, encrypt=password or None)
    for draw in pages:
        draw(canvas)
        canvas.showPage()
    canvas.save()
    return _rotated(out.getvalue(), rotation) if rotation else out.getvalue()


def _rotated(pdf: bytes, rotation: int) -> bytes:
    document, out = pypdfium2.PdfDocument(pdf), io.BytesIO()
    for page in document:
        page.set_rotation(rotation)
    document.save(out)
    return out.getvalue()


def image_bytes(pixels: Pixels, kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, kind)
    return out.getvalue()


def blank(width: int = 400, height: int = 300) -> Pixels:
    return np.full((height, width), 255, np.uint8)


class FixedWords(RapidOcr):
    """Finds the same words in every image, and remembers which images it was given."""

    def __init__(self, *words: tuple[str, tuple[float, float, float, float]]) -> None:
        super().__init__()
        self.words = words
        self.images: list[Pixels] = []

    def read(self, image: Pixels, dpi: float = 150.0) -> list[OcrWord]:
        self.images.append(image)
        return [
            OcrWord(text, np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], float), 0.9)
            for text, (x0, y0, x1, y1) in self.words
        ]


def draw_box(image: Pixels, x: int, y: int, side: int = 20, thickness: int = 2) -> None:
    cv2.rectangle(image, (x, y), (x + side, y + side), 0, thickness)


@pytest.fixture(scope="session")
def recognizer() -> RapidOcr:
    return RapidOcr()
