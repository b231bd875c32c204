"""Statements on `operation`: what was asked of a service, so that it is never asked, and paid, twice. Each
function works inside the caller's transaction.

The intent is committed before the request goes out, the URL right after the answer. An intent without a URL
was cut off in between: it may have been taken, no one can know, and it is lost."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, or_, select, update

from pipeline.db.chunks import chunks
from pipeline.db.tables import document, model_version, operation, operation_document, run
from pipeline.remote import Operation, OperationKind

LOST = "lost-submission"
PIECE = "piece "
"""How the subject of an operation begins that is about a piece of a document."""
_ANALYSES = ("analyze", "batch", "classify")


@dataclass(frozen=True, slots=True)
class Intent:
    """What is about to be asked. `subject`: what it is about, where it is no document of a backlog."""

    kind: OperationKind
    group: str
    holder: str
    deadline: datetime
    model_version_id: int | None = None
    subject: str = ""
    documents: tuple[int, ...] = ()


def intend(connection: Connection, intent: Intent, now: datetime) -> int:
    """Note an intent and move its documents to `submitting`; the id of the operation."""
    key = connection.execute(
        insert(operation).values(
            kind=intent.kind,
            form_batch_group_id=intent.group,
            holder=intent.holder,
            deadline=intent.deadline,
            model_version_id=intent.model_version_id,
            subject=intent.subject,
            intended_at=now,
        )
    ).inserted_primary_key
    assert key is not None
    if intent.documents:
        _link(connection, int(key[0]), intent.documents)
    return int(key[0])


def submitted(connection: Connection, operation_id: int, url: str, now: datetime) -> None:
    """The service took it: its documents are `submitted` now."""
    connection.execute(
        update(operation)
        .where(operation.c.id == operation_id)
        .values(state="submitted", url=url, submitted_at=now)
    )
    _stage(connection, [operation_id], "submitting", "submitted")


def finish(connection: Connection, operation_id: int, now: datetime) -> None:
    """The result of this operation is written."""
    _end(connection, [operation_id], "finished", None, now)


def finish_of_documents(connection: Connection, ids: Sequence[int], now: datetime) -> None:
    """The results of these documents were written in this transaction. An operation that holds those of
    others too stays open for them."""
    if not ids:
        return
    held = select(operation_document.c.operation_id).where(operation_document.c.document_id.in_(ids))
    waiting = (
        select(operation_document.c.operation_id)
        .join(document, document.c.id == operation_document.c.document_id)
        .where(operation_document.c.operation_id == operation.c.id, document.c.stage == "submitted")
        .where(document.c.id.not_in(ids))
        .correlate(operation)
    )
    connection.execute(
        update(operation)
        .where(operation.c.id.in_(held), operation.c.state == "submitted", ~waiting.exists())
        .values(state="finished", finished_at=now)
    )


def fail(connection: Connection, operation_id: int, reason: str, now: datetime) -> None:
    """It came to nothing; its documents are pending again."""
    _end(connection, [operation_id], "failed", reason, now)
    _stage(connection, [operation_id], "submitting", "pending")
    _stage(connection, [operation_id], "submitted", "pending")


def of_documents(connection: Connection, ids: Sequence[int]) -> dict[int, Operation]:
    """The operations that hold the result of these documents, by document."""
    rows = connection.execute(
        select(operation, operation_document.c.document_id)
        .join(operation_document, operation_document.c.operation_id == operation.c.id)
        .join(document, document.c.id == operation_document.c.document_id)
        .where(document.c.id.in_(ids), document.c.stage == "submitted", operation.c.state == "submitted")
    )
    return {row.document_id: _record(row) for row in rows}


def open_ones(connection: Connection, group: str, *kinds: OperationKind) -> tuple[Operation, ...]:
    """The submitted operations of these kinds of a group that have not ended."""
    rows = connection.execute(
        select(operation)
        .where(
            operation.c.form_batch_group_id == group,
            operation.c.kind.in_(kinds),
            operation.c.state == "submitted",
        )
        .order_by(operation.c.id)
    )
    return tuple(_record(row) for row in rows)


def trainings_of(connection: Connection, version_id: int) -> tuple[Operation, ...]:
    """The trainings that were asked for a model version, ended or not, the latest first."""
    rows = connection.execute(
        select(operation)
        .where(operation.c.model_version_id == version_id, operation.c.kind == "train")
        .order_by(operation.c.id.desc())
    )
    return tuple(_record(row) for row in rows)


def steps_done(connection: Connection, version_id: int) -> frozenset[str]:
    """The subjects of what was asked for a model version in training and has ended well."""
    rows = connection.scalars(
        select(operation.c.subject).where(
            operation.c.model_version_id == version_id,
            operation.c.kind == "train",
            operation.c.state == "finished",
        )
    )
    return frozenset(rows)


def give_up_intents(connection: Connection, living: Collection[str], now: datetime) -> int:
    """End what was cut off between the intent and the answer: intents of holders that are not among the
    `living`, nor began since those were counted. Their documents are pending again. How many."""
    working = select(run.c.holder).where(run.c.state == "running")
    rows = connection.execute(
        select(operation.c.id, operation.c.holder).where(
            operation.c.state == "intended", operation.c.holder.not_in(working)
        )
    ).all()
    ids = [row.id for row in rows if row.holder not in living]
    for key in ids:
        fail(connection, key, LOST, now)
    for some in chunks(ids):
        connection.execute(update(operation).where(operation.c.id.in_(some)).values(state="lost"))
    return len(ids)


def give_up_foreign(connection: Connection, group: str, engine: str, now: datetime) -> None:
    """Fail the open analyses that models of other engines were asked for: this engine cannot read them."""
    others = connection.scalars(
        select(operation.c.id)
        .join(model_version, model_version.c.id == operation.c.model_version_id)
        .where(
            operation.c.form_batch_group_id == group,
            operation.c.kind.in_(_ANALYSES),
            operation.c.state == "submitted",
            model_version.c.engine != engine,
        )
    ).all()
    for operation_id in others:
        fail(connection, operation_id, "engine-changed", now)


def forget_unwanted(connection: Connection, group: str, now: datetime) -> None:
    """End the submitted operations whose documents changed, went, or were scored otherwise meanwhile. One
    about a piece of a document is of use until its time is over."""
    wanted = (
        select(operation_document.c.operation_id)
        .join(document, document.c.id == operation_document.c.document_id)
        .where(document.c.stage == "submitted")
    )
    connection.execute(
        update(operation)
        .where(
            operation.c.form_batch_group_id == group,
            operation.c.kind.in_(_ANALYSES),
            operation.c.state == "submitted",
            operation.c.id.not_in(wanted),
            or_(operation.c.subject.not_like(f"{PIECE}%"), operation.c.deadline < now),
        )
        .values(state="finished", reason="unwanted", finished_at=now)
    )


def _link(connection: Connection, operation_id: int, documents: Sequence[int]) -> None:
    former = operation_document.c.document_id.in_(documents)
    connection.execute(delete(operation_document).where(former))
    connection.execute(
        insert(operation_document),
        [{"document_id": key, "operation_id": operation_id} for key in documents],
    )
    connection.execute(update(document).where(document.c.id.in_(documents)).values(stage="submitting"))


def _stage(connection: Connection, operations: Sequence[int], former: str, stage: str) -> None:
    held = select(operation_document.c.document_id).where(operation_document.c.operation_id.in_(operations))
    connection.execute(
        update(document).where(document.c.id.in_(held), document.c.stage == former).values(stage=stage)
    )


def _end(connection: Connection, ids: Iterable[int], state: str, reason: str | None, now: datetime) -> None:
    connection.execute(
        update(operation)
        .where(operation.c.id.in_(list(ids)), operation.c.state.in_(("intended", "submitted")))
        .values(state=state, reason=reason, finished_at=now)
    )


def _record(row: Row[Any]) -> Operation:
    return Operation(
        id=row.id,
        kind=row.kind,
        url=row.url,
        submitted_at=row.submitted_at,
        deadline=row.deadline,
        model_version_id=row.model_version_id,
        subject=row.subject,
    )
