"""Statements on `run`, `run_row` and `event`: the history of what was done."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from pipeline.db.tables import event, run, run_row
from pipeline.types import RunRow


def start(connection: Connection, *, holder: str, now: datetime, parent_id: int | None = None) -> int:
    """Begin a run, or a part of the run `parent_id`; returns its id."""
    values = {"started_at": now, "state": "running", "holder": holder, "parent_id": parent_id}
    result = connection.execute(insert(run).values(values))
    key = result.inserted_primary_key
    assert key is not None
    return int(key[0])


def running(connection: Connection, holder: str) -> int | None:
    """The run that this holder began and did not end."""
    mine = (run.c.holder == holder, run.c.state == "running")
    found: int | None = connection.scalar(select(func.max(run.c.id)).where(*mine))
    return found


def finish(
    connection: Connection, run_id: int, *, state: str, now: datetime, reason: str | None = None
) -> bool:
    """End a run as finished, stopped, failed or lost; one that has ended already stays as it is. Whether it
    was this that ended it."""
    open_one = (run.c.id == run_id, run.c.state == "running")
    ended = update(run).where(*open_one).values(state=state, finished_at=now, reason=reason)
    return connection.execute(ended).rowcount > 0


def open_ones(connection: Connection) -> dict[int, str]:
    """The holders of the runs that have not ended, by run."""
    rows = connection.execute(select(run.c.id, run.c.holder).where(run.c.state == "running"))
    return {row.id: row.holder for row in rows}


def add_row(connection: Connection, run_id: int, row: RunRow) -> None:
    """Record what a run did for one form type."""
    connection.execute(insert(run_row).values(run_id=run_id, **asdict(row)))


def has_row(connection: Connection, run_id: int, form_type: str) -> bool:
    """Whether what a run did for a form type is recorded already."""
    mine = (run_row.c.run_id == run_id, run_row.c.form_type == form_type)
    return connection.scalar(select(run_row.c.run_id).where(*mine)) is not None


def record(
    connection: Connection,
    name: str,
    *,
    now: datetime,
    run_id: int | None = None,
    form_type: str | None = None,
    document_id: int | None = None,
    **details: Any,
) -> None:
    """Add an event. `details` hold names, counts and reasons; never field values."""
    connection.execute(
        insert(event).values(
            run_id=run_id,
            at=now,
            name=name,
            form_type=form_type,
            document_id=document_id,
            details=json.dumps(details, default=str),
        )
    )
