"""What is known of a backlog for reckoning what the rest of it takes, on every dialect."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pytest
from sqlalchemy import Engine, update

from pipeline.db import estimates
from pipeline.db.tables import document
from tests.databases.spoken import Spoken, faults, listening
from tests.unit.conftest import Ledger

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
Answer = TypeVar("Answer")


@pytest.fixture
def state(each_database: Engine, tmp_path: Path) -> Ledger:
    ledger = Ledger(each_database, tmp_path)
    ledger.form_type("invoice")
    return ledger


def do(state: Ledger, statement: Callable[..., Answer], *more: object) -> Answer:
    with state.database.begin() as connection:
        return statement(connection, "invoice", *more)


def put(state: Ledger, name: str, **cells: object) -> None:
    key = state.document("invoice", name)
    if cells:
        with state.database.begin() as connection:
            connection.execute(update(document).where(document.c.id == key).values(cells))


def test_means_are_over_what_was_read(state: Ledger) -> None:
    assert do(state, estimates.means) == estimates.Means()
    put(state, "a", pages=1, seconds=2.0)
    put(state, "b", pages=4, seconds=None)
    put(state, "dead", pages=None, seconds=9.0)
    found = do(state, estimates.means)
    assert found.pages == pytest.approx(2.5)
    assert found.seconds == pytest.approx(2.0)


def test_unpaid_is_what_is_due_free_and_with_no_service(state: Ledger) -> None:
    free = {"stage": "pending", "claimed_by": None, "outcome": None}
    put(state, "due", **free)
    put(state, "due again", **free, next_try_at=NOW - timedelta(minutes=1))
    put(state, "waits", **free, next_try_at=NOW + timedelta(minutes=1))
    put(state, "held", **free | {"stage": "claimed", "claimed_by": 7})
    put(state, "submitted", **free | {"stage": "submitted"})
    put(state, "submitted and held", **free | {"stage": "submitted", "claimed_by": 7})
    put(state, "done")
    assert do(state, estimates.count_unpaid, NOW) == 2
    assert do(state, estimates.count_submitted) == 1


def test_sql_server_would_understand_it(database: Engine, tmp_path: Path) -> None:
    state = Ledger(database, tmp_path)
    spoken = Spoken()
    with listening(spoken):
        do(state, estimates.means)
        do(state, estimates.count_unpaid, NOW)
        do(state, estimates.count_submitted)
    assert len(spoken.compiled) == 3
    assert [fault for each in spoken.compiled for fault in faults(each)] == []
