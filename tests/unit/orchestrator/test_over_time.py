"""A run whose time is over begins nothing more, says what it left, and is finished, not stopped."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import Engine

from pipeline.orchestrator.allowance import Allowance, RunLimits
from pipeline.orchestrator.left_over import LeftOver, left_over, not_reached
from pipeline.orchestrator.run_context import OVER_TIME, end_of
from pipeline.orchestrator.survey import Sources
from pipeline.prices import FREE, Price
from pipeline.types import FormType
from tests.unit.conftest import START, Ledger

BILLS = FormType("invoice", "invoice", "forms", "t/", "forms", "b/")
PRICE = Price("pages", 1000, Decimal(30), Decimal(30))


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(database: Engine, tmp_path: Path) -> Ledger:
    found = Ledger(database, tmp_path)
    found.form_type("invoice")
    return found


def timed(clock: Clock, minutes: float | None = 50) -> Allowance:
    return Allowance(RunLimits(minutes=minutes), clock=clock)


def sources(ledger: Ledger) -> Sources:
    return Sources(ledger.database, None, {}, lambda: START)  # type: ignore[arg-type]


def test_the_minutes_count_from_when_the_run_begins(clock: Clock) -> None:
    allowance = timed(clock)
    clock.seconds += 50 * 60 - 1
    assert allowance.over_time is None
    clock.seconds += 1
    assert allowance.over_time == "the run's max_minutes 50"


def test_without_a_limit_time_is_never_over(clock: Clock) -> None:
    allowance = timed(clock, None)
    clock.seconds += 10**9
    assert allowance.over_time is None


def test_no_training_is_begun_after_the_time(clock: Clock) -> None:
    allowance = timed(clock, 0.5)
    assert allowance.begin_training() is None
    clock.seconds += 30
    assert allowance.begin_training() == "the run's max_minutes 0.5 are over: left for a later run"


def test_what_is_left_counts_what_is_due_and_what_is_with_the_service(ledger: Ledger) -> None:
    for number in range(3):
        ledger.document("invoice", f"{number}", None)
    ledger.document("invoice", "sent", None, stage="submitted")
    ledger.document("invoice", "ended")
    left = left_over(sources(ledger), BILLS, Allowance().spending(BILLS, PRICE), "the run's max_minutes 50")
    assert left.documents == 4
    assert left.told == (
        "over-time: stopped at the run's max_minutes 50: 3 documents (about 3 pages, USD 0.09) left",
        "over-time: 1 documents are with the service, and paid",
    )


def test_a_run_that_came_to_the_end_of_its_backlog_in_time_left_nothing(ledger: Ledger) -> None:
    ledger.document("invoice", "ended")
    spending = Allowance().spending(BILLS, FREE)
    assert left_over(sources(ledger), BILLS, spending, "the run's max_minutes 50") == LeftOver()


def test_a_limit_on_pages_is_told_where_it_was_reached_before_the_time(ledger: Ledger) -> None:
    ledger.document("invoice", "left", None)
    bills = replace(BILLS, max_pages_per_run=1)
    spending = Allowance().spending(bills, FREE)
    spending.reserve(1)
    told = left_over(sources(ledger), bills, spending, "the run's max_minutes 50").told
    assert told == ("stopped at max_pages_per_run 1: 1 document (about 1 page) left",)


def test_a_row_whose_turn_did_not_come_says_so_with_what_waits(ledger: Ledger) -> None:
    ledger.document("invoice", "waits", None)
    row = not_reached(sources(ledger), BILLS, "the run's max_minutes 50")
    assert (row.state, row.left_over) == ("skipped", 1)
    assert row.reason == "over-time: the run's max_minutes 50 were over before its turn"


def test_a_row_that_the_time_ended_is_finished() -> None:
    assert end_of(OVER_TIME) == "finished"
