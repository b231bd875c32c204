from __future__ import annotations

import cv2
import numpy as np
import pytest

from pipeline.reading.ocr import OcrWord
from pipeline.reading.ocr_words import page_angle, placed, word_turn
from pipeline.reading.pixels import Pixels, ink, letters_left, on_ink
from pipeline.types import Box
from tests.unit.reading.conftest import blank


def found(angle: float, length: float = 80, height: float = 20) -> OcrWord:
    turn = np.deg2rad(angle)
    along, across = np.array([np.cos(turn), np.sin(turn)]), np.array([-np.sin(turn), np.cos(turn)])
    start = np.array([100.0, 100.0])
    corners = [
        start,
        start + length * along,
        start + length * along + height * across,
        start + height * across,
    ]
    return OcrWord("word", np.array(corners), 0.9)


def lines_of_text(angle: float) -> Pixels:
    image = blank(800, 800)
    for row in range(100, 700, 40):
        for column in range(100, 700, 14):
            cv2.rectangle(image, (column, row), (column + 8, row + 12), 0, -1)
    turn = cv2.getRotationMatrix2D((400, 400), -angle, 1.0)
    return np.asarray(cv2.warpAffine(image, turn, (800, 800), borderValue=255), np.uint8)


@pytest.mark.parametrize("angle", [-3.0, -0.8, 0.0, 1.3, 4.0])
def test_skew_is_found_from_the_ink_near_the_words_direction(angle: float) -> None:
    rough = [found(angle + error) for error in (-0.6, 0.4, 0.5)]
    assert page_angle(rough, lines_of_text(angle)) == pytest.approx(angle, abs=0.12)


def test_a_page_without_words_is_upright() -> None:
    assert page_angle([], blank()) == 0.0


def test_short_words_say_nothing_of_the_skew() -> None:
    assert page_angle([found(9.0, length=15)], blank()) == 0.0


@pytest.mark.parametrize(("angle", "turn"), [(0, 0), (3, 0), (90, 1), (180, 2), (-90, 3), (268, 3)])
def test_quarter_turns_are_clockwise(angle: float, turn: int) -> None:
    assert word_turn(found(angle)) == turn


def test_a_word_is_placed_by_scale_and_corner() -> None:
    word = placed(OcrWord("a", np.array([[10, 20], [30, 20], [30, 40], [10, 40]], float), 0.8), 0.1, 1.0, 2.0)
    assert word.box == (2.0, 4.0, 4.0, 6.0)
    assert word.confidence == 0.8


def test_words_lie_on_ink_or_not() -> None:
    image = lines_of_text(0.0)
    mask = ink(image, 100.0)
    assert on_ink(mask, [Box(1.0, 1.0, 2.0, 1.12), Box(1.0, 1.15, 2.0, 1.37)], 100.0) == [True, False]


def test_letters_that_no_box_explains_are_counted() -> None:
    image = blank()
    for column in range(5):
        image[50:62, 50 + 20 * column : 58 + 20 * column] = 0
    mask = ink(image, 100.0)
    assert letters_left(mask, [], 100.0) == 5
    assert letters_left(mask, [Box(0.5, 0.5, 0.8, 0.62)], 100.0) == 3


def test_rules_and_speckles_are_no_letters() -> None:
    image = blank()
    image[50, 20:380] = 0
    image[100, 100] = 0
    assert letters_left(ink(image, 100.0), [], 100.0) == 0
