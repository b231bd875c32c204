"""Calls that several threads and processes make by one budget in the database stay under the limit together,
and use it."""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Sequence
from functools import partial
from itertools import chain, pairwise
from multiprocessing.synchronize import Barrier

import pytest
from sqlalchemy import Engine, insert, select, update

from pipeline.db import budgets
from pipeline.db.budgets import DatabaseBudget
from pipeline.db.connection import open_database
from pipeline.db.tables import budget
from pipeline.db.transactions import transact
from pipeline.errors import AttemptError, RunError
from pipeline.rates import AHEAD, SHARE, Bucket
from pipeline.rest.limits import Limits
from tests.databases.spoken import Spoken, listening
from tests.databases.tsql import tsql_faults

ENDPOINT = "https://forms.example"
RATE = 30.0
LATE = 0.05
"""Seconds by which the system may let a thread oversleep on a busy machine."""


_start: list[Barrier] = []


def prepare(barrier: Barrier) -> None:
    _start.append(barrier)


def calls(url: str, seconds: float, hold: float | None = None) -> list[float]:
    """When each call of four threads was let through, by the wall clock; all processes begin at once. `hold`:
    when, after that, the service asks to be left alone."""
    database = open_database(url)
    limits = Limits({"analyze": RATE}, budget=DatabaseBudget(database, ENDPOINT))
    made: list[float] = []
    _start[0].wait(60)
    until = time.time() + seconds

    def work() -> None:
        while time.time() < until:
            limits.take("analyze")
            made.append(time.time())

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    if hold is not None:
        time.sleep(hold)
        limits.hold("analyze", 1.5)
    for worker in workers:
        worker.join()
    database.dispose()
    return made


def together(engine: Engine, hold: float | None = None) -> list[float]:
    """What three processes do in four seconds."""
    url = engine.url.render_as_string(hide_password=False)
    context = multiprocessing.get_context("spawn")
    with context.Pool(3, prepare, (context.Barrier(3),)) as pool:
        asked = [(url, 4.0, hold if number == 0 else None) for number in range(3)]
        return sorted(chain.from_iterable(pool.starmap(calls, asked, chunksize=1)))


def most_in_a_second(times: Sequence[float]) -> int:
    seconds = 1.0 - LATE
    return max(sum(1 for other in times if begin <= other < begin + seconds) for begin in times)


def test_processes_stay_under_the_limit_together_and_use_it(each_database: Engine) -> None:
    """How much is used is the best of three tries: other programs on the machine take turns away."""
    used = 0.0
    for _ in range(3):
        times = together(each_database)
        assert most_in_a_second(times) <= RATE
        steady = [at for at in times if times[0] + 0.5 <= at < times[0] + 3.5]
        used = max(used, len(steady) / (RATE * 3.0))
        if used >= 0.97:
            return
    assert used >= 0.97


def test_what_a_service_asks_of_one_process_holds_for_all(each_database: Engine) -> None:
    times = together(each_database, hold=1.0)
    pauses = [(after - before, before) for before, after in pairwise(times)]
    longest, begun = max(pauses)
    assert longest >= 1.5 - AHEAD - LATE
    assert begun - times[0] < 1.0 + AHEAD + 3 * LATE
    assert most_in_a_second(times) <= RATE


def test_the_clock_is_the_databases(each_database: Engine) -> None:
    """Two machines whose own clocks, or whose counting of seconds, differ."""
    first = DatabaseBudget(each_database, ENDPOINT, lambda: 5.0)
    second = DatabaseBudget(each_database, ENDPOINT, lambda: 1e9)
    given = [budget.lease("analyze", 10.0, 1) for budget in (first, second)]
    assert [slice_.read_at for slice_ in given] == [5.0, 1e9]
    assert given[0].first == pytest.approx(0.0, abs=1e-6)
    assert 0.0 < given[1].first <= 0.1 + 1e-3


