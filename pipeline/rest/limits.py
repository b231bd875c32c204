"""How fast a resource may be asked: every call waits here for its turn."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from pipeline import rates
from pipeline.errors import AttemptError
from pipeline.rates import Bucket, Budget, OperationClass, Slice

__all__ = ["Limits", "LocalBudget", "OperationClass"]

_LONGEST_SLEEP = 0.5
_LATE = 0.07
_DROPPED = 3
"""Seconds late at which a turn is given up, and how many in a row: the calls that a stalled process makes all
at once when it goes on would overflow a service's window. A machine that is always late calls late."""


class LocalBudget:
    """The buckets of a resource that only this process calls."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[str, Bucket] = {}

    def lease(self, operation_class: OperationClass, rate: float, wanted: int) -> Slice:
        with self._lock:
            now = self._clock()
            bucket, given = rates.lease(self._buckets.get(operation_class, Bucket()), now, rate, wanted)
            self._buckets[operation_class] = bucket
        return replace(given, read_at=now)

    def hold(self, operation_class: OperationClass, seconds: float) -> None:
        with self._lock:
            bucket = self._buckets.get(operation_class, Bucket())
            self._buckets[operation_class] = rates.hold(bucket, self._clock(), seconds)


class Limits:
    """Turns of one resource, for every client of it in this process. `per_second` are the calls a second that
    the service allows; a class without a rate is not limited, and costs the budget nothing. `patience`: the
    longest wait in seconds that anybody takes on; a service that asks for more is left to a later run.
    `stopping` ends every wait."""

    def __init__(
        self,
        per_second: Mapping[str, float],
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        patience: float = 120.0,
        *,
        budget: Budget | None = None,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._patience = patience
        self._stopping = stopping
        self._budget = budget or LocalBudget(clock)
        used = rates.used(per_second)
        self._queues = {
            name: _Queue(name, used.get(name), self._budget, clock, self._nap) for name in rates.CLASSES
        }

    def take(self, operation_class: OperationClass) -> None:
        """Wait for a turn, and take it. Raises AttemptError `throttled`, `stopped`; RunError where the budget
        cannot be asked."""
        queue = self._queues[operation_class]
        if not queue.rate:
            self._sleep_until(lambda: queue.held_until)
            return
        dropped = 0
        while True:
            holds, due = queue.holds, queue.turn()
            known = self._clock()
            self._sleep_until(lambda due=due: max(due, queue.held_until))  # type: ignore[misc]
            late = self._clock() - max(due, known) > _LATE
            if queue.holds == holds and (not late or dropped == _DROPPED):
                return
            dropped += late

    def hold(self, operation_class: OperationClass, seconds: float) -> None:
        """The service asked to wait: no call of this class for so long, by anybody; turns that were given out
        are void. The budget, too, is told, but not of a class that is not limited."""
        queue = self._queues[operation_class]
        queue.hold(self._clock() + seconds)
        if queue.rate:
            self._budget.hold(operation_class, seconds)

    def _sleep_until(self, due: Callable[[], float]) -> None:
        while (wait := due() - self._clock()) > 0:
            self._nap(wait)

    def _nap(self, seconds: float) -> None:
        """Part of a wait. Raises AttemptError where it is longer than patience, or everything stops."""
        if seconds > self._patience:
            raise AttemptError(
                f"the service asked to be left alone for {seconds:.0f} more seconds: the next run goes on",
                reason="throttled",
            )
        if self._stopping():
            raise AttemptError("the run was stopped before this was asked", reason="stopped")
        self._sleep(min(seconds, _LONGEST_SLEEP))


@dataclass(slots=True)
class _Ticket:
    """A caller in a queue, woken when it has its turn (`due`), when asking for turns is now up to it, or when
    they could not be had."""

    due: float | None = None
    error: Exception | None = None
    woken: threading.Event = field(default_factory=threading.Event)


class _Queue:
    """Callers of one class in the order in which they came. The first asks the budget, for all who wait."""

    def __init__(
        self,
        name: OperationClass,
        rate: float | None,
        budget: Budget,
        clock: Callable[[], float],
        nap: Callable[[float], None],
    ) -> None:
        self.name = name
        self.rate = rate
        self.held_until = 0.0
        self.holds = 0
        self._budget = budget
        self._clock = clock
        self._nap = nap
        self._again_at = 0.0
        self._lock = threading.Lock()
        self._waiting: deque[_Ticket] = deque()
        self._led = False

    def turn(self) -> float:
        """When this caller may call, by the monotonic clock; until that is known, it waits."""
        ticket = _Ticket()
        with self._lock:
            self._waiting.append(ticket)
            leads, self._led = not self._led, True
        if not leads:
            ticket.woken.wait()
        if ticket.due is None and ticket.error is None:
            self._lead(ticket)
        if ticket.error is not None:
            raise ticket.error
        assert ticket.due is not None, "a caller is woken with its turn, or to lead"
        return ticket.due

    def hold(self, until: float) -> None:
        with self._lock:
            self.held_until = max(self.held_until, until)
            self.holds += 1

    def _lead(self, own: _Ticket) -> None:
        """Ask until there is a turn for the one who asks; then the next in the queue does."""
        try:
            while own.due is None:
                while (wait := self._again_at - self._clock()) > 0:
                    self._nap(wait)
                with self._lock:
                    wanted = len(self._waiting)
                self._give(self._budget.lease(self.name, self.rate or 1.0, wanted), wanted)
        except Exception as error:
            self._fail(error)
            return
        with self._lock:
            self._pass_on()

    def _give(self, given: Slice, wanted: int) -> None:
        """Hand out turns. Where there were too few, more is asked for when these are almost used up."""
        with self._lock:
            self._again_at = given.read_at + given.wait if given.count < wanted else 0.0
            for number in range(min(given.count, len(self._waiting))):
                ticket = self._waiting.popleft()
                ticket.due = given.read_at + given.first + number * given.spacing
                ticket.woken.set()

    def _fail(self, error: Exception) -> None:
        """Nobody who waits now tries the same again."""
        with self._lock:
            for ticket in self._waiting:
                ticket.error = error
                ticket.woken.set()
            self._waiting.clear()
            self._led = False

    def _pass_on(self) -> None:
        if self._waiting:
            self._waiting[0].woken.set()
        else:
            self._led = False
