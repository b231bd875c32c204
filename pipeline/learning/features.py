"""What the linear models see of a token: hashed facts about itself and about what stands around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.learning import hashing
from pipeline.learning.geometry import NOTHING, Indices, Lines, Neighbours, find_lines, find_neighbours
from pipeline.learning.hashing import KIND, LOWER, MASKED, PREFIX, SHAPE, SUFFIX, Codes, mix
from pipeline.learning.ranks import Ranks, rank_values
from pipeline.learning.recurrence import Recurrence
from pipeline.learning.tokens import Tokens, tokenize
from pipeline.types import Layout

_HOPS = 8
GROUPS = (
    ("itself", 20),
    ("left", 8),
    ("right", 6),
    ("up", 8),
    ("down", 4),
    ("segment", 11),
    ("anchors", 9),
    ("place", 7),
)
"""What the slots of a token are about, in their order: name and number of slots."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A document made ready: its tokens and how they stand to each other."""

    tokens: Tokens
    near: Neighbours
    lines: Lines
    codes: Codes
    ranks: Ranks

    def __len__(self) -> int:
        return len(self.tokens)


def prepare(layout: Layout) -> Scene:
    """Everything about a document that does not depend on a model."""
    tokens = tokenize(layout)
    near = find_neighbours(tokens)
    codes = hashing.aspect_codes(token.text for token in tokens.items)
    return Scene(tokens, near, find_lines(tokens, near), codes, rank_values(tokens))


def token_features(scene: Scene, recurrence: Recurrence, own: bool = False) -> NDArray[np.int32]:
    """Buckets of every token: (tokens, slots). `own`: the document is one of those `recurrence` counted."""
    if not len(scene):
        return np.zeros((0, 0), dtype=np.int32)
    share = recurrence.share(scene.codes[:, MASKED], own)
    slots: list[Codes] = []
    slots += _itself(scene, share)
    slots += _beside(scene)
    slots += _stacked(scene)
    slots += _segment(scene)
    slots += _anchors(scene, recurrence.anchors(share, scene.codes[:, KIND]))
    slots += _place(scene)
    assert len(slots) == sum(count for _, count in GROUPS)
    return hashing.buckets([np.broadcast_to(slot, (len(scene),)) for slot in slots])


def _at(codes: Codes, index: Indices) -> Codes:
    found: Codes = np.where(index >= 0, codes[np.maximum(index, 0)], np.uint64(0))
    return found


def _step(index: Indices, side: Indices) -> Indices:
    """The neighbour of a neighbour; NOTHING stays NOTHING."""
    return np.where(index >= 0, side[np.maximum(index, 0)], NOTHING).astype(np.int32)


def _bin(values: NDArray[np.floating], edges: Sequence[float]) -> Codes:
    bins: Codes = np.digitize(values, edges).astype(np.uint64)
    return bins


def _itself(scene: Scene, share: NDArray[np.float32]) -> list[Codes]:
    codes = scene.codes
    rarity = _bin(share, (1e-6, 0.03, 0.1, 0.25, 0.5, 0.8))
    kinds = codes[:, KIND]
    count, place, back = _order(codes[:, KIND], scene.tokens)
    same = _bin(_repeats(codes[:, LOWER]), (1.5, 2.5, 4.5, 9.5))
    return [
        np.ones(len(scene), dtype=np.uint64),
        codes[:, LOWER],
        codes[:, MASKED],
        codes[:, SHAPE],
        kinds,
        codes[:, PREFIX],
        codes[:, SUFFIX],
        codes[:, hashing.LENGTH],
        codes[:, hashing.ENDING],
        mix(rarity, 1),
        mix(rarity, kinds),
        mix(same, kinds),
        mix(place, kinds),
        mix(back, kinds),
        mix(count, kinds),
        *_ranks(scene),
    ]


def _ranks(scene: Scene) -> list[Codes]:
    """Place of an amount among the amounts of the document, of a date among its dates, by value."""
    ranks = scene.ranks
    edges = (-0.5, 0.5, 1.5, 2.5, 4.5)
    largest, amounts = _bin(ranks.largest, edges), _bin(ranks.amounts, (1.5, 3.5, 7.5))
    earliest, latest = _bin(ranks.earliest, edges), _bin(ranks.latest, edges)
    return [mix(largest, 1), mix(largest, amounts), mix(earliest, 2), mix(latest, 3), mix(earliest, latest)]


