"""Operations in flight: begun once, written down first, polled when due, left standing when the run ends."""

from __future__ import annotations

import threading
from collections.abc import Collection
from datetime import timedelta

import pytest

from pipeline.db import operations
from pipeline.errors import AttemptError, DocumentError, RowError
from pipeline.operations.pace import Latencies, Pace
from pipeline.ports import Outcome
from pipeline.remote import Operation, OperationState, ServiceFault
from tests.unit.operations.conftest import START, Desk


def raising(error: Exception) -> OperationState:
    raise error


def test_every_submission_is_begun_once_and_concluded(desk: Desk) -> None:
    assert desk.perform("a", "b", "c", "d", "e", parallelism=2) == {n: n for n in "abcde"}
    assert sorted(desk.service.accepted) == list("abcde")
    assert set(desk.service.polled.values()) == {2}
    assert desk.guarded == 10


def test_the_intent_is_committed_before_the_request_goes_out(desk: Desk) -> None:
    seen = []

    def send() -> str:
        seen.append(desk.rows())
        return desk.service.take("a")

    desk.perform("a", send=send)
    assert seen == [[("a", "intended", "", None)]]


def test_the_url_is_committed_before_anything_is_asked(desk: Desk) -> None:
    seen = []
    desk.service.answers["a"] = lambda: (seen.append(desk.rows()), OperationState("succeeded"))[1]
    desk.perform("a", conclude=lambda state: "done")
    assert seen == [[("a", "submitted", "https://service/operations/a", None)]]


def test_no_more_are_in_flight_than_allowed(desk: Desk) -> None:
    most, running, lock = 0, 0, threading.Lock()

    def send() -> str:
        nonlocal most, running
        with lock:
            running += 1
            most = max(most, running)
        return desk.service.take("x")

    def conclude(state: OperationState) -> str:
        nonlocal running
        with lock:
            running -= 1
        return "x"

    desk.perform(*"abcdefgh", parallelism=3, send=send, conclude=conclude)
    assert 1 <= most <= 3


def test_a_refused_request_leaves_nothing_open(desk: Desk) -> None:
    refusal = DocumentError("InvalidImage", reason="refused-by-service")
    found = desk.perform("a", send=lambda: raising(refusal))
    assert found == {"a": "refused-by-service"}
    assert desk.rows() == [("a", "failed", "", "refused-by-service")]


def test_a_failed_operation_tells_the_services_words(desk: Desk) -> None:
    fault = ServiceFault("3014", "Generic error during training.", "form.pdf")
    desk.service.answers["a"] = lambda: OperationState("failed", faults=(fault,))
    (outcome,) = desk.driver.perform([desk.submission("a")], parallelism=1)
    assert isinstance(outcome.error, DocumentError)
    assert "3014 (form.pdf): Generic error during training." in str(outcome.error)
    assert desk.rows()[0][1:] == ("failed", "https://service/operations/a", "failed-at-service")


def test_a_poll_that_fails_leaves_the_operation_standing(desk: Desk) -> None:
    desk.service.answers["a"] = lambda: raising(AttemptError("gone", reason="not-reachable"))
    assert desk.perform("a") == {"a": "poll-failed"}
    assert desk.rows()[0][1] == "submitted"


def test_an_operation_the_service_forgot_may_be_begun_again(desk: Desk) -> None:
    """For nothing, where its result may have been kept no longer; at the cost of an attempt, where it was
    begun a moment ago: that would go on for ever."""
    desk.service.answers["a"] = lambda: raising(AttemptError("404", reason="operation-expired"))
    assert desk.perform("a") == {"a": "operation-forgotten"}
    assert desk.rows()[0][1] == "failed"
    known = Operation(1, "analyze", "https://service/operations/a", START, START)
    assert desk.perform("a", operation=known) == {"a": "operation-expired"}


def test_an_operation_that_cannot_be_asked_about_is_given_up_past_its_deadline(desk: Desk) -> None:
    desk.service.answers["a"] = lambda: raising(AttemptError("no JSON", reason="answer-unreadable"))
    overdue = Operation(1, "analyze", "https://service/operations/a", START, START - timedelta(seconds=1))
    assert desk.perform("a", operation=overdue) == {"a": "operation-overdue"}


def test_a_service_that_asks_for_a_longer_wait_than_there_is_time_is_asked_at_the_deadline(
    desk: Desk,
) -> None:
    desk.service.answers["a"] = lambda: OperationState("running", seconds=1e9)
    assert desk.perform("a", seconds=20.0) == {"a": "operation-overdue"}
    assert desk.clock.seconds < 30


