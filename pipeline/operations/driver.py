"""Keep a bounded number of operations in flight: begin them, poll them when they are due, hand out ends.

One thread decides (`_Loop`); calls that wait on others are made in lanes of threads: one takes submissions
from the caller, who may have to wait for them, some send, some poll. So nothing that waits for its turn or
for an answer keeps another kind of call from being made."""

from __future__ import annotations

import heapq
import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Generic, TypeVar

from pipeline.errors import AttemptError, DocumentError, RowError, RunError
from pipeline.operations.lanes import Lane
from pipeline.operations.pace import Latencies
from pipeline.operations.submission import Ledger, Submission
from pipeline.ports import Asked, Outcome
from pipeline.remote import Operation, OperationKind, OperationState, ServiceFault
from pipeline.wire.stamps import seconds_taken

Client = TypeVar("Client", bound=Asked)

POLL_FAILED = "poll-failed"
STOPPED = "stopped"
FORGOTTEN = "operation-forgotten"
_SENDS = 24
"""At a time at most: each waits for its turn, then for the service to take a document."""
_AHEAD = 64
"""Taken from the caller and not sent yet, at most: what keeps the service busy while a reader is replaced."""
_POLLS = 32
_TAKEN = 8
"""Asked for ahead at most, so that they need not wait while a caller commits what it was handed."""
_LOOK_SECONDS = 0.5
_SHORTLY = 0.05
"""After a deadline, in seconds: so that the poll then finds it passed."""
_OURS_TO_REPEAT = {"operation-expired", "operation-overdue"}
_ENDS_ALL = {"lease-lost"}


@dataclass(slots=True)
class _Flight:
    """An operation in flight. `begun_at` by the driver's clock; `running_at`: its age at the last poll that
    found it running."""

    submission: Submission
    operation: Operation | None = None
    begun_at: float = 0.0
    polls: int = 0
    running_at: float = 0.0

    @property
    def ours(self) -> Operation:
        assert self.operation is not None, "it was begun"
        return self.operation


@dataclass(frozen=True, slots=True)
class _Running:
    seconds: float | None


@dataclass(frozen=True, slots=True)
class OperationDriver(Generic[Client]):
    """`pace_of`: what is known of how long operations of a kind take. `stopping` says that nothing more may
    be begun: what is in flight is left for the next run. `given_up` says that not even answers that are on
    their way are waited for."""

    engine: Client
    ledger: Ledger
    stopping: Callable[[], bool]
    pace_of: Callable[[OperationKind], Latencies]
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    given_up: Callable[[], bool] = lambda: False

    def perform(
        self, submissions: Iterable[Submission | Outcome[object, object]], *, parallelism: int
    ) -> Iterator[Outcome[object, object]]:
        """Outcomes by task as they come, in any order. An Outcome among the submissions is handed through;
        they are taken in a thread of their own, one at a time, when there is room.

        Errors in outcomes: what `send` and `conclude` raise; DocumentError `failed-at-service`; AttemptError
        `operation-expired`, `operation-forgotten` or `operation-overdue` (to be begun again; the last two
        cost an attempt), `poll-failed` or `stopped` (an operation that was begun stands, the next run asks
        again). Raises what ends more than one operation: RunError, and any error `lease-lost`; and what
        taking submissions raises.
        """
        return _Loop(self, max(parallelism, 1)).outcomes(iter(submissions))

    def send(self, flight: _Flight) -> _Running:
        """Begin it: the intent is committed before the request goes out, the URL right after the answer."""
        if self.stopping():
            raise stopped()
        operation = self.ledger.intend(flight.submission)
        try:
            url = flight.submission.send()
        except Exception as error:
            self.ledger.failed(operation, str(getattr(error, "reason", "unexpected-error")))
            raise
        flight.begun_at = self.clock()
        self.ledger.submitted(operation, url)
        flight.operation = replace(operation, url=url)
        return _Running(None)

    def poll(self, flight: _Flight) -> object:
        """Ask once: the result, or that it still runs."""
        flight.polls += 1
        age = self.clock() - flight.begun_at
        try:
            state = self.engine.poll(flight.ours)
            if state.end == "running":
                flight.running_at = age
                self._require_time(flight.ours)
                return _Running(state.seconds)
        except AttemptError as error:
            if error.reason in _OURS_TO_REPEAT:
                error = _forgotten(error) if flight.submission.operation is None else error
                self.ledger.failed(flight.ours, error.reason)
                raise error from None
            self._require_answer(flight.ours)
            raise AttemptError(str(error), reason=POLL_FAILED) from error
        except RowError as error:
            if error.reason != "foreign-operation" or flight.submission.operation is None:
                raise
            moved = "it was begun at another endpoint than the row's is now: it is begun again"
            self.ledger.failed(flight.ours, error.reason)
            raise AttemptError(moved, reason="operation-expired") from None
        if state.end == "failed":
            self.ledger.failed(flight.ours, "failed-at-service")
            raise failure(state)
        self._learn(flight, seconds_taken(state.body))
        return flight.submission.conclude(state)

    def _learn(self, flight: _Flight, told: float | None) -> None:
        """Not of an operation that may have ended long before this run came to ask, unless the service tells
        when."""
        if flight.submission.operation is None or flight.polls > 1 or told is not None:
            by = self.clock() - flight.begun_at
            self.pace_of(flight.submission.kind).learn(flight.running_at, by, told)

    def _require_answer(self, operation: Operation) -> None:
        """An operation that cannot be asked about is begun again once its time is over, or it would stay
        submitted for ever."""
        try:
            self._require_time(operation)
        except AttemptError as overdue:
            self.ledger.failed(operation, overdue.reason)
            raise

    def left(self, operation: Operation) -> float:
        """Seconds until its time is over; a poll is not put off for longer, whatever the service asks."""
        if operation.deadline is None:
            return math.inf
        return max((operation.deadline - self.ledger.now()).total_seconds(), 0.0) + _SHORTLY

    def _require_time(self, operation: Operation) -> None:
        if operation.deadline is not None and self.ledger.now() > operation.deadline:
            raise AttemptError(
                "the service did not finish it in time: it is submitted again", reason="operation-overdue"
            )


