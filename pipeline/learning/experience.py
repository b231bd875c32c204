"""What the values of a form type were like, and the candidates that a document offers in that light."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pipeline.learning.evidence import WIDTH, Habits, Surroundings, evidence, habits
from pipeline.learning.features import Scene
from pipeline.learning.paths import Path, Track
from pipeline.learning.spans import Candidate, Extent, candidates
from pipeline.learning.targets import Teaching, begins
from pipeline.types import FieldSpec

_MARK = Extent(1, 1, 0.0)


@dataclass(frozen=True, slots=True)
class Experience:
    """Per field whether it is a mark, how far its values reach, and how they look."""

    marks: tuple[bool, ...]
    extents: tuple[Extent, ...]
    usual: tuple[Habits, ...]


def is_mark(fields: Sequence[FieldSpec]) -> tuple[bool, ...]:
    return tuple(spec.type == "selectionMark" for spec in fields)


def gather(taught: Iterable[tuple[Scene, Track, Teaching]], marks: tuple[bool, ...]) -> Experience:
    """Experience of the values that were taught."""
    extents = [Extent() for _ in marks]
    seen: list[list[tuple[Scene, list[Path]]]] = [[] for _ in marks]
    for scene, links, teaching in taught:
        paths: dict[int, list[Path]] = {}
        for field, path in teaching.taught:
            paths.setdefault(field, []).append(path)
            extents[field] = _widened(extents[field], links, path)
        for field, own in paths.items():
            seen[field].append((scene, own))
    return Experience(
        marks, tuple(_with_room(extent) for extent in extents), tuple(habits(each) for each in seen)
    )


def _widened(extent: Extent, links: Track, path: Path) -> Extent:
    gaps = [links.gap[a] for a, b in pairwise(path) if links.following[a] == b]
    lines = 1 + sum(links.following[a] != b for a, b in pairwise(path))
    return Extent(max(extent.tokens, len(path)), max(extent.lines, lines), max(extent.gap, *gaps, 0.0))


def _with_room(extent: Extent) -> Extent:
    """About twice the longest value seen: longer ones will come."""
    return Extent(min(2 * extent.tokens, extent.tokens + 12), extent.lines, min(extent.gap * 1.5, 60.0))


def propose(
    around: Surroundings, links: Track, experience: Experience
) -> tuple[list[Candidate], NDArray[np.float32]]:
    """The candidates of every field of a document, best first, and their evidence."""
    tokens = around.scene.tokens
    repeats = dict(Counter(tokens.keys))
    starting = np.array([begins(around.scene, index) for index in range(len(tokens))], dtype=np.bool_)
    closing = np.array([bool(key) for key in tokens.keys], dtype=np.bool_)
    found: list[Candidate] = []
    rows: list[NDArray[np.float32]] = [np.zeros((0, WIDTH), dtype=np.float32)]
    for field, mark in enumerate(experience.marks):
        extent = _MARK if mark else experience.extents[field]
        first, last = (tokens.marks, tokens.marks) if mark else (starting & ~tokens.marks, closing)
        own = candidates(around.log_odds[:, field], links, field, extent, first, last)
        found += own
        rows.append(evidence(around, own, experience.usual[field], repeats))
    return found, np.concatenate(rows)
