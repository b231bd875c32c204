"""A run over its time: documents and pages finished, in intervals of a round length. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row


@dataclass(frozen=True, slots=True)
class Interval:
    """Documents and pages finished from `start` on, for as long as the throughput's step."""

    start: datetime
    documents: int
    pages: int


@dataclass(frozen=True, slots=True)
class Throughput:
    """A run in intervals of equal length."""

    step_seconds: float = 0.0
    intervals: tuple[Interval, ...] = ()


_STEPS = (1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
_MOST_INTERVALS = 60


def throughput(finished: Iterator[Row[Any]]) -> Throughput:
    """Documents and pages by the time they were finished, in at most 60 intervals of a round length."""
    seconds: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0])
    origin: datetime | None = None
    for row in finished:
        origin = origin or row.finished_at
        counts = seconds[int((row.finished_at - origin).total_seconds() // 1)]
        counts[0] += 1
        counts[1] += row.pages
    if origin is None:
        return Throughput()
    return _intervals(origin, seconds)


def _intervals(origin: datetime, seconds: Mapping[int, Sequence[int]]) -> Throughput:
    first, last = min(seconds), max(seconds)
    span = last - first + 1
    step = next((s for s in _STEPS if span / s <= _MOST_INTERVALS), float(-(-span // _MOST_INTERVALS)))
    bins = [[0, 0] for _ in range(int((last - first) // step) + 1)]
    for second, (documents, pages) in seconds.items():
        found = bins[int((second - first) // step)]
        found[0] += documents
        found[1] += pages
    start = origin + timedelta(seconds=first)
    return Throughput(
        step,
        tuple(Interval(start + timedelta(seconds=step * i), d, p) for i, (d, p) in enumerate(bins)),
    )
