"""Return what dead runs held, so that nothing waits for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine

from pipeline.db import claims, leases, operations, runs
from pipeline.db.leases import Holder
from pipeline.db.transactions import transact
from pipeline.orchestrator.leasing import RUN_LEASES, LeaseTerms, may_be_alive, run_lease

_LOST = "its process ended without a word"


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What was returned: runs that were found dead, documents they held, and requests of which nobody knows
    whether the service took them."""

    runs: tuple[int, ...] = ()
    documents: int = 0
    intents: int = 0


def reconcile(database: Engine, terms: LeaseTerms) -> Reconciled:
    """Declare runs dead whose process is gone, or whose lease has expired, and return what they held to the
    backlog. What a service has already stays `submitted`: whoever claims it asks for the result."""
    terms.sync()
    now = terms.now()
    return transact(database, lambda connection: reconcile_now(connection, now))


def reconcile_now(connection: Connection, now: datetime) -> Reconciled:
    """The same in the caller's transaction. Safe to do twice."""
    held = leases.those_of(connection, RUN_LEASES)
    running = runs.open_ones(connection)
    dead = [key for key, holder in running.items() if _bury(connection, key, holder, held, now)]
    returned = 0
    for key in dead:
        documents = claims.release(connection, key)
        runs.finish(connection, key, state="lost", now=now, reason=_LOST)
        runs.record(connection, "run-lost", now=now, run_id=key, documents=documents)
        returned += documents
    returned += claims.release_orphans(connection)
    living = {holder for key, holder in running.items() if key not in dead}
    return Reconciled(tuple(dead), returned, operations.give_up_intents(connection, living, now))


def _bury(
    connection: Connection, run_id: int, holder: str, held: Mapping[str, Holder], now: datetime
) -> bool:
    """Whether a run is dead; its lease is taken away, so that it finds out if it is not."""
    name = run_lease(run_id)
    lease = held.get(name)
    if lease is None:
        return True
    if lease.expires_at > now and may_be_alive(holder):
        return False
    return leases.drop(connection, name, lease)
