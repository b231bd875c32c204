"""What a run would do, and why. Pure: states in, decisions with reasons out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from pipeline.scoring.backlog import BacklogChanges
from pipeline.training.decision import TrainingDecision
from pipeline.types import FormType


@dataclass(frozen=True, slots=True)
class RowState:
    """What was found out about one parameter row; `obstacle` when that could not be done.

    `due` and `waiting`: documents the database already holds as pending, now or at a later time.
    `stale`: documents scored by another model version. `pages_per_document`: the mean so far, if known.
    """

    row: FormType
    decision: TrainingDecision | None = None
    changes: BacklogChanges = field(default_factory=BacklogChanges)
    due: int = 0
    waiting: int = 0
    stale: int = 0
    pages_per_document: float | None = None
    obstacle: str | None = None


@dataclass(frozen=True, slots=True)
class RowPlan:
    """What a run would do for one form type. `pages` is an estimate: nobody counted them yet."""

    form_type: str
    training: str
    training_reason: str
    documents: int
    new: int
    changed: int
    again: int
    waiting: int
    gone: int
    unchanged: int
    pages: int
    pages_per_document: float | None
    reason: str
    obstacle: str | None = None

    @property
    def work(self) -> bool:
        """Whether a run would do something for this row."""
        return self.obstacle is None and (
            self.training in ("train", "adopt") or self.documents > 0 or self.gone > 0
        )


def make_plan(states: Iterable[RowState], *, rescore: bool = False) -> tuple[RowPlan, ...]:
    """One plan per row, in the order in which a run takes them."""
    ordered = sorted(states, key=lambda state: run_order(state.row))
    return tuple(_plan_row(state, rescore) for state in ordered)


def run_order(row: FormType) -> tuple[int, str]:
    """Lower `priority` first, then by name."""
    return (row.priority, row.form_type)


def _plan_row(state: RowState, rescore: bool) -> RowPlan:
    changes, decision = state.changes, state.decision
    stale = state.stale if rescore else 0
    documents = changes.new + changes.changed + state.due + stale
    cannot = decision is not None and decision.action == "cannot" and decision.version is None
    obstacle = state.obstacle or (decision.reason if decision and cannot else None)
    mean = state.pages_per_document
    return RowPlan(
        form_type=state.row.form_type,
        training=decision.action if decision else "cannot",
        training_reason=decision.reason if decision else (state.obstacle or ""),
        documents=documents,
        new=changes.new,
        changed=changes.changed,
        again=state.due + stale,
        waiting=state.waiting,
        gone=changes.gone,
        unchanged=changes.unchanged,
        pages=_pages(state.row, documents, mean),
        pages_per_document=mean,
        reason=_why(state, stale, documents),
        obstacle=obstacle,
    )


def _pages(row: FormType, documents: int, mean: float | None) -> int:
    estimate = round(documents * (mean or 1.0))
    return min(estimate, row.max_pages_per_run) if row.max_pages_per_run is not None else estimate


def _why(state: RowState, stale: int, documents: int) -> str:
    changes = state.changes
    counts = {
        "new": changes.new,
        "changed": changes.changed,
        "to try again": state.due,
        "scored by another model": stale,
    }
    parts = [f"{count} {what}" for what, count in counts.items() if count]
    if state.waiting:
        parts.append(f"{state.waiting} wait for their next try")
    if changes.gone:
        parts.append(f"{changes.gone} no longer there")
    if not documents and not parts:
        return _why_nothing(changes)
    return ", ".join(parts)


def _why_nothing(changes: BacklogChanges) -> str:
    if changes.listed == 0:
        return "the backlog is empty"
    return f"all {changes.unchanged} documents were scored before and have not changed"