def _repeats(codes: Codes) -> NDArray[np.float64]:
    _, inverse, counts = np.unique(codes, return_inverse=True, return_counts=True)
    repeats: NDArray[np.float64] = counts[inverse].astype(np.float64)
    return repeats


def _order(kinds: Codes, tokens: Tokens) -> tuple[Codes, Codes, Codes]:
    """Per token among tokens of its kind: how many there are, its rank from the front and the back."""
    order = np.argsort(kinds, kind="stable")
    _, starts, counts = np.unique(kinds[order], return_index=True, return_counts=True)
    rank = np.empty(len(kinds), dtype=np.float64)
    total = np.empty(len(kinds), dtype=np.float64)
    rank[order] = np.arange(len(kinds)) - np.repeat(starts, counts)
    total[order] = np.repeat(counts, counts)
    edges = (0.5, 1.5, 2.5, 3.5, 5.5, 8.5, 15.5)
    return _bin(total, edges), _bin(rank, edges), _bin(total - 1 - rank, edges)


def _beside(scene: Scene) -> list[Codes]:
    codes, near = scene.codes, scene.near
    words, shapes, kinds = codes[:, MASKED], codes[:, SHAPE], codes[:, KIND]
    left2, right2 = _step(near.left, near.left), _step(near.right, near.right)
    left3 = _step(left2, near.left)
    one, two, three = (_at(words, index) for index in (near.left, left2, left3))
    ahead, ahead2 = _at(words, near.right), _at(words, right2)
    edges = (0.2, 0.6, SEGMENT, 3.0, 8.0, 20.0)
    left_gap, right_gap = _bin(near.left_gap, edges), _bin(near.right_gap, edges)
    return [
        one,
        two,
        mix(one, two),
        mix(one, two, three),
        mix(one, kinds),
        _at(shapes, near.left),
        _at(codes[:, PREFIX], near.left),
        mix(left_gap, _at(kinds, near.left)),
        ahead,
        ahead2,
        mix(ahead, ahead2),
        _at(shapes, near.right),
        mix(right_gap, _at(kinds, near.right)),
        mix(one, ahead),
    ]


SEGMENT = 1.3


def _stacked(scene: Scene) -> list[Codes]:
    codes, near = scene.codes, scene.near
    words, kinds = codes[:, MASKED], codes[:, KIND]
    above2, below2 = _step(near.above, near.above), _step(near.below, near.below)
    up, up2, down = _at(words, near.above), _at(words, above2), _at(words, near.below)
    edges = (0.4, 0.9, 1.6, 3.0, 6.0)
    above_gap, below_gap = _bin(near.above_gap, edges), _bin(near.below_gap, edges)
    up_left = _at(words, _step(near.above, near.left))
    up_right = _at(words, _step(near.above, near.right))
    return [
        up,
        mix(up, kinds),
        mix(up, up_left),
        mix(up, up_right),
        up2,
        mix(up, up2),
        _at(codes[:, PREFIX], near.above),
        mix(_at(kinds, near.above), above_gap),
        down,
        _at(words, below2),
        mix(_at(kinds, near.below), below_gap),
        mix(_at(words, near.left), up),
    ]


def _phrases(scene: Scene) -> Codes:
    """One code per segment: its words, digits masked."""
    lines = scene.lines
    words = scene.codes[:, MASKED]
    phrase = mix(words[lines.first], lines.size.astype(np.uint64))
    last = mix(words[lines.last], 7)
    return mix(phrase, last)


