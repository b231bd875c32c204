"""What the tagger looks at, token by token: hashed words and looks of the surroundings, the recurring words
around, the place in line and text, and the words that entities of each category had elsewhere."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.learning.hashing import ENDING, KIND, LENGTH, MASKED, PREFIX, SHAPE, SUFFIX, Codes, mix
from pipeline.learning.recurrence import Recurrence
from pipeline.learning.tagger_tokens import Numbers, Tokens
from pipeline.learning.tagger_vocabulary import Vocabulary

_EDGE = 7
"""Stands for what would be before the text or after it."""

_ANCHOR_SHARE = 0.5
_ANCHORS = 4
_FAR = 12


def features(
    tokens: Tokens, recurrence: Recurrence, vocabulary: Vocabulary, used: NDArray[np.bool_] | None = None
) -> Codes:
    """Codes (tokens, slots). `used` is given for training texts: the words of their own entities, which must
    not tell what they are."""
    own = used is not None
    slots = [
        *_looks(tokens),
        *_neighbours(tokens),
        *_anchors(tokens, recurrence, own),
        *_places(tokens),
        *_dictionary(tokens, vocabulary, used),
    ]
    return np.stack([mix(number + 1, slot) for number, slot in enumerate(slots)], axis=1)


def _shift(codes: Codes, by: int) -> Codes:
    """What stands `by` further on (negative: before)."""
    shifted = np.full_like(codes, _EDGE)
    if by > 0:
        shifted[:-by] = codes[by:]
    elif by < 0:
        shifted[-by:] = codes[:by]
    else:
        shifted[:] = codes
    return shifted


def _looks(tokens: Tokens) -> list[Codes]:
    codes, chunk = tokens.codes, tokens.chunk_codes
    own = [codes[:, aspect] for aspect in (MASKED, SHAPE, PREFIX, SUFFIX, LENGTH)]
    return [
        np.ones(len(tokens), np.uint64), *own,
        chunk[:, MASKED], chunk[:, SHAPE], chunk[:, KIND],
        mix(codes[:, KIND], codes[:, SHAPE], chunk[:, KIND]), tokens.outlines, tokens.chunk_outlines,
    ]  # fmt: skip


def _neighbours(tokens: Tokens) -> list[Codes]:
    words, shapes = tokens.codes[:, MASKED], tokens.codes[:, SHAPE]
    word = {by: _shift(words, by) for by in range(-4, 5)}
    shape = {by: _shift(shapes, by) for by in range(-2, 3)}
    outline = {by: _shift(tokens.outlines, by) for by in range(-2, 3)}
    return [
        *(word[by] for by in (-4, -3, -2, -1, 1, 2, 3, 4)),
        *(shape[by] for by in (-2, -1, 1, 2)),
        mix(word[-2], word[-1]), mix(word[1], word[2]), mix(word[-3], word[-2], word[-1]),
        mix(word[1], word[2], word[3]), mix(word[-1], shape[0]), mix(shape[0], word[1]),
        mix(word[-1], word[1]), mix(shape[-1], shape[0], shape[1]),
        mix(word[-1], outline[0]), mix(word[-1], tokens.chunk_outlines),
        mix(outline[-1], outline[0], outline[1]), mix(*outline.values()),
    ]  # fmt: skip


def _anchors(tokens: Tokens, recurrence: Recurrence, own: bool) -> list[Codes]:
    """The recurring words before and after each token, from one to several together, and how far they are."""
    words = tokens.codes[:, MASKED]
    recurring = recurrence.share(words, own) >= _ANCHOR_SHARE
    slots: list[Codes] = [np.where(recurring, 2, 1).astype(np.uint64)]
    for direction in (-1, 1):
        found, far = _nearest(words, recurring, direction)
        distance = np.minimum(far, _FAR).astype(np.uint64)
        parts = [found[:, :count] for count in range(1, _ANCHORS + 1)]
        slots += [mix(*(part[:, at] for at in range(part.shape[1]))) for part in parts]
        slots += [mix(found[:, 0], distance), mix(found[:, 0], found[:, 1], distance)]
        if direction < 0:
            slots.append(mix(found[:, 0], found[:, 1], _ordinal(found[:, :2], far)))
            slots.append(mix(found[:, 0], found[:, 1], _ordinal(found[:, :2], far), distance))
    left, right = _nearest(words, recurring, -1)[0], _nearest(words, recurring, 1)[0]
    slots += [mix(left[:, 0], right[:, 0]), mix(left[:, 0], left[:, 1], right[:, 0], right[:, 1])]
    return slots


def _nearest(words: Codes, recurring: NDArray[np.bool_], direction: int) -> tuple[Codes, Numbers]:
    """The `_ANCHORS` recurring words next to each token in one direction, and how far the first is."""
    places = np.flatnonzero(recurring)
    at = np.arange(len(words))
    behind = direction < 0
    first = np.searchsorted(places, at, side="left" if behind else "right") - behind
    found = np.full((len(words), _ANCHORS), _EDGE, dtype=np.uint64)
    far = np.full(len(words), _FAR, dtype=np.int64)
    for step in range(_ANCHORS):
        number = first + direction * step
        there = (number >= 0) & (number < len(places))
        found[there, step] = words[places[number[there]]]
        if step == 0:
            far[there] = np.abs(places[number[there]] - at[there])
    return found, far


def _ordinal(found: Codes, far: Numbers) -> Codes:
    """The how-manieth place after the same recurring words a token stands behind."""
    keys = mix(found[:, 0], found[:, 1])
    places = np.arange(len(keys)) - far
    result = np.zeros(len(keys), dtype=np.uint64)
    seen: dict[int, dict[int, int]] = {}
    for at, (key, place) in enumerate(zip(keys.tolist(), places.tolist(), strict=True)):
        numbers = seen.setdefault(key, {})
        result[at] = min(numbers.setdefault(place, len(numbers)), 4)
    return result + np.uint64(1)


def _places(tokens: Tokens) -> list[Codes]:
    words = tokens.codes[:, MASKED]
    at = np.arange(len(tokens))
    firsts = np.flatnonzero(np.diff(tokens.lines, prepend=-1)) if len(tokens) else at
    begin = firsts[tokens.lines] if len(tokens) else at
    within = np.minimum(at - begin, 15).astype(np.uint64)
    head = words[begin]
    second = words[np.minimum(begin + 1, max(len(tokens) - 1, 0))]
    before = words[firsts[np.maximum(tokens.lines - 1, 0)]] if len(tokens) else words
    line = np.minimum(tokens.lines, 20).astype(np.uint64)
    return [
        head, mix(head, second), mix(head, within), within + np.uint64(1), before, mix(before, head),
        mix(line, within), line + np.uint64(1), np.minimum(at, 20).astype(np.uint64) + np.uint64(1),
    ]  # fmt: skip


def _dictionary(tokens: Tokens, vocabulary: Vocabulary, used: NDArray[np.bool_] | None) -> list[Codes]:
    known = vocabulary.known(tokens, used)
    weights = np.uint64(0x9E3779B97F4A7C15) * np.arange(1, known.shape[1] + 1, dtype=np.uint64)
    with np.errstate(over="ignore"):
        mask = (known * weights).sum(axis=1, dtype=np.uint64)
    capital = tokens.codes[:, ENDING]
    return [
        mask,
        mix(mask, _shift(mask, 1)),
        mix(_shift(mask, -1), mask),
        mix(mask, tokens.codes[:, SHAPE], capital),
    ]
