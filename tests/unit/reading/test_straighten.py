from __future__ import annotations

import cv2
import numpy as np
import pytest

from pipeline.reading.ocr import RapidOcr
from pipeline.reading.options import ReadOptions
from pipeline.reading.pixels import Pixels
from pipeline.reading.reader import read_layout
from pipeline.reading.straighten import Quad, mapped, text_angle, turned_back
from tests.unit.reading.conftest import blank, image_bytes


def line(angle: float, length: float = 100, height: float = 10) -> Quad:
    turn = np.deg2rad(angle)
    along, across = np.array([np.cos(turn), np.sin(turn)]), np.array([-np.sin(turn), np.cos(turn)])
    return np.array([[0, 0], length * along, length * along + height * across, height * across])


@pytest.mark.parametrize("angle", [-30.0, -1.0, 0.0, 3.0, 89.0, 92.0])
def test_the_angle_of_text_is_that_of_most_lines(angle: float) -> None:
    assert text_angle([line(angle)] * 3 + [line(angle + 90, length=60)]) == pytest.approx(angle)


def test_upside_down_counts_as_upright() -> None:
    assert text_angle([line(181.0)]) == pytest.approx(1.0)


def test_squarish_pieces_say_nothing() -> None:
    assert text_angle([line(20.0, length=12)]) == 0.0
    assert text_angle([]) == 0.0


@pytest.mark.parametrize("angle", [10.0, 90.0, -25.0])
def test_turning_back_keeps_every_point_in_the_image(angle: float) -> None:
    image = np.zeros((60, 100), np.uint8)
    turned, matrix = turned_back(image, angle)
    corners = mapped(np.array([[0.0, 0.0], [100.0, 0.0], [100.0, 60.0], [0.0, 60.0]]), matrix)
    assert corners.min() >= -1e-6
    assert corners[:, 0].max() <= turned.shape[1] + 1
    assert corners[:, 1].max() <= turned.shape[0] + 1


def letter() -> Pixels:
    picture = blank(700, 420)
    for row, text in enumerate(("Invoice number 12345", "Total amount due 99", "Thank you for paying")):
        cv2.putText(picture, text, (30, 80 + 120 * row), cv2.FONT_HERSHEY_SIMPLEX, 1.6, 0, 3)
    return picture


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_a_page_is_read_whichever_way_it_was_fed(turns: int, recognizer: RapidOcr) -> None:
    turned = np.ascontiguousarray(np.rot90(letter(), turns))
    page = read_layout(image_bytes(turned), ReadOptions(), recognizer).pages[0]
    assert [line.text for line in page.lines] == [
        "Invoice number 12345",
        "Total amount due 99",
        "Thank you for paying",
    ]
    first = page.lines[0].polygon[:2]
    corner = [(0, 0), (0, 1), (1, 1), (1, 0)][turns]
    assert (first[0] > page.width / 2, first[1] > page.height / 2) == (bool(corner[0]), bool(corner[1]))
    assert abs(page.angle) < 1
