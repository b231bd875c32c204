"""Where tokens stand relative to each other: neighbours, rows, segments, the line below."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.learning.tokens import Tokens

Indices = NDArray[np.int32]
Floats = NDArray[np.float32]
Members = NDArray[np.intp]

NOTHING = -1
SEGMENT_GAP = 1.3
"""Words of one row further apart than this (in line heights) belong to different segments."""
_REACH_DOWN = 2.2
_ALIGNED = 1.5
_REACH = 20.0
"""How far up and down neighbours are looked for, in line heights."""
_CLOSE = 4.0
_CHUNK = 128
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
    `drop`: first token of the line below, close enough to continue a value whose line begins at the token.
    """

    following: Indices
    gap: Floats
    segment: Indices
    first: Indices
    last: Indices
    size: Indices
    drop: Indices


def find_neighbours(tokens: Tokens) -> Neighbours:
    """The nearest text tokens of every token (marks have neighbours but are nobody's)."""
    count = len(tokens)
    found = [np.full(count, NOTHING, dtype=np.int32) for _ in range(4)]
    gaps = [np.full(count, _FAR, dtype=np.float32) for _ in range(4)]
    for members in _pages(tokens):
        down = members[np.argsort(tokens.boxes[members, 1], kind="stable")]
        targets = members[~tokens.marks[members]]
        for start in range(0, len(down), _CHUNK) if len(targets) else ():
            rows = down[start : start + _CHUNK]
            nearest = [*_beside(tokens.boxes, rows, targets), *_stacked(tokens.boxes, rows, targets)]
            for side, (index, gap) in enumerate(nearest):
                found[side][rows], gaps[side][rows] = index, gap
    return Neighbours(found[0], found[1], found[2], found[3], gaps[0], gaps[1], gaps[2], gaps[3])


def _pages(tokens: Tokens) -> Iterator[Members]:
    for page in range(len(tokens.page_numbers)):
        members = np.flatnonzero(tokens.pages == page)
        if members.size:
            yield members


def _window(boxes: Floats, rows: Members, targets: Members, reach: float) -> Members:
    """The targets no further above or below all the rows than `reach`; at least one, to have a shape."""
    top, bottom = boxes[rows, 1].min() - reach, boxes[rows, 3].max() + reach
    near = targets[(boxes[targets, 3] > top) & (boxes[targets, 1] < bottom)]
    return near if near.size else targets[:1]


def _same_row(own: Floats, other: Floats) -> NDArray[np.bool_]:
    """Whether boxes (rows, 1, 4) and (1, targets, 4) share most of the lower one's height."""
    shared = np.minimum(own[..., 3], other[..., 3]) - np.maximum(own[..., 1], other[..., 1])
    lower = np.minimum(own[..., 3] - own[..., 1], other[..., 3] - other[..., 1])
    return np.asarray(shared > 0.4 * lower)


def _beside(boxes: Floats, rows: Members, targets: Members) -> list[tuple[Indices, Floats]]:
    near = _window(boxes, rows, targets, 0.0)
    own, other = boxes[rows][:, None], boxes[near][None]
    beside = _same_row(own, other)
    to_right = (other[..., 0] + other[..., 2]) - (own[..., 0] + own[..., 2])
    return [
        _pick(beside & (to_right < 0), own[..., 0] - other[..., 2], near),
        _pick(beside & (to_right > 0), other[..., 0] - own[..., 2], near),
    ]


def _stacked(boxes: Floats, rows: Members, targets: Members) -> list[tuple[Indices, Floats]]:
    """The nearest above and below: looked for close by, and further away only where nothing is close."""
    reachable = _window(boxes, rows, targets, _REACH)
    close = _window(boxes, rows, reachable, _CLOSE)
    found = []
    for upward in (True, False):
        index, gap = _vertical(boxes, rows, close, upward)
        far = gap > _CLOSE
        if far.any():
            index[far], gap[far] = _vertical(boxes, rows[far], reachable, upward)
        found.append((index, gap))
    return found


def _vertical(boxes: Floats, rows: Members, targets: Members, upward: bool) -> tuple[Indices, Floats]:
    middle = boxes[:, 1] + boxes[:, 3]
    beyond = middle[targets] < middle[rows].max() if upward else middle[targets] > middle[rows].min()
    near = targets[beyond] if beyond.any() else targets[:1]
    own, other = boxes[rows][:, None], boxes[near][None]
    shared = np.minimum(own[..., 2], other[..., 2]) > np.maximum(own[..., 0], other[..., 0])
    to_below = middle[near][None] - middle[rows][:, None]
    allowed = shared & ~_same_row(own, other) & (to_below < 0 if upward else to_below > 0)
    gap = own[..., 1] - other[..., 3] if upward else other[..., 1] - own[..., 3]
    return _pick(allowed, gap, near)


def _pick(allowed: NDArray[np.bool_], gap: Floats, targets: Members) -> tuple[Indices, Floats]:
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
    return Lines(following, gap, segment, first, last, size, _drops(tokens, near, segment, first, joined))


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


def _drops(tokens: Tokens, near: Neighbours, segment: Indices, first: Indices, joined: Indices) -> Indices:
    """Per token: where the next line of a value begins whose line begins at this token.

    That is the nearest line below it or below a later word of its segment; from there to the left as far
    as the alignment allows, and to the start of the segment where the token itself starts one.
    """
    gap = np.where((near.below >= 0) & ~tokens.marks, near.below_gap, _FAR).tolist()
    below, left = near.below.tolist(), tokens.boxes[:, 0].tolist()
    back = _reversed(joined)
    drops = [NOTHING] * len(left)
    for start in first.tolist():
        nearest, under = _REACH_DOWN, NOTHING
        for token in reversed(_chain(start, joined)):
            if gap[token] < nearest:
                nearest, under = gap[token], below[token]
            if under >= 0 and token == start:
                drops[token] = int(first[segment[under]])
            elif under >= 0:
                drops[token] = _aligned(under, left[token] - _ALIGNED, left, back)
    return np.array(drops, dtype=np.int32)


def _reversed(joined: Indices) -> list[int]:
    back = np.full(len(joined), NOTHING, dtype=np.int32)
    linked = np.flatnonzero(joined >= 0)
    back[joined[linked]] = linked
    return [int(token) for token in back]


def _chain(start: int, joined: Indices) -> list[int]:
    chain = [start]
    while (following := int(joined[chain[-1]])) >= 0:
        chain.append(following)
    return chain


def _aligned(token: int, edge: float, left: list[float], back: list[int]) -> int:
    while back[token] >= 0 and left[back[token]] >= edge:
        token = back[token]
    return token
