"""What a run works with, what was asked of it, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from pipeline.delivering.courier import Trouble
from pipeline.orchestrator import bookkeeping
from pipeline.orchestrator.allowance import Allowance
from pipeline.orchestrator.leasing import HELD_ELSEWHERE, LeaseTerms
from pipeline.orchestrator.orders import Crew
from pipeline.orchestrator.progress import Listener, Note
from pipeline.orchestrator.reconciling import reconcile
from pipeline.orchestrator.service_access import ServiceAccess
from pipeline.orchestrator.survey import Sources
from pipeline.orchestrator.watching import Observer
from pipeline.ports import Executor, Sinks
from pipeline.scoring.spending import OVER_LIMIT
from pipeline.scoring.stage import ScoringLimits
from pipeline.types import Fault, RowEnd, RunRow


@dataclass(frozen=True, slots=True)
class RunContext:
    """Live objects and limits of a run. `scratch`: a folder this run's workers share. `stopping` says that
    somebody stops the run. `allowance`: what may be spent. `crew`: the hands that score, None where this
    process does it with its workers."""

    sources: Sources
    readers: Executor
    trainer: Executor
    services: ServiceAccess
    terms: LeaseTerms
    limits: ScoringLimits
    training_timeout: float
    scratch: Path
    stopping: Callable[[], bool]
    listener: Listener
    sinks: Sinks
    allowance: Allowance = field(default_factory=Allowance)
    observer: Observer = field(default_factory=Observer)
    crew: Crew | None = None

    def ending(self) -> bool:
        """Whether nothing more may be begun: somebody stops the run, or its time is over."""
        return self.stopping() or self.allowance.over_time is not None

    @property
    def over_time(self) -> str | None:
        """The limit on time, where that and nobody else ends the run."""
        return None if self.stopping() else self.allowance.over_time


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What was asked for: form types (empty: all), and whether to score again what another model scored."""

    form_types: frozenset[str] = frozenset()
    rescore: bool = False


@dataclass(slots=True)
class RunSummary:
    """What came of a run."""

    run_id: int
    state: str = "finished"
    rows: list[RunRow] = field(default_factory=list)
    faults: tuple[Fault, ...] = ()
    troubles: list[Trouble] = field(default_factory=list)


OVER_TIME = "over-time"
"""The reason of a row that the run's time left undone, as a whole or in part; it costs no attempt."""
STOPPED = "stopped"
_ENDS: dict[str, RowEnd] = {
    HELD_ELSEWHERE: "skipped",
    STOPPED: "stopped",
    OVER_LIMIT: "finished",
    OVER_TIME: "finished",
}


def end_of(reason: str) -> RowEnd:
    """How a row ends that ended for this reason."""
    return _ENDS.get(reason, "failed")


def recover(context: RunContext) -> int:
    """Return what dead runs held; how many documents."""
    found = reconcile(context.sources.database, context.terms)
    if found.runs:
        told = (
            f"{len(found.runs)} earlier runs had died: {found.documents} documents they held are free again"
        )
        context.listener(Note("runs-lost", "", told))
    return found.documents + found.intents


def add_row(context: RunContext, summary: RunSummary, row: RunRow) -> None:
    """Note what came of a row and what it cost, in the summary and in the database, and tell it."""
    row = replace(row, cost=context.allowance.cost_of(row.form_type))
    summary.rows.append(row)
    bookkeeping.write_row(context.sources.database, summary.run_id, row, context.sources.now())
    context.observer.row_ended(row)
    context.listener(Note(f"row-{row.state}", row.form_type, row.reason or row.decision or ""))
