from __future__ import annotations

import pytest

from pipeline.reading.lines import group_lines, reading_polygon, rotated, turned
from pipeline.types import Box, Word


def word(text: str, left: float, top: float, width: float = 0.5, height: float = 0.1) -> Word:
    return Word(text, Box(left, top, left + width, top + height).polygon)


def texts(*words: Word) -> list[str]:
    return [line.text for line in group_lines(words)]


def test_words_on_one_baseline_make_a_line_whatever_their_order() -> None:
    assert texts(word("Total", 1.55, 1), word("Sub", 1, 1.01)) == ["Sub Total"]


def test_a_wide_gap_ends_the_line() -> None:
    assert texts(word("Name", 1, 1), word("Date", 3, 1)) == ["Name", "Date"]


def test_lines_come_top_to_bottom_then_left_to_right() -> None:
    words = (word("d", 3, 2), word("a", 1, 1), word("c", 1, 2.02), word("b", 3, 1.03))
    assert texts(*words) == ["a", "b", "c", "d"]


def test_columns_whose_lines_are_not_level_do_not_mix() -> None:
    left = [word(f"l{i}", 1, 1 + 0.12 * i) for i in range(4)]
    right = [word(f"r{i}", 1.6, 1.06 + 0.12 * i) for i in range(4)]
    assert sorted(texts(*left, *right)) == sorted(w.text for w in left + right)


def test_a_line_keeps_its_words_and_surrounds_them() -> None:
    words = (word("a", 1, 1), word("b", 1.55, 0.99))
    (line,) = group_lines(words)
    assert line.words == words
    assert line.box == Box(1, 0.99, 2.05, 1.1)


def test_text_that_runs_upwards_is_one_line_that_begins_at_the_bottom() -> None:
    upwards = [Word(text, Box(1, top, 1.1, top + 0.5).polygon) for text, top in (("on", 1.0), ("page", 0.45))]
    (line,) = group_lines(upwards, [3, 3])
    assert line.text == "on page"
    assert line.polygon[:2] == (1.0, 1.5)


def test_skewed_words_are_grouped_along_the_skew() -> None:
    level = [word(f"w{i}", 0.55 * i, 1.0) for i in range(12)]
    skewed = [Word(w.text, rotated(w.polygon, 4.0)) for w in level]
    (line,) = group_lines(skewed, angle=4.0)
    assert len(line.words) == 12
    assert line.polygon[3] > line.polygon[1]


@pytest.mark.parametrize("turn", [0, 1, 2, 3])
def test_turning_a_box_there_and_back_gives_it_again(turn: int) -> None:
    box = Box(1, 2, 3, 5)
    assert turned(turned(box, turn), (4 - turn) % 4) == box


def test_the_polygon_begins_where_its_text_does() -> None:
    box = Box(0, 0, 1, 2)
    firsts = [reading_polygon(box, turn)[:2] for turn in range(4)]
    assert firsts == [(0, 0), (1, 0), (1, 2), (0, 2)]


def test_no_words_no_lines() -> None:
    assert group_lines([]) == []
