"""Statements on `allotment`: what the hands of a run were given of its limits, so that together they keep
them. A row is of one form type of the run, or, under the name `WHOLE`, of all of them. Each function works
inside the caller's transaction."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from sqlalchemy import Connection, Update, insert, select, update

from pipeline.db.tables import allotment

WHOLE = ""
_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Given:
    """Pages, and cost in millionths of a US dollar: whole numbers add up exactly in every dialect."""

    pages: int = 0
    cost: int = 0

    @property
    def dollars(self) -> Decimal:
        """The cost as it is told."""
        return Decimal(self.cost) / _MILLION


@dataclass(frozen=True, slots=True)
class Most:
    """Limits of the same; None is no limit."""

    pages: int | None = None
    cost: int | None = None


def millionths(dollars: Decimal) -> int:
    """A cost as it is kept, rounded up."""
    return int((dollars * _MILLION).to_integral_value(ROUND_CEILING))


def given(connection: Connection, run_id: int, form_type: str) -> Given:
    """What was given so far. For those after `begin`."""
    found = _read(connection, run_id, form_type)
    assert found is not None, "begin() comes first"
    return found


def begin(connection: Connection, run_id: int, form_type: str, spent: Given) -> None:
    """What the run has spent already, by itself and in hands that have all ended. Safe to do twice."""
    values = {"pages": spent.pages, "cost": spent.cost}
    if _read(connection, run_id, form_type):
        connection.execute(_of(run_id, form_type).values(values))
    else:
        connection.execute(insert(allotment).values(run_id=run_id, form_type=form_type, **values))


def take(
    connection: Connection, run_id: int, form_type: str, *, least: Given, wanted: Given, most: Most
) -> Given:
    """Give what is `wanted`, or what the limits leave of it; nothing where they do not leave `least`. What a
    try took whose commit nobody heard of is spent by nobody: no limit is passed by it."""
    while True:
        found = given(connection, run_id, form_type)
        part = share(found, least, wanted, most)
        same = (allotment.c.pages == found.pages, allotment.c.cost == found.cost)
        values = {"pages": found.pages + part.pages, "cost": found.cost + part.cost}
        if part == Given() or _changed(connection, _of(run_id, form_type).where(*same).values(values)):
            return part


def give_back(connection: Connection, run_id: int, form_type: str, rest: Given) -> None:
    """Take back what was given and not spent. Not safe to do twice: the caller's transaction does it once."""
    values = {"pages": allotment.c.pages - rest.pages, "cost": allotment.c.cost - rest.cost}
    connection.execute(_of(run_id, form_type).values(values))


def share(found: Given, least: Given, wanted: Given, most: Most) -> Given:
    """The part of what is left."""
    pages = _left(most.pages, found.pages, least.pages, wanted.pages)
    cost = _left(most.cost, found.cost, least.cost, wanted.cost)
    return Given() if pages is None or cost is None else Given(pages, cost)


def _left(most: int | None, found: int, least: int, wanted: int) -> int | None:
    """Of one of the two; an eighth of what is left at most, so that nobody sits on what others need."""
    if most is None:
        return wanted
    left = most - found
    return None if left < least else max(least, min(wanted, left // 8))


def _read(connection: Connection, run_id: int, form_type: str) -> Given | None:
    mine = (allotment.c.run_id == run_id, allotment.c.form_type == form_type)
    row = connection.execute(select(allotment.c.pages, allotment.c.cost).where(*mine)).one_or_none()
    return Given(row.pages, row.cost) if row else None


def _of(run_id: int, form_type: str) -> Update:
    return update(allotment).where(allotment.c.run_id == run_id, allotment.c.form_type == form_type)


def _changed(connection: Connection, statement: Update) -> bool:
    return connection.execute(statement).rowcount > 0
