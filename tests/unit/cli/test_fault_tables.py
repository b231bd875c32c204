from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
from rich.console import Console

from pipeline.cli.console import Answers
from pipeline.cli.tables import print_faults, print_table, short_time
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


NAMES = ("purchase_invoice", "service_report", "supplier_registration")


def drawn(width: int, *rows: tuple[str, ...], **options: dict[str, str]) -> list[str]:
    to = Console(file=io.StringIO(), force_terminal=True, width=width, color_system=None, soft_wrap=True)
    print_table(("form type", ">gone", "model", "why"), rows, to, **options)  # type: ignore[arg-type]
    return printed(to).splitlines()


@pytest.mark.parametrize("width", [80, 100])
def test_the_name_of_a_row_is_not_broken_into_lines(width: int) -> None:
    lines = drawn(width, *((name, "1,000", "version 1", "a long reason " * 9) for name in NAMES))
    assert all(any(line.startswith(f"{name} ") for line in lines) for name in NAMES)
    assert max(map(len, lines)) <= width


def test_a_short_text_is_kept_whole_where_a_long_one_can_give_way() -> None:
    lines = drawn(50, *((name, "0", "v1 F1 1.000", "a long reason " * 9) for name in NAMES))
    assert sum("v1 F1 1.000" in line for line in lines) == 3


def test_numbers_are_never_cut_off_however_long_the_name() -> None:
    shown = "\n".join(drawn(40, ("a" * 40, "1234567", "version 1", "because")))
    assert "1234567" in shown
    assert "…" not in shown


def test_a_terminal_does_without_a_column_that_says_nothing() -> None:
    silent = {">gone": "0"}
    assert "gone" not in drawn(80, ("a", "0", "", "x"), ("b", "0", "", "y"), silent=silent)[0]
    assert "gone" in drawn(80, ("a", "0", "", "x"), ("b", "1", "", "y"), silent=silent)[0]
    to = console(terminal=False)
    print_table((">gone",), [("0",)], to, silent=silent)
    assert printed(to) == "gone\n   0\n"


def test_a_moment_is_shown_as_short_as_it_can_be_told_apart() -> None:
    now = datetime(2026, 3, 10, 12, tzinfo=UTC)
    assert short_time(datetime(2026, 3, 10, 9, 5, tzinfo=UTC), now) == "09:05"
    assert short_time(datetime(2026, 2, 9, tzinfo=UTC), now) == "02-09"
    assert short_time(datetime(2025, 2, 9, tzinfo=UTC), now) == "2025-02-09"
    assert short_time(None, now) == ""


def test_a_pipe_is_wider_than_any_terminal_beside_it() -> None:
    assert Answers(file=io.StringIO()).width >= 200
    assert Answers(file=io.StringIO(), force_terminal=True, width=80, height=25).width == 80
