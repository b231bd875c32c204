"""Evaluations as the Language service tells them (CONTRACTS 4.1, 4.4), from records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.texts import CategoryScore, LabelledSpan, ProjectKind, TextEvaluation, TextOutcome
from pipeline.wire.language.records import EvaluationOptions
from pipeline.wire.language.requests import evaluation_options
from pipeline.wire.language.versions import MODEL_TYPES, PROJECT_KINDS

Json = dict[str, Any]

_MEMBERS: Mapping[ProjectKind, str] = {
    "entities": "customEntityRecognition",
    "single": "customSingleLabelClassification",
    "multi": "customMultiLabelClassification",
}
_FIRST_MEMBERS: Mapping[ProjectKind, str] = {
    "entities": "extraction",
    "single": "singleClassification",
    "multi": "multiClassification",
}


def summary(kind: ProjectKind, told: TextEvaluation, options: EvaluationOptions) -> Json:
    measured: Json = {} if kind == "multi" else {"confusionMatrix": _confusion(told)}
    measured |= {_categories(kind): _scores(told)} | _totals(told)
    return {
        "projectKind": PROJECT_KINDS[kind],
        f"{_MEMBERS[kind]}Evaluation": measured,
        "evaluationOptions": evaluation_options(options),
    }


def first_summary(kind: ProjectKind, told: TextEvaluation) -> Json:
    """As v1.0-preview.2 tells it; the kinds that the project is not of are null."""
    confusion = {row: dict(cells) for row, cells in told.confusion.items()}
    measured: Json = {"confusionMatrix": confusion} if kind == "single" else {}
    measured |= {_categories(kind): _first_scores(told)} | _totals(told)
    body: Json = {"modelType": MODEL_TYPES[kind]}
    return body | {
        f"{name}Evaluation": measured if each == kind else None for each, name in _FIRST_MEMBERS.items()
    }


def outcome(kind: ProjectKind, told: TextOutcome, language: str) -> Json:
    """What was predicted of a text that was held out, by classes."""
    body: Json = {"location": told.name, "language": language, "projectKind": PROJECT_KINDS[kind]}
    return body | {f"{_MEMBERS[kind]}Result": _classes(kind, told)}


def entities_outcome(
    name: str, language: str, length: int, expected: Sequence[LabelledSpan], predicted: Sequence[LabelledSpan]
) -> Json:
    """The same of entities. Spans and the length of the text are in UTF-16 units."""
    region = {
        "expectedEntities": [_span(span) for span in expected],
        "predictedEntities": [_span(span) for span in predicted],
        "regionOffset": 0,
        "regionLength": length,
    }
    body: Json = {"location": name, "language": language, "projectKind": PROJECT_KINDS["entities"]}
    return body | {"customEntityRecognitionResult": {"entities": [region]}}


def first_outcomes(kind: ProjectKind, told: Sequence[TextOutcome], language: str) -> Json:
    """The validation of v1.0-preview.2."""
    documents = [
        {
            "classes": {"labeledClasses": list(one.labelled), "predictedClasses": list(one.predicted)},
            "location": one.name,
            "culture": language,
        }
        for one in told
    ]
    body: Json = {"modelType": MODEL_TYPES[kind]}
    return body | {
        f"{name}Validation": {"documents": documents} if each == kind else None
        for each, name in _FIRST_MEMBERS.items()
    }


# --- parts ------------------------------------------------------------------------------------------


def _categories(kind: ProjectKind) -> str:
    return "entities" if kind == "entities" else "classes"


def _scores(told: TextEvaluation) -> Json:
    return {
        name: _rates(score)
        | {
            "truePositiveCount": score.true_positives,
            "trueNegativeCount": score.true_negatives,
            "falsePositiveCount": score.false_positives,
            "falseNegativeCount": score.false_negatives,
        }
        for name, score in told.categories.items()
    }


def _first_scores(told: TextEvaluation) -> Json:
    return {
        name: _rates(score)
        | {
            "countTruePositives": score.true_positives,
            "countTrueNegatives": score.true_negatives,
            "countFalsePositives": score.false_positives,
            "countFalseNegatives": score.false_negatives,
        }
        for name, score in told.categories.items()
    }


def _rates(score: CategoryScore) -> Json:
    return {"f1": score.f1, "precision": score.precision, "recall": score.recall}


def _totals(told: TextEvaluation) -> Json:
    scores = list(told.categories.values())
    count = len(scores) or 1
    return {
        "microF1": told.micro_f1,
        "microPrecision": told.micro_precision,
        "microRecall": told.micro_recall,
        "macroF1": sum(score.f1 for score in scores) / count,
        "macroPrecision": sum(score.precision for score in scores) / count,
        "macroRecall": sum(score.recall for score in scores) / count,
    }


def _confusion(told: TextEvaluation) -> Json:
    """Of entities, which are measured by type and not by pairs, what was found and what was missed."""
    rows: Mapping[str, Mapping[str, int]] = told.confusion or {
        name: {name: score.true_positives, "$none": score.false_negatives}
        for name, score in told.categories.items()
    }
    return {row: _cells(cells) for row, cells in rows.items()}


def _cells(cells: Mapping[str, int]) -> Json:
    total = sum(cells.values()) or 1
    return {
        name: {"normalizedValue": 100.0 * count / total, "rawValue": float(count)}
        for name, count in cells.items()
        if count
    }


def _classes(kind: ProjectKind, told: TextOutcome) -> Json:
    if kind == "multi":
        return {"expectedClasses": list(told.labelled), "predictedClasses": list(told.predicted)}
    return {"expectedClass": _first(told.labelled), "predictedClass": _first(told.predicted)}


def _first(names: Sequence[str]) -> str:
    return names[0] if names else ""


def _span(span: LabelledSpan) -> Json:
    return {"category": span.category, "offset": span.offset, "length": span.length}
