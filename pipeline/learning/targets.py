"""Which tokens of a training form are the value of a field, as far as labels and models can tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.learning.features import Scene
from pipeline.learning.paths import Path, Track, occurrences
from pipeline.types import Label, LabelRegion, bounds

_LABELLED = 2.0
"""How much more likely (in log odds) the labelled place is than another place with the same text."""
_WHOLE = 2.0
"""How much less likely (in log odds) a piece of a labelled word is than the whole of it."""
_CURRENCIES = frozenset("$£€¥₹")
_SHARE = 0.25
"""Occurrences at least this likely, relative to the likeliest, are taught as the value."""


@dataclass(frozen=True, slots=True)
class Value:
    """A labelled value of one form: the places it may stand at, with prior log odds and reading of each."""

    field: int
    places: tuple[Path, ...]
    priors: tuple[float, ...]
    text: str = ""


@dataclass(frozen=True, slots=True)
class Teaching:
    """What a form teaches: paths by field, and tokens that must teach nothing (neither this nor that)."""

    taught: tuple[tuple[int, Path], ...]
    ignored: tuple[int, ...]


def read_values(
    scene: Scene, links: Track, labels: Sequence[Label], fields: Mapping[str, int], is_mark: Sequence[bool]
) -> tuple[Value, ...]:
    """The values of a form's labels; labels of other fields, and labels as absent, give none."""
    values = []
    for label in labels:
        field = fields.get(label.field)
        if field is None:
            continue
        value = _mark(scene, field, label) if is_mark[field] else _text(scene, links, field, label)
        if value is not None:
            values.append(value)
    return _share_out(scene, values)


def _text(scene: Scene, links: Track, field: int, label: Label) -> Value | None:
    if not label.text.strip():
        return None
    boxed = trimmed(scene, tuple(_under(scene, label.regions, marks=False)))
    places = [trimmed(scene, path) for path in occurrences(scene, links, label.text)]
    labelled = max(places, key=lambda path: _overlap(path, boxed), default=None)
    if boxed and (labelled is None or not _overlap(labelled, boxed)):
        labelled = boxed
        places = [boxed, *places]
    odds = {path: _LABELLED if boxed and path == labelled else 0.0 for path in places}
    for place in list(odds):
        for piece in _pieces(scene, place):
            odds.setdefault(piece, odds[place] - _WHOLE)
    return Value(field, tuple(odds), tuple(odds.values()), label.text)


def trimmed(scene: Scene, path: Path) -> Path:
    """The path without bare punctuation at its ends (a currency sign in front stays)."""
    start, end = 0, len(path)
    while start < end and not begins(scene, path[start]):
        start += 1
    while end > start and not scene.tokens.keys[path[end - 1]]:
        end -= 1
    return path[start:end] or path


def begins(scene: Scene, index: int) -> bool:
    """Whether a value can begin at this token."""
    return bool(scene.tokens.keys[index]) or scene.tokens.items[index].text in _CURRENCIES


def _pieces(scene: Scene, path: Path) -> list[Path]:
    """The parts of a path between the cuts of a glued word: labels mark whole words, values may be less."""
    cuts = [
        n for n in range(1, len(path)) if scene.tokens.items[path[n]].glued and path[n] == path[n - 1] + 1
    ]
    ends = [0, *cuts, len(path)]
    if not cuts or len(cuts) > 4:
        return []
    parts = [path[a:b] for n, a in enumerate(ends) for b in ends[n + 1 :]]
    return [part for part in dict.fromkeys(trimmed(scene, part) for part in parts) if scene.tokens.key(part)]


def _share_out(scene: Scene, values: Sequence[Value]) -> tuple[Value, ...]:
    """Values labelled at the same glued word take its pieces in the order of the labels."""
    shared: dict[Path, list[int]] = {}
    for number, value in enumerate(values):
        if value.priors and max(value.priors) >= _LABELLED:
            shared.setdefault(value.places[value.priors.index(max(value.priors))], []).append(number)
    result = list(values)
    for path, numbers in shared.items():
        pieces = [piece for piece in _pieces(scene, path) if len(piece) == 1]
        if len(numbers) < 2 or len(pieces) < len(numbers):
            continue
        for turn, number in enumerate(numbers):
            result[number] = _divided(scene, values[number], turn)
    return tuple(result)


