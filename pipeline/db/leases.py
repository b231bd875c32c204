"""Statements on `lease`: who may work on a name until when, with a number that grows at every change of
holder, so that a holder that lost its lease finds out before it writes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from pipeline.db.tables import lease
from pipeline.errors import RowError


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease that is held. `fencing` is larger than that of every earlier holder."""

    name: str
    holder: str
    fencing: int


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lease now, and until when."""

    holder: str
    expires_at: datetime
    fencing: int


def look(connection: Connection, name: str) -> Holder | None:
    """Who holds `name`, expired or not."""
    row = connection.execute(select(lease).where(lease.c.name == name)).one_or_none()
    return Holder(row.holder, row.expires_at, row.fencing) if row else None


def take(
    connection: Connection, name: str, holder: str, *, now: datetime, seconds: float, over: Holder | None
) -> Lease | None:
    """Take `name`, free or held by `over` until now. None when somebody else was faster."""
    until = now + timedelta(seconds=seconds)
    fencing = over.fencing + 1 if over else 1
    values = {"holder": holder, "heartbeat_at": now, "expires_at": until, "fencing": fencing}
    if over is None:
        try:
            with connection.begin_nested():
                connection.execute(insert(lease).values(name=name, **values))
        except IntegrityError:
            return None
        return Lease(name, holder, fencing)
    changed = connection.execute(
        update(lease).where(lease.c.name == name, lease.c.fencing == over.fencing).values(**values)
    ).rowcount
    return Lease(name, holder, fencing) if changed else None


def renew(connection: Connection, held: Lease, *, now: datetime, seconds: float) -> None:
    """Hold on to a lease: call it in every transaction that writes under it.

    Raises RowError (`lease-lost`) when somebody else took it: nothing may be written then.
    """
    changed = connection.execute(
        update(lease)
        .where(lease.c.name == held.name, lease.c.holder == held.holder, lease.c.fencing == held.fencing)
        .values(heartbeat_at=now, expires_at=now + timedelta(seconds=seconds))
    ).rowcount
    if not changed:
        raise RowError(f"another run took over {held.name}", reason="lease-lost")


def those_of(connection: Connection, kind: str) -> dict[str, Holder]:
    """All leases whose name begins with `kind`, expired ones too, by name."""
    rows = connection.execute(select(lease).where(lease.c.name.startswith(kind, autoescape=True)))
    return {row.name: Holder(row.holder, row.expires_at, row.fencing) for row in rows}


def drop(connection: Connection, name: str, seen: Holder) -> bool:
    """Take a lease away for good from a holder that is dead, unless it gave a sign of life since it was
    `seen`. A transaction of the holder that is under way ends first; its next one finds the lease lost."""
    same = (lease.c.name == name, lease.c.fencing == seen.fencing, lease.c.expires_at == seen.expires_at)
    return connection.execute(delete(lease).where(*same)).rowcount == 1


def release(connection: Connection, held: Lease, now: datetime) -> None:
    """Give a lease back. The row stays, expired, so that its fencing number goes on growing."""
    connection.execute(
        update(lease)
        .where(lease.c.name == held.name, lease.c.holder == held.holder, lease.c.fencing == held.fencing)
        .values(expires_at=now, heartbeat_at=now)
    )


def forget(connection: Connection, name: str) -> None:
    """Remove a lease whose name is not used again."""
    connection.execute(delete(lease).where(lease.c.name == name))
