"""What every executor does, over every executor."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from pipeline.errors import AttemptError, DocumentError, RowError
from pipeline.executors.processes import ProcessExecutor, WorkerLimits
from pipeline.executors.threads import ThreadExecutor
from pipeline.ports import Executor


def work(task: Any) -> Any:
    """What the tasks of this suite mean."""
    kind, value = task
    if kind == "square":
        return value * value
    if kind == "row error":
        raise RowError("no container", reason="container-missing")
    if kind == "document error":
        raise DocumentError("unreadable", reason="damaged-pdf")
    if kind == "bug":
        return {}["no such key"]
    if kind == "sleep":
        time.sleep(value)
    if kind == "crash":
        os._exit(value)
    if kind == "memory":
        block = bytearray(b"x") * value
        time.sleep(2)
        return len(block)
    return value


def nothing() -> None:
    """Workers of this suite need no preparation."""


@pytest.fixture(scope="module")
def processes() -> Iterator[Executor]:
    executor = ProcessExecutor(work, nothing, (), WorkerLimits(2, 400, 100))
    yield executor
    executor.close()


@pytest.fixture
def threads() -> Iterator[Executor]:
    executor = ThreadExecutor(work, 2)
    yield executor
    executor.close()


@pytest.fixture(params=["threads", "processes"])
def executor(request: pytest.FixtureRequest) -> Executor:
    found: Executor = request.getfixturevalue(request.param)
    return found


def run(executor: Executor, tasks: list[Any], timeout: float = 60) -> dict[Any, Any]:
    outcomes = executor.map(tasks, parallelism=2, timeout=lambda task: timeout)
    return {outcome.task: outcome.error or outcome.result for outcome in outcomes}


def test_every_task_has_one_outcome(executor: Executor) -> None:
    tasks = [("square", n) for n in range(20)]
    assert run(executor, tasks) == {task: task[1] ** 2 for task in tasks}


@pytest.mark.parametrize(
    ("kind", "error", "reason"),
    [
        ("row error", RowError, "container-missing"),
        ("document error", DocumentError, "damaged-pdf"),
        ("bug", DocumentError, "unexpected-error"),
    ],
)
def test_an_error_keeps_its_name_and_costs_only_its_task(
    executor: Executor, kind: str, error: type[Exception], reason: str
) -> None:
    found = run(executor, [(kind, 0), ("square", 3)])
    assert isinstance(found[kind, 0], error)
    assert found[kind, 0].reason == reason
    assert found["square", 3] == 9


def test_tasks_are_taken_only_when_there_is_room(executor: Executor) -> None:
    taken = []

    def tasks() -> Iterator[tuple[str, int]]:
        for number in range(50):
            taken.append(number)
            yield ("square", number)

    outcomes = executor.map(tasks(), parallelism=2, timeout=lambda task: 60)
    next(outcomes)
    assert len(taken) <= 5
    outcomes.close()  # type: ignore[attr-defined]


def test_a_slow_task_does_not_hold_the_others_back(executor: Executor) -> None:
    tasks = [("sleep", 1.0), *(("square", n) for n in range(10))]
    order = [o.task for o in executor.map(tasks, parallelism=2, timeout=lambda task: 60)]
    assert order[-1] == ("sleep", 1.0)


def test_a_task_over_its_time_ends_alone(processes: Executor) -> None:
    found = run(processes, [("sleep", 30), ("square", 2)], timeout=1.5)
    assert isinstance(found["sleep", 30], AttemptError)
    assert found["sleep", 30].reason == "timed-out"
    assert found["square", 2] == 4


def test_a_crash_ends_its_task_alone(processes: Executor) -> None:
    found = run(processes, [("crash", 9), ("square", 2)])
    assert found["crash", 9].reason == "worker-died"
    assert found["square", 2] == 4


@pytest.mark.parametrize("size", [700 * 2**20, 40 * 2**30])
def test_a_task_over_its_memory_ends_alone(processes: Executor, size: int) -> None:
    found = run(processes, [("memory", size), ("square", 2)])
    assert found["memory", size].reason == "out-of-memory"
    assert found["square", 2] == 4


@pytest.mark.parametrize("kind", [ThreadExecutor, ProcessExecutor])
def test_closing_gives_up_what_is_in_flight(kind: type[Executor]) -> None:
    executor: Executor
    if kind is ThreadExecutor:
        executor = ThreadExecutor(work, 2)
    else:
        executor = ProcessExecutor(work, nothing, (), WorkerLimits(2, 400, 100))
    outcomes = executor.map(
        [("square", 2), ("sleep", 4), ("sleep", 5), ("square", 3)], parallelism=2, timeout=lambda task: 60
    )
    assert next(outcomes).result == 4
    closing = threading.Timer(0.5, executor.close)
    closing.start()
    started = time.monotonic()
    left = list(outcomes)
    assert time.monotonic() - started < 3
    assert {("sleep", 4), ("sleep", 5)} <= {outcome.task for outcome in left}
    assert {getattr(outcome.error, "reason", None) for outcome in left} == {"stopped"}
    closing.join()
    assert list(executor.map([("square", 2)], parallelism=2, timeout=lambda task: 60)) == []


def dies() -> None:
    """A worker that cannot even begin."""
    os._exit(3)


def test_a_worker_that_is_killed_before_it_took_a_task_costs_an_attempt_at_most() -> None:
    executor = ProcessExecutor(work, nothing, (), WorkerLimits(1, 400, 100))
    try:
        outcomes = executor.map([("square", n) for n in range(6)], parallelism=1, timeout=lambda _: 30.0)
        assert next(outcomes).error is None
        before = executor._pool
        kill_when_idle(executor)
        left = [outcome.error for outcome in outcomes]
        assert {getattr(error, "reason", None) for error in left} <= {None, "worker-died"}
        again = list(executor.map([("square", 7)], parallelism=1, timeout=lambda _: 30.0))
        assert [outcome.unwrap() for outcome in again] == [49]
        assert executor._pool is not before
    finally:
        executor.close()


def kill_when_idle(executor: ProcessExecutor) -> None:
    """Kill its workers as the system does where memory is short, until the pool is broken."""
    until = time.monotonic() + 30
    while executor._pool.active:
        assert time.monotonic() < until
        for worker in list(executor._pool._pool_manager.worker_manager.workers.values()):
            worker.kill()
        time.sleep(0.02)


def test_workers_that_never_begin_end_the_row_and_no_document() -> None:
    executor = ProcessExecutor(work, dies, (), WorkerLimits(1, 400, 100))
    try:
        errors: list[Exception | None] = []
        for _ in range(4):
            tasks = [("square", 1)]
            errors += [o.error for o in executor.map(tasks, parallelism=1, timeout=lambda _: 30.0)]
        assert [getattr(error, "reason", None) for error in errors[:2]] == ["worker-died", "worker-died"]
        assert isinstance(errors[2], RowError)
        assert errors[2].reason == "workers-die"
    finally:
        executor.close()
