"""Keep a bounded number of operations in flight: begin them, poll them when they are due, hand out ends."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace

from pipeline.errors import AttemptError, DocumentError
from pipeline.operations.submission import Ledger, Submission
from pipeline.ports import Outcome, RemoteEngine
from pipeline.remote import Operation, OperationState, ServiceFault

POLL_FAILED = "poll-failed"
STOPPED = "stopped"
_THREADS = 32
_LOOK_SECONDS = 0.5
_OURS_TO_REPEAT = {"operation-expired", "operation-overdue"}


@dataclass(frozen=True, slots=True)
class Pace:
    """How long to wait before the first poll and between the others, in seconds; the service's own wish
    wins where it is longer."""

    first: float = 1.0
    growth: float = 1.5
    longest: float = 10.0

    def after(self, polls: int, wished: float | None = None) -> float:
        planned = self.first * self.growth ** min(polls, 50)
        return max(min(planned, self.longest), wished or 0.0)


@dataclass(slots=True)
class _Flight:
    submission: Submission
    operation: Operation
    polls: int = 0


@dataclass(frozen=True, slots=True)
class _Running:
    seconds: float | None


@dataclass(frozen=True, slots=True)
class OperationDriver:
    """`stopping` says that nothing more may be begun: what is in flight is left for the next run."""

    engine: RemoteEngine
    ledger: Ledger
    stopping: Callable[[], bool]
    pace: Pace = field(default_factory=Pace)
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def perform(
        self, submissions: Iterable[Submission | Outcome[object, object]], *, parallelism: int
    ) -> Iterator[Outcome[object, object]]:
        """Outcomes by task as they come, in any order. An Outcome among the submissions is handed through.

        Errors in outcomes: what `send` and `conclude` raise; DocumentError `failed-at-service`; AttemptError
        `operation-expired` or `operation-overdue` (to be begun again), `poll-failed` or `stopped` (the
        operation stands, the next run asks again).
        """
        with ThreadPoolExecutor(min(max(parallelism, 1), _THREADS)) as pool:
            yield from _Loop(self, pool, parallelism).outcomes(iter(submissions))

    def send(self, flight: _Flight) -> _Running:
        """Begin it. The URL is committed here, at once, and not when the loop comes round."""
        try:
            url = flight.submission.send()
        except Exception as error:
            self.ledger.failed(flight.operation, str(getattr(error, "reason", "unexpected-error")))
            raise
        self.ledger.submitted(flight.operation, url)
        flight.operation = replace(flight.operation, url=url)
        return _Running(None)

    def poll(self, flight: _Flight) -> object:
        """Ask once: the result, or that it still runs."""
        flight.polls += 1
        try:
            state = self.engine.poll(flight.operation)
            if state.end == "running":
                self._require_time(flight.operation)
                return _Running(state.seconds)
        except AttemptError as error:
            if error.reason in _OURS_TO_REPEAT:
                self.ledger.failed(flight.operation, error.reason)
                raise
            raise AttemptError(str(error), reason=POLL_FAILED) from error
        if state.end == "failed":
            self.ledger.failed(flight.operation, "failed-at-service")
            raise failure(state)
        return flight.submission.conclude(state)

    def _require_time(self, operation: Operation) -> None:
        if operation.deadline is not None and self.ledger.now() > operation.deadline:
            raise AttemptError(
                "the service did not finish it in time: it is submitted again", reason="operation-overdue"
            )


class _Loop:
    def __init__(self, driver: OperationDriver, pool: ThreadPoolExecutor, parallelism: int) -> None:
        self._driver = driver
        self._pool = pool
        self._room = max(parallelism, 1)
        self._calls: dict[Future[object], _Flight] = {}
        self._waiting: list[tuple[float, int, _Flight]] = []
        self._count = 0

    def outcomes(
        self, source: Iterator[Submission | Outcome[object, object]]
    ) -> Iterator[Outcome[object, object]]:
        exhausted = False
        while True:
            while not exhausted and len(self._calls) + len(self._waiting) < self._room:
                submission = None if self._driver.stopping() else next(source, None)
                if submission is None:
                    exhausted = True
                elif isinstance(submission, Outcome):
                    yield submission
                else:
                    self._begin(submission)
            if self._driver.stopping():
                yield from self._park()
            self._poll_due()
            if not self._calls and not self._waiting and exhausted:
                return
            yield from self._finished()

    def _begin(self, submission: Submission) -> None:
        known = submission.operation
        flight = _Flight(submission, known or self._driver.ledger.intend(submission))
        step = self._driver.poll if known else self._driver.send
        self._calls[self._pool.submit(step, flight)] = flight

    def _poll_due(self) -> None:
        while self._waiting and self._waiting[0][0] <= self._driver.clock():
            flight = heapq.heappop(self._waiting)[2]
            self._calls[self._pool.submit(self._driver.poll, flight)] = flight

    def _finished(self) -> Iterator[Outcome[object, object]]:
        pause = self._pause()
        if not self._calls:
            self._driver.sleep(pause)
            return
        done, _ = wait(self._calls, pause, FIRST_COMPLETED)
        for future in done:
            flight = self._calls.pop(future)
            error = future.exception()
            if error is None and isinstance(running := future.result(), _Running):
                self._wait_for(flight, running)
            elif error is None:
                yield Outcome(flight.submission.task, result=future.result())
            elif isinstance(error, Exception):
                yield Outcome(flight.submission.task, error=error)
            else:
                raise error

    def _wait_for(self, flight: _Flight, running: _Running) -> None:
        self._count += 1
        due = self._driver.clock() + self._driver.pace.after(flight.polls, running.seconds)
        heapq.heappush(self._waiting, (due, self._count, flight))

    def _pause(self) -> float:
        if not self._waiting:
            return _LOOK_SECONDS
        return min(max(self._waiting[0][0] - self._driver.clock(), 0.0), _LOOK_SECONDS)

    def _park(self) -> Iterator[Outcome[object, object]]:
        """Leave what is with the service to the next run; what is on its way there is waited for."""
        for _, _, flight in self._waiting:
            stopped = AttemptError("the run was stopped; the next one asks for the result", reason=STOPPED)
            yield Outcome(flight.submission.task, error=stopped)
        self._waiting.clear()


def failure(state: OperationState) -> DocumentError:
    """Why an operation failed, in the service's words."""
    told = "; ".join(_words(fault) for fault in state.faults) or "it gave no reason"
    return DocumentError(f"the service could not do it: {told}"[:1000], reason="failed-at-service")


def _words(fault: ServiceFault) -> str:
    where = f" ({fault.target})" if fault.target else ""
    return f"{fault.code}{where}: {fault.message}"
