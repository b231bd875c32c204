"""Score a row's backlog by many hands: hand out its spans, watch, and see that nothing is left over."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy import Connection

from pipeline.db import allotments, hands
from pipeline.db.allotments import Given
from pipeline.db.hands import Done
from pipeline.db.spans import Span, span_size, spans
from pipeline.db.transactions import consult, transact
from pipeline.errors import AttemptError, RowError, RunError
from pipeline.orchestrator.hands import given_of
from pipeline.orchestrator.leasing import Guard
from pipeline.orchestrator.orders import HANDS_LOST, Crew, HandReport, Order
from pipeline.orchestrator.progress import Note
from pipeline.orchestrator.run_context import RunContext, recover
from pipeline.scoring.spending import Amount, Refusal, Spending
from pipeline.scoring.stage import Tally

WAVE = 1000
"""Spans that are handed out at a time: what is kept of them here is small, and does not grow."""
_LOOK_SECONDS = 1.0
_GIVES_UP = 3
"""Waves that may break one after the other with nothing done in between."""


@dataclass(slots=True)
class Spreading:
    """One row's backlog. `progress` hears of the `tally` once in a while, `committed` when it has grown."""

    context: RunContext
    crew: Crew
    order: Order
    guard: Guard
    spending: Spending
    tally: Tally
    progress: Callable[[Tally], None]
    committed: Callable[[], None]
    _asked_to_stop: bool = False
    _breaks: int = 0
    _refused: str | None = field(default=None)

    def score(self, total: int) -> None:
        """Until nothing is left that is due, about `total` documents. Raises RowError where the row cannot go
        on, and RunError where hands are lost again and again."""
        self._begin()
        size = span_size(total, self.crew.slots())
        try:
            while not self.context.ending() and self._pass(size):
                pass
        finally:
            self._look()
            self._take_over()

    def _pass(self, size: int) -> bool:
        """Once through what is due, wave by wave; whether it is worth going through it again."""
        after, before = 0, self._done().touched
        self.spending.forget_left_out()
        while not self.context.ending():
            wave = self._next(after, size)
            if not wave:
                break
            reports = self._wave(wave)
            if reports is None:
                return True
            after = wave[-1].until or 0
            if any(report.refused for report in reports):
                break
        freed = self._free()
        return freed > 0 or self._done().touched > before

    def _next(self, after: int, size: int) -> list[Span]:
        name, now = self.order.row.form_type, self.context.sources.now()
        query = partial(spans, form_type=name, now=now, after=after, size=size, limit=WAVE)
        return consult(self.context.sources.database, query)

    def _wave(self, wave: Sequence[Span]) -> list[HandReport] | None:
        """What the hands tell; None where they were lost, and what they held is free again."""
        before = self._done().touched
        try:
            reports = self._sent(wave)
        except AttemptError as error:
            self._lost(error, self._done().touched > before)
            return None
        self._breaks = 0
        self._hear(reports)
        return reports

    def _sent(self, wave: Sequence[Span]) -> list[HandReport]:
        """Waits in this thread, which hears of signals, while another talks to the crew."""
        came: list[list[HandReport]] = []
        failed: list[BaseException] = []

        def send() -> None:
            try:
                came.append(self.crew.send(self.order, wave))
            except BaseException as error:
                failed.append(error)

        sending = threading.Thread(target=send, daemon=True)
        sending.start()
        try:
            while sending.is_alive():
                sending.join(_LOOK_SECONDS)
                self._look()
        except BaseException:
            self.crew.cancel()
            raise
        if failed:
            raise failed[0]
        return came[0]

    def _look(self) -> None:
        """Tell how far it is; pass on that somebody stops the run."""
        touched = self.tally.finished + self.tally.postponed
        count(self.tally, self._done())
        self.progress(self.tally)
        if self.tally.finished + self.tally.postponed > touched:
            self.committed()
        if self.context.ending() and not self._asked_to_stop:
            self._asked_to_stop = True
            self._write(partial(hands.ask_to_stop, parent=self.order.run_id, now=self.context.sources.now()))
        if self.context.services.given_up.is_set():
            self.crew.cancel()

    def _lost(self, error: AttemptError, something_done: bool) -> None:
        self._free()
        if self.context.ending():
            return
        self._breaks = 1 if something_done else self._breaks + 1
        self.context.listener(Note(HANDS_LOST, self.order.row.form_type, str(error)))
        if self._breaks >= _GIVES_UP:
            raise RunError(f"{error}; that was {_GIVES_UP} times with nothing done", reason=HANDS_LOST)

    def _free(self) -> int:
        """Nobody of this row's hands works any more: what they hold is free. How many documents."""
        self._write(partial(hands.lay_off, parent=self.order.run_id))
        return recover(self.context)

    def _hear(self, reports: Sequence[HandReport]) -> None:
        for report in reports:
            self.tally.begun_again += report.begun_again
            self.tally.taken_away += report.taken_away
            for name, number in report.discarded.items():
                self.tally.discarded[name] = self.tally.discarded.get(name, 0) + number
            self.spending.leave_out(report.left_out, report.too_large)
            self._refused = report.refused or self._refused
        ended = next((report.ended for report in reports if report.ended), None)
        if ended is not None:
            raise RowError(ended[1], reason=ended[0])

    # --- what it may spend -----------------------------------------------------------------------------

    def _begin(self) -> None:
        if self.order.limited:
            for name, spent in zip(self.order.names, self.spending.spent_of_each(), strict=True):
                self._write(
                    partial(allotments.begin, run_id=self.order.run_id, form_type=name, spent=given_of(spent))
                )

    def _take_over(self) -> None:
        """What the hands spent, for the rows that come after this one; of a limit all that was given."""
        done = self._done()
        if self.order.limited:
            found = [self._given(name) for name in self.order.names]
            self.spending.take_over([Amount(each.pages, each.dollars) for each in found])
        else:
            spent = Amount(done.counts["pages"], done.cost)
            self.spending.take_over([_sum(each, spent) for each in self.spending.spent_of_each()])
        if self._refused is not None:
            self.spending.close(Refusal("reached", self._refused))

    def _given(self, name: str) -> Given:
        query = partial(allotments.given, run_id=self.order.run_id, form_type=name)
        return consult(self.context.sources.database, query)

    # --- the database ----------------------------------------------------------------------------------

    def _done(self) -> Done:
        query = partial(hands.done, parent=self.order.run_id, form_type=self.order.row.form_type)
        return consult(self.context.sources.database, query)

    def _write(self, statement: Callable[[Connection], object]) -> None:
        def work(connection: Connection) -> None:
            self.guard(connection)
            statement(connection)

        transact(self.context.sources.database, work)


def count(tally: Tally, done: Done) -> None:
    """What the hands committed so far is what was done."""
    for name, number in done.counts.items():
        setattr(tally, _TALLIED.get(name, name), number)


_TALLIED = {"retried": "postponed", "field_values": "values"}


def _sum(one: Amount, other: Amount) -> Amount:
    return Amount(one.pages + other.pages, one.cost + other.cost)
