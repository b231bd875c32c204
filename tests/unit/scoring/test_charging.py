"""Documents pass their limits before they are paid; what a limit left is as it was."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import select

from pipeline.db import tables
from pipeline.errors import AttemptError, DocumentError
from pipeline.prices import Price
from pipeline.scoring.spending import Limits, Purse, Spending
from tests.unit.scoring.conftest import Bench
from tests.unit.scoring.test_service import CannedService, ServiceBench

PRICE = Price("pages", 1000, Decimal(21), Decimal(30))


@pytest.fixture
def cloud(bench: Bench, tmp_path: Path) -> Iterator[ServiceBench]:
    folder = tmp_path / "staged"
    folder.mkdir()
    yield ServiceBench(bench, CannedService(), folder)


def spend(cloud: ServiceBench, pages: int | None = None, cost: str | None = None) -> Spending:
    cloud.spending = Spending(PRICE, Purse(Limits(pages, None if cost is None else Decimal(cost))))
    return cloud.spending


def names(count: int) -> list[str]:
    return [chr(ord("a") + number) for number in range(count)]


def as_it_was(cloud: ServiceBench) -> int:
    """Documents that are pending, free, and were never tried."""
    document = tables.document
    columns = (document.c.stage, document.c.attempts, document.c.reason, document.c.claimed_by)
    with cloud.bench.database.connect() as connection:
        rows = connection.execute(select(*columns).where(document.c.outcome.is_(None))).all()
    assert {tuple(row) for row in rows} <= {("pending", 0, None, None)}
    return len(rows)


def test_what_does_not_fit_is_not_sent_and_is_as_it_was(cloud: ServiceBench) -> None:
    cloud.put(*names(9), pages=2)
    cloud.service.pages = 2
    cloud.bench.change(parallelism=50)
    spending = spend(cloud, pages=7)
    tally = cloud.run()
    assert (tally.finished, tally.pages, tally.postponed) == (3, 6, 0)
    assert len(cloud.service.accepted) == 3
    assert as_it_was(cloud) == 6
    assert list(cloud.folder.iterdir()) == [], "what was fetched and not sent is not kept"
    assert str(spending.closed) == "stopped at max_pages_per_run 7"
    spend(cloud)
    assert cloud.run().finished == 6


def test_cost_ends_the_taking_like_pages(cloud: ServiceBench) -> None:
    cloud.put(*names(6), pages=2)
    spending = spend(cloud, cost="0.13")
    cloud.run()
    assert len(cloud.service.accepted) == 2
    assert spending.spent.cost == Decimal("0.12")


def test_a_refused_submission_gives_its_pages_to_the_next(cloud: ServiceBench) -> None:
    cloud.put(*names(6))
    cloud.bench.change(parallelism=1)
    cloud.service.faults = {"a": DocumentError("400 InvalidImage", reason="refused-by-service")}
    spending = spend(cloud, pages=3)
    cloud.run()
    assert len(cloud.service.accepted) == 3
    assert spending.spent.pages == 3
    assert as_it_was(cloud) == 2


def test_a_submission_without_an_answer_may_have_been_taken_and_counts(cloud: ServiceBench) -> None:
    cloud.put(*names(6))
    cloud.bench.change(parallelism=1)
    cloud.service.faults = {"a": AttemptError("500", reason="service-unavailable")}
    spending = spend(cloud, pages=3)
    cloud.run()
    assert len(cloud.service.accepted) == 2
    assert spending.spent.pages == 3


def test_what_an_earlier_run_submitted_is_taken_and_not_paid_again(cloud: ServiceBench) -> None:
    cloud.put(*names(4))
    cloud.service.polls = {name: AttemptError("away", reason="not-reachable") for name in names(4)}
    spend(cloud, pages=3)
    cloud.run()
    assert len(cloud.service.accepted) == 3
    cloud.service.polls = {}
    spending = spend(cloud, pages=0)
    assert spending.closed is not None
    assert cloud.run().loaded == 3
    assert (spending.spent.pages, len(cloud.service.accepted)) == (0, 3)
    assert as_it_was(cloud) == 1


def test_a_service_that_is_told_which_pages_to_read_is_paid_for_those(cloud: ServiceBench) -> None:
    cloud.put("a", pages=5)
    cloud.bench.change(max_pages=2)
    cloud.chooses_pages = True
    spending = spend(cloud)
    cloud.run()
    assert (cloud.service.max_pages, spending.spent.pages) == ([2], 2)


def test_a_service_that_cannot_be_told_is_paid_for_all(cloud: ServiceBench) -> None:
    cloud.put("a", pages=5)
    cloud.bench.change(max_pages=2)
    spending = spend(cloud)
    cloud.run()
    assert spending.spent.pages == 5


def test_a_document_over_the_limit_by_itself_is_left_and_the_others_are_paid(cloud: ServiceBench) -> None:
    cloud.put("long", pages=5)
    cloud.put("a", "b", pages=1)
    spending = spend(cloud, pages=4)
    cloud.run()
    assert sorted(cloud.service.accepted) == ["a", "b"]
    assert as_it_was(cloud) == 1
    assert spending.too_large == ("in/long.pdf with 5 pages is over max_pages_per_run 4 by itself",)


def test_here_a_limit_is_passed_by_no_more_than_what_is_in_flight(bench: Bench) -> None:
    bench.change(max_pages_per_run=5, parallelism=2)
    bench.put(**{f"d{number:02}": f"total {number}" for number in range(30)})
    first = bench.run().pages
    assert first == 5, "documents of a page are what is set aside for them"
    bench.change(max_pages_per_run=None)
    assert bench.run().pages == 25


def test_here_what_failed_is_not_counted(bench: Bench) -> None:
    bench.change(max_pages_per_run=2, parallelism=1)
    bench.put(a="damaged", b="total 1", c="total 2", d="total 3")
    tally = bench.run()
    assert (tally.dead, tally.loaded) == (1, 2)
