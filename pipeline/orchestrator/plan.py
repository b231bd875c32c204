"""What a run would do, and why. Pure: states in, decisions with reasons out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from pipeline.orchestrator.allowance import RunLimits
from pipeline.orchestrator.reckoning import Takes, Terms, Work, reckon, remaining
from pipeline.scoring.backlog import BacklogChanges
from pipeline.training.decision import TrainingDecision
from pipeline.types import FormType


@dataclass(frozen=True, slots=True)
class RowState:
    """What was found out about one parameter row; `obstacle` when that could not be done.

    `due` and `waiting`: documents the database already holds as pending, now or at a later time; of those
    that are due a service has `submitted` already. `stale`: documents scored by another model version.
    `layouts`, `layout_pages`: training forms that a service is to read before it trains, and their pages.
    `pages_per_document`, `seconds_per_document`: the means so far, if known. `classes`: what a classifier
    tells apart.
    """

    row: FormType
    decision: TrainingDecision | None = None
    changes: BacklogChanges = field(default_factory=BacklogChanges)
    due: int = 0
    waiting: int = 0
    submitted: int = 0
    stale: int = 0
    layouts: int = 0
    layout_pages: int = 0
    pages_per_document: float | None = None
    seconds_per_document: float | None = None
    obstacle: str | None = None
    classes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RowPlan:
    """What a run would do for one form type, and what that takes. `pages` is an estimate, within the limits:
    nobody counted them yet. `routes`: a router, whose documents are classified before those of others are
    scored; which of them go where, nobody knows yet."""

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
    takes: Takes = field(default_factory=Takes)
    routes: bool = False

    @property
    def work(self) -> bool:
        """Whether a run would do something for this row."""
        return self.obstacle is None and (
            self.training in ("train", "adopt") or self.documents > 0 or self.gone > 0
        )


def make_plan(
    states: Iterable[RowState], *, rescore: bool = False, terms: Terms | None = None
) -> tuple[RowPlan, ...]:
    """One plan per row, in the order in which a run takes them; what one row takes of the run's limits is
    gone for the next."""
    terms = terms or Terms()
    left, plans, trained = terms.limits, [], set[str]()
    for state in sorted(states, key=lambda state: run_order(state.row)):
        before = len(trained)
        state = _trained_within(state, left, trained)
        plan = _plan_row(state, rescore, terms, left, trains=len(trained) > before)
        left = remaining(left, plan.takes)
        plans.append(plan)
    return tuple(plans)


def _trained_within(state: RowState, left: RunLimits, trained: set[str]) -> RowState:
    """The state, its training left for later where the run's limit on trainings is reached. `trained`: the
    groups whose model is trained in this run."""
    decision, group = state.decision, state.row.group
    if decision is None or decision.action != "train":
        return state
    if group not in trained and left.train_runs is not None and len(trained) >= left.train_runs:
        reason = f"{decision.reason}; not in this run: its max_train_runs {left.train_runs} is reached"
        return replace(state, decision=replace(decision, action="cannot", reason=reason))
    trained.add(group)
    return state


def run_order(row: FormType) -> tuple[bool, int, str]:
    """Routers first, which fill the backlogs of the others; then lower `priority`, then by name."""
    return (not row.routes, row.priority, row.form_type)


def _plan_row(state: RowState, rescore: bool, terms: Terms, left: RunLimits, *, trains: bool) -> RowPlan:
    """`trains`: the model of its group is trained for this row, and for no other of it."""
    changes, decision = state.changes, state.decision
    stale = state.stale if rescore else 0
    documents = changes.new + changes.changed + state.due + stale
    cannot = decision is not None and decision.action == "cannot" and decision.version is None
    obstacle = state.obstacle or (decision.reason if decision and cannot else None)
    takes = Takes() if obstacle else reckon(_work(state, documents, trains), terms, left)
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
        pages=takes.pages,
        pages_per_document=state.pages_per_document,
        reason=_why(state, stale, documents),
        obstacle=obstacle,
        takes=takes,
        routes=state.row.routes,
    )


def _work(state: RowState, documents: int, trains: bool) -> Work:
    submitted = min(state.submitted, documents)
    return Work(
        state.row,
        documents - submitted,
        submitted,
        trains,
        state.layouts if trains else 0,
        state.layout_pages if trains else 0,
        state.pages_per_document,
        state.seconds_per_document,
    )


def _why(state: RowState, stale: int, documents: int) -> str:
    changes = state.changes
    counts = {
        "new": changes.new,
        "changed": changes.changed,
        "to try again": state.due,
        "scored by another model": stale,
    }
    parts = [f"{count} {what}" for what, count in counts.items() if count]
    if state.row.routes and documents:
        parts.append("classified first, each goes on to its form type in the same run")
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
