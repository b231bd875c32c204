"""Statements on the runs that do a part of another run, its hands: `run.parent_id` names the other one.
Each function works inside the caller's transaction."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select, update

from pipeline.db import leases, runs
from pipeline.db.tables import run, run_row
from pipeline.types import RunRow

COUNTED = (
    "loaded", "partial", "dead", "retried", "gone", "reused", "routed", "unrouted", "pages", "ocr_pages",
    "field_values",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Done:
    """What the hands of a run committed of one form type: by the names of `COUNTED`. `cost` in US dollars."""

    counts: dict[str, int]
    cost: Decimal

    @property
    def finished(self) -> int:
        return sum(self.counts[name] for name in ("loaded", "partial", "dead", "gone", "unrouted"))

    @property
    def touched(self) -> int:
        """Documents that ended, and attempts that did not."""
        return self.finished + self.counts["retried"]


def done(connection: Connection, parent: int, form_type: str) -> Done:
    """The sum over all hands, those that died included."""
    sums = [func.coalesce(func.sum(run_row.c[name]), 0).label(name) for name in COUNTED]
    row = connection.execute(_rows(select(*sums), parent, form_type)).one()
    costs = _rows(select(run_row.c.cost), parent, form_type).where(run_row.c.cost.is_not(None))
    paid = sum(connection.scalars(costs), start=Decimal(0))
    return Done({name: int(getattr(row, name)) for name in COUNTED}, paid)


def note(connection: Connection, run_id: int, row: RunRow) -> None:
    """What a hand has done so far. Safe to do twice."""
    values: dict[str, Any] = asdict(row)
    mine = (run_row.c.run_id == run_id, run_row.c.form_type == row.form_type)
    if not connection.execute(update(run_row).where(*mine).values(values)).rowcount:
        runs.add_row(connection, run_id, row)


def may_go_on(connection: Connection, parent: int, form_type: str) -> bool:
    """Whether the run goes on, nobody asked it to stop, and none of its hands found this row impossible."""
    going = (run.c.id == parent, run.c.state == "running", run.c.stop_asked_at.is_(None))
    if connection.scalar(select(run.c.id).where(*going)) is None:
        return False
    failed = _rows(select(run_row.c.run_id), parent, form_type).where(run_row.c.state == "failed")
    return connection.execute(failed.limit(1)).first() is None


def ask_to_stop(connection: Connection, parent: int, now: datetime) -> None:
    """Its hands begin nothing more. Safe to do twice."""
    connection.execute(update(run).where(run.c.id == parent).values(stop_asked_at=now))


def lay_off(connection: Connection, parent: int) -> int:
    """Take their leases from the hands that have not ended, whether they are dead or only cut off: one that
    lives finds out before it writes anything. How many."""
    query = select(run.c.id).where(run.c.parent_id == parent, run.c.state == "running")
    found = connection.scalars(query.order_by(run.c.id)).all()
    for key in found:
        leases.forget(connection, f"run:{key}")
    return len(found)


def _rows(query: Select[Any], parent: int, form_type: str) -> Select[Any]:
    mine: ColumnElement[bool] = run.c.parent_id == parent
    joined = query.select_from(run_row.join(run, run.c.id == run_row.c.run_id))
    return joined.where(mine, run_row.c.form_type == form_type)


assert set(COUNTED) <= {each.name for each in fields(RunRow)}
