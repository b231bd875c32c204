"""A backlog in spans of document ids, so that several can each work on one. Works inside the caller's
transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, literal_column, or_, select

from pipeline.db.claims import STAGES
from pipeline.db.tables import document


@dataclass(frozen=True, slots=True)
class Span:
    """Documents with ids beyond `after`, up to and with `until`; None is no end."""

    after: int = 0
    until: int | None = None


EVERYTHING = Span()


def spans(
    connection: Connection, form_type: str, now: datetime, *, after: int, size: int, limit: int
) -> list[Span]:
    """The next up to `limit` spans beyond `after` that hold up to `size` free, due documents each. The
    database counts: only the ends of the spans come back."""
    numbered = (
        select(
            document.c.id.label("id"),
            func.row_number().over(order_by=document.c.id).label("number"),
        )
        .where(
            document.c.form_type == form_type,
            document.c.stage.in_(tuple(STAGES)),
            document.c.claimed_by.is_(None),
            document.c.id > after,
            or_(document.c.next_try_at.is_(None), document.c.next_try_at <= now),
        )
        .order_by(document.c.id)
        .limit(size * limit)
        .subquery("numbered")
    )
    last = select(func.max(numbered.c.id)).scalar_subquery()
    at_end = numbered.c.number % literal_column(str(size)) == 0
    query = select(numbered.c.id).where(or_(at_end, numbered.c.id == last)).order_by(numbered.c.id)
    return between(after, connection.scalars(query).all())


def between(after: int, ends: Sequence[int]) -> list[Span]:
    """The spans that end there, one after the other."""
    return [Span(start, end) for start, end in zip([after, *ends], ends, strict=False)]


def span_size(documents: int, slots: int, *, most: int = 500, least: int = 10, rounds: int = 4) -> int:
    """Documents of a span: so many that each of `slots` gets some `rounds` of them, for spans do not take
    equally long; not so few that beginning one costs more than it, nor so many that much is done again where
    one breaks off."""
    return min(max(-(-documents // (max(slots, 1) * rounds)), least), most)
