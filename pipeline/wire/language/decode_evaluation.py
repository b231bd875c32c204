"""Evaluations as the Language service tells them (CONTRACTS 4.1, 4.4): a summary, and text by text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pipeline.texts import CategoryScore, ProjectKind, TextEvaluation, TextOutcome
from pipeline.wire.language.versions import kind_named

Json = Mapping[str, Any]

_COUNTS = {
    "true_positives": ("truePositiveCount", "countTruePositives", "truePositivesCount"),
    "false_positives": ("falsePositiveCount", "countFalsePositives", "falsePositivesCount"),
    "false_negatives": ("falseNegativeCount", "countFalseNegatives", "falseNegativesCount"),
    "true_negatives": ("trueNegativeCount", "countTrueNegatives", "trueNegativesCount"),
}


def summary(body: Json) -> TextEvaluation:
    """`documents` and `wrong` are not in it."""
    kind = _kind(body)
    told = _measured(body)
    categories = told.get("classes") or told.get("entities") or {}
    single = kind == "single"
    return TextEvaluation(
        kind="entities" if kind == "entities" else "classes",
        method="service",
        categories={str(name): _score(counts) for name, counts in categories.items()},
        confusion=_confusion(told.get("confusionMatrix") or {}) if single else {},
    )


def outcomes(body: Json) -> tuple[TextOutcome, ...]:
    """In the order of the answer."""
    return tuple(_outcome(document) for document in _documents(body))


def with_outcomes(evaluation: TextEvaluation, found: Sequence[TextOutcome]) -> TextEvaluation:
    """The evaluation with the number of texts it was made on, and those that were predicted wrong. Of
    entities the service tells no text as wrong: a text has many."""
    wrong = () if evaluation.kind == "entities" else tuple(one for one in found if _is_wrong(one))
    return replace(evaluation, documents=len(found), wrong=wrong)


def _is_wrong(outcome: TextOutcome) -> bool:
    return sorted(outcome.labelled) != sorted(outcome.predicted)


# --- the summary ------------------------------------------------------------------------------------


def _kind(body: Json) -> ProjectKind:
    kind = kind_named(body.get("projectKind") or body.get("modelType"))
    if kind is None:
        raise ValueError("no kind of project")
    return kind


def _measured(body: Json) -> Json:
    """What is measured, under a name that is made of the kind; the names of the other kinds may be there as
    null."""
    found = (value for name, value in body.items() if name.lower().endswith("evaluation") and value)
    told: Json | None = next(found, None)
    if not isinstance(told, Mapping):
        raise ValueError("no evaluation")
    return told


def _score(counts: Json) -> CategoryScore:
    return CategoryScore(**{name: _count(counts, names) for name, names in _COUNTS.items()})


def _count(counts: Json, names: Sequence[str]) -> int:
    return int(next((counts[name] for name in names if counts.get(name) is not None), 0))


def _confusion(matrix: Json) -> dict[str, dict[str, int]]:
    """Texts by labelled and predicted class; cells without a text are left out."""
    rows = {str(row): {str(name): _cell(cell) for name, cell in told.items()} for row, told in matrix.items()}
    return {row: {name: count for name, count in told.items() if count} for row, told in rows.items()}


def _cell(cell: object) -> int:
    value = cell.get("rawValue") if isinstance(cell, Mapping) else cell
    return round(float(value or 0))  # type: ignore[arg-type]


# --- text by text -----------------------------------------------------------------------------------


def _documents(body: Json) -> Iterator[Json]:
    if isinstance(body.get("value"), list):
        yield from body["value"]
        return
    for name, told in body.items():
        if name.lower().endswith("validation") and isinstance(told, Mapping):
            yield from told.get("documents") or ()


def _outcome(document: Json) -> TextOutcome:
    return TextOutcome(str(document["location"]), "", *_classes(document))


def _classes(document: Json) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Those that it is labelled with, and those that were predicted."""
    for name, told in document.items():
        if name.startswith("custom") and isinstance(told, Mapping):
            if "entities" in told:
                return _types(told["entities"], "expected"), _types(told["entities"], "predicted")
            return _named(told, "expected"), _named(told, "predicted")
    classes = document.get("classes") or {}
    return _each(classes.get("labeledClasses")), _each(classes.get("predictedClasses"))


def _named(told: Json, which: str) -> tuple[str, ...]:
    return _each(told.get(f"{which}Classes") or told.get(f"{which}Class"))


def _each(told: object) -> tuple[str, ...]:
    names = told if isinstance(told, list) else [told]
    each = (name.get("category") if isinstance(name, Mapping) else name for name in names)
    return tuple(str(name) for name in each if name)


def _types(regions: Sequence[Json], which: str) -> tuple[str, ...]:
    found = [str(one["category"]) for region in regions for one in region.get(f"{which}Entities") or ()]
    return tuple(sorted(found))
