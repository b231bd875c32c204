"""How benches print: machine, date, command, figure and limit."""

from __future__ import annotations

import os
import platform
import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path


def machine_line() -> str:
    """Processor, cores, Python, date and command of this run, on one line."""
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    command = shlex.join(["python", *sys.argv])
    return f"{_processor()}, {os.cpu_count()} cores, Python {platform.python_version()}; {now}; {command}"


def figure(
    name: str, value: float, limit: float | None = None, unit: str = "", *, at_most: bool = False
) -> bool:
    """Print a figure beside its limit (at least that much is wanted, or `at_most`); whether it is kept."""
    reached = limit is None or (value <= limit if at_most else value >= limit)
    wanted = "" if limit is None else f"  (limit {limit:g}: {'reached' if reached else 'MISSED'})"
    print(f"{name:<44} {value:>9.3f} {unit}{wanted}".rstrip())
    return reached


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())
