"""Candidates: for each field the paths whose tokens look most like its value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.learning.linear import BEGIN, END, INSIDE
from pipeline.learning.paths import Path, Track

_BEGINNINGS = 8
_KEPT = 16
_HOPELESS = -14.0


@dataclass(frozen=True, slots=True)
class Extent:
    """How far the values of a field reach: tokens, lines, and the widest gap inside one (line heights)."""

    tokens: int = 1
    lines: int = 1
    gap: float = 1.3


@dataclass(frozen=True, slots=True)
class Candidate:
    field: int
    path: Path
    score: float
    lines: int
    widest: float


def candidates(
    log_odds: NDArray[np.float32],
    links: Track,
    field: int,
    extent: Extent,
    starting: NDArray[np.bool_],
    closing: NDArray[np.bool_],
) -> list[Candidate]:
    """The best paths of one field, best first. `log_odds`: (HEADS, tokens) of this field."""
    begin = np.where(starting, log_odds[BEGIN], -np.inf)
    starts = _largest(begin, _BEGINNINGS)
    inside, end = log_odds[INSIDE].tolist(), np.where(closing, log_odds[END], -np.inf).tolist()
    found: list[Candidate] = []
    for start in starts:
        found += _grow(start, float(begin[start]), inside, end, links, field, extent)
    found.sort(key=lambda candidate: (-candidate.score, candidate.path))
    return found[:_KEPT]


def _largest(values: NDArray[np.floating], count: int) -> list[int]:
    order = np.argsort(-values, kind="stable")[:count]
    return [int(index) for index in order if np.isfinite(values[index])]


def _grow(
    start: int,
    begin: float,
    inside: Sequence[float],
    end: Sequence[float],
    links: Track,
    field: int,
    extent: Extent,
) -> list[Candidate]:
    found: list[Candidate] = []
    waiting: list[tuple[Path, float, int, float, int]] = [((start,), begin + inside[start], 1, 0.0, start)]
    while waiting and len(found) < 60:
        path, score, lines, widest, begun = waiting.pop()
        last = path[-1]
        if end[last] > -100.0:
            found.append(Candidate(field, path, score + end[last], lines, widest))
        if len(path) >= extent.tokens:
            continue
        beside, below, gap = (
            links.following[last],
            links.drop[begun] if links.ends[last] else -1,
            links.gap[last],
        )
        if below >= 0 and lines < extent.lines and below not in path and score + inside[below] > _HOPELESS:
            waiting.append(((*path, below), score + inside[below], lines + 1, widest, below))
        if beside >= 0 and gap <= extent.gap and beside not in path and score + inside[beside] > _HOPELESS:
            waiting.append(((*path, beside), score + inside[beside], lines, max(widest, gap), begun))
    return found


def path_score(log_odds: NDArray[np.float32], path: Path) -> float:
    """The score `candidates` would give this path."""
    inside = log_odds[INSIDE, list(path)].sum()
    return float(log_odds[BEGIN, path[0]] + log_odds[END, path[-1]] + inside)
