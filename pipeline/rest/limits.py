"""How fast a resource may be asked: one bucket of tokens for each class of operation."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Literal

from pipeline.errors import AttemptError

OperationClass = Literal["analyze", "get", "manage", "list"]

_LONGEST_SLEEP = 1.0
_BURST_SECONDS = 0.2
_SHARE = 0.95
"""Of a rate that is used: the service counts arrivals, which the network draws together."""


class Limits:
    """Tokens of one resource, shared by every client of it in this process. Rates are calls a second; a
    class without a rate is not limited. A bucket holds the tokens of a fifth of a second, at least one:
    services count calls in windows of their own, which a burst may overflow. `patience`: the longest wait in
    seconds that anybody takes on; a service that asks for more is left to a later run."""

    def __init__(
        self,
        per_second: Mapping[str, float],
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        patience: float = 120.0,
    ) -> None:
        self._rates = {name: rate * _SHARE for name, rate in per_second.items()}
        self._clock = clock
        self._sleep = sleep
        self._patience = patience
        self._lock = threading.Lock()
        self._next: dict[str, float] = {}

    def take(self, operation_class: OperationClass) -> None:
        """Wait until there is a token, and take it. Raises AttemptError `throttled`."""
        while (wait := self._wait(operation_class)) > 0:
            if wait > self._patience:
                raise AttemptError(
                    f"the service asked to be left alone for {wait:.0f} more seconds: the next run goes on",
                    reason="throttled",
                )
            self._sleep(min(wait, _LONGEST_SLEEP))

    def hold(self, operation_class: OperationClass, seconds: float) -> None:
        """The service asked to wait: no call of this class for so long, by anybody."""
        with self._lock:
            until = self._clock() + seconds
            self._next[operation_class] = max(self._next.get(operation_class, 0.0), until)

    def _wait(self, operation_class: OperationClass) -> float:
        """Seconds to wait for a token; 0 when it was taken. `_next` is when the next one falls due if
        nobody was ever early."""
        rate = self._rates.get(operation_class)
        with self._lock:
            now = self._clock()
            due = self._next.get(operation_class, 0.0)
            if due > now:
                return due - now
            if rate:
                earliest = now - max(_BURST_SECONDS - 1.0 / rate, 0.0)
                self._next[operation_class] = max(due, earliest) + 1.0 / rate
            return 0.0
