"""Where tokens stand relative to each other: neighbours, rows, segments, the line below."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.learning.tokens import Tokens

Indices = NDArray[np.int32]
Floats = NDArray[np.float32]

NOTHING = -1
SEGMENT_GAP = 1.3
"""Words of one row further apart than this (in line heights) belong to different segments."""
_REACH_DOWN = 2.2
_CHUNK = 400
_FAR = np.float32(1e6)


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Index of the nearest text token on each side, or NOTHING, with the gap in line heights."""

    left: Indices
    right: Indices
    above: Indices
    below: Indices
    left_gap: Floats
    right_gap: Floats
    above_gap: Floats
    below_gap: Floats


@dataclass(frozen=True, slots=True)
class Lines:
    """Rows as chains. `following`: next token of the row. A segment is a stretch of a row without a wide gap.

    `segment` numbers the segment of each token; `first` and `last` are the end tokens per segment;
    `next_line` is the segment below, close enough to be the next line of the same paragraph.
    """

    following: Indices
    gap: Floats
    segment: Indices
    first: Indices
    last: Indices
    size: Indices
    next_line: Indices


def find_neighbours(tokens: Tokens) -> Neighbours:
    """The nearest text tokens of every token (marks have neighbours but are nobody's)."""
    count = len(tokens)
    found = [np.full(count, NOTHING, dtype=np.int32) for _ in range(4)]
    gaps = [np.full(count, _FAR, dtype=np.float32) for _ in range(4)]
    for members in _pages(tokens):
        targets = members[~tokens.marks[members]]
        for start in range(0, len(members), _CHUNK):
            rows = members[start : start + _CHUNK]
            nearest = _nearest(tokens.boxes[rows], tokens.boxes[targets], rows, targets)
            for side, (index, gap) in enumerate(nearest):
                found[side][rows], gaps[side][rows] = index, gap
    return Neighbours(found[0], found[1], found[2], found[3], gaps[0], gaps[1], gaps[2], gaps[3])


def _pages(tokens: Tokens) -> Iterator[NDArray[np.intp]]:
    for page in range(len(tokens.page_numbers)):
        members = np.flatnonzero(tokens.pages == page)
        if members.size:
            yield members


def _nearest(
    boxes: Floats, others: Floats, rows: NDArray[np.intp], targets: NDArray[np.intp]
) -> list[tuple[Indices, Floats]]:
    if not len(targets):
        return [(np.full(len(rows), NOTHING, dtype=np.int32), np.full(len(rows), _FAR, np.float32))] * 4
    left, top, right, bottom = (boxes[:, side, None] for side in range(4))
    other_left, other_top, other_right, other_bottom = (others[None, :, side] for side in range(4))
    shared_height = np.minimum(bottom, other_bottom) - np.maximum(top, other_top)
    beside = shared_height > 0.4 * np.minimum(bottom - top, other_bottom - other_top)
    shared_width = np.minimum(right, other_right) - np.maximum(left, other_left)
    stacked = (shared_width > 0) & ~beside
    to_right = (other_left + other_right) - (left + right)
    to_below = (other_top + other_bottom) - (top + bottom)
    slack = np.float32(0.05) * np.maximum(-shared_width, 0)
    return [
        _pick(beside & (to_right < 0), left - other_right, targets),
        _pick(beside & (to_right > 0), other_left - right, targets),
        _pick(stacked & (to_below < 0), top - other_bottom + slack, targets),
        _pick(stacked & (to_below > 0), other_top - bottom + slack, targets),
    ]


def _pick(allowed: NDArray[np.bool_], gap: Floats, targets: NDArray[np.intp]) -> tuple[Indices, Floats]:
    distance = np.where(allowed, gap, _FAR)
    best = distance.argmin(axis=1)
    nearest = distance[np.arange(len(distance)), best]
    return np.where(nearest < _FAR, targets[best], NOTHING).astype(np.int32), nearest


def find_lines(tokens: Tokens, near: Neighbours) -> Lines:
    """Rows, segments and which segment continues which."""
    following = _mutual(near)
    gap = np.where(following >= 0, near.right_gap, _FAR)
    joined = np.where((gap < SEGMENT_GAP) & ~tokens.marks, following, NOTHING)
    segment, first, last, size = _segments(joined)
    next_line = _next_lines(tokens, near, segment, first, len(first))
    return Lines(following, gap, segment, first, last, size, next_line)


def _mutual(near: Neighbours) -> Indices:
    own = np.arange(len(near.right))
    right = near.right
    back = near.left[np.maximum(right, 0)]
    return np.where((right >= 0) & (back == own), right, NOTHING).astype(np.int32)


def _segments(joined: Indices) -> tuple[Indices, Indices, Indices, Indices]:
    segment = np.full(len(joined), NOTHING, dtype=np.int32)
    starts = np.ones(len(joined), dtype=np.bool_)
    starts[joined[joined >= 0]] = False
    links = joined.tolist()
    first: list[int] = []
    last: list[int] = []
    size: list[int] = []
    for start in np.flatnonzero(starts).tolist():
        token, end, count = start, start, 0
        while token >= 0:
            segment[token] = len(first)
            end, token, count = token, links[token], count + 1
        first.append(start)
        last.append(end)
        size.append(count)
    return segment, np.array(first, np.int32), np.array(last, np.int32), np.array(size, np.int32)


def _next_lines(tokens: Tokens, near: Neighbours, segment: Indices, first: Indices, count: int) -> Indices:
    """Per segment: that of the nearest token below any of its own, leftmost own token first."""
    below = np.full(count, NOTHING, dtype=np.int32)
    close = (near.below >= 0) & (near.below_gap < _REACH_DOWN) & ~tokens.marks
    members = np.flatnonzero(close)
    order = members[np.argsort(-tokens.boxes[members, 0], kind="stable")]
    below[segment[order]] = segment[near.below[order]]
    return below
