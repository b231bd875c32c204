"""Transactions that are done again as a whole where the database asks for it, and otherwise end by name."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError
from tenacity import (
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    stop_after_delay,
    wait_random_exponential,
)

from pipeline.db.connection import reading
from pipeline.db.faults import ended_by, fault_of
from pipeline.errors import FormpipeError

ATTEMPTS = 12
PATIENCE_SECONDS = 120.0
"""No attempt is begun after this. Azure SQL moves a database within a minute (Microsoft Learn, "Troubleshoot
transient connection errors"); SQLite waits BUSY_SECONDS in each attempt."""
_FIRST_WAIT, _LONGEST_WAIT = 0.2, 15.0

Result = TypeVar("Result")


def transact(
    database: Engine,
    work: Callable[[Connection], Result],
    *,
    attempts: int = ATTEMPTS,
    sleep: Callable[[float], object] = time.sleep,
) -> Result:
    """What `work` returns, from one transaction that was committed; the transaction is done again as a whole
    after a deadlock, a serialization failure, a lock timeout or a lost connection, with growing random
    waits between.

    `work` must be safe to do twice: where the connection is lost during the commit, nobody knows whether it
    was committed, and it is done again. So it takes nothing with it from a failed try (times and keys are
    made before), and an insert looks first whether it is there.

    Raises what `work` raises of our errors, at once; RunError by the fault's reason (`database-full`,
    `database-read-only`, `database-unreachable`, ...) where the database cannot go on; the error itself
    where it is none of the database's troubles. Nothing of a transaction that failed is written.
    """
    return _until_done(lambda: _once(database, work), attempts, sleep)


def consult(
    database: Engine,
    query: Callable[[Connection], Result],
    *,
    attempts: int = ATTEMPTS,
    sleep: Callable[[float], object] = time.sleep,
) -> Result:
    """What `query` reads, in full, on a connection that waits for no writer; again, and with the same errors,
    as `transact`."""

    def once() -> Result:
        with reading(database) as connection:
            return query(connection)

    return _until_done(once, attempts, sleep)


def _until_done(once: Callable[[], Result], attempts: int, sleep: Callable[[float], object]) -> Result:
    tries = Retrying(
        retry=retry_if_exception(_repeatable),
        stop=stop_after_attempt(attempts) | stop_after_delay(PATIENCE_SECONDS),
        wait=wait_random_exponential(multiplier=_FIRST_WAIT, max=_LONGEST_WAIT),
        sleep=sleep,  # type: ignore[arg-type]
        reraise=True,
    )
    try:
        done: Result = tries(once)
        return done
    except DBAPIError as error:
        named = ended_by(error)
        if named is None:
            raise
        raise named from error


def _once(database: Engine, work: Callable[[Connection], Result]) -> Result:
    """The rollback after one of our errors may find the connection lost: ours is what counts."""
    ours: FormpipeError | None = None
    try:
        with database.begin() as connection:
            try:
                return work(connection)
            except FormpipeError as error:
                ours = error
                raise
    except DBAPIError:
        if ours is not None:
            raise ours from None
        raise


def _repeatable(error: BaseException) -> bool:
    fault = fault_of(error) if isinstance(error, DBAPIError) else None
    return fault is not None and fault.repeat
