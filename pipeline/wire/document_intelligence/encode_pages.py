"""`Layout` -> the content, pages, tables and paragraphs of an analyze result (CONTRACTS 3.3).

The content is the lines, one below the other, and after those of a page its selection marks (`:selected:`,
`:unselected:`). Spans index it in the asked `stringIndexType`."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.types import Box, Layout, Line, Page, Polygon, SelectionMark, Table, TableCell, Word, bounds
from pipeline.wire.document_intelligence.text_index import Length
from pipeline.wire.document_intelligence.versions import Version

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Piece:
    """A word or mark: where it stands on its page, and in the content."""

    box: Box
    start: int
    end: int


@dataclass(slots=True)
class ContentWriter:
    """Writes the pages of a document in their order; after that it knows where in the content anything on
    them stands."""

    version: Version
    length: Length
    pages: list[Json] = field(default_factory=list)
    tables: list[Json] = field(default_factory=list)
    paragraphs: list[Json] = field(default_factory=list)
    _parts: list[str] = field(default_factory=list)
    _line_start: int = 0
    _line_text: str = ""
    _at: int = 0
    _words: dict[int, list[_Piece]] = field(default_factory=dict)
    _marks: dict[int, list[_Piece]] = field(default_factory=dict)

    @property
    def content(self) -> str:
        return "".join(self._parts)

    def write(self, layout: Layout) -> None:
        for page in layout.pages:
            self.pages.append(self._page(page))
            self.tables += [self._table(table, page.number) for table in page.tables]

    def spans(self, page: int, polygon: Polygon | None, *, marks: bool = False) -> list[Json]:
        """Where the words (or marks) inside a polygon stand in the content."""
        if polygon is None:
            return []
        around = bounds(polygon)
        pieces = (self._marks if marks else self._words).get(page, [])
        return _joined([piece for piece in pieces if _inside(piece.box, around)], pieces)

    # --- pages --------------------------------------------------------------------------------------

    def _page(self, page: Page) -> Json:
        first = self._at + (1 if self._parts else 0)
        words: list[Json] = []
        lines = [self._line(line, page.number, words) for line in page.lines]
        marks = [self._mark(mark, page.number) for mark in page.selection_marks]
        body: Json = {
            "pageNumber": page.number,
            "angle": page.angle,
            "width": page.width,
            "height": page.height,
            "unit": page.unit,
            "words": words,
            "lines": lines,
            "spans": [_span(first, self._at)] if lines or marks else [],
        }
        return (
            body
            | ({"selectionMarks": marks} if marks else {})
            | ({"kind": "document"} if self.version.document_kind else {})
        )

    def _line(self, line: Line, page: int, words: list[Json]) -> Json:
        """A line is written as it reads, if its words stand in it in their order; else as its words."""
        pieces = _between(line.text, line.words) or _spaced(line.words)
        self._break()
        start = self._at
        for text, word in pieces:
            begin = self._at
            self._add(text)
            if word is not None:
                words.append(self._word(word, page, begin))
        span = _span(start, self._at)
        body = {"content": line.text, "polygon": list(line.polygon), "spans": [span]}
        regions = [{"pageNumber": page, "polygon": list(line.polygon)}]
        self.paragraphs.append({"spans": [span], "boundingRegions": regions, "content": line.text})
        return body

    def _word(self, word: Word, page: int, begin: int) -> Json:
        self._words.setdefault(page, []).append(_Piece(word.box, begin, self._at))
        place = {"polygon": list(word.polygon), "confidence": word.confidence}
        return {"content": word.text} | place | {"span": _span(begin, self._at)}

    def _mark(self, mark: SelectionMark, page: int) -> Json:
        self._break()
        begin = self._at
        self._add(f":{mark.state}:")
        self._marks.setdefault(page, []).append(_Piece(mark.box, begin, self._at))
        place = {"polygon": list(mark.polygon), "confidence": mark.confidence}
        return {"state": mark.state} | place | {"span": _span(begin, self._at)}

    def _break(self) -> None:
        if self._parts:
            self._parts.append("\n")
            self._line_start, self._line_text = self._at + 1, ""
            self._at = self._line_start

    def _add(self, text: str) -> None:
        """Measured with what stands before it in the line, as both may meet in one character."""
        self._parts.append(text)
        self._line_text += text
        self._at = self._line_start + self.length(self._line_text)

    # --- tables -------------------------------------------------------------------------------------

    def _table(self, table: Table, page: int) -> Json:
        cells = [self._cell(cell, page) for cell in table.cells]
        polygon = table.polygon or _around([cell.polygon for cell in table.cells])
        regions = [{"pageNumber": page, "polygon": list(polygon)}] if polygon else []
        return {
            "rowCount": table.rows,
            "columnCount": table.columns,
            "cells": cells,
            "boundingRegions": regions,
            "spans": self.spans(page, polygon),
        }

    def _cell(self, cell: TableCell, page: int) -> Json:
        spans = {"rowSpan": cell.row_span, "columnSpan": cell.column_span}
        return (
            ({"kind": "columnHeader"} if cell.is_header else {})
            | {"rowIndex": cell.row, "columnIndex": cell.column}
            | {name: count for name, count in spans.items() if count > 1}
            | {
                "content": cell.text,
                "boundingRegions": [{"pageNumber": page, "polygon": list(cell.polygon)}],
                "spans": self.spans(page, cell.polygon),
            }
        )


def whole(page: Page) -> Json:
    """All of a page as a region."""
    corners = [0, 0, page.width, 0, page.width, page.height, 0, page.height]
    return {"pageNumber": page.number, "polygon": corners}


# --- lines as pieces --------------------------------------------------------------------------------

_Pieces = list[tuple[str, Word | None]]


def _between(text: str, words: Sequence[Word]) -> _Pieces | None:
    """The words and what stands between them; None where they are not the words of the text."""
    pieces: _Pieces = []
    at = 0
    for word in words:
        begin = text.find(word.text, at) if word.text else -1
        if begin < 0:
            return None
        pieces += [(text[at:begin], None), (word.text, word)]
        at = begin + len(word.text)
    return [*pieces, (text[at:], None)]


def _spaced(words: Sequence[Word]) -> _Pieces:
    pieces: _Pieces = []
    for word in words:
        pieces += [(" ", None), (word.text, word)] if pieces else [(word.text, word)]
    return pieces


# --- places -----------------------------------------------------------------------------------------


def _span(start: int, end: int) -> Json:
    return {"offset": start, "length": end - start}


def _inside(box: Box, around: Box) -> bool:
    across, down = (box.left + box.right) / 2, (box.top + box.bottom) / 2
    return around.left <= across <= around.right and around.top <= down <= around.bottom


def _joined(found: Sequence[_Piece], among: Sequence[_Piece]) -> list[Json]:
    """Neighbours in the content are one span."""
    starts = [piece.start for piece in among]
    spans: list[tuple[int, int, int]] = []
    for piece in sorted(found, key=lambda piece: piece.start):
        index = bisect_left(starts, piece.start)
        if spans and spans[-1][2] == index - 1:
            spans[-1] = (spans[-1][0], piece.end, index)
        else:
            spans.append((piece.start, piece.end, index))
    return [_span(start, end) for start, end, _ in spans]


def _around(polygons: Sequence[Polygon]) -> Polygon | None:
    if not polygons:
        return None
    boxes = [bounds(polygon) for polygon in polygons]
    return Box(
        min(box.left for box in boxes),
        min(box.top for box in boxes),
        max(box.right for box in boxes),
        max(box.bottom for box in boxes),
    ).polygon
