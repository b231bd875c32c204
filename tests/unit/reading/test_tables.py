from __future__ import annotations

import io

import numpy as np
import pypdfium2
import pytest
from PIL import Image
from reportlab.lib import colors
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Table as DrawnTable

from pipeline.reading.options import ReadOptions
from pipeline.reading.pdf import read_pdf
from pipeline.reading.rules import Rules, merged, rules_of_paths, rules_of_pixels
from pipeline.reading.structure import View, tables_in
from pipeline.reading.tables import find_tables
from pipeline.types import Box, Page, Table, Word
from tests.unit.reading.conftest import draw_pdf

TEXTS = [["Item", "Quantity", "Price"], ["Spot", "12", "1,250.00"], ["Travel and hotel", "", "99.50"]]
SPANNED = [("GRID", (0, 0), (-1, -1), 0.75, colors.black), ("SPAN", (0, 0), (1, 0))]
GRID = SPANNED[:1]


def draw(style: list[tuple[object, ...]]) -> object:
    def on(canvas: Canvas) -> None:
        canvas.drawString(72, 740, "Statement of account")
        table = DrawnTable(TEXTS, colWidths=120, rowHeights=24, style=style)
        table.wrapOn(canvas, 500, 500)
        table.drawOn(canvas, 72, 600)

    return on


def page_of(style: list[tuple[object, ...]]) -> Page:
    return read_pdf(draw_pdf(draw(style)), ReadOptions(), None).pages[0]


def texts(table: Table) -> dict[tuple[int, int], str]:
    return {(cell.row, cell.column): cell.text for cell in table.cells}


def expected() -> dict[tuple[int, int], str]:
    return {(r, c): text for r, row in enumerate(TEXTS) for c, text in enumerate(row)}


def test_a_ruled_table_of_a_pdf_has_its_cells() -> None:
    (table,) = page_of(GRID).tables
    assert (table.rows, table.columns) == (3, 3)
    assert texts(table) == expected()


def test_a_span_is_one_cell() -> None:
    (table,) = page_of(SPANNED).tables
    first = table.cells[0]
    assert (first.row, first.column, first.row_span, first.column_span) == (0, 0, 1, 2)
    assert len(table.cells) == 8


def test_shading_alone_is_not_ruled() -> None:
    assert page_of([("BACKGROUND", (0, 0), (-1, -1), colors.lightgrey)]).tables == ()


def test_a_single_frame_is_no_table() -> None:
    assert page_of([("BOX", (0, 0), (-1, -1), 1, colors.black)]).tables == ()


@pytest.mark.parametrize("angle", [0.0, 1.5, -2.0])
def test_a_table_in_pixels_is_found_upright_and_skewed(angle: float) -> None:
    pdf = draw_pdf(draw(SPANNED))
    image = pypdfium2.PdfDocument(pdf)[0].render(scale=150 / 72).to_pil().convert("L")
    skewed = image.rotate(-angle, center=(0, 0), fillcolor=255, resample=Image.Resampling.BILINEAR)
    (table,) = tables_in(View(np.asarray(skewed), 150.0), [], angle)
    assert (table.rows, table.columns, len(table.cells)) == (3, 3, 8)
    assert table.polygon is not None
    corner = np.array([72 * 150 / 72, (792 - 672) * 150 / 72])
    turn = np.deg2rad(angle)
    seen = [
        corner[0] * np.cos(turn) - corner[1] * np.sin(turn),
        corner[0] * np.sin(turn) + corner[1] * np.cos(turn),
    ]
    assert table.polygon[:2] == pytest.approx(seen, abs=5)


def grid(xs: list[float], ys: list[float]) -> Rules:
    return Rules(np.array([[y, xs[0], xs[-1]] for y in ys]), np.array([[x, ys[0], ys[-1]] for x in xs]))


def word(text: str, x: float, y: float) -> Word:
    return Word(text, Box(x - 0.1, y - 0.05, x + 0.1, y + 0.05).polygon)


def test_words_belong_to_the_cell_around_their_middle_in_reading_order() -> None:
    words = [word("b", 1.5, 0.2), word("c", 1.5, 0.4), word("a", 1.2, 0.2), word("out", 9, 9)]
    (table,) = find_tables(grid([0, 1, 2], [0, 0.5, 1]), words)
    assert texts(table) == {(0, 0): "", (0, 1): "a b c", (1, 0): "", (1, 1): ""}


def test_two_tables_apart_are_two() -> None:
    first, second = grid([0, 1, 2], [0, 0.5, 1]), grid([4, 5, 6, 7], [0, 0.5, 1])
    both = Rules(np.concatenate([first.across, second.across]), np.concatenate([first.down, second.down]))
    assert sorted(table.columns for table in find_tables(both, [])) == [2, 3]


def test_an_open_side_leaves_no_cell_there() -> None:
    rules = grid([0, 1, 2], [0, 0.5, 1, 1.5])
    rules.down[2] = [2, 0, 1.0]
    (table,) = find_tables(rules, [])
    assert (2, 1) not in texts(table)
    assert len(table.cells) == 5


def test_lines_without_crossings_are_no_table() -> None:
    rules = Rules(np.array([[y, 0.0, 5.0] for y in (1.0, 2.0, 3.0)]), np.empty((0, 3)))
    assert find_tables(rules, []) == []


def test_touching_pieces_of_a_line_are_one() -> None:
    pieces = np.array([[1.0, 0.0, 1.0], [1.01, 1.02, 2.0], [1.0, 3.0, 4.0], [2.0, 0.0, 1.0]])
    assert merged(pieces)[:, 1:].tolist() == [[0.0, 2.0], [3.0, 4.0], [0.0, 1.0]]


def test_thin_paths_are_lines_and_frames_have_four() -> None:
    rules = rules_of_paths(np.array([[0, 1, 5, 1.01], [2, 0, 2.01, 4], [0, 0, 3, 3]]))
    assert len(rules.across) == 3
    assert len(rules.down) == 3


def test_text_in_pixels_has_no_rules() -> None:
    pdf = draw_pdf(lambda canvas: canvas.drawString(72, 700, "Lines of text have no rules, I hope"))
    out = io.BytesIO()
    pypdfium2.PdfDocument(pdf)[0].render(scale=150 / 72).to_pil().convert("L").save(out, "PNG")
    rules = rules_of_pixels(np.asarray(Image.open(out)), 150.0)
    assert len(rules.across) == len(rules.down) == 0
