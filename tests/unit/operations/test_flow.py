"""Many operations in flight: what waits keeps no other from going on, and what is given up holds nobody."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from pipeline.db import operations
from pipeline.errors import AttemptError, RunError
from pipeline.operations.driver import OperationDriver
from pipeline.operations.pace import Pace, Paces
from pipeline.operations.submission import Submission
from pipeline.ports import Outcome
from pipeline.remote import OperationState
from tests.unit.operations.conftest import Desk

QUICK = Paces(Pace(0.01, 1.0, 0.02))


def real_time(desk: Desk) -> OperationDriver:
    """The desk's driver with a clock of its own."""
    service: Any = desk.service
    return OperationDriver(
        service,
        desk.ledger,
        lambda: desk.stopped,
        lambda kind: QUICK.of("service", None, kind),
        given_up=lambda: desk.given_up,
    )


def test_sends_that_wait_for_their_turn_keep_no_poll_waiting(desk: Desk) -> None:
    """The reported end of the first does not wait for 59 others to be sent."""
    turn = threading.Semaphore(0)
    sent = desk.submission("first")

    def others() -> Iterator[Submission]:
        yield sent
        for number in range(59):
            yield desk.submission(
                f"n{number}", send=lambda: (turn.acquire(timeout=20), desk.service.take("n"))[1]
            )

    outcomes = real_time(desk).perform(others(), parallelism=60)
    started = time.monotonic()
    assert next(outcomes).task == "first"
    assert time.monotonic() - started < 5
    for _ in range(59):
        turn.release()
    assert len(list(outcomes)) == 59


def test_a_backlog_that_is_slow_to_come_keeps_no_result_waiting(desk: Desk) -> None:
    gate = threading.Event()

    def slow() -> Iterator[Submission]:
        yield desk.submission("first")
        gate.wait(20)
        yield desk.submission("second")

    outcomes = real_time(desk).perform(slow(), parallelism=10)
    assert next(outcomes).task == "first"
    gate.set()
    assert [outcome.task for outcome in outcomes] == ["second"]


def test_few_sends_are_handed_out_ahead(desk: Desk) -> None:
    taken, gate = [], threading.Event()

    def many() -> Iterator[Submission]:
        for number in range(100):
            taken.append(number)
            yield desk.submission(f"n{number}", send=lambda: (gate.wait(20), desk.service.take("n"))[1])

    outcomes = real_time(desk).perform(many(), parallelism=100)
    threading.Timer(0.5, gate.set).start()
    first = next(outcomes)
    assert first.error is None
    assert len([row for row in desk.rows() if row[1] == "intended"]) <= 30
    assert len(list(outcomes)) == 99


def test_what_was_not_sent_when_the_run_stops_is_never_sent(desk: Desk) -> None:
    began = threading.Event()

    def hold() -> str:
        began.set()
        time.sleep(0.2)
        return desk.service.take("a")

    submissions = [desk.submission(f"n{number}", send=hold) for number in range(40)]
    threading.Thread(target=lambda: (began.wait(5), setattr(desk, "stopped", True))).start()
    outcomes = list(real_time(desk).perform(submissions, parallelism=40))
    assert len(desk.service.accepted) < 40
    assert {reason(outcome) for outcome in outcomes} <= {"stopped", None}
    assert all(row[1] == "submitted" for row in desk.rows()[: len(desk.service.accepted)])
    assert [row[1] for row in desk.rows()].count("intended") == 0


def test_what_is_given_up_is_not_waited_for_but_its_url_is_kept_when_it_comes(desk: Desk) -> None:
    """As after the grace period: a request sits in its read timeout."""
    began, answer = threading.Event(), threading.Event()

    def hang() -> str:
        began.set()
        answer.wait(20)
        return desk.service.take("a")

    def give_up() -> None:
        began.wait(5)
        desk.stopped = desk.given_up = True

    threading.Thread(target=give_up).start()
    started = time.monotonic()
    (outcome,) = real_time(desk).perform([desk.submission("a", send=hang)], parallelism=5)
    assert time.monotonic() - started < 3
    assert reason(outcome) == "stopped"
    assert desk.rows()[0][1] == "intended"
    answer.set()
    until = time.monotonic() + 5
    while desk.rows()[0][1] != "submitted" and time.monotonic() < until:
        time.sleep(0.02)
    assert desk.rows()[0][1:3] == ("submitted", "https://service/operations/a")


