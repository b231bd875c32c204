"""The layout codec: round trip, what the services leave out, and what is no layout."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import DocumentError
from pipeline.formats.ocr_json import layout_from_json, layout_to_json
from pipeline.types import Box, Layout, Line, Page, SelectionMark, Table, TableCell, Word

SQUARE = Box(1.0, 2.0, 3.0, 4.0).polygon


def a_layout(page_count: int = 1, used_ocr: bool = False) -> Layout:
    line = Line("Total: 5", SQUARE, (Word("Total:", SQUARE, 0.9), Word("5", SQUARE)))
    table = Table(1, 2, (TableCell(0, 0, "Total: 5", SQUARE, column_span=2, is_header=True),), SQUARE)
    mark = SelectionMark("selected", SQUARE, 0.7)
    page = Page(1, 8.5, 11.0, "inch", (line,), (mark,), (table,), angle=0.5, used_ocr=used_ocr)
    return Layout((page,), page_count)


def a_page(**members: Any) -> dict[str, Any]:
    return {"page": 1, "angle": 0, "width": 8.5, "height": 11, "unit": "inch"} | members


def read(*pages: Mapping[str, Any], **members: Any) -> Layout:
    return layout_from_json({"status": "succeeded", "analyzeResult": {"readResults": list(pages)} | members})


@pytest.mark.parametrize("layout", [a_layout(), a_layout(page_count=30), a_layout(used_ocr=True)])
def test_a_layout_comes_back_as_it_went_through_json_text(layout: Layout) -> None:
    assert layout_from_json(json.loads(json.dumps(layout_to_json(layout)))) == layout


def test_the_body_has_the_members_of_a_v2_1_layout_answer() -> None:
    body = layout_to_json(a_layout(), created_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    assert list(body) == ["status", "createdDateTime", "lastUpdatedDateTime", "analyzeResult"]
    assert (body["status"], body["createdDateTime"]) == ("succeeded", "2026-01-02T03:04:05Z")
    assert list(body["analyzeResult"]) == ["version", "readResults", "pageResults"]
    assert body["analyzeResult"]["version"] == "2.1.0"


def test_our_own_member_appears_only_where_it_says_something() -> None:
    assert layout_to_json(a_layout(3, used_ocr=True))["analyzeResult"]["formpipe"] == {
        "pageCount": 3,
        "ocrPages": [1],
    }


def test_the_analyze_result_alone_is_enough() -> None:
    assert layout_from_json(layout_to_json(a_layout())["analyzeResult"]) == a_layout()


def test_null_lines_marks_words_and_tables_are_empty() -> None:
    layout = read(
        a_page(lines=None, selectionMarks=None),
        a_page(page=2, lines=[{"text": "a", "boundingBox": SQUARE, "words": None}]),
        pageResults=[{"page": 1, "tables": None}, {"page": 2}],
    )
    assert [page.number for page in layout.pages] == [1, 2]
    assert layout.pages[0].lines == layout.pages[0].selection_marks == layout.pages[0].tables == ()
    assert layout.pages[1].lines[0].words == ()


def test_missing_lines_and_page_results_are_empty() -> None:
    assert read(a_page()).pages[0].lines == ()
    assert read(a_page(), pageResults=None).pages[0].tables == ()


def test_the_preview_writes_page_number_status_and_unit_in_its_own_way() -> None:
    page = {"pageNumber": 4, "width": 100, "height": 200, "unit": "Pixel", "lines": []}
    body = {"status": "Succeeded", "analyzeResult": {"version": "2.0-preview", "readResults": [page]}}
    layout = layout_from_json(body)
    assert (layout.pages[0].number, layout.pages[0].unit, layout.page_count) == (4, "pixel", 4)


def test_a_word_without_confidence_is_certain() -> None:
    line = {"text": "a", "boundingBox": SQUARE, "words": [{"text": "a", "boundingBox": SQUARE}]}
    assert next(read(a_page(lines=[line])).pages[0].words).confidence == 1.0


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"status": "running"},
        {"status": "failed", "analyzeResult": {"readResults": []}},
        {"status": "succeeded", "analyzeResult": None},
        {"analyzeResult": {"readResults": None}},
        {"analyzeResult": {"readResults": "text"}},
        {"analyzeResult": {"readResults": [a_page(width=None)]}},
        {"analyzeResult": {"readResults": [a_page(unit="metre")]}},
        {"analyzeResult": {"readResults": [a_page(lines=[{"text": "a", "boundingBox": [1, 2, 3, 4]}])]}},
        {"analyzeResult": {"readResults": [a_page(selectionMarks=[{"state": "?", "boundingBox": SQUARE}])]}},
        {"analyzeResult": {"readResults": [a_page()], "pageResults": [{"page": 1, "tables": [{"rows": 1}]}]}},
        ["a", "list"],
    ],
)
def test_what_is_no_layout_is_named_so(body: Any) -> None:
    with pytest.raises(DocumentError) as caught:
        layout_from_json(body)
    assert caught.value.reason == "layout-unreadable"


def test_every_word_and_mark_of_real_layouts_survives(shared_forms: Path) -> None:
    files = sorted(shared_forms.glob("**/*.ocr.json"))
    assert files
    for file in files:
        body = json.loads(file.read_text("utf-8"))
        layout = layout_from_json(body)
        written = layout_to_json(layout)
        assert layout_from_json(written) == layout, file.name
        assert _content(written["analyzeResult"]["readResults"]) == _content(
            body["analyzeResult"]["readResults"]
        ), file.name


def _content(pages: list[dict[str, Any]]) -> list[Any]:
    words = [
        (word["text"], word["boundingBox"], word["confidence"])
        for page in pages
        for line in page["lines"] or ()
        for word in line["words"]
    ]
    marks = [
        (mark["state"], mark["boundingBox"]) for page in pages for mark in page.get("selectionMarks") or ()
    ]
    return [words, marks]
