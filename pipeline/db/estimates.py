"""What is known of a form type's documents, for reckoning what those that are left will take. Each function
works inside the caller's transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Float, and_, cast, func, or_, select

from pipeline.db.tables import document


@dataclass(frozen=True, slots=True)
class Means:
    """Means over the documents that were read, None before there are any: their pages, and the seconds from
    when each was begun to its result."""

    pages: float | None = None
    seconds: float | None = None


def means(connection: Connection, form_type: str) -> Means:
    """What a document of a form type took so far."""
    row = connection.execute(
        select(
            func.avg(cast(document.c.pages, Float)).label("pages"),
            func.avg(cast(document.c.seconds, Float)).label("seconds"),
        ).where(document.c.form_type == form_type, document.c.pages > 0)
    ).one()
    return Means(row.pages, row.seconds)


def count_unpaid(connection: Connection, form_type: str, now: datetime) -> int:
    """Documents that are due and that no run holds and no service has."""
    due = or_(document.c.next_try_at.is_(None), document.c.next_try_at <= now)
    free = and_(document.c.stage == "pending", document.c.claimed_by.is_(None))
    query = select(func.count()).select_from(document)
    return connection.scalar(query.where(document.c.form_type == form_type, free, due)) or 0


def count_submitted(connection: Connection, form_type: str) -> int:
    """Documents that a service has already and no run holds: their results are asked for, and not paid
    again."""
    query = select(func.count()).select_from(document)
    submitted = and_(document.c.stage == "submitted", document.c.claimed_by.is_(None))
    return connection.scalar(query.where(document.c.form_type == form_type, submitted)) or 0
