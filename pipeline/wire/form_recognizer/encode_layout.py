"""What Form Recognizer v2 says of what it read on the pages: `readResults` and tables, by version.

Sources: the recorded sessions. They show two hands: that of models without labels writes every member, with
null where there is nothing; that of layouts and models with labels leaves such members out.
"""

from __future__ import annotations

from typing import Any

from pipeline.types import Layout, Line, Page, SelectionMark, Table, TableCell
from pipeline.wire.form_recognizer.encode_elements import Elements, elements
from pipeline.wire.form_recognizer.versions import Version

Json = dict[str, Any]

_LANGUAGE = "en"
"""The only one that the versions with this member could name."""


def result_version(version: Version) -> str:
    if version.feedback_loop:
        return "2.0-preview"
    return "2.1.0" if version.model_names else "2.0.0"


def layout_result(layout: Layout, version: Version) -> Json:
    """A layout: all lines, marks and tables."""
    return {
        "version": result_version(version),
        "readResults": read_results(layout, version, lines=True),
        "pageResults": page_results(layout, version, pointers=True),
    }


# --- pages ----------------------------------------------------------------------------------------


def read_results(layout: Layout, version: Version, *, lines: bool) -> list[Json]:
    """The pages as layouts and models with labels tell them. Marks are told even without the lines, where
    there are any."""
    return [_page(page, version, lines=lines) for page in layout.pages]


def bare_read_results(layout: Layout, version: Version, *, lines: bool) -> list[Json]:
    """The pages as models without labels tell them; v2.0 leaves out how sure it was of a word."""
    return [
        _size(page)
        | {
            "lines": [_bare_line(line, version) for line in page.lines] if lines else [],
            "selectionMarks": _marks(page) if lines and version.selection_marks else None,
        }
        for page in layout.pages
    ]


def _page(page: Page, version: Version, *, lines: bool) -> Json:
    body = _size(page)
    if version.read_language:
        body["language"] = _LANGUAGE
    if lines:
        body["lines"] = [_line(line, version, printed=not page.used_ocr) for line in page.lines]
    if version.selection_marks and page.selection_marks:
        body["selectionMarks"] = _marks(page)
    return body


def _size(page: Page) -> Json:
    return {
        "page": page.number,
        "angle": page.angle,
        "width": page.width,
        "height": page.height,
        "unit": page.unit,
    }


def _line(line: Line, version: Version, *, printed: bool) -> Json:
    """`printed`: the text came from the file itself, so that nobody wrote it by hand."""
    body: Json = {"boundingBox": list(line.polygon), "text": line.text}
    if version.appearance and printed:
        body["appearance"] = {"style": {"name": "other", "confidence": 1}}
    words = [
        {"boundingBox": list(word.polygon), "text": word.text, "confidence": word.confidence}
        for word in line.words
    ]
    return body | {"words": words}


def _bare_line(line: Line, version: Version) -> Json:
    words: list[Json] = [{"text": word.text, "boundingBox": list(word.polygon)} for word in line.words]
    if version.model_names:
        words = [body | {"confidence": word.confidence} for body, word in zip(words, line.words, strict=True)]
    return {"text": line.text, "boundingBox": list(line.polygon), "words": words}


def _marks(page: Page) -> list[Json]:
    return [_mark(mark) for mark in page.selection_marks]


def _mark(mark: SelectionMark) -> Json:
    return {"boundingBox": list(mark.polygon), "confidence": mark.confidence, "state": mark.state}


# --- tables ---------------------------------------------------------------------------------------


def page_results(layout: Layout, version: Version, *, pointers: bool) -> list[Json]:
    """The tables of each page as layouts and models with labels tell them."""
    places = elements(layout)
    return [
        {
            "page": page.number,
            "tables": [
                _table(table, version, places[page.number] if pointers else None) for table in page.tables
            ],
        }
        for page in layout.pages
    ]


def _table(table: Table, version: Version, place: Elements | None) -> Json:
    body: Json = {
        "rows": table.rows,
        "columns": table.columns,
        "cells": [_cell(cell, version, place) for cell in table.cells],
    }
    return body | _table_box(table, version)


def _cell(cell: TableCell, version: Version, place: Elements | None) -> Json:
    body: Json = {"rowIndex": cell.row, "columnIndex": cell.column}
    if cell.row_span > 1:
        body["rowSpan"] = cell.row_span
    if cell.column_span > 1:
        body["columnSpan"] = cell.column_span
    body |= {"text": cell.text, "boundingBox": list(cell.polygon)}
    if place is not None:
        marks = place.marks(cell.polygon) if version.selection_marks else []
        body["elements"] = place.words(cell.polygon, cell.text) + marks
    told = cell.is_header or version.table_boxes
    return body | ({"isHeader": cell.is_header} if told else {})


def bare_table(table: Table, version: Version, place: Elements | None) -> Json:
    """A table as models without labels tell it."""
    body: Json = {"rows": table.rows, "columns": table.columns} | _table_box(table, version)
    return body | {"cells": [_bare_cell(cell, place) for cell in table.cells]}


def _bare_cell(cell: TableCell, place: Elements | None) -> Json:
    return {
        "text": cell.text,
        "rowIndex": cell.row,
        "columnIndex": cell.column,
        "boundingBox": list(cell.polygon),
        "confidence": cell.confidence,
        "rowSpan": cell.row_span,
        "columnSpan": cell.column_span,
        "elements": None if place is None else place.words(cell.polygon, cell.text),
        "isHeader": cell.is_header,
        "isFooter": False,
    }


def _table_box(table: Table, version: Version) -> Json:
    shown = version.table_boxes and table.polygon is not None
    return {"boundingBox": list(table.polygon)} if shown and table.polygon else {}
