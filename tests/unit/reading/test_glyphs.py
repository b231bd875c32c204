from __future__ import annotations

import pytest

from pipeline.reading.glyphs import is_symbol_code, marks_in_text, symbol, without_boxes
from pipeline.types import Box, SelectionMark, Word


def words(*texts: str) -> list[Word]:
    return [Word(text, Box(i, 0, i + 0.1 * len(text), 0.1).polygon) for i, text in enumerate(texts)]


@pytest.mark.parametrize(
    ("text", "state"),
    [("☐", "unselected"), ("□", "unselected"), ("☑", "selected"), ("☒", "selected"), ("✔", "selected"),
     ("[x]", "selected"), ("[X]", "selected"), ("[]", "unselected"), ("[_]", "unselected")],
)  # fmt: skip
def test_a_mark_written_as_text_is_a_mark_and_no_word(text: str, state: str) -> None:
    kept, marks = marks_in_text(words(text, "Yes"))
    assert [mark.state for mark in marks] == [state]
    assert [word.text for word in kept if word] == ["Yes"]


def test_a_mark_stuck_to_a_word_is_taken_from_it() -> None:
    kept, marks = marks_in_text(words("☐Partnership"))
    assert [word.text for word in kept if word] == ["Partnership"]
    assert marks[0].box.right < 0.3


def test_brackets_around_a_blank_are_an_empty_box() -> None:
    pair = [Word("[", Box(0, 0, 0.05, 0.1).polygon), Word("]", Box(0.12, 0, 0.17, 0.1).polygon)]
    kept, marks = marks_in_text(pair)
    assert kept == [None, None]
    assert [(mark.state, mark.box) for mark in marks] == [("unselected", (0, 0, 0.17, 0.1))]


def test_black_squares_are_bullets_unless_there_are_empty_ones() -> None:
    assert marks_in_text(words("■", "Item"))[1] == []
    assert [mark.state for mark in marks_in_text(words("■", "□"))[1]] == ["selected", "unselected"]


@pytest.mark.parametrize("text", ["[1]", "x", "o", "(x)", "[xy]", "Box"])
def test_ordinary_text_is_left_alone(text: str) -> None:
    kept, marks = marks_in_text(words(text))
    assert [word.text for word in kept if word] == [text]
    assert marks == []


def test_symbol_fonts_are_read_by_code_and_by_private_use() -> None:
    assert [symbol(code) for code in ("þ", "o", "\uf0fe", "\uf0a8")] == ["☑", "☐", "☑", "☐"]
    assert is_symbol_code("\uf06f") and is_symbol_code("o")
    assert not is_symbol_code("ox") and not is_symbol_code("a")


def test_what_was_read_in_the_place_of_a_mark_is_dropped() -> None:
    mark = SelectionMark("unselected", Box(0, 0, 0.1, 0.1).polygon)
    letter = Word("O", Box(0, 0, 0.1, 0.1).polygon)
    glued = Word("口Yes", Box(0.0, 0, 0.4, 0.1).polygon)
    other = Word("Other", Box(0.15, 0, 0.5, 0.1).polygon)
    left = without_boxes([letter, glued, other], [mark])
    assert left[0] is None
    assert left[1] is not None and left[1].text == "Yes"
    assert left[2] == other
