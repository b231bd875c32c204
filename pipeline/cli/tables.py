"""Print tables: drawn on a terminal, one plain line a row where another program reads."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.cli.console import err, out
from pipeline.printable import escaped
from pipeline.types import Fault


class Output(StrEnum):
    """How a command answers."""

    TEXT = "text"
    JSON = "json"


OutputOption = Annotated[Output, typer.Option("--output", "-o", help="Text for people, JSON for programs.")]


def print_json(answer: object, *, one_line: bool = False) -> None:
    """One JSON document on standard output; dates and paths as text. On `one_line` for those who read lines:
    a log, a scheduler that keeps the last one."""
    indent = None if one_line else 2
    typer.echo(escaped(json.dumps(answer, ensure_ascii=False, indent=indent, default=str)))


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    console: Console = out,
    *,
    whole: int = 1,
    silent: Mapping[str, str] | None = None,
) -> None:
    """Rows under their headings; cells are shown as they are, markup in them is not obeyed. The first
    `whole` columns are names that are not broken into lines; a heading with a leading `>` is a column of
    numbers, aligned to the right. `silent` names columns and the cell that says nothing there: a terminal
    does without those that say nothing in every row."""
    cells = [[cell(value) for value in row] for row in rows]
    if console.is_terminal:
        kept = _telling(columns, cells, silent or {})
        shown = [[row[n] for n in kept] for row in cells]
        console.print(_drawn([columns[n] for n in kept], shown, whole, console), soft_wrap=False)
        return
    names = [column.lstrip(">") for column in columns]
    widths = [max(map(len, texts)) for texts in zip(names, *cells, strict=True)]
    for row in (names, *cells):
        line = "  ".join(
            text.rjust(width) if column.startswith(">") else text.ljust(width)
            for text, width, column in zip(row, widths, columns, strict=True)
        )
        console.print(Text(line.rstrip()))


def _telling(columns: Sequence[str], cells: Sequence[Sequence[str]], silent: Mapping[str, str]) -> list[int]:
    """The positions of the columns that say something in a row at least."""
    return [
        position
        for position, column in enumerate(columns)
        if column not in silent or any(row[position] not in ("", silent[column]) for row in cells)
    ]


def short_time(moment: datetime | None, now: datetime) -> str:
    """As much of a moment as tells it apart: the time today, else the day, with its year if not this one."""
    if moment is None:
        return ""
    if moment.date() == now.date():
        return f"{moment:%H:%M}"
    return f"{moment:%m-%d}" if moment.year == now.year else f"{moment:%Y-%m-%d}"


def cell(value: object) -> str:
    """A value as it stands in a table; None is empty."""
    if value is None:
        return ""
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def print_faults(faults: Sequence[Fault], console: Console = out) -> None:
    """What is wrong, where, and how to mend it."""
    rows = [(fault.row, fault.column, fault.value, fault.allowed, fault.remedy) for fault in faults]
    print_table(("row", "column", "value", "allowed", "mend it"), rows, console, whole=2)


def say_faults(faults: Sequence[Fault]) -> None:
    """Rows at fault, on standard error; nothing where there are none."""
    if faults:
        err.print("[red]Rows at fault were left out:[/red]")
        print_faults(faults, err)


_LEAST = 4
"""A column that is broken into lines is of no use when it is narrower."""
_SHORT = 14
"""A column no wider than this gains nothing from being broken."""


def _drawn(columns: Sequence[str], rows: Sequence[Sequence[str]], whole: int, console: Console) -> Table:
    """As wide apart as the terminal allows: two blanks between columns, else one. Names, numbers and short
    texts are kept whole, as long as that cuts nothing off."""
    heads = [column.lstrip(">") for column in columns]
    widths = [max(map(len, texts)) for texts in zip(heads, *rows, strict=True)]
    names = [n < whole or column.startswith(">") for n, column in enumerate(columns)]
    short = [name or width <= _SHORT for name, width in zip(names, widths, strict=True)]
    if sum(widths) + 2 * len(widths) <= console.width:
        return _spaced(columns, rows, short, gap=2)
    numbers = [column.startswith(">") for column in columns]
    choice = (kept for kept in (short, names) if _needed(widths, kept) <= console.width)
    return _spaced(columns, rows, next(choice, numbers), gap=1)


def _needed(widths: Sequence[int], kept: Sequence[bool]) -> int:
    """The least width of a table, with a blank beside every column."""
    return sum(
        (width if whole else min(width, _LEAST)) + 1 for width, whole in zip(widths, kept, strict=True)
    )


def _spaced(columns: Sequence[str], rows: Sequence[Sequence[str]], kept: Sequence[bool], gap: int) -> Table:
    table = Table(header_style="bold", pad_edge=False, box=None, padding=(0, gap, 0, 0))
    for column, whole in zip(columns, kept, strict=True):
        justify: Literal["right", "left"] = "right" if column.startswith(">") else "left"
        table.add_column(column.lstrip(">"), justify=justify, no_wrap=whole)
    for row in rows:
        table.add_row(*(Text(text, overflow="fold") for text in row))
    return table
