"""A fault plan: which calls are hit, how often, and that it is the same every time."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.emulator.faults import OF_CALLS, OF_JOBS, FaultFile, FaultPlan, FaultRule, Latency, read_plan
from pipeline.errors import RunError


def hits(rule: FaultRule, calls: int = 10, route: str = "analyze") -> list[int]:
    plan = FaultPlan((rule,))
    return [n for n in range(1, calls + 1) if plan.strike(route, "analyze", OF_CALLS)]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({}, list(range(1, 11))),
        ({"nth": (2, 5)}, [2, 5]),
        ({"every": 3}, [3, 6, 9]),
        ({"count": 2}, [1, 2]),
        ({"route": "train"}, []),
        ({"operation_class": "analyze", "nth": (1,)}, [1]),
        ({"operation_class": "list"}, []),
        ({"probability": 0.0}, []),
    ],
)
def test_a_rule_hits_the_calls_it_names(rule: dict[str, object], expected: list[int]) -> None:
    assert hits(FaultRule.model_validate({"action": "status", **rule})) == expected


def test_rules_of_jobs_do_not_hit_calls() -> None:
    plan = FaultPlan((FaultRule(action="stuck"), FaultRule(action="drop-after")))
    assert [rule.action for rule in plan.strike("analyze", "analyze", OF_CALLS)] == ["drop-after"]
    assert [rule.action for rule in plan.strike("job-analyze", "analyze", OF_JOBS)] == ["stuck"]


@given(st.integers(0, 1000), st.floats(0, 1))
def test_the_same_seed_strikes_the_same_calls(seed: int, probability: float) -> None:
    rule = FaultRule(action="status", probability=probability)
    one, two = (FaultPlan((rule,), seed) for _ in range(2))
    struck = [[bool(plan.strike("x", "get", OF_CALLS)) for _ in range(30)] for plan in (one, two)]
    assert struck[0] == struck[1]


def test_a_new_plan_counts_from_the_beginning() -> None:
    plan = FaultPlan((FaultRule(action="status", count=1),))
    assert plan.strike("x", "get", OF_CALLS)
    assert not plan.strike("x", "get", OF_CALLS)
    plan.load(FaultFile(rules=(FaultRule(action="status", count=1),)))
    assert plan.strike("x", "get", OF_CALLS)


def test_latencies_are_drawn_as_they_are_described() -> None:
    dice = random.Random(1)
    assert Latency(seconds=2.0).draw(dice) == 2.0
    uniform = [Latency(distribution="uniform", low=1, high=2).draw(dice) for _ in range(100)]
    assert 1 <= min(uniform) < 1.2 < 1.8 < max(uniform) <= 2
    drawn = sorted(Latency(distribution="log-normal", median=3, sigma=0.5).draw(dice) for _ in range(999))
    assert drawn[499] == pytest.approx(3, rel=0.15)
    assert drawn[0] > 0


def test_a_wrong_plan_names_every_fault_in_it() -> None:
    with pytest.raises(RunError) as caught:
        read_plan('{"rules": [{"action": "explode"}, {"action": "status", "status": 200, "colour": 1}]}')
    told = str(caught.value)
    assert caught.value.reason == "fault-plan"
    assert all(part in told for part in ("rules.0.action", "rules.1.status", "rules.1.colour"))
