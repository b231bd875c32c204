"""Whole runs, of rows that come to nothing, whose time is over before, while and after they train."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from pipeline.db import tables
from pipeline.errors import AttemptError
from pipeline.orchestrator import preparing
from pipeline.orchestrator.allowance import Allowance, RunLimits
from pipeline.orchestrator.run import execute
from pipeline.orchestrator.run_context import RunContext, RunOptions
from tests.unit.orchestrator import test_run_errors

context = test_run_errors.context


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def timed(context: RunContext, clock: Clock) -> Iterator[RunContext]:
    """A run of a minute."""
    yield replace(context, allowance=Allowance(RunLimits(minutes=1), clock=clock))


def stored(timed: RunContext) -> list[Any]:
    row = tables.run_row.c
    with timed.sources.database.connect() as connection:
        return list(connection.execute(select(row.form_type, row.state, row.reason).order_by(row.form_type)))


def test_what_is_in_training_when_it_is_given_up_is_no_failure(
    timed: RunContext, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def decide(*_: object) -> Any:
        clock.seconds += 100
        raise AttemptError("the run was stopped", reason="stopped")

    monkeypatch.setattr(preparing, "decide", decide)
    summary = execute(timed, RunOptions())
    assert summary.state == "finished"
    assert stored(timed) == [
        ("first", "finished", "over-time: given up at the run's max_minutes 1: the next run begins it again"),
        ("second", "skipped", "over-time: the run's max_minutes 1 were over before its turn"),
    ]


def test_a_run_that_somebody_stops_after_its_time_is_stopped(timed: RunContext, clock: Clock) -> None:
    clock.seconds = 100
    stopping = replace(timed, stopping=lambda: True)
    assert execute(stopping, RunOptions()).state == "stopped"
    assert stored(timed) == []


def test_a_run_in_its_time_says_nothing_of_it(timed: RunContext) -> None:
    assert execute(timed, RunOptions()).state == "finished"
    assert [row.state for row in stored(timed)] == ["failed", "failed"]
    assert not [row for row in stored(timed) if "over-time" in row.reason]
