from __future__ import annotations

import math

import pytest
from reportlab.pdfgen.canvas import Canvas

from pipeline.reading import pdf_text
from pipeline.reading.options import ReadOptions
from pipeline.reading.pdf import read_pdf
from pipeline.types import Page
from tests.unit.reading.conftest import draw_pdf


def read(pdf: bytes) -> Page:
    return read_pdf(pdf, ReadOptions(), None).pages[0]


def texts(page: Page) -> list[str]:
    return [word.text for word in page.words]


def hello(canvas: Canvas) -> None:
    canvas.setFont("Helvetica", 12)
    canvas.drawString(72, 720, "Invoice No.: 12-34 (due)")


def test_words_are_split_on_white_space_and_keep_their_punctuation() -> None:
    page = read(draw_pdf(hello))
    assert texts(page) == ["Invoice", "No.:", "12-34", "(due)"]
    assert {word.confidence for word in page.words} == {1.0}


def test_boxes_are_inches_from_the_top_left() -> None:
    page = read(draw_pdf(hello))
    assert (page.width, page.height, page.unit) == (8.5, 11.0, "inch")
    box = next(page.words).box
    assert box.left == pytest.approx(1.0, abs=0.02)
    assert box.top < 1.0 < box.bottom + 0.01


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_a_rotated_page_is_read_as_it_is_seen(rotation: int) -> None:
    page = read(draw_pdf(hello, rotation=rotation))
    expected = (11.0, 8.5) if rotation != 180 else (8.5, 11.0)
    assert (page.width, page.height) == expected
    (line,) = page.lines
    assert line.text == "Invoice No.: 12-34 (due)"
    left, top, right, bottom = line.box
    assert 0 <= left < right <= page.width
    assert 0 <= top < bottom <= page.height
    assert (right - left > bottom - top) == (rotation == 180)


@pytest.mark.parametrize("angle", [math.nan, math.inf, -math.inf, -1.0])
def test_text_whose_angle_is_no_number_is_upright(angle: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """PDFium gives NaN for a text matrix that overflowed."""
    monkeypatch.setattr(pdf_text.pdfium_c, "FPDFText_GetCharAngle", lambda page, index: angle)
    assert texts(read(draw_pdf(hello))) == ["Invoice", "No.:", "12-34", "(due)"]


def test_vertical_text_is_one_line() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.rotate(90)
        canvas.drawString(200, -72, "Print or type")

    (line,) = read(draw_pdf(draw)).lines
    assert line.text == "Print or type"
    assert line.box.height > 3 * line.box.width


def test_combed_digits_are_words_of_their_own() -> None:
    def draw(canvas: Canvas) -> None:
        text = canvas.beginText(72, 700)
        text.setFont("Helvetica", 10)
        text.setCharSpace(20)
        text.textOut("123")
        canvas.drawText(text)

    assert texts(read(draw_pdf(draw))) == ["1", "2", "3"]


def test_characters_beyond_the_basic_plane_do_not_shift_the_others() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setFont("Symbol", 12)
        canvas.drawString(72, 720, "abc")
        canvas.setFont("Helvetica", 12)
        canvas.drawString(72, 600, "Total: 5")

    assert texts(read(draw_pdf(draw)))[-2:] == ["Total:", "5"]


def test_text_outside_the_page_is_not_on_it() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.drawString(72, 720, "seen")
        canvas.drawString(72, 2000, "unseen")

    assert texts(read(draw_pdf(draw))) == ["seen"]


def test_an_empty_page_has_no_lines_and_needs_no_recognition() -> None:
    page = read(draw_pdf(lambda canvas: None))
    assert page.lines == ()
    assert not page.used_ocr
