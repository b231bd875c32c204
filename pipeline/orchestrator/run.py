"""Carry out a run: every chosen row, group by group; one row's trouble costs only that row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from sqlalchemy.exc import SQLAlchemyError

from pipeline.db.faults import ended_by
from pipeline.errors import FormpipeError, RunError, place_of
from pipeline.orchestrator import bookkeeping
from pipeline.orchestrator.leasing import Guard, alive
from pipeline.orchestrator.left_over import not_reached
from pipeline.orchestrator.plan import run_order
from pipeline.orchestrator.preparing import Preparation, Prepared
from pipeline.orchestrator.routing import Routes, routes_of
from pipeline.orchestrator.row_run import RowRun
from pipeline.orchestrator.run_context import (
    OVER_TIME,
    STOPPED,
    RunContext,
    RunOptions,
    RunSummary,
    add_row,
    end_of,
    recover,
)
from pipeline.orchestrator.sending import send_what_waits
from pipeline.orchestrator.survey import load_rows, require_known
from pipeline.training.membership import group_rows
from pipeline.types import FormType, RunRow


def execute(context: RunContext, options: RunOptions) -> RunSummary:
    """Do a whole run. Raises RunError where nothing can be done at all."""
    database, now = context.sources.database, context.sources.now
    validated = load_rows(context.sources)
    require_known(options.form_types, validated)
    run_id = bookkeeping.begin(database, context.terms)
    chosen_faults = [f for f in validated.faults if not options.form_types or f.row in options.form_types]
    summary = RunSummary(run_id, faults=tuple(chosen_faults))
    try:
        with alive(database, run_id, context.terms) as guard:
            recover(context)
            _record_faults(context, summary)
            routes = routes_of(context.sources, validated)
            _all_groups(context, options, validated.form_types, summary, guard, routes)
        summary.state = "stopped" if context.stopping() else "finished"
    except BaseException:
        summary.state = "failed"
        raise
    finally:
        bookkeeping.end(database, run_id, summary.state, now())
    return summary


def _record_faults(context: RunContext, summary: RunSummary) -> None:
    for name in dict.fromkeys(fault.row for fault in summary.faults):
        faults = [fault for fault in summary.faults if fault.row == name]
        reason = "; ".join(f"{fault.column}: {fault.remedy}" for fault in faults)
        add_row(context, summary, RunRow(name[:40], "skipped", "faulty row", reason=reason))


def _all_groups(
    context: RunContext,
    options: RunOptions,
    form_types: Sequence[FormType],
    summary: RunSummary,
    guard: Guard,
    routes: Routes,
) -> None:
    enabled = sorted((row for row in form_types if row.enabled), key=run_order)
    for rows in group_rows(enabled).values():
        wanted = [r for r in rows if not options.form_types or r.form_type in options.form_types]
        if wanted and not context.ending():
            _GroupRun(context, options, summary, rows, wanted, guard, routes).execute()
        elif limit := context.over_time:
            for row in wanted:
                add_row(context, summary, not_reached(context.sources, row, limit))


Made = TypeVar("Made")


class _GroupRun:
    """One group: its model and listings, which one run at a time works on, then the backlog of each of its
    rows that was asked for, which several may share."""

    def __init__(
        self,
        context: RunContext,
        options: RunOptions,
        summary: RunSummary,
        rows: tuple[FormType, ...],
        wanted: Sequence[FormType],
        guard: Guard,
        routes: Routes,
    ) -> None:
        self._context = context
        self._options = options
        self._summary = summary
        self._rows = rows
        self._wanted = sorted(wanted, key=run_order)
        self._guard = guard
        self._routes = routes

    def execute(self) -> None:
        """Never raises for what one group can do wrong: that becomes the reason of its rows."""
        for row in self._wanted:
            send_what_waits(self._context, row, self._guard)
        preparation = Preparation(self._context, self._rows, self._wanted, self._guard, self._attempt)
        prepared = self._attempt(self._wanted, preparation.prepare)
        if prepared is not None:
            for row in self._wanted:
                if row.form_type in prepared.listings:
                    self._attempt([row], self._row_run(row, prepared).score)

    def _row_run(self, row: FormType, prepared: Prepared) -> RowRun:
        return RowRun(self._context, self._options, self._summary, row, prepared, self._guard, self._routes)

    def _attempt(self, rows: Sequence[FormType], work: Callable[[], Made]) -> Made | None:
        """What `work` gives; what it does wrong ends these rows, and it gives None."""
        try:
            return work()
        except FormpipeError as error:
            if isinstance(error, RunError):
                raise
            self._end(rows, error.reason, str(error))
        except SQLAlchemyError as error:
            named = ended_by(error)
            if named is not None:
                raise named from error
            cause = type(getattr(error, "orig", None) or error).__name__
            raise RunError(
                f"the database failed ({cause} at {place_of(error)}): what was committed stays, run again",
                reason="database-failed",
            ) from error
        except Exception as error:
            bug = f"a bug: {type(error).__name__} at {place_of(error)}; please report it"
            self._end(rows, "unexpected-error", bug)
        return None

    def _end(self, rows: Sequence[FormType], reason: str, message: str) -> None:
        if reason == STOPPED and (limit := self._context.over_time):
            reason, message = OVER_TIME, f"given up at {limit}: the next run begins it again"
        for row in rows:
            ended = RunRow(row.form_type, end_of(reason), reason=f"{reason}: {message}")
            add_row(self._context, self._summary, ended)
