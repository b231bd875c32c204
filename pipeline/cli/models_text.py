"""How well a model of texts did, as `formpipe models show` tells it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.cli.console import out
from pipeline.cli.tables import print_table
from pipeline.texts import CategoryScore, TextEvaluation

_METHODS = {
    "percentage": "on texts held out, drawn by the hash of their contents (80/10/10)",
    "manual": "on the texts that the project file marks for test",
    "cross-validation": "by cross-validation: each text judged by a model that had not seen it",
    "service": "by the service itself",
    "none": "not measured",
}
_WIDEST = 12
"""Classes up to which the matrix is drawn; of more, only what was mistaken for what is told."""


def texts_as_data(texts: TextEvaluation) -> dict[str, Any]:
    """Scores by entity type or class, the confusion of classes, and the texts that came out wrong."""
    return {
        "kind": texts.kind,
        "method": texts.method,
        "documents": texts.documents,
        "micro": _figures(texts.micro_precision, texts.micro_recall, texts.micro_f1),
        "categories": {name: _score(score) for name, score in texts.categories.items()},
        "confusion": {labelled: dict(row) for labelled, row in texts.confusion.items()},
        "wrong": [
            {"name": each.name, "labelled": list(each.labelled), "predicted": list(each.predicted)}
            for each in texts.wrong
        ],
    }


def print_texts(texts: TextEvaluation) -> None:
    """The same for people."""
    count = "1 text" if texts.documents == 1 else f"{texts.documents} texts"
    if texts.method == "none":
        out.print("\nNot measured: there were too few texts to hold some out.")
        return
    out.print(f"\nMeasured {_METHODS[texts.method]}: {count}.")
    columns = ("entity" if texts.kind == "entities" else "class", ">precision", ">recall", ">F1")
    lines: list[Sequence[object]] = [
        (name, s.precision, s.recall, s.f1, *_counts(s)) for name, s in texts.categories.items()
    ]
    total = (texts.micro_precision, texts.micro_recall, texts.micro_f1)
    print_table((*columns, ">right", ">made up", ">missed"), [*lines, ("all", *total, *_sums(texts))])
    if texts.confusion:
        _print_confusion(texts.confusion)
    if texts.wrong:
        out.print("\nCame out wrong (label more texts like these, or check their labels):")
        said = ("missed", "made up") if texts.kind == "entities" else ("labelled", "predicted")
        wrong = [(each.name, _told(each.labelled), _told(each.predicted)) for each in texts.wrong]
        print_table(("text", *said), wrong)


def _print_confusion(confusion: Mapping[str, Mapping[str, int]]) -> None:
    names = list(dict.fromkeys([*confusion, *(name for row in confusion.values() for name in row)]))
    if len(names) <= _WIDEST:
        out.print("\nLabelled (down) and predicted (across):")
        matrix = [(name, *(confusion.get(name, {}).get(other, 0) for other in names)) for name in names]
        print_table(("", *(f">{name}" for name in names)), matrix)
        return
    mistaken = Counter(
        {
            (labelled, predicted): count
            for labelled, row in confusion.items()
            for predicted, count in row.items()
            if labelled != predicted
        }
    )
    if mistaken:
        out.print("\nMistaken for one another:")
        pairs = [(*names, count) for names, count in mistaken.most_common()]
        print_table(("labelled", "predicted", ">texts"), pairs)


def _score(score: CategoryScore) -> dict[str, float | int]:
    right, made_up, missed = _counts(score)
    counts = {"true_positives": right, "false_positives": made_up, "false_negatives": missed}
    return {**_figures(score.precision, score.recall, score.f1), **counts}


def _figures(precision: float, recall: float, f1: float) -> dict[str, float]:
    return {"precision": round(precision, 4), "recall": round(recall, 4), "f1": round(f1, 4)}


def _counts(score: CategoryScore) -> tuple[int, int, int]:
    return score.true_positives, score.false_positives, score.false_negatives


def _sums(texts: TextEvaluation) -> tuple[int, ...]:
    return tuple(map(sum, zip(*map(_counts, texts.categories.values()), strict=True)))


def _told(names: Sequence[str]) -> str:
    """`Party, Sum (2)`"""
    counts = Counter(names)
    return ", ".join(name if count == 1 else f"{name} ({count})" for name, count in counts.items())
