"""A page as key-value discovery sees it: rows of segments of words, measured in line heights."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from pipeline.types import Box, MarkState, Page, Word

SEGMENT_GAP = 1.0
"""Words of one row further apart than this many line heights belong to different segments."""
_LINES_GAP = 0.45
"""The same where the reader saw two lines."""
_GLUED = re.compile(r"([^\W\d][^:/]*:)([^:/\s].*)")


@dataclass(frozen=True, slots=True)
class Token:
    """A word: printed text, its comparable form, its box in line heights, the reader's confidence."""

    text: str
    form: str
    box: Box
    confidence: float
    line: int = 0
    """Which of the reader's lines of the page it is from."""


@dataclass(frozen=True, slots=True)
class Tick:
    state: MarkState
    box: Box
    confidence: float


@dataclass(frozen=True, slots=True)
class PageView:
    """`rows` hold segments, segments hold tokens; all from left to right, rows from top to bottom."""

    number: int
    line_height: float
    rows: tuple[tuple[tuple[Token, ...], ...], ...]
    ticks: tuple[Tick, ...]

    @property
    def segments(self) -> Iterator[tuple[Token, ...]]:
        for row in self.rows:
            yield from row


def view(page: Page) -> PageView:
    """The page in line heights (the median height of its words); text set on its side is left out."""
    height = median([word.box.height for word in page.words] or [page.height / 60]) or 1.0
    tokens = [
        token
        for number, line in enumerate(page.lines)
        for word in line.words
        if word.text.strip()
        for token in _tokens(word, height, number)
        if not _on_its_side(token)
    ]
    ticks = tuple(
        Tick(mark.state, _scaled(mark.box, height), mark.confidence)
        for mark in page.selection_marks
        if mark.box.height < 3.5 * height
    )
    rows = tuple(tuple(_split(row)) for row in _rows(tokens))
    return PageView(page.number, height, rows, ticks)


def comparable(text: str) -> str:
    """Folded case without punctuation at the ends; a text of symbols only stays as it is."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    inner = re.sub(r"^[\W_]+|[\W_]+$", "", folded)
    return inner or folded.strip()


def is_symbol(form: str) -> bool:
    """No letter and no digit in it."""
    return not any(c.isalnum() for c in form)


def is_figure(form: str) -> bool:
    """Digits make up half of it or more: a number, an amount, a date, an identifier."""
    kept = [c for c in form if c.isalnum()]
    return bool(kept) and 2 * sum(c.isdigit() for c in kept) >= len(kept)


def union(boxes: Sequence[Box]) -> Box:
    return Box(
        min(b.left for b in boxes),
        min(b.top for b in boxes),
        max(b.right for b in boxes),
        max(b.bottom for b in boxes),
    )


def _scaled(box: Box, height: float) -> Box:
    return Box(*(side / height for side in box))


def _tokens(word: Word, height: float, line: int) -> Iterator[Token]:
    """One token a word; `Key:Value` without a space is two."""
    box = _scaled(word.box, height)
    glued = _GLUED.fullmatch(word.text)
    if glued is None or glued[2].startswith("//"):
        yield Token(word.text, comparable(word.text), box, word.confidence, line)
        return
    cut = box.left + box.width * len(glued[1]) / len(word.text)
    yield Token(glued[1], comparable(glued[1]), box._replace(right=cut), word.confidence, line)
    yield Token(glued[2], comparable(glued[2]), box._replace(left=cut), word.confidence, line)


def _on_its_side(token: Token) -> bool:
    return len(token.text) > 1 and token.box.height > max(1.3, 1.6 * token.box.width)


def _rows(tokens: list[Token]) -> list[list[Token]]:
    """Words that overlap in height belong to one row; a slightly slanted row is followed by its last word."""
    rows: list[list[Token]] = []
    open_rows: list[list[Token]] = []
    for token in sorted(tokens, key=lambda t: t.box.left):
        top, bottom = token.box.top, token.box.bottom
        near = [row for row in open_rows if row[-1].box.top < bottom and row[-1].box.bottom > top]
        best = max(near, key=lambda row: _shared_height(row[-1].box, token.box), default=None)
        if best is not None and _shared_height(best[-1].box, token.box) > 0.45:
            best.append(token)
        else:
            rows.append([token])
            open_rows.append(rows[-1])
    return sorted(rows, key=lambda row: row[0].box.top)


def _shared_height(a: Box, b: Box) -> float:
    shared = min(a.bottom, b.bottom) - max(a.top, b.top)
    return shared / max(min(a.height, b.height), 1e-6)


def _split(row: list[Token]) -> Iterator[tuple[Token, ...]]:
    segment = [row[0]]
    for token in row[1:]:
        gap = token.box.left - segment[-1].box.right
        if gap > (SEGMENT_GAP if token.line == segment[-1].line else _LINES_GAP):
            yield tuple(segment)
            segment = []
        segment.append(token)
    yield tuple(segment)