def _divided(scene: Scene, value: Value, turn: int) -> Value:
    """The value at its piece number `turn` of every word it was labelled at, or stands at elsewhere."""
    odds = dict(zip(value.places, value.priors, strict=True))
    for path, prior in zip(value.places, value.priors, strict=True):
        single = [piece for piece in _pieces(scene, path) if len(piece) == 1]
        if len(single) > turn:
            odds[path], odds[single[turn]] = -_WHOLE, prior
    return Value(value.field, tuple(odds), tuple(odds.values()), value.text)


def _overlap(path: Path, boxed: Sequence[int]) -> float:
    return len(set(path) & set(boxed)) / len(set(path) | set(boxed)) if boxed else 0.0


def _mark(scene: Scene, field: int, label: Label) -> Value | None:
    nearest = _under(scene, label.regions, marks=True)
    if not nearest:
        return None
    return Value(field, ((nearest[0],),), (_LABELLED,), label.text)


def _under(scene: Scene, regions: Sequence[LabelRegion], marks: bool) -> list[int]:
    """Tokens most of which lies under the regions, region after region, from left to right."""
    found: list[int] = []
    for region in regions:
        if region.polygon is None or region.page not in scene.tokens.page_numbers:
            continue
        page = scene.tokens.page_numbers.index(region.page)
        covered = _covered(scene, page, region, marks)
        found += [index for index in covered if index not in found]
    return found


def _covered(scene: Scene, page: int, region: LabelRegion, marks: bool) -> list[int]:
    assert region.polygon is not None
    tokens = scene.tokens
    box = np.array(bounds(region.polygon)) * np.tile(tokens.sizes[page], 2)
    members = np.flatnonzero((tokens.pages == page) & (tokens.marks == marks))
    boxes = tokens.boxes[members]
    share = _shared_area(boxes, box) / np.maximum(_area(boxes), 1e-6)
    covered = members[share > 0.5]
    if marks and not len(covered):
        covered = members[share > 0.05][:1]
    order = np.lexsort((tokens.boxes[covered, 0], np.round(tokens.boxes[covered, 1])))
    return [int(index) for index in covered[order]]


def _area(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    area: NDArray[np.float32] = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return area


def _shared_area(boxes: NDArray[np.float32], box: NDArray[np.float64]) -> NDArray[np.float64]:
    width = np.minimum(boxes[:, 2], box[2]) - np.maximum(boxes[:, 0], box[0])
    height = np.minimum(boxes[:, 3], box[3]) - np.maximum(boxes[:, 1], box[1])
    shared: NDArray[np.float64] = np.maximum(width, 0) * np.maximum(height, 0)
    return shared


def teach(values: Sequence[Value], scores: Sequence[Sequence[float]] | None = None) -> Teaching:
    """Places to learn from; `scores`: log odds of each place by a model that has not seen the form.

    Without scores the labelled place counts alone, or every occurrence where none is labelled. Two
    fields never share a token: the likelier place wins, the other value goes to its next place.
    """
    ranked: list[tuple[float, int, Path]] = []
    for number, value in enumerate(values):
        ranked += _likely(value, None if scores is None else scores[number])
    taken: set[int] = set()
    taught: list[tuple[int, Path]] = []
    for _, field, path in sorted(ranked, key=lambda item: (-item[0], item[1], item[2])):
        if taken.isdisjoint(path):
            taught.append((field, path))
            taken.update(path)
    elsewhere = {index for value in values for path in value.places for index in path}
    return Teaching(tuple(taught), tuple(sorted(elsewhere - taken)))


def _likely(value: Value, scores: Sequence[float] | None) -> list[tuple[float, int, Path]]:
    if not value.places:
        return []
    odds = [p + s for p, s in zip(value.priors, scores or [0.0] * len(value.priors), strict=True)]
    best = max(odds)
    floor = best + float(np.log(_SHARE))
    return [(o, value.field, path) for o, path in zip(odds, value.places, strict=True) if o >= floor]
