"""The sheet: where words stand, which font prints them."""

from __future__ import annotations

from random import Random

import pypdfium2 as pdfium
import pytest

from pipeline.demo.entries import mark_entry, text_entry
from pipeline.demo.ink import Ink, word_boxes
from pipeline.demo.sheet import A5, Sheet
from pipeline.types import Box, bounds


def test_words_are_split_on_white_space_and_stand_in_order() -> None:
    boxes = word_boxes(10, 50, "two  more words", Ink("Helvetica", 10))
    assert [word for word, _ in boxes] == ["two", "more", "words"]
    assert boxes[0][1].left == 10
    assert boxes[0][1].right < boxes[1][1].left < boxes[1][1].right < boxes[2][1].left
    assert all(box.top < 50 < box.bottom for _, box in boxes)


def test_a_repeated_word_gets_a_box_of_its_own() -> None:
    (_, first), (_, second) = word_boxes(0, 0, "go go", Ink("Courier", 10))
    assert first.width == pytest.approx(second.width)
    assert second.left - first.left == pytest.approx(3 * Ink("Courier", 10).width("g"))


def test_letters_beyond_the_standard_fonts_are_set_in_the_embedded_font() -> None:
    assert Ink("Helvetica").font_for("Søren") == "Helvetica"
    assert Ink("Helvetica").font_for("Łukasz") == "Vera"
    assert Ink("Times-Bold").font_for("Łukasz") == "Vera-Bold"


def test_an_entry_is_printed_and_remembered() -> None:
    sheet = Sheet(A5)
    sheet.entry(300, 100, text_entry("name", "Łukasz Ødegård"), Ink("Helvetica", 10), "Name", "right")
    drawing = sheet.finish()
    (printed,) = drawing.printed
    last = bounds(printed.regions[-1].polygon or (0.0,) * 8)
    assert pdfium.PdfDocument(drawing.pdf)[0].get_textpage().get_text_bounded() == "Łukasz Ødegård"
    assert [region.text for region in printed.regions] == ["Łukasz", "Ødegård"]
    assert last.right * A5[0] == pytest.approx(300, abs=0.01)


def test_pages_are_counted() -> None:
    sheet = Sheet(A5)
    sheet.text(50, 50, "one", Ink())
    sheet.next_page()
    sheet.entry(50, 50, text_entry("name", "two"), Ink(), "Name")
    drawing = sheet.finish()
    assert len(drawing.pages) == len(pdfium.PdfDocument(drawing.pdf)) == 2
    assert drawing.printed[0].regions[0].page == 2


def test_a_value_that_does_not_fit_its_widget_is_refused() -> None:
    with pytest.raises(ValueError, match="too narrow"):
        Sheet(A5).widget(Box(10, 10, 60, 26), text_entry("name", "much too long a name"), "Name")


def test_only_a_ticked_box_gets_strokes() -> None:
    sizes = []
    for ticked in (False, True):
        sheet = Sheet(A5)
        sheet.box(50, 50, mark_entry("done", ticked), "Done", 13, Random(1))
        drawing = sheet.finish()
        page = pdfium.PdfDocument(drawing.pdf)[0].render(scale=3, grayscale=True).to_numpy()
        sizes.append(int((page < 128).sum()))
        assert drawing.printed[0].regions[0].text == ("selected" if ticked else "unselected")
    assert sizes[1] > sizes[0] * 1.2
