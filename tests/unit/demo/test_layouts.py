"""Every layout on paper: labels lie on the words, nothing overlaps, decoys are there."""

from __future__ import annotations

import io
from random import Random

import pypdfium2 as pdfium
import pypdfium2.raw as raw
import pytest

from pipeline.demo.design import FormDesign
from pipeline.demo.lake import DESIGNS
from pipeline.demo.registration import REGISTRATION
from pipeline.demo.sheet import Drawing
from pipeline.types import Box, LabelRegion, bounds

LAYOUTS = [(design, layout) for design in DESIGNS for layout in design.layouts]
SEEDS = range(6)


def _flattened(drawing: Drawing) -> pdfium.PdfDocument:
    document = pdfium.PdfDocument(drawing.pdf)
    document.init_forms()
    page = document[0]
    raw.FPDFPage_Flatten(page.raw, 0)
    buffer = io.BytesIO()
    document.save(buffer)
    return pdfium.PdfDocument(buffer.getvalue())


def _text_in(page: pdfium.PdfPage, region: LabelRegion) -> str:
    assert region.polygon is not None
    box, (width, height) = bounds(region.polygon), page.get_size()
    return str(
        page.get_textpage().get_text_bounded(
            left=box.left * width - 0.5,
            right=box.right * width + 0.5,
            bottom=(1 - box.bottom) * height,
            top=(1 - box.top) * height,
        )
    ).strip()


@pytest.mark.parametrize(("design", "layout"), LAYOUTS)
def test_label_boxes_hold_their_words(design: FormDesign, layout: str) -> None:
    drawing = design.draw(layout, Random(3))
    page = _flattened(drawing)[0]
    marks = {spec.name for spec in design.fields if spec.type == "selectionMark"}
    for printed in design.answers(drawing):
        if printed.entry.field not in marks:
            for region in printed.regions:
                assert _text_in(page, region) == region.text


@pytest.mark.parametrize(("design", "layout"), LAYOUTS)
def test_no_text_runs_into_another_or_off_the_page(design: FormDesign, layout: str) -> None:
    for seed in SEEDS:
        page = _flattened(design.draw(layout, Random(seed)))[0]
        boxes, (width, height) = _text_boxes(page), page.get_size()
        for at, box in enumerate(boxes):
            assert box.left > 20
            assert box.right < width - 20
            assert 20 < box.top < box.bottom < height - 20
            assert not [other for other in boxes[at + 1 :] if _overlap(box, other)]


def _text_boxes(page: pdfium.PdfPage) -> list[Box]:
    """Pieces of text, y upwards, as the PDF library cuts them."""
    text = page.get_textpage()
    rects = (text.get_rect(at) for at in range(text.count_rects()))
    return [Box(left, bottom, right, top) for left, bottom, right, top in rects]


def _overlap(one: Box, other: Box) -> bool:
    across = min(one.right, other.right) - max(one.left, other.left)
    down = min(one.bottom, other.bottom) - max(one.top, other.top)
    return across > 0.5 and down > 0.5


@pytest.mark.parametrize(("design", "layout"), LAYOUTS)
def test_every_layout_prints_decoys_beside_the_fields(design: FormDesign, layout: str) -> None:
    drawing = design.draw(layout, Random(1))
    names = {spec.name for spec in design.fields}
    decoys = {printed.entry.field for printed in drawing.printed} - names
    assert len(decoys) >= 2


@pytest.mark.parametrize(("design", "layout"), LAYOUTS)
def test_every_field_has_a_printed_key(design: FormDesign, layout: str) -> None:
    drawing = design.draw(layout, Random(4))
    page_text = " ".join(_flattened(drawing)[0].get_textpage().get_text_bounded().split())
    for printed in design.answers(drawing):
        assert printed.key
        assert printed.key in page_text


@pytest.mark.parametrize("layout", REGISTRATION.layouts)
def test_registration_values_stand_in_the_widgets_only(layout: str) -> None:
    drawing = REGISTRATION.draw(layout, Random(2))
    unfilled = pdfium.PdfDocument(drawing.pdf)[0].get_textpage().get_text_bounded()
    filled = _flattened(drawing)[0].get_textpage().get_text_bounded()
    for printed in REGISTRATION.answers(drawing):
        if printed.entry.text not in ("selected", "unselected"):
            assert printed.entry.text not in unfilled
            assert printed.entry.text in filled


def test_the_widest_registration_fits_its_widgets() -> None:
    for layout in REGISTRATION.layouts:
        for seed in range(40):
            REGISTRATION.draw(layout, Random(seed))


@pytest.mark.parametrize(("design", "layout"), LAYOUTS)
def test_equal_random_states_draw_equal_bytes(design: FormDesign, layout: str) -> None:
    assert design.draw(layout, Random(9)).pdf == design.draw(layout, Random(9)).pdf
    assert design.draw(layout, Random(9)).pdf != design.draw(layout, Random(10)).pdf
