"""Ruled tables with known cells, drawn by reportlab: several sizes, spans, empty cells, header rows."""

from __future__ import annotations

import io
from dataclasses import dataclass
from random import Random

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4, letter
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

_WORDS = tuple(
    word
    for line in (
        "Spot Rate Total Product Weeks Station Length Day Start End Units Net Gross Agency Discount Item",
        "Quantity Price Order Invoice Service Consulting Training Travel Hotel Permit License Fee Tax",
    )
    for word in line.split()
)


@dataclass(frozen=True, slots=True)
class DrawnTable:
    """A PDF page with one table, and its cells: (row, column, row span, column span) -> text."""

    pdf: bytes
    cells: dict[tuple[int, int, int, int], str]


def draw_table(random: Random) -> DrawnTable:
    """A table of 2 to 14 rows and 2 to 8 columns between lines of ordinary text."""
    rows, columns = random.randint(2, 14), random.randint(2, 8)
    texts = [[_text(random, row, columns) for _ in range(columns)] for row in range(rows)]
    spans = _spans(random, rows, columns)
    hidden = {(r + i, c + j) for r, c, h, w in spans for i in range(h) for j in range(w) if i or j}
    covered = {(r, c): (r, c, h, w) for r, c, h, w in spans}
    cells = {
        covered.get((r, c), (r, c, 1, 1)): texts[r][c]
        for r in range(rows)
        for c in range(columns)
        if (r, c) not in hidden
    }
    shown = [["" if (r, c) in hidden else texts[r][c] for c in range(columns)] for r in range(rows)]
    return DrawnTable(_pdf(random, shown, spans), cells)


def _text(random: Random, row: int, columns: int) -> str:
    if row and random.random() < 0.1:
        return ""
    if row and random.random() < 0.45:
        return f"{random.randint(1, 99999) / 100:,.2f}"
    most = 1 if columns > 6 else 2 if columns > 4 else 3
    return " ".join(random.choice(_WORDS) for _ in range(random.randint(1, most)))


def _spans(random: Random, rows: int, columns: int) -> list[tuple[int, int, int, int]]:
    spans = []
    if columns > 2 and random.random() < 0.5:
        spans.append((0, random.randrange(columns - 1), 1, 2))
    if rows > 4 and random.random() < 0.5:
        spans.append((random.randint(2, rows - 2), 0, 2, 1))
    return spans


def _pdf(random: Random, shown: list[list[str]], spans: list[tuple[int, int, int, int]]) -> bytes:
    page = random.choice([letter, A4])
    size = random.choice([7, 8, 9, 10, 11])
    width = (page[0] - 120) / len(shown[0])
    style = [
        (
            "GRID",
            (0, 0),
            (-1, -1),
            random.choice([0.4, 0.75, 1.0, 1.5]),
            random.choice([colors.black, colors.grey]),
        ),
        ("FONTSIZE", (0, 0), (-1, -1), size),
        ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
    ]
    if random.random() < 0.5:
        style.append(("BACKGROUND", (0, 0), (-1, 0), colors.lightgrey))
    style += [("SPAN", (c, r), (c + w - 1, r + h - 1)) for r, c, h, w in spans]
    table = Table(shown, colWidths=[width] * len(shown[0]), rowHeights=size * random.uniform(1.7, 2.6))
    table.setStyle(TableStyle(style))
    normal = getSampleStyleSheet()["Normal"]
    above = Paragraph("Summary of charges for the period, as agreed with the station.", normal)
    below = Paragraph("Amounts are due within thirty days of the date of this statement.", normal)
    out = io.BytesIO()
    SimpleDocTemplate(out, pagesize=page, leftMargin=60, rightMargin=60, invariant=1).build(
        [above, Spacer(0, 20), table, Spacer(0, 20), below]
    )
    return out.getvalue()
