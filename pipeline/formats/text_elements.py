"""Extended grapheme clusters as Unicode 8 has them (UAX 29, revision 27).

The libraries at hand follow newer versions of Unicode, where emoji sequences are one cluster each; the
properties are those of Python's `unicodedata`, the exceptions those of the annex, table 2.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

OTHER, CR, LF, CONTROL, EXTEND, SPACING, REGIONAL, L, V, T, LV, LVT = range(12)

_ALSO_EXTEND = frozenset(
    "\u09be\u09d7\u0b3e\u0b57\u0bbe\u0bd7\u0cc2\u0cd5\u0cd6\u0d3e\u0d57\u0dcf\u0ddf\u200c\u200d\u302e\u302f"
    "\uff9e\uff9f\U0001133e\U00011357\U000114b0\U000114bd\U000115af\U0001d165"
    "\U0001d16e\U0001d16f\U0001d170\U0001d171\U0001d172"
)
_ALSO_SPACING = frozenset("\u0e33\u0eb3")
_NOT_SPACING = frozenset(
    chr(code)
    for first, last in (
        (0x102B, 0x102C), (0x1038, 0x1038), (0x1062, 0x1064), (0x1067, 0x106D), (0x1083, 0x1083),
        (0x1087, 0x108C), (0x108F, 0x108F), (0x109A, 0x109C), (0x1A61, 0x1A61), (0x1A63, 0x1A64),
        (0xAA7B, 0xAA7B), (0xAA7D, 0xAA7D), (0x11720, 0x11721),
    )
    for code in range(first, last + 1)
)  # fmt: skip
_HANGUL = (
    (0x1100, 0x115F, L), (0xA960, 0xA97C, L), (0x1160, 0x11A7, V), (0xD7B0, 0xD7C6, V),
    (0x11A8, 0x11FF, T), (0xD7CB, 0xD7FB, T),
)  # fmt: skip
_JOINED = {(CR, LF), (REGIONAL, REGIONAL), (LV, V), (LV, T), (V, V), (V, T), (LVT, T), (T, T)} | {
    (L, after) for after in (L, V, LV, LVT)
}
_BREAKS = {CR, LF, CONTROL}


def boundaries(text: str) -> list[int]:
    """Where its text elements begin, in code points, and at last where the text ends."""
    if text.isascii() and "\r\n" not in text:
        return list(range(len(text) + 1))
    starts, before = [0] if text else [], CONTROL
    for at, character in enumerate(text):
        kind = _kind(character)
        if at and not _together(before, kind):
            starts.append(at)
        before = kind
    return [*starts, len(text)]


def _together(before: int, after: int) -> bool:
    if (before, after) in _JOINED:
        return True
    return after in (EXTEND, SPACING) and before not in _BREAKS


@lru_cache(maxsize=20_000)
def _kind(character: str) -> int:
    """The value of Grapheme_Cluster_Break."""
    if character in "\r\n":
        return CR if character == "\r" else LF
    if character in _ALSO_EXTEND:
        return EXTEND
    if character in _ALSO_SPACING:
        return SPACING
    category = unicodedata.category(character)
    if category in ("Zl", "Zp", "Cc", "Cf", "Cs"):
        return CONTROL
    if category in ("Mn", "Me"):
        return EXTEND
    if category == "Mc":
        return OTHER if character in _NOT_SPACING else SPACING
    return _hangul_or_flag(ord(character))


def _hangul_or_flag(code: int) -> int:
    if 0x1F1E6 <= code <= 0x1F1FF:
        return REGIONAL
    if 0xAC00 <= code <= 0xD7A3:
        return LVT if (code - 0xAC00) % 28 else LV
    return next((kind for first, last, kind in _HANGUL if first <= code <= last), OTHER)
