"""What the judge sees of a candidate: a row of numbers about its tokens, its edges and its rivals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.learning.features import GROUPS, Scene
from pipeline.learning.hashing import KIND, SHAPE, code
from pipeline.learning.linear import BEGIN, END, INSIDE, LOG_ODDS_LIMIT, TokenModel
from pipeline.learning.paths import path_key
from pipeline.learning.spans import Candidate

NAMES = (
    "field", "begin", "end", "mean_inside", "least_inside", "score", "lead", "rank", "agreement",
    "agreeing", "repeats", "tokens", "lines", "widest", "letters", "usual_tokens", "usual_letters",
    "first_in_segment", "last_in_segment", "before", "after", "begin_after", "end_before", "other_field",
    "known_kind", "known_shape", "recurring", "most_recurring", "page", "pages_left", "down", "across",
    "largest", "earliest", "latest", "opens", "closes", "starts_odd", "ends_odd", "known_value",
    "begin_lead", "inside_lead", "end_lead", "begin_in_segment", "end_in_segment", "covers_best",
    *(f"begin_{name}" for name, _ in GROUPS), *(f"inside_{name}" for name, _ in GROUPS),
)  # fmt: skip
WIDTH = len(NAMES)
_FACTS = WIDTH - 2 * len(GROUPS)
_STARTS = np.cumsum([0, *(slots for _, slots in GROUPS)])[:-1].tolist()


@dataclass(frozen=True, slots=True)
class Habits:
    """How the values of one field usually look, over the forms that were learned from.

    `kinds` and `shapes`: the share of the values that look so; `known`: log(1 + n) of values seen n times.
    """

    values: int = 0
    tokens: float = 1.0
    letters: float = 8.0
    kinds: dict[int, float] | None = None
    shapes: dict[int, float] | None = None
    known: dict[int, float] | None = None


def habits(scenes: Iterable[tuple[Scene, Sequence[tuple[int, ...]]]]) -> Habits:
    """Habits of a field from the paths of its values."""
    tokens: list[int] = []
    letters: list[int] = []
    kinds: Counter[int] = Counter()
    shapes: Counter[int] = Counter()
    known: Counter[int] = Counter()
    for scene, paths in scenes:
        for path in paths[:1]:
            tokens.append(len(path))
            letters.append(sum(len(scene.tokens.keys[index]) for index in path))
            kinds[_signature(scene, path, KIND)] += 1
            shapes[_signature(scene, path, SHAPE)] += 1
            known[code(path_key(scene, path))] += 1
    if not tokens:
        return Habits()
    count = len(tokens)
    return Habits(
        count,
        float(np.mean(tokens)),
        float(np.mean(letters)),
        {key: seen / count for key, seen in kinds.items()},
        {key: seen / count for key, seen in shapes.items() if seen > 1},
        {key: float(np.log1p(seen)) for key, seen in known.items()},
    )


def _signature(scene: Scene, path: Sequence[int], aspect: int) -> int:
    value = 0
    for index in path[:4]:
        value = (value * 1_000_003 + int(scene.codes[index, aspect])) % (1 << 61)
    return value


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all candidates of a document share."""

    scene: Scene
    model: TokenModel
    cells: NDArray[np.int32]
    log_odds: NDArray[np.float32]
    best: NDArray[np.float32]
    segment_best: NDArray[np.float32]
    """(HEADS, fields, segments): the best token of each segment."""
    share: NDArray[np.float32]


def surroundings(
    scene: Scene, model: TokenModel, cells: NDArray[np.int32], share: NDArray[np.float32]
) -> Surroundings:
    """`cells`: columns of the model for every token's slots."""
    odds = model.log_odds(cells)
    best = odds.max(axis=2, initial=-LOG_ODDS_LIMIT)
    order = np.argsort(scene.lines.segment, kind="stable")
    starts = np.cumsum([0, *scene.lines.size[:-1]])
    segment_best = np.maximum.reduceat(odds[:, :, order], starts, axis=2)
    return Surroundings(scene, model, cells, odds, best, segment_best, share)


def evidence(
    around: Surroundings, found: Sequence[Candidate], usual: Habits, repeats: dict[str, int]
) -> NDArray[np.float32]:
    """One row of NAMES per candidate of one field, given best first."""
    keys = [path_key(around.scene, candidate.path) for candidate in found]
    weights = [float(np.exp(min(candidate.score, 30.0) / 4)) for candidate in found]
    total = sum(weights) or 1.0
    rows = np.zeros((len(found), WIDTH), dtype=np.float32)
    for rank, candidate in enumerate(found):
        rival = next((o.score for o, key in zip(found, keys, strict=True) if key != keys[rank]), -20.0)
        agreeing = [weight for weight, key in zip(weights, keys, strict=True) if key == keys[rank]]
        rows[rank, :11] = (
            *_own_scores(around, candidate),
            candidate.score - rival,
            rank,
            sum(agreeing) / total,
            len(agreeing),
            repeats.get(keys[rank], 1),
        )
        rows[rank, 11:_FACTS] = _facts(around, candidate, usual)
    rows[:, _FACTS:] = _parts(around, found)
    return rows


