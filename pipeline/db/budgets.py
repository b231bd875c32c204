"""Statements on `budget`: the calls to a resource that are given out, by the database's clock, so that all
processes on one database together stay under the limits of its service."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import replace

from sqlalchemy import Connection, Engine, Float, insert, literal_column, select, update
from sqlalchemy.exc import IntegrityError

from pipeline import rates
from pipeline.db.clock import NOW
from pipeline.db.tables import budget
from pipeline.db.transactions import transact
from pipeline.rates import Bucket, OperationClass, Slice


def resource_of(endpoint: str) -> str:
    """The name under which an endpoint's calls are kept: its hash, for an endpoint is a secret."""
    return hashlib.sha256(endpoint.strip().rstrip("/").lower().encode()).hexdigest()


class DatabaseBudget:
    """The buckets of one resource in the database. Satisfies `rates.Budget`: its errors are those of
    `transactions.transact`, after that one's patience with a database that is busy or away."""

    def __init__(
        self, database: Engine, endpoint: str, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._database = database
        self._resource = resource_of(endpoint)
        self._monotonic = monotonic

    def lease(self, operation_class: OperationClass, rate: float, wanted: int) -> Slice:
        """Safe to do twice: what a try took whose commit was cut off is used by nobody."""

        def work(connection: Connection) -> Slice:
            return self._changed(
                connection, operation_class, lambda bucket, now: rates.lease(bucket, now, rate, wanted)
            )

        return transact(self._database, work)

    def hold(self, operation_class: OperationClass, seconds: float) -> None:
        """Safe to do twice: it only ever puts off."""

        def held(bucket: Bucket, now: float) -> tuple[Bucket, Slice]:
            return rates.hold(bucket, now, seconds), Slice(0, 0.0, 0.0, seconds, held=True)

        transact(self._database, lambda connection: self._changed(connection, operation_class, held))

    def _changed(
        self,
        connection: Connection,
        operation_class: OperationClass,
        change: Callable[[Bucket, float], tuple[Bucket, Slice]],
    ) -> Slice:
        """Read, decide, and write if nobody wrote in between: then it is done again. Each reading begins
        anew, for transactions here see what others committed (READ COMMITTED)."""
        while True:
            found = read(connection, self._resource, operation_class)
            if found is None:
                _add(connection, self._resource, operation_class)
                continue
            bucket, now = found
            read_at = self._monotonic()
            changed, given = change(bucket, now)
            if changed == bucket or _written(connection, self._resource, operation_class, bucket, changed):
                return replace(given, read_at=read_at)


def read(
    connection: Connection, resource: str, operation_class: OperationClass
) -> tuple[Bucket, float] | None:
    """A bucket, and what time it is, in seconds since 1970 by the database's clock."""
    now = literal_column(NOW[connection.dialect.name], Float).label("now")
    row = connection.execute(
        select(budget.c.next_at, budget.c.held_until, now).where(
            budget.c.resource == resource, budget.c.operation_class == operation_class
        )
    ).one_or_none()
    return (Bucket(row.next_at, row.held_until), float(row.now)) if row else None


def _add(connection: Connection, resource: str, operation_class: OperationClass) -> None:
    try:
        with connection.begin_nested():
            connection.execute(insert(budget).values(resource=resource, operation_class=operation_class))
    except IntegrityError:
        """Another process was faster."""


def _written(
    connection: Connection, resource: str, operation_class: OperationClass, former: Bucket, new: Bucket
) -> bool:
    changed = connection.execute(
        update(budget)
        .where(
            budget.c.resource == resource,
            budget.c.operation_class == operation_class,
            budget.c.next_at == former.next_at,
            budget.c.held_until == former.held_until,
        )
        .values(next_at=new.next_at, held_until=new.held_until)
    ).rowcount
    return changed > 0
