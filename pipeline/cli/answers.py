"""How commands answer: tables for people, JSON for programs. What comes from data is never markup."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from pipeline.cli.console import out

_WIDTH_OF_A_FILE = 200
"""Columns of a table that is not on a terminal."""


class Output(StrEnum):
    """Forms of an answer."""

    TABLE = "table"
    JSON = "json"


OutputOption = Annotated[
    Output, typer.Option("--output", "-o", help="A table for people or JSON for programs.")
]


def print_json(answer: Any) -> None:
    """One JSON value on standard output, unstyled and unwrapped; dates and paths as text."""
    out.out(json.dumps(answer, indent=2, ensure_ascii=False, default=str), highlight=False)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table of texts; a column whose name starts with `>` is aligned to the right."""
    table = Table(box=None, pad_edge=False)
    for column in columns:
        right = column.startswith(">")
        table.add_column(column.lstrip(">"), justify="right" if right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(cell(value) for value in row))
    out.print(table, soft_wrap=False, width=None if out.is_terminal else _WIDTH_OF_A_FILE)


def cell(value: object) -> str:
    """A value as it stands in a table; None is empty."""
    if value is None:
        return ""
    return escape(f"{value:.3f}" if isinstance(value, float) else str(value))
