"""Worker processes with a time and a memory limit, so that a hostile document costs only itself."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Future, TimeoutError
from dataclasses import dataclass
from typing import Any

from pebble import ProcessExpired, ProcessPool

from pipeline.errors import AttemptError, RowError
from pipeline.executors import guard, window
from pipeline.ports import Outcome, Task

_BREAKS = 2
"""Pools that may break one after the other, nothing done between, before it is no accident."""


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
        self._initializer = (limits.memory_mb, prepare, arguments)
        self._limits = limits
        self._workers = limits.workers
        self._closed = False
        self._breaks = 0
        self._changing = threading.Lock()
        self._pool = self._new_pool()

    def map(
        self, tasks: Iterable[Task], *, parallelism: int, timeout: Callable[[Task], float]
    ) -> Iterator[Outcome[Task, object]]:
        """Raises nothing of its own. Errors in outcomes besides those of tasks: AttemptError (`timed-out`,
        `out-of-memory`, `worker-died`); RowError (`workers-die`) where workers die again and again before
        they take a task."""
        queued = 1 if parallelism >= self._workers else 0
        in_flight = min(parallelism, self._workers) + queued

        def submit(task: Task) -> Future[Any]:
            return self._submit(task, timeout(task))

        for outcome in window.outcomes(tasks, submit, in_flight, lambda: self._closed):
            outcome.error = _named(outcome.error, accident=self._breaks < _BREAKS)
            if outcome.error is None:
                self._breaks = 0
            yield outcome

    def close(self) -> None:
        with self._changing:
            self._closed = True
            _end(self._pool)

    def _submit(self, task: Task, seconds: float) -> Future[Any]:
        try:
            return self._schedule(task, seconds)
        except RuntimeError:
            with self._changing:
                if self._closed:
                    return _cancelled()
                self._renew()
            return self._schedule(task, seconds)

    def _schedule(self, task: Task, seconds: float) -> Future[Any]:
        future: Future[Any] = self._pool.schedule(guard.perform, args=[self._perform, task], timeout=seconds)
        return future

    def _renew(self) -> None:
        """A worker that is killed before it took a task, as happens where memory is short, breaks pebble's
        pool for good (pebble 5.2, `PoolManager.find_expired_task`)."""
        self._breaks += 1
        _end(self._pool)
        self._pool = self._new_pool()

    def _new_pool(self) -> ProcessPool:
        return ProcessPool(
            max_workers=self._workers,
            max_tasks=self._limits.tasks_per_worker,
            initializer=guard.start,
            initargs=self._initializer,
            context=multiprocessing.get_context("spawn"),
        )


def _end(pool: ProcessPool) -> None:
    pool.stop()  # type: ignore[no-untyped-call]
    pool.join()


def _cancelled() -> Future[Any]:
    future: Future[Any] = Future()
    future.cancel()
    return future


def _named(error: Exception | None, *, accident: bool) -> Exception | None:
    if isinstance(error, TimeoutError):
        return AttemptError("reading it took longer than read_timeout_seconds", reason="timed-out")
    if isinstance(error, ProcessExpired):
        if error.exitcode == guard.OUT_OF_MEMORY:
            return AttemptError("it needs more than reader_memory_mb", reason="out-of-memory")
        return AttemptError(f"its worker process died (exit code {error.exitcode})", reason="worker-died")
    if isinstance(error, BrokenExecutor):
        if accident:
            return AttemptError("its worker process died before it began", reason="worker-died")
        return RowError(
            "worker processes die before they begin: see that this machine has memory for all of them, or "
            "lower FORMPIPE_WORKERS",
            reason="workers-die",
        )
    return error
