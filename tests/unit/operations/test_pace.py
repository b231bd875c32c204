"""When to ask again: few polls, and no result that waits long."""

from __future__ import annotations

import heapq
import math
import random
import threading
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.operations.pace import CHANCE, ENOUGH, Latencies, Pace, Paces, next_wait

SAMPLES = st.lists(st.floats(0.01, 600), min_size=20, max_size=300)


def followed(
    draw: Callable[[random.Random], float],
    *,
    start: Pace = Pace(2.0),  # noqa: B008
    count: int = 3000,
    wished: float = 0.0,
    latencies: Latencies | None = None,
) -> tuple[float, float]:
    """Polls for each operation and mean lateness, of many that begin 15 a second, each asked about when
    told."""
    dice, learned = random.Random(7), latencies or Latencies(start)
    due = [(number / 15, number, number / 15, draw(dice), 0, 0.0) for number in range(count)]
    polls, late = 0, 0.0
    while due:
        now, number, begun, seconds, asked, running = heapq.heappop(due)
        age = now - begun
        if asked:
            polls += 1
            if age >= seconds:
                learned.learn(running, age)
                late += age - seconds
                continue
            running = age
        wait = learned.wait(age, asked, wished)
        heapq.heappush(due, (now + wait, number, begun, seconds, asked + 1, running))
    return polls / count, late / count


def log_normal(median: float, sigma: float) -> Callable[[random.Random], float]:
    return lambda dice: dice.lognormvariate(math.log(median), sigma)


def test_a_service_of_three_seconds_is_asked_less_than_twice_and_is_not_late() -> None:
    polls, late = followed(log_normal(3.0, 0.5))
    assert polls <= 1.8
    assert late < 1.3


@pytest.mark.parametrize("first", [0.05, 20.0])
def test_a_bad_start_is_mended_by_what_is_learned(first: float) -> None:
    polls, late = followed(log_normal(3.0, 0.5), start=Pace(first))
    assert polls <= 2.0
    assert late < 1.5


@settings(max_examples=30, deadline=None)
@given(st.floats(0.3, 20), st.floats(0.05, 0.8))
def test_polls_stay_few_and_lateness_in_proportion(median: float, sigma: float) -> None:
    polls, late = followed(log_normal(median, sigma))
    assert polls <= 2.5
    assert late <= 0.75 * median * math.exp(sigma) + 0.1


@pytest.mark.parametrize("told", [1.0, None])
def test_what_becomes_faster_is_learned_anew(told: float | None) -> None:
    """Though every poll comes long after the end: by the service's word soon, without it step by step."""
    latencies = Latencies(Pace(2.0))
    followed(log_normal(30.0, 0.3), latencies=latencies)
    assert latencies.wait(0.0, 0) > 20.0
    for _ in range(250 if told else 1500):
        latencies.learn(0.0, latencies.wait(0.0, 0), told)
    assert latencies.wait(0.0, 0) < 2.0


def test_what_becomes_slower_is_learned_anew() -> None:
    latencies = Latencies(Pace(2.0))
    followed(log_normal(1.0, 0.3), latencies=latencies)
    polls, late = followed(log_normal(30.0, 0.3), latencies=latencies, count=5000)
    assert polls <= 3.0
    assert late < 10.0


@given(st.floats(0, 50), st.floats(0, 50), st.floats(0, 200))
def test_the_services_word_is_believed_between_two_polls(after: float, more: float, told: float) -> None:
    latencies = Latencies(Pace())
    latencies.learn(after, after + more, told)
    (known,) = latencies._sorted
    assert after <= known <= after + more
    if after + 0.5 <= told <= after + more - 0.5:
        assert abs(known - told) <= 0.5


@given(SAMPLES, st.floats(0, 1000))
def test_the_wait_is_the_quantile_of_those_that_ran_as_long(samples: list[float], age: float) -> None:
    known = sorted(samples)
    wait = next_wait(known, age)
    assert 0.05 <= wait <= 60.0
    later = [each for each in known if each > age]
    if len(later) >= 4 and 0.05 < wait < 60.0:
        ended = sum(each <= age + wait + 1e-9 for each in later)
        assert ended >= CHANCE * len(later) - 1e-9
        assert sum(each < age + wait - 1e-9 for each in later) < CHANCE * len(later) + 1


@given(SAMPLES, st.floats(0, 100), st.floats(0, 120))
def test_the_services_own_wish_wins_where_it_is_longer(
    samples: list[float], age: float, wished: float
) -> None:
    latencies = Latencies(Pace())
    for each in samples:
        latencies.learn(0.0, each)
    assert latencies.wait(age, 1, wished) == max(latencies.wait(age, 1), wished)


def test_until_enough_is_known_the_start_is_gone_by() -> None:
    latencies = Latencies(Pace(2.0, 1.5, 10.0))
    for _ in range(ENOUGH - 1):
        latencies.learn(0.0, 0.1)
    assert [latencies.wait(0.0, polls) for polls in range(6)] == [2.0, 3.0, 4.5, 6.75, 10.0, 10.0]
    latencies.learn(0.0, 0.1)
    assert latencies.wait(0.0, 0) <= 0.1


def test_memory_is_bounded() -> None:
    latencies = Latencies(Pace())
    for number in range(5000):
        latencies.learn(0.0, float(number % 97))
    assert len(latencies._sorted) == len(latencies._latest) <= 256
    assert latencies._sorted == sorted(latencies._latest)


def test_learning_is_shared_by_engine_version_and_kind() -> None:
    paces = Paces(Pace(2.0))
    assert paces.of("a", "1", "analyze") is paces.of("a", "1", "analyze")
    others = [paces.of("a", "2", "analyze"), paces.of("b", "1", "analyze"), paces.of("a", "1", "layout")]
    assert paces.of("a", "1", "analyze") not in others


def test_drivers_may_learn_at_the_same_time() -> None:
    latencies = Latencies(Pace())
    dice = random.Random(1)

    def learn() -> None:
        for _ in range(2000):
            latencies.learn(0.0, dice.random())
            latencies.wait(0.1, 1)

    threads = [threading.Thread(target=learn) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert latencies._sorted == sorted(latencies._latest)