def _segment(scene: Scene) -> list[Codes]:
    codes, near, lines = scene.codes, scene.near, scene.lines
    words, kinds = codes[:, MASKED], codes[:, KIND]
    phrases = _phrases(scene)
    first = lines.first[lines.segment]
    last = lines.last[lines.segment]
    before = near.left[first]
    own = np.arange(len(scene))
    edge = (own == first).astype(np.uint64) + np.uint64(2) * (own == last).astype(np.uint64)
    size = np.minimum(lines.size[lines.segment], 8).astype(np.uint64)
    phrase_left = np.where(before >= 0, phrases[lines.segment[np.maximum(before, 0)]], np.uint64(0))
    above = near.above
    phrase_up = np.where(above >= 0, phrases[lines.segment[np.maximum(above, 0)]], np.uint64(0))
    head = near.above[first]
    phrase_head = np.where(head >= 0, phrases[lines.segment[np.maximum(head, 0)]], np.uint64(0))
    return [
        mix(edge, size),
        mix(edge, kinds),
        mix(words[first], edge),
        phrase_left,
        mix(phrase_left, kinds),
        mix(phrase_left, edge),
        phrase_up,
        mix(phrase_up, kinds),
        phrase_head,
        mix(phrase_head, edge),
        mix(_at(words, before), edge),
    ]


def _anchors(scene: Scene, anchor: NDArray[np.bool_]) -> list[Codes]:
    """The nearest word to the left, and above, that recurs across the training forms."""
    words, kinds = scene.codes[:, MASKED], scene.codes[:, KIND]
    left, left_hops = _walk(scene.near.left, anchor)
    up, up_hops = _walk(scene.near.above, anchor)
    left_word, up_word = _at(words, left), _at(words, up)
    left_before = _at(words, _step(left, scene.near.left))
    up_before = _at(words, _step(up, scene.near.left))
    up_after = _at(words, _step(up, scene.near.right))
    return [
        mix(left_word, 1),
        mix(left_word, left_before),
        mix(left_word, left_hops),
        mix(left_word, kinds),
        mix(up_word, 2),
        mix(up_word, up_before, up_after),
        mix(up_word, up_hops),
        mix(up_word, up_before, up_hops, kinds),
        mix(left_word, up_word),
    ]


def _walk(side: Indices, wanted: NDArray[np.bool_]) -> tuple[Indices, Codes]:
    """Follow `side` up to _HOPS steps to a wanted token: its index, and the steps taken."""
    current = side.copy()
    hops = np.ones(len(side), dtype=np.uint64)
    for _ in range(_HOPS):
        waiting = (current >= 0) & ~wanted[np.maximum(current, 0)]
        if not waiting.any():
            break
        current = np.where(waiting, side[np.maximum(current, 0)], current).astype(np.int32)
        hops += waiting
    found = (current >= 0) & wanted[np.maximum(current, 0)]
    return np.where(found, current, NOTHING).astype(np.int32), np.where(found, hops, np.uint64(0))


def _place(scene: Scene) -> list[Codes]:
    tokens = scene.tokens
    pages = len(tokens.page_numbers)
    page = np.minimum(tokens.pages, 2).astype(np.uint64)
    is_last = (tokens.pages == pages - 1).astype(np.uint64)
    sizes = np.maximum(tokens.sizes[tokens.pages], 1e-6)
    x, y = tokens.boxes[:, 0] / sizes[:, 0], tokens.boxes[:, 1] / sizes[:, 1]
    across, down = np.clip(x * 8, 0, 7).astype(np.uint64), np.clip(y * 10, 0, 9).astype(np.uint64)
    kinds = scene.codes[:, KIND]
    row, rows_left = _rows(scene)
    return [
        mix(page, is_last),
        mix(page, down, 3),
        mix(down, across, 4),
        mix(down, kinds),
        mix(page, row, 5),
        mix(page, row, kinds),
        mix(is_last, rows_left, 6),
    ]


def _rows(scene: Scene) -> tuple[Codes, Codes]:
    """How many rows of text the page has above and below each token, in coarse steps."""
    tokens = scene.tokens
    above, below = np.zeros(len(scene)), np.zeros(len(scene))
    for page in range(len(tokens.page_numbers)):
        members = np.flatnonzero(tokens.pages == page)
        middle = (tokens.boxes[members, 1] + tokens.boxes[members, 3]) / 2
        ordered = np.sort(middle)
        starts = ordered[np.diff(ordered, prepend=-np.inf) > 0.5]
        above[members] = np.searchsorted(starts, middle, side="right") - 1
        below[members] = len(starts) - 1 - above[members]
    edges = (0.5, 1.5, 2.5, 3.5, 5.5, 8.5, 13.5)
    return _bin(above, edges), _bin(below, edges)
