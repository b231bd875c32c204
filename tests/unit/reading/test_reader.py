"""The reader as a whole: kinds of documents, limits, faults by name, and what goes through recognition."""

from __future__ import annotations

import io

import numpy as np
import pypdfium2
import pytest
from PIL import Image
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from pipeline.errors import DocumentError
from pipeline.reading.ocr import RapidOcr
from pipeline.reading.options import ReadOptions
from pipeline.reading.reader import count_pages, read_layout
from tests.unit.reading.conftest import FixedWords, blank, draw_box, draw_pdf, image_bytes

HEADING = ("HELLO", (20.0, 20.0, 120.0, 50.0))


def line(text: str) -> object:
    return lambda canvas: canvas.drawString(72, 720, text)


def inked(width: int = 600, height: int = 200) -> Image.Image:
    """A picture with twenty separate strokes of the size of letters."""
    pixels = np.full((height, width), 255, np.uint8)
    for column in range(20):
        pixels[60:120, 20 + column * 25 : 32 + column * 25] = 0
    return Image.fromarray(pixels)


def with_picture(canvas: Canvas) -> None:
    canvas.drawString(72, 720, "Born digital")
    canvas.drawImage(ImageReader(inked()), 72, 500, width=144, height=48)


def test_pages_over_the_limit_are_not_read_but_counted() -> None:
    pdf = draw_pdf(*[line(f"page {n}") for n in range(5)])
    layout = read_layout(pdf, ReadOptions(max_pages=2), None)
    assert [page.number for page in layout.pages] == [1, 2]
    assert (layout.page_count, layout.truncated) == (5, True)
    assert count_pages(pdf) == 5


def test_a_born_digital_page_is_never_recognised() -> None:
    recognizer = FixedWords(HEADING)
    layout = read_layout(draw_pdf(line("all text")), ReadOptions(), recognizer)
    assert recognizer.images == []
    assert layout.ocr_pages == 0


def test_a_picture_inside_a_born_digital_page_is_recognised_alone() -> None:
    recognizer = FixedWords(HEADING)
    page = read_layout(draw_pdf(with_picture), ReadOptions(dpi=150), recognizer).pages[0]
    (seen,) = recognizer.images
    assert seen.shape == pytest.approx((100, 300), abs=3)
    assert page.used_ocr
    words = {word.text: word.box for word in page.words}
    assert set(words) == {"Born", "digital", "HELLO"}
    assert words["HELLO"].left == pytest.approx(1 + 20 / 150, abs=0.01)
    assert words["HELLO"].top == pytest.approx((792 - 548) / 72 + 20 / 150, abs=0.02)


def test_a_blank_picture_is_not_recognised() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.drawString(72, 720, "Born digital")
        canvas.drawImage(ImageReader(Image.new("L", (600, 200), 255)), 72, 500, width=144, height=48)

    recognizer = FixedWords(HEADING)
    read_layout(draw_pdf(draw), ReadOptions(), recognizer)
    assert recognizer.images == []


def test_an_invisible_layer_that_lies_on_the_ink_of_a_scan_is_its_text() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.drawImage(ImageReader(inked(1700, 2200)), 0, 0, width=612, height=792)
        text = canvas.beginText(7, 752)
        text.setTextRenderMode(3)
        text.setFont("Helvetica", 32)
        text.textOut("Scanned words")
        canvas.drawText(text)

    recognizer = FixedWords(HEADING)
    page = read_layout(draw_pdf(draw), ReadOptions(), recognizer).pages[0]
    assert recognizer.images == []
    assert [word.text for word in page.words] == ["Scanned", "words"]


def test_an_invisible_layer_that_lies_elsewhere_is_dropped_and_the_scan_is_read() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.drawImage(ImageReader(inked(1700, 2200)), 0, 0, width=612, height=792)
        text = canvas.beginText(72, 300)
        text.setTextRenderMode(3)
        for row in ("DOCUMENT TYPE=Amendment", "STATUS=Active"):
            text.textLine(row)
        canvas.drawText(text)

    page = read_layout(draw_pdf(draw), ReadOptions(), FixedWords(HEADING)).pages[0]
    assert [word.text for word in page.words] == ["HELLO"]
    assert page.used_ocr


def test_an_image_is_read_in_pixels() -> None:
    page = read_layout(image_bytes(blank()), ReadOptions(), FixedWords(HEADING)).pages[0]
    assert (page.width, page.height, page.unit, page.used_ocr) == (400, 300, "pixel", True)
    assert next(page.words).box == (20, 20, 120, 50)


def test_the_exif_orientation_of_an_image_is_honoured() -> None:
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(blank(400, 300)).save(out, "JPEG", exif=exif)
    page = read_layout(out.getvalue(), ReadOptions(), None).pages[0]
    assert (page.width, page.height) == (300, 400)


def test_every_frame_of_a_tiff_is_a_page() -> None:
    out = io.BytesIO()
    frames = [Image.fromarray(blank(100 + 10 * n, 80)) for n in range(3)]
    frames[0].save(out, "TIFF", save_all=True, append_images=frames[1:])
    layout = read_layout(out.getvalue(), ReadOptions(max_pages=2), None)
    assert [page.width for page in layout.pages] == [100, 110]
    assert layout.page_count == count_pages(out.getvalue()) == 3


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "I;16"])
def test_images_of_every_mode_are_read(mode: str) -> None:
    out = io.BytesIO()
    kind = "JPEG" if mode == "CMYK" else "PNG"
    image = Image.new("I;16", (60, 40), 60000) if mode == "I;16" else Image.new("RGB", (60, 40)).convert(mode)
    image.save(out, kind)
    assert read_layout(out.getvalue(), ReadOptions(), None).pages[0].width == 60