def test_an_error_that_ends_the_run_is_raised_and_what_is_on_its_way_is_kept(desk: Desk) -> None:
    def away() -> OperationState:
        raise RunError("the database is away", reason="database-unreachable")

    def slowly() -> str:
        time.sleep(0.3)
        return desk.service.take("b")

    desk.service.answers["a"] = away
    submissions = [desk.submission("b", send=slowly), desk.submission("a")]
    with pytest.raises(RunError):
        list(real_time(desk).perform(submissions, parallelism=5))
    assert ("b", "submitted", "https://service/operations/b", None) in desk.rows()


def test_what_taking_a_submission_raises_is_raised(desk: Desk) -> None:
    def broken() -> Iterator[Submission]:
        yield desk.submission("a")
        raise AttemptError("the storage is away", reason="not-reachable")

    with pytest.raises(AttemptError, match="storage is away"):
        list(real_time(desk).perform(broken(), parallelism=3))


def test_a_caller_that_leaves_waits_for_what_is_being_sent(desk: Desk) -> None:
    def slowly() -> str:
        time.sleep(0.3)
        return desk.service.take("b")

    outcomes = real_time(desk).perform(
        [desk.submission("a"), desk.submission("b", send=slowly)], parallelism=2
    )
    assert next(outcomes).task == "a"
    outcomes.close()  # type: ignore[attr-defined]
    assert ("b", "submitted", "https://service/operations/b", None) in desk.rows()


def test_latencies_are_learned_from_polls(desk: Desk) -> None:
    desk.service.polls_needed = 3
    desk.perform(*(f"n{number}" for number in range(20)), parallelism=20)
    learned = desk.paces.of("service", None, "analyze")
    assert len(learned._latest) == 20
    assert all(3.0 <= each <= 8.0 for each in learned._latest)  # between the polls after 1 + 2 and + 4 s


def test_an_operation_of_an_earlier_run_teaches_nothing_when_it_had_ended(desk: Desk) -> None:
    operation = desk.ledger.intend(desk.submission("a"))
    desk.ledger.submitted(operation, "https://service/operations/a")
    with desk.database.connect() as connection:
        (known,) = operations.open_ones(connection, "bills", "analyze")
    desk.clock.sleep(3600)
    desk.service.polls_needed = 1
    desk.perform("a", operation=known)
    assert len(desk.paces.of("service", None, "analyze")._latest) == 0


@pytest.mark.parametrize("parallelism", [1, 7, 60])
def test_every_submission_has_one_outcome(desk: Desk, parallelism: int) -> None:
    wanted = {"fine": None, "refused": "refused", "failed": "failed-at-service", "handed": "handed"}
    kinds = random.Random(parallelism).choices(list(wanted), k=40)
    submissions: list[Any] = []
    for number, kind in enumerate(kinds):
        name = f"n{number}"
        if kind == "handed":
            submissions.append(Outcome(name, error=AttemptError("x", reason="handed")))
        else:
            more: dict[str, Any] = {"send": _refuse} if kind == "refused" else {}
            submissions.append(desk.submission(name, **more))
        if kind == "failed":
            desk.service.answers[name] = lambda: OperationState("failed")
    told = [(o.task, reason(o)) for o in real_time(desk).perform(submissions, parallelism=parallelism)]
    assert Counter(told) == Counter((f"n{number}", wanted[kind]) for number, kind in enumerate(kinds))


def _refuse() -> str:
    raise AttemptError("x", reason="refused")


def reason(outcome: Outcome[Any, Any]) -> str | None:
    return getattr(outcome.error, "reason", None)
