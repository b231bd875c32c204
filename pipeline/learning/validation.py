"""How good an extractor is on forms it has not seen: per field, and which documents it got wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Literal

import numpy as np

from pipeline.learning.experience import is_mark
from pipeline.learning.extractor import FieldExtractor
from pipeline.learning.features import prepare
from pipeline.learning.paths import track
from pipeline.learning.targets import read_values
from pipeline.learning.tokens import text_key
from pipeline.types import Evaluation, ExtractedField, FieldOutcome, FieldSpec, LabelledForm
from pipeline.values import equal

Method = Literal["hold-out", "cross-validation", "none"]

HOLD_OUT_FROM = 20
"""Labelled forms from which on some are held out for good."""
_ONE_IN = 5
_FOLDS = 5
_LEAVE_ONE_OUT = 8


def split_hold_out(forms: Sequence[LabelledForm]) -> tuple[list[LabelledForm], list[LabelledForm]]:
    """(to learn from, held out). A form's side depends on its content alone and never changes.

    Below 20 labelled forms nothing is held out; forms without labels never are.
    """
    labelled = sum(bool(form.labels) for form in forms)
    if labelled < HOLD_OUT_FROM:
        return list(forms), []
    held = [form for form in forms if form.labels and _is_held_out(form)]
    return [form for form in forms if not (form.labels and _is_held_out(form))], held


def _is_held_out(form: LabelledForm) -> bool:
    return int(sha256((form.digest or form.name).encode()).hexdigest()[:8], 16) % _ONE_IN == 0


def validate(
    forms: Sequence[LabelledForm], fields: Sequence[FieldSpec], seed: int
) -> tuple[FieldExtractor, Evaluation]:
    """The extractor for these forms and how good it is.

    From 20 labelled forms on it learns without those that are held out for good, and is measured on
    them; below, it learns from all, and the measure is cross-validated.
    """
    taught, held = split_hold_out(forms)
    extractor = FieldExtractor(seed).fit(taught, fields)
    if not held:
        return extractor, cross_validate(forms, fields, seed)
    return extractor, evaluate(extractor, held, fields)


def evaluate(
    extractor: FieldExtractor, forms: Sequence[LabelledForm], fields: Sequence[FieldSpec]
) -> Evaluation:
    """Score a fitted extractor on labelled forms it has not learned from."""
    return _scored("hold-out", ((form, extractor.predict(form.layout)) for form in forms), fields)


def cross_validate(forms: Sequence[LabelledForm], fields: Sequence[FieldSpec], seed: int = 0) -> Evaluation:
    """Score by leaving out one form at a time (up to 8 labelled forms) or a fifth of them."""
    labelled = [number for number, form in enumerate(forms) if form.labels]
    if len(labelled) < 2:
        return Evaluation("none")
    parts = len(labelled) if len(labelled) <= _LEAVE_ONE_OUT else _FOLDS
    order = np.random.default_rng(seed).permutation(labelled).tolist()
    answers: list[tuple[LabelledForm, tuple[ExtractedField, ...]]] = []
    for part in range(parts):
        held = set(order[part::parts])
        rest = [form for number, form in enumerate(forms) if number not in held]
        extractor = FieldExtractor(seed).fit(rest, fields)
        answers += [(forms[number], extractor.predict(forms[number].layout)) for number in sorted(held)]
    return _scored("cross-validation", answers, fields)


def _scored(
    method: Method,
    answers: Iterable[tuple[LabelledForm, tuple[ExtractedField, ...]]],
    fields: Sequence[FieldSpec],
) -> Evaluation:
    outcomes = [outcome for form, found in answers for outcome in _outcomes(form, found, fields)]
    return Evaluation(method, tuple(outcomes))


def _outcomes(
    form: LabelledForm, found: Sequence[ExtractedField], fields: Sequence[FieldSpec]
) -> Iterator[FieldOutcome]:
    given = {each.field: each for each in found}
    truth = labelled_texts(form, fields)
    for spec in fields:
        answer = given.get(spec.name)
        yield FieldOutcome(
            form=form.name,
            identity=form.digest or form.name,
            field=spec.name,
            expected=spec.name in truth,
            predicted=answer is not None,
            correct=answer is not None
            and any(equal(answer.text, text, spec) for text in truth.get(spec.name, ())),
            confidence=answer.confidence if answer else 0.0,
        )


def labelled_texts(form: LabelledForm, fields: Sequence[FieldSpec]) -> Mapping[str, tuple[str, ...]]:
    """The texts that count as right per field: as labelled, and as it stands where a word was glued.

    A label marks whole words; of `5/1/2020-5/31/2020` labelled as two fields each has one date.
    """
    scene = prepare(form.layout)
    numbers = {spec.name: number for number, spec in enumerate(fields)}
    texts: dict[str, tuple[str, ...]] = {
        label.field: (label.text,) for label in form.labels if label.text.strip()
    }
    marks = is_mark(fields)
    for value in read_values(scene, track(scene), form.labels, numbers, marks):
        if value.places and not marks[value.field]:
            part = scene.tokens.text(value.places[value.priors.index(max(value.priors))])
            if text_key(part) in text_key(value.text):
                texts[fields[value.field].name] = (value.text, part)
    return texts
