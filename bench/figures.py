"""How benches print and record: machine, date, command, figure and limit."""

from __future__ import annotations

import argparse
import os
import platform
import re
import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path

RESULTS = Path(__file__).with_name("RESULTS.md")
_INTRODUCTION = """\
# Measured figures

Written by the benches themselves: `make bench` measures everything again, and `--record` makes any one of
them replace its own section. A limit is what the product promises.
"""
_rows: list[str] = []
_missed: list[str] = []


def machine_line() -> str:
    """Processor, cores, Python, date and command of this run, on one line."""
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    command = f"python bench/{_bench()}.py {shlex.join(sys.argv[1:])}".strip()
    return f"{_processor()}, {os.cpu_count()} cores, Python {platform.python_version()}; {now}; {command}"


def figure(
    name: str, value: float, limit: float | None = None, unit: str = "", *, at_most: bool = False
) -> bool:
    """Print a figure beside its limit (at least that much is wanted, or `at_most`); whether it is kept."""
    reached = limit is None or (value <= limit if at_most else value >= limit)
    wanted = "" if limit is None else f"  (limit {limit:g}: {'reached' if reached else 'MISSED'})"
    shown = f"{value:d}" if isinstance(value, int) else f"{value:.3f}"
    print(f"{name:<44} {shown:>9} {unit}{wanted}".rstrip())
    if not reached:
        _missed.append(name)
    bound = "" if limit is None else f"at {'most' if at_most else 'least'} {limit:g}"
    verdict = "" if limit is None else "reached" if reached else "**missed**"
    _rows.append(f"| {name.strip()} | {f'{shown} {unit}'.strip()} | {bound} | {verdict} |")
    return reached


def all_reached() -> bool:
    """Whether every figure so far kept its limit."""
    return not _missed


def heading(title: str) -> None:
    """Print what the next figures are about."""
    print(f"\n{title}")
    _rows.append(f"| **{title.strip()}** | | | |")


def add_record_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--record", action="store_true", help=f"write the figures into {RESULTS.name} as well"
    )


def record(wanted: bool, results: Path = RESULTS) -> None:
    """Replace the section of this bench and its options in `results` by the figures of this run."""
    if not wanted:
        return
    options = [option for option in sys.argv[1:] if option != "--record"]
    title = f"## {_bench()} {shlex.join(options)}".strip()
    table = ["| figure | value | limit | |", "|---|---|---|---|", *_rows]
    section = "\n".join([title, "", machine_line(), "", *table]) + "\n"
    before = results.read_text("utf-8") if results.exists() else _INTRODUCTION
    results.write_text(with_section(before, title, section), "utf-8")


def with_section(document: str, title: str, section: str) -> str:
    """The document with the section of that title replaced, or added at the end."""
    parts = [part.rstrip("\n") + "\n" for part in re.split(r"(?m)^(?=## )", document)]
    at = next((n for n, part in enumerate(parts) if part.partition("\n")[0] == title), len(parts))
    return "\n".join([*parts[:at], section, *parts[at + 1 :]])


def _bench() -> str:
    return Path(sys.argv[0]).stem


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())
