"""A hand of a run: it scores a span of a row's backlog, wherever it is, as a run of its own that writes for
the run it belongs to. Claims, fencing and what becomes of a dead one's documents are those of every run."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from pipeline.db import allotments, claims, hands, leases, runs
from pipeline.db.allotments import Given, Most, millionths
from pipeline.db.spans import Span
from pipeline.db.transactions import consult, transact
from pipeline.errors import FormpipeError, RunError, place_of
from pipeline.orchestrator import bookkeeping
from pipeline.orchestrator.leasing import alive, run_lease
from pipeline.orchestrator.orders import HandReport, Order
from pipeline.orchestrator.row_scoring import RowScoring
from pipeline.orchestrator.run_context import STOPPED, RunContext, recover
from pipeline.scoring.sharing import SharedPurse
from pipeline.scoring.spending import Amount, Limits, Purse, Refusal, Spending
from pipeline.scoring.stage import ScoringContext, Tally, score_backlog
from pipeline.types import RowEnd, RunRow

_LOOK_SECONDS = 1.0


def work_on(context: RunContext, order: Order, span: Span) -> HandReport:
    """Score what is due within a span, until the context is `stopping`: see `Watch`. What ends the row is in
    the report; raises RunError where this hand cannot go on, though another may."""
    database = context.sources.database
    run_id = bookkeeping.begin(database, context.terms, order.run_id)
    hand = _Hand(context, order, run_id)
    try:
        with alive(database, run_id, context.terms) as guard:
            recover(context)
            return hand.score(span, guard)
    finally:
        hand.end()


class _Hand:
    def __init__(self, context: RunContext, order: Order, run_id: int) -> None:
        self._context = context
        self._order = order
        self._run_id = run_id
        self._purses = [self._purse(name, each) for name, each in zip(order.names, order.limits, strict=True)]
        self._spending = Spending(order.price, *self._purses)
        self._state: RowEnd = "stopped"

    def score(self, span: Span, guard: Callable[[Connection], None]) -> HandReport:
        order = self._order
        tally, ended = Tally(), None
        try:
            row_scoring = RowScoring(
                self._context, self._run_id, order.row, order.version, guard, order.routes
            )
            scoring = row_scoring.scoring(self._spending)
            score_backlog(self._mine(scoring, tally, span), order.row, order.version, order.scoring)
            self._state = "stopped" if self._context.ending() else "finished"
        except (RunError, SQLAlchemyError):
            raise
        except Exception as error:
            ended = _told(error)
            self._state = "stopped" if ended[0] == STOPPED else "failed"
        reason = f"{ended[0]}: {ended[1]}" if ended else None
        self._note_now(replace(self._row(tally), state=self._state, reason=reason))
        return self._report(tally, ended)

    def end(self) -> None:
        """As every run ends; what it was given of limits and did not spend goes back, once."""
        now, run_id, order = self._context.sources.now(), self._run_id, self._order
        rests = [(name, each.rest) for name, each in zip(order.names, self._purses, strict=True)
                 if isinstance(each, SharedPurse)]  # fmt: skip

        def work(connection: Connection) -> None:
            claims.release(connection, run_id)
            leases.forget(connection, run_lease(run_id))
            if runs.finish(connection, run_id, state=self._state, now=now):
                for name, rest in rests:
                    allotments.give_back(connection, order.run_id, name, given_of(rest))

        transact(self._context.sources.database, work)

    def _mine(self, scoring: ScoringContext, tally: Tally, span: Span) -> ScoringContext:
        return replace(
            scoring,
            stored=self._order.stored,
            span=span,
            written_for=self._order.run_id,
            note=lambda connection, done: hands.note(connection, self._run_id, self._row(done)),
            tally=tally,
        )

    def _note_now(self, row: RunRow) -> None:
        transact(self._context.sources.database, lambda connection: hands.note(connection, self._run_id, row))

    def _row(self, tally: Tally) -> RunRow:
        return replace(
            row_of(self._order.row.form_type, "stopped", tally), cost=self._spending.spent.cost or None
        )

    def _report(self, tally: Tally, ended: tuple[str, str] | None) -> HandReport:
        refusal: Refusal | None = self._spending.closed
        return HandReport(
            ended=ended,
            refused=refusal.limit if refusal else None,
            begun_again=tally.begun_again,
            taken_away=tally.taken_away,
            left_out=self._spending.left_out,
            too_large=self._spending.too_large,
            discarded=tally.discarded,
        )

    def _purse(self, name: str, limits: Limits) -> Purse:
        """Shared with the other hands where anything is limited."""
        if not self._order.limited:
            return Purse(limits)
        most = Most(limits.pages, None if limits.cost is None else millionths(limits.cost))

        def take(least: Amount, wanted: Amount) -> Amount:
            asked = partial(
                allotments.take,
                run_id=self._order.run_id,
                form_type=name,
                least=given_of(least),
                wanted=given_of(wanted),
                most=most,
            )
            got = transact(self._context.sources.database, asked)
            return Amount(got.pages, got.dollars)

        return SharedPurse(limits, take)


def _told(error: Exception) -> tuple[str, str]:
    """Reason and message; of an error that nobody named its kind and place."""
    if isinstance(error, FormpipeError):
        return error.reason, str(error)
    return "unexpected-error", f"a bug: {type(error).__name__} at {place_of(error)}; please report it"


class Watch:
    """Whether a hand may begin nothing more: the database is asked once in a while."""

    def __init__(self, database: Engine, order: Order) -> None:
        self._database = database
        self._order = order
        self._asked_at = 0.0
        self._over = False

    def over(self) -> bool:
        """Whether somebody stops the run, it has ended, or a hand of it found the row impossible."""
        if not self._over and time.monotonic() - self._asked_at >= _LOOK_SECONDS:
            self._asked_at = time.monotonic()
            parent, name = self._order.run_id, self._order.row.form_type
            self._over = not consult(
                self._database, lambda connection: hands.may_go_on(connection, parent, name)
            )
        return self._over


def row_of(form_type: str, state: RowEnd, tally: Tally) -> RunRow:
    """What was done of a backlog, as it is written down."""
    return RunRow(
        form_type=form_type,
        state=state,
        loaded=tally.loaded,
        partial=tally.partial,
        dead=tally.dead,
        retried=tally.postponed,
        gone=tally.gone,
        reused=tally.reused,
        routed=tally.routed,
        unrouted=tally.unrouted,
        pages=tally.pages,
        ocr_pages=tally.ocr_pages,
        field_values=tally.values,
    )


def given_of(amount: Amount) -> Given:
    """As it is kept."""
    return Given(amount.pages, millionths(amount.cost))
