"""Who holds what, and who finds out that it no longer does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from pipeline.db import leases
from pipeline.errors import RowError

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def database(each_database: Engine) -> Engine:
    """Of every dialect that can be had."""
    return each_database


def take(database: Engine, holder: str, now: datetime = NOW) -> leases.Lease:
    with database.begin() as connection:
        over = leases.look(connection, "group:a")
        found = leases.take(connection, "group:a", holder, now=now, seconds=60, over=over)
    assert found is not None
    return found


def test_a_free_lease_is_taken_until_it_expires(database: Engine) -> None:
    take(database, "first")
    with database.connect() as connection:
        held = leases.look(connection, "group:a")
    assert held is not None
    assert (held.holder, held.expires_at) == ("first", NOW + timedelta(seconds=60))


def test_the_fencing_number_grows_with_every_holder(database: Engine) -> None:
    assert [take(database, name).fencing for name in ("a", "b", "a")] == [1, 2, 3]


def test_of_two_that_saw_the_same_lease_one_gets_it(database: Engine) -> None:
    take(database, "first")
    with database.begin() as connection:
        seen = leases.look(connection, "group:a")
        assert leases.take(connection, "group:a", "x", now=NOW, seconds=60, over=seen)
        assert leases.take(connection, "group:a", "y", now=NOW, seconds=60, over=seen) is None


def test_of_two_that_saw_no_lease_one_gets_it(database: Engine) -> None:
    with database.begin() as connection:
        assert leases.take(connection, "group:a", "x", now=NOW, seconds=60, over=None)
        assert leases.take(connection, "group:a", "y", now=NOW, seconds=60, over=None) is None


def test_a_heartbeat_moves_the_end(database: Engine) -> None:
    lease = take(database, "first")
    later = NOW + timedelta(seconds=50)
    with database.begin() as connection:
        leases.renew(connection, lease, now=later, seconds=60)
        held = leases.look(connection, "group:a")
    assert held is not None
    assert held.expires_at == later + timedelta(seconds=60)


def test_a_holder_that_lost_its_lease_cannot_write(database: Engine) -> None:
    lost = take(database, "first")
    take(database, "second")
    with pytest.raises(RowError) as caught, database.begin() as connection:
        leases.renew(connection, lost, now=NOW, seconds=60)
    assert caught.value.reason == "lease-lost"


def test_giving_back_a_lost_lease_does_not_end_the_new_one(database: Engine) -> None:
    lost = take(database, "first")
    take(database, "second")
    with database.begin() as connection:
        leases.release(connection, lost, NOW)
        held = leases.look(connection, "group:a")
    assert held is not None
    assert held.expires_at > NOW
