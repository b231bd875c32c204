from __future__ import annotations

import io

import pytest
from rich.console import Console

from pipeline.cli.tables import print_faults, print_table
from pipeline.types import Fault

FAULT = Fault("w9", "training_blob_root_folder", "[red]../x[/red]", "a folder " * 20, "remove '..'")


def console(terminal: bool) -> Console:
    return Console(file=io.StringIO(), force_terminal=terminal, width=90, color_system=None, soft_wrap=True)


def printed(on: Console) -> str:
    assert isinstance(on.file, io.StringIO)
    return on.file.getvalue()


@pytest.mark.parametrize("terminal", [True, False])
def test_a_value_is_printed_as_it_is(terminal: bool) -> None:
    to = console(terminal)
    print_faults([FAULT], to)
    assert "[red]../x[/red]" in printed(to)
    assert "training_blob_root_folder" in printed(to)


def test_a_program_reads_one_line_a_row() -> None:
    to = console(terminal=False)
    print_faults([FAULT, FAULT], to)
    lines = printed(to).splitlines()
    assert len(lines) == 3
    assert lines[1] == lines[2]
    assert lines[0].index("column") == lines[1].index("training_blob")


def test_a_terminal_is_never_overrun() -> None:
    to = console(terminal=True)
    print_faults([FAULT], to)
    assert max(map(len, printed(to).splitlines())) <= 90


def test_a_table_without_rows_is_its_heading() -> None:
    to = console(terminal=False)
    print_table(("a", "b"), [], to)
    assert printed(to) == "a  b\n"
