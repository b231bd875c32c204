"""Write down that a run began, what came of each row, and how it ended; each safe to do twice."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, Engine

from pipeline.db import claims, leases, runs
from pipeline.db.transactions import transact
from pipeline.orchestrator.leasing import LeaseTerms, run_lease
from pipeline.types import RunRow


def begin(database: Engine, terms: LeaseTerms, parent_id: int | None = None) -> int:
    """The id of a new run, with the lease that says that it lives. A holder has one run at a time, so one of
    its own that is there was begun by a try whose commit was cut off. `parent_id`: the run it does a part
    of."""
    now = terms.now()

    def work(connection: Connection) -> int:
        begun = runs.running(connection, terms.holder)
        if begun is not None:
            return begun
        run_id = runs.start(connection, holder=terms.holder, now=now, parent_id=parent_id)
        name = run_lease(run_id)
        leases.take(connection, name, terms.holder, now=now, seconds=terms.seconds, over=None)
        return run_id

    return transact(database, work)


def write_row(database: Engine, run_id: int, row: RunRow, now: datetime) -> None:
    """What came of a row, and its event: they are written together, or are there together."""

    def work(connection: Connection) -> None:
        if runs.has_row(connection, run_id, row.form_type):
            return
        runs.add_row(connection, run_id, row)
        runs.record(
            connection,
            f"row-{row.state}",
            now=now,
            run_id=run_id,
            form_type=row.form_type,
            reason=row.reason,
        )

    transact(database, work)


def end(database: Engine, run_id: int, state: str, now: datetime) -> None:
    """The run's state; what it still held is free, and nobody expects a sign of life any more."""

    def work(connection: Connection) -> None:
        claims.release(connection, run_id)
        runs.finish(connection, run_id, state=state, now=now)
        leases.forget(connection, run_lease(run_id))

    transact(database, work)
