from __future__ import annotations

import numpy as np

from pipeline.learning.geometry import NOTHING, find_neighbours
from pipeline.learning.tokens import tokenize
from pipeline.types import Box, Layout, Line, Page, Word


def page_of(boxes: list[Box]) -> Layout:
    words = [Word(f"w{number}", box.polygon) for number, box in enumerate(boxes)]
    lines = tuple(Line(word.text, word.polygon, (word,)) for word in words)
    return Layout((Page(1, 100.0, 100.0, "pixel", lines),), 1)


def test_the_nearest_word_above_and_below_is_found_close_by_and_far_away() -> None:
    top, middle, low, aside = Box(0, 0, 10, 1), Box(0, 2, 10, 3), Box(0, 15, 10, 16), Box(50, 2, 60, 3)
    near = find_neighbours(tokenize(page_of([top, middle, low, aside])))
    assert near.below.tolist() == [1, 2, NOTHING, NOTHING]
    assert near.above.tolist() == [NOTHING, 0, 1, NOTHING]
    assert near.below_gap[:2].tolist() == [1.0, 12.0]


def test_on_a_full_page_no_word_in_the_column_lies_nearer_than_the_neighbour() -> None:
    random = np.random.default_rng(5)
    boxes = [
        Box(x, float(y), x + 9.0, y + 1.0)
        for y in np.flatnonzero(random.random(60) < 0.5) * 2
        for x in (random.random(4) * 8 + np.arange(4) * 20).tolist()
    ]
    near = find_neighbours(tokenize(page_of(boxes)))
    for number, box in enumerate(boxes):
        gaps = [
            other.top - box.bottom
            for other in boxes
            if other.top > box.top and min(box.right, other.right) > max(box.left, other.left)
        ]
        if gaps and min(gaps) < 20:
            assert near.below_gap[number] == min(gaps)
