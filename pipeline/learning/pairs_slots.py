"""Runs of print and of entries on a page, and which print may be the key of which entry."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from pipeline.learning.pairs_page import PageView, Tick, Token, is_figure, is_symbol, union
from pipeline.types import Box

Direction = Literal["right", "below"]
Side = Literal["right", "left", "above"]
Kind = Literal["print", "entry", "symbol"]
Mask = Callable[[Sequence[Token]], Sequence[bool]]

_FURTHEST_RIGHT = 40.0
_FURTHEST_BELOW = 3.5
_LINE_GAP = 0.9
_KEY_LINE_GAP = 0.9
_COMB_GAP = 5.0
_TICK_GAP = 4.0
_SENTENCE = 8
"""More words than this are rather text beside a column of entries than the key of one."""
_FILLER = re.compile(r"[_.·…\s]+")


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbouring words of one segment that are all print, or all filled in, or no text at all."""

    kind: Kind
    tokens: tuple[Token, ...]
    box: Box
    row: int
    whole: bool
    """The run is a whole segment."""

    @property
    def text(self) -> str:
        return " ".join(token.text for token in self.tokens)


@dataclass(frozen=True, slots=True)
class Edge:
    """Run `key` may name run `value`: how far it lies, and how natural that is (0..1)."""

    key: int
    value: int
    direction: Direction
    quality: float


def find_runs(page: PageView, mask: Mask) -> tuple[Run, ...]:
    """The runs of the page in reading order."""
    rows = (
        [run for segment in row for run in _runs(segment, list(mask(segment)), number)]
        for number, row in enumerate(page.rows)
    )
    return tuple(run for row in rows for run in _combed(row))


def _runs(segment: Sequence[Token], printed: list[bool], row: int) -> Iterator[Run]:
    start = 0
    for at in range(1, len(segment) + 1):
        ended = at == len(segment) or printed[at] != printed[start]
        if ended or (printed[start] and segment[at - 1].text.endswith(":")):
            yield _run(tuple(segment[start:at]), printed[start], row, at - start == len(segment))
            start = at


def _run(tokens: tuple[Token, ...], printed: bool, row: int, whole: bool) -> Run:
    no_text = all(is_symbol(token.form) for token in tokens)
    filler = all(_FILLER.fullmatch(token.text) for token in tokens)
    kind: Kind = "symbol" if filler or (printed and no_text) else "print" if printed else "entry"
    return Run(kind, tokens, union([token.box for token in tokens]), row, whole)


def _combed(row: list[Run]) -> list[Run]:
    """Characters of one row that stand in boxes of their own are one entry."""
    joined: list[Run] = []
    for run in row:
        before = next((other for other in reversed(joined) if other.kind != "symbol"), None)
        if before is not None and _in_comb(before, run):
            tokens = before.tokens + run.tokens
            joined[joined.index(before)] = replace(before, tokens=tokens, box=union([before.box, run.box]))
        else:
            joined.append(run)
    return joined


def _in_comb(before: Run, run: Run) -> bool:
    near = run.box.left - before.box.right < _COMB_GAP
    return near and _is_combed(before) and _is_combed(run)


def _is_combed(run: Run) -> bool:
    return run.kind == "entry" and all(len(token.form) == 1 for token in run.tokens)


def find_edges(runs: Sequence[Run]) -> list[Edge]:
    """For every entry the print left of it in its row, and the print above it."""
    edges: list[Edge] = []
    for at, run in enumerate(runs):
        if run.kind == "entry":
            edges.extend(e for e in (_from_left(runs, at), _from_above(runs, at)) if e)
    return edges


def _from_left(runs: Sequence[Run], at: int) -> Edge | None:
    for other in range(at - 1, -1, -1):
        run = runs[other]
        if run.row != runs[at].row or run.kind == "entry":
            return None
        if run.kind == "print":
            gap = max(runs[at].box.left - run.box.right, 0)
            quality = (0.6 if len(run.tokens) > _SENTENCE else 1) / (1 + gap / 15)
            return Edge(other, at, "right", quality) if gap < _FURTHEST_RIGHT else None
    return None


def _from_above(runs: Sequence[Run], at: int) -> Edge | None:
    box = runs[at].box
    near = [
        (_below_quality(run.box, box), other)
        for other, run in enumerate(runs[:at])
        if run.kind != "symbol"
        and -0.4 <= box.top - run.box.bottom <= _FURTHEST_BELOW
        and run.row < runs[at].row
    ]
    overlapping = [n for n in near if _overlap(runs[n[1]].box, box) > 0]
    if overlapping:
        lowest = max(runs[other].box.bottom for _, other in overlapping)
        quality, key = max(n for n in overlapping if runs[n[1]].box.bottom > lowest - 0.5)
        return Edge(key, at, "below", quality) if runs[key].kind == "print" else None
    beside = [
        n for n in near if 0 <= box.left - runs[n[1]].box.right < 12 and box.top - runs[n[1]].box.bottom < 1.5
    ]
    if not beside:
        return None
    quality, key = max(beside, key=lambda n: runs[n[1]].box.right)
    return Edge(key, at, "below", 0.4 * quality) if runs[key].kind == "print" else None


