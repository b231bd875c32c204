"""The database's clock decides, whatever this machine's says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from pipeline.db import clock
from pipeline.db.clock import DatabaseClock, database_time
from pipeline.db.connection import reading

A_MOMENT = timedelta(seconds=5)


class Monotonic:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def test_every_dialect_tells_its_time_in_utc(each_database: Engine) -> None:
    with reading(each_database) as connection:
        first, second = database_time(connection), database_time(connection)
    assert abs(first - datetime.now(UTC)) < A_MOMENT
    assert first <= second


def test_the_time_within_a_transaction_goes_on(each_database: Engine) -> None:
    with each_database.begin() as connection:
        first = database_time(connection)
        while (second := database_time(connection)) == first:
            pass
    assert second > first


def test_the_database_is_asked_once_and_its_time_counted_on(
    database: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = datetime(2031, 1, 1, tzinfo=UTC)
    asked = []
    monkeypatch.setattr(clock, "database_time", lambda connection: asked.append(1) or told)
    monotonic = Monotonic()
    mine = DatabaseClock(database, monotonic)
    assert mine.now() == told
    monotonic.seconds += 30
    assert mine.now() == told + timedelta(seconds=30)
    assert len(asked) == 1
    mine.sync()
    assert mine.now() == told
    assert len(asked) == 2
