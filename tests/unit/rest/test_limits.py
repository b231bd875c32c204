"""Buckets of tokens."""

from __future__ import annotations

import threading
import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import AttemptError, RunError
from pipeline.rates import SHARE, OperationClass, Slice
from pipeline.rest.limits import Limits, LocalBudget
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

    started = time.monotonic()
    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 60
    assert time.monotonic() - started >= (60 - 41) / 40 - 0.05


class Stalling(Clock):
    """A machine that oversleeps by `late` seconds, the next so many times."""

    times = 0
    late = 0.0

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        if self.times:
            self.times -= 1
            self.seconds += self.late


def test_a_turn_that_was_overslept_is_given_up_for_a_later_one() -> None:
    clock = Stalling()
    clock.seconds, limits = 100.0, Limits({"analyze": 10.0}, clock, clock.sleep)
    limits.take("analyze")
    clock.times, clock.late = 1, 0.35
    before = clock.seconds
    limits.take("analyze")
    assert clock.seconds - before == pytest.approx(0.1 / SHARE + 0.35, abs=0.01)
    times = take(limits, clock, 10)
    assert all(after - before >= 0.1 for before, after in pairwise(times))


def test_a_machine_that_is_always_late_still_calls() -> None:
    clock = Stalling()
    clock.seconds, clock.times, clock.late = 100.0, 10_000, 0.2
    times = take(Limits({"analyze": 10.0}, clock, clock.sleep), clock, 5)
    assert len(times) == 5


def test_callers_are_served_in_their_order_and_the_budget_is_asked_for_all_who_wait() -> None:
    asked: list[int] = []

    class Counting(LocalBudget):
        def lease(self, operation_class: OperationClass, rate: float, wanted: int) -> Slice:
            asked.append(wanted)
            return super().lease(operation_class, rate, wanted)

    limits = Limits({"get": 40.0}, budget=Counting())
    order: list[int] = []
    threads = [
        threading.Thread(target=lambda number=number: (limits.take("get"), order.append(number)))  # type: ignore[misc]
        for number in range(30)
    ]
    for thread in threads:
        thread.start()
        time.sleep(0.002)
    for thread in threads:
        thread.join()
    assert max(asked) > 1 and len(asked) < 28
    assert sum(abs(place - number) for place, number in enumerate(order)) <= 10


def test_who_waits_is_told_when_the_budget_cannot_be_asked() -> None:
    class Broken(LocalBudget):
        def lease(self, operation_class: OperationClass, rate: float, wanted: int) -> Slice:
            time.sleep(0.1)
            raise RunError("the database is away", reason="database-unreachable")

    limits, told = Limits({"get": 10.0}, budget=Broken()), []

    def work() -> None:
        try:
            limits.take("get")
        except RunError as error:
            told.append(error.reason)

    threads = [threading.Thread(target=work) for _ in range(5)]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    assert told == ["database-unreachable"] * 5
    assert time.monotonic() - started < 0.45


def test_a_hold_voids_turns_that_were_given_out() -> None:
    limits = Limits({"get": 8.0})
    taken: list[float] = []

    def work() -> None:
        limits.take("get")
        taken.append(time.monotonic())

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    time.sleep(0.05)
    held = time.monotonic()
    limits.hold("get", 0.6)
    for thread in threads:
        thread.join()
    assert sorted(taken)[0] < held
    assert min(at for at in taken if at > held) >= held + 0.59


def test_nobody_waits_when_everything_stops() -> None:
    stopping = threading.Event()
    limits = Limits({"get": 0.1}, stopping=stopping.is_set)
    limits.take("get")
    timer = threading.Timer(0.1, stopping.set)
    timer.start()
    started = time.monotonic()
    with pytest.raises(AttemptError) as caught:
        limits.take("get")
    assert caught.value.reason == "stopped"
    assert time.monotonic() - started < 1.5
