"""When to ask for a result: learned from how long operations of the same kind took, so that polls stay few
and results are not late."""

from __future__ import annotations

import math
import threading
from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from pipeline.remote import OperationKind

CHANCE = 0.6
"""That a poll finds its operation ended: 1 / 0.6 = 1.7 polls for each result. A larger chance means fewer
polls and later results."""

ENOUGH = 8
"""Latencies that are known before they are gone by."""

_KEPT = 256
_FEW = 4
_GROWTH = 0.35
_SHORTEST, _LONGEST = 0.05, 60.0
_GOLDEN = (math.sqrt(5) - 1) / 2


@dataclass(frozen=True, slots=True)
class Pace:
    """How long to wait before the first poll and between the others until anything is learned, in seconds."""

    first: float = 1.0
    growth: float = 1.5
    longest: float = 10.0

    def after(self, polls: int) -> float:
        return min(self.first * self.growth ** min(polls, 50), self.longest)


def next_wait(known: Sequence[float], age: float) -> float:
    """In how many seconds an operation of this age is asked about: when CHANCE of those that ran as long have
    ended, going by `known`, sorted latencies of others. Where hardly any ran so long, in a third of its
    age."""
    begin = bisect_right(known, age)
    later = len(known) - begin
    due = age * (1 + _GROWTH) if later < _FEW else known[begin + math.ceil(CHANCE * later) - 1]
    return min(max(due - age, _SHORTEST), _LONGEST)


class Latencies:
    """The last few hundred seconds that operations of one kind took. Usable from several threads."""

    def __init__(self, start: Pace) -> None:
        self._start = start
        self._lock = threading.Lock()
        self._latest: deque[float] = deque()
        self._sorted: list[float] = []
        self._fraction = 0.5

    def wait(self, age: float, polls: int, wished: float | None = None) -> float:
        """Seconds until the next poll of an operation that has run for `age` and was asked about `polls`
        times; the service's own wish wins where it is longer."""
        with self._lock:
            learned = len(self._sorted) >= ENOUGH
            planned = next_wait(self._sorted, age) if learned else self._start.after(polls)
        return max(planned, wished or 0.0)

    def learn(self, after: float, by: float, told: float | None = None) -> None:
        """An operation ended between two ages: at the last poll that found it running, and at the one that
        found it ended. `told`: how long it ran by the service's word, which is in whole seconds; without it,
        anywhere in between is as likely. What is kept of many is spread evenly over what is not known."""
        with self._lock:
            self._fraction = (self._fraction + _GOLDEN) % 1.0
            if told is None:
                seconds = after + (by - after) * self._fraction
            else:
                seconds = min(max(told + self._fraction - 0.5, after), by)
            self._latest.append(seconds)
            insort(self._sorted, seconds)
            if len(self._latest) > _KEPT:
                del self._sorted[bisect_left(self._sorted, self._latest.popleft())]


@dataclass(frozen=True, slots=True)
class Paces:
    """What was learned in this process, by engine, version and kind of operation. `start`: before that."""

    start: Pace = field(default_factory=Pace)
    _known: dict[tuple[str, str, OperationKind], Latencies] = field(default_factory=dict)

    def of(self, engine: str, api_version: str | None, kind: OperationKind) -> Latencies:
        return self._known.setdefault((engine, api_version or "", kind), Latencies(self.start))