def test_an_operation_past_its_deadline_is_given_up(desk: Desk) -> None:
    desk.service.answers["a"] = lambda: OperationState("running")
    assert desk.perform("a", seconds=20.0) == {"a": "operation-overdue"}
    assert 20 < desk.clock.seconds < 40


def test_an_operation_of_another_endpoint_is_begun_again_at_this_one(desk: Desk) -> None:
    """The row's endpoint changed between two runs: the key is not sent there, and nothing ends for it."""
    document = desk.document("a")
    known = desk.ledger.intend(desk.submission("a", documents=(document,)))
    desk.ledger.submitted(known, "https://former/operations/a")
    desk.service.answers["a"] = lambda: raising(RowError("elsewhere", reason="foreign-operation"))
    (stored,) = _open(desk)
    assert desk.perform("a", operation=stored, documents=(document,)) == {"a": "operation-expired"}
    assert (desk.stage(document), desk.rows()[0][1:3]) == (
        "pending",
        ("failed", "https://former/operations/a"),
    )


def test_polls_become_rare_and_the_services_wish_wins(desk: Desk) -> None:
    pace = Pace(1.0, 2.0, 8.0)
    assert [pace.after(polls) for polls in range(6)] == [1, 2, 4, 8, 8, 8]
    unlearned = Latencies(pace)
    assert unlearned.wait(0.0, 0, wished=5.0) == 5.0
    assert unlearned.wait(20.0, 4, wished=0.5) == 8.0


def test_a_stopped_run_leaves_operations_to_the_next_which_pays_nothing(desk: Desk) -> None:
    document = desk.document("a")
    desk.service.polls_needed = 99

    def stop() -> OperationState:
        desk.stopped = True
        return OperationState("running")

    desk.service.answers["a"] = stop
    assert desk.perform("a", documents=(document,)) == {"a": "stopped"}
    assert desk.stage(document) == "submitted"
    desk.stopped, desk.service.answers = False, {"a": lambda: OperationState("succeeded", body=b"late")}
    (known,) = (o for o in _open(desk) if o.subject == "a")
    assert known.submitted_at is not None and known.submitted_at >= START
    assert desk.perform("a", operation=known, documents=(document,)) == {"a": "late"}
    assert desk.service.accepted == ["a"]


def give_up(desk: Desk, living: Collection[str]) -> int:
    with desk.database.begin() as connection:
        return operations.give_up_intents(connection, living, START)


def test_an_intent_without_an_answer_is_returned_to_the_backlog(desk: Desk) -> None:
    document = desk.document("a")
    desk.ledger.intend(desk.submission("a", documents=(document,)))
    assert desk.stage(document) == "submitting"
    assert give_up(desk, living={"host:1:2:x"}) == 0
    assert give_up(desk, living=()) == 1
    assert (desk.stage(document), desk.rows()[0][1]) == ("pending", "lost")
    assert give_up(desk, living=()) == 0


def test_an_operation_whose_document_changed_meanwhile_is_forgotten(desk: Desk) -> None:
    from sqlalchemy import update

    from pipeline.db import tables

    document = desk.document("a")
    operation = desk.ledger.intend(desk.submission("a", documents=(document,)))
    desk.ledger.submitted(operation, "https://service/operations/a")
    with desk.database.begin() as connection:
        connection.execute(update(tables.document).values(stage="pending"))
    desk.ledger.sweep()
    assert desk.rows()[0][1] == "finished"
    assert _open(desk) == ()


def test_an_outcome_among_the_submissions_is_handed_through(desk: Desk) -> None:
    staged: Outcome[object, object] = Outcome("bad", error=DocumentError("x", reason="damaged-pdf"))
    outcomes = list(desk.driver.perform([staged, desk.submission("a")], parallelism=2))
    assert [outcome.task for outcome in outcomes] == ["bad", "a"]


def test_a_guard_that_refuses_ends_everything_before_it_is_paid(desk: Desk) -> None:
    def guard(connection: object) -> None:
        raise RowError("another run took over", reason="lease-lost")

    desk.guard = guard  # type: ignore[method-assign]
    with pytest.raises(RowError, match="took over"):
        desk.perform("a")
    assert desk.service.accepted == []


def test_a_deadline_is_counted_from_the_intent(desk: Desk) -> None:
    operation = desk.ledger.intend(desk.submission("a", seconds=90.0))
    assert operation.deadline == START + timedelta(seconds=90)


def _open(desk: Desk) -> tuple:  # type: ignore[type-arg]
    from pipeline.db import operations

    with desk.database.connect() as connection:
        return operations.open_ones(connection, "bills", "analyze")
