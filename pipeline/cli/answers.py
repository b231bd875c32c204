"""How commands answer: tables for people, JSON for programs. What comes from data is never markup."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from pipeline.cli.console import out


class Output(StrEnum):
    """Forms of an answer."""

    TABLE = "table"
    JSON = "json"


OutputOption = Annotated[
    Output, typer.Option("--output", "-o", help="A table for people or JSON for programs.")
]


def print_json(answer: object) -> None:
    """One JSON value on standard output, unstyled and unwrapped; dates and paths as text."""
    typer.echo(json.dumps(answer, indent=2, ensure_ascii=False, default=str))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Rows under their headings: fitted to a terminal, one line a row where another program reads. A column
    whose name starts with `>` is aligned to the right."""
    names = [column.lstrip(">") for column in columns]
    right = [column.startswith(">") for column in columns]
    cells = [[cell(value) for value in row] for row in rows]
    if out.is_terminal:
        out.print(_drawn(names, right, cells), soft_wrap=False)
        return
    widths = [max(map(len, column)) for column in zip(names, *cells, strict=True)]
    for row in (names, *cells):
        padded = (
            text.rjust(width) if to_right else text.ljust(width)
            for text, width, to_right in zip(row, widths, right, strict=True)
        )
        typer.echo("  ".join(padded).rstrip())


def cell(value: object) -> str:
    """A value as it stands in a table: None is empty, shares have three digits."""
    if value is None:
        return ""
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _drawn(names: Sequence[str], right: Sequence[bool], cells: Iterable[Sequence[str]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, to_right in zip(names, right, strict=True):
        table.add_column(Text(name), justify="right" if to_right else "left", overflow="fold")
    for row in cells:
        table.add_row(*map(Text, row))
    return table
