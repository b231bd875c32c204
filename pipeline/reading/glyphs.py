"""Selection marks that are written as characters: ballot boxes, ticks, and boxes of brackets."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipeline.types import Box, MarkState, SelectionMark, Word

_EMPTY = "☐□◻▢❏❐❑❒◯❍⬜"
_CHOSEN = "☑☒✓✔✗✘⊠⊗☓🗹🗷"
_BULLETS = "■▪◼●○"
"""Marks only beside empty ones of their kind; elsewhere they are bullets."""
_READ_AS_BOX = "口ロ▯"
"""What a recogniser of Chinese makes of an empty box."""

_BRACKETS = re.compile(r"^\[([xX✓✔*_ ]?)\]")

SYMBOL_FONTS = re.compile(r"wingdings|zapfdingbats|webdings", re.IGNORECASE)
_SYMBOLS = {
    "o": "☐", "¨": "☐", "q": "☐", "r": "☐", "x": "☒", "þ": "☑", "ý": "☒", "ü": "✓", "û": "✗",
    "R": "☑", "S": "☒", "£": "☐", "P": "✓", "T": "☒", "n": "■", "l": "●", "m": "○", "¡": "○",
}  # fmt: skip
"""Character codes of Wingdings and Wingdings 2 -> what they show."""


def is_symbol_code(text: str) -> bool:
    """Whether the text may be one character of a symbol font that stands for a mark."""
    return len(text) == 1 and (text in _SYMBOLS or 0xF020 <= ord(text) <= 0xF0FF)


def symbol(text: str) -> str:
    """What a character of a symbol font shows, by its code, private-use codes included."""
    code = ord(text)
    plain = chr(code - 0xF000) if 0xF020 <= code <= 0xF0FF else text
    return _SYMBOLS.get(plain, text)


def marks_in_text(words: Sequence[Word]) -> tuple[list[Word | None], list[SelectionMark]]:
    """The words without the marks written in them (None where nothing is left), and those marks."""
    bullets_are_marks = any(word.text[:1] in _EMPTY for word in words)
    kept: list[Word | None] = []
    marks: list[SelectionMark] = []
    open_bracket: Word | None = None
    for word in words:
        if open_bracket is not None and word.text == "]" and _follows(open_bracket.box, word.box):
            marks.append(SelectionMark("unselected", _around(open_bracket.box, word.box).polygon))
            kept[-1] = None
            kept.append(None)
            continue
        open_bracket = word if word.text == "[" else None
        state, length = _leading_mark(word.text, bullets_are_marks)
        if state is None:
            kept.append(word)
            continue
        marks.append(SelectionMark(state, _head(word.box, length / len(word.text)).polygon, word.confidence))
        kept.append(_without_head(word, length))
    return kept, marks


def without_boxes(words: Sequence[Word], marks: Sequence[SelectionMark]) -> list[Word | None]:
    """The words without what a recogniser read where a mark was found; None where nothing is left."""
    boxes = [mark.box for mark in marks]
    return [_outside(word, boxes) for word in words]


def _leading_mark(text: str, bullets_are_marks: bool) -> tuple[MarkState | None, int]:
    first = text[:1]
    if first in _EMPTY:
        return "unselected", 1
    if first in _CHOSEN:
        return "selected", 1
    if bullets_are_marks and first in _BULLETS:
        return ("unselected" if first == "○" else "selected"), 1
    if found := _BRACKETS.match(text):
        return ("selected" if found[1].strip(" _") else "unselected"), found.end()
    return None, 0


def _follows(box: Box, other: Box) -> bool:
    return box.top < other.bottom and other.top < box.bottom and 0 <= other.left - box.right < 2 * box.height


def _around(box: Box, other: Box) -> Box:
    return Box(box.left, min(box.top, other.top), other.right, max(box.bottom, other.bottom))


def _head(box: Box, share: float) -> Box:
    """The first part of a word: a mark is about as wide as high."""
    return Box(box.left, box.top, box.left + min(max(share * box.width, box.height), box.width), box.bottom)


def _without_head(word: Word, length: int) -> Word | None:
    rest = word.text[length:]
    if not rest:
        return None
    box = word.box
    left = box.left + box.width * length / len(word.text)
    return Word(rest, Box(left, box.top, box.right, box.bottom).polygon, word.confidence)


def _outside(word: Word, boxes: Sequence[Box]) -> Word | None:
    place = word.box
    y = (place.top + place.bottom) / 2
    for box in boxes:
        if not box.top <= y <= box.bottom or place.left > box.right or place.right < box.left:
            continue
        if box.left <= (place.left + place.right) / 2 <= box.right and len(word.text) <= 2:
            return None
        if place.left < box.right - 0.5 * box.width and word.text[0] in _READ_AS_BOX + _EMPTY + _CHOSEN:
            return _without_head(word, 1)
    return word
