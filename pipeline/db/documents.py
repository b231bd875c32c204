"""Statements on `document`, `part` and `field_value`. Each function works inside the caller's transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import (
    Connection,
    and_,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from pipeline.db import bulk
from pipeline.db.chunks import chunks
from pipeline.db.tables import document, field_value, part, table_cell
from pipeline.db.value_rows import CELL_COLUMNS, VALUE_COLUMNS, cell_rows, value_rows
from pipeline.types import BlobRef, DocumentResult

_OPEN = ("pending", "submitted")

RESCORED = ("loaded", "partial", "unrouted")
"""Outcomes that a better model could improve."""


def path_hash(ref: BlobRef, pages: tuple[int, int] | None = None) -> str:
    """The key of a blob within its form type, whatever its length and the dialect's collation; of a part of
    it, where `pages` are its first and last one. No path holds the letter between."""
    path = ref.path if pages is None else f"{ref.path}\0{pages[0]}-{pages[1]}"
    return hasher(ref.account, ref.container)(path)


def hasher(account: str, container: str) -> Callable[[str], str]:
    """What gives the key of a path in this container."""
    place = f"{account}\0{container}\0"
    return lambda path: hashlib.sha256((place + path).encode()).hexdigest()


_PENDING: dict[str, object] = {
    "stage": "pending",
    "claimed_by": None,
    "outcome": None,
    "attempts": 0,
    "next_try_at": None,
    "reason": None,
    "message": None,
}


def reset(
    connection: Connection,
    form_type: str,
    *,
    outcomes: Sequence[str],
    reason: str | None = None,
    not_by_version: int | None = None,
) -> int:
    """Make finished documents pending again; returns how many. `not_by_version` leaves out those that
    this model version scored."""
    chosen = [document.c.form_type == form_type, document.c.outcome.in_(outcomes)]
    if reason is not None:
        chosen.append(document.c.reason == reason)
    if not_by_version is not None:
        other = document.c.model_version_id != not_by_version
        chosen.append(or_(document.c.model_version_id.is_(None), other))
    return connection.execute(update(document).where(and_(*chosen)).values(_PENDING)).rowcount


def hurry(connection: Connection, form_type: str, reason: str | None = None) -> int:
    """Make documents due now that wait for their next try; returns how many."""
    chosen = [document.c.form_type == form_type, document.c.next_try_at.is_not(None)]
    if reason is not None:
        chosen.append(document.c.reason == reason)
    return connection.execute(update(document).where(and_(*chosen)).values(_PENDING)).rowcount


def count_pending(connection: Connection, form_type: str, now: datetime) -> tuple[int, int]:
    """Pending documents that no run holds: those that are due, and those that wait for their next try."""
    due = or_(document.c.next_try_at.is_(None), document.c.next_try_at <= now)
    free = document.c.claimed_by.is_(None)
    mine = and_(document.c.form_type == form_type, document.c.stage.in_(_OPEN), free)
    total = connection.scalar(select(func.count()).select_from(document).where(mine)) or 0
    ready = connection.scalar(select(func.count()).select_from(document).where(mine, due)) or 0
    return ready, total - ready


def count_stale(connection: Connection, form_type: str, version_id: int) -> int:
    """Documents that were scored by another model version than this one."""
    scored = document.c.outcome.in_(RESCORED)
    other = document.c.model_version_id != version_id
    mine = document.c.form_type == form_type
    return connection.scalar(select(func.count()).select_from(document).where(mine, scored, other)) or 0


def postpone(
    connection: Connection, key: int, *, attempts: int, next_try_at: datetime, reason: str, message: str
) -> None:
    """An attempt failed: the document is free and pending until `next_try_at`."""
    connection.execute(
        update(document)
        .where(document.c.id == key)
        .values(
            stage="pending",
            claimed_by=None,
            attempts=attempts,
            next_try_at=next_try_at,
            reason=reason,
            message=message,
        )
    )


def finish(
    connection: Connection,
    results: Sequence[DocumentResult],
    *,
    model_version_id: int,
    run_id: int,
    now: datetime,
) -> None:
    """Write what was found in documents and how they ended. Model values and table cells of an earlier
    scoring are replaced; a person's values stay. Documents are locked in the order of their ids, so that
    two writers wait for each other instead of blocking each other."""
    if not results:
        return
    ordered = sorted(results, key=lambda result: result.document.id)
    connection.execute(
        update(document).where(document.c.id == bindparam("key")).values(_FINISHED),
        [_finished(result, model_version_id, run_id, now) for result in ordered],
    )
    scored = _part_ids(connection, [result.document.id for result in ordered])
    parts = _parts(connection, ordered, scored)
    for some in chunks(scored.values()):
        connection.execute(
            delete(field_value).where(field_value.c.part_id.in_(some), field_value.c.source == "model")
        )
        connection.execute(delete(table_cell).where(table_cell.c.part_id.in_(some)))
    there = [result for result in ordered if result.document.id in parts]
    values = (row for result in there for row in value_rows(parts[result.document.id], result))
    bulk.upsert(connection, field_value, VALUE_COLUMNS, values)
    cells = [row for result in there for row in cell_rows(parts[result.document.id], result)]
    if cells:
        bulk.upsert(connection, table_cell, CELL_COLUMNS, cells)


_FINISHED: dict[str, object] = {
    "stage": "done",
    "claimed_by": None,
    "next_try_at": None,
    **{
        name: bindparam(f"b_{name}")
        for name in (
            "outcome", "reason", "message", "content_hash", "pages", "ocr_pages", "layout_confidence",
            "seconds", "attempts", "model_version_id", "run_id", "finished_at",
        )
    },
}  # fmt: skip


def _finished(result: DocumentResult, model_version_id: int, run_id: int, now: datetime) -> dict[str, object]:
    return {
        "key": result.document.id,
        "b_outcome": result.outcome,
        "b_reason": result.reason,
        "b_message": result.message,
        "b_content_hash": result.content_hash,
        "b_pages": result.pages,
        "b_ocr_pages": result.ocr_pages,
        "b_layout_confidence": result.layout_confidence,
        "b_seconds": result.seconds,
        "b_attempts": result.document.attempts + (result.reused_from is None),
        "b_model_version_id": result.model_version_id or model_version_id,
        "b_run_id": run_id,
        "b_finished_at": now,
    }


def _parts(
    connection: Connection, results: Sequence[DocumentResult], there: Mapping[int, int]
) -> dict[int, int]:
    """One part per document that has pages, made, or renewed where it is there: document id to part id."""
    pages = {result.document.id: result.pages or 0 for result in results}
    missing = [key for key, count in pages.items() if key not in there and count]
    if missing:
        connection.execute(
            insert(part),
            [{"document_id": k, "number": 1, "first_page": 1, "last_page": pages[k]} for k in missing],
        )
    if there:
        connection.execute(
            update(part).where(part.c.id == bindparam("key")).values(last_page=bindparam("pages")),
            [{"key": key, "pages": max(pages[document_id], 1)} for document_id, key in there.items()],
        )
    return dict(there) | _part_ids(connection, missing)


def _part_ids(connection: Connection, documents: Sequence[int]) -> dict[int, int]:
    found: dict[int, int] = {}
    for some in chunks(documents):
        rows = connection.execute(
            select(part.c.document_id, part.c.id).where(part.c.document_id.in_(some), part.c.number == 1)
        )
        found.update({row.document_id: row.id for row in rows})
    return found
