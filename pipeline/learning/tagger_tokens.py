"""A text as the tagger sees it: words, numbers, signs and line ends, with their places in the text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pipeline.learning.hashing import Codes, aspect_codes, code, shape
from pipeline.texts import LabelledSpan

Numbers = NDArray[np.int64]

_MARK = "\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u064b-\u065f\u0900-\u0903\u093a-\u094f\u0e31\u0e34-\u0e4e"
_SINGLE = "\u2e80-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
_TOKEN = re.compile(
    rf"(?P<line>[^\S\n]*\n\s*)|[{_SINGLE}]|(?:[^\W\d_{_SINGLE}][{_MARK}]*)+|\d+|[^\w\s]|_+|\w"
)
"""Writing without spaces between words is taken sign by sign."""

_RUN = re.compile(r"(.)\1+")


@dataclass(frozen=True, slots=True)
class Tokens:
    """`texts` as they are compared (a line end is one or two `\\n`); `starts` and `ends` in the text.
    `chunks` numbers the stretches between spaces, `lines` the lines. The outline of a word is its shape with
    every run as one sign: that of `$1,250.00` is `$0,0.0`."""

    texts: tuple[str, ...]
    starts: Numbers
    ends: Numbers
    chunks: Numbers
    lines: Numbers
    codes: Codes
    outlines: Codes
    chunk_codes: Codes
    chunk_outlines: Codes

    def __len__(self) -> int:
        return len(self.texts)


def tokenize(text: str) -> Tokens:
    matches = list(_TOKEN.finditer(text))
    starts = np.array([match.start() for match in matches], dtype=np.int64)
    ends = np.array([match.end() for match in matches], dtype=np.int64)
    is_line = np.array([match["line"] is not None for match in matches], dtype=bool)
    texts = tuple(_compared(match) for match in matches)
    chunks = _chunks(starts, ends, is_line)
    lines = np.concatenate([[0], np.cumsum(is_line)[:-1]]).astype(np.int64) if matches else starts
    joined = _joined(texts, chunks)
    return Tokens(
        texts, starts, ends, chunks, lines,
        aspect_codes(texts), _outlines(texts), aspect_codes(joined)[chunks], _outlines(joined)[chunks],
    )  # fmt: skip


def _compared(match: re.Match[str]) -> str:
    if match["line"] is None:
        return match[0]
    return "\n\n" if match[0].count("\n") > 1 else "\n"


def _chunks(starts: Numbers, ends: Numbers, is_line: NDArray[np.bool_]) -> Numbers:
    if not len(starts):
        return starts
    begins = np.concatenate([[True], (starts[1:] > ends[:-1]) | is_line[1:] | is_line[:-1]])
    return np.cumsum(begins) - 1


def _joined(texts: Sequence[str], chunks: Numbers) -> list[str]:
    """The texts of the chunks."""
    firsts = np.flatnonzero(np.diff(chunks, prepend=-1))
    return ["".join(texts[start:end]) for start, end in pairwise([*firsts.tolist(), len(texts)])]


def _outlines(texts: Iterable[str]) -> Codes:
    return np.array([_outline(text) for text in texts], dtype=np.uint64)


@lru_cache(maxsize=200_000)
def _outline(text: str) -> int:
    return code(_RUN.sub(r"\1", shape(text)))


def covered(tokens: Tokens, span: LabelledSpan) -> range:
    """The tokens that a span touches, without line ends at its ends."""
    first = int(np.searchsorted(tokens.ends, span.offset, side="right"))
    last = int(np.searchsorted(tokens.starts, span.offset + span.length, side="left"))
    while first < last and tokens.texts[first][0] == "\n":
        first += 1
    while first < last and tokens.texts[last - 1][0] == "\n":
        last -= 1
    return range(first, last)


OUTSIDE = 0


def begins(category: int) -> int:
    """The tag of the first token of an entity; its further tokens have the next one."""
    return 1 + 2 * category


def category_of(tags: Numbers) -> Numbers:
    """The categories of tags that are not OUTSIDE."""
    return (tags - 1) // 2


def tags(tokens: Tokens, spans: Iterable[LabelledSpan], categories: Sequence[str]) -> Numbers:
    """The tag of each token. Spans of other categories are none."""
    numbers = {category: number for number, category in enumerate(categories)}
    result = np.zeros(len(tokens), dtype=np.int64)
    for span in sorted(spans, key=lambda span: span.offset):
        inside = [at for at in covered(tokens, span) if result[at] == OUTSIDE]
        if inside and span.category in numbers:
            result[inside] = begins(numbers[span.category]) + 1
            result[inside[0]] = begins(numbers[span.category])
    return result
