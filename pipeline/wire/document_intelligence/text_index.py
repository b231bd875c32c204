"""How long a text is in the units that spans are counted in (`stringIndexType`, CONTRACTS 3.1)."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

Length = Callable[[str], int]

DEFAULT = "textElements"

_JOINER = "\u200d"
_MARKS = frozenset(("Mn", "Me", "Mc"))
_MODIFIERS = range(0x1F3FB, 0x1F400)
"""Skin tones of the emoji before them."""
_TAGS = range(0xE0020, 0xE0080)
"""Letters that turn a black flag into that of a region."""
_REGIONAL = range(0x1F1E6, 0x1F200)
"""Halves of national flags."""
_VOWELS_AND_TAILS = range(0x1160, 0x1200)
"""Hangul letters that go on a syllable."""
_HANGUL = frozenset((*range(0x1100, 0x1200), *range(0xAC00, 0xD7A4)))


def text_elements(text: str) -> int:
    """What a reader takes for characters (UAX 29): combining marks, joined and modified emoji, flags,
    syllables of Hangul letters and line ends of two characters count once."""
    return sum(1 for n in range(len(text)) if n == 0 or not _goes_on(text, n))


def utf16_units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


INDEXES: dict[str, Length] = {
    DEFAULT: text_elements,
    "unicodeCodePoint": len,
    "utf16CodeUnit": utf16_units,
}


def _goes_on(text: str, n: int) -> bool:
    """Whether a character belongs to the element of the one before it."""
    letter, before = text[n], text[n - 1]
    if letter == "\n" or before in "\r\n":
        return letter == "\n" and before == "\r"
    code = ord(letter)
    if code in _REGIONAL:
        return _regional_before(text, n) % 2 == 1
    return (
        letter == _JOINER
        or (before == _JOINER and unicodedata.category(letter) == "So")
        or code in _MODIFIERS
        or code in _TAGS
        or (code in _VOWELS_AND_TAILS and ord(before) in _HANGUL)
        or unicodedata.category(letter) in _MARKS
    )


def _regional_before(text: str, n: int) -> int:
    count = 0
    while n > 0 and ord(text[n - 1]) in _REGIONAL:
        n, count = n - 1, count + 1
    return count
