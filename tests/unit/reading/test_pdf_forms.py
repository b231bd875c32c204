from __future__ import annotations

from reportlab.pdfgen.canvas import Canvas

from pipeline.reading.options import ReadOptions
from pipeline.reading.pdf import read_pdf
from pipeline.types import Box, Page
from tests.unit.reading.conftest import draw_pdf


def read(pdf: bytes) -> Page:
    return read_pdf(pdf, ReadOptions(), None).pages[0]


def form(canvas: Canvas) -> None:
    canvas.drawString(72, 720, "Name")
    canvas.acroForm.textfield(name="name", value="Ada Lovelace", x=120, y=712, width=200, height=20)
    canvas.acroForm.textfield(
        name="hidden", value="nobody", x=120, y=600, width=200, height=20, annotationFlags="hidden"
    )
    canvas.acroForm.checkbox(name="yes", checked=True, x=72, y=650, size=12)
    canvas.acroForm.checkbox(name="no", checked=False, x=120, y=650, size=12)
    canvas.acroForm.radio(name="r", value="a", selected=True, x=72, y=620, size=12)
    canvas.acroForm.radio(name="r", value="b", selected=False, x=120, y=620, size=12)
    canvas.acroForm.choice(name="c", value="Blue", options=["Red", "Blue"], x=300, y=640, width=80, height=20)


def test_values_of_text_fields_and_choices_are_words_where_they_are_seen() -> None:
    page = read(draw_pdf(form))
    words = {word.text: word.box for word in page.words}
    assert {"Name", "Ada", "Lovelace", "Blue"} <= set(words)
    assert 120 / 72 <= words["Ada"].left <= words["Lovelace"].left <= 320 / 72
    assert (792 - 732) / 72 <= words["Ada"].top <= (792 - 712) / 72


def test_a_hidden_field_is_not_read() -> None:
    assert "nobody" not in [word.text for word in read(draw_pdf(form)).words]


def test_check_boxes_and_radio_buttons_are_selection_marks_with_their_state() -> None:
    marks = read(draw_pdf(form)).selection_marks
    assert [mark.state for mark in marks] == ["selected", "unselected", "selected", "unselected"]
    assert [round(mark.box.left * 72) for mark in marks] == [72, 120, 72, 120]


def test_the_tick_of_a_checked_box_is_no_word() -> None:
    words = [word.text for word in read(draw_pdf(form)).words]
    assert not {"✔", "✓", "4", "l", "●"} & set(words)


def test_a_form_without_fields_filled_reads_like_a_page() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.drawString(72, 720, "Name")
        canvas.acroForm.textfield(name="name", x=120, y=712, width=200, height=20)

    page = read(draw_pdf(draw))
    assert [word.text for word in page.words] == ["Name"]
    assert page.lines[0].box.left > Box(0.9, 0, 0, 0).left
