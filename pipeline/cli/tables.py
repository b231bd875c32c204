"""Print tables: drawn on a terminal, one plain line a row where another program reads."""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import StrEnum

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


def print_json(answer: object) -> None:
    """One JSON document on standard output."""
    typer.echo(json.dumps(answer, ensure_ascii=False, indent=2, default=str))


def print_table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], console: Console = out, *, whole: int = 0
) -> None:
    """Rows under their headings; cells are shown as they are, markup in them is not obeyed. The first
    `whole` columns are names that are not broken into lines."""
    if console.is_terminal:
        console.print(_drawn(columns, rows, whole), soft_wrap=False)
        return
    widths = [max(map(len, cells)) for cells in zip(columns, *rows, strict=True)]
    for row in (columns, *rows):
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        console.print(Text(line.rstrip()))


def print_faults(faults: Sequence[Fault], console: Console = out) -> None:
    """What is wrong, where, and how to mend it."""
    rows = [(fault.row, fault.column, fault.value, fault.allowed, fault.remedy) for fault in faults]
    print_table(("row", "column", "value", "allowed", "mend it"), rows, console, whole=2)


def _drawn(columns: Sequence[str], rows: Sequence[Sequence[str]], whole: int) -> Table:
    table = Table(header_style="bold", pad_edge=False)
    for position, column in enumerate(columns):
        table.add_column(column, no_wrap=position < whole)
    for row in rows:
        table.add_row(*(Text(cell, overflow="fold") for cell in row))
    return table
