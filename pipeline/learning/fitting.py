"""How a field extractor is learned from labelled forms: models that have not seen a form judge its labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pipeline.learning.calibration import Calibration, calibrate, uncalibrated
from pipeline.learning.evidence import surroundings
from pipeline.learning.experience import Experience, gather, is_mark, propose
from pipeline.learning.features import Scene, prepare, token_features
from pipeline.learning.hashing import MASKED
from pipeline.learning.judge import Judge, fit_few, fit_judge, untrained
from pipeline.learning.linear import LOG_ODDS_LIMIT, LinearSettings, TokenModel, fit_tokens
from pipeline.learning.paths import Track, comparable, path_key, track
from pipeline.learning.printed import PrintedPages, learn_printed, without_printed
from pipeline.learning.recurrence import Recurrence, count_recurrence
from pipeline.learning.spans import Candidate, path_score
from pipeline.learning.targets import Teaching, Value, read_values, teach
from pipeline.types import FieldSpec, LabelledForm

JUDGED_FROM = 8
"""Forms from which on all evidence is weighed; with a handful only what says most."""
FEW_FROM = 4
_PARTS = 4
_ROUNDS = 2
_BAGS = 3


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
    experience: Experience
    recurrence: Recurrence
    tokens: TokenModel
    judge: Judge
    calibration: Calibration
    printed: PrintedPages


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model that has not seen a form says about it.

    `teaching`: the places of its labelled values, resolved. `hardness`: per token the highest log odds of
    any field. `rows`, `right`, `field`: its candidates.
    """

    teaching: Teaching
    hardness: NDArray[np.float32]
    rows: NDArray[np.float32]
    right: NDArray[np.bool_]
    field: NDArray[np.int32]


def learn(forms: Sequence[LabelledForm], fields: Sequence[FieldSpec], seed: int) -> Model:
    """Learn all parts from the forms. Deterministic in forms, fields and seed."""
    printed = learn_printed(forms)
    forms = [replace(form, layout=without_printed(form.layout, printed)) for form in forms]
    recurrence, lessons = _lessons(forms, fields)
    settings = LinearSettings(least_forms=2 if len(forms) > 2 else 1, seed=seed)
    marks = is_mark(fields)
    folds = _folds(len(forms), seed)
    teachings = [teach(lesson.values) for lesson in lessons]
    answers: list[Answer] = []
    for _ in range(_ROUNDS if len(folds) > 1 else 0):
        answers = _held_out(lessons, teachings, answers, folds, marks, settings)
        teachings = [answer.teaching for answer in answers]
    judge, calibration = _judged(answers, lessons, len(fields), seed)
    everything = range(len(lessons))
    tokens = _fit(lessons, teachings, answers, everything, len(fields), settings)
    examples = Counter(value.field for lesson in lessons for value in lesson.values)
    return Model(
        tuple(fields),
        len(forms),
        tuple(examples[field] for field in range(len(fields))),
        _experience(lessons, teachings, everything, marks),
        recurrence,
        tokens,
        judge,
        calibration,
        printed,
    )


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
    parts = min(_PARTS, forms)
    order = np.random.default_rng(seed).permutation(forms)
    return [sorted(int(form) for form in order[part::parts]) for part in range(parts)]


def _held_out(
    lessons: Sequence[Lesson],
    teachings: Sequence[Teaching],
    before: Sequence[Answer],
    folds: Sequence[Sequence[int]],
    marks: tuple[bool, ...],
    settings: LinearSettings,
) -> list[Answer]:
    """An answer for every form by a model of the other folds; `before`: the answers of the last round."""
    answers: dict[int, Answer] = {}
    for fold in folds:
        rest = [number for number in range(len(lessons)) if number not in set(fold)]
        model = _fit(lessons, teachings, before, rest, len(marks), settings)
        experience = _experience(lessons, teachings, rest, marks)
        columns = model.columns()
        for number in fold:
            answers[number] = _answer(lessons[number], model, columns, experience)
    return [answers[number] for number in range(len(lessons))]


