"""A run holds its groups, and takes over from the dead but not from the living."""

from __future__ import annotations

import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from pipeline.errors import RowError
from pipeline.orchestrator.leasing import LeaseTerms, held, may_be_alive, this_holder


class Clock:
    def __init__(self) -> None:
        self.time = datetime(2026, 3, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time


def terms(holder: str, clock: Clock) -> LeaseTerms:
    return LeaseTerms(holder, 60, clock)


def dead_holder() -> str:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return f"{socket.gethostname()}:{process.pid}:1:x"


def test_this_process_is_alive() -> None:
    assert may_be_alive(this_holder())


def test_a_process_that_ended_is_not() -> None:
    assert not may_be_alive(dead_holder())


def test_another_process_with_the_same_number_is_not_taken_for_it() -> None:
    host, pid, _, token = this_holder().rsplit(":", 3)
    assert not may_be_alive(f"{host}:{pid}:1:{token}")


def test_of_another_machine_nobody_can_say() -> None:
    assert may_be_alive("elsewhere:1:1:x")


def test_a_group_that_is_held_cannot_be_held_again(database: Engine) -> None:
    clock = Clock()
    second = held(database, "a", terms(this_holder(), clock))
    with held(database, "a", terms(this_holder(), clock)), pytest.raises(RowError) as caught, second:
        pass
    assert caught.value.reason == "held-elsewhere"


def test_a_group_is_free_again_at_the_end(database: Engine) -> None:
    clock = Clock()
    for _ in range(2):
        with held(database, "a", terms(this_holder(), clock)):
            pass


def test_two_groups_are_held_apart(database: Engine) -> None:
    clock = Clock()
    with held(database, "a", terms(this_holder(), clock)), held(database, "b", terms(this_holder(), clock)):
        pass


def test_what_a_dead_process_held_is_taken_at_once(database: Engine) -> None:
    clock = Clock()
    left = held(database, "a", terms(dead_holder(), clock))
    left.__enter__()
    with held(database, "a", terms(this_holder(), clock)):
        pass


def test_what_another_machine_held_is_taken_when_it_expired(database: Engine) -> None:
    clock = Clock()
    left = held(database, "a", terms("elsewhere:1:1:x", clock))
    guard = left.__enter__()
    with pytest.raises(RowError), held(database, "a", terms(this_holder(), clock)):
        pass
    clock.time += timedelta(seconds=61)
    with held(database, "a", terms(this_holder(), clock)):
        with pytest.raises(RowError) as caught, database.begin() as connection:
            guard(connection)
        assert caught.value.reason == "lease-lost"
