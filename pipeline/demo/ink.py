"""Ink: fonts, and where the words of a printed text stand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

from pipeline.types import Box

Align = Literal["left", "center", "right"]
Color = str

# ReportLab carries Bitstream Vera, so an embedded font is the same on every machine.
_EMBEDDED = {"Vera": "Vera.ttf", "Vera-Bold": "VeraBd.ttf", "Vera-Italic": "VeraIt.ttf"}
_ASCENT, _DESCENT = 0.76, 0.21


@dataclass(frozen=True, slots=True)
class Ink:
    """A font, its size in points and its colour."""

    font: str = "Helvetica"
    size: float = 10.0
    color: Color = "#1c1c1c"

    def width(self, text: str) -> float:
        return float(pdfmetrics.stringWidth(text, self.font_for(text), self.size))

    def font_for(self, text: str) -> str:
        """The standard fonts hold Windows-1252 only; other names are set in the embedded font."""
        register_fonts()
        if self.font in _EMBEDDED or not _beyond_cp1252(text):
            return self.font
        return "Vera-Bold" if self.font.endswith("Bold") else "Vera"


@cache
def register_fonts() -> None:
    """Make the embedded fonts known to ReportLab, once."""
    for name, file in _EMBEDDED.items():
        pdfmetrics.registerFont(TTFont(name, file))


def _beyond_cp1252(text: str) -> bool:
    try:
        text.encode("cp1252")
    except UnicodeEncodeError:
        return True
    return False


def start(x: float, text: str, ink: Ink, align: Align) -> float:
    """Where a text begins that is aligned to `x`."""
    share = {"left": 0.0, "center": 0.5, "right": 1.0}[align]
    return x - share * ink.width(text)


def word_boxes(x: float, y: float, text: str, ink: Ink) -> list[tuple[str, Box]]:
    """The words of a text, split on white space, each with its box; `y` is the baseline."""
    top, bottom = y - _ASCENT * ink.size, y + _DESCENT * ink.size
    font = Ink(ink.font_for(text), ink.size)
    return [
        (word, Box(x + font.width(text[:at]), top, x + font.width(text[: at + len(word)]), bottom))
        for at, word in _words_at(text)
    ]


def _words_at(text: str) -> Iterator[tuple[int, str]]:
    at = 0
    for word in text.split():
        at = text.index(word, at)
        yield at, word
        at += len(word)
