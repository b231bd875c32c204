"""How a field extractor is learned from labelled forms: models that have not seen a form judge its labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pipeline.learning.calibration import Calibration, calibrate, uncalibrated
from pipeline.learning.evidence import Habits, evidence, habits, surroundings
from pipeline.learning.features import Scene, prepare, token_features
from pipeline.learning.hashing import MASKED
from pipeline.learning.judge import Judge, fit_boosted, fit_linear, untrained
from pipeline.learning.linear import LinearSettings, TokenModel, fit_tokens
from pipeline.learning.paths import Track, comparable, path_key, track
from pipeline.learning.recurrence import Recurrence, count_recurrence
from pipeline.learning.spans import Candidate, Extent, candidates, path_score
from pipeline.learning.targets import Teaching, Value, begins, read_values, teach
from pipeline.types import FieldSpec, LabelledForm

BOOSTED_FROM = 20
"""Forms from which on boosted trees judge the candidates."""
LINEAR_FROM = 4


@dataclass(frozen=True, slots=True)
class Lesson:
    """A training form made ready."""

    scene: Scene
    links: Track
    features: NDArray[np.int32]
    share: NDArray[np.float32]
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Model:
    """All that is learned, and all that is stored."""

    fields: tuple[FieldSpec, ...]
    forms: int
    examples: tuple[int, ...]
    extents: tuple[Extent, ...]
    usual: tuple[Habits, ...]
    recurrence: Recurrence
    tokens: TokenModel
    judge: Judge
    calibration: Calibration


@dataclass(frozen=True, slots=True)
class Answers:
    """Candidates of held-out forms: evidence, whether right, and which form and field each belongs to."""

    rows: NDArray[np.float32]
    right: NDArray[np.bool_]
    form: NDArray[np.int32]
    field: NDArray[np.int32]


def learn(forms: Sequence[LabelledForm], fields: Sequence[FieldSpec], seed: int) -> Model:
    """Learn all parts from the forms. Deterministic in forms, fields and seed."""
    recurrence, lessons = _lessons(forms, fields)
    marks = is_mark(fields)
    settings = LinearSettings(least_forms=2 if len(forms) > 2 else 1, seed=seed)
    teachings = [teach(lesson.values) for lesson in lessons]
    folds = _folds(len(forms), seed)
    answers: Answers | None = None
    for _ in range(2 if len(folds) > 1 else 0):
        scores, answers = _held_out(lessons, teachings, folds, marks, settings)
        teachings = [teach(lesson.values, score) for lesson, score in zip(lessons, scores, strict=True)]
    judge, calibration = _judged(answers, lessons, seed)
    extents, usual = _usual(lessons, teachings, len(fields))
    tokens = fit_tokens([lesson.features for lesson in lessons], teachings, len(fields), settings)
    examples = Counter(value.field for lesson in lessons for value in lesson.values)
    return Model(
        tuple(fields),
        len(forms),
        tuple(examples[field] for field in range(len(fields))),
        extents,
        usual,
        recurrence,
        tokens,
        judge,
        calibration,
    )


def is_mark(fields: Sequence[FieldSpec]) -> list[bool]:
    return [spec.type == "selectionMark" for spec in fields]


def _lessons(forms: Sequence[LabelledForm], fields: Sequence[FieldSpec]) -> tuple[Recurrence, list[Lesson]]:
    scenes = [prepare(form.layout) for form in forms]
    recurrence = count_recurrence(scene.codes[:, MASKED] for scene in scenes)
    numbers = {spec.name: number for number, spec in enumerate(fields)}
    lessons = []
    for scene, form in zip(scenes, forms, strict=True):
        links = track(scene)
        values = read_values(scene, links, form.labels, numbers, is_mark(fields))
        share = recurrence.share(scene.codes[:, MASKED], own=True)
        lessons.append(Lesson(scene, links, token_features(scene, recurrence, own=True), share, values))
    return recurrence, lessons


def _folds(forms: int, seed: int) -> list[list[int]]:
    """Up to four parts of nearly equal size; one part where there are too few forms to hold any out."""
    parts = min(4, forms)
    order = np.random.default_rng(seed).permutation(forms)
    return [sorted(int(form) for form in order[part::parts]) for part in range(parts)]


def _held_out(
    lessons: Sequence[Lesson],
    teachings: Sequence[Teaching],
    folds: Sequence[Sequence[int]],
    marks: Sequence[bool],
    settings: LinearSettings,
) -> tuple[list[list[list[float]]], Answers]:
    """By a model that has not seen the form: the scores of its labelled places, and its candidates."""
    scores: list[list[list[float]]] = [[] for _ in lessons]
    answers: list[Answers] = []
    for fold in folds:
        rest = [number for number in range(len(lessons)) if number not in set(fold)]
        known, taught = [lessons[n] for n in rest], [teachings[n] for n in rest]
        model = fit_tokens([lesson.features for lesson in known], taught, len(marks), settings)
        extents, usual = _usual(known, taught, len(marks))
        columns = model.columns()
        for number in fold:
            lesson = lessons[number]
            odds = model.log_odds(lesson.features, columns)
            scores[number] = [
                [path_score(odds[:, value.field], path) for path in value.places] for value in lesson.values
            ]
            answers.append(
                _answers(number, lesson, teach(lesson.values, scores[number]), odds, extents, usual, marks)
            )
    return scores, _together(answers)


def propose(
    scene: Scene,
    links: Track,
    log_odds: NDArray[np.float32],
    share: NDArray[np.float32],
    extents: Sequence[Extent],
    usual: Sequence[Habits],
    marks: Sequence[bool],
) -> tuple[list[Candidate], NDArray[np.float32]]:
    """The candidates of every field of a document, and their evidence."""
    around = surroundings(scene, log_odds, share)
    repeats = dict(Counter(scene.tokens.keys))
    found: list[Candidate] = []
    rows: list[NDArray[np.float32]] = []
    words = (
        np.array([begins(scene, index) for index in range(len(scene))], dtype=np.bool_) & ~scene.tokens.marks
    )
    closing = np.array([bool(key) for key in scene.tokens.keys]) | scene.tokens.marks
    for field, extent in enumerate(extents):
        allowed = scene.tokens.marks if marks[field] else words
        own = candidates(
            log_odds[:, field], links, field, Extent(1, 1, 0.0) if marks[field] else extent, allowed, closing
        )
        found += own
        rows.append(evidence(around, own, usual[field], repeats))
    return found, np.concatenate(rows) if rows else np.zeros((0, 1), np.float32)


def _answers(
    number: int,
    lesson: Lesson,
    teaching: Teaching,
    odds: NDArray[np.float32],
    extents: Sequence[Extent],
    usual: Sequence[Habits],
    marks: Sequence[bool],
) -> Answers:
    found, rows = propose(lesson.scene, lesson.links, odds, lesson.share, extents, usual, marks)
    places = set(teaching.taught)
    keys = {(field, path_key(lesson.scene, path)) for field, path in teaching.taught if not marks[field]}
    fields_taught = {field for field, _ in teaching.taught}
    keys |= {(v.field, comparable(v.text)) for v in lesson.values if v.field not in fields_taught}
    right = [(c.field, c.path) in places or (c.field, path_key(lesson.scene, c.path)) in keys for c in found]
    fields = np.array([candidate.field for candidate in found], dtype=np.int32)
    return Answers(rows, np.array(right, dtype=np.bool_), np.full(len(found), number, np.int32), fields)


def _together(answers: Sequence[Answers]) -> Answers:
    return Answers(
        np.concatenate([a.rows for a in answers]),
        np.concatenate([a.right for a in answers]),
        np.concatenate([a.form for a in answers]),
        np.concatenate([a.field for a in answers]),
    )


def _judged(answers: Answers | None, lessons: Sequence[Lesson], seed: int) -> tuple[Judge, Calibration]:
    """The judge fitted on all answers, calibrated on judges that had not seen the form."""
    if answers is None or len(lessons) < LINEAR_FROM:
        return untrained(), uncalibrated()
    odds = np.zeros(len(answers.right))
    for part in range(4):
        held = answers.form % 4 == part
        if held.any() and not held.all():
            odds[held] = _fit_judge(answers, ~held, len(lessons), seed).log_odds(answers.rows[held])
    best = _best(answers, odds)
    expected = sum(len({value.field for value in lesson.values}) for lesson in lessons)
    judge = _fit_judge(answers, np.ones(len(odds), dtype=np.bool_), len(lessons), seed)
    return judge, calibrate(odds[best], answers.right[best], expected)


def _fit_judge(answers: Answers, use: NDArray[np.bool_], forms: int, seed: int) -> Judge:
    rows, right = answers.rows[use], answers.right[use]
    return fit_boosted(rows, right, seed) if forms >= BOOSTED_FROM else fit_linear(rows, right)


def _best(answers: Answers, odds: NDArray[np.float64]) -> NDArray[np.intp]:
    """Index of the likeliest candidate of each form and field."""
    order = np.lexsort((-odds, answers.field, answers.form))
    pairs = np.stack([answers.form[order], answers.field[order]], axis=1)
    first = np.ones(len(order), dtype=np.bool_)
    first[1:] = (pairs[1:] != pairs[:-1]).any(axis=1)
    best: NDArray[np.intp] = order[first]
    return best


def _usual(
    lessons: Sequence[Lesson], teachings: Sequence[Teaching], fields: int
) -> tuple[tuple[Extent, ...], tuple[Habits, ...]]:
    """Per field how far its values reach and how they look."""
    by_field: list[list[tuple[Lesson, list[tuple[int, ...]]]]] = [[] for _ in range(fields)]
    for lesson, teaching in zip(lessons, teachings, strict=True):
        paths: dict[int, list[tuple[int, ...]]] = {}
        for field, path in teaching.taught:
            paths.setdefault(field, []).append(path)
        for field, own in paths.items():
            by_field[field].append((lesson, own))
    return (
        tuple(_extent(seen) for seen in by_field),
        tuple(habits((lesson.scene, paths) for lesson, paths in seen) for seen in by_field),
    )


def _extent(seen: Sequence[tuple[Lesson, Sequence[tuple[int, ...]]]]) -> Extent:
    extent = Extent()
    for lesson, paths in seen:
        for path in paths:
            segments = lesson.scene.lines.segment[list(path)]
            pairs = list(pairwise(path))
            downs = sum(lesson.links.following[a] != b for a, b in pairs)
            gaps = [lesson.links.gap[a] for a, b in pairs if lesson.links.following[a] == b]
            extent = replace(
                extent,
                tokens=max(extent.tokens, len(path)),
                lines=max(extent.lines, 1 + downs if len(set(segments.tolist())) > 1 else 1),
                gap=max(extent.gap, *gaps, 0.0),
            )
    return Extent(min(2 * extent.tokens, extent.tokens + 12), extent.lines, min(extent.gap * 1.5, 60.0))
