"""Limits hold to the page and to the cent, in every order of events and with many in flight."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.prices import FREE, Price
from pipeline.scoring.spending import MOST_TOO_LARGE, Limits, Purse, Refusal, Reservation, Spending

PRICE = Price("pages", 1000, Decimal(21), Decimal(30))
DEAR = Price("pages", 1, Decimal(1), Decimal(1))
NOT_KNOWN = Price("pages", 1000)


def held(answer: Reservation | Refusal) -> Reservation:
    assert isinstance(answer, Reservation), str(answer)
    return answer


def refused(answer: Reservation | Refusal) -> Refusal:
    assert isinstance(answer, Refusal)
    return answer


def test_the_bill_is_not_a_page_too_high() -> None:
    """Two hundred documents of two pages in flight at once, a limit of 101 pages: fifty are let through."""
    spending = Spending(PRICE, Purse(Limits(pages=101)))
    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda _: spending.reserve(2), range(200)))
    taken = [answer for answer in answers if isinstance(answer, Reservation)]
    assert len(taken) == 50
    for reservation in taken:
        reservation.settle()
    assert spending.spent.pages == 100
    assert spending.spent.cost == Decimal("3.00")


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["reserve", "layout", "settle", "refund"]), st.integers(0, 1), st.integers(1, 9)
    ),
    max_size=80,
)
MAYBE_PAGES = st.none() | st.integers(0, 40)
MAYBE_COST = st.none() | st.integers(0, 2000).map(lambda mills: Decimal(mills) / 1000)


@given(STEPS, MAYBE_PAGES, MAYBE_COST, MAYBE_PAGES, MAYBE_COST)
def test_no_order_of_events_passes_a_limit(
    steps: list[tuple[str, int, int]],
    row_pages: int | None,
    row_cost: Decimal | None,
    run_pages: int | None,
    run_cost: Decimal | None,
) -> None:
    run = Purse(Limits(run_pages, run_cost))
    own = Limits(row_pages, row_cost)
    rows = [Spending(PRICE, Purse(own), run), Spending(PRICE, Purse(own), run)]
    open_ones: list[Reservation] = []
    for what, which, number in steps:
        if what in ("reserve", "layout"):
            row = rows[which]
            answer = row.reserve(number) if what == "reserve" else row.reserve_layout(number)
            if isinstance(answer, Reservation):
                open_ones.append(answer)
        elif open_ones:
            reservation = open_ones.pop(number % len(open_ones))
            reservation.settle() if what == "settle" else reservation.refund()
            reservation.refund()  # a second end changes nothing
        for purse in (run, *(row._own for row in rows)):
            pages, cost = purse.limits.pages, purse.limits.cost
            assert pages is None or purse.spent.pages + purse.aside.pages <= pages
            assert cost is None or purse.spent.cost + purse.aside.cost <= cost
            assert min(purse.aside.pages, purse.spent.pages) >= 0
            assert min(purse.aside.cost, purse.spent.cost) >= 0
    assert run.spent.cost == sum((row.spent.cost for row in rows), Decimal(0))
    assert run.spent.pages == sum(row.spent.pages for row in rows)


def test_a_limit_may_be_used_up_to_its_last_page() -> None:
    spending = Spending(PRICE, Purse(Limits(pages=4)))
    for _ in range(2):
        held(spending.reserve(2)).settle()
    assert spending.spent.pages == 4
    assert str(spending.closed) == "stopped at max_pages_per_run 4"


def test_the_first_that_does_not_fit_ends_the_taking_and_smaller_ones_do_not_go_ahead() -> None:
    spending = Spending(PRICE, Purse(Limits(pages=7)))
    held(spending.reserve(4))
    assert str(refused(spending.reserve(4))) == "stopped at max_pages_per_run 7"
    assert refused(spending.reserve(1)).kind == "reached"
    assert spending.closed is not None


def test_what_a_failed_submission_had_set_aside_is_there_for_the_next() -> None:
    spending = Spending(PRICE, Purse(Limits(pages=4)))
    first = held(spending.reserve(3))
    first.refund()
    held(spending.reserve(4)).settle()
    assert spending.spent.pages == 4


def test_the_taking_goes_on_when_what_was_in_flight_came_back() -> None:
    spending = Spending(PRICE, Purse(Limits(pages=2)))
    first = held(spending.reserve(2))
    assert spending.closed is not None
    first.refund()
    assert spending.closed is None


def test_a_document_over_the_whole_limit_is_told_and_holds_up_nobody() -> None:
    spending = Spending(PRICE, Purse(Limits(pages=7)))
    assert refused(spending.reserve(12, "in/long.pdf")).kind == "too-large"
    assert spending.too_large == ("in/long.pdf with 12 pages is over max_pages_per_run 7 by itself",)
    assert spending.closed is None
    held(spending.reserve(7))


def test_a_backlog_of_documents_that_are_all_too_large_is_not_fetched_to_its_end() -> None:
    spending = Spending(PRICE, Purse(Limits(pages=1)))
    for number in range(MOST_TOO_LARGE):
        assert spending.closed is None
        spending.reserve(2, f"{number}.pdf")
    assert spending.closed is not None
    assert spending.left_out == MOST_TOO_LARGE
    assert len(spending.too_large) == 3


def test_cost_is_reckoned_at_the_high_end() -> None:
    spending = Spending(PRICE, Purse(Limits(cost=Decimal("0.10"))))
    held(spending.reserve(3)).settle()
    assert str(refused(spending.reserve(1))) == "stopped at max_cost_per_run USD 0.10"
    assert spending.spent.cost == Decimal("0.09")


def test_with_a_limit_on_cost_nothing_of_unknown_price_is_let_through() -> None:
    spending = Spending(NOT_KNOWN, Purse(Limits(cost=Decimal(1000))))
    assert refused(spending.reserve(1)).kind == "unknown-price"
    assert "price is unknown" in str(spending.closed)
    held(Spending(NOT_KNOWN, Purse(Limits(pages=5))).reserve(5))


def test_where_nothing_is_paid_a_limit_on_cost_holds_nobody_back() -> None:
    spending = Spending(FREE, Purse(Limits(cost=Decimal(0))))
    held(spending.reserve(100)).settle()
    assert spending.closed is None


def test_rows_of_a_run_share_its_limit_and_each_keeps_its_own_count() -> None:
    run = Purse(Limits(pages=5, of_run=True))
    first, second = Spending(PRICE, None, run), Spending(PRICE, None, run)
    held(first.reserve(3)).settle()
    assert str(refused(second.reserve(3))) == "stopped at the run's max_pages 5"
    assert refused(first.reserve(1)).kind == "reached", "a document of one row does not go ahead of another's"
    assert (first.spent.pages, second.spent.pages) == (3, 0)


def test_a_run_that_may_spend_no_more_goes_on_where_nothing_is_paid() -> None:
    run = Purse(Limits(cost=Decimal("0.03")))
    paid, free = Spending(PRICE, None, run), Spending(FREE, None, run)
    held(paid.reserve(1)).settle()
    assert paid.closed is not None
    assert free.closed is None
    held(free.reserve(50))


def test_a_row_of_unknown_price_does_not_close_the_run() -> None:
    run = Purse(Limits(cost=Decimal(1)))
    assert Spending(NOT_KNOWN, None, run).closed is not None
    assert Spending(PRICE, None, run).closed is None


def test_layouts_cost_and_are_no_pages_of_the_backlog() -> None:
    spending = Spending(DEAR, Purse(Limits(pages=1, cost=Decimal(5))))
    held(spending.reserve_layout(4)).settle()
    assert (spending.spent.pages, spending.spent.cost) == (0, Decimal(4))
    assert refused(spending.reserve_layout(2)).kind == "reached"
    held(spending.reserve(1))


def test_more_pages_than_were_counted_are_counted_as_spent() -> None:
    spending = Spending(PRICE, Purse(Limits(pages=3)))
    held(spending.reserve(1)).settle(4)
    assert spending.spent.pages == 4
    assert spending.closed is not None


@pytest.mark.parametrize("limits", [Limits(pages=0), Limits(cost=Decimal(0))])
def test_a_limit_of_nothing_lets_nothing_through(limits: Limits) -> None:
    assert Spending(PRICE, Purse(limits)).closed is not None


def test_the_mean_counts_what_was_refused_too() -> None:
    spending = Spending(PRICE, Purse(Limits(pages=2)))
    assert spending.mean_pages is None
    spending.reserve(2)
    spending.reserve(4)
    assert spending.mean_pages == 3
