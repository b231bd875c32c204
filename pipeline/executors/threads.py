"""Threads of this process: for tasks that wait for others, and for tests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pipeline.executors import guard, window
from pipeline.ports import Outcome, Task


class ThreadExecutor:
    """Tasks go to `perform` in threads. A thread cannot be stopped: `timeout` is not enforced here."""

    def __init__(self, perform: Callable[[Any], object], workers: int) -> None:
        self._perform = perform
        self._workers = workers
        self._closed = False
        self._pool = ThreadPoolExecutor(workers)

    def map(
        self, tasks: Iterable[Task], *, parallelism: int, timeout: Callable[[Task], float]
    ) -> Iterator[Outcome[Task, object]]:
        def submit(task: Task) -> Any:
            return self._pool.submit(guard.perform, self._perform, task)

        in_flight = min(parallelism, self._workers)
        return window.outcomes(tasks, submit, in_flight, lambda: self._closed)

    def close(self) -> None:
        self._closed = True
        self._pool.shutdown(wait=True, cancel_futures=True)