def test_a_transparent_image_lies_on_white() -> None:
    out = io.BytesIO()
    Image.new("RGBA", (60, 40), (0, 0, 0, 0)).save(out, "PNG")
    recognizer = FixedWords()
    read_layout(out.getvalue(), ReadOptions(), recognizer)
    assert recognizer.images[0].min() == 255


def _bomb() -> bytes:
    out = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(out, "PNG")
    return out.getvalue()


def _without_pages() -> bytes:
    out = io.BytesIO()
    pypdfium2.PdfDocument.new().save(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty-file"),
        (b"<html></html>", "unsupported-content"),
        (b"%PDF-1.4\nnothing of a PDF", "damaged-pdf"),
        (draw_pdf(line("secret"), password="x"), "password-protected"),
        (_without_pages(), "no-pages"),
        (image_bytes(blank())[:60], "damaged-image"),
        (image_bytes(np.random.default_rng(1).integers(0, 255, (90, 90), np.uint8))[:-900], "damaged-image"),
        (_bomb(), "image-too-large"),
    ],
    ids=range(8),  # PDFium writes the time into its files: by their bytes, each process has other tests
)
def test_faults_are_named(content: bytes, reason: str) -> None:
    with pytest.raises(DocumentError) as caught:
        read_layout(content, ReadOptions(), None)
    assert caught.value.reason == reason


def test_another_type_than_the_row_demands_is_a_fault() -> None:
    with pytest.raises(DocumentError) as caught:
        read_layout(image_bytes(blank()), ReadOptions(file_type="application/pdf"), None)
    assert caught.value.reason == "other-file-type"


def test_the_original_spelling_of_tiff_is_understood() -> None:
    tiff = image_bytes(blank(), "TIFF")
    assert read_layout(tiff, ReadOptions(file_type="image/tif"), None).page_count == 1


def test_a_page_that_cannot_be_loaded_is_missed_not_silently_lost() -> None:
    pdf = draw_pdf(line("first"), line("second"), line("third"))
    second = pdf.index(b"/Type /Page\n", pdf.index(b"/Type /Page\n") + 1)
    broken = pdf[:second] + b"/Type /Fish\n" + pdf[second + 12 :]
    layout = read_layout(broken, ReadOptions(), None)
    assert layout.page_count == 3
    read = [word.text for page in layout.pages for word in page.words]
    assert "first" in read
    assert "third" in read
    assert layout.truncated or "second" in read


def test_a_real_picture_of_words_is_recognised(recognizer: RapidOcr) -> None:
    import cv2

    picture = blank(900, 160)
    cv2.putText(picture, "Invoice 12345 total", (30, 100), cv2.FONT_HERSHEY_SIMPLEX, 2.0, 0, 4)
    page = read_layout(image_bytes(picture), ReadOptions(), recognizer).pages[0]
    assert [word.text for word in page.words] == ["Invoice", "12345", "total"]
    first, second, third = (word.box for word in page.words)
    assert first.right <= second.left + 10 and second.right <= third.left + 10
    assert 15 < first.left < 60
    assert all(word.confidence > 0.8 for word in page.words)


def test_boxes_in_an_image_are_marks_and_what_was_read_there_is_no_word() -> None:
    picture = blank(850, 1100)
    draw_box(picture, 100, 100)
    layout = read_layout(image_bytes(picture), ReadOptions(), FixedWords(("口", (98.0, 98.0, 124.0, 124.0))))
    (mark,) = layout.pages[0].selection_marks
    assert mark.state == "unselected"
    assert layout.pages[0].lines == ()


def test_letters_drawn_as_outlines_are_recognised_beside_the_text() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.drawString(72, 720, "Born digital")
        for column in range(24):
            canvas.rect(100 + 9 * column, 500, 5, 9, stroke=0, fill=1)

    recognizer = FixedWords(HEADING)
    page = read_layout(draw_pdf(draw), ReadOptions(), recognizer).pages[0]
    assert len(recognizer.images) == 1
    assert [word.text for word in page.words] == ["Born", "digital", "HELLO"]


def test_a_layer_that_leaves_much_of_its_scan_out_is_replaced() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.drawImage(ImageReader(inked(1700, 2200)), 0, 0, width=612, height=792)
        text = canvas.beginText(7, 752)
        text.setTextRenderMode(3)
        text.setFont("Helvetica", 26)
        text.textOut("l nv")
        canvas.drawText(text)

    page = read_layout(draw_pdf(draw), ReadOptions(), FixedWords(HEADING)).pages[0]
    assert [word.text for word in page.words] == ["HELLO"]


def test_visible_text_over_a_picture_is_kept_when_the_picture_is_read() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.drawImage(ImageReader(inked(1700, 2200)), 0, 0, width=612, height=792)
        canvas.setFont("Helvetica", 14)
        canvas.drawString(72, 300, "Received 04/23/2015")

    page = read_layout(draw_pdf(draw), ReadOptions(), FixedWords(HEADING)).pages[0]
    assert [word.text for word in page.words] == ["HELLO", "Received", "04/23/2015"]


def test_a_huge_image_is_reduced_but_keeps_its_measures() -> None:
    recognizer = FixedWords(HEADING)
    picture = image_bytes(np.full((5000, 7000), 255, np.uint8))
    page = read_layout(picture, ReadOptions(), recognizer).pages[0]
    assert recognizer.images[0].shape == (2500, 3500)
    assert (page.width, page.height) == (7000, 5000)
    assert next(page.words).box == (40, 40, 240, 100)
