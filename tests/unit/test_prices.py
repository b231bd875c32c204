"""Prices are data with sources, and what is not known is not guessed."""

from __future__ import annotations

from decimal import Decimal

import pytest

from pipeline.prices import FREE, NOTHING, UNKNOWN, Cost, Price, Prices, load_prices, scored_item
from pipeline.services import load_services

PAGES = Price("pages", 1000, Decimal(21), Decimal(30))


def every_price() -> list[tuple[str, str, Price]]:
    prices = load_prices()
    return [
        (engine, item, price) for engine, items in prices.engines.items() for item, price in items.items()
    ]


@pytest.mark.parametrize(("engine", "item", "price"), every_price())
def test_every_price_says_where_it_is_from_or_that_it_is_not_known(
    engine: str, item: str, price: Price
) -> None:
    assert price.read is not None
    assert engine in load_services()
    if price.known:
        assert price.low_source and price.high_source and price.region
    else:
        assert price.low is price.high is None


@pytest.mark.parametrize(("engine", "item", "price"), every_price())
def test_the_low_end_is_no_higher_than_the_high_one(engine: str, item: str, price: Price) -> None:
    cost = price.of(1234)
    assert cost.low <= cost.high


def test_extraction_and_layout_of_both_form_services_have_prices() -> None:
    for engine in ("form-recognizer", "document-intelligence"):
        for version in load_services()[engine].versions:
            assert load_prices().of(engine, version, "extraction").known
            assert load_prices().of(engine, version, "layout").known


def test_pages_are_priced_exactly() -> None:
    assert PAGES.of(3) == Cost(Decimal("0.063"), Decimal("0.09"))
    assert PAGES.of(0) == NOTHING
    assert sum((PAGES.of(1) for _ in range(1000)), NOTHING) == PAGES.of(1000)


def test_a_price_that_nobody_found_stays_unknown() -> None:
    price = load_prices().of("language", "2023-04-01", "text-records")
    assert not price.known
    assert price.of(10) == UNKNOWN
    assert str(price.of(10)) == "price unknown"
    assert price.units_for(Decimal(5)) is None
    assert not load_prices().of("new-service", None, "extraction").known


def test_what_is_not_known_does_not_get_lost_in_a_sum() -> None:
    total = PAGES.of(1000) + UNKNOWN
    assert str(total) == "USD 21.00 to 30.00 and more, price unknown"


def test_amounts_are_told_to_the_cent_and_never_too_low() -> None:
    assert str(PAGES.of(3400)) == "USD 71.40 to 102.00"
    assert str(Cost(Decimal("0.0001"), Decimal("0.001"))) == "USD 0.01"
    assert str(Cost(Decimal(1234), Decimal(1234))) == "USD 1,234.00"
    assert str(NOTHING) == "free"


def test_nothing_is_paid_here_and_in_the_free_tier() -> None:
    assert load_prices().of("local", None, "extraction") is FREE
    assert load_prices("F0").of("document-intelligence", "2024-11-30", "extraction") is FREE
    assert FREE.units_for(Decimal(0)) is None


def test_an_amount_is_enough_for_whole_pages_only() -> None:
    assert PAGES.units_for(Decimal("0.089")) == 2
    assert PAGES.units_for(Decimal("0.09")) == 3


def test_the_price_of_an_api_version_wins_over_its_engine() -> None:
    dear = Price("pages", 1000, Decimal(1), Decimal(99))
    prices = Prices({"e": {"extraction": PAGES}}, {("e", "v1"): {"extraction": dear}})
    assert prices.of("e", "v1", "extraction") is dear
    assert prices.of("e", "v2", "extraction") is PAGES


def test_documents_are_paid_by_what_their_model_is() -> None:
    assert scored_item("document-intelligence", "form") == "extraction"
    assert scored_item("document-intelligence", "classes") == "classification"
    assert scored_item("language", "entities") == "text-records"
