"""A layout as a flat table of tokens: words, cut where two things were glued, and selection marks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise

import numpy as np
from numpy.typing import NDArray

from pipeline.types import Box, Layout, MarkState, Page, SelectionMark, Word

_CUTS = re.compile(
    r"(?<=\d)(?=-\d{1,2}[/.]\d{1,2}[/.])|(?<=\d-)(?=\d{1,2}[/.]\d{1,2}[/.])"  # 5/1/2020-5/31/2020
    r"|(?<=[^\W\d_][:#])(?=\S)"  # Date:5/1/2020
    r"|(?<=[\w.])(?=\()|(?<=\))(?=\w)"  # SDN.BHD.(12345-A)
)
_KEY = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a word, or a selection mark (`state` is set). `glued`: no space before it."""

    text: str
    page: int
    box: Box
    confidence: float
    glued: bool = False
    state: MarkState | None = None


@dataclass(frozen=True, slots=True)
class Tokens:
    """All tokens of a document in reading order, page after page.

    `boxes` is (n, 4) left, top, right, bottom in line heights of the page (so that distances mean
    the same on a scan and on a PDF); `pages` the index of the page of each token.
    """

    items: tuple[Token, ...]
    boxes: NDArray[np.float32]
    pages: NDArray[np.int32]
    sizes: NDArray[np.float32]
    keys: tuple[str, ...]
    marks: NDArray[np.bool_]
    page_numbers: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.items)

    def text(self, path: Sequence[int]) -> str:
        """The tokens of a path as one text; glued pieces are joined without a space."""
        pieces: list[str] = []
        for position, index in enumerate(path):
            follows = position and path[position - 1] == index - 1
            pieces.append("" if not position or (follows and self.items[index].glued) else " ")
            pieces.append(self.items[index].text)
        return "".join(pieces)

    def key(self, path: Sequence[int]) -> str:
        """What is compared of a text: letters and digits in lower case."""
        return "".join(self.keys[index] for index in path)


def text_key(text: str) -> str:
    """Letters and digits in lower case; the text itself where it has neither."""
    return _KEY.sub("", text).lower() or text.strip()


def tokenize(layout: Layout) -> Tokens:
    """The tokens of every page that was read."""
    items: list[Token] = []
    scaled: list[NDArray[np.float32]] = []
    pages: list[int] = []
    sizes: list[tuple[float, float]] = []
    for index, page in enumerate(layout.pages):
        found = [*_words(page, index), *_marks(page, index)]
        boxes = np.fromiter(chain.from_iterable(token.box for token in found), np.float32).reshape(-1, 4)
        unit = _line_height(boxes[[token.state is None for token in found]])
        items += found
        pages += [index] * len(found)
        scaled.append(boxes / np.float32(unit))
        sizes.append((page.width / unit, page.height / unit))
    return Tokens(
        tuple(items),
        np.concatenate(scaled) if scaled else np.zeros((0, 4), dtype=np.float32),
        np.array(pages, dtype=np.int32),
        np.array(sizes, dtype=np.float32).reshape(-1, 2),
        tuple("" if token.state else _KEY.sub("", token.text).lower() for token in items),
        np.array([token.state is not None for token in items], dtype=np.bool_),
        tuple(page.number for page in layout.pages),
    )


def _line_height(boxes: NDArray[np.float32]) -> float:
    heights = boxes[:, 3] - boxes[:, 1]
    heights = heights[heights > 0]
    return float(np.median(heights)) if heights.size else 1.0


def _words(page: Page, index: int) -> Iterator[Token]:
    words = list(page.words)
    for word, box in zip(words, _boxes(words), strict=True):
        text = word.text.strip()
        if text.isalnum() or (text and not _CUTS.search(text)):
            yield Token(text, index, box, word.confidence)
        elif text:
            yield from _pieces(word, text, box, index)


def _boxes(words: Sequence[Word]) -> Iterator[Box]:
    """`word.box` of every word, all at once."""
    corners = np.fromiter(chain.from_iterable(word.polygon for word in words), np.float64).reshape(-1, 4, 2)
    return map(Box._make, np.hstack([corners.min(axis=1), corners.max(axis=1)]).tolist())


def _pieces(word: Word, text: str, box: Box, page: int) -> Iterator[Token]:
    """A word cut where a key runs into its value; each piece has its share of the word's box."""
    cuts = [0, *(match.start() for match in _CUTS.finditer(text)), len(text)]
    width = box.width / len(text)
    for start, end in pairwise(cuts):
        if end > start:
            part = Box(box.left + start * width, box.top, box.left + end * width, box.bottom)
            yield Token(text[start:end], page, part, word.confidence, glued=start > 0)


def _marks(page: Page, index: int) -> Iterator[Token]:
    for mark in page.selection_marks:
        yield _mark(mark, index)


def _mark(mark: SelectionMark, page: int) -> Token:
    return Token("☐", page, mark.box, mark.confidence, state=mark.state)
