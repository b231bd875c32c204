"""The layout of a document as Form Recognizer writes it (`*.ocr.json`, Get Analyze Layout Result).

Written in v2.1 shape. Read: v2.1, v2.0 and v2.0-preview bodies, with or without the envelope, with what
those services leave out or set to null. What the service has no member for (pages that were not read, pages
that were read by OCR) travels in a member of our own, `analyzeResult.formpipe`, where it says something.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast

from pipeline.errors import DocumentError
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
)

Json = dict[str, Any]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
UNREADABLE = "layout-unreadable"


def layout_to_json(layout: Layout, created_at: datetime = EPOCH) -> Json:
    """The whole body of a finished v2.1 layout operation; equal layouts give equal bodies."""
    stamp = created_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    result: Json = {
        "version": "2.1.0",
        "readResults": [_page_to_json(page) for page in layout.pages],
        "pageResults": [
            {"page": page.number, "tables": [_table_to_json(table) for table in page.tables]}
            for page in layout.pages
        ],
    }
    if own := _own_members(layout):
        result["formpipe"] = own
    return {
        "status": "succeeded",
        "createdDateTime": stamp,
        "lastUpdatedDateTime": stamp,
        "analyzeResult": result,
    }


def layout_from_json(body: Mapping[str, Any]) -> Layout:
    """The layout in a Get-Layout-Result body, or in its `analyzeResult` alone.

    Raises DocumentError (`layout-unreadable`) where it is not one, or the operation did not succeed.
    """
    try:
        return _read_layout(body)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise _unreadable(f"{type(error).__name__}: a member is missing or of the wrong type") from error


def _unreadable(why: str) -> DocumentError:
    return DocumentError(
        f"This is not a layout of Form Recognizer v2.x ({why}). "
        "Delete the .ocr.json file to have it made again.",
        reason=UNREADABLE,
    )


def _own_members(layout: Layout) -> Json:
    own: Json = {}
    if layout.truncated:
        own["pageCount"] = layout.page_count
    if layout.ocr_pages:
        own["ocrPages"] = [page.number for page in layout.pages if page.used_ocr]
    return own


# --- writing --------------------------------------------------------------------------------------


def _page_to_json(page: Page) -> Json:
    return {
        "page": page.number,
        "angle": page.angle,
        "width": page.width,
        "height": page.height,
        "unit": page.unit,
        "lines": [_line_to_json(line) for line in page.lines],
        "selectionMarks": [
            {"boundingBox": list(mark.polygon), "confidence": mark.confidence, "state": mark.state}
            for mark in page.selection_marks
        ],
    }


def _line_to_json(line: Line) -> Json:
    return {
        "boundingBox": list(line.polygon),
        "text": line.text,
        "words": [
            {"boundingBox": list(word.polygon), "text": word.text, "confidence": word.confidence}
            for word in line.words
        ],
    }


def _table_to_json(table: Table) -> Json:
    body: Json = {
        "rows": table.rows,
        "columns": table.columns,
        "cells": [_cell_to_json(cell) for cell in table.cells],
    }
    if table.polygon is not None:
        body["boundingBox"] = list(table.polygon)
    return body


def _cell_to_json(cell: TableCell) -> Json:
    return {
        "rowIndex": cell.row,
        "columnIndex": cell.column,
        "rowSpan": cell.row_span,
        "columnSpan": cell.column_span,
        "text": cell.text,
        "boundingBox": list(cell.polygon),
        "confidence": cell.confidence,
        "isHeader": cell.is_header,
    }


# --- reading --------------------------------------------------------------------------------------


def _read_layout(body: Mapping[str, Any]) -> Layout:
    status = str(body.get("status", "succeeded")).lower()
    if status not in ("succeeded", "success"):
        raise _unreadable(f"the operation's status is {status[:20]}")
    result = body.get("analyzeResult", body)
    read_results = result["readResults"]
    if not isinstance(read_results, Sequence) or isinstance(read_results, str):
        raise _unreadable("readResults is not a list")
    own = result.get("formpipe") or {}
    ocr_pages = frozenset(own.get("ocrPages") or ())
    tables = _tables_by_page(result.get("pageResults"))
    pages = tuple(
        _page_from_json(item, position, tables, ocr_pages)
        for position, item in enumerate(read_results, start=1)
    )
    highest = max((page.number for page in pages), default=0)
    return Layout(pages, max(int(own.get("pageCount") or 0), highest, len(pages)))


def _items(value: Iterable[Mapping[str, Any]] | None) -> Iterable[Mapping[str, Any]]:
    return () if value is None else value


def _number(item: Mapping[str, Any], position: int) -> int:
    number = item.get("page", item.get("pageNumber"))
    return position if number is None else int(number)


def _page_from_json(
    item: Mapping[str, Any],
    position: int,
    tables: Mapping[int, tuple[Table, ...]],
    ocr_pages: frozenset[int],
) -> Page:
    number = _number(item, position)
    return Page(
        number=number,
        width=float(item["width"]),
        height=float(item["height"]),
        unit=_unit(item.get("unit")),
        lines=tuple(_line_from_json(line) for line in _items(item.get("lines"))),
        selection_marks=tuple(_mark_from_json(mark) for mark in _items(item.get("selectionMarks"))),
        tables=tables.get(number, ()),
        angle=float(item.get("angle") or 0.0),
        used_ocr=number in ocr_pages,
    )


def _unit(value: object) -> LengthUnit:
    unit = str(value or "pixel").lower()
    if unit not in ("inch", "pixel"):
        raise _unreadable("the unit is neither inch nor pixel")
    return cast(LengthUnit, unit)


def _polygon(value: Sequence[float]) -> Polygon:
    if len(value) != 8:
        raise _unreadable("a boundingBox has not 8 numbers")
    x1, y1, x2, y2, x3, y3, x4, y4 = map(float, value)
    return (x1, y1, x2, y2, x3, y3, x4, y4)


def _line_from_json(item: Mapping[str, Any]) -> Line:
    words = tuple(
        Word(str(word["text"]), _polygon(word["boundingBox"]), _confidence(word))
        for word in _items(item.get("words"))
    )
    return Line(str(item["text"]), _polygon(item["boundingBox"]), words)


def _confidence(item: Mapping[str, Any]) -> float:
    value = item.get("confidence")
    return 1.0 if value is None else float(value)


def _mark_from_json(item: Mapping[str, Any]) -> SelectionMark:
    state = str(item["state"]).lower()
    if state not in ("selected", "unselected"):
        raise _unreadable("a selection mark's state is neither selected nor unselected")
    return SelectionMark(cast(MarkState, state), _polygon(item["boundingBox"]), _confidence(item))


def _tables_by_page(page_results: Iterable[Mapping[str, Any]] | None) -> dict[int, tuple[Table, ...]]:
    return {
        _number(item, position): tuple(_table_from_json(table) for table in _items(item.get("tables")))
        for position, item in enumerate(_items(page_results), start=1)
    }


def _table_from_json(item: Mapping[str, Any]) -> Table:
    polygon = item.get("boundingBox")
    return Table(
        rows=int(item["rows"]),
        columns=int(item["columns"]),
        cells=tuple(_cell_from_json(cell) for cell in _items(item.get("cells"))),
        polygon=None if polygon is None else _polygon(polygon),
    )


def _cell_from_json(item: Mapping[str, Any]) -> TableCell:
    return TableCell(
        row=int(item["rowIndex"]),
        column=int(item["columnIndex"]),
        text=str(item.get("text") or ""),
        polygon=_polygon(item["boundingBox"]),
        row_span=int(item.get("rowSpan") or 1),
        column_span=int(item.get("columnSpan") or 1),
        is_header=bool(item.get("isHeader")),
        confidence=_confidence(item),
    )