def test_a_clock_that_was_set_back_stops_nobody(each_database: Engine) -> None:
    shared = DatabaseBudget(each_database, ENDPOINT)
    assert shared.lease("get", 10.0, 1).count == 1
    with each_database.begin() as connection:
        connection.execute(update(budget).values(next_at=budget.c.next_at + 3600.0))
    assert shared.lease("get", 10.0, 1).first == pytest.approx(0.0, abs=1e-6)


def test_resources_and_classes_do_not_share(each_database: Engine) -> None:
    DatabaseBudget(each_database, ENDPOINT).hold("analyze", 60.0)
    assert DatabaseBudget(each_database, ENDPOINT).lease("get", 1.0, 1).count == 1
    assert DatabaseBudget(each_database, "https://other.example").lease("analyze", 1.0, 1).count == 1
    assert DatabaseBudget(each_database, f"{ENDPOINT.upper()}/").lease("analyze", 1.0, 1).held
    with each_database.connect() as connection:
        names = connection.scalars(select(budget.c.resource)).all()
    assert all("example" not in name and len(name) == 64 for name in names)


def test_a_bucket_that_another_process_makes_first_is_used(
    each_database: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, resource = budgets.read, budgets.resource_of(ENDPOINT)
    missed: list[int] = []

    def read(connection, name, operation_class):  # type: ignore[no-untyped-def]
        if missed:
            return found(connection, name, operation_class)
        missed.append(1)
        connection.execute(insert(budget).values(resource=resource, operation_class="list"))
        return None

    monkeypatch.setattr(budgets, "read", read)
    assert DatabaseBudget(each_database, ENDPOINT).lease("list", 5.0, 3).count >= 1


def test_what_was_written_in_between_is_read_again(
    each_database: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = budgets.read
    stale: list[Bucket] = []

    def read(connection, name, operation_class):  # type: ignore[no-untyped-def]
        there = found(connection, name, operation_class)
        assert there is not None
        bucket, now = there
        if stale:
            return bucket, now
        stale.append(bucket)
        connection.execute(update(budget).values(next_at=bucket.next_at + 0.1))
        return bucket, now

    shared = DatabaseBudget(each_database, ENDPOINT)
    shared.lease("manage", 20.0, 1)
    monkeypatch.setattr(budgets, "read", read)
    assert shared.lease("manage", 20.0, 1).count == 1
    with each_database.connect() as connection:
        kept = connection.scalar(select(budget.c.next_at))
    assert kept == pytest.approx(stale[0].next_at + 0.1 + 0.05, abs=1e-3)


def test_a_class_without_a_limit_costs_no_call_of_the_database(database: Engine) -> None:
    limits = Limits({"analyze": 15.0}, budget=DatabaseBudget(database, ENDPOINT))
    spoken = Spoken()
    with listening(spoken):
        limits.take("get")
        limits.hold("get", 0.01)
        limits.take("get")
    assert not spoken.compiled


def test_sql_server_understands_what_is_said(database: Engine) -> None:
    spoken = Spoken()
    with listening(spoken):
        DatabaseBudget(database, ENDPOINT).lease("analyze", 15.0, 3)
        DatabaseBudget(database, ENDPOINT).hold("analyze", 3.0)
    of_sqlite, of_sql_server = budgets.NOW["sqlite"], budgets.NOW["mssql"]
    said = [each.replace(of_sqlite, of_sql_server) for each in spoken.compiled]
    assert any(of_sql_server in each for each in said)
    assert not spoken.own
    assert [fault for each in said for fault in tsql_faults(each)] == []


def test_a_database_that_is_away_ends_the_run_by_name(
    database: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budgets, "transact", partial(transact, attempts=1))
    away = open_database("postgresql://nobody@/none?host=/nowhere")
    limits = Limits({"analyze": 15.0}, budget=DatabaseBudget(away, ENDPOINT))
    with pytest.raises((RunError, AttemptError)) as caught:
        limits.take("analyze")
    assert caught.value.reason == "database-unreachable"


def test_the_share_leaves_room_for_the_network() -> None:
    assert 0.97 < SHARE < 1.0
