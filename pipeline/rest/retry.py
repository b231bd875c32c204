"""When a call is tried again: with full jitter under a growing bound, or when the service asks."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type

from pipeline.errors import AttemptError

Answer = TypeVar("Answer")


class TransientError(Exception):
    """A fault that may pass. `seconds`: how long the service asks to wait; `end`: what it comes to when it
    does not pass."""

    def __init__(self, end: AttemptError, seconds: float | None = None) -> None:
        super().__init__(str(end))
        self.end = end
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Times in seconds. `deadline` counts from the first attempt; no attempt begins after it."""

    deadline: float = 120.0
    first: float = 1.0
    longest: float = 30.0

    def bound(self, attempts: int) -> float:
        """The longest wait after so many attempts."""
        return float(min(self.longest, self.first * 2.0 ** min(attempts - 1, 30)))


@dataclass(frozen=True, slots=True)
class Retry:
    """A policy with the clock, the sleep and the dice it goes by."""

    policy: RetryPolicy = RetryPolicy()
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    random: Callable[[], float] = random.random

    def call(self, attempt: Callable[[], Answer]) -> Answer:
        """The answer of the first attempt that gets one. Raises the AttemptError of the last otherwise."""
        started = self.clock()

        def wait(state: RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            asked = error.seconds if isinstance(error, TransientError) else None
            return self.random() * self.policy.bound(state.attempt_number) if asked is None else asked

        def stop(state: RetryCallState) -> bool:
            return self.clock() - started + state.upcoming_sleep > self.policy.deadline

        retrying = Retrying(
            sleep=self.sleep,
            wait=wait,
            stop=stop,
            retry=retry_if_exception_type(TransientError),
            reraise=True,
        )
        try:
            return retrying(attempt)
        except TransientError as error:
            raise error.end from error.__cause__
