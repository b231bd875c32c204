"""Worker processes with a time and a memory limit, so that a hostile document costs only itself."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, TimeoutError
from dataclasses import dataclass
from typing import Any

from pebble import ProcessExpired, ProcessPool

from pipeline.errors import AttemptError
from pipeline.executors import guard, window
from pipeline.ports import Outcome, Task


@dataclass(frozen=True, slots=True)
class WorkerLimits:
    """How many workers, the memory of each (MiB of resident set), and tasks before one is replaced."""

    workers: int
    memory_mb: int
    tasks_per_worker: int


class ProcessExecutor:
    """Tasks go to `perform` in worker processes, each prepared once by `prepare(*arguments)`.

    All three callables must be importable by name: workers are started fresh (spawn), so they share
    neither memory nor connections with this process.
    """

    def __init__(
        self,
        perform: Callable[[Any], object],
        prepare: Callable[..., None],
        arguments: tuple[Any, ...],
        limits: WorkerLimits,
    ) -> None:
        self._perform = perform
        self._workers = limits.workers
        self._closed = False
        self._pool = ProcessPool(
            max_workers=limits.workers,
            max_tasks=limits.tasks_per_worker,
            initializer=guard.start,
            initargs=(limits.memory_mb, prepare, arguments),
            context=multiprocessing.get_context("spawn"),
        )

    def map(
        self, tasks: Iterable[Task], *, parallelism: int, timeout: Callable[[Task], float]
    ) -> Iterator[Outcome[Task, object]]:
        def submit(task: Task) -> Future[Any]:
            future: Future[Any] = self._pool.schedule(
                guard.perform, args=[self._perform, task], timeout=timeout(task)
            )
            return future

        queued = 1 if parallelism >= self._workers else 0
        in_flight = min(parallelism, self._workers) + queued
        for outcome in window.outcomes(tasks, submit, in_flight, lambda: self._closed):
            outcome.error = _named(outcome.error)
            yield outcome

    def close(self) -> None:
        self._closed = True
        self._pool.stop()  # type: ignore[no-untyped-call]
        self._pool.join()


def _named(error: Exception | None) -> Exception | None:
    if isinstance(error, TimeoutError):
        return AttemptError("reading it took longer than read_timeout_seconds", reason="timed-out")
    if isinstance(error, ProcessExpired):
        if error.exitcode == guard.OUT_OF_MEMORY:
            return AttemptError("it needs more than reader_memory_mb", reason="out-of-memory")
        return AttemptError(f"its worker process died (exit code {error.exitcode})", reason="worker-died")
    return error
