"""What Document Intelligence says of a document, from an `Analysis` (CONTRACTS 3.3).

`content` is the text of the lines, one below the other, pages apart by a line end, and of each selection mark
`:selected:` or `:unselected:` after the lines of its page. Spans index it in the asked `stringIndexType`."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from pipeline.remote import Analysis, AnalyzedDocument, BatchItem, ServiceFault
from pipeline.types import ExtractedField, FieldSpec, Layout, Line, Page, Table, TypedValue
from pipeline.values.normalise import normalise
from pipeline.wire.document_intelligence.encode import error, job_error, stamp
from pipeline.wire.document_intelligence.versions import Version

Json = dict[str, Any]
Length = Callable[[str], int]

_VALUE_KEYS = {
    "string": "valueString",
    "number": "valueNumber",
    "integer": "valueInteger",
    "date": "valueDate",
    "time": "valueTime",
    "phoneNumber": "valuePhoneNumber",
    "selectionMark": "valueSelectionMark",
}
_WIRE_TYPES = {"currency": "number"}


def length_in(index: str) -> Length:
    """How long a text is in `textElements`, `unicodeCodePoint` or `utf16CodeUnit`."""
    if index == "utf16CodeUnit":
        return lambda text: len(text.encode("utf-16-le")) // 2
    return len if index == "unicodeCodePoint" else _elements


def _elements(text: str) -> int:
    """Text elements, near enough: combining marks and joined symbols count with what they are joined to."""
    joined = sum(
        1
        for n, letter in enumerate(text)
        if n and (unicodedata.combining(letter) or letter in "\u200d\ufe0f" or text[n - 1] == "\u200d")
    )
    return len(text) - joined


def envelope(
    state: str,
    created: datetime,
    updated: datetime,
    result: Json | None = None,
    fault: ServiceFault | None = None,
) -> Json:
    body: Json = {
        "status": state,
        "createdDateTime": stamp(created),
        "lastUpdatedDateTime": stamp(updated),
    }
    if result is not None:
        body["analyzeResult"] = result
    return body | ({"error": job_error(fault)} if fault else {})


def result(
    analysis: Analysis, version: Version, *, model_id: str, index: str, fields: Sequence[FieldSpec] = ()
) -> Json:
    """The `analyzeResult` of a model or a layout."""
    writer = _Writer(length_in(index))
    pages = [writer.page(page) for page in analysis.layout.pages]
    tables = [writer.table(table, page.number) for page in analysis.layout.pages for table in page.tables]
    body: Json = {
        "apiVersion": version.name,
        "modelId": model_id,
        "stringIndexType": index,
        "content": writer.content,
        "pages": pages,
        "tables": tables,
        "styles": [],
    }
    if analysis.documents:
        body["documents"] = [_document(document, fields, analysis.layout) for document in analysis.documents]
    return body | ({"contentFormat": "text", "paragraphs": []} if version.classifier_compose else {})


def classification(
    version: Version,
    classifier_id: str,
    index: str,
    found: Sequence[tuple[str, float, Sequence[int]]],
    layout: Layout,
) -> Json:
    """`found`: class, confidence and page numbers of each document in the file."""
    sizes = {page.number: page for page in layout.pages}
    return {
        "apiVersion": version.name,
        "modelId": classifier_id,
        "stringIndexType": index,
        "content": "",
        "pages": [
            {"pageNumber": p.number, "angle": p.angle, "width": p.width, "height": p.height, "unit": p.unit,
             "words": [], "lines": [], "spans": []}
            for p in layout.pages
        ],
        "documents": [
            {"docType": name, "boundingRegions": [_whole(sizes[n]) for n in pages if n in sizes],
             "confidence": confidence, "spans": []}
            for name, confidence, pages in found
        ],
    }  # fmt: skip


def batch(
    job_id: str,
    state: str,
    created: datetime,
    updated: datetime,
    items: Sequence[Json],
    fault: ServiceFault | None,
) -> Json:
    """A batch. Only what succeeded has a result; what was there before is skipped (`OutputExists`)."""
    counts = {
        f"{kind}Count": sum(item["status"] == kind for item in items)
        for kind in ("succeeded", "failed", "skipped")
    }
    ended = sum(counts.values())
    body: Json = {
        "resultId": job_id,
        "status": state,
        "percentCompleted": round(100 * ended / len(items)) if items else 0,
        "createdDateTime": stamp(created),
        "lastUpdatedDateTime": stamp(updated),
        "result": counts | {"details": list(items)},
    }
    return body | ({"error": job_error(fault)} if fault else {})


def batch_item(item: BatchItem, source_url: str, result_url: str) -> Json:
    body: Json = {"status": item.state, "sourceUrl": source_url}
    if item.state == "succeeded":
        body["resultUrl"] = result_url
    if item.fault is not None:
        body["error"] = error(400, item.fault)["error"]
    return body


class _Writer:
    """Writes pages, keeping the content they add up to and the offsets in it."""

    def __init__(self, length: Length) -> None:
        self._length = length
        self._parts: list[str] = []
        self._at = 0

    @property
    def content(self) -> str:
        return "".join(self._parts)

    def page(self, page: Page) -> Json:
        start = self._at
        words: list[Json] = []
        lines = [self._line(line, words) for line in page.lines]
        marks = [
            {"state": mark.state, "polygon": list(mark.polygon), "confidence": mark.confidence,
             "span": self._add(f":{mark.state}:", "\n")}
            for mark in page.selection_marks
        ]  # fmt: skip
        body: Json = {
            "pageNumber": page.number,
            "angle": page.angle,
            "width": page.width,
            "height": page.height,
            "unit": page.unit,
            "words": words,
            "lines": lines,
            "spans": [{"offset": start, "length": max(self._at - start - 1, 0)}],
        }
        return body | ({"selectionMarks": marks} if marks else {})

    def _line(self, line: Line, words: list[Json]) -> Json:
        """A line is written as its words, a blank between them, so that each has its place in it."""
        start = self._at
        last = len(line.words) - 1
        for n, word in enumerate(line.words):
            span = self._add(word.text, "\n" if n == last else " ")
            place = {"polygon": list(word.polygon), "span": span}
            words.append({"content": word.text, "confidence": word.confidence} | place)
        span = {"offset": start, "length": max(self._at - start - 1, 0)}
        return {"content": line.text, "polygon": list(line.polygon), "spans": [span]}

    def _add(self, text: str, end: str) -> Json:
        span = {"offset": self._at, "length": self._length(text)}
        self._parts += [text, end]
        self._at += self._length(text) + 1
        return span

    def table(self, table: Table, page: int) -> Json:
        cells = [
            {
                **({"kind": "columnHeader"} if cell.is_header else {}),
                "rowIndex": cell.row,
                "columnIndex": cell.column,
                **({"rowSpan": cell.row_span} if cell.row_span > 1 else {}),
                **({"columnSpan": cell.column_span} if cell.column_span > 1 else {}),
                "content": cell.text,
                "boundingRegions": [{"pageNumber": page, "polygon": list(cell.polygon)}],
                "spans": [],
            }
            for cell in table.cells
        ]
        regions = [{"pageNumber": page, "polygon": list(table.polygon)}] if table.polygon else []
        return {
            "rowCount": table.rows,
            "columnCount": table.columns,
            "cells": cells,
            "boundingRegions": regions,
            "spans": [],
        }


def _document(document: AnalyzedDocument, fields: Sequence[FieldSpec], layout: Layout) -> Json:
    kind = f"{document.model_id}:{document.model_id}"
    return {
        "docType": kind,
        "boundingRegions": [_whole(page) for page in layout.pages],
        "fields": dict(_fields(document.values, fields)),
        "confidence": 1.0 if document.confidence is None else document.confidence,
        "spans": [],
    }


def _whole(page: Page) -> Json:
    return {
        "pageNumber": page.number,
        "polygon": [0, 0, page.width, 0, page.width, page.height, 0, page.height],
    }


def _fields(values: Sequence[ExtractedField], fields: Sequence[FieldSpec]) -> Iterator[tuple[str, Json]]:
    """A field that was not found is there with its type and a confidence alone."""
    found = {value.field: value for value in reversed(values)}
    specs = {spec.name: spec for spec in fields}
    for name in dict.fromkeys([*specs, *found]):
        yield name, _field(found.get(name), specs.get(name, FieldSpec(name)))


def _field(value: ExtractedField | None, spec: FieldSpec) -> Json:
    kind = _WIRE_TYPES.get(spec.type, spec.type)
    body: Json = {"type": kind}
    if value is None:
        return body | {"confidence": 0.0}
    typed = _typed(normalise(value.text, spec, None), kind, value.text)
    if typed is not None:
        body[_VALUE_KEYS[kind]] = typed
    mark = kind == "selectionMark" and value.text in ("selected", "unselected")
    body["content"] = f":{value.text}:" if mark else value.text
    if value.polygon:
        body["boundingRegions"] = [{"pageNumber": value.page, "polygon": list(value.polygon)}]
    return body | {"confidence": value.confidence, "spans": []}


def _typed(value: TypedValue, kind: str, text: str) -> object:
    if kind == "string":
        return text
    if value.number is not None:
        return int(value.number) if value.number == value.number.to_integral_value() else float(value.number)
    if value.date is not None:
        return value.date.isoformat()
    if value.time is not None:
        return value.time.isoformat()
    return value.mark or value.text
