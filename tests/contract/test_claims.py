"""Several runs on one backlog: who holds what, on every dialect."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest
from sqlalchemy import Connection, Engine, select, update

from pipeline.db import claims, documents, leases, listings, operations, runs
from pipeline.db.connection import reading
from pipeline.db.tables import document, lease, run
from pipeline.db.transactions import transact
from pipeline.errors import RunError
from pipeline.orchestrator import bookkeeping
from pipeline.orchestrator.leasing import LeaseTerms, alive, run_lease
from pipeline.orchestrator.reconciling import reconcile
from pipeline.types import Blob, BlobRef
from tests.databases.spoken import faults, for_sql_server
from tests.unit.conftest import Ledger

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
MINUTE = timedelta(seconds=60)
ME, OTHER = 7, 8
Answer = TypeVar("Answer")


@pytest.fixture
def state(each_database: Engine, tmp_path: Path) -> Ledger:
    ledger = Ledger(each_database, tmp_path)
    ledger.form_type("invoice")
    return ledger


def do(state: Ledger, statement: Callable[..., Answer], *args: object, **more: object) -> Answer:
    with state.database.begin() as connection:
        return statement(connection, *args, **more)


def add(state: Ledger, count: int, start: int = 0) -> list[int]:
    refs = {}
    for number in range(start, start + count):
        ref = BlobRef("", "lake", f"b/{number:05}", "1")
        refs[documents.path_hash(ref)] = (ref, Blob(ref.path, "1", 1))
    do(state, listings.add, "invoice", refs, NOW)
    found = do(state, listings.find, "invoice", list(refs))
    return sorted(each.id for each in found.values())


def claim(state: Ledger, who: int, limit: int = 100, after: int = 0, stage: str = "pending") -> list[int]:
    terms = {"stage": stage, "after": after, "limit": limit, "now": NOW}
    return [each.id for each in do(state, claims.claim, "invoice", who, **terms)]


def rows(state: Ledger) -> dict[int, tuple[str, int | None]]:
    query = select(document.c.id, document.c.stage, document.c.claimed_by)
    with reading(state.database) as connection:
        return {row.id: (row.stage, row.claimed_by) for row in connection.execute(query)}


def test_no_document_is_held_by_two_runs(state: Ledger) -> None:
    keys = add(state, 5)
    assert claim(state, ME, 2) == keys[:2]
    assert claim(state, OTHER) == keys[2:]
    assert claim(state, OTHER, after=keys[-1]) == []
    assert rows(state)[keys[0]] == ("claimed", ME)


def test_a_claim_whose_answer_was_lost_is_handed_out_again(state: Ledger) -> None:
    keys = add(state, 5)
    assert claim(state, ME, 2) == keys[:2]
    assert claim(state, ME, 2) == keys[:2], "the first answer never came"
    assert claim(state, ME, 2, after=keys[1]) == keys[2:4]


def test_what_a_service_has_keeps_its_stage(state: Ledger) -> None:
    keys = add(state, 2)
    do(state, lambda connection: connection.execute(update(document).values(stage="submitted")))
    assert claim(state, ME) == []
    assert claim(state, ME, stage="submitted") == keys
    assert rows(state)[keys[0]] == ("submitted", ME)
    assert do(state, claims.release, ME) == 2
    assert rows(state)[keys[0]] == ("submitted", None)


def test_what_is_given_back_is_free(state: Ledger) -> None:
    keys = add(state, 4)
    claim(state, ME)
    do(state, claims.give_back, keys[:1], ME)
    do(state, claims.give_back, keys[1:2], OTHER)
    assert claim(state, OTHER) == keys[:1]
    assert do(state, claims.count) == 4
    assert do(state, claims.count, "nothing") == 0
    assert do(state, claims.release, ME, "nothing") == 0
    assert do(state, claims.release, ME, "invoice") == 3
    assert do(state, claims.count, "invoice") == 1


def test_a_document_that_changed_is_no_longer_held(state: Ledger) -> None:
    first, second, third = add(state, 3)
    claim(state, ME)
    do(state, listings.renew, {first: Blob("b/0", "2", 2)})
    do(state, listings.mark_gone, [second], NOW)
    assert list(do(state, claims.standing, [first, second, third], ME, NOW)) == [third]
    assert claim(state, OTHER) == [first]


def test_what_this_run_ended_in_a_try_nobody_heard_of_still_stands(state: Ledger) -> None:
    (key,) = add(state, 1)
    mine = do(state, runs.start, holder="me", now=NOW)
    claim(state, mine)
    ended = {"stage": "done", "outcome": "loaded", "claimed_by": None, "run_id": mine, "finished_at": NOW}
    do(state, lambda connection: connection.execute(update(document).values(ended)))
    assert list(do(state, claims.standing, [key], mine, NOW)) == [key]
    assert not do(state, claims.standing, [key], mine, NOW + MINUTE)
    do(state, listings.renew, {key: Blob("b/00000", "2", 2)})
    assert not do(state, claims.standing, [key], mine, NOW), "another run found that it changed"
    claim(state, mine)
    assert do(state, claims.standing, [key], mine, NOW) == {key: "2"}


def next_seven(connection: Connection, who: int, after: int) -> list[int]:
    found = claims.claim(connection, "invoice", who, stage="pending", after=after, limit=7, now=NOW)
    return [each.id for each in found]


def test_many_that_claim_at_once_share_without_a_gap(state: Ledger) -> None:
    keys = add(state, 300)
    barrier = threading.Barrier(4)

    def take(who: int) -> list[int]:
        mine: list[int] = []
        barrier.wait()
        while batch := transact(state.database, partial(next_seven, who=who, after=(mine or [0])[-1])):
            mine += batch
        return mine

    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(take, range(1, 5)))
    assert sorted(key for each in taken for key in each) == keys


# --- runs that live and die -------------------------------------------------------------------------


class Clock:
    def __init__(self) -> None:
        self.time = NOW

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


def terms(name: str, clock: Clock) -> LeaseTerms:
    """A holder of another machine: nobody here knows whether its process lives."""
    return LeaseTerms(f"elsewhere:1:1:{name}", 60, clock)


def begin(state: Ledger, name: str, clock: Clock) -> int:
    return bookkeeping.begin(state.database, terms(name, clock))


def states(state: Ledger) -> dict[int, str]:
    with reading(state.database) as connection:
        return {row.id: row.state for row in connection.execute(select(run.c.id, run.c.state))}


def test_what_a_dead_run_held_comes_back_when_its_lease_has_expired(state: Ledger, clock: Clock) -> None:
    keys = add(state, 3)
    dead = begin(state, "dead", clock)
    claim(state, dead)
    asked = operations.Intent("analyze", "invoice", "elsewhere:1:1:dead", NOW, documents=(keys[0],))
    do(state, operations.intend, asked, NOW)
    clock.time += MINUTE - timedelta(seconds=1)
    mine = begin(state, "me", clock)
    assert reconcile(state.database, terms("me", clock)).runs == ()
    clock.time += timedelta(seconds=1)
    found = reconcile(state.database, terms("me", clock))
    assert (found.runs, found.documents, found.intents) == ((dead,), 3, 1)
    assert states(state) == {dead: "lost", mine: "running"}
    assert set(rows(state).values()) == {("pending", None)}
    assert reconcile(state.database, terms("me", clock)).runs == ()


def test_a_run_that_was_declared_dead_writes_nothing_more(state: Ledger, clock: Clock) -> None:
    add(state, 1)
    slow = begin(state, "slow", clock)
    with alive(state.database, slow, terms("slow", clock)) as guard:
        do(state, guard)
        clock.time += MINUTE
        begin(state, "me", clock)
        reconcile(state.database, terms("me", clock))
        with pytest.raises(RunError, match="no sign of life for 60 seconds") as caught:
            do(state, guard)
    assert caught.value.reason == "lease-lost"
    bookkeeping.end(state.database, slow, "finished", NOW)
    assert states(state)[slow] == "lost"


def test_a_run_that_renewed_at_the_last_moment_lives(state: Ledger, clock: Clock) -> None:
    slow = begin(state, "slow", clock)
    seen = do(state, leases.look, run_lease(slow))
    with alive(state.database, slow, terms("slow", clock)) as guard:
        clock.time += MINUTE
        do(state, guard)
        assert not do(state, leases.drop, run_lease(slow), seen)
        do(state, guard)


def test_a_reconciler_waits_for_a_transaction_of_the_run_it_thinks_dead(state: Ledger, clock: Clock) -> None:
    slow = begin(state, "slow", clock)
    inside, go_on = threading.Event(), threading.Event()
    with alive(state.database, slow, terms("slow", clock)) as guard:
        clock.time += MINUTE

        def write() -> None:
            with state.database.begin() as connection:
                guard(connection)
                inside.set()
                go_on.wait(10)

        with ThreadPoolExecutor(2) as pool:
            writing = pool.submit(write)
            assert inside.wait(10)
            found = pool.submit(reconcile, state.database, terms("me", clock))
            with suppress(TimeoutError):
                found.result(0.3)
            assert not found.done()
            go_on.set()
            writing.result(10)
            assert found.result(10).runs == ()


def test_a_run_without_a_lease_is_none_that_lives(state: Ledger, clock: Clock) -> None:
    old = do(state, runs.start, holder="elsewhere:1:1:old", now=NOW)
    assert reconcile(state.database, terms("me", clock)).runs == (old,)


def test_an_ended_run_leaves_no_lease_and_no_claim(state: Ledger, clock: Clock) -> None:
    add(state, 2)
    mine = begin(state, "me", clock)
    claim(state, mine)
    assert begin(state, "me", clock) == mine, "a try whose commit was cut off began it already"
    bookkeeping.end(state.database, mine, "finished", NOW)
    assert do(state, claims.count) == 0
    with reading(state.database) as connection:
        assert connection.scalars(select(lease.c.name)).all() == []


def test_what_an_ended_run_left_behind_is_freed(state: Ledger, clock: Clock) -> None:
    add(state, 2)
    claim(state, state.run(state="finished"))
    begin(state, "me", clock)
    assert reconcile(state.database, terms("me", clock)).documents == 2
    assert do(state, claims.count) == 0


def test_sql_server_passes_over_what_another_run_claims() -> None:
    query = claims._free("invoice", "pending", 0, 10, NOW)
    spoken = for_sql_server(query)
    assert "WITH (UPDLOCK, READPAST, ROWLOCK)" in spoken
    assert "TOP" in spoken
    assert faults(spoken) == []