def _fit(
    lessons: Sequence[Lesson],
    teachings: Sequence[Teaching],
    before: Sequence[Answer],
    numbers: Sequence[int],
    fields: int,
    settings: LinearSettings,
) -> TokenModel:
    return fit_tokens(
        [lessons[number].features for number in numbers],
        [teachings[number] for number in numbers],
        fields,
        settings,
        [before[number].hardness for number in numbers] if before else None,
    )


def _experience(
    lessons: Sequence[Lesson],
    teachings: Sequence[Teaching],
    numbers: Sequence[int],
    marks: tuple[bool, ...],
) -> Experience:
    return gather(((lessons[n].scene, lessons[n].links, teachings[n]) for n in numbers), marks)


def _answer(lesson: Lesson, model: TokenModel, columns: NDArray[np.int32], experience: Experience) -> Answer:
    around = surroundings(lesson.scene, model, columns[lesson.features], lesson.share)
    odds = around.log_odds
    scores = [[path_score(odds[:, value.field], path) for path in value.places] for value in lesson.values]
    teaching = teach(lesson.values, scores)
    found, rows = propose(around, lesson.links, experience)
    return Answer(
        teaching,
        odds.max(axis=(0, 1), initial=-LOG_ODDS_LIMIT),
        rows,
        _right(lesson, teaching, found, experience.marks),
        np.array([candidate.field for candidate in found], dtype=np.int32),
    )


def _right(
    lesson: Lesson, teaching: Teaching, found: Sequence[Candidate], marks: Sequence[bool]
) -> NDArray[np.bool_]:
    """Which candidates are the labelled value, there or elsewhere with the same text."""
    places = set(teaching.taught)
    keys = {(field, path_key(lesson.scene, path)) for field, path in teaching.taught if not marks[field]}
    located = {field for field, _ in teaching.taught}
    keys |= {(v.field, comparable(v.text)) for v in lesson.values if v.field not in located}
    return np.array(
        [(c.field, c.path) in places or (c.field, path_key(lesson.scene, c.path)) in keys for c in found],
        dtype=np.bool_,
    )


def _judged(
    answers: Sequence[Answer], lessons: Sequence[Lesson], fields: int, seed: int
) -> tuple[Judge, Calibration]:
    """The judge fitted on all answers, calibrated on judges that had not seen the form."""
    if len(answers) < FEW_FROM:
        return untrained(fields), uncalibrated()
    rows = np.concatenate([answer.rows for answer in answers])
    right = np.concatenate([answer.right for answer in answers])
    field = np.concatenate([answer.field for answer in answers])
    form = np.repeat(np.arange(len(answers)), [len(answer.right) for answer in answers])
    few = len(lessons) < JUDGED_FROM
    odds = np.zeros(len(right))
    for part in range(_PARTS):
        held = form % _PARTS == part
        if held.any():
            judge = _judge(rows[~held], right[~held], fields, seed, few)
            odds[held] = judge.log_odds(rows[held])
    best = _best(form, field, odds)
    expected = sum(len({value.field for value in lesson.values}) for lesson in lessons)
    judge = _judge(rows, right, fields, seed, few, _BAGS)
    return judge, calibrate(odds[best], right[best], expected)


def _judge(
    rows: NDArray[np.float32], right: NDArray[np.bool_], fields: int, seed: int, few: bool, bags: int = 1
) -> Judge:
    return fit_few(rows, right, fields) if few else fit_judge(rows, right, fields, seed, bags)


def _best(form: NDArray[np.int64], field: NDArray[np.int32], odds: NDArray[np.float64]) -> NDArray[np.intp]:
    """Index of the likeliest candidate of each form and field."""
    order = np.lexsort((-odds, field, form))
    pairs = np.stack([form[order], field[order]], axis=1)
    first = np.ones(len(order), dtype=np.bool_)
    first[1:] = (pairs[1:] != pairs[:-1]).any(axis=1)
    best: NDArray[np.intp] = order[first]
    return best
