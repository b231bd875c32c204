"""`formpipe report`: what the last run did, and what the form types ask for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from pipeline.cli.console import out
from pipeline.cli.tables import Output, print_json
from pipeline.db.connection import reading
from pipeline.errors import RunError
from pipeline.reports import text
from pipeline.reports.page import render_page
from pipeline.reports.summary import build_report, to_json
from pipeline.wiring import open_app, utc_now


def report(
    run: Annotated[
        int | None,
        typer.Option("--run", help="A run by its number; without one, the last.", show_default=False),
    ] = None,
    form_type: Annotated[
        str | None, typer.Option("--form-type", "-f", help="Only this form type.", show_default=False)
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write one self-contained page there.", show_default=False)
    ] = None,
    output: Annotated[Output, typer.Option("--output", "-o", help="How to answer.")] = Output.TEXT,
) -> None:
    """What a run did and how every form type stands: counts, confidences, failures and their commands."""
    with reading(open_app().database) as connection:
        found = build_report(connection, run, form_type)
    if html is not None:
        _write(html, render_page(found, utc_now()))
    if output is Output.JSON:
        print_json(to_json(found))
    elif html is None:
        out.print(text.render(found), soft_wrap=False)
    else:
        out.print(Text(f"written: {html}"))


def _write(path: Path, page: str) -> None:
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise RunError(f"cannot write {path}: {error.strerror}", reason="file-not-writable") from None
