"""Print tables: drawn on a terminal, one plain line a row where another program reads."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.cli.console import out
from pipeline.types import Fault


class Output(StrEnum):
    """How a command answers."""

    TEXT = "text"
    JSON = "json"


OutputOption = Annotated[Output, typer.Option("--output", "-o", help="Text for people, JSON for programs.")]


def print_json(answer: object) -> None:
    """One JSON document on standard output; dates and paths as text."""
    typer.echo(json.dumps(answer, ensure_ascii=False, indent=2, default=str))


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    console: Console = out,
    *,
    whole: int = 0,
) -> None:
    """Rows under their headings; cells are shown as they are, markup in them is not obeyed. The first
    `whole` columns are names that are not broken into lines; a heading with a leading `>` is a column of
    numbers, aligned to the right."""
    cells = [[cell(value) for value in row] for row in rows]
    if console.is_terminal:
        console.print(_drawn(columns, cells, whole), soft_wrap=False)
        return
    names = [column.lstrip(">") for column in columns]
    widths = [max(map(len, texts)) for texts in zip(names, *cells, strict=True)]
    for row in (names, *cells):
        line = "  ".join(
            text.rjust(width) if column.startswith(">") else text.ljust(width)
            for text, width, column in zip(row, widths, columns, strict=True)
        )
        console.print(Text(line.rstrip()))


def cell(value: object) -> str:
    """A value as it stands in a table; None is empty."""
    if value is None:
        return ""
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def print_faults(faults: Sequence[Fault], console: Console = out) -> None:
    """What is wrong, where, and how to mend it."""
    rows = [(fault.row, fault.column, fault.value, fault.allowed, fault.remedy) for fault in faults]
    print_table(("row", "column", "value", "allowed", "mend it"), rows, console, whole=2)


def _drawn(columns: Sequence[str], rows: Sequence[Sequence[str]], whole: int) -> Table:
    table = Table(header_style="bold", pad_edge=False, box=None, padding=(0, 2, 0, 0))
    for position, column in enumerate(columns):
        numbers = column.startswith(">")
        table.add_column(
            column.lstrip(">"),
            justify="right" if numbers else "left",
            no_wrap=numbers or position < whole,
        )
    for row in rows:
        table.add_row(*(Text(text, overflow="fold") for text in row))
    return table
