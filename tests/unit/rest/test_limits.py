"""Buckets of tokens."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import AttemptError
from pipeline.rest.limits import Limits
from tests.unit.rest.test_client import Clock


def take(limits: Limits, clock: Clock, count: int) -> list[float]:
    times = []
    for _ in range(count):
        limits.take("analyze")
        times.append(clock.seconds)
    return times


@settings(deadline=None)
@given(st.floats(0.5, 50), st.integers(1, 120))
def test_no_window_of_a_second_sees_more_than_twice_the_rate_and_the_mean_is_the_rate(
    rate: float, count: int
) -> None:
    clock = Clock()
    clock.seconds = 100.0
    times = take(Limits({"analyze": rate}, clock, clock.sleep), clock, count)
    burst = max(rate, 1.0) + 1
    assert count <= burst + rate * (times[-1] - times[0]) + 1e-6


def test_a_class_without_a_rate_is_free() -> None:
    clock = Clock()
    assert take(Limits({}, clock, clock.sleep), clock, 100)[-1] == 0.0


def test_a_service_that_asks_to_wait_is_waited_for_by_class() -> None:
    clock = Clock()
    limits = Limits({"analyze": 10.0, "get": 10.0}, clock, clock.sleep)
    limits.hold("analyze", 5.0)
    limits.take("get")
    assert clock.seconds == 0.0
    limits.take("analyze")
    assert clock.seconds == pytest.approx(5.0)


def test_a_service_that_asks_for_more_than_patience_is_left_to_a_later_run() -> None:
    clock = Clock()
    limits = Limits({}, clock, clock.sleep, patience=60.0)
    limits.hold("analyze", 86_400.0)
    with pytest.raises(AttemptError) as caught:
        limits.take("analyze")
    assert (caught.value.reason, clock.slept) == ("throttled", [])
    limits.take("get")


def test_threads_share_the_tokens() -> None:
    limits = Limits({"get": 40.0})
    taken: list[int] = []

    def work() -> None:
        for _ in range(15):
            limits.take("get")
            taken.append(1)

    import time

    started = time.monotonic()
    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 60
    assert time.monotonic() - started >= (60 - 41) / 40 - 0.05
