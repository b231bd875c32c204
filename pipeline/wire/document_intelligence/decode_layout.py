"""The pages of a Document Intelligence analyze result -> `Layout`. Lines have no words of their own: a word
belongs to the line whose span holds its offset, both counted in the result's `stringIndexType`."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Any, cast

from pipeline.types import (
    Layout,
    LengthUnit,
    Line,
    MarkState,
    Page,
    Polygon,
    SelectionMark,
    Table,
    TableCell,
    Word,
    bounds,
)

Json = Mapping[str, Any]

NOWHERE: Polygon = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
"""Where office and HTML documents, which have no pages of a size, say that something stands."""

_UNPLACED = -1


def layout(result: Json) -> Layout:
    """The layout in an `analyzeResult`. Raises ValueError, KeyError or TypeError where it is none."""
    tables = [(_first_page(item), _table(item)) for item in result.get("tables") or ()]
    pages = tuple(_page(item, tables) for item in result.get("pages") or ())
    return Layout(pages, max((page.number for page in pages), default=0))


class WordConfidence:
    """The reader's confidence in the words and marks that spans hold."""

    def __init__(self, result: Json) -> None:
        items = [
            item
            for page in result.get("pages") or ()
            for name in ("words", "selectionMarks")
            for item in page.get(name) or ()
        ]
        told = sorted((offset_of(item), confidence_of(item)) for item in items)
        self._offsets = [offset for offset, _ in told]
        self._confidences = [confidence for _, confidence in told]

    def of(self, spans: object) -> float:
        """The mean over them; 1 where the service names none."""
        found = [
            confidence
            for start, end in spans_of({"spans": spans})
            for confidence in self._confidences[
                bisect_left(self._offsets, start) : bisect_left(self._offsets, end)
            ]
        ]
        return sum(found) / len(found) if found else 1.0


# --- where things stand -----------------------------------------------------------------------------


def shape(item: Json) -> Polygon | None:
    """Where an item stands; the previews before 3.0 say `boundingBox`."""
    return polygon(item.get("polygon") or item.get("boundingBox"))


def polygon(value: object) -> Polygon | None:
    """Four corners; of a shape with more, those of the box around it."""
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) < 8:
        return None
    corners = cast(Polygon, tuple(map(float, value)))
    return corners if len(corners) == 8 else bounds(corners).polygon


def region(body: Json) -> tuple[int | None, Polygon | None]:
    """Page and polygon of the first place something stands at."""
    regions = body.get("boundingRegions") or ()
    if not regions:
        return None, None
    return int(regions[0].get("pageNumber") or 1), shape(regions[0])


def spans_of(item: Json) -> list[tuple[int, int]]:
    """Begin and end of its pieces in the content."""
    spans = item.get("spans") or ([item["span"]] if item.get("span") else [])
    return [(int(span["offset"]), int(span["offset"]) + int(span["length"])) for span in spans]


def offset_of(item: Json) -> int:
    spans = spans_of(item)
    return spans[0][0] if spans else _UNPLACED


def confidence_of(item: Json) -> float:
    """Certain where the service leaves it out, as its SDK takes it."""
    told = item.get("confidence")
    return 1.0 if told is None else float(told)


# --- pages ------------------------------------------------------------------------------------------


def _page(item: Json, tables: Sequence[tuple[int, Table]]) -> Page:
    number = int(item["pageNumber"])
    unit = str(item.get("unit") or "pixel").lower()
    return Page(
        number=number,
        width=float(item.get("width") or 0.0),
        height=float(item.get("height") or 0.0),
        unit=cast(LengthUnit, unit if unit in ("inch", "pixel") else "pixel"),
        lines=_lines(item),
        selection_marks=tuple(_mark(mark) for mark in item.get("selectionMarks") or ()),
        tables=tuple(table for page, table in tables if page == number),
        angle=float(item.get("angle") or 0.0),
    )


def _lines(page: Json) -> tuple[Line, ...]:
    """The lines in their order; words that lie in none (a page without lines) make one each."""
    words = sorted(((offset_of(word), _word(word)) for word in page.get("words") or ()), key=lambda w: w[0])
    offsets = [offset for offset, _ in words]
    taken: set[int] = set()
    lines = []
    for item in page.get("lines") or ():
        held = [
            range(bisect_left(offsets, start), bisect_left(offsets, end)) for start, end in spans_of(item)
        ]
        inside = [n for numbers in held for n in numbers if n not in taken]
        taken.update(inside)
        place = shape(item) or NOWHERE
        lines.append(Line(str(item["content"]), place, tuple(words[n][1] for n in inside)))
    lone = [word for n, (_, word) in enumerate(words) if n not in taken]
    return (*lines, *(Line(word.text, word.polygon, (word,)) for word in lone))


def _word(item: Json) -> Word:
    return Word(str(item["content"]), shape(item) or NOWHERE, confidence_of(item))


def _mark(item: Json) -> SelectionMark:
    state = str(item.get("state") or "unselected").lower()
    known = cast(MarkState, state if state in ("selected", "unselected") else "unselected")
    return SelectionMark(known, shape(item) or NOWHERE, confidence_of(item))


# --- tables -----------------------------------------------------------------------------------------


def _first_page(item: Json) -> int:
    cells: Sequence[Json] = item.get("cells") or ({},)
    return region(item)[0] or region(cells[0])[0] or 1


def _table(item: Json) -> Table:
    return Table(
        rows=int(item["rowCount"]),
        columns=int(item["columnCount"]),
        cells=tuple(_cell(cell) for cell in item.get("cells") or ()),
        polygon=region(item)[1],
    )


def _cell(item: Json) -> TableCell:
    return TableCell(
        row=int(item["rowIndex"]),
        column=int(item["columnIndex"]),
        text=str(item.get("content") or ""),
        polygon=region(item)[1] or NOWHERE,
        row_span=int(item.get("rowSpan") or 1),
        column_span=int(item.get("columnSpan") or 1),
        is_header="header" in str(item.get("kind") or "").lower(),
    )
