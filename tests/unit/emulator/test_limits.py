"""The rates of a tier as the service enforces them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.emulator.limits import RateLimits
from pipeline.rest.limits import Limits
from tests.unit.rest.test_client import Clock

S0 = {"analyze": 15.0, "get": 50.0, "manage": 5.0, "list": 10.0}


def test_a_client_that_does_not_pace_itself_is_refused_and_told_for_how_long() -> None:
    clock = Clock()
    limits = RateLimits(S0, clock)
    answers = [limits.refused_for("analyze") for _ in range(80)]
    assert answers[:75] == [None] * 75
    assert answers[75:] == [5] * 5
    clock.seconds += 5
    assert limits.refused_for("analyze") is None


def test_management_is_counted_over_a_minute() -> None:
    clock = Clock()
    limits = RateLimits(S0, clock)
    assert [limits.refused_for("manage") for _ in range(301)] == [None] * 300 + [60]


def test_classes_do_not_share_and_an_unknown_one_is_free() -> None:
    limits = RateLimits({"analyze": 1.0}, Clock())
    assert [limits.refused_for("analyze") for _ in range(6)][-1] == 5
    assert all(limits.refused_for("get") is None for _ in range(100))


@given(st.sampled_from(sorted(S0)), st.integers(1, 400))
def test_our_own_client_is_never_refused(operation_class: str, calls: int) -> None:
    """Its tokens, at the tier's rate, fit the windows of every class."""
    clock = Clock()
    clock.seconds = 1000.0
    server = RateLimits(S0, clock)
    client = Limits(S0, clock, clock.sleep)
    for _ in range(calls):
        client.take(operation_class)  # type: ignore[arg-type]
        assert server.refused_for(operation_class) is None
