"""A run that dies at any named point: nothing is lost, nothing is there twice, nothing is paid twice."""

from __future__ import annotations

import signal
import time

import pytest

from pipeline.db.tables import document
from pipeline.emulator.faults import FaultRule, Latency
from tests.chaos.conftest import MakeScene
from tests.chaos.victim import POINTS

pytestmark = pytest.mark.xdist_group("services")

DOCUMENTS = 10


@pytest.mark.parametrize("point", sorted(set(POINTS) - {"after-a-claim", "inside-a-claim"}))
def test_killed_at_a_named_point_the_next_run_makes_it_whole(scene: MakeScene, point: str) -> None:
    made = scene(DOCUMENTS)
    made.killed_at(point, nth=1 if point in ("inside-the-transaction", "after-a-commit") else 4)
    made.run()
    assert made.faults(DOCUMENTS) == []


@pytest.mark.parametrize("point", ["after-a-claim", "inside-a-claim"])
def test_what_a_dead_run_claimed_is_scored_by_two_others_at_once(scene: MakeScene, point: str) -> None:
    made = scene(DOCUMENTS)
    made.killed_at(point, nth=2)
    both = [made.start("run"), made.start("run")]
    for process in both:
        made.ended(process, 0)
    assert made.faults(DOCUMENTS) == []


def test_two_that_die_one_after_the_other_and_two_that_make_it_whole(scene: MakeScene) -> None:
    made = scene(DOCUMENTS)
    made.killed_at("after-the-202", nth=2)
    made.killed_at("inside-the-transaction", nth=1)
    for process in [made.start("run"), made.start("run")]:
        made.ended(process, 0)
    assert made.faults(DOCUMENTS) == []


def test_a_run_that_was_paused_past_its_lease_writes_nothing_more(scene: MakeScene) -> None:
    """Another has taken over what it held, and finished it, when it wakes."""
    made = scene(DOCUMENTS)
    made.can.faults(FaultRule(action="job-seconds", latency=Latency(seconds=2.0)))
    slow = made.start("run", lease_seconds=2)
    made.wait_until(lambda: made.count(document.c.stage == "submitted") >= 4, slow)
    slow.send_signal(signal.SIGSTOP)
    time.sleep(2.5)
    made.can.faults()
    made.run()
    slow.send_signal(signal.SIGCONT)
    assert "no sign of life" in made.ended(slow, 3)
    assert made.faults(DOCUMENTS) == []


def test_a_database_that_drops_every_connection_is_come_back_to(scene: MakeScene) -> None:
    made = scene(30)
    made.can.faults(FaultRule(action="job-seconds", latency=Latency(seconds=0.5)))
    running = made.start("run")
    for wanted in (4, 10, 16):
        made.wait_until(lambda wanted=wanted: made.accepted() >= wanted, running)
        made.drop_connections()
    made.ended(running, 0)
    assert made.faults(30) == []


def test_a_database_that_stands_still_for_longer_than_a_lease(scene: MakeScene) -> None:
    made = scene(20)
    made.can.faults(FaultRule(action="job-seconds", latency=Latency(seconds=0.5)))
    running = made.start("run", lease_seconds=1)
    made.wait_until(lambda: made.accepted() >= 6, running)
    made.pause_database(2.0)
    made.ended(running, 0)
    assert made.faults(20) == []


def test_throttles_errors_and_lost_answers(scene: MakeScene) -> None:
    """An answer that is lost after the service took the document is a submit on its way."""
    made = scene(30)
    lost = 3
    made.can.faults(
        FaultRule(action="status", route="analyze", every=5, status=429, retry_after=1, count=4),
        FaultRule(action="status", every=7, status=503, count=6),
        FaultRule(action="drop-before", every=11, count=3),
        FaultRule(action="drop-after", route="analyze", every=9, count=lost),
    )
    made.run()
    made.on_their_way += lost
    assert made.faults(30) == []
