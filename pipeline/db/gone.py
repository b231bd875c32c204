"""Statements that empty documents whose blob is gone, where the policy is to remove their values. Each
function works inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, delete, exists, func, select, update

from pipeline.db import runs, targets
from pipeline.db.chunks import chunks
from pipeline.db.tables import STAGES, delivery, document, field_value, part, table_cell
from pipeline.types import FormType

EVENT = "gone-values-removed"
BLOB_GONE = "blob-gone"
"""The reason of documents that may be emptied; others that are gone keep what they have."""
RENAME_PATIENCE = timedelta(days=7)
"""So long values are kept for a document that waits and may be the same under a new name."""
_OPEN = tuple(stage for stage in STAGES if stage != "done")


@dataclass(frozen=True, slots=True)
class Emptied:
    """What was removed. `last`: the highest document id among them."""

    documents: int = 0
    values: int = 0
    cells: int = 0
    last: int = 0

    def __add__(self, other: Emptied) -> Emptied:
        return Emptied(
            self.documents + other.documents,
            self.values + other.values,
            self.cells + other.cells,
            max(self.last, other.last),
        )


def remove_values(connection: Connection, row: FormType, *, after: int, limit: int, now: datetime) -> Emptied:
    """Delete parts, values and table cells of up to `limit` gone documents of a form type beyond the id
    `after`, and their rows of the target table; have the sinks they are in told; an event has the counts. The
    documents stay, as gone. Those stay as they are whose values may be taken over by a document that waits to
    be scored. Done again, it finds nothing to do. Raises RowError (`target-table-refused`,
    `target-table-foreign`)."""
    before = now - RENAME_PATIENCE if row.on_rename == "reuse" and _waiting(connection, row) else None
    ids = connection.scalars(_emptiable(row.form_type, after, limit, before)).all()
    done = Emptied()
    for some in chunks(ids):
        done += Emptied(
            len(some), _count(connection, field_value, some), _count(connection, table_cell, some)
        )
        connection.execute(delete(part).where(part.c.document_id.in_(some)))
        targets.remove(connection, row.target_table, some)
        waiting = {"state": "pending", "attempts": 0, "reason": None, "queued_at": now}
        connection.execute(update(delivery).where(delivery.c.document_id.in_(some)).values(waiting))
    if ids:
        counts = {name: count for name, count in asdict(done).items() if name != "last"}
        runs.record(connection, EVENT, now=now, form_type=row.form_type, **counts)
    return done + Emptied(last=ids[-1] if ids else after)


def _waiting(connection: Connection, row: FormType) -> bool:
    """Whether a document of the row has not ended: its content is not known yet."""
    open_ones = (document.c.form_type == row.form_type, document.c.stage.in_(_OPEN))
    return connection.execute(select(document.c.id).where(*open_ones).limit(1)).first() is not None


def _emptiable(form_type: str, after: int, limit: int, before: datetime | None) -> Select[Any]:
    """Those that went `before` a time, or all; locked, so that a document whose blob is back is not emptied
    after it was made pending again."""
    mine = select(document.c.id).where(
        document.c.form_type == form_type,
        document.c.stage == "done",
        document.c.id > after,
        document.c.outcome == "gone",
        document.c.reason == BLOB_GONE,
        exists().where(part.c.document_id == document.c.id),
    )
    if before is not None:
        mine = mine.where(document.c.finished_at < before)
    locked = mine.with_for_update(of=document).with_hint(document, "WITH (UPDLOCK, ROWLOCK)", "mssql")
    return locked.order_by(document.c.id).limit(limit)


def _count(connection: Connection, table: Any, document_ids: Sequence[int]) -> int:
    parts = select(part.c.id).where(part.c.document_id.in_(document_ids))
    return connection.scalar(select(func.count()).select_from(table).where(table.c.part_id.in_(parts))) or 0
