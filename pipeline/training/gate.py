"""Whether a new model has earned its place (DESIGN rule 4). Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.types import Evaluation, FieldOutcome, FieldScore

_NAMED_FIELDS = 5


@dataclass(frozen=True, slots=True)
class Verdict:
    """The gate's decision, with a reason for a person."""

    promote: bool
    reason: str


def judge(
    candidate: Evaluation | None, active: Evaluation | None, active_version: int | None = None
) -> Verdict:
    """Compare micro F1 over the forms (by `identity`) and fields that both versions were measured on.

    `active_version` is the number of the version in use, None where there is none. Equal is good enough: a
    new model has seen the newer training set. Nothing to compare by: the new model is promoted, and the
    reason says so.
    """
    if active_version is None:
        return Verdict(True, "first model")
    if candidate is not None and active is not None and candidate.accuracies and active.accuracies:
        return _compare_accuracies(candidate, active, active_version)
    if candidate is None or not candidate.outcomes:
        return Verdict(True, "this version could not be measured: too few labelled forms, or no labels")
    if active is None or not active.outcomes:
        return Verdict(True, f"version {active_version} was never measured: nothing to compare with")
    new, old = _shared(candidate.outcomes, active.outcomes), _shared(active.outcomes, candidate.outcomes)
    if not new.outcomes:
        return Verdict(True, f"no form was measured with both this version and version {active_version}")
    return _compare(new, old, active_version)


def _shared(outcomes: Iterable[FieldOutcome], others: Iterable[FieldOutcome]) -> Evaluation:
    """The outcomes of forms and fields that occur in `others` as well."""
    known = {(other.identity, other.field) for other in others}
    kept = (outcome for outcome in outcomes if (outcome.identity, outcome.field) in known)
    return Evaluation("none", tuple(kept))


def _compare_accuracies(candidate: Evaluation, active: Evaluation, active_version: int) -> Verdict:
    """By the mean of the service's own accuracies over the fields both versions have."""
    new, old = dict(candidate.accuracies), dict(active.accuracies)
    shared = sorted(new.keys() & old.keys())
    if not shared:
        return Verdict(True, f"no field in common with version {active_version}: nothing to compare by")
    mine, theirs = (sum(each[field] for field in shared) / len(shared) for each in (new, old))
    count = "1 field" if len(shared) == 1 else f"{len(shared)} fields"
    figures = (
        f"accuracy {mine:.3f} against {theirs:.3f} of version {active_version}, on {count}, by the service"
    )
    worse = [field for field in shared if new[field] < old[field] - 1e-9]
    if mine >= theirs - 1e-9:
        return Verdict(True, figures)
    return Verdict(False, f"{figures}; worse in {', '.join(worse[:_NAMED_FIELDS])}")


def _compare(new: Evaluation, old: Evaluation, active_version: int) -> Verdict:
    forms = len({outcome.identity for outcome in new.outcomes})
    figures = (
        f"F1 {new.overall.f1:.3f} against {old.overall.f1:.3f} of version {active_version}, "
        f"on {forms} {'form' if forms == 1 else 'forms'} both were measured on"
    )
    if new.overall.f1 >= old.overall.f1 - 1e-12:
        return Verdict(True, figures)
    return Verdict(False, f"{figures}; worse in {_losses(new.fields, old.fields)}")


def _losses(new: Iterable[FieldScore], old: Iterable[FieldScore]) -> str:
    """The fields that lost, the greatest loss first."""
    before = {score.field: score.f1 for score in old}
    lost = [(before[score.field] - score.f1, score) for score in new if score.f1 < before[score.field]]
    ranked = [score for _, score in sorted(lost, key=lambda pair: -pair[0])]
    named = [f"{score.field} ({score.f1:.3f}, was {before[score.field]:.3f})" for score in ranked]
    more = len(named) - _NAMED_FIELDS
    return ", ".join(named[:_NAMED_FIELDS]) + (f" and {more} more" if more > 0 else "")
