"""`model_version.evaluation` and `.fields` <-> records. No field values: counts and confidences only.

Outcomes are kept as `[form, field, expected, predicted, correct, confidence]`, the first two being
positions in `forms` (`[name, identity]`) and `fields`: a quarter of the size of spelling them out. `texts`
is there for models of texts: by category `[true positives, false positives, false negatives, true
negatives]`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from pipeline.texts import CategoryScore, TextEvaluation, TextOutcome
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
    return Evaluation(body["method"], tuple(outcomes), accuracies, _read_texts(body.get("texts")))


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
    body: dict[str, Any] = {
        "method": evaluation.method,
        "forms": forms,
        "fields": fields,
        "outcomes": outcomes,
    }
    if evaluation.accuracies:
        body["accuracies"] = evaluation.accuracies
    if evaluation.texts is not None:
        body["texts"] = _texts(evaluation.texts)
    return body


def _texts(texts: TextEvaluation) -> dict[str, Any]:
    return {
        "kind": texts.kind,
        "method": texts.method,
        "documents": texts.documents,
        "categories": {
            name: [s.true_positives, s.false_positives, s.false_negatives, s.true_negatives]
            for name, s in texts.categories.items()
        },
        "confusion": {labelled: dict(row) for labelled, row in texts.confusion.items()},
        "wrong": [[each.name, each.digest, each.labelled, each.predicted] for each in texts.wrong],
    }


def _read_texts(body: dict[str, Any] | None) -> TextEvaluation | None:
    if body is None:
        return None
    return TextEvaluation(
        body["kind"],
        body["method"],
        {name: CategoryScore(*counts) for name, counts in body["categories"].items()},
        body["confusion"],
        tuple(
            TextOutcome(name, digest, tuple(labelled), tuple(predicted))
            for name, digest, labelled, predicted in body["wrong"]
        ),
        body["documents"],
    )