def _parts(around: Surroundings, found: Sequence[Candidate]) -> NDArray[np.float32]:
    """What speaks for each candidate by group of features: at its beginning, and on average inside."""
    parts = np.zeros((len(found), 2 * len(GROUPS)), dtype=np.float32)
    if not found:
        return parts
    field = found[0].field
    used = sorted({index for candidate in found for index in candidate.path})
    place = {index: row for row, index in enumerate(used)}
    cells = around.cells[used]
    begin, inside = (around.model.parts(cells, _STARTS, head, field) for head in (BEGIN, INSIDE))
    for row, candidate in enumerate(found):
        path = [place[index] for index in candidate.path]
        parts[row, : len(GROUPS)] = begin[path[0]]
        parts[row, len(GROUPS) :] = inside[path].sum(axis=0) / len(path)
    return parts


def _own_scores(around: Surroundings, candidate: Candidate) -> tuple[float, ...]:
    odds = around.log_odds[:, candidate.field]
    inside = odds[INSIDE, list(candidate.path)]
    return (
        candidate.field,
        float(odds[BEGIN, candidate.path[0]]),
        float(odds[END, candidate.path[-1]]),
        float(inside.sum() / len(inside)),
        float(inside.min()),
        candidate.score,
    )


def _facts(around: Surroundings, candidate: Candidate, usual: Habits) -> tuple[float, ...]:
    scene, path = around.scene, candidate.path
    lines, first, last = scene.lines, path[0], path[-1]
    letters = sum(len(scene.tokens.keys[index]) for index in path)
    share = around.share[list(path)]
    return (
        len(path),
        candidate.lines,
        min(candidate.widest, 50.0),
        letters,
        len(path) - usual.tokens,
        letters - usual.letters,
        float(lines.first[lines.segment[first]] == first),
        float(lines.last[lines.segment[last]] == last),
        *_edges(around, candidate),
        (usual.kinds or {}).get(_signature(scene, path, KIND), 0.0),
        (usual.shapes or {}).get(_signature(scene, path, SHAPE), 0.0),
        float(share.sum() / len(path)),
        float(share.max()),
        *_where(scene, first),
        *(float(rank[last]) for rank in (scene.ranks.largest, scene.ranks.earliest, scene.ranks.latest)),
        *_brackets(scene, path),
        (usual.known or {}).get(code(path_key(scene, path)), 0.0),
        *_leads(around, candidate),
    )


def _leads(around: Surroundings, candidate: Candidate) -> tuple[float, ...]:
    """How the candidate compares with the best tokens of the document, and with those of its segments."""
    odds, best = around.log_odds[:, candidate.field], around.best[:, candidate.field]
    first, last = candidate.path[0], candidate.path[-1]
    segments = around.segment_best[:, candidate.field]
    starts_in, ends_in = (around.scene.lines.segment[index] for index in (first, last))
    inside = odds[INSIDE, list(candidate.path)]
    return (
        float(odds[BEGIN, first] - best[BEGIN]),
        float(inside.sum() / len(inside) - best[INSIDE]),
        float(odds[END, last] - best[END]),
        float(odds[BEGIN, first] - segments[BEGIN, starts_in]),
        float(odds[END, last] - segments[END, ends_in]),
        float(inside.max() >= best[INSIDE] - 1e-3),
    )


def _edges(around: Surroundings, candidate: Candidate) -> tuple[float, ...]:
    """Inside before and after the path, begin right after, end right before, the best other field."""
    scene, path = around.scene, candidate.path
    odds = around.log_odds[:, candidate.field]
    before, after = int(scene.near.left[path[0]]), int(scene.lines.following[path[-1]])
    others = around.log_odds[INSIDE][:, list(path)].sum(axis=1) / len(path)
    others[candidate.field] = -8.0
    return (
        float(odds[INSIDE, before]) if before >= 0 else -9.0,
        float(odds[INSIDE, after]) if after >= 0 else -9.0,
        float(odds[BEGIN, after]) if after >= 0 else -9.0,
        float(odds[END, before]) if before >= 0 else -9.0,
        float(others.max()),
    )


def _where(scene: Scene, index: int) -> tuple[float, ...]:
    page = int(scene.tokens.pages[index])
    width, height = scene.tokens.sizes[page]
    left, top = scene.tokens.boxes[index, :2]
    return (
        min(page, 5),
        min(len(scene.tokens.page_numbers) - 1 - page, 5),
        float(top / max(height, 1e-6)),
        float(left / max(width, 1e-6)),
    )


def _brackets(scene: Scene, path: Sequence[int]) -> tuple[float, ...]:
    text = "".join(scene.tokens.items[index].text for index in path)
    opens, closes = text.count("("), text.count(")")
    return (opens - closes, closes, float(not text[:1].isalnum()), float(not text[-1:].isalnum()))
