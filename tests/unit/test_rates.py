"""Buckets as arithmetic, and the setting that raises rates."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.rates import AHEAD, Bucket, hold, lease, raised, read_rates

RATES = st.floats(0.2, 500)
ASKED = st.lists(st.tuples(st.floats(0, 0.5), st.integers(1, 40)), max_size=60)


def turns(rate: float, asked: list[tuple[float, int]]) -> list[float]:
    """When the calls may be made that somebody asks for after each pause."""
    bucket, now, found = Bucket(), 1e9, []
    for pause, wanted in asked:
        now += pause
        bucket, given_ = lease(bucket, now, rate, wanted)
        assert 0 <= given_.count <= wanted
        assert given_.wait > 0
        found += [now + given_.first + number * given_.spacing for number in range(given_.count)]
        assert not given_.count or found[-1] <= now + AHEAD + 1e-3
    return found


@given(RATES, ASKED)
def test_turns_are_never_nearer_than_the_rate_allows(rate: float, asked: list[tuple[float, int]]) -> None:
    times = turns(rate, asked)
    assert all(after - before >= 0.999 / rate - 1e-6 for before, after in pairwise(times))


@given(RATES, st.integers(1, 40))
def test_whoever_asks_when_told_leaves_no_turn_unused(rate: float, wanted: int) -> None:
    bucket, now, count = Bucket(), 1e9, 0
    until = now + 10.0
    while now < until:
        bucket, given_ = lease(bucket, now, rate, max(wanted, int(rate)))
        count += given_.count
        now += given_.wait
    assert count >= rate * 10.0 * 0.999 - 1


@given(RATES, st.floats(0.1, 1000))
def test_a_hold_gives_nothing_and_is_never_shortened(rate: float, seconds: float) -> None:
    now = 1e9
    held = hold(hold(Bucket(), now, seconds), now, seconds / 2)
    same, given_ = lease(held, now + seconds * 0.9, rate, 5)
    assert (same, given_.count, given_.held) == (held, 0, True)
    assert lease(held, now + seconds + 1e-3, rate, 5)[1].first == pytest.approx(0.0, abs=1e-6)


def test_a_clock_that_was_set_back_is_not_waited_for() -> None:
    assert lease(Bucket(next_at=5000.0), 1000.0, 10.0, 1)[1].first == 0.0
    assert lease(Bucket(next_at=1004.0), 1000.0, 0.2, 1)[1].wait == pytest.approx(4.0, abs=AHEAD)


def test_what_is_stated_of_an_engine_wins_over_what_is_stated_of_all() -> None:
    tier = {"analyze": 15.0, "get": 50.0}
    stated = {"analyze": 30.0, "document-intelligence.analyze": 100.0}
    assert raised(tier, stated, "document-intelligence") == {"analyze": 100.0, "get": 50.0}
    assert raised(tier, stated, "form-recognizer") == {"analyze": 30.0, "get": 50.0}
    assert raised({}, stated, "form-recognizer") == {"analyze": 30.0}


@pytest.mark.parametrize(
    "stated",
    [
        "analyze=100, document-intelligence.get=200",
        {"analyze": 100, "document-intelligence.get": "200"},
        {"analyze": 100.0, "document-intelligence": {"get": 200}},
    ],
)
def test_rates_are_read_from_text_and_tables(stated: object) -> None:
    assert read_rates(stated) == {"analyze": 100.0, "document-intelligence.get": 200.0}


def test_no_rates_are_none() -> None:
    assert read_rates("") == read_rates({}) == {}


@pytest.mark.parametrize(
    ("stated", "told"),
    [
        ("analyse=100", "'analyse' is no class of operations: analyze, get, manage, list"),
        ("analyze", "'analyze' has no rate"),
        ("analyze=fast", "analyze is not a number"),
        ({"analyze": 0}, "analyze is not a number of calls a second above 0"),
        ({"analyze": True}, "analyze is not a number"),
        ({"document-intelligence": {"get": -1}}, "document-intelligence.get is not a number"),
        (5, "write it as analyze=100"),
    ],
)
def test_what_is_no_rate_is_told_with_its_name(stated: object, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        read_rates(stated)
