"""Geometry of the page's charts, in SVG units. Pure: numbers in, rectangles and labels out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.reports.summary import Failure, FormTypeSummary, Histogram
from pipeline.reports.throughput import Throughput

_GAP = 2.0
_LEAST = 1.5
"""A count that is not zero is never shorter than this: one dead document must not vanish."""


@dataclass(frozen=True, slots=True)
class Bar:
    x: float
    y: float
    width: float
    height: float
    label: str


@dataclass(frozen=True, slots=True)
class Tick:
    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars in a plot of `width` x `height`, with the ticks of its axes."""

    width: float
    height: float
    bars: tuple[Bar, ...]
    x_ticks: tuple[Tick, ...] = ()
    y_ticks: tuple[Tick, ...] = ()


@dataclass(frozen=True, slots=True)
class Reason:
    """Failures of one reason over all form types; `share` of the most frequent one."""

    reason: str
    state: str
    documents: int
    share: float


def histogram(counts: Histogram, width: float = 150.0, height: float = 36.0) -> Chart:
    """Counts per tenth as bars, low confidence on the left."""
    step = width / len(counts)
    heights = _heights(counts, height)
    bars = tuple(
        Bar(
            i * step + _GAP / 2,
            height - tall,
            step - _GAP,
            tall,
            f"{i / 10:.1f} to {(i + 1) / 10:.1f}: {n:,}",
        )
        for i, (n, tall) in enumerate(zip(counts, heights, strict=True))
        if n
    )
    return Chart(width, height, bars)


def throughput_chart(throughput: Throughput, width: float = 900.0, height: float = 180.0) -> Chart:
    """Pages per second over the time of the run."""
    intervals = throughput.intervals
    if not intervals:
        return Chart(width, height, ())
    rates = [interval.pages / throughput.step_seconds for interval in intervals]
    top = _round_up(max(rates))
    step = width / len(intervals)
    bars = tuple(
        Bar(
            i * step + _gap(step) / 2,
            height - (tall := _height(rate, top, height)),
            step - _gap(step),
            tall,
            f"{interval.start:%H:%M:%S}: {interval.pages:,} pages in {interval.documents:,} documents",
        )
        for i, (interval, rate) in enumerate(zip(intervals, rates, strict=True))
    )
    return Chart(width, height, bars, _time_ticks(throughput, step), _value_ticks(top, height))


def reasons(summaries: Sequence[FormTypeSummary]) -> tuple[Reason, ...]:
    """Failures summed over form types, the most frequent first."""
    totals: dict[tuple[str, str], int] = {}
    for failure in _failures(summaries):
        key = (failure.reason, failure.state)
        totals[key] = totals.get(key, 0) + failure.documents
    most = max(totals.values(), default=1)
    ordered = sorted(totals.items(), key=lambda item: (-item[1], item[0]))
    return tuple(Reason(reason, state, n, n / most) for (reason, state), n in ordered)


def _failures(summaries: Sequence[FormTypeSummary]) -> list[Failure]:
    return [failure for summary in summaries for failure in summary.failures]


def _heights(counts: Sequence[int], height: float) -> list[float]:
    top = max(counts, default=0)
    return [_height(count, top, height) for count in counts]


def _height(value: float, top: float, height: float) -> float:
    return max(value / top * height, _LEAST) if value and top else 0.0


def _gap(step: float) -> float:
    return min(_GAP, step / 4)


def _round_up(value: float) -> float:
    """The next of 1, 2, 5 times a power of ten: a top that divides well."""
    if value <= 0:
        return 1.0
    scale = 1.0
    while scale * 10 <= value:
        scale *= 10
    while scale > value:
        scale /= 10
    return next(scale * factor for factor in (1, 2, 5, 10) if scale * factor >= value)


def _value_ticks(top: float, height: float) -> tuple[Tick, ...]:
    return tuple(Tick(height * (1 - part), f"{top * part:g}") for part in (0.0, 0.5, 1.0))


def _time_ticks(throughput: Throughput, step: float) -> tuple[Tick, ...]:
    intervals = throughput.intervals
    every = max(1, -(-len(intervals) // 6))
    return tuple(
        Tick(i * step, f"{interval.start:%H:%M:%S}") for i, interval in enumerate(intervals) if i % every == 0
    )
