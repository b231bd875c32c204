"""A long text in pieces that a service takes, cut where sentences end, with their places in the text."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_ABBREVIATED = re.compile(
    r"\b(?:\w|\w+\.\w+(?:\.\w+)*|approx|art|bzw|ca|cf|co|corp|dr|ed|etc|fig|inc|jr|ltd|mrs?|ms|no|nr|op|pp"
    r"|prof|ref|sec|sr|st|str|tel|vol|vs)\.\s+\Z",
    re.IGNORECASE,
)
_PARAGRAPH = re.compile(r"\n[^\S\n]*\n\s*")
_SENTENCE = re.compile(r"[.!?…]+[\"')\]»”’]*\s+(?=[^\sa-z])|[。！？｡]+[」』）”’]*\s*")
_LINE = re.compile(r"\n\s*")
_SPACE = re.compile(r"\s+")

_BEYOND = 256
_JOINER = "\u200d"
_HANGUL = re.compile(
    r"[\u1100-\u115f\ua960-\ua97c][\u1100-\u11a7\uac00-\ud7a3]|[\u1160-\u11a7][\u1160-\u11ff]"
)


@dataclass(frozen=True, slots=True)
class Piece:
    """`text` begins at `offset` of the whole text, in code points: add it to what is found in a piece."""

    offset: int
    text: str


def pieces(text: str, most: int) -> tuple[Piece, ...]:
    """The text in pieces of at most `most` code points, which joined are the text; none of an empty text.

    A piece ends with a paragraph, a sentence, a line or a word, the first of these that its second half
    has; never inside a character (base and marks, joined emoji) unless that alone is longer than `most`.
    """
    if most < 1:
        raise ValueError("a piece holds at least one character")
    found, start = [], 0
    while start < len(text):
        end = len(text) if len(text) - start <= most else _end(text, start, start + most)
        found.append(Piece(start, text[start:end]))
        start = end
    return tuple(found)


def _end(text: str, start: int, limit: int) -> int:
    """Where the piece from `start` ends, at `limit` at the latest."""
    half = start + (limit - start) // 2
    for pattern in (_PARAGRAPH, _SENTENCE, _LINE, _SPACE):
        if (end := _last_break(pattern, text, start, limit)) > half:
            return end
    if end > start:
        return end
    return next((at for at in range(limit, start, -1) if _divides(text, at)), limit)


def _last_break(pattern: re.Pattern[str], text: str, start: int, limit: int) -> int:
    """The last end of a match in `start` to `limit`, -1 without one. Blanks before a break stay with it,
    and where they pass the limit are divided themselves."""
    last = -1
    for match in pattern.finditer(text, start, limit + _BEYOND):
        end = match.end()
        if end > limit:
            blank = limit > match.start() and text[limit - 1 : end].isspace()
            end = limit if blank else -1
        if end > start and _divides(text, end) and not (pattern is _SENTENCE and _abbreviated(text, end)):
            last = end
        if match.end() >= limit:
            break
    return last


def _abbreviated(text: str, end: int) -> bool:
    """Whether the full stop before `end` is that of an abbreviation or an initial."""
    return bool(_ABBREVIATED.search(text, max(end - 40, 0), end))


def _divides(text: str, at: int) -> bool:
    """Whether a text can be cut before `at` without cutting what a reader takes for one character."""
    if not 0 < at < len(text):
        return True
    before, after = text[at - 1], text[at]
    if before == "\r" and after == "\n":
        return False
    if "\ud800" <= before <= "\udbff" and "\udc00" <= after <= "\udfff":
        return False
    if _extends(after) or before == _JOINER:
        return False
    if _is_flag(before) and _is_flag(after):
        return _flags_before(text, at) % 2 == 0
    return not _HANGUL.match(text, at - 1)


def _extends(character: str) -> bool:
    """Whether it belongs to the character before it: a mark, a joiner, a skin tone, a tag."""
    return (
        character == _JOINER
        or unicodedata.category(character).startswith("M")
        or "\U0001f3fb" <= character <= "\U0001f3ff"
        or "\U000e0020" <= character <= "\U000e007f"
        or "\u11a8" <= character <= "\u11ff"
    )


def _is_flag(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _flags_before(text: str, at: int) -> int:
    first = at
    while first and _is_flag(text[first - 1]):
        first -= 1
    return at - first
