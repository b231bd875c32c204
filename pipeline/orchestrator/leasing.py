"""Hold a group of form types for as long as this run works on it."""

from __future__ import annotations

import os
import secrets
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import psutil
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from pipeline.db import leases
from pipeline.db.transactions import transact
from pipeline.errors import RowError, RunError

_HEARTBEATS_PER_LEASE = 3
_TRIES_PER_HEARTBEAT = 3


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


@dataclass(frozen=True, slots=True)
class LeaseTerms:
    """Who asks, for how many seconds a lease holds without a heartbeat, and by which clock."""

    holder: str
    seconds: float
    now: Callable[[], datetime]


@contextmanager
def held(database: Engine, group: str, terms: LeaseTerms) -> Iterator[Callable[[Connection], None]]:
    """Hold `group`; yields the guard that every writing transaction calls first.

    Raises RowError (`held-elsewhere`) while another run that may be alive holds it, and the guard raises
    RowError (`lease-lost`) once somebody else took over.
    """
    lease = _take(database, f"group:{group}", terms)
    stop = threading.Event()
    beat = threading.Thread(target=_keep, args=(database, lease, terms, stop), daemon=True)
    beat.start()

    def guard(connection: Connection) -> None:
        leases.renew(connection, lease, now=terms.now(), seconds=terms.seconds)

    try:
        yield guard
    finally:
        stop.set()
        beat.join()
        transact(database, lambda connection: leases.release(connection, lease, terms.now()))


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
        raise RowError("another run took it a moment ago", reason="held-elsewhere")
    return lease


def _held_by(over: leases.Holder) -> RowError:
    return RowError(
        f"another run ({over.holder.rsplit(':', 2)[0]}) works on it until "
        f"{over.expires_at:%H:%M:%S} UTC or longer",
        reason="held-elsewhere",
    )


def _keep(database: Engine, lease: leases.Lease, terms: LeaseTerms, stop: threading.Event) -> None:
    """Renewing is safe to do twice, and a heartbeat that failed is made good by the next one. Its waits
    between tries end when the work does."""
    while not stop.wait(terms.seconds / _HEARTBEATS_PER_LEASE):
        try:
            transact(
                database,
                lambda connection: leases.renew(connection, lease, now=terms.now(), seconds=terms.seconds),
                attempts=_TRIES_PER_HEARTBEAT,
                sleep=stop.wait,
            )
        except RowError:
            return
        except (RunError, SQLAlchemyError):
            continue