def _up_left(key: Box, value: Box) -> bool:
    return 0 <= value.left - key.right < 20 and value.top - key.bottom <= _FURTHEST_BELOW


def _overlap(a: Box, b: Box) -> float:
    return min(a.right, b.right) - max(a.left, b.left) + 0.3


def _below_quality(key: Box, value: Box) -> float:
    gap = max(value.top - key.bottom - 0.6, 0)
    off = min(
        abs(value.left - key.left),
        abs(value.right - key.right),
        abs(value.left + value.right - key.left - key.right) / 2,
    )
    return 0.95 / (1 + gap / 2) * (1.0 if off < 0.8 else 0.75 if off < 4 else 0.55)


def key_lines(runs: Sequence[Run], at: int) -> list[int]:
    """The lines of one printed key: a further line begins with a small letter, the first does not."""
    lines = [at]
    while (above := _line_above(runs, lines[0])) is not None and len(lines) < 6:
        lines.insert(0, above)
    while (below := _line_below(runs, lines[-1])) is not None and len(lines) < 6:
        lines.append(below)
    return [at] if _goes_on(runs[lines[0]]) else lines


def _line_above(runs: Sequence[Run], at: int) -> int | None:
    if not _goes_on(runs[at]):
        return None
    found = [o for o, run in enumerate(runs[:at]) if run.kind == "print" and _stacked(run.box, runs[at].box)]
    return max(found, key=lambda o: runs[o].box.bottom, default=None)


def _line_below(runs: Sequence[Run], at: int) -> int | None:
    if runs[at].text.endswith(":"):
        return None
    found = [
        o
        for o in range(at + 1, len(runs))
        if runs[o].kind == "print" and _stacked(runs[at].box, runs[o].box) and _goes_on(runs[o])
    ]
    return min(found, key=lambda o: runs[o].box.top, default=None)


def _goes_on(run: Run) -> bool:
    return run.text[:1].islower() or run.text[:2].lstrip("(")[:1].islower()


def _stacked(upper: Box, lower: Box) -> bool:
    return abs(upper.left - lower.left) < 2 and -0.4 <= lower.top - upper.bottom < _KEY_LINE_GAP


def value_runs(runs: Sequence[Run], at: int, taken: set[int]) -> list[int]:
    """The lines of one value: a text goes on below, a figure does not."""
    found = [at]
    if _figures(runs[at]):
        return found
    while (below := _next_line(runs, found[-1], taken)) is not None:
        found.append(below)
    return found


def _next_line(runs: Sequence[Run], at: int, taken: set[int]) -> int | None:
    box = runs[at].box
    for other in range(at + 1, len(runs)):
        run = runs[other]
        if abs(run.box.left - box.left) < 1.0 and -0.4 <= run.box.top - box.bottom < _LINE_GAP:
            goes_on = run.kind == "entry" and run.whole and other not in taken
            return other if goes_on and not _table_rows(runs, at, other) else None
    return None


def _table_rows(runs: Sequence[Run], upper: int, lower: int) -> bool:
    """Both rows have a figure in one further column: rows of a table, not lines of a text."""
    figures = [
        [
            run.box
            for run in runs
            if run.row == runs[at].row and run.box.left > runs[at].box.right and _figures(run)
        ]
        for at in (upper, lower)
    ]
    return any(_overlap(above, below) > 0 for above in figures[0] for below in figures[1])


def _figures(run: Run) -> bool:
    return run.kind == "entry" and all(is_figure(t.form) or is_symbol(t.form) for t in run.tokens)


def tick_labels(runs: Sequence[Run], tick: Tick) -> dict[Side, tuple[float, int]]:
    """Print beside or above a box: side of the print -> (gap in line heights, run)."""
    found: dict[Side, tuple[float, int]] = {}
    for at, run in enumerate(runs):
        side = _side(run.box, tick.box) if run.kind == "print" else None
        if side and (side[0] not in found or side[1] < found[side[0]][0]):
            found[side[0]] = (side[1], at)
    return found


def _side(run: Box, tick: Box) -> tuple[Side, float] | None:
    middle = (run.top + run.bottom) / 2
    if tick.top - 0.2 < middle < tick.bottom + 0.2:
        right, left = run.left - tick.right, tick.left - run.right
        if -0.3 <= right < _TICK_GAP:
            return "right", right
        return ("left", left) if -0.3 <= left < _TICK_GAP else None
    above = tick.top - run.bottom
    return ("above", above + 0.5) if -0.2 <= above < 3 and _overlap(run, tick) > 0.2 else None
