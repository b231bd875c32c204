"""Leases: a name is held by one process at a time, and a run is known to live."""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import psutil
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from pipeline.db import leases
from pipeline.db.transactions import transact
from pipeline.errors import FormpipeError, RowError, RunError

RUN_LEASES = "run:"
LEASE_LOST = "lease-lost"
HELD_ELSEWHERE = "held-elsewhere"
_HEARTBEATS_PER_LEASE = 3
_TRIES_PER_HEARTBEAT = 3
_LOOK_SECONDS = 0.5


def group_lease(group: str) -> str:
    """The name of the lease under which a group's model and listing are worked on."""
    return f"group:{group}"


def view_lease(form_type: str) -> str:
    """The name of the lease under which the views and the target table of a form type are altered."""
    return f"views:{form_type}"


def sink_lease(form_type: str) -> str:
    """The name of the lease under which documents of a form type are sent to further sinks."""
    return f"sinks:{form_type}"


def this_holder() -> str:
    """A name for this process that no other process, before or after, has."""
    started = int(psutil.Process().create_time())
    return f"{socket.gethostname()}:{os.getpid()}:{started}:{secrets.token_hex(4)}"


def may_be_alive(holder: str) -> bool:
    """False only when the holder ran on this machine and its process is gone."""
    host, pid, started, _ = holder.rsplit(":", 3)
    if host != socket.gethostname():
        return True
    try:
        return int(psutil.Process(int(pid)).create_time()) == int(started)
    except (psutil.NoSuchProcess, ValueError):
        return False


Guard = Callable[[Connection], None]
"""Called first in every writing transaction; it raises when this process may no longer write."""


@dataclass(frozen=True, slots=True)
class LeaseTerms:
    """Who asks, for how many seconds a lease holds without a heartbeat, and by which clock: the database's,
    which `sync` asks again."""

    holder: str
    seconds: float
    now: Callable[[], datetime]
    sync: Callable[[], None] = lambda: None


@contextmanager
def held(
    database: Engine,
    name: str,
    terms: LeaseTerms,
    *,
    patience: float = 0.0,
    sleep: Callable[[float], object] = time.sleep,
) -> Iterator[Guard]:
    """Hold what is called `name`; yields the guard that every writing transaction calls first. While another
    has it, it is asked for again for `patience` seconds.

    Raises RowError (`held-elsewhere`) while another run that may be alive holds it, and the guard raises
    RowError (`lease-lost`) once somebody else took over.
    """
    lease = _wait_for(database, name, terms, patience, sleep)

    def guard(connection: Connection) -> None:
        leases.renew(connection, lease, now=terms.now(), seconds=terms.seconds)

    try:
        with _kept_alive(database, guard, terms):
            yield guard
    finally:
        transact(database, lambda connection: leases.release(connection, lease, terms.now()))


@contextmanager
def alive(database: Engine, run_id: int, terms: LeaseTerms) -> Iterator[Guard]:
    """Keep a run alive that `begin_run` began; yields its guard, which raises RunError (`lease-lost`) once
    another run has declared it dead and given away what it held."""
    lease = leases.Lease(run_lease(run_id), terms.holder, 1)

    def guard(connection: Connection) -> None:
        try:
            leases.renew(connection, lease, now=terms.now(), seconds=terms.seconds)
        except RowError as error:
            raise RunError(
                f"this run gave no sign of life for {terms.seconds:.0f} seconds, and another run took over "
                "what it held: nothing more is written; run again",
                reason=error.reason,
            ) from None

    with _kept_alive(database, guard, terms):
        yield guard


def run_lease(run_id: int) -> str:
    """The name of the lease that a run keeps for as long as it lives."""
    return f"{RUN_LEASES}{run_id}"


def both(first: Guard, second: Guard) -> Guard:
    """A guard that asks two."""

    def guard(connection: Connection) -> None:
        first(connection)
        second(connection)

    return guard


@contextmanager
def _kept_alive(database: Engine, guard: Guard, terms: LeaseTerms) -> Iterator[None]:
    stop = threading.Event()
    beat = threading.Thread(target=_keep, args=(database, guard, terms, stop), daemon=True)
    beat.start()
    try:
        yield
    finally:
        stop.set()
        beat.join()


def _wait_for(
    database: Engine, name: str, terms: LeaseTerms, patience: float, sleep: Callable[[float], object]
) -> leases.Lease:
    until = terms.now() + timedelta(seconds=patience)
    while True:
        try:
            return _take(database, name, terms)
        except RowError:
            if terms.now() >= until:
                raise
        sleep(_LOOK_SECONDS)


def _take(database: Engine, name: str, terms: LeaseTerms) -> leases.Lease:
    """Safe to do twice: a lease that this holder got in a try whose commit was cut off is its own."""
    now = terms.now()

    def work(connection: Connection) -> leases.Lease | None:
        over = leases.look(connection, name)
        if over and over.expires_at > now:
            if over.holder == terms.holder:
                return leases.Lease(name, terms.holder, over.fencing)
            if may_be_alive(over.holder):
                raise _held_by(over)
        return leases.take(connection, name, terms.holder, now=now, seconds=terms.seconds, over=over)

    lease = transact(database, work)
    if lease is None:
        raise RowError("another run took it a moment ago", reason=HELD_ELSEWHERE)
    return lease


def _held_by(over: leases.Holder) -> RowError:
    return RowError(
        f"another run ({over.holder.rsplit(':', 2)[0]}) works on it until "
        f"{over.expires_at:%H:%M:%S} UTC or longer",
        reason=HELD_ELSEWHERE,
    )


def _keep(database: Engine, guard: Guard, terms: LeaseTerms, stop: threading.Event) -> None:
    """Renewing is safe to do twice, and a heartbeat that failed is made good by the next one. Its waits
    between tries end when the work does."""
    while not stop.wait(terms.seconds / _HEARTBEATS_PER_LEASE):
        try:
            terms.sync()
            transact(database, guard, attempts=_TRIES_PER_HEARTBEAT, sleep=stop.wait)
        except FormpipeError as error:
            if error.reason == LEASE_LOST:
                return
        except SQLAlchemyError:
            continue
