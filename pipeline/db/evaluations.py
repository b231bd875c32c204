"""`model_version.evaluation` and `.fields` <-> records. No field values: counts and confidences only.

Outcomes are kept as `[form, field, expected, predicted, correct, confidence]`, the first two being
positions in `forms` (`[name, identity]`) and `fields`: a quarter of the size of spelling them out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from pipeline.types import Evaluation, FieldOutcome, FieldSpec

Manifest = tuple[tuple[str, str], ...]
"""(content, labels) of each training form, as short digests."""


def evaluation_json(evaluation: Evaluation | None, training_set: Manifest = ()) -> str:
    """The text stored for an evaluation, and for what the version was trained on."""
    body: dict[str, Any] = {"trainingSet": training_set}
    if evaluation is not None:
        body |= _measured(evaluation)
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def read_evaluation(text: str | None) -> Evaluation | None:
    """The evaluation in a stored text, None where the version has not been measured."""
    body = json.loads(text) if text else {}
    if "method" not in body:
        return None
    forms, fields = body["forms"], body["fields"]
    outcomes = (
        FieldOutcome(
            forms[form][0],
            forms[form][1],
            fields[field],
            bool(expected),
            bool(predicted),
            bool(correct),
            confidence,
        )
        for form, field, expected, predicted, correct, confidence in body["outcomes"]
    )
    accuracies = tuple((field, accuracy) for field, accuracy in body.get("accuracies", ()))
    return Evaluation(body["method"], tuple(outcomes), accuracies)


def read_manifest(text: str | None) -> Manifest:
    """What the version was trained on; empty where that is not known."""
    body = json.loads(text) if text else {}
    return tuple((content, labels) for content, labels in body.get("trainingSet", ()))


def fields_json(fields: Iterable[FieldSpec]) -> str:
    """The text stored for the fields of a model."""
    return json.dumps([asdict(spec) for spec in fields], ensure_ascii=False, separators=(",", ":"))


def read_fields(text: str) -> tuple[FieldSpec, ...]:
    """The fields in a stored text."""
    return tuple(FieldSpec(**spec) for spec in json.loads(text))


def _measured(evaluation: Evaluation) -> dict[str, Any]:
    forms = list(dict.fromkeys((outcome.form, outcome.identity) for outcome in evaluation.outcomes))
    fields = list(dict.fromkeys(outcome.field for outcome in evaluation.outcomes))
    form_at = {form: position for position, form in enumerate(forms)}
    field_at = {field: position for position, field in enumerate(fields)}
    outcomes = [
        [
            form_at[o.form, o.identity],
            field_at[o.field],
            int(o.expected),
            int(o.predicted),
            int(o.correct),
            round(o.confidence, 4),
        ]
        for o in evaluation.outcomes
    ]
    body = {"method": evaluation.method, "forms": forms, "fields": fields, "outcomes": outcomes}
    return body | ({"accuracies": evaluation.accuracies} if evaluation.accuracies else {})
