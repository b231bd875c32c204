"""Each mechanism is needed: with one of them taken out, the checks of these suites find what went wrong."""

from __future__ import annotations

import signal
import time

import pytest

from pipeline.db.tables import document
from pipeline.emulator.faults import FaultRule, Latency
from tests.chaos.conftest import MakeScene
from tests.chaos.scene import Scene

pytestmark = pytest.mark.xdist_group("services")

DOCUMENTS = 10


def paid_for_nothing(found: list[str]) -> bool:
    return any("analyses were paid for" in each for each in found)


def test_without_the_write_ahead_documents_are_paid_twice(scene: MakeScene) -> None:
    """Five were with the service, with nothing written of it."""
    made = scene(DOCUMENTS)
    made.can.faults(FaultRule(action="job-seconds", latency=Latency(seconds=5.0)))
    victim = made.start("run", without="write-ahead")
    made.wait_until(lambda: made.accepted() >= 4, victim)
    victim.kill()
    made.ended(victim, -signal.SIGKILL)
    made.can.faults()
    made.run()
    assert paid_for_nothing(made.faults(DOCUMENTS))


def test_without_fencing_a_run_that_was_declared_dead_undoes_what_another_did(scene: MakeScene) -> None:
    """What it had claimed it submits again, or leaves behind as submitted."""
    made = scene(DOCUMENTS)
    wake(made, without="fencing")
    found = made.faults(DOCUMENTS)
    assert any("rows are lost" in each for each in found) or paid_for_nothing(found)


def test_with_fencing_it_does_not(scene: MakeScene) -> None:
    made = scene(DOCUMENTS)
    wake(made)
    assert made.faults(DOCUMENTS) == []


def wake(made: Scene, without: str = "") -> None:
    """A run stands still with most of its documents claimed, none submitted; another does them all."""
    made.can.faults(FaultRule(action="job-seconds", latency=Latency(seconds=2.0)))
    slow = made.start("run", point="-", without=without, lease_seconds=2)
    made.wait_until(lambda: made.count(document.c.stage == "submitted") >= 4, slow)
    slow.send_signal(signal.SIGSTOP)
    time.sleep(2.5)
    made.can.faults()
    made.run()
    slow.send_signal(signal.SIGCONT)
    slow.communicate(timeout=60)


def test_without_one_transaction_outcomes_stand_without_their_values(scene: MakeScene) -> None:
    made = scene(DOCUMENTS)
    made.killed_at("-", nth=1, without="one-transaction")
    made.run()
    found = made.faults(DOCUMENTS)
    assert any("rows are lost" in each for each in found)
    assert any(each.startswith("verify: ") for each in found)
