"""`formpipe layout`: read one file and show what the engine sees."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from pipeline.cli.console import err, out
from pipeline.cli.tables import Output, OutputOption, print_table
from pipeline.errors import RunError
from pipeline.formats.ocr_json import layout_to_json
from pipeline.settings import load_settings
from pipeline.types import Layout, Page
from pipeline.wiring import local_engine


def layout(
    file: Annotated[Path, typer.Argument(help="A PDF, JPEG, PNG, BMP or TIFF.", show_default=False)],
    max_pages: Annotated[int | None, typer.Option(help="Read at most so many pages.", min=1)] = None,
    text: Annotated[bool, typer.Option("--text", help="Print the lines instead of a summary.")] = False,
    output: OutputOption = Output.TEXT,
) -> None:
    """Read a document: its pages, words, selection marks and tables. JSON is the service's v2.1 shape."""
    settings = load_settings()
    try:
        content = file.read_bytes()
    except OSError as error:
        raise RunError(f"cannot read {file}: {error.strerror}", reason="file-unreadable") from None
    found = local_engine(settings).layout(content, max_pages=max_pages or settings.max_pages)
    if output is Output.JSON:
        out.out(json.dumps(layout_to_json(found), indent=2, ensure_ascii=False), highlight=False)
    elif text:
        out.out(found.text, highlight=False)
    else:
        _print_summary(found)


def _print_summary(found: Layout) -> None:
    columns = (">page", "size", ">lines", ">words", ">marks", ">tables", "read by", ">confidence")
    print_table(columns, (_line(page) for page in found.pages))
    if found.truncated:
        err.print(
            f"[yellow]only {len(found.pages)} of {found.page_count} pages were read (max_pages)[/yellow]"
        )


def _line(page: Page) -> tuple[object, ...]:
    words = list(page.words)
    mean = sum(word.confidence for word in words) / len(words) if words else None
    size = escape(f"{page.width:g} x {page.height:g} {page.unit}")
    how = "OCR" if page.used_ocr else "text"
    marks, tables = len(page.selection_marks), len(page.tables)
    return (page.number, size, len(page.lines), len(words), marks, tables, how, mean)
