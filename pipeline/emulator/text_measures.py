"""How well a model of texts did on those that were held out, counted as the service counts. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Literal

from pipeline.texts import CategoryScore, LabelledSpan, TextEvaluation, TextOutcome, TextProject
from pipeline.wire.language.records import EvaluationOptions

Pair = tuple[Sequence[LabelledSpan], Sequence[LabelledSpan]]
"""The entities of a text as labelled, and as found."""


def measured_classes(
    project: TextProject, outcomes: Sequence[TextOutcome], options: EvaluationOptions
) -> TextEvaluation:
    confusion: dict[str, Counter[str]] = defaultdict(Counter)
    if not project.multi_label:
        for outcome in outcomes:
            for labelled in outcome.labelled:
                confusion[labelled].update(outcome.predicted or ("$none",))
    return TextEvaluation(
        kind="classes",
        method=_method(options),
        categories={name: _of_class(name, outcomes) for name in project.categories},
        confusion={name: dict(row) for name, row in confusion.items()},
        wrong=tuple(one for one in outcomes if sorted(one.labelled) != sorted(one.predicted)),
        documents=len(outcomes),
    )


def _of_class(name: str, outcomes: Iterable[TextOutcome]) -> CategoryScore:
    met = Counter((name in one.labelled, name in one.predicted) for one in outcomes)
    return CategoryScore(met[True, True], met[False, True], met[True, False], met[False, False])


def measured_entities(
    project: TextProject, pairs: Sequence[Pair], options: EvaluationOptions
) -> TextEvaluation:
    """An entity counts where category and both ends are right."""
    return TextEvaluation(
        kind="entities",
        method=_method(options),
        categories={name: _of_type(name, pairs) for name in project.categories},
        confusion={},
        documents=len(pairs),
    )


def _of_type(name: str, pairs: Sequence[Pair]) -> CategoryScore:
    right = labelled = found = 0
    for expected, predicted in pairs:
        wanted = {span for span in expected if span.category == name}
        given = {span for span in predicted if span.category == name}
        right += len(wanted & given)
        labelled += len(wanted)
        found += len(given)
    return CategoryScore(right, found - right, labelled - right, 0)


def _method(options: EvaluationOptions) -> Literal["percentage", "manual"]:
    return "manual" if options.manual else "percentage"
