"""A run on a service that answers from a can: limits kept, wishes heard, and an end when it is asked for."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest

from pipeline.emulator.faults import FaultRule, Latency
from tests.acceptance.canned_row import fill, outcomes, point
from tests.acceptance.conftest import Project
from tests.azure.canned import Canned, running_can

STALLED = 1
"""Refusals that are forgiven: a call that the machine, busy with other tests, stops between its turn and the
wire arrives in the next window. That there are none in steady state is for bench/service_rate.py to show."""


@pytest.fixture
def can(tmp_path: Path) -> Iterator[Canned]:
    with running_can(tmp_path / "service") as running:
        yield running


@pytest.fixture
def pointed(project: Project, can: Canned) -> Project:
    return point(project, can, parallelism=100)


def test_a_run_keeps_the_services_limit_and_asks_seldom(pointed: Project, can: Canned) -> None:
    can.faults(can.latency(1.0))
    fill(pointed, 120)
    started = time.monotonic()
    pointed.formpipe("run", workers=1, poll_seconds=1)
    assert outcomes(pointed) == [("done", "loaded", 120)]
    assert (can.calls("analyze", 202), can.calls("analyze", 429) <= STALLED) == (120, True)
    assert can.calls("analyze-result", 200) <= 2.2 * 120
    assert time.monotonic() - started >= 119 / 15


def test_two_runs_share_the_limit(pointed: Project, can: Canned) -> None:
    fill(pointed, 1)
    pointed.formpipe("run", workers=1, poll_seconds=0.5)
    fill(pointed, 149, first=1)
    both = [pointed.start("run", workers=1, poll_seconds=0.5) for _ in range(2)]
    for process in both:
        _, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
    assert outcomes(pointed) == [("done", "loaded", 150)]
    assert (can.calls("analyze", 202), can.calls("analyze", 429) <= STALLED) == (150, True)
    assert pointed.sql("SELECT operation_class, length(resource) FROM budget ORDER BY 1") == [
        ("analyze", 64), ("get", 64), ("manage", 64),
    ]  # fmt: skip


def test_a_wish_to_be_left_alone_is_heard_by_all(pointed: Project, can: Canned) -> None:
    can.faults(FaultRule(action="status", route="analyze", nth=(10,), status=429, retry_after=4))
    fill(pointed, 40)
    pointed.formpipe("run", workers=1, poll_seconds=0.5)
    assert outcomes(pointed) == [("done", "loaded", 40)]
    assert longest_pause(can) >= 3.5


def longest_pause(can: Canned) -> float:
    """Between two analyses that were taken, in seconds."""
    lines = map(json.loads, (can.folder / "access.jsonl").read_text().splitlines())
    times = [datetime.fromisoformat(each["time"]) for each in lines if each["route"] == "analyze"]
    return max((after - before).total_seconds() for before, after in pairwise(times))


def test_raised_quotas_are_used(pointed: Project, can: Canned) -> None:
    """At half a call a second this would take two minutes."""
    started = time.monotonic()
    fill(pointed, 60)
    rates = "analyze=0.5, document-intelligence.analyze=14"
    pointed.formpipe("run", workers=1, poll_seconds=0.5, service_rates=rates)
    assert outcomes(pointed) == [("done", "loaded", 60)]
    assert time.monotonic() - started < 60


def test_a_request_that_hangs_does_not_outlast_the_grace(pointed: Project, can: Canned) -> None:
    """As a POST that sits in its read timeout of two minutes."""
    can.faults(FaultRule(action="delay", route="analyze", latency=Latency(seconds=60.0)))
    fill(pointed, 30)
    process = pointed.start("run", workers=1, grace_seconds=1)
    until = time.monotonic() + 30
    while not pointed.sql("SELECT 1 FROM operation"):
        assert time.monotonic() < until and process.poll() is None
        time.sleep(0.1)
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    started = time.monotonic()
    _, err = process.communicate(timeout=50)
    assert time.monotonic() - started < 15
    assert process.returncode == 130, err
    assert "Traceback" not in err
    can.faults()
    pointed.formpipe("run", workers=1, poll_seconds=0.5)
    assert outcomes(pointed) == [("done", "loaded", 30)]


def test_what_is_with_the_service_is_parked_when_the_run_stops(pointed: Project, can: Canned) -> None:
    can.faults(FaultRule(action="job-seconds", latency=Latency(seconds=8.0)))
    fill(pointed, 60)
    process = pointed.start("run", workers=1, grace_seconds=30)
    until = time.monotonic() + 30
    while can.calls("analyze", 202) < 10:
        assert time.monotonic() < until and process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    started = time.monotonic()
    _, err = process.communicate(timeout=50)
    assert time.monotonic() - started < 10
    assert process.returncode == 130, err
    taken = can.calls("analyze", 202)
    assert taken < 60
    can.faults()
    pointed.formpipe("run", workers=1, poll_seconds=0.5)
    assert outcomes(pointed) == [("done", "loaded", 60)]
    assert can.calls("analyze", 202) == 60
