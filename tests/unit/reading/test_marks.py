from __future__ import annotations

import cv2
import numpy as np
import pytest

from pipeline.reading.marks import find_marks
from pipeline.reading.pixels import Pixels
from pipeline.types import Box
from tests.unit.reading.conftest import blank, draw_box

DPI = 150.0


def states(image: Pixels, words: tuple[Box, ...] = ()) -> list[str]:
    return [mark.state for mark in find_marks(image, DPI, words)]


def crossed(image: Pixels, x: int, y: int, side: int = 20) -> None:
    draw_box(image, x, y, side)
    cv2.line(image, (x, y), (x + side, y + side), 0, 2)
    cv2.line(image, (x, y + side), (x + side, y), 0, 2)


def test_an_empty_box_is_unselected_and_found_where_it_is() -> None:
    image = blank()
    draw_box(image, 100, 120)
    (mark,) = find_marks(image, DPI)
    assert mark.state == "unselected"
    assert mark.box == pytest.approx((99, 119, 121, 141), abs=2)


def test_a_crossed_box_is_selected() -> None:
    image = blank()
    crossed(image, 100, 120)
    assert states(image) == ["selected"]


def test_a_tick_that_runs_over_the_edge_selects_its_box() -> None:
    image = blank()
    draw_box(image, 100, 120)
    cv2.polylines(image, [np.array([[104, 130], [110, 138], [126, 108]])], False, 0, 2)
    assert states(image) == ["selected"]


def test_a_filled_box_is_selected() -> None:
    image = blank()
    draw_box(image, 100, 120)
    cv2.rectangle(image, (104, 124), (116, 136), 0, -1)
    assert states(image) == ["selected"]


def test_a_thin_grey_box_just_above_a_black_rule_is_found() -> None:
    image = blank()
    cv2.rectangle(image, (100, 120), (120, 140), 140, 1)
    cv2.line(image, (20, 144), (380, 144), 0, 3)
    assert states(image) == ["unselected"]


def test_a_box_that_stands_on_a_rule_is_found() -> None:
    image = blank()
    draw_box(image, 100, 120)
    cv2.line(image, (20, 140), (380, 140), 0, 2)
    assert states(image) == ["unselected"]


def test_combs_and_table_cells_are_no_marks() -> None:
    image = blank()
    for column in range(6):
        draw_box(image, 60 + 22 * column, 40, 22)
    for row in range(3):
        for column in range(3):
            draw_box(image, 60 + 30 * column, 120 + 30 * row, 30)
    assert states(image) == []


def test_rectangles_too_large_too_small_or_too_long_are_no_marks() -> None:
    image = blank()
    draw_box(image, 20, 20, 100)
    draw_box(image, 200, 20, 8)
    cv2.rectangle(image, (200, 100), (240, 116), 0, 2)
    assert states(image) == []


def test_letters_are_no_marks() -> None:
    image = blank(900, 300)
    for row, scale in enumerate((0.6, 0.9, 1.4)):
        cv2.putText(image, "DEBORAH QUOTED 80 BOXES", (20, 60 + 80 * row), 2, scale, 0, 2 if scale > 1 else 1)
    word = Box(10, 10, 890, 290)
    assert states(image, (word,)) == []


def test_radio_buttons_are_found_by_an_empty_one_of_their_size() -> None:
    image = blank()
    cv2.circle(image, (60, 60), 10, 0, 2, cv2.LINE_AA)
    cv2.circle(image, (160, 60), 10, 0, 2, cv2.LINE_AA)
    cv2.circle(image, (160, 60), 5, 0, -1, cv2.LINE_AA)
    assert states(image) == ["unselected", "selected"]


def test_a_lone_ring_or_bullet_is_no_mark() -> None:
    image = blank()
    cv2.circle(image, (60, 60), 10, 0, 2, cv2.LINE_AA)
    cv2.circle(image, (60, 160), 6, 0, -1, cv2.LINE_AA)
    assert states(image) == []


@pytest.mark.parametrize("degrees", [-1.5, 1.0, 2.0])
def test_slightly_skewed_and_noisy_boxes_keep_their_state(degrees: float) -> None:
    image = blank()
    draw_box(image, 100, 120)
    crossed(image, 200, 120)
    turn = cv2.getRotationMatrix2D((200, 150), degrees, 1.0)
    skewed = cv2.warpAffine(image, turn, (400, 300), flags=cv2.INTER_LINEAR, borderValue=255)
    noise = np.random.default_rng(3).normal(0, 6, skewed.shape)
    noisy = np.clip(skewed + noise, 0, 255).astype(np.uint8)
    assert sorted(states(noisy)) == ["selected", "unselected"]
