"""What becomes of the values of documents whose blob is gone (`on_gone`)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial

from sqlalchemy import Connection, Engine

from pipeline.db import gone
from pipeline.db.gone import Emptied
from pipeline.db.transactions import transact
from pipeline.types import FormType

_BATCH = 2_000


def remove_gone_values(
    database: Engine,
    row: FormType,
    *,
    guard: Callable[[Connection], None],
    now: Callable[[], datetime],
    batch: int = _BATCH,
) -> Emptied:
    """Remove the values of gone documents where the row's policy is `remove`, batch by batch, each in a
    transaction of its own; those that vanished with most of the backlog keep theirs. Call it after scoring,
    which may take them over for a blob that was renamed, and before the sinks are brought up to date.

    Raises RowError (`target-table-refused`, `lease-lost`)."""
    done = Emptied()
    while row.on_gone == "remove":
        some = transact(
            database, partial(_remove, row=row, after=done.last, limit=batch, now=now(), guard=guard)
        )
        done += some
        if some.documents < batch:
            break
    return done


def _remove(
    connection: Connection,
    row: FormType,
    after: int,
    limit: int,
    now: datetime,
    guard: Callable[[Connection], None],
) -> Emptied:
    """Safe to do twice: what is emptied has nothing left to be found by."""
    guard(connection)
    return gone.remove_values(connection, row, after=after, limit=limit, now=now)
