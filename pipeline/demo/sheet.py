"""A sheet of paper to draw forms on, which remembers where every entry was printed.

Coordinates are points (1/72 inch) from the top left corner, y downwards; a text's y is its baseline.
"""

from __future__ import annotations

import io
import itertools
from dataclasses import dataclass, field
from random import Random

from reportlab.lib.colors import HexColor
from reportlab.pdfgen.canvas import Canvas

from pipeline.demo.entries import Entry
from pipeline.demo.ink import Align, Color, Ink, register_fonts, start, word_boxes
from pipeline.types import Box, LabelRegion, Polygon

LETTER, A4, A5 = (612.0, 792.0), (595.0, 842.0), (420.0, 595.0)


@dataclass(frozen=True, slots=True)
class Printed:
    """An entry where it was printed: the words with their boxes relative to the page (0..1)."""

    entry: Entry
    key: str
    regions: tuple[LabelRegion, ...]


@dataclass(frozen=True, slots=True)
class Drawing:
    """A finished document: its bytes, the size of each page in points, the entries in drawing order."""

    pdf: bytes
    pages: tuple[tuple[float, float], ...]
    printed: tuple[Printed, ...]


@dataclass(slots=True)
class Sheet:
    """A document being drawn. Same calls, same bytes."""

    size: tuple[float, float] = LETTER
    title: str = ""
    _buffer: io.BytesIO = field(default_factory=io.BytesIO)
    _printed: list[Printed] = field(default_factory=list)
    _page: int = 1
    _widgets: int = 0
    _canvas: Canvas = field(init=False)

    def __post_init__(self) -> None:
        register_fonts()
        self._canvas = Canvas(self._buffer, pagesize=self.size, invariant=1, pageCompression=1)
        self._canvas.setTitle(self.title)
        self._canvas.setAuthor("")

    # --- plain drawing

    def text(self, x: float, y: float, text: str, ink: Ink, align: Align = "left") -> None:
        self._canvas.setFont(ink.font_for(text), ink.size)
        self._canvas.setFillColor(HexColor(ink.color))
        self._canvas.drawString(start(x, text, ink, align), self._up(y), text)

    def rule(
        self, x1: float, y1: float, x2: float, y2: float, color: Color = "#555555", width: float = 0.6
    ) -> None:
        self._pen(color, width)
        self._canvas.line(x1, self._up(y1), x2, self._up(y2))

    def panel(self, box: Box, fill: Color) -> None:
        self._canvas.setFillColor(HexColor(fill))
        self._canvas.rect(box.left, self._up(box.bottom), box.width, box.height, stroke=0, fill=1)

    def frame(self, box: Box, color: Color = "#555555", width: float = 0.6) -> None:
        self._pen(color, width)
        self._canvas.rect(box.left, self._up(box.bottom), box.width, box.height, stroke=1, fill=0)

    def stroke(self, points: list[tuple[float, float]], color: Color, width: float) -> None:
        """A smooth pen stroke through points (a hand's tick, a signature)."""
        self._pen(color, width)
        self._canvas.setLineCap(1)
        path = self._canvas.beginPath()
        path.moveTo(points[0][0], self._up(points[0][1]))
        for before, here in itertools.pairwise(points):
            bend = ((before[0] + here[0]) / 2, (before[1] + here[1]) / 2 + 0.08 * (here[0] - before[0]))
            path.curveTo(bend[0], self._up(bend[1]), bend[0], self._up(bend[1]), here[0], self._up(here[1]))
        self._canvas.drawPath(path)

    def next_page(self) -> None:
        self._canvas.showPage()
        self._page += 1

    # --- entries

    def entry(self, x: float, y: float, entry: Entry, ink: Ink, key: str, align: Align = "left") -> None:
        """Print a value as text and remember where its words stand."""
        self.text(x, y, entry.text, ink, align)
        boxes = word_boxes(start(x, entry.text, ink, align), y, entry.text, ink)
        self._remember(entry, key, boxes)

    def box(self, x: float, y: float, entry: Entry, key: str, size: float, random: Random) -> None:
        """A printed tick box; a selected one is marked by a pen."""
        self.frame(Box(x, y, x + size, y + size), "#222222", 0.9)
        if entry.ticked:
            for points in _pen_marks(x, y, size, random):
                self.stroke(points, random.choice(("#1a237e", "#202020", "#283593")), 1.5)
        self._remember(entry, key, [(entry.text, Box(x, y, x + size, y + size))])

    def widget(self, box: Box, entry: Entry | None, key: str, size: float = 10.0) -> None:
        """A text field of an AcroForm; the value stands in the widget only. No entry: an empty field.

        Raises ValueError where the value would be cut off at the widget's edge.
        """
        text, ink = entry.text if entry else "", Ink("Helvetica", size)
        if ink.width(text) > box.width - 4.0:
            raise ValueError(f"the widget of {key!r} is too narrow for its value")
        self._canvas.acroForm.textfield(
            name=self._widget_name("text"),
            tooltip=key,
            value=text,
            x=box.left,
            y=self._up(box.bottom),
            width=box.width,
            height=box.height,
            fontName="Helvetica",
            fontSize=size,
            borderWidth=0.5,
            borderColor=HexColor("#8a94a6"),
            fillColor=HexColor("#f3f6fb"),
            textColor=HexColor("#10204a"),
            fieldFlags="",
        )
        if entry:
            # ReportLab starts the text four border widths in, one font size and a border below the top.
            self._remember(entry, key, word_boxes(box.left + 2.0, box.top + size + 1.0, text, ink))

    def check(self, x: float, y: float, entry: Entry, key: str, size: float = 11.0) -> None:
        """A check box of an AcroForm."""
        self._canvas.acroForm.checkbox(
            name=self._widget_name("check"),
            tooltip=key,
            checked=entry.ticked,
            buttonStyle="cross",
            x=x,
            y=self._up(y + size),
            size=size,
            borderWidth=0.8,
            borderColor=HexColor("#33415c"),
            fillColor=HexColor("#ffffff"),
            textColor=HexColor("#10204a"),
            fieldFlags="",
        )
        self._remember(entry, key, [(entry.text, Box(x, y, x + size, y + size))])

    def finish(self) -> Drawing:
        self._canvas.save()
        return Drawing(self._buffer.getvalue(), (self.size,) * self._page, tuple(self._printed))

    # --- inner

    def _up(self, y: float) -> float:
        return self.size[1] - y

    def _pen(self, color: Color, width: float) -> None:
        self._canvas.setStrokeColor(HexColor(color))
        self._canvas.setLineWidth(width)

    def _widget_name(self, kind: str) -> str:
        self._widgets += 1
        return f"{kind}_{self._widgets:02d}"

    def _remember(self, entry: Entry, key: str, words: list[tuple[str, Box]]) -> None:
        regions = tuple(LabelRegion(self._page, text, self._relative(box)) for text, box in words)
        self._printed.append(Printed(entry, key, regions))

    def _relative(self, box: Box) -> Polygon:
        width, height = self.size
        scaled = Box(box.left / width, box.top / height, box.right / width, box.bottom / height)
        return Box(*(round(number, 6) for number in scaled)).polygon


def _pen_marks(x: float, y: float, size: float, random: Random) -> list[list[tuple[float, float]]]:
    """Strokes of a hurried hand over a box: a tick or a cross, a little beyond the edge."""

    def near(across: float, down: float) -> tuple[float, float]:
        return x + size * (across + random.uniform(-0.1, 0.1)), y + size * (down + random.uniform(-0.1, 0.1))

    if random.random() < 0.5:
        return [[near(0.15, 0.5), near(0.42, 0.9), near(1.05, -0.05)]]
    return [[near(0.1, 0.1), near(0.95, 0.95)], [near(0.92, 0.05), near(0.05, 0.95)]]
