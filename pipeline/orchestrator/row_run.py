"""Score the backlog of one row and keep what is shown of it up to date. Several runs may do this at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection

from pipeline.db import documents
from pipeline.db.transactions import transact
from pipeline.delivering.courier import Courier
from pipeline.errors import RowError
from pipeline.orchestrator.hands import row_of
from pipeline.orchestrator.leasing import HELD_ELSEWHERE, Guard, held, view_lease
from pipeline.orchestrator.left_over import left_over
from pipeline.orchestrator.orders import Order
from pipeline.orchestrator.preparing import Prepared
from pipeline.orchestrator.progress import Note
from pipeline.orchestrator.routing import Routes, look_again
from pipeline.orchestrator.row_scoring import RowScoring, progress_of
from pipeline.orchestrator.run_context import RunContext, RunOptions, RunSummary, add_row, end_of
from pipeline.orchestrator.sending import courier_of
from pipeline.orchestrator.service_access import LOCAL
from pipeline.orchestrator.showing import Showing
from pipeline.orchestrator.spreading import Spreading
from pipeline.scoring.backlog import BacklogChanges
from pipeline.scoring.gone import remove_gone_values
from pipeline.scoring.spending import Spending
from pipeline.scoring.stage import ScoringContext, Tally, score_backlog, scoring_model
from pipeline.types import FormType, ModelVersion, RowEnd, RunRow

_TURN_SECONDS = 120.0
"""How long one run waits for another that alters the same views or sends to the same sinks."""


@dataclass(frozen=True, slots=True)
class RowRun:
    """One row's turn in a run."""

    context: RunContext
    options: RunOptions
    summary: RunSummary
    row: FormType
    prepared: Prepared
    guard: Guard
    routes: Routes = field(default_factory=Routes)

    def score(self) -> None:
        """Score what is due and write down what came of it, also where the row could not go on. Raises
        RunError, and RowError where nothing was begun."""
        started, row, prepared = time.monotonic(), self.row, self.prepared
        version, changes = prepared.version, prepared.listings[row.form_type]
        spending = self._spending(version)
        with ExitStack() as turn:
            courier = courier_of(self.context, row, self.guard, turn)
            scoring, total = self._scoring(version, spending), self._due(version)
            showing = self._showing(version)
            with self._turn(view_lease(row.form_type)):
                stored = showing.prepare()
            work = self._work(scoring, total, stored, courier, version, spending)
            with self.context.observer.stage("score", row):
                tally, ended = work.tally, _ended_by(work.score)
            self._empty_gone()
            self._show(showing, tally)
            courier = courier or courier_of(self.context, row, self.guard, turn, patience=_TURN_SECONDS)
            if courier:
                with self.context.observer.stage("deliver", row):
                    courier.catch_up()
            left = left_over(self.context.sources, row, spending, self.context.over_time)
            told = self._reasons(tally, courier, None if total else changes.unchanged)
        why = [f"{ended.reason}: {ended}"] if ended else []
        result = replace(
            _row_of(row, self._state(ended), changes, tally),
            decision="; ".join([prepared.reason, *showing.sentences]),
            seconds=round(time.monotonic() - started, 3),
            reason="; ".join([*why, *left.told, *told]) or None,
            left_over=left.documents,
        )
        add_row(self.context, self.summary, result)

    def _scoring(self, version: ModelVersion, spending: Spending) -> ScoringContext | None:
        """What this process scores with, None where hands do. Raises RowError where nothing can be begun."""
        if self.context.crew is not None:
            return None
        run_id = self.summary.run_id
        return RowScoring(self.context, run_id, self.row, version, self.guard, self.routes).scoring(spending)

    def _work(
        self,
        scoring: ScoringContext | None,
        total: int,
        stored: frozenset[str] | None,
        courier: Courier | None,
        version: ModelVersion,
        spending: Spending,
    ) -> _Work:
        """The scoring of what is due, and the tally that it fills."""
        context, row = self.context, self.row
        progress = progress_of(context, row.form_type, total)
        committed = courier.send if courier else lambda: None
        if scoring is not None:
            mine = replace(scoring, progress=progress, committed=committed, stored=stored)
            return _Work(mine.tally, lambda: score_backlog(mine, row, version, context.limits))
        assert context.crew is not None
        order = Order(
            self.summary.run_id,
            replace(row, parallelism=max(row.parallelism // max(context.crew.slots(), 1), 1)),
            replace(version, evaluation=None),
            context.limits,
            spending.price,
            spending.limits,
            stored,
            self.routes,
        )
        tally = Tally()
        spread = Spreading(context, context.crew, order, self.guard, spending, tally, progress, committed)
        return _Work(tally, lambda: spread.score(total))

    def _empty_gone(self) -> None:
        """After scoring, which may take values over for a blob that was renamed."""
        sources = self.context.sources
        remove_gone_values(sources.database, self.row, guard=self.guard, now=sources.now)

    def _state(self, ended: RowError | None) -> RowEnd:
        if ended:
            return end_of(ended.reason)
        return "stopped" if self.context.stopping() else "finished"

    def _show(self, showing: Showing, tally: Tally) -> None:
        """What was scored counts, even where another run keeps altering the views: it shows it as well."""
        try:
            with self._turn(view_lease(self.row.form_type)):
                showing.finish(tally.discarded, scored=tally.finished > 0)
        except RowError as error:
            if error.reason != HELD_ELSEWHERE:
                raise

    def _turn(self, name: str) -> AbstractContextManager[Guard]:
        context = self.context
        patience = 0.0 if context.ending() else _TURN_SECONDS
        return held(context.sources.database, name, context.terms, patience=patience)

    def _reasons(self, tally: Tally, courier: Courier | None, unchanged: int | None) -> list[str]:
        """Why there was nothing to do, what was begun again, and which sinks did not get everything."""
        told = []
        if unchanged is not None and not tally.finished:
            told.append(f"nothing to score: {unchanged} documents unchanged")
        if tally.begun_again:
            told.append(f"{tally.begun_again} operations were past their deadline and are submitted again")
        if vanished := self.prepared.listings[self.row.form_type].told:
            told.append(vanished)
        if tally.reused:
            told.append(
                f"{tally.reused} documents have a new name, and took over their values: nothing was paid"
            )
        if tally.unrouted:
            name = self.row.form_type
            told.append(
                f"{tally.unrouted} documents wait for a person, for their form type is not certain: "
                f"formpipe status --form-type {name} --unrouted"
            )
        if tally.taken_away:
            told.append(f"{tally.taken_away} documents changed while they were scored")
        for trouble in courier.troubles() if courier else ():
            self.summary.troubles.append(trouble)
            self.context.listener(Note("not-delivered", self.row.form_type, str(trouble)))
            told.append(str(trouble))
        return told

    def _due(self, version: ModelVersion) -> int:
        """Safe to do twice: what is pending already is not reset again, and nothing is scored before it."""
        now = self.context.sources.now()

        def work(connection: Connection) -> int:
            self.guard(connection)
            if self.options.rescore:
                documents.reset(
                    connection,
                    self.row.form_type,
                    outcomes=documents.RESCORED,
                    not_by_version=version.id,
                )
            look_again(connection, self.row, self.routes)
            return documents.count_pending(connection, self.row.form_type, now)[0]

        return transact(self.context.sources.database, work)

    def _spending(self, version: ModelVersion) -> Spending:
        """What this row may spend, at the price of the version that scores."""
        allowance = self.context.allowance
        price = allowance.prices.of_scoring(version.engine, version.api_version, version.model_kind)
        return allowance.spending(self.row, price)

    def _showing(self, version: ModelVersion) -> Showing:
        """A local model's fields are names read off forms; a service's may be columns of tables."""
        context, row = self.context, self.row
        return Showing(
            context.sources.database,
            row,
            scoring_model(row, version, context.limits).fields,
            nested=version.engine != LOCAL and row.use_label_file,
            run_id=self.summary.run_id,
            now=context.sources.now,
            guard=self.guard,
            listener=context.listener,
        )


@dataclass(frozen=True, slots=True)
class _Work:
    tally: Tally
    score: Callable[[], object]


def _ended_by(score: Callable[[], object]) -> RowError | None:
    """Do it; what ended the row before its time."""
    try:
        score()
    except RowError as error:
        return error
    return None


def _row_of(row: FormType, state: RowEnd, changes: BacklogChanges, tally: Tally) -> RunRow:
    done = row_of(row.form_type, state, tally)
    return replace(done, listed=changes.listed, gone=changes.gone + tally.gone)
