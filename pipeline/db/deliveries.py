"""Statements on `delivery`, the outbox of the sinks beside SQL: what is still to be sent where, and under
which id a document is there. Each function works inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Connection, bindparam, exists, func, insert, literal, select, update

from pipeline.db.columns import UtcDateTime
from pipeline.db.tables import delivery, document
from pipeline.formats.item_json import item_id

SQL = "sql"
_IN_LIST = 500

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Pending:
    """A document to be sent. `item_id`: under which id the sink has it from before, None where it has not."""

    document_id: int
    item_id: str | None
    queued_at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a document at a sink."""

    state: str
    item_id: str | None
    reason: str | None


def further(sinks: Iterable[str]) -> tuple[str, ...]:
    """The sinks beside SQL, each once."""
    return tuple(dict.fromkeys(sink for sink in sinks if sink != SQL))


def queue(connection: Connection, sinks: Sequence[str], document_ids: Sequence[int], now: datetime) -> None:
    """Have these documents sent to every further sink: call it where their values are written."""
    for sink in further(sinks):
        for some in _chunks(document_ids):
            _queue(connection, sink, some, now)


def _queue(connection: Connection, sink: str, ids: Sequence[int], now: datetime) -> None:
    mine = (delivery.c.sink == sink, delivery.c.document_id.in_(ids))
    known = set(connection.scalars(select(delivery.c.document_id).where(*mine)))
    if known:
        connection.execute(update(delivery).where(*mine).values(_WAITING | {"queued_at": now}))
    new = [key for key in dict.fromkeys(ids) if key not in known]
    if new:
        connection.execute(
            insert(delivery), [{"document_id": key, "sink": sink, "queued_at": now} for key in new]
        )


_WAITING: dict[str, object] = {"state": "pending", "attempts": 0, "reason": None}


def queue_missed(connection: Connection, form_type: str, sink: str, now: datetime) -> None:
    """Queue what this sink never got, and what changed since without being queued: the row named the sink
    later, a blob left the backlog."""
    finished = (document.c.form_type == form_type, document.c.stage == "done")
    known = exists().where(delivery.c.document_id == document.c.id, delivery.c.sink == sink)
    found = select(document.c.id, literal(sink), literal("pending"), literal(now, UtcDateTime()))
    connection.execute(
        insert(delivery).from_select(
            ["document_id", "sink", "state", "queued_at"], found.where(*finished, ~known)
        )
    )
    later = exists().where(
        document.c.id == delivery.c.document_id, *finished, document.c.finished_at > delivery.c.queued_at
    )
    connection.execute(
        update(delivery).where(delivery.c.sink == sink, later).values(_WAITING | {"queued_at": now})
    )


def pending(connection: Connection, form_type: str, sink: str, *, after: int, limit: int) -> list[Pending]:
    """What is to be sent, by document id beyond `after`. A document that is being scored again waits."""
    rows = connection.execute(
        select(delivery.c.document_id, delivery.c.item_id, delivery.c.queued_at)
        .join(document, document.c.id == delivery.c.document_id)
        .where(
            delivery.c.sink == sink,
            delivery.c.state == "pending",
            delivery.c.document_id > after,
            document.c.form_type == form_type,
            document.c.stage == "done",
        )
        .order_by(delivery.c.document_id)
        .limit(limit)
    )
    return [Pending(*row) for row in rows]


def count_pending(connection: Connection, form_type: str, sink: str) -> int:
    """Documents that are still to be sent there."""
    mine = (document.c.form_type == form_type, delivery.c.sink == sink, delivery.c.state == "pending")
    joined = delivery.join(document, document.c.id == delivery.c.document_id)
    return connection.scalar(select(func.count()).select_from(joined).where(*mine)) or 0


def delivered(
    connection: Connection, sink: str, sent: Sequence[tuple[Pending, str | None]], now: datetime
) -> None:
    """These are there now, under the ids given (None: none of it is there, and none is to be). One that was
    queued again meanwhile keeps waiting, and its id is noted."""
    if not sent:
        return
    mine = (delivery.c.document_id == bindparam("key"), delivery.c.sink == sink)
    connection.execute(
        update(delivery).where(*mine).values(item_id=bindparam("b_item")),
        [{"key": each.document_id, "b_item": item} for each, item in sent],
    )
    connection.execute(
        update(delivery)
        .where(*mine, delivery.c.queued_at == bindparam("b_queued", type_=UtcDateTime()))
        .values(state="delivered", reason=None, delivered_at=now, attempts=delivery.c.attempts + 1),
        [{"key": each.document_id, "b_queued": each.queued_at} for each, _ in sent],
    )


def refused(connection: Connection, sink: str, found: Sequence[tuple[Pending, str]]) -> None:
    """The sink can never take these, for the reasons given; nothing of them is there."""
    if found:
        connection.execute(
            update(delivery)
            .where(delivery.c.document_id == bindparam("key"), delivery.c.sink == sink)
            .values(
                state="failed", reason=bindparam("b_reason"), item_id=None, attempts=delivery.c.attempts + 1
            ),
            [{"key": each.document_id, "b_reason": reason} for each, reason in found],
        )


def attempted(connection: Connection, sink: str, document_ids: Sequence[int], reason: str) -> None:
    """Sending these failed for `reason`; they stay pending."""
    for some in _chunks(document_ids):
        connection.execute(
            update(delivery)
            .where(delivery.c.sink == sink, delivery.c.document_id.in_(some))
            .values(attempts=delivery.c.attempts + 1, reason=reason[:60])
        )


def standings(connection: Connection, sink: str, document_ids: Sequence[int]) -> dict[int, Standing]:
    """What is known of these documents at a sink, by document."""
    found: dict[int, Standing] = {}
    for some in _chunks(document_ids):
        rows = connection.execute(
            select(delivery).where(delivery.c.sink == sink, delivery.c.document_id.in_(some))
        )
        found.update({row.document_id: Standing(row.state, row.item_id, row.reason) for row in rows})
    return found


def items_of(connection: Connection, document_ids: Sequence[int]) -> dict[str, dict[str, set[str]]]:
    """Every id these documents may have anywhere, by sink and form type: those that were noted, and those
    of a delivery that was cut off before it was noted."""
    found: dict[str, dict[str, set[str]]] = {}
    for row in _delivered_documents(connection, document_ids):
        now = item_id(row.form_type, row.path_hash, row.content_hash)
        ids = {now, row.item_id or now}
        found.setdefault(row.sink, {}).setdefault(row.form_type, set()).update(ids)
    return found


def _delivered_documents(connection: Connection, document_ids: Sequence[int]) -> Iterator[Any]:
    columns = (delivery.c.sink, delivery.c.item_id)
    of_document = (document.c.form_type, document.c.path_hash, document.c.content_hash)
    for some in _chunks(document_ids):
        yield from connection.execute(
            select(*columns, *of_document)
            .join(document, document.c.id == delivery.c.document_id)
            .where(delivery.c.document_id.in_(some))
        )


def _chunks(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Lists short enough for an IN on every dialect."""
    source = iter(items)
    while chunk := list(islice(source, _IN_LIST)):
        yield chunk
