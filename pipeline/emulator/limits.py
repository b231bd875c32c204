"""The rates of a pricing tier, as the service enforces them: calls within the last window of seconds."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping

WINDOWS = {"manage": 60.0}
"""Management is counted over a minute (`policy-id: ResourceRateLimitBy60s` on the wire). Of the other
classes no window is known; theirs is 5 seconds here."""

_OTHER = 5.0


class RateLimits:
    """Calls of one resource by operation class; `per_second` are the tier's rates."""

    def __init__(self, per_second: Mapping[str, float], clock: Callable[[], float] = time.monotonic) -> None:
        self._rates = per_second
        self._clock = clock
        self._lock = threading.Lock()
        self._calls: dict[str, deque[float]] = {}

    def refused_for(self, operation_class: str) -> int | None:
        """None when the call may pass; else the whole seconds until one may."""
        rate = self._rates.get(operation_class)
        if not rate:
            return None
        window = WINDOWS.get(operation_class, _OTHER)
        with self._lock:
            now = self._clock()
            calls = self._calls.setdefault(operation_class, deque())
            while calls and calls[0] <= now - window:
                calls.popleft()
            if len(calls) < rate * window:
                calls.append(now)
                return None
            return max(1, math.ceil(calls[0] + window - now))
