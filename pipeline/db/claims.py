"""Which run works on which documents. Several runs share a backlog: each claims a few due documents at a
time, and what it found is written only where its claim still stands. Each function works inside the caller's
transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, case, func, or_, select, update

from pipeline.db.chunks import chunks
from pipeline.db.tables import document, run
from pipeline.types import BacklogDocument, BlobRef

STAGES = {"submitted": "submitted", "pending": "claimed"}
"""The stages from which documents are claimed, those first that a service has already, and the stage in which
they are held."""

_SKIP_LOCKED = "WITH (UPDLOCK, READPAST, ROWLOCK)"


def claim(
    connection: Connection,
    form_type: str,
    run_id: int,
    *,
    stage: str,
    after: int,
    limit: int,
    now: datetime,
    until: int | None = None,
) -> list[BacklogDocument]:
    """Take up to `limit` free documents of a stage that are due, beyond the id `after` (and no further than
    `until`), in the order they were seen. Rows that another run is about to claim are passed over. What this
    run holds already beyond `after` comes first: it was claimed by a try whose commit nobody heard of."""
    held = _read(connection, _held(form_type, run_id, stage, after, limit))
    if held:
        return held
    found = _read(connection, _free(form_type, stage, after, limit, now, until))
    ids = [each.id for each in found]
    taken = sum(_take(connection, some, run_id, stage) for some in chunks(ids))
    if taken == len(found):
        return found
    mine = standing(connection, ids, run_id, now)
    return [each for each in found if each.id in mine]


def standing(
    connection: Connection, ids: Sequence[int], run_id: int, now: datetime, written_for: int | None = None
) -> dict[int, str]:
    """Which of these documents this run still holds, or has ended at this very `now` in a try whose commit
    nobody heard of, with the ETag that each has now: a run may lose one whose blob changed, and claim it
    anew. No other can take them, or their claim away, until the transaction ends. `written_for`: the run that
    results are written down for, where it is another."""
    book = run_id if written_for is None else written_for
    done = (document.c.stage == "done", document.c.run_id == book, document.c.finished_at == now)
    mine = or_(document.c.claimed_by == run_id, and_(*done))
    found: dict[int, str] = {}
    for some in chunks(sorted(ids)):
        query = select(document.c.id, document.c.etag).where(document.c.id.in_(some), mine)
        rows = connection.execute(_locked(query.order_by(document.c.id), "WITH (UPDLOCK, ROWLOCK)"))
        found.update({row.id: row.etag for row in rows})
    return found


def release(connection: Connection, run_id: int, form_type: str | None = None) -> int:
    """Give back what a run holds, of one form type or all; how many documents."""
    mine = [document.c.claimed_by == run_id]
    if form_type is not None:
        mine.append(document.c.form_type == form_type)
    return connection.execute(update(document).where(*mine).values(_FREE)).rowcount


def release_orphans(connection: Connection) -> int:
    """Free what runs hold that have ended; how many documents."""
    working = select(run.c.id).where(run.c.state == "running")
    orphaned = (document.c.claimed_by.is_not(None), document.c.claimed_by.not_in(working))
    return connection.execute(update(document).where(*orphaned).values(_FREE)).rowcount


def give_back(connection: Connection, ids: Iterable[int], run_id: int) -> None:
    """Give back some of what a run holds."""
    for some in chunks(ids):
        mine = (document.c.id.in_(some), document.c.claimed_by == run_id)
        connection.execute(update(document).where(*mine).values(_FREE))


def held_by_anyone(connection: Connection, ids: Sequence[int]) -> int:
    """How many of these documents some run works on."""
    query = select(func.count()).select_from(document).where(document.c.claimed_by.is_not(None))
    return sum(connection.scalar(query.where(document.c.id.in_(some))) or 0 for some in chunks(ids))


def count(connection: Connection, form_type: str | None = None) -> int:
    """Documents that some run holds now."""
    held: list[ColumnElement[bool]] = [document.c.claimed_by.is_not(None)]
    if form_type is not None:
        held.append(document.c.form_type == form_type)
    return connection.scalar(select(func.count()).select_from(document).where(*held)) or 0


_FREE: dict[str, Any] = {
    "claimed_by": None,
    "stage": case((document.c.stage == "claimed", "pending"), else_=document.c.stage),
}


def _take(connection: Connection, ids: Sequence[int], run_id: int, stage: str) -> int:
    free = (document.c.id.in_(ids), document.c.claimed_by.is_(None), document.c.stage == stage)
    taken = {"claimed_by": run_id, "stage": STAGES[stage]}
    return connection.execute(update(document).where(*free).values(taken)).rowcount


def _free(
    form_type: str, stage: str, after: int, limit: int, now: datetime, until: int | None = None
) -> Select[Any]:
    query = select(*_OF_RECORD).where(
        document.c.form_type == form_type,
        document.c.stage == stage,
        document.c.claimed_by.is_(None),
        document.c.id > after,
        or_(document.c.next_try_at.is_(None), document.c.next_try_at <= now),
    )
    query = query if until is None else query.where(document.c.id <= until)
    return _locked(query.order_by(document.c.id).limit(limit), _SKIP_LOCKED, skip=True)


def _held(form_type: str, run_id: int, stage: str, after: int, limit: int) -> Select[Any]:
    mine = select(*_OF_RECORD).where(
        document.c.claimed_by == run_id,
        document.c.form_type == form_type,
        document.c.stage == STAGES[stage],
        document.c.id > after,
    )
    return mine.order_by(document.c.id).limit(limit)


def _locked(query: Select[Any], hint: str, *, skip: bool = False) -> Select[Any]:
    """With a lock on each row that is read: in the words of the standard where the dialect knows them. SQLite
    has one writer at a time anyway."""
    return query.with_for_update(skip_locked=skip).with_hint(document, hint, "mssql")


def _read(connection: Connection, query: Select[Any]) -> list[BacklogDocument]:
    return [_record(row) for row in connection.execute(query)]


_OF_RECORD = [
    document.c[name]
    for name in (
        "id", "form_type", "account", "container", "path", "etag", "size", "attempts", "routed_from",
        "first_page", "last_page",
    )
]  # fmt: skip


def _record(row: Row[Any]) -> BacklogDocument:
    return BacklogDocument(
        id=row.id,
        form_type=row.form_type,
        ref=BlobRef(row.account, row.container, row.path, row.etag),
        size=row.size,
        attempts=row.attempts,
        routed_from=row.routed_from,
        pages=None if row.first_page is None else (row.first_page, row.last_page),
    )