class _Loop:
    def __init__(self, driver: OperationDriver[Any], room: int) -> None:
        self._driver = driver
        self._room = room
        self._source = Lane("formpipe-source", 1)
        self._sends = Lane("formpipe-send", min(room, _SENDS))
        self._polls = Lane("formpipe-poll", min(room, _POLLS))
        self._taking: deque[Future[Any]] = deque()
        self._exhausted = False
        self._sending: dict[Future[Any], _Flight] = {}
        self._polling: dict[Future[Any], _Flight] = {}
        self._waiting: list[tuple[float, int, _Flight]] = []
        self._count = 0

    def outcomes(
        self, source: Iterator[Submission | Outcome[object, object]]
    ) -> Iterator[Outcome[object, object]]:
        try:
            while True:
                if self._driver.given_up():
                    yield from self._abandon()
                    return
                if self._driver.stopping():
                    self._exhausted = True
                    yield from self._park()
                self._take(source)
                self._poll_due()
                if self._exhausted and not self._in_flight:
                    return
                yield from self._finished()
        finally:
            self._let_go()

    @property
    def _in_flight(self) -> int:
        return len(self._taking) + len(self._sending) + len(self._polling) + len(self._waiting)

    # --- what is begun ------------------------------------------------------------------------------

    def _take(self, source: Iterator[Submission | Outcome[object, object]]) -> None:
        """Ask for the next submissions where there is room for them."""
        while not self._exhausted and len(self._taking) < _TAKEN and self._in_flight < self._room:
            if len(self._taking) + len(self._sending) >= _AHEAD:
                return
            self._taking.append(self._source.submit(partial(next, source, None)))

    def _taken(self, submission: Submission | Outcome[object, object] | None) -> Iterator[Outcome[Any, Any]]:
        if submission is None:
            self._exhausted = True
        elif isinstance(submission, Outcome):
            yield submission
        elif self._driver.stopping():
            yield Outcome(submission.task, error=stopped())
        elif submission.operation is None:
            flight = _Flight(submission)
            self._sending[self._sends.submit(partial(self._driver.send, flight))] = flight
        else:
            self._push(self._known(submission, submission.operation), 0.0)

    def _known(self, submission: Submission, operation: Operation) -> _Flight:
        begun = operation.submitted_at
        age = (self._driver.ledger.now() - begun).total_seconds() if begun else 0.0
        return _Flight(submission, operation, self._driver.clock() - max(age, 0.0))

    def _poll_due(self) -> None:
        while self._waiting and self._waiting[0][0] <= self._driver.clock():
            flight = heapq.heappop(self._waiting)[2]
            self._polling[self._polls.submit(partial(self._driver.poll, flight))] = flight

    # --- what has ended -----------------------------------------------------------------------------

    def _finished(self) -> Iterator[Outcome[object, object]]:
        pause = self._pause()
        calls = [*self._taking, *self._sending, *self._polling]
        if not calls:
            self._driver.sleep(pause)
            return
        done, _ = wait(calls, pause, FIRST_COMPLETED)
        while self._taking and self._taking[0].done():
            yield from self._taken(self._taking.popleft().result())
        for future in done:
            flight = self._sending.pop(future, None) or self._polling.pop(future, None)
            if flight is not None:
                yield from self._ended(flight, future)

    def _ended(self, flight: _Flight, future: Future[Any]) -> Iterator[Outcome[object, object]]:
        error = future.exception()
        if error is None and isinstance(running := future.result(), _Running):
            self._wait_for(flight, running)
        elif error is None:
            yield Outcome(flight.submission.task, result=future.result())
        elif not isinstance(error, Exception) or ends_all(error):
            raise error
        else:
            yield Outcome(flight.submission.task, error=error)

    def _wait_for(self, flight: _Flight, running: _Running) -> None:
        age = self._driver.clock() - flight.begun_at
        pace = self._driver.pace_of(flight.submission.kind)
        wait = pace.wait(age, flight.polls, running.seconds)
        self._push(flight, min(wait, self._driver.left(flight.ours)))

    def _push(self, flight: _Flight, seconds: float) -> None:
        self._count += 1
        heapq.heappush(self._waiting, (self._driver.clock() + seconds, self._count, flight))

    def _pause(self) -> float:
        if not self._waiting:
            return _LOOK_SECONDS
        return min(max(self._waiting[0][0] - self._driver.clock(), 0.0), _LOOK_SECONDS)

    # --- stopping -----------------------------------------------------------------------------------

    def _park(self) -> Iterator[Outcome[object, object]]:
        """Leave what is with the service to the next run; what is on its way there is waited for."""
        parked, self._waiting = self._waiting, []
        for _, _, flight in parked:
            yield Outcome(flight.submission.task, error=stopped())

    def _abandon(self) -> Iterator[Outcome[object, object]]:
        """Wait for nothing. A request on its way may be taken: if its answer comes while this process lives,
        its URL is kept; else the intent is lost."""
        yield from self._park()
        for flight in (*self._sending.values(), *self._polling.values()):
            yield Outcome(flight.submission.task, error=stopped())

    def _let_go(self) -> None:
        """However it ends: nothing is begun after this, and URLs that are on their way are kept."""
        calls = [*self._taking, *self._sending, *self._polling]
        left = {call for call in calls if not call.cancel()}
        while left and not self._driver.given_up():
            left = set(wait(left, _LOOK_SECONDS).not_done)
        for lane in (self._source, self._sends, self._polls):
            lane.close()


def _forgotten(error: AttemptError) -> AttemptError:
    """A service that does not know what it took in this very run costs an attempt: to begin it again for
    nothing would go on for ever, and be paid each time."""
    if error.reason != "operation-expired":
        return error
    return AttemptError(
        "the service took it and a moment later does not know the operation: check the row's endpoint",
        reason=FORGOTTEN,
    )


def ends_all(error: Exception) -> bool:
    return isinstance(error, RunError) or getattr(error, "reason", "") in _ENDS_ALL


def stopped() -> AttemptError:
    return AttemptError("the run was stopped; the next one goes on from here", reason=STOPPED)


def failure(state: OperationState) -> DocumentError:
    """Why an operation failed, in the service's words."""
    told = "; ".join(_words(fault) for fault in state.faults) or "it gave no reason"
    return DocumentError(f"the service could not do it: {told}"[:1000], reason="failed-at-service")


def _words(fault: ServiceFault) -> str:
    where = f" ({fault.target})" if fault.target else ""
    return f"{fault.code}{where}: {fault.message}"
