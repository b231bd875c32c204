"""Write down that a run began, what came of each row, and how it ended; each safe to do twice."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, Engine

from pipeline.db import runs
from pipeline.db.transactions import transact
from pipeline.orchestrator.leasing import may_be_alive
from pipeline.types import RunRow


def begin(database: Engine, holder: str, now: datetime) -> int:
    """The id of a new run, after runs whose process is gone were closed. A holder has one run at a time, so
    one of its own that is there was begun by a try whose commit was cut off."""

    def work(connection: Connection) -> int:
        runs.close_lost(connection, may_be_alive, now)
        begun = runs.running(connection, holder)
        return runs.start(connection, holder=holder, now=now) if begun is None else begun

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
    """The run's state; it is set, not counted."""
    transact(database, lambda connection: runs.finish(connection, run_id, state=state, now=now))
