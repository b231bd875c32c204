"""Pages of a document as a document of its own."""

from __future__ import annotations

import io

import pypdfium2 as pdfium
import pytest
from PIL import Image
from reportlab.pdfgen.canvas import Canvas

from pipeline.errors import DocumentError
from pipeline.reading.cutting import cut
from pipeline.reading.options import ReadOptions
from pipeline.reading.reader import count_pages, read_layout

OPTIONS = ReadOptions(max_pages=9)


def pdf(*texts: str) -> bytes:
    """A page for each text, with a form field that holds it."""
    made = io.BytesIO()
    canvas = Canvas(made, pagesize=(400, 400))
    for number, text in enumerate(texts):
        canvas.drawString(40, 300, f"page {text}")
        canvas.acroForm.textfield(name=f"field{number}", value=f"value{text}", x=40, y=200, width=200)
        canvas.showPage()
    canvas.save()
    return made.getvalue()


def tiff(*shades: int) -> bytes:
    frames = [Image.new("L", (40, 30), shade) for shade in shades]
    made = io.BytesIO()
    frames[0].save(made, "TIFF", save_all=True, append_images=frames[1:], dpi=(200, 200))
    return made.getvalue()


def text(content: bytes) -> str:
    return read_layout(content, OPTIONS, None).text


@pytest.mark.parametrize(("first", "last", "seen"), [(1, 1, "A"), (2, 3, "BC"), (3, 3, "C"), (1, 2, "AB")])
def test_the_pages_and_their_fields_are_those_that_were_asked_for(first: int, last: int, seen: str) -> None:
    part = cut(pdf("A", "B", "C"), first, last)
    assert count_pages(part) == len(seen)
    found = text(part)
    for name in "ABC":
        assert (f"page {name}" in found) == (name in seen)
        assert (f"value{name}" in found) == (name in seen)
    assert pdfium.PdfDocument(part).get_formtype() != 0


def test_all_pages_are_the_document_itself() -> None:
    content = pdf("A", "B")
    assert cut(content, 1, 2) is content


def test_frames_of_an_image_keep_their_pixels_and_resolution() -> None:
    part = cut(tiff(10, 20, 30), 2, 3)
    with Image.open(io.BytesIO(part)) as image:
        assert image.n_frames == 2  # type: ignore[attr-defined]
        assert image.getpixel((3, 3)) == 20
        assert tuple(round(float(value)) for value in image.info["dpi"]) == (200, 200)


@pytest.mark.parametrize(("first", "last"), [(2, 3), (0, 1), (2, 1)])
def test_pages_that_are_not_there_are_named(first: int, last: int) -> None:
    with pytest.raises(DocumentError) as caught:
        cut(pdf("A", "B"), first, last)
    assert caught.value.reason == "pages-missing"
