"""What a limit left of a backlog, in numbers and in words."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import Engine

from pipeline.orchestrator.allowance import Allowance, RunLimits
from pipeline.orchestrator.left_over import LeftOver, left_over
from pipeline.orchestrator.survey import Sources
from pipeline.prices import FREE, Price, load_prices
from pipeline.services import load_services
from pipeline.types import AccountNames, FormType
from tests.unit.conftest import START, Ledger

PRICE = Price("pages", 1000, Decimal(21), Decimal(30))


class NoStorages:
    def of(self, names: AccountNames) -> object:
        raise AssertionError("nothing is read")


@pytest.fixture
def ledger(database: Engine, tmp_path: Path) -> Ledger:
    found = Ledger(database, tmp_path)
    found.form_type("invoice")
    return found


def sources(ledger: Ledger) -> Sources:
    return Sources(ledger.database, NoStorages(), load_services(), lambda: START)  # type: ignore[arg-type]


def row(**columns: object) -> FormType:
    return FormType("invoice", "invoice", "c", "t/", "c", "b/", **columns)  # type: ignore[arg-type]


def test_it_says_where_it_stopped_how_much_is_left_and_what_that_would_cost(ledger: Ledger) -> None:
    for number in range(12):
        ledger.document("invoice", f"{number}", None)
    bills = row(max_pages_per_run=5)
    spending = Allowance().spending(bills, PRICE)
    for pages in (2, 2, 4, 4):
        spending.reserve(pages)
    left = left_over(sources(ledger), bills, spending)
    told = "stopped at max_pages_per_run 5: 12 documents (about 36 pages, USD 0.76 to 1.08) left"
    assert left == LeftOver(12, (told,))


def test_where_nothing_is_paid_there_is_no_price_and_pages_go_by_those_that_were_read(ledger: Ledger) -> None:
    ledger.document("invoice", "read", pages=7)
    ledger.document("invoice", "left", None)
    bills = row(max_pages_per_run=1)
    spending = Allowance().spending(bills, FREE)
    spending.reserve(1)
    left = left_over(sources(ledger), bills, spending)
    assert left == LeftOver(1, ("stopped at max_pages_per_run 1: 1 document (about 7 pages) left",))


def test_a_limit_that_was_used_up_to_its_end_with_nothing_left_is_not_told(ledger: Ledger) -> None:
    ledger.document("invoice", "read")
    bills = row(max_pages_per_run=1)
    spending = Allowance().spending(bills, PRICE)
    spending.reserve(1)
    assert spending.closed
    assert left_over(sources(ledger), bills, spending) == LeftOver()


def test_documents_that_no_run_can_score_are_named_and_counted(ledger: Ledger) -> None:
    for number in range(5):
        ledger.document("invoice", f"{number}", None)
    bills = row(max_pages_per_run=5)
    spending = Allowance().spending(bills, PRICE)
    for number in range(5):
        spending.reserve(9, f"{number}.pdf")
    left = left_over(sources(ledger), bills, spending)
    assert left.documents == 5
    (told,) = left.told
    assert told.startswith("0.pdf with 9 pages is over max_pages_per_run 5 by itself; 1.pdf")
    assert told.endswith(", and 2 others: raise the limit, or take the file away")


def test_layouts_and_documents_of_a_row_come_out_of_one_purse() -> None:
    bills = row(max_cost_per_run=Decimal("0.10"))
    allowance = Allowance(RunLimits(cost=Decimal(5)), load_prices())
    layouts = allowance.spending(bills, Price("pages", 1000, Decimal(8), Decimal(10)))
    for _ in range(4):
        answer = layouts.reserve_layout(1)
        answer.settle()  # type: ignore[union-attr]
    spending = allowance.spending(bills, PRICE)
    spending.reserve(2).settle()  # type: ignore[union-attr]
    assert str(spending.closed) == "stopped at max_cost_per_run USD 0.10"
    assert allowance.cost_of("invoice") == Decimal("0.10")
    assert allowance.cost_of("other") is None


def test_a_run_trains_no_more_than_it_may() -> None:
    allowance = Allowance(RunLimits(train_runs=1))
    assert allowance.begin_training() is None
    assert "the run's max_train_runs 1 reached" in str(allowance.begin_training())
    assert Allowance().begin_training() is None
